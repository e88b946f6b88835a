"""Which networks fit a budget: products and parameters of some of the workbench's, for a size of picture.

All are counted on the device "meta" for ten classes. What a network would reach is not in the table:
that must be measured on the data at hand. First thing to change: `NETWORKS`.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import torch
from torch import nn

from glassworks.insight.cost import stage_costs
from glassworks.models.vision import cnn, efficientnet, resnet
from glassworks.reader import draw
from glassworks.reader.figure import Choose
from glassworks.reader.figures.measured import Measured

SIDES = {"32 × 32": 32, "96 × 96": 96, "224 × 224": 224}
BUDGETS = {"10 million": 1e7, "100 million": 1e8, "1 thousand million": 1e9, "10 thousand million": 1e10}
NETWORKS = ("CNN, two stages", "CNN, four stages", "EfficientNet-Lite0", "ResNet-18", "ResNet-50")
Cost = tuple[int, int, int]


def built(name: str, side: int) -> nn.Module:
    """One of the networks for ten classes."""
    shape: dict[str, Any] = {"height": side, "width": side, "classes": 10}
    if name.startswith("CNN"):
        variant = "two-layer-improved" if "two" in name else "four-layer"
        return cnn.build(cnn.CNNConfig(**shape, **cnn.VARIANTS[variant]))
    if name.startswith("ResNet"):
        given = resnet.VARIANTS[name.removeprefix("ResNet-")]
        return resnet.ResNet(resnet.ResNetConfig(**shape, **given))
    given = efficientnet.VARIANTS["lite0"]
    return efficientnet.EfficientNet(efficientnet.EfficientNetConfig(**{**given, **shape}))


@lru_cache(maxsize=32)
def cost(name: str, side: int) -> Cost:
    """Multiply-adds of one picture, parameters, layers with weights."""
    with torch.device("meta"):
        model = built(name, side)
        parts = stage_costs(model, torch.zeros(1, 3, side, side))
    layers = sum(isinstance(one, (nn.Conv2d, nn.Linear)) for one in model.modules())
    return sum(p.multiply_adds for p in parts), sum(p.numel() for p in model.parameters()), layers


class WhatFits(Measured):
    title = "What fits the budget?"
    says = (
        "Work grows with the area of the picture; parameters do so only where a dense layer reads the whole "
        "map. The size of the pictures decides as much as the depth about what a machine can do in time."
    )
    controls = (
        Choose("side", "pictures", SIDES),
        Choose("budget", "multiply-adds a picture, at most", BUDGETS, value="100 million"),
    )
    doing = "Counting"

    def runs(self, side: int, **_: Any) -> tuple[tuple[str, int], ...]:
        return tuple((name, side) for name in NETWORKS)

    def measure(self, run: tuple[str, int]) -> Cost:
        return cost(*run)

    def show(self, known: Mapping[tuple[str, int], Cost], budget: float, **_: Any) -> str:
        rows = []
        for (name, _side), (products, parameters, layers) in known.items():
            fits = ("fits", "good") if products <= budget else ("too much", "bad")
            told = f"{name}: {layers} layers, {parameters / 1e6:.1f} million parameters"
            rows.append([told, f"{products / 1e6:,.0f} million", fits])
        return draw.table(["network", "multiply-adds", "budget"], rows) + draw.note(
            "Layers with weights are counted. For ten classes."
        )
