"""A classifier from the picture to the scores: what every part gives, learns and computes.

Shapes and costs are counted by `insight.cost.stage_costs` on the installed models, which are built without
numbers for it. For the first dense layer the picture's size decides how many weights there are.
The first thing to change: `NETWORKS`.
"""

from functools import lru_cache
from typing import Any

import torch
from torch import nn

from glassworks.insight.cost import StageCost, stage_costs
from glassworks.models.vision import cnn, lenet
from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure, Slider
from glassworks.reader.figures.hollow import hollow

NETWORKS = {
    "two-layer": "two-layer", "two-layer-improved": "two-layer-improved", "four-layer": "four-layer",
    "LeNet-5": "lenet",
}  # fmt: skip
CHANNELS = {"3 (colour)": 3, "1 (grey)": 1}


@lru_cache(maxsize=128)
def built(network: str, side: int, channels: int, classes: int) -> nn.Module:
    """The model: shapes, and no numbers."""
    shape: dict[str, Any] = {"height": side, "width": side, "channels": channels, "classes": classes}
    if network == "lenet":
        return hollow(lambda: lenet.LeNet(lenet.LeNetConfig(**shape)))
    return hollow(lambda: cnn.CNN(cnn.CNNConfig(**shape, **cnn.VARIANTS[network])))


@lru_cache(maxsize=128)
def costs(network: str, side: int, channels: int, classes: int) -> tuple[StageCost, ...]:
    """What each part gives and costs, in the order of the forward pass."""
    model = built(network, side, channels, classes)
    return tuple(stage_costs(model, torch.zeros(1, channels, side, side)))


class ShapesOfTheCNN(Figure):
    title = "Where do the parameters lie?"
    says = (
        "In the two-layer network 99 of 100 learned numbers lie in the first dense layer. Four stages "
        "leave a smaller map to it, so the deeper network has fewer parameters, not more."
    )
    controls = (
        Choose("network", "network", NETWORKS),
        Slider("side", "pixels on a side", 16, 96, step=16, value=32),
        Choose("channels", "channels", CHANNELS),
        Slider("classes", "classes", 2, 20, step=1, value=10),
    )

    def draw(self, network: str, side: int, channels: int, classes: int) -> str:
        found = costs(network, side, channels, classes)
        total = sum(one.parameters for one in found)
        buffers = sum(one.numel() for one in built(network, side, channels, classes).buffers())
        rows: list[list] = [["picture", _shape((channels, side, side)), "", ""]]
        for one in found:
            share = f"{one.parameters:,} ({one.parameters / total:.1%})"
            rows.append([one.name, _shape(one.shape), share, f"{one.multiply_adds / 1e6:,.2f} M"])
        work = sum(one.multiply_adds for one in found)
        rows.append([("together", "good"), "", f"{total:,}", f"{work / 1e6:,.2f} M"])
        last = next(one for one in reversed(found) if len(one.shape) == 3)
        told = (
            f"The last map has {_shape(last.shape)} numbers; flat, a row of {_flat(last):,} for each picture."
        )
        if buffers:
            told += f" Batch norm keeps {buffers:,} more that are not learned: running figures and counters."
        return draw.table(["part", "gives", "learns", "multiply-adds"], rows) + draw.note(told)


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(f"{one}" for one in shape)


def _flat(one: StageCost) -> int:
    channels, height, width = one.shape
    return channels * height * width
