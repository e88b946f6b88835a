"""Twelve months ahead in two ways: one map that feeds on itself, or a map for each step.

Both are linear maps of the last values, by least squares on the training part, so nothing here hangs on luck
in training. The recursive one says the next step, takes what it said as known, and goes on; the direct ones
each say their own step from what is really known.
The first thing to change: `AHEAD`.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from glassworks.labs.small_series import PERIOD, cut
from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Choose, Figure, Slider
from glassworks.reader.figures.simple_forecasts import SERIES, TRAIN, series_of

AHEAD = 24
RECURSIVE, DIRECT, SEASON = (
    "recursive: one map, again and again",
    "direct: a map for each step",
    "last season",
)


@lru_cache(maxsize=128)
def errors(name: str, history: int) -> dict[str, np.ndarray]:
    """The mean absolute error by steps ahead on the last part, (AHEAD,) each."""
    values = series_of(name)
    training, test = cut(values, TRAIN, max(history, PERIOD), AHEAD)
    given, asked = (np.c_[part.seen[:, -history:], np.ones(len(part.seen))] for part in (training, test))
    weights = np.linalg.lstsq(given, training.following, rcond=None)[0]  # (history + 1, AHEAD)
    window, steps = test.seen[:, -history:], []
    for _ in range(AHEAD):
        step = np.c_[window, np.ones(len(window))] @ weights[:, 0]
        steps.append(step)
        window = np.c_[window[:, 1:], step]
    again = test.seen[:, -PERIOD:][:, np.arange(AHEAD) % PERIOD]
    found = {RECURSIVE: np.stack(steps, 1), DIRECT: asked @ weights, SEASON: again}
    return {way: np.abs(test.following - forecast).mean(0) for way, forecast in found.items()}


class DirectOrRecursive(Figure):
    title = "Many steps ahead, in two ways"
    says = (
        "The first step is the same in both ways. Further ahead the recursive forecast lives on its own "
        "words, and what the map missed comes back with every step; which way is better depends on how "
        "much was seen and on the series."
    )
    controls = (
        Choose("series", "series", SERIES),
        Slider("history", "steps seen", 1, 36, step=1, value=6),
    )

    def draw(self, series: str, history: int, **_: Any) -> str:
        found = errors(series, int(history))
        curves = {way: [(at, float(v)) for at, v in enumerate(own, 1)] for way, own in found.items()}
        worst = max(float(own.max()) for own in found.values())
        limit = 3 * float(found[SEASON].max())
        chart = line_chart(
            curves, across="steps ahead", up="mean absolute error", y=(0.0, min(worst, limit)), x=(1, AHEAD),
            width=440, height=270,
        )  # fmt: skip
        rows = [
            [way.partition(":")[0], f"{own[0]:.2f}", f"{own[PERIOD - 1]:.2f}", f"{own[-1]:.2f}"]
            for way, own in found.items()
        ]
        head = ["steps ahead", "1", str(PERIOD), str(AHEAD)]
        return columns(chart, table(head, rows)) + note(
            "In the units of the series, at every origin of the last 72 steps that has 24 steps after it."
        )
