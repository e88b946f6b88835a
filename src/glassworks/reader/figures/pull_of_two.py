"""What the label and the teacher ask of a student's scores, one beside the other, and in sum.

The student has no opinion yet: all its scores are 0. The picture is a 4 that looks like a 9. What is shown is
minus the gradient of each part of the loss, from the library's own loss: up is where a score is pulled.
The first thing to change: `TEACHER`, its scores for the ten digits.

Source: Hinton, Vinyals & Dean 2015, arXiv 1503.02531.
"""

from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from glassworks.reader.draw import note, table
from glassworks.reader.figure import Figure, Slider
from glassworks.transfer.distil import soft_loss

LABEL = 4
TEACHER = (-1.0, 0.5, -0.5, -1.5, 6.0, -1.0, 0.0, 1.0, 0.0, 4.5)
SHOWN = (4, 9, 7, 1, 3)


@lru_cache(maxsize=512)
def pulls(weight: float, temperature: float) -> tuple[Tensor, Tensor]:
    """Where the label and the teacher pull each of the ten scores, float64 (10,) each."""
    parts = []
    for part in ("label", "teacher"):
        scores = torch.zeros(1, len(TEACHER), dtype=torch.float64, requires_grad=True)
        if part == "label":
            loss = (1 - weight) * F.cross_entropy(scores, torch.tensor([LABEL]))
        else:
            said = torch.tensor([TEACHER], dtype=torch.float64)
            loss = weight * soft_loss(scores, said, temperature)
        parts.append(-torch.autograd.grad(loss, scores)[0][0])
    return parts[0], parts[1]


class PullOfTwo(Figure):
    title = "Who pulls which score"
    says = (
        "The label pulls one score up and pushes all others down alike. The teacher lets the 9 up as well: "
        "it has seen that this 4 looks like one."
    )
    controls = (
        Slider("weight", "the teacher's weight w", 0, 1, step=0.1, value=0.7),
        Slider("temperature", "temperature T", 1, 20, step=1, value=4),
    )

    def draw(self, weight: float, temperature: float, **_: Any) -> str:
        label, teacher = pulls(float(weight), float(temperature))
        rows = [
            [f"{digit}", *(f"{float(part[digit]):+.3f}".replace("-", "−") for part in (label, teacher, both))]
            for digit in SHOWN
            for both in (label + teacher,)
        ]
        gap = float((label + teacher)[9] - (label + teacher)[3])
        return table(["score of", "by the label", "by the teacher", "together"], rows) + note(
            f"A picture labelled {LABEL}. The 9 is pulled {abs(gap):.3f} "
            f"{'higher than' if gap >= 0 else 'lower than'} the 3, which it does not look like."
        )
