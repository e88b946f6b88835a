"""Weights as whole numbers: the staircase that a scale and a zero make, and what it does to a real network.

All filters and dense layers of a small network that reads digits are rounded to so many bits and back; maps
stay in float, so that one thing is seen at a time. Jacob et al. 2017, arXiv 1712.05877.
First thing to change: `FILTERS`, how many scales a layer has.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from glassworks.reader import draw
from glassworks.reader.figure import Choose, Slider
from glassworks.reader.figures.layered_cnn import network, parts
from glassworks.reader.figures.measured import Measured

FILTERS = {"one for each layer": False, "one for each filter": True}
MOST, STEPS = 8, 161  # bits; points of the drawn staircase
Run = tuple[int, bool]


class Rounded(NamedTuple):
    """accuracy, agrees: on test pictures, in points of 100; apart: largest difference of a probability."""

    accuracy: float
    agrees: float
    apart: float


def scale_and_zero(low: float, high: float, bits: int) -> tuple[float, int]:
    """Step, and the whole number that stands for 0, for values between low and high; 0 always has one."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = max(high - low, 1e-12) / (2**bits - 1)
    return scale, round(-low / scale)


def there_and_back(values: Tensor, bits: int, each: bool) -> Tensor:
    """Values on the nearest steps of their staircase; each: one staircase for each filter (dimension 0)."""
    rows = values.flatten(1) if each else values.reshape(1, -1)
    low, high = rows.amin(1, keepdim=True).clamp_max(0), rows.amax(1, keepdim=True).clamp_min(0)
    scale = (high - low).clamp_min(1e-12) / (2**bits - 1)
    zero = (-low / scale).round()
    whole = (rows / scale + zero).round().clamp(0, 2**bits - 1)
    return ((whole - zero) * scale).reshape(values.shape)


@lru_cache(maxsize=32)
def rounded(bits: int, each: bool) -> Rounded:
    """The network with its weights on steps, beside the network itself."""
    live, coarse = network(True), network(True)
    with torch.inference_mode():
        for module in coarse.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                module.weight.copy_(there_and_back(module.weight, bits, each))
        test = parts()[1]
        ours, theirs = (model(test.pictures).softmax(1) for model in (live, coarse))
    said = theirs.argmax(1)
    return Rounded(
        100 * float((said == test.targets).double().mean()),
        100 * float((said == ours.argmax(1)).double().mean()),
        float((ours - theirs).abs().max()),
    )


class StepAndScale(Measured):
    title = "How many steps does a weight need?"
    says = (
        "Eight bits are 256 steps, and on them this network answers as before. With three it matters whether "
        "a layer has one scale or each filter its own; with two bits little is left."
    )
    controls = (
        Slider("bits", "bits of a weight", 2, MOST, step=1, value=3),
        Choose("each", "scales", FILTERS),
        Slider("low", "staircase from", -2.0, -0.5, step=0.25, value=-1.0),
        Slider("high", "staircase to", 0.5, 4.0, step=0.25, value=3.0),
    )

    def runs(self, bits: int, each: bool, **_: Any) -> tuple[Run, ...]:
        return ((int(bits), each),)

    def measure(self, run: Run) -> Rounded:
        return rounded(*run)

    def show(self, known: Mapping[Run, Rounded], bits: int, each: bool, low: float, high: float) -> str:
        bits = int(bits)
        scale, zero = scale_and_zero(low, high, bits)
        at = torch.linspace(low - 0.5, high + 0.5, STEPS)
        on = ((at / scale + zero).round().clamp(0, 2**bits - 1) - zero) * scale
        curves = {"on steps": list(zip(at.tolist(), on.tolist())), "itself": [(low, low), (high, high)]}
        chart = draw.line_chart(curves, across="value", up="value that is kept", width=400, height=240)
        facts = [
            ["steps", f"{2**bits}"],
            ["scale (height of a step)", f"{scale:.4f}"],
            ["zero point (the step of 0)", f"{zero}"],
            ["largest rounding error inside", f"{scale / 2:.4f}"],
        ]
        drawn = draw.columns(chart, draw.table(["the staircase", ""], facts))
        if (bits, each) not in known:
            return drawn
        found = known[bits, each]
        rows = [
            ["test accuracy", f"{found.accuracy:.1f} %"],
            ["same decisions as in float", f"{found.agrees:.1f} %"],
            ["largest difference of a probability", f"{found.apart:.2f}"],
        ]
        return drawn + draw.table([f"the network with weights of {bits} bits", ""], rows)
