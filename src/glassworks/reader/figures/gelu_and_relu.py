"""GELU beside ReLU, with their slopes: two curves that agree far out and differ around zero.

GELU multiplies x by the probability that a standard normal number lies below x (Hendrycks & Gimpel 2016). It
has two usual short forms, by tanh and by a sigmoid. The values are those of the installed functions.
The first thing to change: `FROM` and `TO`.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from glassworks.blocks.encoder_block import ACTIVATIONS
from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Choose, Figure, Slider

FROM, TO, STEP = -4.0, 3.0, 0.05
FORMS = {"exact": "gelu", "by tanh": "gelu-tanh", "by a sigmoid": "quick-gelu"}


def value_and_slope(name: str, numbers: Tensor) -> tuple[Tensor, Tensor]:
    """What an activation makes of numbers (any shape), and its slope there."""
    activation: Callable[[Tensor], Tensor] = ACTIVATIONS[name]
    numbers = numbers.detach().requires_grad_()
    values = activation(numbers)
    return values.detach(), torch.autograd.grad(values.sum(), numbers)[0]


@cache
def curve(name: str) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """The activation and its slope as points."""
    numbers = torch.arange(FROM, TO + STEP / 2, STEP, dtype=torch.float64)
    values, slopes = value_and_slope(name, numbers)
    at = numbers.tolist()
    return list(zip(at, values.tolist())), list(zip(at, slopes.tolist()))


class GeluAndRelu(Figure):
    title = "GELU beside ReLU"
    says = (
        "Far from zero both agree. Between -3 and 0 GELU lets a little through, dips to -0.17 at -0.75 and "
        "has a slope nearly everywhere; ReLU is flat on the whole negative side."
    )
    controls = (
        Slider("x", "x", FROM, TO, step=0.25, value=-1),
        Choose("form", "GELU", FORMS),
    )

    def draw(self, x: float, form: str, **_: Any) -> str:
        here = torch.tensor(x, dtype=torch.float64)
        names = {"GELU": form, "ReLU": "relu"}
        found = {said: value_and_slope(name, here) for said, name in names.items()}
        rows = [[said, f"{value:.6f}", f"{rise:.6f}"] for said, (value, rise) in found.items()]
        charts = []
        for place, up in enumerate(("value", "slope")):
            charts.append(line_chart(
                {said: curve(name)[place] for said, name in names.items()},
                points={said: [(x, float(pair[place]))] for said, pair in found.items()},
                across="x", up=up, width=350, height=230,
            ))  # fmt: skip
        exact = float(value_and_slope("gelu", here)[0])
        off = abs(float(found["GELU"][0]) - exact)
        told = (
            "The exact form." if form == "gelu" else
            f"This form is off by {off:.6f} here. Weights that were trained with one form want the same one."
        )  # fmt: skip
        return columns(*charts) + table([f"at x = {x:g}", "value", "slope"], rows) + note(told)
