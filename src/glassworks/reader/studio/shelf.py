"""The runs on the shelf: those of the folder `runs` where the book was started, and those of its chapters.

A run is its folder and nothing else, so the command line and the workbench see the same ones: what one has
stopped the other can go on with. What a run is doing is known from its manager when this book works on it,
and otherwise from its files: a card means done, a lock that is held means another process trains it.

The first thing to change: `Shelf.root`, where new runs are put.
"""

import hashlib
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from glassworks.core.errors import PersonError
from glassworks.core.files import only_one
from glassworks.judging.metrics import MAIN, READABLE, written
from glassworks.reader.desk import Desk
from glassworks.reader.worker import RUN
from glassworks.runs.events import Event
from glassworks.training.run_folder import CARD, CHECKPOINTS, LOCK, RECIPE, RunFolder, read_json

CHAPTER = "studio"  # the place of the workbench's runs in the manager's list
MOST = 500  # runs that are listed, the newest


@dataclass(frozen=True)
class OnShelf:
    """One run.

    id: of its path; when: seconds since 1970 of its last change
    figure: "accuracy 91.3 %", "" before it is done
    state: waiting, running, done, stopped, failed, interrupted; "elsewhere": another process trains it
    managed: the manager's id of the job that works or has worked on it, ""
    """

    id: str
    name: str
    path: Path
    system: str
    variant: str
    data: str
    state: str
    when: float
    figure: str
    managed: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"path": str(self.path)}


class Shelf:
    """The runs that a reader's book can see. desk: the reader's."""

    def __init__(self, desk: Desk):
        self.desk = desk

    @property
    def root(self) -> Path:
        """Where new runs go: `runs` beside where the book was started, as on the command line."""
        here = Path.cwd()
        return here / "runs" if os.access(here, os.W_OK) else self.desk.folder / "studio" / "runs"

    def runs(self) -> list[OnShelf]:
        """All runs, the newest first."""
        managed = self._managed()
        found = [self._one(folder, managed.get(folder)) for folder in self._folders(managed)]
        return sorted(filter(None, found), key=lambda run: -run.when)[:MOST]

    def find(self, id: str) -> OnShelf:
        """A run by its id. Raises PersonError("no-such-run")."""
        managed = self._managed()
        for folder in self._folders(managed):
            if id_of(folder) == id and (run := self._one(folder, managed.get(folder))) is not None:
                return run
        raise PersonError(
            "no-such-run", expected="a run on the shelf", got="one that is not there any more",
            fix="choose one that is listed",
        )  # fmt: skip

    def _folders(self, managed: dict[Path, str]) -> set[Path]:
        """Where runs stand, or will stand as soon as they begin."""
        folders = {path.parent for path in self.root.glob(f"*/{RECIPE}")} | set(managed)
        for runs in self.desk.folder.glob("runs*"):
            folders |= {path.parent for path in runs.glob(f"*/{RUN}/{RECIPE}")}
        return folders

    def _managed(self) -> dict[Path, str]:
        """Run folders -> the manager's newest job that trains them."""
        manager, found = self.desk.runs, {}
        for id in reversed(manager.ids()):
            facts = manager.facts(id)
            if facts["job"] == "studio":
                found[Path(facts["request"]["out"])] = id
            elif facts["job"] in ("train", "finetune"):
                found[Path(facts["folder"]) / RUN] = id
        return found

    def _one(self, folder: Path, managed: str | None) -> OnShelf | None:
        """One run; None for a folder that holds none (yet), unless the manager works on it."""
        facts = self.desk.runs.facts(managed) if managed else None
        recipe = _recipe(folder)
        if recipe is None and (facts is None or facts["state"] == "done"):
            return None
        asked = facts["request"] if facts else {}
        recipe = recipe or {"system": asked.get("system", ""), "data": {"where": asked.get("data", "")}}
        card = _card(folder)
        state = facts["state"] if facts else _state(folder, card)
        if facts and state not in ("waiting", "running") and card is not None:
            state = "done"  # also when the command line went on with it since
        changed = [path.stat().st_mtime for path in (folder, folder / CARD) if path.exists()]
        named = folder.parent.name if folder.name == RUN else folder.name
        return OnShelf(
            id_of(folder), named, folder, str(recipe["system"]), str(recipe.get("variant", "")),
            str(recipe["data"]["where"]), state, max([*changed, facts["when"] if facts else 0.0]),
            main_figure(card) if card else "", managed or "",
        )  # fmt: skip

    def events(self, run: OnShelf) -> list[Event]:
        """What is to be told of a run: the manager's events, or its own log where nobody here trained it."""
        if run.managed:
            events = self.desk.runs.events(run.managed)
            if any(event["kind"] in ("evaluated", "failed") for event in events) or run.state != "done":
                return events
        rows = RunFolder(run.path).history()
        primary = _primary(run.path, rows)
        return [
            {"kind": "evaluated", "number": n, "primary": primary, **row} for n, row in enumerate(rows, 1)
        ]


def id_of(folder: Path) -> str:
    """A short name of a path that can stand in an address."""
    return hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]


def main_figure(card: dict[str, Any]) -> str:
    """The figure that decides, in words: "accuracy 91.3 %"."""
    figures = card.get("metrics") or {}
    usual = MAIN.get(str(card.get("kind")), "")
    name = usual if usual in figures else next(iter(figures), "")
    if not name:
        return ""
    return f"{READABLE.get(name, name.replace('_', ' '))} {written(name, figures[name]['value'])}"


def _primary(folder: Path, rows: list[dict[str, Any]]) -> str:
    """The figure beside the loss that the log holds."""
    figures = [name for name in (rows[-1] if rows else {}) if name.startswith("val_") and name != "val_loss"]
    return figures[0] if figures else "val_loss"


def _state(folder: Path, card: dict[str, Any] | None) -> str:
    """What the files say of a run that this book does not work on."""
    if card is not None:
        return "done"
    if (folder / LOCK).is_file():
        try:
            with only_one(folder / LOCK, "a run"):
                pass
        except PersonError:
            return "elsewhere"
    return "stopped" if (folder / CHECKPOINTS).is_dir() else "interrupted"


def _recipe(folder: Path) -> dict[str, Any] | None:
    try:
        content = yaml.safe_load((folder / RECIPE).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None
    whole = isinstance(content, dict) and isinstance(content.get("data"), dict) and "where" in content["data"]
    return content if whole and "system" in content else None


def _card(folder: Path) -> dict[str, Any] | None:
    try:
        card = read_json(folder / CARD)
    except PersonError:
        return None
    return card if isinstance(card, dict) else None
