"""The picture that a figure shows: one of the photographs, or the reader's own where there is one.

What the browser sends is a small JPEG (see `OwnPicture` in `reader/figure.py`). It is decoded as that and as
nothing else, and what cannot be decoded is answered with the photograph.
The first thing to change: `MOST`, pixels on a side that are believed.
"""

import base64
import binascii
import io
from functools import lru_cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from glassworks.reader.figure import JPEG, Choose
from glassworks.reader.figures.photographs import PLAIN, available, photograph

MOST = 1024
NAMES = tuple(name for name in available() if name != PLAIN)


def choose_photograph(first: str) -> Choose:
    """The control that offers the photographs of this machine."""
    return Choose("name", "photograph", {name: name for name in NAMES}, first if first in NAMES else "")


@lru_cache(maxsize=16)
def pixels_of(own: str) -> np.ndarray | None:
    """The reader's picture, uint8 (height, width, 3), or None where there is none that can be read."""
    try:
        data = base64.b64decode(own.removeprefix(JPEG), validate=True)
        picture = Image.open(io.BytesIO(data), formats=("JPEG",))
        if not data or max(picture.size) > MOST:
            return None
        return np.asarray(picture.convert("RGB"))
    except (binascii.Error, OSError, ValueError, SyntaxError):  # Pillow raises each of them for damage
        return None


@lru_cache(maxsize=32)
def square(name: str, own: str, side: int) -> np.ndarray:
    """The middle square of the reader's picture, or of the photograph, uint8 (side, side, 3)."""
    found = pixels_of(own) if own else None
    pixels = photograph(name) if found is None else found
    edge = min(pixels.shape[:2])
    top, left = ((whole - edge) // 2 for whole in pixels.shape[:2])
    cut = Image.fromarray(pixels[top : top + edge, left : left + edge])
    return np.asarray(cut.resize((side, side), Image.Resampling.BOX))


@lru_cache(maxsize=32)
def grey(name: str, own: str, side: int) -> Tensor:
    """The same in grey, float32 (side, side), 0 to 255."""
    return torch.from_numpy(
        np.asarray(Image.fromarray(square(name, own, side)).convert("L")).astype(np.float32)
    )
