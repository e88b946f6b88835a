"""The shapes of a batch on its way through a model, stage by stage, and the message when a shape is wrong.

Nothing is trained and hardly anything computed: shapes are known from one forward pass of one empty picture.
What is handed in can be made wrong on purpose; then the model's own message is shown, word for word.
First thing to change: `MODELS`, to look at another one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from glassworks.insight.cost import stage_costs
from glassworks.models.vision import cnn, efficientnet
from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure, Slider

MODELS = {"CNN with two stages, 32 × 32": "cnn", "EfficientNet-Lite0, 224 × 224": "lite0"}
ROW = {"cnn": "flatten", "lite0": "mean of each map"}  # how maps become features
HANDED: dict[str, Callable[[int, int], tuple[tuple[int, ...], torch.dtype]]] = {
    "what the model expects": lambda batch, side: ((batch, 3, side, side), torch.float32),
    "pictures twice as large": lambda batch, side: ((batch, 3, 2 * side, 2 * side), torch.float32),
    "channels as the last axis": lambda batch, side: ((batch, side, side, 3), torch.float32),
    "one picture without a batch axis": lambda batch, side: ((3, side, side), torch.float32),
    "bytes, not yet floats": lambda batch, side: ((batch, 3, side, side), torch.uint8),
}


@dataclass(frozen=True)
class Stop:
    """name: of a part; shape: of what leaves it for one picture; parameters: that it holds."""

    name: str
    shape: tuple[int, ...]
    parameters: int


@cache
def built(name: str) -> tuple[nn.Module, int, int]:
    """A model with random numbers, pixels on a side, and how many features its maps become."""
    if name == "cnn":
        small = cnn.CNNConfig(**cnn.VARIANTS["two-layer"])
        return cnn.build(small).eval(), small.height, small.features
    large = efficientnet.EfficientNetConfig(**efficientnet.VARIANTS["lite0"])
    return efficientnet.build(large).eval(), large.height, large.features


@cache
def stops(name: str) -> tuple[Stop, ...]:
    """The stages of a model, with a row where maps become one row of features."""
    model, side, features = built(name)
    found: list[Stop] = []
    for stage in stage_costs(model, torch.zeros(1, 3, side, side)):
        if found and len(found[-1].shape) == 3 and len(stage.shape) == 1:
            found.append(Stop(ROW[name], (features,), 0))
        found.append(Stop(stage.name, stage.shape, stage.parameters))
    return tuple(found)


class ShapesThrough(Figure):
    title = "Shapes on their way through a model"
    says = "The batch axis stays; maps shrink and grow in number; at the end stands one number a class."
    controls = (
        Choose("name", "model", MODELS),
        Choose("handed", "what is handed in", {name: name for name in HANDED}),
        Slider("batch", "pictures in the batch", 1, 64, step=1, value=8),
    )

    def draw(self, name: str, handed: str, batch: int) -> str:
        model, side, _ = built(name)
        shape, kind = HANDED[handed](batch, side)
        given = draw.equation("model(batch)", f"batch.shape  {shape}", f"batch.dtype  {kind}")
        complaint = refused(model, torch.zeros(1, dtype=kind).expand(shape))
        if complaint:
            return (
                given + draw.text("The model refuses at the door:", "bad") + draw.equation(*_lines(complaint))
            )
        rows = [["batch", _tuple(shape), _count(shape[1:]), "0"]]
        for stop in stops(name):
            rows.append([stop.name, _tuple((batch, *stop.shape)), _count(stop.shape), f"{stop.parameters:,}"])
        total = sum(stop.parameters for stop in stops(name))
        words = (
            f"{total:,} parameters: {total * 4 / 1e6:.1f} MB as float32. Numbers are those of one picture."
        )
        head = ("part", "shape after it", "numbers", "parameters")
        return given + draw.table(head, rows) + draw.note(words)


def refused(model: nn.Module, pictures: Tensor) -> str:
    """The model's message for a batch that it does not take, "" for one that it does.

    Only the door is asked: a batch that passes it is not computed.
    """
    config: Any = model.config
    try:
        efficientnet.check_pictures(pictures, config.channels, config.height, config.width)
    except ValueError as error:
        return str(error)
    return ""


def _tuple(shape: tuple[int, ...]) -> str:
    """A shape that stays on one line."""
    return str(shape).replace(" ", "\u00a0")


def _count(shape: tuple[int, ...]) -> str:
    return f"{torch.Size(shape).numel():,}"


def _lines(message: str) -> list[str]:
    """A long message in lines that fit."""
    return message.replace(", got ", ",\ngot ").replace("; ", ";\n").split("\n")
