"""Four layers written as one matrix each: which pixel reaches which output, and which weights are the same.

A layer that adds up inputs is a matrix, and the matrix is found by asking: a picture with a single 1 gives
one column. In a dense layer every weight is free. In a convolution most are zero and the rest repeat; in a
patch embedding a block repeats. Attention's map is as full as the dense matrix, but nothing of it is stored:
it is computed from the picture. All four have a random start and have learned nothing.
First thing to change: `SIDE`, the squares on a side of the picture (a multiple of `PATCH`).
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from glassworks.blocks.patches import Patches
from glassworks.insight.record import recording
from glassworks.models.vision import vit
from glassworks.reader import draw
from glassworks.reader.figure import Button, Choose, Figure, Slider
from glassworks.reader.figures.picture_numbers import digits
from glassworks.reader.figures.random_start import started

SIDE, PATCH, WIDTH = 6, 3, 16
PIXELS = SIDE * SIDE
LAYERS = {
    "dense": "dense", "convolution, 3 × 3": "convolution", "patches of 3 × 3": "patches",
    "attention between squares": "attention",
}  # fmt: skip
TOLD = {
    "dense": "Every weight is free. Nothing says that two pixels are neighbours: order the pixels in another "
    "way, and the columns change places, no more.",
    "convolution": "Zero wherever a pixel is not a neighbour, and on each diagonal the same weight again. "
    "Both are known before the first picture.",
    "patches": "Two things are given: which pixels form a patch, and that all patches are read in the same "
    "way. Within a patch every weight is free, and nothing says which patches touch.",
    "attention": "No entry is zero: each square looks at all of them, and each row adds up to 1. Choose "
    "another digit: the map is computed from it, by weights that all squares share.",
}


@lru_cache(maxsize=64)
def matrix_of(layer: str, start: int, number: int) -> np.ndarray:
    """Outputs by inputs, (36, 36), of a layer with this random start.

    number: of the digit that attention looks at; the other layers do not ask
    """
    if layer == "attention":
        return _map(start, shown(number)).numpy()
    module: nn.Module = {
        "dense": lambda: nn.Sequential(nn.Flatten(), nn.Linear(PIXELS, PIXELS, bias=False)),
        "convolution": lambda: nn.Conv2d(1, 1, 3, padding=1, bias=False),
        "patches": lambda: Patches(1, PATCH, PATCH * PATCH),
    }[layer]()
    units = torch.eye(PIXELS).reshape(PIXELS, 1, SIDE, SIDE)  # in each picture one pixel is 1
    with torch.no_grad():
        return started(module, layer, start)(units).flatten(1).T.numpy()


@torch.no_grad()
def _map(start: int, picture: Tensor) -> Tensor:
    """The first head's weights in a ViT whose patches are single squares, (36, 36)."""
    config = vit.ViTConfig(
        height=SIDE, width=SIDE, channels=1, classes=10, patch=1, dimension=WIDTH, depth=1, pooling="mean",
        block={"heads": 2},  # type: ignore[arg-type]
    )  # fmt: skip
    model = started(vit.ViT(config), "attention", start)
    with recording(model, ["blocks.0.attention.maps"]) as seen:
        model(picture)
    return seen["blocks.0.attention.maps"][0, 0]


def shown(number: int) -> Tensor:
    """The middle of a digit, (1, 1, 6, 6), ink from -1 to 1."""
    middle = digits()[0][number][1 : 1 + SIDE, 1 : 1 + SIDE].astype(np.float32)
    return torch.from_numpy(middle / 8 - 1)[None, None]


def facts(layer: str) -> tuple[int, int]:
    """Entries that can be other than zero, and learned numbers that make them."""
    reached = (3 * SIDE - 2) ** 2  # a filter of three squares sees one less at each end
    return {
        "dense": (PIXELS**2, PIXELS**2),
        "convolution": (reached, 9),
        "patches": (PIXELS * PATCH**2, PATCH**4),
        "attention": (PIXELS**2, 2 * WIDTH * (WIDTH // 2)),
    }[layer]


class LayersAsMatrices(Figure):
    title = "Four layers, each as a matrix"
    says = (
        "A convolution is a dense layer in which most weights are fixed at zero and the others are all the "
        "same few. That is what it knows before it has seen a picture."
    )
    controls = (
        Choose("layer", "layer", LAYERS, value="convolution, 3 × 3"),
        Slider("number", "digit", 0, 19, step=1, value=3),
        Button("start", "another random start"),
    )

    def draw(self, layer: str, number: int, start: int) -> str:
        matrix = matrix_of(layer, start, number if layer == "attention" else 0)
        reached, learned = facts(layer)
        paper = 255 - (127.5 * (shown(number)[0, 0].numpy() + 1)).astype(np.uint8)
        label = digits()[1][number]
        told = "a row for each output, a column for each of the 36 pixels"
        left = draw.picture(tinted(matrix), told, width=260)
        kind = "computed from the picture, by learned numbers" if layer == "attention" else "learned numbers"
        rows = [
            ["entries", f"{matrix.size:,}"],
            ["entries that are not fixed at zero", f"{reached:,}"],
            [kind, f"{learned:,}"],
        ]
        right = draw.picture(paper, f"the middle of a {label}, {SIDE} × {SIDE}", width=110)
        return draw.columns(left, right + draw.table(["", ""], rows)) + draw.text(TOLD[layer])


def tinted(matrix: np.ndarray) -> np.ndarray:
    """White for zero, blue for more, red for less, uint8 (rows, columns, 3)."""
    share = np.clip(matrix / (np.abs(matrix).max() or 1), -1, 1)[..., None]
    blue, red = np.array([11, 110, 127]), np.array([179, 55, 44])
    colour = np.where(share >= 0, blue, red)
    return np.rint(255 + (colour - 255) * np.abs(share)).astype(np.uint8)
