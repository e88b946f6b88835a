"""Two heads, one answer: the mean of their scores, or the mean of their shares.

Both heads score all classes. The mean of scores is a compromise:
a class that one head rules out hardly wins. The mean of shares is a vote: a head that is sure carries it.

Source: Touvron et al. 2020, arXiv 2012.12877 (they add shares; their published code averages scores).
The first thing to change: `LABEL` and `TEACHER`, the scores of both heads.
"""

from typing import Any

import torch
from torch import Tensor

from glassworks.reader.draw import columns, heading, note, table
from glassworks.reader.figure import Figure, Slider
from glassworks.reader.figures.shares import share_bars

NAMES = ("cat", "dog", "car")
LABEL, TEACHER = (3.0, 2.5, -4.0), (-3.0, 0.0, 5.0)


def answers(label: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
    """Shares after softmax of the mean scores, and the mean of both heads' shares, (classes,) each."""
    return ((label + teacher) / 2).softmax(0), (label.softmax(0) + teacher.softmax(0)) / 2


class TwoHeadsOneAnswer(Figure):
    title = "Two heads, one answer"
    says = (
        "When the heads agree, both ways to join them agree too. When they do not, the mean of scores looks "
        "for a class that both can live with, and the mean of shares lets the surer head win."
    )
    controls = (
        Slider("sure", "the teacher's head: its scores times", 0, 2, step=0.1, value=1),
        Slider("agree", "how far it agrees with the label's head, 0 to 1", 0, 1, step=0.1, value=0),
    )

    def draw(self, sure: float, agree: float, **_: Any) -> str:
        label, other = (torch.tensor(scores, dtype=torch.float64) for scores in (LABEL, TEACHER))
        teacher = sure * ((1 - agree) * other + agree * label)
        joined = answers(label, teacher)
        rows = [
            [name, f"{a:.1f}", f"{b + 0.0:.1f}", f"{(a + b) / 2 + 0.0:.2f}"]
            for name, a, b in zip(NAMES, label.tolist(), teacher.tolist())
        ]
        found = table(["class", "label's head", "teacher's head", "mean of scores"], rows)
        bars = columns(
            heading("softmax of the mean of scores")
            + share_bars(list(zip(NAMES, joined[0].tolist())), "shares"),
            heading("mean of the two softmaxes") + share_bars(list(zip(NAMES, joined[1].tolist())), "shares"),
        )
        first, second = (NAMES[int(shares.argmax())] for shares in joined)
        told = (
            f"Both answer {first}."
            if first == second
            else f"The scores' mean answers {first}, the shares' {second}."
        )
        return found + bars + note(told)
