"""A label says one word; a teacher says how much like every other class a picture is.

The teacher is a network with the weights that its authors published, the classes are its own thousand. The
temperature divides its scores before softmax: above 1 the small shares come up, and their order stays.

Source: Hinton, Vinyals & Dean 2015, arXiv 1503.02531.
The first thing to change: `SHOWN`, how many classes are listed.
"""

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from glassworks.reader.draw import heading, note, picture, text
from glassworks.reader.figure import Choose, Figure, Slider
from glassworks.reader.figures.lite0 import classifier, or_how_to_get
from glassworks.reader.figures.photographs import available, photograph
from glassworks.reader.figures.shares import percent, share_bars

SHOWN = 6
LABELS = {
    "a cat": "tiger cat", "a cup of coffee": "espresso", "a rocket": "missile", "a temple": "palace",
    "a flower": "daisy",
}  # what the figure takes as the label: the teacher's first choice  # fmt: skip


@lru_cache(maxsize=8)
def scores(name: str) -> Tensor:
    """The teacher's scores for a photograph before softmax, (1000,)."""
    teacher = classifier()
    with torch.inference_mode():
        return teacher.model(teacher.prepared(teacher.view(photograph(name))))[0]


def softened(logits: Tensor, temperature: float) -> Tensor:
    """Shares at a temperature, (classes,)."""
    return (logits / temperature).softmax(0)


class WhatATeacherSays(Figure):
    title = "What a teacher's answer says, and a label does not"
    says = (
        "The label names one class. The teacher's shares also say which classes come near: for the cat other "
        "cats, not cars. A temperature above 1 makes these small shares large enough to learn from."
    )
    controls = (
        Choose("name", "photograph", {name: name for name in LABELS if name in available()} or {"none": ""}),
        Slider("temperature", "temperature T", 0.5, 10, step=0.5, value=1),
    )

    @or_how_to_get
    def draw(self, name: str, temperature: float, **_: Any) -> str:
        teacher, said = classifier(), scores(name)
        shares = softened(said, temperature)
        top = teacher.top(shares, SHOWN)
        rest = 1 - sum(share for _, share in top)
        others = f"the other {len(teacher.names) - SHOWN} classes"
        ratio = top[0][1] / top[1][1]
        told = (
            f"At T = {temperature:g} the first choice gets {percent(top[0][1])}, {ratio:.2f} times the "
            "second. The order of the classes is the same at every temperature."
        )
        shown = picture(teacher.view(photograph(name)), "what the teacher sees", width=170)
        label = (
            f"The label says: {LABELS[name]} 100 %, and 0 % for each of the other {len(teacher.names) - 1}."
        )
        bars = share_bars([*top, (others, rest)], "the teacher's shares")
        return shown + text(label) + heading("the teacher says") + bars + note(told)
