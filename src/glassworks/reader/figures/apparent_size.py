"""The same thing in training and in the test: a random piece drawn out to the whole shows things larger.

A usual training picture is a random piece of 8 to 100 % of the area, brought to 224 pixels. A usual test
picture is the middle of the whole, with the short side brought to 256. So a thing of the photograph is, on
average, smaller in the test than in training, and a larger test picture makes up for it.

Source: Touvron et al. 2019, arXiv 1906.06423; here the photograph is taken as square and the piece as well.
The first thing to change: `SMALLEST`, the smallest piece.
"""

import math
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image

from glassworks.core.keyed import generator
from glassworks.reader.draw import columns, line_chart, note, picture
from glassworks.reader.figure import Button, Figure, Slider
from glassworks.reader.figures.photographs import available, photograph

SMALLEST, TRAIN, CUT = 0.08, 224, 0.875  # share of the area; pixels; share of the side that a test sees
SHOWN = 150  # pixels of the drawing for the TRAIN pixels of a training picture


def size_in_test(side: int) -> float:
    """Mean over all training pieces: how large a thing is in the test, by its size in that piece.

    A piece of share a is enlarged by TRAIN / √a of the photograph's side, the test by side / CUT.
    """
    mean_root = 2 / 3 * (1 - SMALLEST**1.5) / (1 - SMALLEST)  # of √a, for shares that are all as likely
    return side / CUT / TRAIN * mean_root


class ApparentSize(Figure):
    title = "Things look larger while training"
    says = (
        "Training on random pieces shows things larger than a test on the whole does. With 224 pixels in "
        "both, a thing is on average 0.81 times as large in the test; with about 280 pixels it is as large "
        "again."
    )
    controls = (
        Slider("side", "pixels on a side of the test picture", 160, 384, step=8, value=224),
        Button("again", "another training piece"),
    )

    def draw(self, side: int, again: int, **_: Any) -> str:
        share, box = _piece(again)
        larger = TRAIN / math.sqrt(share)
        here = side / CUT / larger
        trained = picture(
            _cut(*box), f"training: {share:.0%} of the area, brought to {TRAIN} pixels", width=SHOWN
        )
        width = round(SHOWN * side / TRAIN)
        edge = (1 - CUT) / 2
        tested = picture(
            _cut(edge, edge, 1 - edge, 1 - edge), f"test: the middle, brought to {side} pixels", width=width
        )
        told = f"In this pair a thing is {here:.2f} times as large in the test as in training. "
        told += f"On average over all pieces: {size_in_test(side):.2f} times."
        sides = range(160, 385, 8)
        chart = line_chart(
            {"test by training": [(pixels, size_in_test(pixels)) for pixels in sides],
             "equally large": [(160, 1.0), (384, 1.0)]},
            across="pixels on a side of the test picture", up="size of a thing", marks=[(side, f"{side}")],
            width=420, height=220,
        )  # fmt: skip
        return columns(trained, tested) + note(told) + chart


def _piece(number: int) -> tuple[float, tuple[float, float, float, float]]:
    """A share of the area and the edges (left, top, right, bottom) of such a piece, from 0 to 1."""
    dice = generator(number, "apparent-size")
    share = float(dice.uniform(SMALLEST, 1.0))
    side = math.sqrt(share)
    left, top = (float(dice.uniform(0, 1 - side)) for _ in range(2))
    return share, (left, top, left + side, top + side)


def _cut(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """A piece of the photograph's middle square, given by its edges from 0 to 1."""
    image = _square()
    width = image.width  # of a square
    box = (left * width, top * width, right * width, bottom * width)
    return np.asarray(image.resize((SHOWN, SHOWN), Image.Resampling.BILINEAR, box=box))


@lru_cache(maxsize=1)
def _square() -> Image.Image:
    image = Image.fromarray(photograph("a cat" if "a cat" in available() else available()[0]))
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))
