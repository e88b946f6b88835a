"""The teacher must see the student's piece: a label is of the whole picture, an answer of a piece.

Augmentation cuts a random piece out of the picture. The label stays that of the whole, whether the thing is
on the piece or not. A teacher that looks at the piece says what is there; one that looked at the whole, or at
another piece, would teach an answer to another question.

Source: Touvron et al. 2020, arXiv 2012.12877 (why a teacher's answer can be better than the label).
The first thing to change: `LABEL`, the photograph and what it is said to show.
"""

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from glassworks.reader.draw import columns, heading, note, picture
from glassworks.reader.figure import Figure, Slider
from glassworks.reader.figures.lite0 import classifier, or_how_to_get
from glassworks.reader.figures.photographs import available, photograph
from glassworks.reader.figures.shares import share_bars

PHOTOGRAPH, LABEL = "a cup of coffee", "espresso"
SHOWN = 4


@lru_cache(maxsize=64)
def said(zoom: float, across: float) -> Tensor:
    """The teacher's shares for a piece, (1000,)."""
    teacher = classifier()
    return teacher.shares(teacher.prepared(_piece(zoom, across)))


def _piece(zoom: float, across: float) -> Any:
    return classifier().view(photograph(PHOTOGRAPH), zoom=zoom, across=across)


class TheSamePiece(Figure):
    title = "The label is of the picture, the answer of the piece"
    says = (
        "A label does not know which piece was cut. A teacher that sees the student's piece answers for this "
        "piece, so its answers agree with what the student can see."
    )
    controls = (
        Slider("across", "the piece, from left to right", -1, 1, step=0.1, value=1),
        Slider("zoom", "how much smaller than the picture", 1, 4, step=0.5, value=3),
    )

    @or_how_to_get
    def draw(self, across: float, zoom: float, **_: Any) -> str:
        if PHOTOGRAPH not in available():
            return note("This figure needs a photograph of scikit-image, which is not installed.")
        teacher = classifier()
        piece, whole = said(zoom, across), said(1.0, 0.0)
        place = teacher.names.index(LABEL)
        seen = picture(_piece(1.0, 0.0), f"the whole, label: {LABEL}", width=170)
        other = picture(_piece(zoom, across), "the piece that the student sees", width=170)
        bars = heading("the teacher on this piece") + share_bars(
            teacher.top(piece, SHOWN), "shares for the piece"
        )
        bars += heading("the teacher on the whole") + share_bars(
            teacher.top(whole, SHOWN), "shares for the whole"
        )
        told = (
            f"The label asks for 100 % {LABEL}. On this piece the teacher gives it {float(piece[place]):.1%}."
        )
        return columns(seen, other) + bars + note(told)


def hard_answer(zoom: float, across: float) -> str:
    """The name of the teacher's best class for a piece."""
    with torch.no_grad():
        return classifier().names[int(said(zoom, across).argmax())]
