"""Series to be continued: tables with a time and numbers, read into regular steps.

A row is a step in time. The time column and the columns to forecast are found where only one can be meant,
and asked for by name where not. Every series is sorted and put on its regular step: holes become missing
values, which stay missing here (`windows.py` fills them, and only from the past), and what was done is told.

The first thing to change: `TIME_NAMES` and `TARGET_NAMES`, the names that are tried first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.rows import Damage
from glassworks.core.series_rows import SeriesTable
from glassworks.data.folders import missing_path
from glassworks.data.samples import sample_table
from glassworks.data.series_grid import regular
from glassworks.data.tables_records import ENDINGS, bad_row, no_rows, records_of
from glassworks.data.times import Parsed, parse_times

TIME_NAMES = ("time", "date", "datetime", "timestamp", "ds", "day", "week", "month", "quarter", "year",
              "period", "date_time", "datum")  # fmt: skip
TARGET_NAMES = ("y", "value", "target", "values")
GROUP_NAMES = ("series", "unique_id", "item_id", "series_id", "id", "symbol", "ticker", "store", "shop",
               "station", "product", "item", "region", "country", "city", "name")  # fmt: skip
MISSING = {"", "na", "n/a", "nan", "null", "none", "-", "--", "?", "."}
MOSTLY = 0.9  # of the cells are numbers: then the others are mistakes


@dataclass(frozen=True)
class Columns:
    """Which column is what. time, group: None where there is none."""

    time: str | None
    group: str | None
    wanted: tuple[str, ...]
    seen: tuple[str, ...]

    @property
    def channels(self) -> tuple[str, ...]:
        return (*self.wanted, *self.seen)


def open_series(
    where: str,
    *,
    time: str | None = None,
    target: str | None = None,
    group: str | None = None,
    bad: str = "stop",
) -> SeriesTable:
    """The series of a sample or a table file (.csv, .tsv, .jsonl, .parquet), of kind "forecast".

    time:   column with the time; guessed when left out. Without any, the rows are steps in their order
    target: columns to forecast, with commas: "sales,returns"; the other columns of numbers are only seen
    group:  column that says to which of several series a row belongs
    bad:    "stop" at what cannot be read, or "skip" it: bad rows, times that repeat, and a step that is
            missing
    Raises PersonError: "no-such-column", "which-column", "no-numbers", "no-times", "times-twice",
    "irregular-times", "too-few-steps", "bad-row", and those of the file.
    """
    if where.startswith("sample"):
        return _of_sample(where, target)
    path = Path(where)
    if not path.exists():
        raise missing_path(path)
    if not path.is_file() or path.suffix.lower() not in ENDINGS:
        raise PersonError(
            "no-table", expected=f"a table ({', '.join(ENDINGS)}) with a time and numbers", got=str(path),
            fix="write one row a step: time,value",
        )  # fmt: skip
    header, rows, damaged = _read(path, bad)
    parsed = _times(path, header, rows, time)
    columns = _columns(path, header, rows, parsed[0] if parsed else None, target, group)
    return _table(path, rows, columns, parsed[1] if parsed else None, damaged, bad)


def as_wanted(table: SeriesTable, target: str) -> SeriesTable:
    """The table with the named channels first, as what is to be forecast. Raises PersonError."""
    names = [name.strip() for name in target.split(",") if name.strip()]
    for name in names:
        if name not in table.channels:
            raise PersonError(
                "no-such-column", expected=f'a channel "{name}" in {table.where}',
                got=f"the channels {', '.join(table.channels)}", fix=did_you_mean(name, table.channels),
            )  # fmt: skip
    order = [table.channels.index(name) for name in names]
    order += [place for place in range(len(table.channels)) if place not in order]
    return SeriesTable(
        where=table.where, names=table.names, values=[values[:, order] for values in table.values],
        channels=tuple(table.channels[place] for place in order), kind="forecast", targets=table.targets,
        times=table.times, wanted=tuple(range(len(names))), damaged=table.damaged, notes=table.notes,
    )  # fmt: skip


def _of_sample(where: str, target: str | None) -> SeriesTable:
    table = sample_table(where.partition(":")[2] or "co2")
    if not isinstance(table, SeriesTable) or table.kind != "forecast":
        raise PersonError(
            "other-data", expected="a sample of series that can be continued",
            got=f"{where}, which is none", fix="glassworks samples lists them; sample:co2 is one",
        )  # fmt: skip
    return as_wanted(table, target) if target else table


# ---- rows and columns


def _read(path: Path, bad: str) -> tuple[list[str], list[tuple[int, dict[str, Any]]], list[Damage]]:
    """Header, rows with their line, and lines that cannot be read."""
    records = records_of(path)
    header = next(records)[1]
    rows, damaged = [], []
    for line, record in records:
        if isinstance(record, Damage):
            damaged.append(record)
            if bad == "stop":
                raise bad_row(path, line, "", record, 1, wanted="rows of one time step each")
        else:
            rows.append((line, record))
    if not rows:
        raise no_rows(path)
    return header, rows, damaged


def _times(
    path: Path, header: list[str], rows: list[tuple[int, dict]], named: str | None
) -> tuple[str, Parsed] | None:
    """The time column and its times; None where the table has none."""
    if named is not None:
        if named not in header:
            raise _no_column(path, header, named)
        parsed = parse_times([_word(row.get(named)) for _, row in rows])
        if parsed is None:
            raise PersonError(
                "no-times", expected=f'times or whole numbers in column "{named}" of {path}',
                got=f'"{_word(rows[0][1].get(named))}", which no known form fits',
                fix="write them as 2024-01-31 or 2024-01-31 18:00:00",
            )  # fmt: skip
        return named, parsed
    lowered = {name.casefold(): name for name in reversed(header)}
    for name in (lowered[known] for known in TIME_NAMES if known in lowered):
        if (parsed := parse_times([_word(row.get(name)) for _, row in rows])) is not None:
            return name, parsed
    dated = []
    for name in header:  # a column of dates under a name of its own; plain numbers are no sign of time
        words = [_word(row.get(name)) for _, row in rows]
        if (parsed := parse_times(words)) is not None and parsed.times.dtype.kind == "M":
            dated.append((name, parsed))
    if len(dated) > 1:
        raise _which(path, header, "time", "--time", [name for name, _ in dated])
    return dated[0] if dated else None


def _columns(
    path: Path, header: list[str], rows: list[tuple[int, dict]], time: str | None, target: str | None,
    group: str | None,
) -> Columns:  # fmt: skip
    if group is not None and group not in header:
        raise _no_column(path, header, group)
    free = [name for name in header if name not in (time, group)]
    numeric = [name for name in free if _mostly_numbers([row.get(name) for _, row in rows])]
    if target is not None:
        wanted = tuple(name.strip() for name in target.split(",") if name.strip())
        for name in wanted:
            if name not in header:
                raise _no_column(path, header, name)
            if name not in numeric:
                raise PersonError(
                    "no-numbers", expected=f'numbers in column "{name}" of {path}',
                    got=f'"{_word(rows[0][1].get(name))}"', fix="choose another --target",
                )  # fmt: skip
    else:
        wanted = (_guess_target(path, header, numeric),)
    seen = tuple(name for name in numeric if name not in wanted)
    if group is None:
        group = _guess_group(header, rows, time, (*wanted, *seen))
    return Columns(time, group, wanted, seen)


def _guess_target(path: Path, header: list[str], numeric: list[str]) -> str:
    lowered = {name.casefold(): name for name in reversed(numeric)}
    named = [lowered[name] for name in TARGET_NAMES if name in lowered]
    if len(numeric) == 1 or named:
        return named[0] if named else numeric[0]
    if not numeric:
        raise PersonError(
            "no-numbers", expected=f"a column of numbers in {path}",
            got=f"the columns {', '.join(header)}", fix="write one row a step: time,value",
        )  # fmt: skip
    raise _which(path, header, "values to forecast", "--target", numeric)


def _guess_group(
    header: list[str], rows: list[tuple[int, dict]], time: str | None, numbers: Sequence[str]
) -> str | None:
    """A column of a common name, where times stand twice and it tells the rows of a time apart."""
    if time is None:
        return None
    lowered = {name.casefold(): name for name in reversed(header)}
    cells = [_word(row.get(time)) for _, row in rows]
    if len(set(cells)) == len(cells):
        return None
    for name in (lowered[known] for known in GROUP_NAMES if known in lowered):
        pairs = {(_word(row.get(name)), cell) for (_, row), cell in zip(rows, cells, strict=True)}
        if name not in (time, *numbers) and len(pairs) == len(rows):
            return name
    return None


def _word(cell: Any) -> str:
    if cell is None:
        return ""
    return (
        cell.isoformat(sep=" ") if hasattr(cell, "isoformat") and hasattr(cell, "hour") else str(cell).strip()
    )


def _number(cell: Any) -> float | None:
    """A cell as a number; NaN where it says that none is known, None where it is something else.

    >>> _number("1,5"), _number("1,234.5"), _number("12 %")
    (1.5, 1234.5, None)
    """
    word = _word(cell)
    if word.casefold() in MISSING:
        return np.nan
    if "," in word:
        word = word.replace(",", "") if "." in word or word.count(",") > 1 else word.replace(",", ".")
    try:
        value = float(word)
    except ValueError:
        return None
    return value if np.isfinite(value) else np.nan


def _mostly_numbers(cells: Sequence[Any]) -> bool:
    found = [_number(cell) for cell in cells if not isinstance(cell, bool)]
    known = [value for value in found if value is None or np.isfinite(value)]
    return bool(known) and sum(value is not None for value in known) >= MOSTLY * len(known)


# ---- series on their regular step


def _table(
    path: Path, rows: list[tuple[int, dict]], columns: Columns, parsed: Parsed | None, damaged: list[Damage],
    bad: str,
) -> SeriesTable:  # fmt: skip
    values, wrong = _values(rows, columns)
    wrong += [(row, columns.time or "", "no-time") for row in parsed.bad] if parsed else []
    if wrong and bad == "stop":
        row, column, reason = min(wrong)
        line, cells = rows[row]
        told = Damage(f"line {line}", reason, f'"{_word(cells.get(column))}"')
        raise bad_row(path, line, column, told, len(wrong), wanted="a time and numbers in every row")
    left_out = {row for row, _, _ in wrong}
    damaged += [Damage(f"line {rows[row][0]}", reason, column) for row, column, reason in sorted(wrong)]
    keep = np.array([row for row in range(len(rows)) if row not in left_out])
    groups = [_word(rows[row][1].get(columns.group)) if columns.group else "" for row in keep]
    times = parsed.times[keep] if parsed else np.arange(len(keep), dtype=np.int64)
    names, series, clocks, notes = [], [], [], list(parsed.notes if parsed else ())
    notes += [_which_words(columns)]
    for name in dict.fromkeys(groups):
        own = np.array([place for place, group in enumerate(groups) if group == name])
        at, numbers, said = regular(
            times[own],
            values[keep][own],
            f"{path}, series {name}" if name else str(path),
            grouped=bool(columns.group),
            lenient=bad == "skip",
        )
        names.append(name or columns.wanted[0])
        series.append(numbers)
        clocks.append(at)
        notes += [f"{name}: {sentence}" if name else sentence for sentence in said]
    return SeriesTable(
        where=str(path), names=tuple(names), values=series, channels=columns.channels, kind="forecast",
        targets=np.empty(0), times=clocks, wanted=tuple(range(len(columns.wanted))), damaged=tuple(damaged),
        notes=tuple(_fewer(notes)),
    )  # fmt: skip


def _values(rows: list[tuple[int, dict]], columns: Columns) -> tuple[np.ndarray, list[tuple[int, str, str]]]:
    """Numbers, float64 (rows, channels), and the cells that are none: (row, column, reason)."""
    values, wrong = np.full((len(rows), len(columns.channels)), np.nan), []
    for place, column in enumerate(columns.channels):
        for row, (_, record) in enumerate(rows):
            number = _number(record.get(column))
            if number is None:
                wrong.append((row, column, "not-a-number"))
            else:
                values[row, place] = number
    return values, wrong


# ---- what to say


def _which_words(columns: Columns) -> str:
    time = (
        f'the time from column "{columns.time}"' if columns.time else "no time: rows are steps in their order"
    )
    seen = f", seen beside it: {', '.join(columns.seen)}" if columns.seen else ""
    group = f', a series for each value of "{columns.group}"' if columns.group else ""
    return f"forecast: {', '.join(columns.wanted)}{seen}; {time}{group}"


def _fewer(notes: list[str], most: int = 12) -> list[str]:
    return notes if len(notes) <= most else [*notes[:most], f"and {len(notes) - most} more such notes"]


def _no_column(path: Path, header: list[str], name: str) -> PersonError:
    return PersonError(
        "no-such-column", expected=f'a column "{name}" in {path}', got=f"the columns {', '.join(header)}",
        fix=did_you_mean(name, header),
    )  # fmt: skip


def _which(path: Path, header: list[str], what: str, flag: str, fitting: Sequence[str]) -> PersonError:
    return PersonError(
        "which-column", expected=f"one column of {path} with the {what}",
        got=f"the columns {', '.join(header)}, of which {' and '.join(fitting)} could be it",
        fix=f"name it with {flag} COLUMN" + (" (several with commas)" if flag == "--target" else ""),
    )  # fmt: skip
