"""A batch norm folded into the filter before it: fewer parts, the same answers up to rounding.

The folding of the whole network is that of the engines (`deploy/engines.py`); the numbers of one filter are
worked out beside it. First thing to change: `network`, to fold another one.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from glassworks.deploy.engines import fold_norms
from glassworks.reader import draw
from glassworks.reader.figure import Slider
from glassworks.reader.figures.layered_cnn import STAGES, network, parts
from glassworks.reader.figures.measured import Measured

FILTERS, PICTURES = 16, 64


class Folded(NamedTuple):
    """Parts that compute, before and after; the largest score; the largest difference of a score."""

    before: int
    after: int
    largest: float
    apart: float


def computing(model: nn.Module) -> int:
    """Filters, dense layers and norms."""
    return sum(isinstance(one, (nn.Conv2d, nn.Linear, nn.BatchNorm2d)) for one in model.modules())


@lru_cache(maxsize=1)
def folded() -> Folded:
    """The whole network, folded by the engines."""
    model, pictures = network(True), parts()[1].pictures[:PICTURES]
    one = fold_norms(model, pictures)
    with torch.inference_mode():
        ours, theirs = model(pictures), one(pictures)
    return Folded(
        computing(model), computing(one), float(ours.abs().max()), float((ours - theirs).abs().max())
    )


@lru_cache(maxsize=64)
def one_filter(stage: int, number: int) -> tuple[np.ndarray, dict[str, float], np.ndarray, float]:
    """A filter's strongest plane before, the norm's numbers, the plane after, and the new offset."""
    part = network(True).get_submodule(f"stages.{stage - 1}")
    filters, norm = part.get_submodule("convolution"), part.get_submodule("norm")
    assert isinstance(filters, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None and norm.running_var is not None and filters.bias is not None
    planes = filters.weight[number].detach()
    plane = planes[int(planes.square().sum((1, 2)).argmax())]
    names = {
        "gain": norm.weight,
        "offset": norm.bias,
        "mean": norm.running_mean,
        "variance": norm.running_var,
    }
    numbers = {name: float(values[number].detach()) for name, values in names.items()}
    factor = numbers["gain"] / (numbers["variance"] + norm.eps) ** 0.5
    offset = (float(filters.bias[number].detach()) - numbers["mean"]) * factor + numbers["offset"]
    numbers["factor"] = factor
    return plane.numpy(), numbers, (plane * factor).numpy(), offset


class FoldSeen(Measured):
    title = "A norm disappears into its filter"
    says = (
        "In evaluation a batch norm multiplies each map by a number and adds another. The filter before it "
        "can do both by itself. The answers stay, and a quarter and more of the parts is gone."
    )
    controls = (
        Slider("stage", "stage", 1, STAGES, step=1, value=1),
        Slider("number", "filter", 0, FILTERS - 1, step=1, value=0),
    )

    def runs(self, **_: Any) -> tuple[str, ...]:
        return ("network",)

    def measure(self, run: str) -> Folded:
        return folded()

    def show(self, known: Mapping[str, Folded], stage: int, number: int) -> str:
        if not known:
            return ""
        before, numbers, after, offset = one_filter(int(stage), int(number))
        found = known["network"]
        most = float(max(np.abs(before).max(), np.abs(after).max()))
        grids = draw.columns(
            draw.number_grid(before, title="the filter's strongest plane", most=most),
            draw.number_grid(after, title=f"folded: times {numbers['factor']:.2f}", most=most),
        )
        norm = [[name, f"{numbers[name]:.3f}"] for name in ("gain", "offset", "mean", "variance")]
        rows = [
            ["parts that compute", f"{found.before}", f"{found.after}"],
            ["largest score", f"{found.largest:.2f}", f"{found.largest:.2f}"],
            ["largest difference", "", f"{found.apart:.1e}"],
        ]
        return (
            grids
            + draw.columns(
                draw.table(["of the norm", ""], norm),
                draw.table(["whole network", "live", "folded"], rows),
            )
            + draw.note(f"The folded filter's own offset is {offset:.3f}.")
        )
