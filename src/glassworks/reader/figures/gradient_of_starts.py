"""The gradient by lag in the installed recurrent layer, untrained, from three starts.

The same layers as in the lab "gradient-by-lag", asked as `glassworks explain` asks a trained one. Beside the
curves stands where they come from: how much the state's matrix stretches a random arrow on average, and the
slopes of tanh at the states. Their product is close to what is left of the gradient after a step.
The first thing to change: `INPUTS`.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch

from glassworks.core.keyed import seed_for
from glassworks.insight.recurrent import gradient_by_lag
from glassworks.labs.gradient_by_lag import INPUTS as WIDE
from glassworks.labs.gradient_by_lag import LARGE, PLAIN, STEPS, WAYS
from glassworks.models.sequence.rnn import RNN
from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Choose, Figure, Slider

STARTS = {"as torch starts": PLAIN, "a rotation": "RNN, a rotation", "1.5 times a rotation": LARGE}
SHORT = {"as torch starts": "as torch", "a rotation": "rotation", "1.5 times a rotation": "1.5 times"}
INPUTS = {"ordinary": 1.0, "small": 0.1, "large": 4.0}
ASKED = (10, 30, 49)
FLOOR, CEILING = 1e-20, 1e6


class Asked(NamedTuple):
    """left: by lag, as a multiple of lag 0; stretch of the matrix; slope of tanh, root of the mean square."""

    left: np.ndarray
    stretch: float
    slope: float

    @property
    def a_step(self) -> float:
        """What is left after one step, on average over all of them."""
        return float(self.left[-1] ** (1 / (len(self.left) - 1)))


@lru_cache(maxsize=64)
def asked(start: str, size: float, seed: int) -> Asked:
    """One layer of 16 numbers after 50 random steps of this size."""
    layer = WAYS[STARTS[start]](seed).double()
    assert isinstance(layer, RNN)
    dice = torch.Generator().manual_seed(seed_for(seed, "random steps"))
    steps = size * torch.randn(1, STEPS, WIDE, generator=dice, dtype=torch.float64)
    with torch.enable_grad():
        found = gradient_by_lag(layer, steps)
    with torch.no_grad():
        slopes = 1 - layer(steps)[0] ** 2
        weight = layer.stacked()[0][0].from_state.weight
        stretch = float(weight.norm()) / layer.width**0.5
    return Asked(found / found[0], stretch, float(slopes.square().mean().sqrt()))


class GradientOfStarts(Figure):
    title = "Fifty steps back, in the real layer"
    says = (
        "An untrained layer of 16 numbers. As torch starts it, a factor of about 0.47 a step leaves less "
        "than a million-billionth of the gradient after 49 steps; a rotation leaves a millionth, and 1.5 "
        "times a rotation a good part."
    )
    controls = (
        Choose("size", "inputs", INPUTS),
        Slider("seed", "seed", 0, 9, step=1, value=0),
    )

    def draw(self, size: float, seed: float) -> str:
        found = {start: asked(start, size, int(seed)) for start in STARTS}
        curves = {
            start: [(lag, min(max(float(value), FLOOR), CEILING)) for lag, value in enumerate(one.left)]
            for start, one in found.items()
        }
        chart = line_chart(
            curves, across="steps back", up="gradient, times that of now", logarithmic="y",
            y=(FLOOR, CEILING), width=400, height=270,
        )  # fmt: skip
        head = ["", *SHORT.values()]
        left = [[f"left {lag} back", *(f"{one.left[lag]:.1e}" for one in found.values())] for lag in ASKED]
        why = {
            "stretch": [one.stretch for one in found.values()],
            "slope": [one.slope for one in found.values()],
            "their product": [one.stretch * one.slope for one in found.values()],
            "measured": [one.a_step for one in found.values()],
        }
        rows = [[name, *(f"{value:.3f}" for value in values)] for name, values in why.items()]
        told = (
            "stretch: of the state's matrix, a random arrow, on average (root of the mean square); slope: "
            "of tanh at the states, averaged in the same way; measured: what is left after one step."
        )
        return columns(chart, table(head, [*left, *rows])) + note(told)
