"""One step of a recurrent cell with one number of input and one of state: a sum, and tanh of it.

The sum can be anything; the new state lies between -1 and 1. Far out tanh is flat, and there neither the
input nor the old state moves the new one much.
The first thing to change: the ranges of the sliders.
"""

import math
from typing import Any

from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Figure, Slider

BIAS, REACH, POINTS = 0.0, 5.0, 81


def stepped(x: float, h: float, w: float, u: float, bias: float = BIAS) -> tuple[float, float]:
    """(the sum, the new state)."""
    total = w * x + u * h + bias
    return total, math.tanh(total)


class OneCell(Figure):
    title = "One step, by hand"
    says = (
        "The new state is tanh of a sum: so much of what comes in, so much of the state before. It stays "
        "between -1 and 1, and where tanh is flat it hardly listens any more."
    )
    controls = (
        Slider("x", "input x", -3, 3, step=0.25, value=1.0),
        Slider("h", "state before h", -1, 1, step=0.25, value=0.5),
        Slider("w", "weight of the input w", -3, 3, step=0.1, value=0.6),
        Slider("u", "weight of the state u", -3, 3, step=0.1, value=0.8),
    )

    def draw(self, x: float, h: float, w: float, u: float, **_: Any) -> str:
        total, state = stepped(x, h, w, u)
        slope = 1 - state * state
        rows = [
            ["w · x", f"{w:g} · {x:g}", f"{w * x:.4f}"],
            ["u · h", f"{u:g} · {h:g}", f"{u * h:.4f}"],
            ["sum", "", f"{total:.4f}"],
            ["new state", "tanh of the sum", f"{state:.4f}"],
            ["slope of tanh there", "1 - state²", f"{slope:.4f}"],
        ]
        at = [REACH * (2 * place / (POINTS - 1) - 1) for place in range(POINTS)]
        here = (min(max(total, -REACH), REACH), state)
        chart = line_chart(
            {"tanh": [(one, math.tanh(one)) for one in at]}, points={"this step": [here]},
            across="sum", up="new state", y=(-1, 1), width=330, height=220,
        )  # fmt: skip
        told = (
            "Here tanh is nearly flat: a little more or less comes to the same."
            if slope < 0.1
            else "Here tanh still has a slope: the new state follows what comes in."
        )
        return columns(table(["one step", "", ""], rows), chart) + note(told)
