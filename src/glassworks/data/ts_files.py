"""The .ts files of the UCR and UEA archives: one series a line, with its class at the end.

Lines that begin with @ say what follows: `@classLabel true Standing Running`, `@univariate false`, `@data`.
Below them each line is a series: values of a channel between commas, channels between colons, the class last;
a question mark is a value that is missing. Lines that begin with # are comments.

Source: the archives' own description, timeseriesclassification.com, read as it stood in 2026.
The first thing to change: `TOLD`, if your files say more that matters.

Axes: length = time steps; channels.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glassworks.core.errors import PersonError
from glassworks.data.classes import plain_name

TOLD = ("classlabel", "targetlabel", "timestamps", "univariate", "dimensions", "equallength", "serieslength",
        "problemname", "missing", "dimension")  # fmt: skip


@dataclass(frozen=True)
class TsFile:
    """values: float64 (length, channels) of each series, NaN where missing; targets: its class or number as
    a word, "" where the file has none; classes: as the head names them"""

    values: list[np.ndarray]
    targets: list[str]
    classes: tuple[str, ...]


def read_ts(path: Path) -> TsFile:
    """All series of a .ts file. Raises PersonError("bad-ts") that names the line."""
    values: list[np.ndarray] = []
    targets: list[str] = []
    said: dict[str, str] = {}
    begun = False
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise _bad(path, 1, "bytes that are no UTF-8") from error
    for number, line in enumerate(lines, start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if not begun:
            begun = _head(path, number, line, said)
            continue
        series, target = _series(path, number, line, labelled=_labelled(said))
        if values and series.shape[1] != values[0].shape[1]:
            raise _bad(path, number, f"{series.shape[1]} channels where others have {values[0].shape[1]}")
        values.append(series)
        targets.append(target)
    if not values:
        raise _bad(path, len(lines), "no series at all")
    classes = tuple(plain_name(word) for word in said.get("classlabel", "").split()[1:])
    if classes and (strange := sorted(set(targets) - set(classes))):
        raise _bad(path, len(lines), f'the class "{strange[0]}", which @classLabel does not name')
    return TsFile(values, targets, classes)


def _head(path: Path, number: int, line: str, said: dict[str, str]) -> bool:
    """Note one line of the head; whether the data begin after it."""
    word, _, rest = line.removeprefix("@").partition(" ")
    if line.casefold() == "@data":
        return True
    if not line.startswith("@") or word.casefold() not in TOLD:
        raise _bad(path, number, f"{line[:60]!r}, where a line such as @classLabel or @data was expected")
    said[word.casefold()] = rest.strip()
    if word.casefold() == "timestamps" and rest.strip().casefold() == "true":
        raise _bad(path, number, "values with time stamps; write the values alone, at equal steps")
    return False


def _labelled(said: dict[str, str]) -> bool:
    answers = (said.get(word, "").casefold().startswith("true") for word in ("classlabel", "targetlabel"))
    return any(answers)


def _series(path: Path, number: int, line: str, *, labelled: bool) -> tuple[np.ndarray, str]:
    """One line as (length, channels) and its target."""
    *parts, last = line.split(":")
    channels, target = (parts, plain_name(last.strip())) if labelled else ([*parts, last], "")
    if not channels:
        raise _bad(path, number, "no values before the class")
    try:
        columns = [
            np.array([np.nan if word.strip() == "?" else float(word) for word in channel.split(",")])
            for channel in channels
        ]
    except ValueError as error:
        raise _bad(path, number, f"{error}") from error
    lengths = sorted({len(column) for column in columns})
    if len(lengths) > 1:
        raise _bad(path, number, f"channels of {lengths[0]} and of {lengths[-1]} values in one series")
    return np.stack(columns, 1), target  # (length, channels)


def _bad(path: Path, line: int, got: str) -> PersonError:
    return PersonError(
        "bad-ts", expected="a .ts file of the UCR or UEA archives: a head with @data, then a series a line",
        got=f"{path}, line {line}: {got}", fix="mend the line, or give the series as CSV files",
    )  # fmt: skip
