"""A run folder: the only state of a run, and it says everything.

    recipe.yaml        what was asked and chosen; `train --recipe` runs it again
    model.safetensors  the best model on the validation part
    card.json, card.md what the model is, for programs and for people
    splits.json        which row is in which part, by name
    metrics.jsonl      one line an evaluation, the same at every repetition (no clocks)
    timings.jsonl      the clocks
    notes.jsonl        what happened on the way: batches left out, damaged checkpoints, resumes
    checkpoints/       the two newest, each with state and manifest
    report.html        written by `evaluate`
    environment.json   versions, machine and the command
    run.lock           held by the process that trains

Every file is written aside and renamed; the folder itself is live.
"""

import importlib.metadata
import json
import platform
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from glassworks import __version__
from glassworks.core.errors import PersonError
from glassworks.core.files import PARTIAL, write_json, write_text
from glassworks.training import checkpoint
from glassworks.training.state import TrainingState
from glassworks.weights.store import write_tensors

MODEL, RECIPE, CARD, SPLITS = "model.safetensors", "recipe.yaml", "card.json", "splits.json"
METRICS, TIMINGS, NOTES = "metrics.jsonl", "timings.jsonl", "notes.jsonl"
CHECKPOINTS, ADAPTER = "checkpoints", "adapter"
FAMILIAR = "familiar.safetensors"  # features of training pictures, to tell what is unlike them
LOCK = "run.lock"  # held while a process trains the run
OWN = (RECIPE, MODEL, CARD, "card.md", SPLITS, METRICS, TIMINGS, NOTES, CHECKPOINTS, ADAPTER, "report.html",
       LOCK, FAMILIAR, "answers.npz", "environment.json", "tokenizer.json", "explain", "export")  # fmt: skip
LIBRARIES = ("torch", "torchvision", "numpy", "pillow", "safetensors", "scikit-learn")


class RunFolder:
    """Reads and writes the files of one run. `names` are the data's row names, for messages."""

    def __init__(self, path: Path, names: Sequence[str] = ()):
        self.path, self.names = Path(path), names

    def create(self, recipe_text: str, splits: dict, command: str) -> None:
        """Write the files that stand from the beginning. `command`: what makes this run again.

        Raises PersonError("run-exists") when another run began here in the meantime.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            (self.path / RECIPE).open("x").close()  # of two that begin at once only one succeeds
        except FileExistsError:
            require_free(self.path, False)
        write_text(self.path / RECIPE, recipe_text)
        write_json(self.path / SPLITS, splits)
        write_json(self.path / "environment.json", environment(command))

    def save(self, state: TrainingState) -> None:
        """Write a checkpoint, and the best model so far where it has changed."""
        checkpoint.save(self.path / CHECKPOINTS, state.to_checkpoint())
        self.save_best(state)

    def save_best(self, state: TrainingState) -> None:
        """Write the best model, unless this process has written it."""
        if state.best_model is not None and self._written_best != state.best_step:
            write_tensors(self.path / MODEL, state.best_model)
            self._written_best = state.best_step

    _written_best = -1

    def clear(self) -> None:
        """Remove what belongs to a run; files that a person has put beside it stay."""
        more = [*self.path.glob(f".*{PARTIAL}"), *self.path.glob("report-*.html")]
        for entry in [*map(self.path.joinpath, OWN), *more]:
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink(missing_ok=True)

    def restore(self, state: TrainingState, *, main: bool = True) -> list[str]:
        """Bring `state` to the newest whole checkpoint; return what to tell.

        main: whether this process writes: it cuts the log back to the checkpoint
        """
        folder = self.path / CHECKPOINTS
        passed: list[str] = []
        if checkpoint.found(folder):
            newest, passed = checkpoint.load_newest(folder)
            state.restore(newest)
        if main:
            self._cut(state.lines)
            for sentence in passed:
                self.note(sentence)
        if not state.step:
            return [*passed, "no checkpoint was written yet; starting from the first step"]
        return [*passed, f"continuing after step {state.step}"]

    def log(self, row: dict, seconds: float) -> None:
        """Append one evaluation; the clock goes to its own file."""
        _append(self.path / METRICS, row)
        _append(self.path / TIMINGS, {"step": row["step"], "seconds": round(seconds, 3)})

    def note(self, sentence: str) -> None:
        _append(self.path / NOTES, {"note": sentence})

    def history(self) -> list[dict]:
        """The lines of metrics.jsonl."""
        return _lines(self.path / METRICS, "step")

    def notes(self) -> list[str]:
        return [row["note"] for row in _lines(self.path / NOTES, "note")]

    def seconds(self) -> float:
        """Time spent training, over all resumes."""
        total, last = 0.0, 0.0
        for row in _lines(self.path / TIMINGS, "seconds"):
            if row["seconds"] < last:  # a resume starts its clock at 0
                total += last
            last = row["seconds"]
        return total + last

    def card(self) -> dict:
        return read_json(self.path / CARD)

    def names_of(self, rows: np.ndarray) -> list[str]:
        """Names of the examples with these row numbers, for messages."""
        return [self.names[int(row)] if self.names else str(int(row)) for row in rows]

    def _cut(self, lines: int) -> None:
        """Forget what was logged after the checkpoint, so that the repeated part is not logged twice."""
        for name in (METRICS, TIMINGS):
            path = self.path / name
            if path.is_file():
                kept = path.read_text(encoding="utf-8").splitlines(keepends=True)[:lines]
                write_text(path, "".join(kept))


def place_for(out: str | None, system: str, where: str) -> Path:
    """The folder of a new run: --out, or runs/<system>-<data>-<number>, the first number that is free."""
    if out:
        return Path(out)
    number, name = 1, system.replace(":", "-")  # timm:resnet18; Windows allows no colon
    while (path := Path("runs") / f"{name}-{slug(where)}-{number}").exists():
        number += 1
    return path


def slug(where: str) -> str:
    """A name for files from what the person typed: "My photos/" -> "my-photos"."""
    name = Path(where.rstrip("/\\")).name.lower()
    return "".join(letter if letter.isalnum() else "-" for letter in name).strip("-") or "data"


def require_free(path: Path, overwrite: bool) -> None:
    """Refuse a run folder that exists, and any folder that is not a run even with --overwrite."""
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    is_run = path.is_dir() and (path / RECIPE).is_file()
    if is_run and overwrite:
        return
    raise PersonError(
        "run-exists",
        expected="a place for the new run that is free",
        got=f"{path} exists and " + ("holds a run" if is_run else "is not a run folder"),
        fix=f"--resume {path} continues it, --overwrite replaces it, --out chooses another place"
        if is_run
        else "choose another place with --out",
    )


def open_run(path: str | Path) -> Path:
    """The path of a run that exists. Raises PersonError("no-run") with the runs that are near."""
    path = Path(path)
    if (path / RECIPE).is_file():
        return path
    near = sorted(p.parent for p in path.parent.glob(f"*/{RECIPE}")) or sorted(
        p.parent for p in Path("runs").glob(f"*/{RECIPE}")
    )
    raise PersonError(
        "no-run",
        expected="a run folder (it holds recipe.yaml)",
        got=f"{path}" + ("" if path.exists() else ", which does not exist"),
        fix="choose one of: " + ", ".join(str(p) for p in near[:8])
        if near
        else "make one with `glassworks train cnn`",
    )


def read_json(path: Path) -> dict:
    """A JSON file of a run. Raises PersonError("damaged-run") when it cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict):
            return content
        why = "it is not a table"
    except (OSError, ValueError, RecursionError) as error:
        why = str(error)
    raise PersonError(
        "damaged-run",
        expected=f"{path.name} of a run, as Glassworks wrote it",
        got=f"{path}: {why}",
        fix="if the run was not finished continue it with --resume, otherwise restore the file from a copy",
    )


def environment(command: str) -> dict:
    """Versions, machine and command, for the report."""
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "schema": 1,
        "glassworks": __version__,
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "command": command,
        "versions": versions,
    }


def _append(path: Path, row: dict) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _lines(path: Path, key: str) -> list[dict]:
    """Rows of a JSONL file up to the first without `key`: a kill leaves the last line half written."""
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            break
        if not isinstance(row, dict) or key not in row:
            break
        rows.append(row)
    return rows
