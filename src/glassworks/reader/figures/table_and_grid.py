"""A table of positions belongs to one grid: choose the size of the pictures, and see whether it still fits.

The table is that of a model for pictures of 224 pixels: a row for the class token, one for each patch.
The message is torch's own, from adding a table to tokens; the refusal of a size that does not divide is that
of the workbench's door.
The first thing to change: `TRAINED`, pixels of the model's own pictures.
"""

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw

from glassworks.blocks.patches import grid_of
from glassworks.reader.draw import columns, equation, picture, table, text
from glassworks.reader.figure import Choose, Figure, Slider
from glassworks.reader.figures.photographs import available, photograph

TRAINED, PREFIX = 224, 1
SHOWN = 240  # pixels on a side of the drawing, whatever the picture has


def rows_for(side: int, patch: int) -> int:
    """Rows of a table of positions: the class token and every patch. Raises ValueError as `grid_of` does."""
    rows, columns = grid_of(side, side, patch)
    return PREFIX + rows * columns


def added(tokens: int, rows: int) -> str:
    """What torch says when a table of so many rows is added to so many tokens; "" when it goes."""
    try:
        torch.zeros(1, tokens, 1) + torch.zeros(1, rows, 1)
    except RuntimeError as error:
        return str(error)
    return ""


class TableAndGrid(Figure):
    title = "One table, one grid"
    says = (
        "A larger picture cuts into more patches of the same size. The table of positions was learned with a "
        "row for each patch of the old picture, and no other number of tokens can be added to it."
    )
    controls = (
        Slider("side", "pixels on a side of the picture", 160, 512, step=8, value=384),
        Choose("patch", "pixels on a side of a patch", {"16": 16, "32": 32}),
    )

    def draw(self, side: int, patch: int, **_: Any) -> str:
        has = rows_for(TRAINED, patch)
        try:
            needs, refused = rows_for(side, patch), ""
        except ValueError as error:
            needs, refused = 0, str(error)
        old = _row(TRAINED, patch, "learned for")
        if refused:
            facts = table(["pixels", "patches", "and the class token"], [old])
            return columns(
                _cut(side, patch), facts + text("Refused at the door:", "warn") + equation(refused)
            )
        new = _row(side, patch, "asked now")
        facts = table(["pixels", "patches", "and the class token"], [old, new])
        message = added(needs, has)
        if message:
            said = text("Adding the table to the tokens stops:", "bad") + equation(message)
        else:
            said = text("The table fits: every token has its row.", "good")
        return columns(_cut(side, patch), facts + said)


def _row(side: int, patch: int, what: str) -> list[str]:
    grid = side // patch
    return [f"{what}: {side}", f"{grid} × {grid} = {grid * grid}", str(PREFIX + grid * grid)]


def _cut(side: int, patch: int) -> str:
    """The picture with its patches drawn in, and what is left over where they do not divide it."""
    drawn = Image.fromarray(_square().copy())
    pen = ImageDraw.Draw(drawn)
    step = patch * SHOWN / side
    for place in range(side // patch + 1):
        at = round(place * step)
        pen.line((at, 0, at, SHOWN), fill=(255, 255, 255))
        pen.line((0, at, SHOWN, at), fill=(255, 255, 255))
    left = side % patch
    told = f"{side} × {side} pixels in patches of {patch}"
    if left:
        at = round(side // patch * step)
        pen.rectangle((at, 0, SHOWN, SHOWN), fill=(178, 34, 34))
        pen.rectangle((0, at, SHOWN, SHOWN), fill=(178, 34, 34))
        told += f": {left} pixels are left over (red)"
    return picture(np.asarray(drawn), told, width=SHOWN)


@lru_cache(maxsize=1)
def _square() -> np.ndarray:
    """The middle square of a photograph, (SHOWN, SHOWN, 3)."""
    image = Image.fromarray(photograph("a cat" if "a cat" in available() else available()[0]))
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    cut = image.crop((left, top, left + side, top + side))
    return np.asarray(cut.resize((SHOWN, SHOWN), Image.Resampling.BOX))
