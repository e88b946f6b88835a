"""A picture is a grid of numbers: one for each pixel if it is grey, three if it is in colour.

The digits are as small as the data set has them, 8 x 8 counts of ink from 0 to 16; the flower is a photograph
squeezed to 6 x 6 pixels. The order of the axes decides which numbers lie beside each other in memory.
First thing to change: `SMALL`, pixels on a side of the photograph.
Source: the digits are Alpaydin & Kaynak 1998; the photograph comes with scikit-learn.
"""

import gzip
from functools import cache

import numpy as np
from PIL import Image

from glassworks.data.samples import fetch
from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure, Slider, Toggle
from glassworks.reader.figures.photographs import photograph

SMALL = 6
FIRST = 9  # numbers that are listed as they lie in memory


@cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Ink 0 … 16, uint8 (1797, 8, 8), and which digit each is, (1797,)."""
    file = fetch("digits") / "datasets" / "data" / "digits.csv.gz"  # scikit-learn, without importing it
    with gzip.open(file, "rt", encoding="ascii") as lines:
        values = np.loadtxt(lines, delimiter=",").astype(np.uint8)
    return values[:, :-1].reshape(-1, 8, 8), values[:, -1]


@cache
def flower() -> np.ndarray:
    """A photograph squeezed to (SMALL, SMALL, 3), uint8."""
    middle = photograph("a flower")[:, 106:533]
    return np.asarray(Image.fromarray(middle).resize((SMALL, SMALL), Image.Resampling.BOX))


class PictureNumbers(Figure):
    title = "A picture is a grid of numbers"
    says = "Each number is the ink or the light of one pixel. A colour picture needs three numbers a pixel."
    controls = (
        Choose("kind", "picture", {"a digit, grey": "digit", "a flower, in colour": "flower"}),
        Slider("number", "grey: which digit", 0, 19, step=1, value=2),
        Toggle("channels_first", "colour: channels first"),
    )

    def draw(self, kind: str, number: int, channels_first: bool) -> str:
        if kind == "digit":
            return self._digit(number)
        return self._flower(channels_first)

    def _digit(self, number: int) -> str:
        pictures, targets = digits()
        ink = pictures[number]
        told = f"ink of each pixel: a handwritten {targets[number]}"
        paper = 255 - np.minimum(ink, 15) * 17  # white paper, black ink
        shown = draw.picture(paper, f"picture {number}: a {targets[number]}", width=224)
        row, column = np.argwhere(ink == ink.max())[0]
        place = (
            f"picture[{row}, {column}] is {ink.max()}: row {row}, column {column}, where the ink is thickest."
        )
        grid = draw.number_grid(ink, title=told, decimals=0, most=16)
        return draw.columns(grid, shown) + _facts(ink, f"8 rows, 8 columns, counted from 0. {place}")

    def _flower(self, channels_first: bool) -> str:
        pixels = flower().transpose(2, 0, 1) if channels_first else flower()
        axes = (
            "3 channels, 6 rows, 6 columns: as PyTorch wants it"
            if channels_first
            else "6 rows, 6 columns, 3 channels: as picture files have it"
        )
        names = ("red", "green", "blue")
        grids = [
            draw.number_grid(flower()[..., place], title=name, decimals=0, most=255)
            for place, name in enumerate(names)
        ]
        shown = draw.picture(flower(), f"a flower in {SMALL} × {SMALL} pixels", width=160)
        return draw.columns(shown, *grids) + _facts(pixels, axes)


def _facts(array: np.ndarray, axes: str) -> str:
    """Shape, type and the first numbers in memory."""
    first = ", ".join(str(value) for value in array.flatten()[:FIRST])
    lines = (f"picture.shape  {array.shape}", f"picture.dtype  {array.dtype}", f"in memory  {first}, …")
    return draw.equation(*lines) + draw.note(axes)
