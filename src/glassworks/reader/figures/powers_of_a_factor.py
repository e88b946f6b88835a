"""One factor, multiplied again and again: what is left of a gradient after so many steps.

A state of one number: each step back multiplies by its weight u and by the slope of tanh where the state is,
1 - h². The product of equal factors is a power, and powers know only three ends: nothing, one, and no bound.
The first thing to change: `STEPS`.
"""

import math

from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Figure, Slider

STEPS, ASKED = 50, (10, 30, 50)
FLOOR, CEILING = 1e-16, 1e10
HUNDREDTH = 0.01


def until_hundredth(factor: float) -> int | None:
    """Steps until less than a hundredth is left; None where it never comes to that."""
    if factor >= 1:
        return None
    return 1 if factor < HUNDREDTH else math.floor(math.log(HUNDREDTH) / math.log(factor)) + 1


class PowersOfAFactor(Figure):
    title = "A factor, many times"
    says = (
        "With a factor of 0.9 a step, 35 % of a gradient is left after 10 steps and half a per cent after "
        "50. With 1.1 it has grown 117 times. Only at 1 does it stay."
    )
    controls = (
        Slider("u", "weight of the state u", 0.1, 2, step=0.05, value=0.9),
        Slider("h", "where the state is, h", 0, 0.95, step=0.05, value=0),
    )

    def draw(self, u: float, h: float) -> str:
        slope = 1 - h * h
        factor = u * slope
        points = [(step, min(max(factor**step, FLOOR), CEILING)) for step in range(STEPS + 1)]
        even = [(0, 1.0), (STEPS, 1.0)]
        chart = line_chart(
            {"what is left": points, "factor 1": even}, across="steps back", up="times that of now",
            logarithmic="y", y=(FLOOR, CEILING), width=360, height=240,
        )  # fmt: skip
        reach = until_hundredth(factor)
        rows = [
            ["slope of tanh at h", "1 - h²", f"{slope:.4f}"],
            ["factor a step", f"{u:g} · {slope:.4f}", f"{factor:.4f}"],
            *([f"after {step} steps", f"factor^{step}", f"{factor**step:.4g}"] for step in ASKED),
            ["under 0.01 after", "", f"{reach} steps" if reach else "never"],
        ]
        told = (
            "It shrinks: what was long ago counts for nothing."
            if factor < 1
            else "It neither shrinks nor grows."
            if factor == 1
            else "It grows: what was long ago counts for more than what was just now."
        )
        return columns(chart, table(["", "", "value"], rows)) + note(told)
