"""A bounded state beside its gradient by lag: tanh holds the one, not the other.

The matrix of the state is a rotation times a factor, so that near zero the gradient over k steps is exactly
the factor to the power k. Larger inputs drive the states to where tanh is flat, and the gradient shrinks. The
layer is the installed one, and the gradient is asked as `glassworks explain` asks it.
The first thing to change: `FACTORS`.
"""

from functools import lru_cache

import numpy as np
import torch

from glassworks.core.keyed import generator
from glassworks.insight.recurrent import gradient_by_lag
from glassworks.models.sequence.rnn import RNN, RNNCell
from glassworks.reader.draw import columns, line_chart, table
from glassworks.reader.figure import Choose, Figure

WIDTH, STEPS = 4, 51
FACTORS = {"0.5": 0.5, "0.9": 0.9, "1": 1.0, "1.1": 1.1, "1.5": 1.5}
INPUTS = {"near zero": 0.0, "small": 0.1, "ordinary": 1.0}
FLOOR, CEILING = 1e-16, 1e10


@lru_cache(maxsize=32)
def measured(factor: float, size: float) -> tuple[np.ndarray, float]:
    """(gradient by lag as a multiple of that at lag 0, largest number of any state)."""
    layer, dice = RNN(WIDTH, WIDTH).double(), generator("bounded state")
    rotation = np.linalg.qr(dice.standard_normal((WIDTH, WIDTH)))[0]
    cell = layer.cells[0]
    assert isinstance(cell, RNNCell)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        cell.from_input.weight.copy_(torch.eye(WIDTH))
        cell.from_state.weight.copy_(torch.from_numpy(factor * rotation))
    steps = torch.from_numpy(size * dice.standard_normal((1, STEPS, WIDTH)))
    with torch.enable_grad():
        gradients = gradient_by_lag(layer, steps)
    with torch.no_grad():
        largest = float(layer(steps)[0].abs().max())
    return gradients / gradients[0], largest


class BoundedState(Figure):
    title = "A bounded state, an unbounded gradient"
    says = (
        "tanh keeps every number of the state between -1 and 1. Near zero, with a matrix of size 1.5, the "
        "gradient still grows to 637,621,500 times its size over 50 steps; with 0.5 it is gone."
    )
    controls = (
        Choose("factor", "size of the state's matrix", FACTORS, value="1.5"),
        Choose("size", "inputs", INPUTS),
    )

    def draw(self, factor: float, size: float) -> str:
        gradients, largest = measured(factor, size)
        points = [(lag, min(max(float(one), FLOOR), CEILING)) for lag, one in enumerate(gradients)]
        powers = [(lag, min(max(factor**lag, FLOOR), CEILING)) for lag in range(STEPS)]
        chart = line_chart(
            {"gradient": points, "factor to the power of the lag": powers}, across="steps back",
            up="gradient, times that of now", logarithmic="y", y=(FLOOR, CEILING), width=440, height=250,
        )  # fmt: skip
        rows = [
            ["largest number of any state", f"{largest:.3f}"],
            ["gradient 10 steps back", f"{gradients[10]:.3g}"],
            ["gradient 50 steps back", f"{gradients[50]:.4g}"],
            [f"{factor:g} to the power 50", f"{factor**50:.4g}"],
        ]
        return columns(chart, table(["", "value"], rows))
