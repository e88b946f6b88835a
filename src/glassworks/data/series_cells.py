"""Cells and columns of tables that hold series: which column is what, numbers, and moments in order.

Column names are understood unasked where they are usual ones; a name that is given counts more. A table
without column names (the older files of the archives: the class, then the values) gets some.

The first thing to change: `IDS`, `TIMES` and `LABELS`, names of columns that are understood unasked.
"""

import contextlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from glassworks.core.errors import PersonError, did_you_mean
from glassworks.data.classes import part_of
from glassworks.data.tables_kind import BadCell
from glassworks.data.tables_records import records_of
from glassworks.data.times import parse_times

IDS = ("series", "series_id", "sequence", "sequence_id", "case", "case_id", "recording", "id")
TIMES = ("time", "timestamp", "date", "datetime", "step", "t")
LABELS = ("label", "class", "target", "category", "activity", "y")
PARTS = ("part", "split", "subset", "fold")
EMPTY = ("", "nan", "na", "n/a", "null", "none", "?")  # what people write where a value is missing

Records = Iterable[tuple[int, Any]]


@dataclass(frozen=True)
class Columns:
    """Which column is what; None where there is no such column."""

    header: tuple[str, ...]
    target: str | None
    time: str | None
    group: str | None
    part: str | None

    @property
    def channels(self) -> tuple[str, ...]:
        """The columns that are left: numbers of a moment, or the moments of a series."""
        taken = {self.target, self.time, self.group, self.part}
        return tuple(name for name in self.header if name and name not in taken)


def columns_of(
    path: Path, header: Sequence[str], *, target: str | None, time: str | None, group: str | None
) -> Columns:
    """The columns that were named, or whose names say what they are. Raises PersonError("no-such-column")."""
    return Columns(
        tuple(header),
        column_named(path, header, target, LABELS),
        column_named(path, header, time, TIMES),
        column_named(path, header, group, IDS),
        column_named(path, header, None, PARTS),
    )


def column_named(path: Path, header: Sequence[str], asked: str | None, usual: tuple[str, ...]) -> str | None:
    """The column that was asked for, or the first with a usual name; None where there is none."""
    if asked is not None:
        if asked not in header:
            raise PersonError(
                "no-such-column", expected=f"a column of {path} ({', '.join(header[:12])})", got=f'"{asked}"',
                fix=did_you_mean(asked, header),
            )  # fmt: skip
        return asked
    known = {name.casefold(): name for name in reversed(header)}
    return next((known[name] for name in usual if name in known), None)


def rows_of(path: Path) -> tuple[list[str], Records]:
    """Column names, and the rows with their line numbers."""
    if path.suffix.casefold() in (".csv", ".tsv", ".txt"):
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            first = _words(file.readline())
        if len(first) > 1 and all(is_number(cell) for cell in first):
            return _without_names(path)
    if path.suffix.casefold() == ".txt":
        raise PersonError(
            "other-data", expected="a table of series, or numbers alone: the class first, then the values",
            got=f"{path}, a text", fix="name a .csv, .tsv, .jsonl, .parquet or .ts file",
        )  # fmt: skip
    records = records_of(path)
    return next(records)[1], records


def _without_names(path: Path) -> tuple[list[str], Records]:
    rows = [
        (line, _words(text)) for line, text in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1)
    ]
    header = ["label", *(f"step {number}" for number in range(1, max(len(row) for _, row in rows)))]
    return header, [(line, dict(zip(header, row))) for line, row in rows if row]


def _words(line: str) -> list[str]:
    return line.replace(",", " ").replace(";", " ").split()


def is_number(cell: Any) -> bool:
    try:
        float(cell)
    except (TypeError, ValueError):
        return False
    return True


def number_in(record: dict, column: str) -> float:
    """A cell as a number; NaN where it is empty. Raises BadCell for anything else."""
    cell = record.get(column)
    if cell is None or (isinstance(cell, str) and cell.strip().casefold() in EMPTY):
        return math.nan
    if isinstance(cell, bool) or not is_number(cell):
        raise BadCell("not-a-number", f'{str(cell)[:40]!r} in "{column}"')
    value = float(cell)
    if math.isinf(value):
        raise BadCell("not-finite", f'{cell!r} in "{column}"')
    return value


def part_in(record: dict, column: str | None) -> str:
    """The part that a cell names; "" without such a column. Raises BadCell for any other word."""
    if column is None:
        return ""
    part = part_of(str(record.get(column) or ""))
    if part is None:
        raise BadCell("no-part", f"{record.get(column)!r} is none of train, val, test")
    return part


def in_time(path: Path, words: Sequence[Any], column: str | None) -> np.ndarray:
    """The order of moments by what a column of times says of them; without one, as they stand.

    Raises PersonError("bad-time") where the cells are not all times of one form.
    """
    if column is None:
        return np.arange(len(words))
    if all(is_number(word) for word in words):
        return np.array([float(word) for word in words])
    with contextlib.suppress(ValueError):  # ISO form: `parse_times` knows no parts of a second
        return np.array([_iso(str(word).strip()) for word in words])
    parsed = parse_times([str(word) for word in words])
    if parsed is None or parsed.bad:
        wrong = words[parsed.bad[0]] if parsed else words[0]
        raise PersonError(
            "bad-time", expected=f'numbers or dates of one form in the column "{column}" of {path}',
            got=f"{str(wrong)[:40]!r}", fix="write dates as 2026-01-31 or 2026-01-31 14:00:00",
        )  # fmt: skip
    return parsed.times


def _iso(word: str) -> np.datetime64:
    """A date in ISO form, to the microsecond; of another zone, in UTC."""
    moment = datetime.fromisoformat(word)
    moment = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return np.datetime64(moment, "us")
