"""What one number of the four-layer CNN can see of the picture, stage by stage.

Each stage is a filter of 3 x 3 and a pooling of 2 x 2. The filter adds 2 and the pooling 1, times the pixels
that lie between neighbouring numbers so far, and the pooling doubles these. Beyond the picture lies padding.
The field is that of `insight.cost.stage_costs`; a test measures it by slopes.
The first thing to change: `SIDES`, pixels of the picture.
"""

from functools import lru_cache

import numpy as np
import torch

from glassworks.core.page import picture_uri
from glassworks.insight.cost import StageCost, stage_costs
from glassworks.models.vision import cnn
from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure, OwnPicture, Slider
from glassworks.reader.figures.hollow import hollow
from glassworks.reader.figures.own_picture import choose_photograph, square

SIDES = {"64 × 64": 64, "32 × 32": 32}
STAGES, STEPS, WIDE, VIEW = 4, 16, 256, 160  # steps of the two sliders; pixels of both drawings
BEYOND = 70  # grey of what no picture covers


@lru_cache(maxsize=2)
def stages(side: int) -> tuple[StageCost, ...]:
    """What each stage of the four-layer CNN gives and sees, for pictures of this side."""
    config = cnn.CNNConfig(height=side, width=side, **cnn.VARIANTS["four-layer"])
    return tuple(stage_costs(hollow(lambda: cnn.CNN(config)), torch.zeros(1, 3, side, side))[:STAGES])


def field(side: int, stage: int, row: int, column: int) -> tuple[int, int, int]:
    """Top row, left column and side of the square that a number of this stage sees, in pixels."""
    found = stages(side)[stage - 1]
    before = found.stride - 1  # 1 + 2 + 4 + … : each filter reaches one number further to the left and up
    return row * found.stride - before, column * found.stride - before, found.receptive_field


class FieldOnPicture(Figure):
    title = "What one number can see"
    says = (
        "After stage 1 a number sees 4 × 4 pixels, then 10, 22 and 46 on a side. On a picture of 32 × 32 "
        "the last field is larger than the picture. Nothing else can change that number."
    )
    controls = (
        choose_photograph("a cat"),
        OwnPicture(),
        Choose("side", "size of the picture", SIDES),
        Slider("stage", "after stage", 1, STAGES, step=1, value=3),
        Slider("row", "place, down", 0, STEPS - 1, step=1, value=6),
        Slider("column", "place, across", 0, STEPS - 1, step=1, value=5),
    )

    def draw(self, name: str, own: str, side: int, stage: int, row: int, column: int) -> str:
        pixels, cost = square(name, own, side), stages(side)[stage - 1]
        places = cost.shape[1]
        y, x = (one * places // STEPS for one in (row, column))
        top, left, reach = field(side, stage, y, x)
        seen = draw.picture(
            _cut(pixels, top, left, reach), f"what it sees: {reach} × {reach} pixels", width=VIEW
        )
        facts = [
            ["maps of this stage", f"{cost.shape[0]} of {places} × {places}"],
            ["place in the map", f"row {y}, column {x}"],
            ["receptive field", f"{reach} × {reach}"],
            ["pixels between two numbers", f"{cost.stride}"],
        ]
        told = f"A number of stage {stage} sees {reach * reach:,} pixels. "
        told += (
            f"The picture has {side * side:,}: all the rest is padding."
            if reach >= side
            else f"Of the {side * side:,} in the picture no other can change it."
        )
        picture = _framed(pixels, top, left, reach)
        return draw.columns(picture, seen, draw.table(["", ""], facts)) + draw.text(told)


def _cut(pixels: np.ndarray, top: int, left: int, reach: int) -> np.ndarray:
    """The field as a picture; what lies beyond the picture is dark grey."""
    side = len(pixels)
    found = np.full((reach, reach, 3), BEYOND, np.uint8)
    y, x = max(0, top), max(0, left)
    below, right = min(side, top + reach), min(side, left + reach)
    found[y - top : below - top, x - left : right - left] = pixels[y:below, x:right]
    return found


def _framed(pixels: np.ndarray, top: int, left: int, reach: int) -> str:
    """The picture with a frame around the field, as far as it lies on the picture; a pointer moves it."""
    side = len(pixels)
    uri, _ = picture_uri(pixels, WIDE)
    y, x = max(0, top), max(0, left)
    high, wide = min(side, top + reach) - y, min(side, left + reach) - x
    frame = (
        f"left:{100 * x / side:.2f}%;top:{100 * y / side:.2f}%;width:{100 * wide / side:.2f}%;"
        f"height:{100 * high / side:.2f}%;position:absolute;outline:2px solid var(--bad)"
    )
    told = f"the picture, {side} × {side}"
    return (
        f'<figure style="width:{WIDE}px"><div data-across="column" data-down="row" style="position:relative">'
        f'<img class="pixels" src="{uri}" alt="{told}" style="width:100%;border-radius:0;border:0">'
        f'<div style="{frame}"></div></div><figcaption>{told}</figcaption></figure>'
    )
