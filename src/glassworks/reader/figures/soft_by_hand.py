"""The soft loss with three classes, term by term: the teacher's shares, the student's, and their divergence.

Each class adds p (ln p - ln q), with p the teacher's share and q the student's, both at the same temperature.
The sum is never below 0, and 0 only where both agree; multiplied by T² it keeps its weight in the loss.
The first thing to change: `STUDENT` and `TEACHER`, the scores at the start.
"""

from typing import Any

import torch
from torch import Tensor

from glassworks.reader.draw import columns, equation, heading, table
from glassworks.reader.figure import Figure, Slider
from glassworks.reader.figures.shares import share_bars

NAMES = ("cat", "dog", "car")
STUDENT, TEACHER = (2.0, 1.0, 0.0), (3.0, 0.0, 0.0)


def terms(student: Tensor, teacher: Tensor, temperature: float) -> tuple[Tensor, Tensor, Tensor]:
    """Shares of the teacher and of the student, and p (ln p - ln q) for each class, (classes,) each."""
    theirs, ours = ((scores / temperature).log_softmax(0) for scores in (teacher, student))
    return theirs.exp(), ours.exp(), theirs.exp() * (theirs - ours)


class SoftByHand(Figure):
    title = "The soft loss, class by class"
    says = (
        "The divergence compares whole lists of shares. At a higher temperature both lists get more even and "
        "the divergence small: from 0.177 to 0.039 at T = 3. Times T², here 9, it is 0.347 again."
    )
    controls = (
        Slider("temperature", "temperature T", 1, 10, step=0.5, value=3),
        Slider("cat", "student's score of cat", -4, 4, step=0.5, value=STUDENT[0]),
        Slider("dog", "student's score of dog", -4, 4, step=0.5, value=STUDENT[1]),
        Slider("car", "student's score of car", -4, 4, step=0.5, value=STUDENT[2]),
    )

    def draw(self, temperature: float, cat: float, dog: float, car: float, **_: Any) -> str:
        student = torch.tensor([cat, dog, car], dtype=torch.float64)
        teacher = torch.tensor(TEACHER, dtype=torch.float64)
        theirs, ours, each = terms(student, teacher, temperature)
        rows = [
            [name, f"{a:g}", f"{b:g}", f"{p:.4f}", f"{q:.4f}", f"{part + 0.0:.6f}"]
            for name, a, b, p, q, part in zip(
                NAMES, teacher.tolist(), student.tolist(), theirs.tolist(), ours.tolist(), each.tolist()
            )
        ]
        head = ["class", "teacher's score", "student's score", "p", "q", "p (ln p − ln q)"]
        total = float(each.sum())
        sums = equation(
            f"sum of the terms = {total:.6f}",
            f"times T² = {temperature**2:g} × {total:.6f} = {temperature**2 * total:.6f}",
        )
        bars = columns(
            heading("teacher, p") + share_bars(list(zip(NAMES, theirs.tolist())), "the teacher's shares"),
            heading("student, q") + share_bars(list(zip(NAMES, ours.tolist())), "the student's shares"),
        )
        return table(head, rows) + sums + bars
