"""Rows of series: numbers in time, with a class each, or to be continued."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glassworks.core.rows import Damage, Kind, target_words


@dataclass(frozen=True)
class SeriesTable:
    """Series, one row each: many short ones that carry a class, or one or a few long ones to be continued.

    where:    what the person typed
    names:    unique name of each series
    values:   float64 (length, channels) of each series, NaN where a value is missing
    channels: names of the channels, the same for all
    kind:     "label" or "number" of a whole series, "forecast" where its own future is the target
    targets:  int64 (rows,) class indices; float64 (rows,); empty for "forecast"
    classes:  names in the order of the indices
    times:    for each series its times, datetime64[s] or int64 (length,), rising; None where they are unknown
    wanted:   channels that are forecast; the others are only seen
    parts, groups, damaged, notes: as in `core.rows.PictureTable`
    """

    where: str
    names: tuple[str, ...]
    values: Sequence[np.ndarray]
    channels: tuple[str, ...]
    kind: Kind
    targets: np.ndarray
    classes: tuple[str, ...] = ()
    times: Sequence[np.ndarray] | None = None
    wanted: tuple[int, ...] = (0,)
    parts: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None
    damaged: tuple[Damage, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self):
        if not self.parts:
            object.__setattr__(self, "parts", ("",) * len(self.names))
        columns: dict[str, Any] = {"values": self.values, "parts": self.parts, "groups": self.groups}
        columns |= {"times": self.times}
        if self.kind != "forecast":
            columns["targets"] = self.targets
        for what, column in columns.items():
            if column is not None and len(column) != len(self.names):
                raise ValueError(f"{what} has {len(column)} rows, names has {len(self.names)}")

    def __len__(self) -> int:
        return len(self.names)

    def target_words(self) -> list[str]:
        """The target of each series in words, for the digest of the data; a future is its own target."""
        if self.kind == "forecast":
            return [values.tobytes().hex() for values in self.values]
        return target_words(self.kind, self.targets, self.classes, len(self))

    def select(self, rows: Sequence[int] | np.ndarray) -> "SeriesTable":
        """The table of some series, in the order asked for; the classes stay the same."""
        rows = [int(row) for row in rows]
        return replace(
            self,
            names=tuple(self.names[row] for row in rows),
            values=[self.values[row] for row in rows],
            targets=self.targets if self.kind == "forecast" else self.targets[rows],
            times=None if self.times is None else [self.times[row] for row in rows],
            parts=tuple(self.parts[row] for row in rows),
            groups=None if self.groups is None else tuple(self.groups[row] for row in rows),
        )
