"""A chapter's "train it on your own data": one file (a table, a text, an archive), as its system learns from.

The checker says what it sees in the file; where it cannot tell which column is which, the reader names them.
Training, judging and handing over are those of every panel for own data (`own_panel`).

The first thing to change: `ASKS`, what a page says for each kind of task.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import traitlets

from glassworks import __version__
from glassworks.api.examine import check
from glassworks.api.judge import evaluate
from glassworks.api.predict import predict
from glassworks.api.run import Run, load
from glassworks.core.errors import PersonError
from glassworks.core.files import readable_size, sha256_of
from glassworks.reader import own_report
from glassworks.reader.desk import Desk
from glassworks.reader.handover import lines_for, pack
from glassworks.reader.own_model import CHECKED, JUDGED
from glassworks.reader.own_names import safe_file_name
from glassworks.reader.own_panel import PIECE, OwnPanel
from glassworks.reader.own_set import MODEL, MOST_FILE, PLACE, OwnSet, lock
from glassworks.reader.widget import text_of
from glassworks.recipes.base import require_system

LONGEST = 5000  # letters of a line to try
TABLES = ".csv,.tsv,.jsonl,.parquet"


@dataclass(frozen=True)
class Asks:
    """What a page says for a kind of task.

    what: sort of file that is wanted; accept: its endings; columns: that may be named, with their labels
    line: label of the line to try, "" where another file is tried; example: for the lines of code
    """

    what: str
    accept: str
    columns: tuple[tuple[str, str], ...] = ()
    line: str = ""
    example: str = ""


ASKS = {
    "text-classification": Asks(
        "a table with a text and a label in each row", TABLES + ",.zip",
        (("text", "Column of the text"), ("target", "Column of the label")), "A text", "a text of your own",
    ),
    "time-series-forecasting": Asks(
        "a table with a time and a number in each row", TABLES,
        (("time", "Column of the time"), ("target", "Column to forecast")), "", "series.csv",
    ),
    "time-series-classification": Asks("series with a class each: a .ts file, or a table", ".ts," + TABLES),
    "text-generation": Asks("a text of 50,000 letters or more", ".txt,.zip", (), "How a text begins", "Once"),
    "translation": Asks(
        "a table with a text and its answer in each row", TABLES,
        (("text", "Column of the text"), ("target", "Column of the answer")), "A text", "a text of your own",
    ),
    "word-embedding": Asks(
        "a text of a million letters or more", ".txt,.zip", (), "A word, or a - b + c", "word"
    ),
    "fill-mask": Asks(
        "a table with a text and a label in each row, or texts alone", TABLES + ",.txt,.zip",
        (("text", "Column of the text"), ("target", "Column of the label")), "A text", "a text of your own",
    ),
    "masked-image-modeling": Asks("an archive of pictures; they need no labels", ".zip,.tar.gz"),
}  # fmt: skip


class OneFile(OwnSet):
    """One file of the reader's, under `data`."""

    things = "data"

    @classmethod
    def begin(cls, workspace: Path, chapter: str) -> "OneFile":
        """A new set without a file yet."""
        with lock:
            own = cls(cls.place_for(workspace, chapter))
            (own.folder / "data").mkdir(parents=True)
            own._write({"schema": 1, "chapter": chapter, "columns": {}})
            return own

    @property
    def file(self) -> Path | None:
        """The file, None where there is none."""
        folder = self.folder / "data"
        return (
            next((one for one in sorted(folder.iterdir()) if one.is_file()), None)
            if folder.is_dir()
            else None
        )

    @property
    def columns(self) -> dict[str, str]:
        """Columns that the reader named: {"text": …, "target": …}."""
        return dict(self._read()["columns"])

    def name_column(self, name: str, column: str) -> None:
        """Remember which column is which; an empty one is found by the checker."""
        with lock:
            state = self._read()
            state["columns"] = {
                key: value for key, value in (state["columns"] | {name: column}).items() if value
            }
            self._write(state)

    def take_in(self, arrived: Path, name: str) -> Path:
        """Put a file that has arrived whole into the place of the one before."""
        with lock:
            path = self.folder / "data" / safe_file_name(name)
            with arrived.open("rb+") as file:
                os.fsync(file.fileno())
            before = self.file
            arrived.replace(path)
            if before is not None and before != path:
                before.unlink()
            return path

    def remove(self) -> None:
        """Remove the copy; the person's own file is never touched."""
        with lock:
            if self.file is not None:
                self.file.unlink()

    def require_room(self, more: int) -> None:
        if more > MOST_FILE:
            raise PersonError(
                "too-much", expected=f"a file of at most {MOST_FILE // 1024**2} MB on a page of the book",
                got=f"{readable_size(more)}, where a page takes {MOST_FILE // 1024**2} MB",
                fix="leave it out here; `glassworks train --data FILE` in a terminal has no such limit",
            )  # fmt: skip

    def contents(self) -> dict[str, str]:
        return {} if self.file is None else {self.file.name: sha256_of(self.file)} | self.columns


class OwnFile(OwnPanel):
    """Trains `request` on one file of the reader's; see `OwnPanel`."""

    script = text_of("own_panel.js") + text_of("own_file.js")
    style = text_of("training_panel.css") + text_of("own_data.css")
    kind = OneFile

    file = traitlets.Dict().tag(sync=True)  # name and size, {} where there is none
    columns = traitlets.Dict().tag(sync=True)  # name -> column that the reader named

    def __init__(self, desk: Desk, chapter: str, job: str, request: Mapping[str, Any]):
        self.asks = ASKS[require_system(str(request["system"])).task]
        super().__init__(desk, f"{chapter}/file", job, request, _plan(desk, self.asks))
        self._show_contents()

    @property
    def _doing(self) -> dict[str, Callable[[dict[str, Any]], None]]:
        return super()._doing | {"remove": self._remove, "column": self._column, "ask": self._ask}

    def _begun(self) -> OneFile:
        return OneFile.begin(self.desk.folder, self.chapter)

    def _take_in(self, key: str, file: Path, name: str) -> None:
        self._set().take_in(file, name)

    def _asked(self) -> dict[str, Any]:
        own = self._set()
        none = dict.fromkeys(name for name, _ in self.asks.columns)
        return {"data": str(own.file)} | none | own.columns

    def _remove(self, said: dict[str, Any]) -> None:
        self._require_quiet()
        self._set().remove()
        self._look(said)

    def _column(self, said: dict[str, Any]) -> None:
        """{"name", "value"}: which column is the text, the target, the time."""
        self._require_quiet()
        if str(said.get("name")) in dict(self.asks.columns):
            self._set().name_column(str(said["name"]), str(said.get("value", "")).strip()[:200])
            self._look(said)

    def _ask(self, said: dict[str, Any]) -> None:
        """{"text"}: ask the model about a line."""
        text = str(said.get("text", "")).strip()[:LONGEST]
        if text and self.asks.line:
            self._soon(lambda: self._answer(text))

    def _answer(self, text: str) -> None:
        row = predict(self._run_of(self._set()), text)[0]
        self.answer, self.spoken = own_report.in_words(row, "The model says: ")

    # ---- what is shown

    def _judged(self, own: OwnSet, id: str) -> dict[str, Any]:
        folder = self._folder(id)
        judgement = evaluate(folder).judgement
        pack(load(folder), own.folder / MODEL, lines=self._lines())
        kept = {"run": id, "judgement": judgement.as_json(), "contents": own.contents()}
        own.keep(JUDGED, kept)
        return kept

    def _lines(self) -> str:
        return lines_for(self.asks.example or "your-file")

    def _shown(self, kept: dict[str, Any]) -> dict[str, Any]:
        size = readable_size((self._set().folder / MODEL).stat().st_size)
        words = (
            f"One zip file of {size} with the weights, the recipe and the model's card, without your data."
        )
        return {
            "words": f"{words} Unpack it anywhere; these lines load it and ask it:",
            "lines": self._lines(),
        }

    def _tried(self, run: Run, file: Path, name: str) -> tuple[str, str]:
        return own_report.in_words(predict(run, file)[0], "The model says: ")

    def _understand(self, turn: int) -> None:
        own = self._own if isinstance(self._own, OneFile) else None
        needed, drawn = f"Drop {self.asks.what}.", ""
        if own is not None and own.file is not None:
            needed, drawn = _checked(own)
        if turn == self._turn:
            with self.hold_sync():
                self.missing, self.understood = needed, drawn
                self._show_contents()
                self.spoken = needed or "Ready to train."

    def _show_contents(self) -> None:
        own = self._own
        file = own.file if isinstance(own, OneFile) and own.exists() else None
        with self.hold_sync():
            self.set_id = own.id if isinstance(own, OneFile) else ""
            self.columns = own.columns if isinstance(own, OneFile) and own.exists() else {}
            self.file = (
                {} if file is None else {"name": file.name, "size": readable_size(file.stat().st_size)}
            )
            if file is None:
                self.missing = f"Drop {self.asks.what}."


def _checked(own: OneFile) -> tuple[str, str]:
    """(what is missing for training or "", HTML of what was understood), kept until the file changes."""
    key = {"contents": own.contents(), "version": __version__}
    kept = own.kept(CHECKED)
    if kept.get("key") != key:
        try:
            report = check(str(own.file), **own.columns)
            needed = "" if report.ok else "Something above stops training."
            kept = {"key": key, "missing": needed, "html": own_report.found(report)}
        except PersonError as error:
            needed = f"{own_report.reason(error)}"
            kept = {"key": key, "missing": needed, "html": own_report.refused(error.got, error.fix)}
        own.keep(CHECKED, kept)
    return kept["missing"], kept["html"]


def _plan(desk: Desk, asks: Asks) -> dict[str, Any]:
    return {
        "title": "Train it on your own data",
        "says": f"Drop {asks.what}. A model learns from one part of it, is judged on another that it "
        "never saw, and is yours to take along.",
        "private": "Nothing leaves this machine. A copy of what you drop is kept in",
        "where": str(desk.folder / PLACE),
        "limits": f"One file of at most {MOST_FILE // 1024**2} MB.",
        "things": OneFile.things,
        "drop": "Drop a file here, or choose one",
        "accept": asks.accept,
        "columns": [{"name": name, "label": label} for name, label in asks.columns],
        "line": asks.line,
        "piece": PIECE,
        "most_file": MOST_FILE,
    }
