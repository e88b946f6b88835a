"""The spread over seeds: the same loop on the same parts, from other starts and in other orders.

One run is one draw. The dots come one by one while they are trained; their mean gets Student's interval
(`labs/paired.py`), and beside it stands what one run alone would claim by the number of its test pictures.
The first thing to change: `RATES`, the two loops to compare.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from glassworks.judging.intervals import wilson
from glassworks.labs.loop import History, LoopSettings
from glassworks.labs.paired import mean_interval
from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Choose, Slider
from glassworks.reader.figures.digit_runs import RIGHT, history
from glassworks.reader.figures.measured import Measured

RATES = {"rate 0.1": 0.1, "rate 0.3": 0.3, "rate 1.0": 1.0}
TEST = 359


def with_rate(rate: float) -> LoopSettings:
    """The loop of the figures at another rate."""
    return replace(RIGHT, rate=rate)


class ManySeeds(Measured):
    title = "One run is one draw"
    says = (
        "The seed alone moves the test accuracy. So a result is a mean over seeds with its spread, not the "
        "best of them."
    )
    controls = (
        Slider("seeds", "seeds", 2, 10, step=1, value=3),
        Choose("rate", "loop", RATES),
    )

    def runs(self, seeds: int, rate: float, **_: Any) -> Sequence[tuple[float, int]]:
        return [(rate, seed) for seed in range(int(seeds))]

    def measure(self, run: tuple[float, int]) -> History:
        rate, seed = run
        return history(with_rate(rate), seed, 0)

    def show(self, known: Mapping, seeds: int, rate: float, **_: Any) -> str:
        tests = [(seed, 100 * run.test) for (_, seed), run in sorted(known.items())]
        if not tests:
            return note("No seed is trained yet.")
        values = [value for _, value in tests]
        mean = mean_interval(values)
        curves = {"mean": [(-0.5, mean.value), (int(seeds) - 0.5, mean.value)]}
        low = min(values) - 1.5
        chart = line_chart(
            curves, points={"a seed": tests}, across="seed", up="test accuracy, %",
            x=(-0.5, int(seeds) - 0.5), y=(low, min(100.5, max(values) + 1.5)), width=330, height=230,
        )  # fmt: skip
        return columns(chart, table(["", "test accuracy, %"], _rows(values, mean.low, mean.high)))


def _rows(values: list[float], low: float | None, high: float | None) -> list[list[str]]:
    first = wilson(values[0] / 100 * TEST, TEST)
    rows = [
        ["lowest and highest", f"{min(values):.1f} and {max(values):.1f}"],
        [f"mean of {len(values)}", f"{np.mean(values):.2f}"],
        ["seed 0 alone, by its 359 test pictures", f"{100 * first[0]:.1f} to {100 * first[1]:.1f}"],
    ]
    if low is not None and high is not None:
        rows.insert(2, ["standard deviation over seeds", f"{np.std(values, ddof=1):.2f}"])
        rows.insert(3, ["95 % interval of the mean", f"{low:.1f} to {min(100.0, high):.1f}"])
    return rows
