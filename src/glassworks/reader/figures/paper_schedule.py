"""The learning rate of the Transformer of 2017: a straight line up, then down with the root of the steps.

    rate = width ** -0.5 * min(step ** -0.5, step * warmup ** -1.5)

The two expressions meet at the last step of the warm-up, where the rate is largest.
The first thing to change: `STEPS`.
"""

from typing import Any

from glassworks.reader.draw import columns, line_chart, table
from glassworks.reader.figure import Choose, Figure, Slider

STEPS = 20_000
ASKED = (1, 100, 1_000, 4_000, 16_000, 100_000)


def rate(step: int, width: int, warmup: int) -> float:
    """Formula 3 of the paper; steps are counted from 1."""
    return width**-0.5 * min(step**-0.5, step * warmup**-1.5)


class PaperSchedule(Figure):
    title = "The rate of 2017"
    says = (
        "Up in a straight line, and from the end of the warm-up down with the root of the steps: four times "
        "the steps, half the rate. A longer warm-up also makes the peak lower."
    )
    controls = (
        Slider("warmup", "steps of warm-up", 500, 8_000, step=500, value=4_000),
        Choose(
            "width", "numbers a token", {"512, the base model": 512, "1,024, the big one": 1024, "64": 64}
        ),
    )

    def draw(self, warmup: int, width: int, **_: Any) -> str:
        warmup = int(warmup)
        at = sorted({*range(1, STEPS + 1, 100), warmup})
        paper = [(step, 1000 * rate(step, 512, 4_000)) for step in sorted({*at, 4_000})]
        here = [(step, 1000 * rate(step, width, warmup)) for step in at]
        curves = {"here": here} | ({} if (width, warmup) == (512, 4_000) else {"of the paper": paper})
        chart = line_chart(
            curves, across="step", up="rate, thousandths", marks=[(warmup, "peak")],
            x=(0, STEPS), width=400, height=240,
        )  # fmt: skip
        rows = [["peak", f"{warmup:,}", f"{rate(warmup, width, warmup):.3g}"]]
        rows += [["", f"{step:,}", f"{rate(step, width, warmup):.3g}"] for step in ASKED]
        return columns(chart, table(["", "step", "rate"], rows))
