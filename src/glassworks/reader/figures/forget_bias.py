"""How far an untrained LSTM or GRU listens, by the bias of the gate that keeps its memory.

The layers are the installed ones, half as wide as in the lab "gradient-by-lag". The line beside
the measured one is the way along the memory alone: the open share of the gate, once for each step.
The first thing to change: `WIDTH`.
"""

import math
from functools import lru_cache

import numpy as np
import torch

from glassworks.core.keyed import seed_for
from glassworks.insight.recurrent import gradient_by_lag
from glassworks.labs.gradient_by_lag import INPUTS, STEPS
from glassworks.labs.small_recurrent import layer_of, open_gates
from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Choose, Figure, Slider

KINDS = {"LSTM": "LSTM", "GRU": "GRU"}
WIDTH = 8
FLOOR, CEILING = 1e-16, 1e4


def opened(bias: float) -> float:
    """How far a gate stands open where nothing but its bias acts: the sigmoid."""
    return 1 / (1 + math.exp(-bias))


@lru_cache(maxsize=256)
def left(kind: str, bias: float | None, seed: int = 0) -> np.ndarray:
    """The gradient by lag by that at lag 0, (STEPS,); bias None: as torch starts."""
    layer = layer_of(kind, INPUTS, WIDTH, seed)
    if bias is not None:
        open_gates(layer, bias)
    dice = torch.Generator().manual_seed(seed_for(seed, "random steps"))
    steps = torch.randn(1, STEPS, INPUTS, generator=dice, dtype=torch.float64)
    with torch.enable_grad():
        found = gradient_by_lag(layer.double(), steps)
    return found / found[0]


class ForgetBias(Figure):
    title = "A gate that starts open"
    says = (
        "As torch starts it, an LSTM's forget gate stands about half open, and half a step is half a memory: "
        "the gradient fades. With a bias of 5 the gate is 99.3 % open, and after 49 steps a good part is "
        "left."
    )
    controls = (
        Slider("bias", "bias of the gate that keeps", -2, 6, step=0.5, value=5),
        Choose("kind", "cell", KINDS),
    )

    def draw(self, bias: float, kind: str) -> str:
        found, usual, share = left(kind, float(bias)), left(kind, None), opened(bias)
        curves = {
            "with this bias": found,
            "as torch starts": usual,
            "the gate alone": share ** np.arange(STEPS),
        }
        chart = line_chart(
            {name: [(lag, min(max(float(one), FLOOR), CEILING)) for lag, one in enumerate(row)]
             for name, row in curves.items()},
            across="steps back", up="gradient, times that of now", logarithmic="y", y=(FLOOR, CEILING),
            width=400, height=260,
        )  # fmt: skip
        last = STEPS - 1
        rows = [
            ["gate open", f"{100 * share:.2f} %"],
            [f"the gate alone, {last} steps", f"{share**last:.2g}"],
            [f"measured, {last} steps", f"{found[-1]:.2g}"],
            ["as torch starts", f"{usual[-1]:.2g}"],
        ]
        gate = "forget gate" if kind == "LSTM" else "update gate"
        told = (
            f"The bias of the {gate} of an untrained layer of {WIDTH} numbers, which reads {STEPS} random "
            "steps."
        )
        return columns(chart, table(["", "value"], rows)) + note(told)
