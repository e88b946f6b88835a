"""A whole Vision Transformer as a list of its parts, with the numbers that each has learned.

The counts are those of the installed model, built without memory for its numbers (the device "meta"), so a
ViT of 304 million parameters is counted in a moment.
First thing to change: `SIZES`, what a reader may choose.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
from torch import nn

from glassworks.models.vision.vit import VARIANTS, ViT, ViTConfig
from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure

SIZES = {f"ViT-{name[:-len(digits)].title()}/{digits}": name for name, digits in (
    ("ti16", "16"), ("s16", "16"), ("s32", "32"), ("b32", "32"), ("b16", "16"), ("b8", "8"), ("l16", "16"),
)}  # fmt: skip
SIDES = {"224 × 224": 224, "384 × 384": 384, "512 × 512": 512}
CLASSES = {"1,000": 1000, "10": 10}
READ = {"the class token": "class", "the mean of the patches": "mean"}


@dataclass(frozen=True)
class PartCount:
    """A part of the model. shape: of what leaves it for a batch of one; parameters: that it holds."""

    name: str
    shape: tuple[int, ...]
    parameters: int


@lru_cache(maxsize=32)
def counted(name: str, side: int, classes: int, pooling: Literal["class", "mean"]) -> tuple[PartCount, ...]:
    """The parts in the order of the forward pass."""
    config = ViTConfig(height=side, width=side, classes=classes, pooling=pooling, **VARIANTS[name])
    with torch.device("meta"):
        return tuple(_parts(ViT(config), config))


def _parts(model: ViT, config: ViTConfig) -> Iterator[PartCount]:
    width, patches = config.dimension, config.tokens - config.prefix
    through = (1, config.tokens, width)
    yield PartCount("patch embedding", (1, patches, width), _count(model.patches))
    if model.class_token is not None:
        yield PartCount("class token", through, model.class_token.numel())
    yield PartCount("positions", through, model.positions.numel())
    block = model.blocks[0]
    assert isinstance(block, nn.Module)
    norms = _count(block.norm1) + _count(block.norm2)  # type: ignore[arg-type]
    yield PartCount(f"{config.depth} × attention", through, config.depth * _count(block.attention))  # type: ignore[arg-type]
    yield PartCount(f"{config.depth} × MLP", through, config.depth * _count(block.mlp))  # type: ignore[arg-type]
    yield PartCount(f"{config.depth} × two norms", through, config.depth * norms)
    yield PartCount("last norm", through, _count(model.norm))
    read = "the token" if config.prefix else "the mean"
    yield PartCount(f"read {read}", (1, width), 0)
    yield PartCount("head", (1, config.classes), _count(model.head))


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


class WholeViT(Figure):
    title = "The whole model, part by part"
    says = (
        "ViT-B/16 has 86,567,656 parameters. Nearly all of them sit in the twelve blocks; the patches, the "
        "class token and the positions are less than one in a hundred."
    )
    controls = (
        Choose("name", "model", SIZES, "ViT-B/16"),
        Choose("side", "picture", SIDES),
        Choose("classes", "classes", CLASSES),
        Choose("pooling", "the head reads", READ),
    )

    def draw(self, name: str, side: int, classes: int, pooling: Literal["class", "mean"]) -> str:
        parts = counted(name, side, classes, pooling)
        total = sum(part.parameters for part in parts)
        rows = [
            [part.name, _tuple(part.shape), f"{part.parameters:,}", f"{part.parameters / total:.2%}"]
            for part in parts
        ]
        head = parts[-1].parameters
        told = (
            f"{total:,} parameters, {total - head:,} of them without the head; as 32-bit numbers "
            f"{total * 4 / 1e6:,.0f} MB. Shapes are those of one picture in colour."
        )
        return draw.table(["part", "shape after it", "parameters", "share"], rows) + draw.note(told)


def _tuple(shape: tuple[int, ...]) -> str:
    """A shape that stays on one line."""
    return str(shape).replace(" ", "\u00a0")
