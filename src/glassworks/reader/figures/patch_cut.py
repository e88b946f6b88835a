"""A photograph cut into patches: how many tokens that makes, how large each is, and what a block then costs.

The patches are drawn apart, and the first of them once more in a row, as the model reads them. A size that
does not divide is refused with the model's own message, and the rim is tinted that a bare convolution would
drop without a word.
First thing to change: `SIDES`, pixels on a side of the picture.
"""

from functools import cache

import numpy as np
from PIL import Image

from glassworks.blocks.patches import grid_of
from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure, Slider
from glassworks.reader.figures.patch_cost import block_cost
from glassworks.reader.figures.photographs import available, photograph

SIDES = {"224 × 224": 224, "384 × 384": 384}
WIDTH = 768  # numbers a token in ViT-B
GAP, IN_A_ROW = 3, 7
PAPER, RIM = (128, 136, 144), (192, 48, 48)  # between the patches, and over what would be lost


@cache
def square(name: str, side: int) -> np.ndarray:
    """The middle of a photograph as uint8 (side, side, 3)."""
    image = Image.fromarray(photograph(name))
    short = min(image.size)
    left, top = (image.width - short) / 2, (image.height - short) / 2
    return np.asarray(
        image.resize((side, side), Image.Resampling.BICUBIC, box=(left, top, left + short, top + short))
    )


def apart(pixels: np.ndarray, patch: int) -> np.ndarray:
    """All whole patches of uint8 (height, width, 3) with gaps between them."""
    rows, columns = pixels.shape[0] // patch, pixels.shape[1] // patch
    step = patch + GAP
    canvas = np.full((rows * step - GAP, columns * step - GAP, 3), PAPER, np.uint8)
    for row in range(rows):
        for column in range(columns):
            piece = pixels[row * patch : (row + 1) * patch, column * patch : (column + 1) * patch]
            canvas[row * step : row * step + patch, column * step : column * step + patch] = piece
    return canvas


def with_rim(pixels: np.ndarray, patch: int) -> np.ndarray:
    """The picture, with what is left over at the right and at the bottom tinted."""
    height, width = (side // patch * patch for side in pixels.shape[:2])
    lost = np.ones(pixels.shape[:2], bool)
    lost[:height, :width] = False
    tinted = pixels.copy()
    tinted[lost] = (pixels[lost] * 0.25 + np.array(RIM) * 0.75).astype(np.uint8)
    return tinted


class PatchCut(Figure):
    title = "A picture becomes a row of patches"
    says = (
        "Patches of 16 pixels make 196 tokens of a picture of 224 × 224. Half the patch is four times as "
        "many tokens, and the work for each block grows with them."
    )
    controls = (
        Slider("patch", "patch, pixels on a side", 8, 56, step=4, value=16),
        Choose("side", "picture", SIDES),
        Choose("name", "photograph", {name: name for name in available()}, available()[1]),
    )

    def draw(self, patch: int, side: int, name: str) -> str:
        pixels = square(name, side)
        try:
            rows, columns = grid_of(side, side, patch)
        except ValueError as error:
            return _refused(pixels, patch, str(error))
        tokens = rows * columns
        layers, maps = block_cost(1 + tokens, WIDTH)
        facts = [
            ["patches", f"{rows} × {columns} = {tokens:,}"],
            ["numbers in a patch", f"{patch} × {patch} × 3 = {patch * patch * 3:,}"],
            ["tokens with a class token", f"{1 + tokens:,}"],
            ["products of one block of ViT-B", f"{(layers + maps) / 1e6:,.0f} million"],
            ["of these for attention maps", f"{maps / (layers + maps):.1%}"],
        ]
        shown = draw.picture(apart(pixels, patch), f"{name} in {tokens:,} patches", width=320)
        told = draw.table(["", ""], facts) + draw.note("The sentence begins at the top left, row by row:")
        return draw.columns(shown, told + _first(pixels, patch, columns))


def _first(pixels: np.ndarray, patch: int, columns: int) -> str:
    """The first patches in a row."""
    count = min(IN_A_ROW, columns)
    row = apart(pixels[:patch, : count * patch], patch)
    large = Image.fromarray(row).resize((row.shape[1] * 6, row.shape[0] * 6), Image.Resampling.NEAREST)
    return draw.picture(large, f"tokens 0 to {count - 1}", width=320)


def _refused(pixels: np.ndarray, patch: int, message: str) -> str:
    left = pixels.shape[0] % patch
    lost = 1 - (pixels.shape[0] // patch * patch) ** 2 / pixels.shape[0] ** 2
    shown = draw.picture(with_rim(pixels, patch), "what a bare convolution would leave out", width=320)
    told = draw.text("The model refuses at the door:", "bad") + draw.equation(*message.split("; "))
    return draw.columns(
        shown,
        told + draw.note(
            f"{left} pixels are left over at the right and at the bottom: {lost:.1%} of the picture. A "
            "convolution with this step would drop them and say nothing."
        ),
    )  # fmt: skip
