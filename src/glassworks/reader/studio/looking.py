"""Before training: what may be pointed at, what the checker sees in it, which systems can learn from it.

The first thing to change: `FITS`, which tasks each kind of data serves.
"""

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

from glassworks.api.examine import check_request, samples
from glassworks.api.requests import CheckRequest, FinetuneRequest, TrainRequest, command_of
from glassworks.catalogue import CATALOGUE
from glassworks.core.errors import PersonError
from glassworks.data.archives import is_archive_name
from glassworks.data.decode import is_picture_name
from glassworks.data.tables_records import ENDINGS
from glassworks.data.text_folders import TEXT_FILES
from glassworks.data.what import kind_of
from glassworks.reader import draw, own_report
from glassworks.reader.own_names import safe_class_name
from glassworks.reader.studio.shelf import Shelf
from glassworks.recipes.base import SIZES, require_system
from glassworks.training.run_folder import place_for

FITS = {
    "pictures": ("image-classification", "masked-image-modeling", "image-text-matching"),
    "texts": (
        "text-classification", "fill-mask", "text-generation", "translation", "word-embedding",
    ),
    "series": ("time-series-forecasting", "time-series-classification"),
}  # fmt: skip
COLUMNS = ("target", "file", "text", "time", "group", "labels")
ASKED = (*COLUMNS, "system", "data", "size", "variant", "epochs", "seed", "start_from", "horizon", "side")
MOST = 1_000  # entries of a folder that are shown


def systems() -> list[dict[str, Any]]:
    """What can be trained: name, idea, what it sees, its variants and published weights."""
    sees = {task: kind for kind, tasks in FITS.items() for task in tasks}
    return [
        {
            "name": entry.name, "idea": entry.idea, "domain": entry.domain, "task": entry.task,
            "sees": sees.get(entry.task, ""), "variants": entry.variants, "weights": entry.weights,
            "chapter": entry.chapter, "sizes": SIZES,
        }
        for entry in CATALOGUE
        if entry.kind == "system"
    ]  # fmt: skip


def ready_samples() -> list[dict[str, Any]]:
    """The samples that are here: nothing is fetched behind a person's back."""
    return [
        {"name": row["name"], "what": row["what"], "sees": row["sees"]} for row in samples() if row["here"]
    ]


def folder(path: str) -> dict[str, Any]:
    """What a folder of this machine holds that could be data: {"path", "parent", "entries"}.

    Raises PersonError("no-such-folder").
    """
    place = Path(path).expanduser() if path else Path.cwd()
    try:
        found = [entry for entry in os.scandir(place) if not entry.name.startswith(".")]
    except OSError as error:
        raise PersonError(
            "no-such-folder", expected="a folder of this machine that can be read",
            got=f"{place}: {error.strerror}", fix="choose another",
        ) from error  # fmt: skip
    rows = [{"name": entry.name, "kind": kind} for entry in found if (kind := _entry_kind(entry))]
    rows.sort(key=lambda row: (row["kind"] != "folder", row["name"].casefold()))
    place = place.resolve()
    return {"path": str(place), "parent": str(place.parent), "entries": rows[:MOST], "more": len(rows) > MOST}


def look(asked: dict[str, Any]) -> dict[str, Any]:
    """What the checker sees: {"ok", "sees", "html", "fits": names of systems}."""
    named: dict[str, Any] = {name: str(asked[name]) for name in COLUMNS if asked.get(name)}
    request = CheckRequest(data=_data(asked), workers=0, **named)
    sees: str = ""
    try:
        sees = kind_of(request.data, file=request.file, text=request.text, time=request.time)
        report = check_request(request)
        html = report_in_html(report, sees)
        ok = report.ok
    except PersonError as error:
        html, ok = own_report.refused(error.got, error.fix), False
    fits = [row["name"] for row in systems() if row["sees"] == sees] if sees else []
    return {"ok": ok, "sees": sees, "html": html, "fits": fits}


def report_in_html(report: Any, sees: str) -> str:
    """A report of any kind: for pictures with the parts that training will make."""
    if sees == "pictures" and report.ok and report.table.classes:
        return own_report.understood(report, own_report.divided(report, 0))
    return own_report.found(report)


def request_of(asked: dict[str, Any], shelf: Shelf) -> tuple[str, TrainRequest]:
    """(verb, request) for what was chosen on the page; the run gets a place of its own.

    Raises PersonError for what no verb understands.
    """
    given: dict[str, Any] = {name: str(asked[name]) for name in ASKED if asked.get(name) not in (None, "")}
    given["data"] = _data(asked)
    for name in ("epochs", "seed", "horizon", "side"):
        if name in given:
            given[name] = _whole(name, given[name])
    if not given.get("system"):
        raise PersonError("no-system", expected="a system", got="none", fix="choose one of those that fit")
    require_system(given["system"])
    learned = bool(asked.get("pretrained"))
    kind = FinetuneRequest if learned else TrainRequest
    known = {field.name for field in fields(kind)}
    name = str(asked.get("name") or "").strip()
    root = shelf.root
    place = (
        root / safe_class_name(name) if name else root / place_for(None, given["system"], given["data"]).name
    )
    while not name and place.exists():
        stem, _, number = place.name.rpartition("-")
        place = root / f"{stem}-{int(number) + 1}"
    request = kind(**{k: v for k, v in given.items() if k in known}, out=str(place))
    return ("finetune" if learned else "train"), request


def command(asked: dict[str, Any], shelf: Shelf) -> str:
    """The line that asks for the same in a terminal."""
    return command_of(*request_of(asked, shelf))


def told(error: PersonError) -> str:
    """A mistake as a page tells it."""
    return draw.text(own_report.reason(error), "bad")


def _data(asked: dict[str, Any]) -> str:
    where = str(asked.get("data") or "").strip()
    if not where:
        raise PersonError(
            "no-data", expected="data to learn from", got="none yet",
            fix="drop files, choose a folder, or take a sample",
        )  # fmt: skip
    return where


def _whole(name: str, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise PersonError(
            "bad-value",
            expected=f"a whole number for {name}",
            got=str(value)[:40],
            fix="write for example 10",
        ) from None


def _entry_kind(entry: os.DirEntry[str]) -> str:
    """ "folder", "file" for what could be data, "" for the rest."""
    try:
        if entry.is_dir():
            return "folder"
    except OSError:
        return ""
    path = Path(entry.name)
    ending = path.suffix.lower()
    of_data = (
        ending in (*ENDINGS, *TEXT_FILES, ".ts", ".npz") or is_archive_name(path) or is_picture_name(path)
    )
    return "file" if of_data else ""
