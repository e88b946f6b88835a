"""One number of one token: a patch is laid over a filter, products are added up, and that is all.

A token has as many such numbers as there are filters, 768 in ViT-B. Here is one filter, made by hand so that
one can see what it asks for, and what it answers at each of the 14 x 14 patches. The same number is computed
by a convolution with a step of 16 and by the cut and a matrix product.
First thing to change: `FILTERS`.
"""

from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from glassworks.core.keyed import generator
from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure, Slider
from glassworks.reader.figures.patch_cut import square
from glassworks.reader.figures.photographs import available

PATCH, SIDE = 16, 224
GRID = SIDE // PATCH
FRAME = (255, 64, 64)
NAME = available()[1] if len(available()) > 1 else available()[0]
FILTERS = ("light", "left against right", "top against bottom", "red against blue", "random, as at the start")


@cache
def filter_of(kind: str) -> Tensor:
    """The numbers of one filter, float32 (1, 3, 16, 16)."""
    numbers = torch.zeros(3, PATCH, PATCH)
    half = PATCH // 2
    if kind == "light":
        numbers += 1
    elif kind == "left against right":
        numbers[:, :, :half], numbers[:, :, half:] = 1, -1
    elif kind == "top against bottom":
        numbers[:, :half], numbers[:, half:] = 1, -1
    elif kind == "red against blue":
        numbers[0], numbers[2] = 1, -1
    else:
        dice = generator(0, "one number")
        numbers = torch.from_numpy(dice.normal(0, 1, (3, PATCH, PATCH)).astype(np.float32))
    return (numbers / numbers.abs().sum())[None]


@cache
def pictured() -> Tensor:
    """The photograph as shares from -1 to 1, float32 (1, 3, 224, 224)."""
    return torch.from_numpy(square(NAME, SIDE).copy()).permute(2, 0, 1)[None].float() / 127.5 - 1


def by_convolution(pictures: Tensor, weight: Tensor) -> Tensor:
    """(batch, 3, height, width) -> (batch, filters, rows, columns)."""
    return F.conv2d(pictures, weight, stride=PATCH)


def by_unfold(pictures: Tensor, weight: Tensor) -> Tensor:
    """The same as a cut and one matrix product."""
    columns = F.unfold(pictures, PATCH, stride=PATCH)  # (batch, 3 * 16 * 16, patches)
    return (weight.flatten(1) @ columns).unflatten(2, (-1, pictures.shape[3] // PATCH))


class OneNumber(Figure):
    title = "One number of one token"
    says = (
        "Lay the patch over a filter, multiply number by number, add up: that is one number of the token. "
        "The convolution and the matrix product agree to the last digits."
    )
    controls = (
        Slider("row", "row of the patch", 0, GRID - 1, step=1, value=4),
        Slider("column", "column of the patch", 0, GRID - 1, step=1, value=9),
        Choose("kind", "filter", {name: name for name in FILTERS}, "left against right"),
    )

    def draw(self, row: int, column: int, kind: str) -> str:
        weight, picture = filter_of(kind), pictured()
        top, left = row * PATCH, column * PATCH
        patch = picture[:, :, top : top + PATCH, left : left + PATCH]
        first, second = by_convolution(picture, weight)[0, 0], by_unfold(picture, weight)[0, 0]
        lines = (
            f"sum of 768 products   {(patch * weight).sum().item():+.6f}",
            f"convolution, step 16  {first[row, column].item():+.6f}",
            f"cut, matrix product   {second[row, column].item():+.6f}",
            f"place {row} · {GRID} + {column} = {row * GRID + column} of the sentence",
        )
        apart = (first - second).abs().max().item()
        return draw.columns(
            draw.picture(_framed(top, left), "the picture, with the patch framed", width=224),
            draw.picture(_bytes(patch[0]), "the patch: 16 × 16 × 3 numbers", width=112)
            + draw.picture(_bytes(weight[0] / weight.abs().max()), f"the filter: {kind}", width=112),
            draw.equation(*lines) + draw.note(
                f"Over all {GRID * GRID} patches the two ways differ by at most {apart:.1e}: rounding."
            ),
            draw.picture(_grey(first), f"this filter's answer at all {GRID * GRID} patches", width=168),
        )  # fmt: skip


def _framed(top: int, left: int) -> Image.Image:
    pixels = square(NAME, SIDE).copy()
    rows, columns = slice(max(0, top - 3), top + PATCH + 3), slice(max(0, left - 3), left + PATCH + 3)
    inside = pixels[top : top + PATCH, left : left + PATCH].copy()
    pixels[rows, columns] = FRAME
    pixels[top : top + PATCH, left : left + PATCH] = inside
    return Image.fromarray(pixels)


def _bytes(numbers: Tensor) -> np.ndarray:
    """(3, height, width) from -1 to 1 -> uint8 (height, width, 3)."""
    return ((numbers.permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).numpy()


def _grey(numbers: Tensor) -> np.ndarray:
    """(rows, columns): dark where it is lowest, light where it is highest."""
    low, high = numbers.min(), numbers.max()
    return ((numbers - low) / (high - low).clamp_min(1e-6) * 255).to(torch.uint8).numpy()
