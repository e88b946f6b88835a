"""The stages of a pyramid: fewer and wider tokens, beside a ViT whose grid stays as it is.

Sizes come from the models' own configs at any number of pixels. The pictures show how fine each stage's grid
is: every square has the mean colour of the pixels that its token stands for. A token is no colour; it holds
as many numbers as the caption says.
The first thing to change: `NAME`, the photograph.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from glassworks.models.vision.pvt import VARIANTS as PVTS
from glassworks.models.vision.pvt import PVTConfig
from glassworks.models.vision.swin import VARIANTS as SWINS
from glassworks.models.vision.swin import SwinConfig, Windows
from glassworks.models.vision.vit import VARIANTS as VITS
from glassworks.models.vision.vit import ViTConfig
from glassworks.reader.draw import note, pictures, table
from glassworks.reader.figure import Choose, Figure, Slider
from glassworks.reader.figures.token_grid import pictures as choice
from glassworks.reader.figures.token_grid import squared

WIDE = 150  # pixels of a picture


class Stage(NamedTuple):
    """side: tokens on a side of the map; width: numbers a token; attention: who looks at whom, in words"""

    side: int
    width: int
    blocks: int
    attention: str


@lru_cache(maxsize=128)
def stages(kind: str, side: int) -> tuple[Stage, ...]:
    """The stages of a network for pictures of so many pixels on a side."""
    if kind == "vit":
        one = ViTConfig(height=side, width=side, **VITS["s16"])
        return (Stage(side // one.patch, one.dimension, one.depth, f"{one.tokens:,} with {one.tokens:,}"),)
    found = []
    if kind == "swin":
        config = SwinConfig(height=side, width=side, **SWINS["t"])
        for (rows, _), width, depth in zip(config.grids, config.widths, config.depths, strict=True):
            windows = Windows(rows, rows, config.window)
            filled = "" if windows.padded[0] == rows else f", filled up to {windows.padded[0]}"
            words = f"49 with 49 in {windows.count} window{'s' if windows.count > 1 else ''}{filled}"
            found.append(Stage(rows, width, depth, words))
        return tuple(found)
    other = PVTConfig(height=side, width=side, **PVTS["s"])
    for stage, (rows, _) in enumerate(other.grids):
        tokens = rows**2 + (1 if stage == 3 else 0)
        words = f"{tokens:,} with {tokens // other.reductions[stage] ** 2:,}"
        found.append(Stage(rows, other.widths[stage], other.depths[stage], words))
    return tuple(found)


@lru_cache(maxsize=64)
def coarse(name: str, side: int) -> np.ndarray:
    """The photograph in side x side squares, each with the mean of its pixels, drawn WIDE pixels wide."""
    small = Image.fromarray(squared(name, 448)).resize((side, side), Image.Resampling.BOX)
    return np.asarray(small.resize((WIDE, WIDE), Image.Resampling.NEAREST))


class StagesOfAPyramid(Figure):
    title = "One grid, or four"
    says = (
        "A ViT keeps its 14 × 14 tokens from the first block to the last. Swin and PVT begin with 56 × 56 "
        "narrow ones and end with 7 × 7 wide ones."
    )
    controls = (
        Choose("kind", "network", {"Swin-T": "swin", "PVT-Small": "pvt", "ViT-S/16": "vit"}),
        Slider("side", "pixels on a side", 224, 1024, step=32, value=224),
        choice(),
    )

    def draw(self, kind: str, side: int, name: str, **_: Any) -> str:
        found = stages(kind, side)
        shown = [
            (coarse(name, one.side), f"stage {place}: {one.side} × {one.side} tokens of {one.width} numbers")
            for place, one in enumerate(found, 1)
        ]
        rows = [
            [str(place), f"{one.side} × {one.side}", f"{one.width}", f"{one.side**2 * one.width:,}",
             f"{one.blocks}", one.attention]
            for place, one in enumerate(found, 1)
        ]  # fmt: skip
        head = ["stage", "map", "numbers a token", "numbers in all", "blocks", "who looks at whom"]
        told = (
            "A square shows the mean colour of its pixels, to say how fine the grid is. A token is no colour."
        )
        return pictures(shown, width=WIDE) + table(head, rows) + note(told)
