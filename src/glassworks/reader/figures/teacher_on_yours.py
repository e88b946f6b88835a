"""A large teacher's soft answers to a photograph, or to a picture of the reader's own.

The teacher is EfficientNet-Lite0 with its authors' weights. What it says beyond the first choice is what a
student of it would learn from this picture, and it differs from picture to picture.
The first thing to change: `SHOWN`.

Source: Hinton, Vinyals & Dean 2015, arXiv 1503.02531.
"""

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from glassworks.reader import draw
from glassworks.reader.figure import Figure, OwnPicture, Slider
from glassworks.reader.figures.lite0 import classifier, or_how_to_get
from glassworks.reader.figures.own_picture import choose_photograph, pixels_of
from glassworks.reader.figures.photographs import photograph
from glassworks.reader.figures.shares import share_bars

SHOWN = 5


@lru_cache(maxsize=32)
def answered(name: str, own: str) -> tuple[np.ndarray, Tensor]:
    """What the teacher sees, uint8 (height, width, 3), and its scores before softmax, (1000,)."""
    teacher, mine = classifier(), pixels_of(own) if own else None
    seen = teacher.view(photograph(name) if mine is None else mine)
    with torch.inference_mode():
        return seen, teacher.model(teacher.prepared(seen))[0]


class TeacherOnYours(Figure):
    title = "What a large teacher says of a picture of yours"
    says = (
        "A label would be one word. The teacher's list differs from picture to picture, and a higher "
        "temperature lets more of it be heard."
    )
    controls = (
        choose_photograph("a cat"),
        OwnPicture(),
        Slider("temperature", "temperature T", 1, 10, step=0.5, value=3),
    )

    @or_how_to_get
    def draw(self, name: str, own: str, temperature: float, **_: Any) -> str:
        seen, scores = answered(name, own)
        shares = (scores / temperature).softmax(0)
        top = classifier().top(shares, SHOWN)
        rest = 1 - sum(share for _, share in top)
        bars = share_bars([*top, (f"the other {len(shares) - SHOWN}", rest)], "the teacher's shares")
        shown = draw.picture(seen, "your picture" if own else name, width=170)
        doubt = float(-(shares * shares.clamp_min(1e-12).log()).sum())
        return draw.columns(shown, bars) + draw.note(
            f"Entropy {doubt:.2f} nats; a label has 0, a list without any opinion "
            f"{float(np.log(len(shares))):.2f}."
        )
