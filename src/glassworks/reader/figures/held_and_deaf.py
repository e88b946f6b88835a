"""What a number must do to be held by tanh, and what its gradient then does: it fades.

h <- tanh(u h) holds a value where the step leaves it as it is. Values beside it must come back, otherwise a
little noise would carry it away; but what brings values together shrinks their differences, and a gradient is
a difference. Held firmly and heard from afar exclude each other in a plain cell (Bengio et al. 1994).
The first thing to change: `MOST`.
"""

import math

from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Figure, Slider

LEAST, MOST, STEP = 0.5, 3.0, 0.05


def held(u: float) -> float:
    """The value above 0 that h <- tanh(u h) leaves as it is; 0 where there is none.

    >>> round(held(2.0), 4), held(0.9)
    (0.9575, 0.0)
    """
    if u <= 1:
        return 0.0
    low, high = 1e-9, 1.0  # tanh(u h) - h is above 0 below it, and below 0 above it
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if math.tanh(u * middle) > middle else (low, middle)
    return (low + high) / 2


def factor(u: float) -> float:
    """How much of a difference is left after one step there: u times the slope of tanh."""
    return u * (1 - held(u) ** 2)


class HeldAndDeaf(Figure):
    title = "Held, and deaf"
    says = (
        "With u = 2 a number stays at 0.958 for ever. There a step leaves 0.166 of any difference, so ten "
        "steps leave less than a fifty-millionth: the number is remembered, and how it came about can hardly "
        "be learned any more."
    )
    controls = (Slider("u", "weight of the state u", LEAST, MOST, step=STEP, value=2.0),)

    def draw(self, u: float) -> str:
        places = [LEAST + STEP * number for number in range(round((MOST - LEAST) / STEP) + 1)]
        chart = line_chart(
            {
                "value that is held": [(one, held(one)) for one in places],
                "factor of the gradient": [(one, factor(one)) for one in places],
            },
            points={"value that is held": [(u, held(u))], "factor of the gradient": [(u, factor(u))]},
            across="weight of the state u", y=(0, 1), width=380, height=240,
        )  # fmt: skip
        value, one = held(u), factor(u)
        rows = [
            ["value that is held", f"{value:.4f}" if value else "none but 0"],
            ["slope of tanh there", f"{1 - value * value:.4f}"],
            ["factor a step", f"{one:.4f}"],
            ["left after 10 steps", f"{one**10:.2g}"],
            ["left after 50 steps", f"{one**50:.2g}"],
        ]
        told = (
            "Nothing is held: the number fades, and its gradient with it."
            if u < 1
            else "On the edge: nothing is held for ever, but number and gradient fade slowly."
            if u == 1
            else "The number is held. A difference fades with each step, and a gradient is a difference."
        )
        return columns(chart, table(["", "value"], rows)) + note(told)
