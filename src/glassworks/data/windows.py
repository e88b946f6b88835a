"""Windows of a series: what is seen, and what follows it, with nothing of the future on the wrong side.

A series is cut along time: the first part trains, the next chooses, the last judges; all series of a table
    are cut at the same moments. A window is an *origin*: the steps before it are seen, the steps after it are
    to be said. Means and spreads are measured on the training part alone, the season is looked for there
    alone, and a missing value takes the last known one before it, never one after it.

At the beginning of a series a window is shorter; at the end of the training part its targets are partly NaN,
which the loss leaves out. Windows that judge are whole.
Source: Hyndman & Athanasopoulos 2021, "Forecasting: principles and practice", chapter 5.10 (rolling origins).
The first thing to change: `ORIGINS`, how many origins a part has at least.

Axes: length = steps of a series; channels = numbers a step; horizon = steps ahead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np

from glassworks.core.errors import PersonError
from glassworks.core.rows import PARTS
from glassworks.core.series_rows import SeriesTable
from glassworks.data.splits import data_digest
from glassworks.data.times import Step, step_of

ORIGINS = 8  # of a part that judges or chooses, at least
FILLED = 0.2  # share of a channel that may be filled in
SEASONAL = 0.3  # correlation of steps a season apart, after differencing, from which there is a season
BY_CALENDAR = 0.2  # the same for the season that the calendar suggests
SCHEMA = 1


# ---- missing values


def filled(values: np.ndarray) -> np.ndarray:
    """Missing values as the last known one before them, (length, channels); what comes first stays NaN."""
    known = np.isfinite(values)
    places = np.where(known, np.arange(len(values))[:, None], 0)
    latest = np.maximum.accumulate(places, axis=0)  # (length, channels): where the value was last known
    return np.take_along_axis(values, latest, axis=0)


def whole(table: SeriesTable) -> tuple[SeriesTable, list[str]]:
    """The table without missing values, and what was done about them, counted.

    Steps before every channel is known are left out. Raises PersonError("too-many-missing").
    """
    series, clocks, notes = [], [], []
    for row, values in enumerate(table.values):
        name = table.names[row]
        full = filled(values)
        begun = np.isfinite(full).all(1)
        start = int(begun.argmax()) if begun.any() else len(full)
        holes = (~np.isfinite(values[start:])).sum(0)
        for channel, count in zip(table.channels, holes, strict=True):
            if start == len(full) or count > FILLED * (len(full) - start):
                raise PersonError(
                    "too-many-missing",
                    expected=f"at most {FILLED:.0%} of a channel missing in {table.where}",
                    got=f"{name}, {channel}: {count:,} of {len(full) - start:,} steps",
                    fix="leave the channel out, or bring the rows to a longer step first",
                )  # fmt: skip
            if count:
                notes.append(
                    f"{name}, {channel}: {count} of {len(full) - start:,} steps are missing and take the "
                    "last value before them; they are not judged"
                )
        if start:
            notes.append(
                f"{name}: the first {start} steps are left out, because a channel is not known there"
            )
        series.append(full[start:])
        clocks.append(np.arange(len(full))[start:] if table.times is None else table.times[row][start:])
    times = None if table.times is None else clocks
    return SeriesTable(
        where=table.where, names=table.names, values=series, channels=table.channels, kind=table.kind,
        targets=table.targets, times=times, wanted=table.wanted, damaged=table.damaged, notes=table.notes,
    ), notes  # fmt: skip


# ---- the season


def season_of(table: SeriesTable, share: float = 0.7) -> int:
    """Steps of a season, 0 where none shows: the calendar's, or the lag whose correlation stands out.

    share: how much of each series, from its beginning, is looked at
    """
    longest = max(range(len(table)), key=lambda row: len(table.values[row]))
    values = filled(table.values[longest])[:, table.wanted[0]]
    values = values[np.isfinite(values)]
    changes = np.diff(values[: int(share * len(values))])
    step = None if table.times is None else step_of(table.times[longest])
    calendar = step.season if step is not None else 0
    if calendar and _correlation(changes, calendar) >= BY_CALENDAR:
        return calendar
    most = min(len(changes) // 3, 400)
    found = {lag: _correlation(changes, lag) for lag in range(3, most + 1)}
    peaks = [lag for lag in range(4, most) if found[lag] >= max(found[lag - 1], found[lag + 1])]
    best = max(peaks, key=lambda lag: found[lag], default=0)
    return best if best and found[best] >= SEASONAL else 0


def _correlation(changes: np.ndarray, lag: int) -> float:
    if len(changes) < 2 * lag + 2:
        return 0.0
    centred = changes - changes.mean()
    return float((centred[lag:] * centred[:-lag]).sum() / max(1e-12, (centred**2).sum()))


# ---- the cut along time


@dataclass(frozen=True)
class Cut:
    """Where the parts of one series end, in its own steps: train is [0, train), val [train, val)."""

    train: int
    val: int
    end: int


def cuts(table: SeriesTable, horizon: int, val: float, test: float) -> list[Cut]:
    """The same moments for all series. Raises PersonError("too-few-steps") where nothing is left to learn."""
    begins = begins_of(table)
    end = max(begin + len(values) for begin, values in zip(begins, table.values, strict=True))
    span = end - min(begins)
    last, middle = (max(round(share * span), horizon + ORIGINS - 1) for share in (test, val))
    made = []
    for begin, values in zip(begins, table.values, strict=True):
        train, until = (min(max(0, end - back - begin), len(values)) for back in (last + middle, last))
        made.append(Cut(train, until, len(values)))
    longest = max(cut.train for cut in made)
    if longest < max(2 * horizon, ORIGINS):
        raise PersonError(
            "too-few-steps",
            expected=f"a training part of at least {max(2 * horizon, ORIGINS)} steps: two horizons, where "
            f"{last} steps judge and {middle} choose",
            got=f"{longest} of {span} steps in {table.where}",
            fix="ask for a shorter --horizon, or bring more of its past",
        )  # fmt: skip
    return made


def begins_of(table: SeriesTable) -> list[int]:
    """Where each series begins on the clock that they share, in steps; 0 for all without one."""
    steps = [] if table.times is None else [step_of(times) for times in table.times]
    if not steps or any(step is None or step != steps[0] for step in steps) or table.times is None:
        return [0] * len(table)
    first: Step = steps[0]  # type: ignore[assignment]
    return [int(first.places(times[:1])[0]) for times in table.times]


# ---- windows


@dataclass(frozen=True)
class Windows:
    """All origins of a table. row i: series[i], origins[i]; parts as row numbers.

    table:   without missing values; known: bool (length, channels) of each series, where it was not filled in
    moments: of each row, steps on the shared clock
    """

    table: SeriesTable
    known: Sequence[np.ndarray]
    cuts: Sequence[Cut]
    history: int
    horizon: int
    series: np.ndarray
    origins: np.ndarray
    moments: np.ndarray
    train: np.ndarray
    val: np.ndarray
    test: np.ndarray
    notes: tuple[str, ...] = ()

    def to_json(self, table: SeriesTable) -> dict[str, Any]:
        """What splits.json holds: where the parts of each series end, and a digest of the data."""
        ends = {
            name: {"train": cut.train, "val": cut.val, "test": cut.end}
            for name, cut in zip(self.table.names, self.cuts, strict=True)
        }
        return {"schema": SCHEMA, "digest": data_digest(self.table), "ends": ends}

    def seen(self, row: int) -> np.ndarray:
        """What window `row` sees, (up to history, channels)."""
        origin = int(self.origins[row])
        return self.table.values[self.series[row]][max(0, origin - self.history) : origin]

    def following(self, rows: np.ndarray, *, until: str = "") -> np.ndarray:
        """What follows, float64 (rows, horizon, wanted); NaN beyond the part `until`, and where not known."""
        wanted = list(self.table.wanted)
        found = np.full((len(rows), self.horizon, len(wanted)), np.nan)
        for place, row in enumerate(rows):
            number, origin = int(self.series[row]), int(self.origins[row])
            cut = self.cuts[number]
            stop = min(origin + self.horizon, getattr(cut, until) if until else cut.end)
            ahead = self.table.values[number][origin:stop, wanted]
            found[place, : len(ahead)] = np.where(self.known[number][origin:stop, wanted], ahead, np.nan)
        return found


def windows_of(
    table: SeriesTable, history: int, horizon: int, fewest: int, *, val: float, test: float,
    ends: Sequence[Cut] | None = None,
) -> Windows:  # fmt: skip
    """Every origin of every series.

    fewest: steps that the shortest window sees; ends: where the parts end, where that is decided already
    Raises PersonError: "too-many-missing", "too-few-steps".
    """
    complete, notes = whole(table)
    begins = begins_of(complete)
    known = [np.isfinite(old[len(old) - len(new) :]) for old, new in zip(table.values, complete.values)]
    given, ends = ends is not None, ends or cuts(complete, horizon, val, test)
    rows: dict[str, list[tuple[int, int]]] = {part: [] for part in PARTS}
    for number, cut in enumerate(ends):
        last = {"train": cut.train - (horizon + 1) // 2, "val": cut.val - horizon, "test": cut.end - horizon}
        first = {"train": fewest, "val": max(fewest, cut.train), "test": max(fewest, cut.val)}
        for part in PARTS:
            rows[part] += [(number, origin) for origin in range(first[part], last[part] + 1)]
    for part in PARTS:
        if not rows[part] and not given:
            raise PersonError(
                "too-few-steps",
                expected=f"windows of {fewest} steps or more with {horizon} steps after them in every part",
                got=f"none in the {part} part of {table.where}",
                fix="ask for a shorter --horizon or --history, or bring more of its past",
            )
    every = [pair for part in PARTS for pair in rows[part]]
    bounds = np.cumsum([0, *(len(rows[part]) for part in PARTS)])
    pairs = np.array(every, dtype=np.int64).reshape(-1, 2)
    moments = pairs[:, 1] + np.array(begins, dtype=np.int64)[pairs[:, 0]]
    parts = [np.arange(bounds[n], bounds[n + 1]) for n in range(3)]
    return Windows(
        complete, known, ends, history, horizon, pairs[:, 0], pairs[:, 1], moments,
        train=parts[0], val=parts[1], test=parts[2], notes=tuple(notes),
    )  # fmt: skip


def measured(windows: Windows) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel over the training steps of all series."""
    steps = np.concatenate(
        [v[: cut.train] for v, cut in zip(windows.table.values, windows.cuts, strict=True)]
    )
    spread = steps.std(0)
    return tuple(map(float, steps.mean(0))), tuple(float(one) if one > 1e-12 else 1.0 for one in spread)


def recorded_cuts(table: SeriesTable, content: dict[str, Any]) -> list[Cut]:
    """Where a run cut its series, from its splits.json. Raises PersonError("data-changed")."""
    table = whole(table)[0]
    try:
        made = [Cut(train=e["train"], val=e["val"], end=e["test"])
                for e in (content["ends"][name] for name in table.names)]  # fmt: skip
        same = content["digest"] == data_digest(table)
    except (KeyError, TypeError):
        made, same = [], False
    if not same:
        raise PersonError(
            "data-changed", expected=f"the series of {table.where} as they were when the run began",
            got="other series, or other values in them",
            fix="put the data back, judge the new data with evaluate --data, or continue it with predict",
        )  # fmt: skip
    return made


class Scaled(Sequence):
    """The windows as the model sees them, float32 (up to history, channels) each: (value - mean) / std."""

    def __init__(self, windows: Windows, mean: Sequence[float], std: Sequence[float]):
        self.windows = windows
        self.series = [
            ((values - np.array(mean)) / np.array(std)).astype(np.float32) for values in windows.table.values
        ]

    def __len__(self) -> int:
        return len(self.windows.series)

    @overload
    def __getitem__(self, row: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, row: slice) -> "Scaled": ...
    def __getitem__(self, row):
        if isinstance(row, slice):
            raise TypeError("windows are asked for one by one")
        origin = int(self.windows.origins[row])
        values = self.series[int(self.windows.series[row])]
        return values[max(0, origin - self.windows.history) : origin]
