"""Why the soft loss is multiplied by T²: without it the gradient shrinks by as much.

The gradient of the divergence by a score of the student is (q - p) / T, and q - p itself shrinks as 1 / T, as
the shares get more even. So the whole shrinks as 1 / T², and T² gives it back.

Source: Hinton, Vinyals & Dean 2015, arXiv 1503.02531, section 2.
The first thing to change: the scores, in `soft_by_hand`.
"""

from functools import lru_cache
from typing import Any

import torch

from glassworks.models.vision.deit import distillation_loss
from glassworks.reader.draw import line_chart, note
from glassworks.reader.figure import Figure, Slider, Toggle
from glassworks.reader.figures.soft_by_hand import STUDENT, TEACHER

TEMPERATURES = tuple(number / 2 for number in range(2, 41))


@lru_cache(maxsize=512)
def gradient(temperature: float, larger: float = 1.0) -> float:
    """Length of the gradient of the soft loss, T² with it, by the student's scores; from the library's loss.

    larger: all scores, of student and teacher, are multiplied by it
    """
    student = (larger * torch.tensor([STUDENT], dtype=torch.float64)).requires_grad_()
    said = larger * torch.tensor([TEACHER], dtype=torch.float64)
    target = torch.zeros(1, dtype=torch.long)
    loss = distillation_loss(
        student.detach(), student, target, said, "soft", weight=1.0, temperature=temperature
    )
    return float(torch.autograd.grad(loss, student)[0].norm())


class WhyTSquared(Figure):
    title = "The pull of the teacher on the student's scores"
    says = (
        "Without the factor the gradient falls as one over T²: at T = 10 it is a hundredth of what it would "
        "be. With it the pull hardly changes, so temperature and weight can be chosen one by one."
    )
    controls = (
        Slider("temperature", "temperature T", 1, 20, step=0.5, value=3),
        Slider("larger", "all scores times", 0.5, 4, step=0.5, value=1),
        Toggle("logarithmic", "logarithmic scale", value=True),
    )

    def draw(self, temperature: float, larger: float, logarithmic: bool, **_: Any) -> str:
        with_it = [(t, gradient(t, larger)) for t in TEMPERATURES]
        without = [(t, pull / t**2) for t, pull in with_it]
        chart = line_chart(
            {"times T²": with_it, "without T²": without},
            across="temperature T", up="length of the gradient", marks=[(temperature, f"T {temperature:g}")],
            logarithmic="y" if logarithmic else "", width=420, height=240,
        )  # fmt: skip
        pull = gradient(temperature, larger)
        return chart + note(
            f"At T = {temperature:g}: {pull:.4f} with the factor, {pull / temperature**2:.5f} without it."
        )
