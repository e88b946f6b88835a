"""What a column of targets means: one class, several classes, or a number.

All cells are gathered first (equal words share one string), then judged together, because a single cell
cannot tell whether 3 is the third class or a measurement. The rule is simple and is told to the person:
decimals are numbers to predict; whole numbers are classes when they are few or count from 0 or 1 without a
gap; anything else is a class's name.

The first thing to change: `FEW`, the count of different whole numbers that are taken for classes.
"""

import json
import re
from typing import Any, Literal

import numpy as np

from glassworks.core.rows import Kind
from glassworks.data.classes import plain_name, sorted_names

Labels = Literal["auto", "label", "labels", "number"]
FEW = 20  # different whole numbers that are surely classes
MOST_COUNTED = 1000  # classes 0 … k-1 without a gap are believed up to here
ROWS_EACH = 5  # and only when each has that many rows on average
MOSTLY = 0.9  # of the cells are numbers: then the others are mistakes
WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
NUMBER = re.compile(
    r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf|infinity)", re.ASCII | re.IGNORECASE
)


class BadCell(Exception):
    """A cell that cannot be used: a short stable word, and a sentence."""

    def __init__(self, reason: str, detail: str):
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


Finished = tuple[Kind, np.ndarray, tuple[str, ...], list[tuple[int, BadCell]], list[str]]


class Targets:
    """The targets of a table, gathered row by row, judged by `finish`.

    from_text: cells are words of a CSV, where "a;b" and "a|b" mean several labels
    """

    def __init__(self, labels: Labels, *, from_text: bool):
        self.labels, self.from_text = labels, from_text
        self.cells: list[str | tuple[str, ...]] = []
        self.pool: dict[str, str] = {}

    def add(self, cell: Any) -> None:
        """Take the next row's cell. Raises BadCell for what can never be a target."""
        self.cells.append(self._normal(cell))

    def same(self, row: int, cell: Any) -> bool:
        """Whether an earlier row has this very target."""
        return self.cells[row] == self._normal(cell)

    def finish(self, parts: list[str]) -> Finished:
        """(kind, targets, classes, rows that cannot be used, notes).

        parts: of each row, or empty; classes come from the training rows
        """
        kind, notes = self._kind()
        if kind == "number":
            return self._numbers(notes)
        return self._several(parts, notes) if kind == "labels" else self._one(parts, notes)

    # ---- cells

    def _normal(self, cell: Any) -> str | tuple[str, ...]:
        if isinstance(cell, list):
            return tuple(sorted({self._word(item) for item in cell}))
        return self._word(cell)

    def _word(self, cell: Any) -> str:
        if cell is None:
            return ""
        if isinstance(cell, bool):
            cell = str(cell).lower()
        if not isinstance(cell, (str, int, float)):
            raise BadCell("bad-target", f"{str(cell)[:60]} is neither a word, a number nor a list of words")
        word = plain_name(str(cell).strip())
        return self.pool.setdefault(word, word)

    def _words(self, cell: str | tuple[str, ...]) -> tuple[str, ...]:
        """A cell as several labels."""
        if isinstance(cell, tuple):
            return cell
        if cell.startswith("["):
            try:
                return tuple(str(word).strip() for word in json.loads(cell))
            except ValueError as error:
                raise BadCell("bad-target", f"{cell[:60]!r} is no JSON list: {error}") from error
        if not self.from_text:
            return (cell,) if cell else ()
        return tuple(word.strip() for word in re.split("[;|]", cell) if word.strip())

    # ---- the kind of the whole column

    def _kind(self) -> tuple[str, list[str]]:
        if self.labels != "auto":
            return self.labels, []
        if any(isinstance(cell, tuple) or (self.from_text and _is_several(cell)) for cell in self.cells):
            return "labels", ["read several labels a picture; for names that hold ; or | say labels=label"]
        words = [str(cell) for cell in self.cells if cell]
        whole = sum(WHOLE.fullmatch(word) is not None for word in words)
        number = sum(NUMBER.fullmatch(word) is not None for word in words)
        if number > whole and number >= MOSTLY * len(words):
            return "number", ["the targets are numbers with decimals: a number is predicted, not a class"]
        if whole and whole == len(words):
            return _whole_numbers(words)
        return "label", []

    # ---- the three kinds of targets

    def _numbers(self, notes: list[str]) -> Finished:
        values = np.zeros(len(self.cells))
        refused = []
        for row, cell in enumerate(self.cells):
            if not isinstance(cell, str) or not NUMBER.fullmatch(cell):
                reason = "not-a-number" if cell else "no-target"
                refused.append((row, BadCell(reason, f"{cell!r} where a number was expected")))
                continue
            values[row] = float(cell)
            if not np.isfinite(values[row]):
                refused.append((row, BadCell("not-finite", f"{cell!r} is no finite number")))
        return "number", values, (), refused, notes

    def _one(self, parts: list[str], notes: list[str]) -> Finished:
        refused = []
        for row, cell in enumerate(self.cells):
            if not isinstance(cell, str):
                refused.append((row, BadCell("bad-target", "a list where one label was expected")))
            elif not cell:
                refused.append((row, BadCell("no-target", "the cell is empty")))
        left_out = {row for row, _ in refused}
        used: list[tuple[int, tuple[str, ...]]] = [
            (row, (str(cell),)) for row, cell in enumerate(self.cells) if row not in left_out
        ]
        classes = _classes(used, parts)
        index = {word: number for number, word in enumerate(classes)}
        values = np.zeros(len(self.cells), dtype=np.int64)
        for row, words in used:
            values[row] = index[words[0]]
        return "label", values, classes, refused, notes

    def _several(self, parts: list[str], notes: list[str]) -> Finished:
        refused, used, without = [], [], 0
        for row, cell in enumerate(self.cells):
            try:
                words = self._words(cell)
            except BadCell as bad:
                refused.append((row, bad))
                continue
            used.append((row, words))
            without += not words
        classes = _classes(used, parts)
        index = {word: number for number, word in enumerate(classes)}
        values = np.zeros((len(self.cells), len(classes)), dtype=bool)
        for row, words in used:
            values[row, [index[word] for word in words]] = True
        if without:
            notes = [*notes, f"{without} picture(s) have no label: read as none of the classes"]
        return "labels", values, classes, refused, notes


def _classes(used: list[tuple[int, tuple[str, ...]]], parts: list[str]) -> tuple[str, ...]:
    """Names in order: those of the training rows, then any that only other parts have (an error later)."""
    everywhere = {word for _, words in used for word in words}
    if not parts:
        return sorted_names(everywhere)
    training = {word for row, words in used if parts[row] == "train" for word in words}
    return sorted_names(training) + sorted_names(everywhere - training)


def _is_several(cell: str | tuple[str, ...]) -> bool:
    return (
        isinstance(cell, tuple) or ";" in cell or "|" in cell or (cell.startswith("[") and cell.endswith("]"))
    )


def _whole_numbers(words: list[str]) -> tuple[str, list[str]]:
    different = {int(word) for word in words}
    low, high = min(different), max(different)
    counted = low in (0, 1) and high - low + 1 == len(different) <= MOST_COUNTED
    if len(different) <= FEW or (counted and len(words) >= ROWS_EACH * len(different)):
        return "label", [
            f"the targets are {len(different)} different whole numbers: read as classes; "
            "to predict a number say labels=number"
        ]
    return "number", [
        f"the targets are {len(different)} different whole numbers: a number is predicted; "
        "for classes say labels=label"
    ]
