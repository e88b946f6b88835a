"""The door for series with a class or a number each: .ts files, tables, and folders of tables.

Four ways in which people keep them: NAME_TRAIN.ts and NAME_TEST.ts of the public archives; one table with a
row for each moment and a column that says which series it belongs to (`--group`); one table with a row for
each series and a column for each moment; a folder for each class with a table for each series. Moments are
put in the order of a time column where there is one. What cannot be used is told by line, or left out and
counted.

The first thing to change: `_problem`, what makes a series useless. Names of columns: `series_cells.py`.

Axes: length = time steps; channels = numbers a step.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from glassworks.core.errors import PersonError
from glassworks.core.rows import Damage
from glassworks.core.series_rows import SeriesTable
from glassworks.data.classes import class_problems, part_of
from glassworks.data.series_cells import (
    TIMES,
    Columns,
    Records,
    column_named,
    columns_of,
    in_time,
    number_in,
    part_in,
    rows_of,
)
from glassworks.data.tables_kind import BadCell, Labels, Targets
from glassworks.data.tables_records import ENDINGS, bad_row, no_rows
from glassworks.data.ts_files import TsFile, read_ts

WANTED = "numbers in time, and a class or a number for each series"


@dataclass
class _Found:
    """Series as they are read. targets: words; lines: where each begins, for complaints"""

    names: list[str] = field(default_factory=list)
    values: list[np.ndarray] = field(default_factory=list)
    targets: list[Any] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    damaged: list[Damage] = field(default_factory=list)
    channels: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, values: np.ndarray, target: Any, part: str) -> None:
        self.names.append(name)
        self.values.append(values)
        self.targets.append(target)
        self.parts.append(part)


def open_labelled_series(
    where: str | Path,
    *,
    target: str | None = None,
    time: str | None = None,
    group: str | None = None,
    labels: str = "auto",
    bad: Literal["stop", "skip"] = "stop",
) -> SeriesTable:
    """The series of a file or a folder, or of "sample:NAME". NaN stands where a value is missing.

    target: column of the class or number; time: of the moment; group: of the series a moment belongs to
    labels: "label", "number", or "auto" to see it from the values
    bad:    stop at what cannot be read, or leave it out and count it
    Raises PersonError: "no-such-path", "which-column", "no-such-column", "bad-row", "bad-ts", "other-data".
    """
    if str(where).startswith("sample:"):
        return _sample(str(where))
    path = Path(where)
    columns = {"target": target, "time": time, "group": group}
    if path.is_dir():
        found = _folder(path, columns)
    elif path.suffix.casefold() == ".ts":
        found = _archive([path])
    elif path.is_file() and path.suffix.casefold() in (*ENDINGS, ".txt"):
        found = _table(path, columns)
    elif path.exists():
        raise _other(path, "a file of another kind")
    else:
        raise PersonError(
            "no-such-path", expected="a file or folder of series", got=f"{path}, which does not exist",
            fix="check the path, or use --data sample:NAME (see `glassworks samples`)",
        )  # fmt: skip
    return _finished(str(where), found, labels, bad)


def read_archive(name: str, train: Path, test: Path, what: tuple[str, ...] = ()) -> SeriesTable:
    """A pair of .ts files as a sample. what: names of the channels"""
    found = _archive([train, test])
    table = _finished(f"sample:{name}", found, "label", "stop")
    return replace(table, channels=what) if what else table


def _sample(where: str) -> SeriesTable:
    from glassworks.data.samples import sample_table  # samples hold tables of all kinds

    table = sample_table(where.removeprefix("sample:"))
    if not isinstance(table, SeriesTable) or table.kind == "forecast":
        raise _other(where, "a sample of another kind")
    return table


# ---- the archives' files


def _archive(files: list[Path]) -> _Found:
    """One .ts file, or those of the parts, told apart by the ends of their names."""
    found = _Found()
    for path in sorted(files, key=_place):
        read: TsFile = read_ts(path)
        part = _part_of(path)
        own = tuple(f"channel {number + 1}" for number in range(read.values[0].shape[1]))
        if found.channels and found.channels != own:
            raise _other(path, f"{len(own)} channels, where others have {len(found.channels)}")
        found.channels = own
        for number, (values, target) in enumerate(zip(read.values, read.targets, strict=True), start=1):
            found.add(f"{part or path.stem} {number:05d}", values, target, part)
    return found


def _part_of(path: Path) -> str:
    """The part that the end of a file's name says: Hands_TRAIN.ts."""
    return part_of(path.stem.rpartition("_")[2]) or ""


def _place(path: Path) -> int:
    return ("train", "val", "test", "").index(_part_of(path))


def _folder(path: Path, columns: dict[str, str | None]) -> _Found:
    """.ts files of one problem, or folders of classes with a table for each series."""
    archive = sorted(path.glob("*.ts"), key=lambda file: file.name)
    if archive:
        stems = {file.stem.rpartition("_")[0] for file in archive}
        if len(stems) > 1:
            raise _other(path, f"{len(archive)} .ts files of {len(stems)} problems: name one of the files")
        return _archive(archive)
    files = sorted(
        (file for file in path.rglob("*") if file.suffix.casefold() in ENDINGS and file.is_file()),
        key=lambda file: file.relative_to(path).as_posix(),
    )
    if not files:
        raise _other(path, "neither .ts files nor tables")
    found = _Found()
    for file in files:
        *above, label = file.relative_to(path).parts[:-1] or ("",)
        part = part_of(above[0]) if above else None
        if not label or (above and part is None) or len(above) > 1:
            raise _other(path, f"{file.relative_to(path)}, which is not in a folder of its class")
        names, values = numbers_of(file, columns["time"])
        if found.channels and names != found.channels:
            raise _other(file, f"the columns {', '.join(names)}, others have {', '.join(found.channels)}")
        found.channels = names
        found.add(file.relative_to(path).as_posix(), values, label, part or "")
    return found


# ---- tables


def _table(path: Path, asked: dict[str, str | None]) -> _Found:
    """A table with a row a moment, or with a row a series."""
    header, records = rows_of(path)
    columns = columns_of(path, header, **asked)
    if columns.target is None:
        raise PersonError(
            "which-column", expected="the column of each series' class or number",
            got=f"the columns {', '.join(header[:12])}", fix="name it: --target COLUMN",
        )  # fmt: skip
    found = _Found(channels=columns.channels)
    if columns.group is None:
        _wide(records, columns, found)
    else:
        _long(path, records, columns, found)
    return found


def _wide(records: Records, columns: Columns, found: _Found) -> None:
    """A row for each series: its columns are the moments."""
    moments = columns.channels
    if len(moments) < 2:
        raise PersonError(
            "which-column", expected="two or more columns of moments, or a column that names the series",
            got=f"the columns {', '.join(columns.header[:12])}", fix="name the series' column: --group NAME",
        )  # fmt: skip
    found.channels = ("value",)
    for line, record in records:
        name = f"line {line}"
        try:
            record = _whole(record)
            values = row_of_moments(record, moments)
            found.add(name, values, record.get(columns.target), part_in(record, columns.part))
        except BadCell as cell:
            found.damaged.append(Damage(name, cell.reason, cell.detail))
    found.notes.append(f'a row is a series of up to {len(moments)} steps, "{columns.target}" its target')


def row_of_moments(record: dict, moments: tuple[str, ...]) -> np.ndarray:
    """A row that is a series, (length, 1); shorter series leave their last cells empty."""
    row = [number_in(record, moment) for moment in moments]
    while row and math.isnan(row[-1]):
        row.pop()
    return np.array(row)[:, None]


def _long(path: Path, records: Records, columns: Columns, found: _Found) -> None:
    """A row for each moment of a series; rows of a series need not stand together."""
    said: dict[str, tuple[Any, str]] = {}

    def note(name: str, record: dict) -> None:
        now = (record.get(columns.target), part_in(record, columns.part))
        if said.setdefault(name, now) != now:
            raise BadCell("two-targets", f"{now[0]!r}, where {name} had {said[name][0]!r}")

    for name, values in moments_of(path, records, columns, found.damaged, note):
        found.add(name, values, *said[name])
    ordered = f'in the order of "{columns.time}"' if columns.time else "in the file's order"
    found.notes.append(f'a row is a moment of the series in "{columns.group}", {ordered}')


def moments_of(
    path: Path,
    records: Records,
    columns: Columns,
    damaged: list[Damage],
    note: Callable[[str, dict], None] = lambda name, record: None,
) -> list[tuple[str, np.ndarray]]:
    """The series of a table with a row a moment, (name, (length, channels)) each, in the order of time.

    damaged: gets what cannot be used; note: hears each row, and may refuse it with BadCell
    """
    rows: dict[str, list[tuple[Any, list[float]]]] = {}
    for line, record in records:
        try:
            record = _whole(record)
            name = str(record.get(columns.group) or "").strip()
            if not name:
                raise BadCell("no-series", f'the cell of "{columns.group}" is empty')
            note(name, record)
            numbers = [number_in(record, channel) for channel in columns.channels]
            rows.setdefault(name, []).append((record.get(columns.time) if columns.time else line, numbers))
        except BadCell as cell:
            damaged.append(Damage(f"line {line}", cell.reason, cell.detail))
    every = in_time(path, [moment for own in rows.values() for moment, _ in own], columns.time)
    ends = np.cumsum([len(own) for own in rows.values()])
    found = []
    for (name, own), times in zip(rows.items(), np.split(every, ends[:-1]), strict=True):
        if len(np.unique(times)) < len(times):
            damaged.append(Damage(name, "same-time", "two rows of the series have the same time"))
            continue
        values = np.array([numbers for _, numbers in own])
        found.append((name, values[np.argsort(times, kind="stable")]))
    return found


def numbers_of(
    path: Path, time: str | None, wanted: tuple[str, ...] = ()
) -> tuple[tuple[str, ...], np.ndarray]:
    """The columns of one series in a file of its own, (length, channels), in the order of its times.

    wanted: the columns to take, in this order; left out: all but the time. Raises PersonError("bad-row").
    """
    header, records = rows_of(path)
    clock = column_named(path, header, time, TIMES)
    channels = wanted or tuple(name for name in header if name and name != clock)
    moments, rows = [], []
    for line, record in records:
        try:
            record = _whole(record)
            rows.append([number_in(record, channel) for channel in channels])
            moments.append(record.get(clock) if clock else line)
        except BadCell as cell:
            damage = Damage(f"line {line}", cell.reason, cell.detail)
            raise bad_row(path, line, "", damage, 1, wanted=WANTED) from cell
    if not rows or not channels:
        raise no_rows(path)
    return channels, np.array(rows)[np.argsort(in_time(path, moments, clock), kind="stable")]


def _whole(record: Any) -> dict:
    if isinstance(record, Damage):
        raise BadCell(record.reason, record.detail)
    return record


# ---- all series together


def _finished(where: str, found: _Found, labels: str, bad: str) -> SeriesTable:
    """The table, with what cannot be used told or left out."""
    if labels not in ("auto", "label", "number"):
        raise _other(where, f"--labels {labels}; a series has one class (label) or one number")
    targets, keep, damaged = _judged(found, cast(Labels, labels))
    kind, values, classes, refused, notes = targets.finish(found.parts if any(found.parts) else [])
    damaged += [Damage(found.names[row], cell.reason, cell.detail) for row, cell in refused]
    left = {row for row, _ in refused}
    keep = [row for row in keep if row not in left]
    if damaged and (bad == "stop" or not keep):
        first, others = damaged[0], f" ({len(damaged)} in all)" if len(damaged) > 1 else ""
        raise PersonError(
            "bad-row", expected=WANTED,
            got=f"{where}, {first.name}: {first.reason}, {first.detail}{others}",
            fix="mend it, or add --bad skip to leave such rows out",
        )  # fmt: skip
    if not keep:
        raise no_rows(Path(where))
    table = SeriesTable(
        where=where,
        names=tuple(found.names[row] for row in keep),
        values=[found.values[row] for row in keep],
        channels=found.channels,
        kind=kind,
        targets=values[np.array(keep, np.int64)],
        classes=classes,
        parts=tuple(found.parts[row] for row in keep),
        damaged=tuple(damaged),
        notes=(*found.notes, *notes, *_left_out(damaged)),
    )
    for error in _class_problems(table, where):
        raise error
    return table


def _judged(found: _Found, labels: Labels) -> tuple[Targets, list[int], list[Damage]]:
    """All targets gathered, the series that can be used, and what is wrong with the others."""
    targets, keep, damaged = Targets(labels, from_text=False), [], list(found.damaged)
    for row, said in enumerate(found.targets):
        problem = _problem(found.values[row])
        targets.add(said if said is None or isinstance(said, int | float) else str(said))
        if problem:
            damaged.append(Damage(found.names[row], *problem))
        else:
            keep.append(row)
    return targets, keep, damaged


def _problem(values: np.ndarray) -> tuple[str, str] | None:
    if not len(values):
        return "no-values", "the series is empty"
    empty = np.isnan(values).all(0)
    return ("all-missing", "a channel of the series has no value at all") if empty.any() else None


def _left_out(damaged: list[Damage]) -> list[str]:
    if not damaged:
        return []
    reasons: dict[str, int] = {}
    for damage in damaged:
        reasons[damage.reason] = reasons.get(damage.reason, 0) + 1
    return [f"left out {len(damaged)}: " + ", ".join(f"{word} {count}" for word, count in reasons.items())]


def _class_problems(table: SeriesTable, where: str) -> list[PersonError]:
    if table.kind == "number":
        return []
    names: dict[str, set[str]] = {}
    for part, target in zip(table.parts, table.targets, strict=True):
        names.setdefault(part, set()).add(table.classes[int(target)])
    return class_problems(names, where)


def _other(where: str | Path, got: str) -> PersonError:
    return PersonError(
        "other-data",
        expected="series with a class each: NAME_TRAIN.ts and NAME_TEST.ts, a table, or class folders of "
        "tables",
        got=f"{where}: {got}",
        fix="see `glassworks samples` for examples; a table takes --target, --group and --time",
    )
