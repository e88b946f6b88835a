"""A real series cut along time, and one window on it: what is seen, and what is to be said.

The window is moved by its origin, the step before which everything is known. The first part of the series
trains, the next chooses, the last judges; a window whose future crosses a cut belongs to none of them.
The first thing to change: `CUTS`.
"""

from typing import Any

import numpy as np

from glassworks.labs.small_series import co2
from glassworks.reader.draw import columns, line_chart, note, table, text
from glassworks.reader.figure import Choose, Figure, Slider

CUTS = (218, 265)  # of 312 months: 70 %, 15 %, 15 %
PARTS = ("training", "validation", "test")


def part_of(origin: int, history: int, horizon: int, length: int, cuts: tuple[int, int] = CUTS) -> str:
    """The part that a window belongs to by its future; "" where the window is not whole or crosses a cut."""
    if origin < history or origin + horizon > length:
        return ""
    bounds = (0, *cuts, length)
    return next((name for name, low, high in zip(PARTS, bounds, bounds[1:], strict=False)
                 if low <= origin and origin + horizon <= high), "")  # fmt: skip


def counts(history: int, horizon: int, length: int) -> dict[str, int]:
    """How many windows each part has; "" for those that cross a cut."""
    found = [part_of(at, history, horizon, length) for at in range(history, length - horizon + 1)]
    return {name: found.count(name) for name in (*PARTS, "")}


class WindowsAlongTime(Figure):
    title = "A series, cut along time"
    says = (
        "A window is an origin with the steps before it, which are seen, and the steps after it, which are "
        "to be said. It belongs to the part that its future lies in. Where the future crosses a cut, the "
        "window is left out."
    )
    controls = (
        Slider("origin", "origin", 36, 300, step=1, value=150),
        Choose("history", "steps seen", {"12": 12, "24": 24, "36": 36}, value="24"),
        Choose("horizon", "steps ahead", {"1": 1, "6": 6, "12": 12}, value="12"),
    )

    def draw(self, origin: int, history: int, horizon: int, **_: Any) -> str:
        values = co2()
        points = [(float(at), float(value)) for at, value in enumerate(values)]
        curves = {
            "series": points,
            "seen": points[origin - history : origin],
            "to be said": points[origin : origin + horizon],
        }
        chart = line_chart(
            curves, points={"to be said": curves["to be said"]}, across="month", up="CO2, parts per million",
            marks=[(CUTS[0], "chooses"), (CUTS[1], "judges")],
            pens={"series": "f", "seen": "a", "to be said": "d"}, x=(0, len(values)), y=(325, 388),
            width=460, height=250,
        )  # fmt: skip
        part = part_of(origin, history, horizon, len(values))
        told = (
            text(f"This window belongs to the {part} part.")
            if part
            else text(
                "Its future crosses a cut: it is left out, or one part would learn of the next.", "warn"
            )
        )
        found = counts(history, horizon, len(values))
        rows = [[name or "left out, across a cut", str(found[name])] for name in (*PARTS, "")]
        return columns(chart, told + table(["windows of this size", "count"], rows)) + note(
            f"Carbon dioxide over Mauna Loa, {len(values)} months from 1976 on; left of the first cut the "
            f"series trains. {np.ptp(values):.0f} parts per million between the lowest month and the highest."
        )
