"""What a figure stands beside: the majority answer, the nearest neighbour, and how many pictures judged it.

The same trained model is asked two questions. "Which digit?" has ten answers, "is it a zero?" has two, and
there always saying no is right nine times of ten: an accuracy of 90 % can be nothing. The two answers that
need no training are those of the workbench (`judging/baselines.py`), the intervals are Wilson's.
The first thing to change: `ZERO`, the digit of the second question.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from glassworks.core.rows import Answers
from glassworks.judging.baselines import baselines
from glassworks.judging.intervals import wilson
from glassworks.reader.draw import columns, note, table
from glassworks.reader.figure import Choose, Slider
from glassworks.reader.figures.digit_runs import reader, scaled
from glassworks.reader.figures.measured import Measured

ZERO, FEWEST, MOST = 0, 20, 359


@lru_cache(maxsize=2)
def right_answers(question: str) -> dict[str, np.ndarray]:
    """Whether each test picture was answered rightly, by who answered, bool (359,)."""
    training, _, test = scaled(0)
    said = _said(test.pictures)
    truth, known = test.targets.numpy(), training.targets.numpy()
    if question == "zero":  # the class 1 is "yes"
        said, truth, known = (np.asarray(row == ZERO, np.int64) for row in (said, truth, known))
    names = ("no", "yes") if question == "zero" else tuple("0123456789")
    blank = np.full((len(truth), len(names)), 1 / len(names))
    answers = Answers(tuple(map(str, range(len(truth)))), "label", truth, blank, names)
    small = [part.pictures.flatten(1).numpy() for part in (training, test)]
    found = {
        name: said_by.scores.argmax(axis=1) == truth
        for name, said_by in baselines(small[0], known, small[1], answers).items()
    }
    return {"our loop, 6 epochs": said == truth, **found}


def _said(pictures: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        return reader()(pictures).argmax(dim=1).numpy()


class WhatToBeat(Measured):
    title = "A figure needs company"
    says = (
        "Beside every accuracy stand the answers that need no training, and the range that so few pictures "
        "leave open."
    )
    controls = (
        Choose("question", "question", {"which digit is it?": "digit", "is it a zero?": "zero"}),
        Slider("pictures", "test pictures", FEWEST, MOST, step=1, value=MOST),
    )

    def runs(self, question: str, **_: Any) -> tuple[str, ...]:
        return (question,)

    def measure(self, run: str) -> dict[str, np.ndarray]:
        return right_answers(run)

    def show(self, known: Mapping, question: str, pictures: int, **_: Any) -> str:
        if question not in known:
            return ""
        found, rows = known[question], []
        for name, right in found.items():
            hits, count = int(right[: int(pictures)].sum()), int(pictures)
            low, high = wilson(hits, count)
            tone = "good" if name.startswith("our") else ""
            share = f"{hits / count:.1%} ({100 * low:.1f} to {100 * high:.1f})"
            rows.append([(name, tone), share])
        shares = {name: right[: int(pictures)].mean() for name, right in found.items()}
        ours, nearest = shares["our loop, 6 epochs"], shares["nearest neighbour"]
        told = (
            "The nearest training picture, looked up without any training, does at least as well here."
            if nearest >= ours else "The trained loop is ahead of the nearest neighbour on these pictures."
        )  # fmt: skip
        majority = f" Always giving the most frequent answer is right in {shares['majority class']:.0%}."
        head = ["who answers", f"right of {int(pictures)}, 95 % interval"]
        return columns(table(head, rows), _bars(found, int(pictures))) + note(told + majority)


def _bars(found: dict[str, np.ndarray], count: int) -> str:
    """Accuracies as dots with their intervals, over 0 to 1."""
    parts = []
    for number, (name, right) in enumerate(found.items()):
        hits = int(right[:count].sum())
        low, high = wilson(hits, count)
        y, style = 26 + 40 * number, "abc"[number]
        x, start, end = (20 + 300 * value for value in (hits / count, low, high))
        parts.append(f'<text x="20" y="{y - 8}">{name}</text>')
        parts.append(f'<path class="axis" d="M20 {y + 6}H320"/>')
        parts.append(
            f'<path class="{style}" d="M{start:.1f} {y + 6}H{end:.1f}" '
            'style="stroke:var(--pen);stroke-width:5"/>'
        )
        parts.append(f'<circle class="{style}" cx="{x:.1f}" cy="{y + 6}" r="6"/>')
    parts += [
        f'<text x="{20 + 300 * at:.0f}" y="146" text-anchor="middle">{at:.0%}</text>' for at in (0, 0.5, 1)
    ]
    told = "; ".join(f"{name} {right[:count].mean():.1%}" for name, right in found.items())
    return (
        f'<svg class="chart" viewBox="0 0 340 152" width="300" role="img" aria-label="accuracies: {told}">'
        f"{''.join(parts)}</svg>"
    )
