"""Series without classes, for a run to answer: the files that labelled series come in, and single tables.

A table that has the columns the model was trained on is one series; with a column that names the series it is
several; a table of moments in a row is read as in training. A class that stands in the file is left aside.

The first thing to change: `NAMED`, endings of files that hold several series.
"""

from pathlib import Path

import numpy as np

from glassworks.core.errors import PersonError
from glassworks.core.rows import Damage
from glassworks.data.labelled_series import moments_of, numbers_of, row_of_moments
from glassworks.data.series_cells import Columns, columns_of, rows_of
from glassworks.data.tables_records import ENDINGS
from glassworks.data.ts_files import read_ts

NAMED = (".ts",)
Named = tuple[str, np.ndarray]


def open_unlabelled_series(
    path: Path, channels: tuple[str, ...], *, time: str | None = None, group: str | None = None
) -> list[Named]:
    """(name, (length, channels)) of each series in a file. channels: their names in training, in order.

    Raises PersonError: "other-channels", "bad-row", "bad-ts", "no-such-column".
    """
    if path.suffix.casefold() in NAMED:
        read = read_ts(path)
        _same_number(path, read.values[0].shape[1], channels)
        return [(f"{path} {number}", values) for number, values in enumerate(read.values, start=1)]
    header, records = rows_of(path)
    columns = columns_of(path, header, target=None, time=time, group=group)
    if set(channels) <= set(header):
        if columns.group is None:
            return [(str(path), numbers_of(path, time, channels)[1])]
        own = Columns((*channels, columns.group, columns.time or ""), None, columns.time, columns.group, None)
        damaged: list[Damage] = []
        found = moments_of(path, records, own, damaged)
        return [(f"{path} {name}", values) for name, values in _unless(path, damaged, found)]
    if len(channels) == 1 and len(columns.channels) > 1:
        rows = [(f"{path} line {line}", row_of_moments(row, columns.channels)) for line, row in records]
        return [(name, values) for name, values in rows if len(values)]
    if len(columns.channels) == len(channels):  # other names, the same number: in their order
        return [(str(path), numbers_of(path, time, columns.channels)[1])]
    raise PersonError(
        "other-channels", expected=f"the columns {', '.join(channels)}",
        got=f"{path}: {', '.join(header[:12])}", fix="name the columns as in training",
    )  # fmt: skip


def files_of_series(given: str) -> list[Path]:
    """The tables and .ts files that an input names, folders opened. Raises PersonError("no-such-path")."""
    path = Path(given)
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.suffix.casefold() in (*ENDINGS, *NAMED))
    if path.is_file():
        return [path]
    raise PersonError(
        "no-such-path", expected="a file or folder of series", got=f"{path}, which does not exist",
        fix="check the path",
    )  # fmt: skip


def _unless(path: Path, damaged: list[Damage], found: list[Named]) -> list[Named]:
    if damaged:
        first = damaged[0]
        raise PersonError(
            "bad-row", expected="numbers in every row", got=f"{path}, {first.name}: {first.detail}",
            fix="mend the row",
        )  # fmt: skip
    return found


def _same_number(path: Path, got: int, channels: tuple[str, ...]) -> None:
    if got != len(channels):
        raise PersonError(
            "other-channels", expected=f"series of {len(channels)} number(s) a step, as the model reads",
            got=f"{path}: {got}", fix="give the same columns as in training, in the same order",
        )  # fmt: skip
