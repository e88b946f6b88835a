"""Cross-entropy against accuracy: one picture, one right class, and a score for it that the reader moves.

The others have the score 0, so the probability of the right one is e^score / (e^score + classes − 1).
The loss changes with every bit of score and grows without bound for a sure wrong answer; accuracy only knows
one jump.
The first thing to change: `LOW` and `HIGH`, the scores that are drawn.
"""

import math
from typing import Any

from glassworks.reader.draw import columns, equation, line_chart, table
from glassworks.reader.figure import Choose, Figure, Slider

LOW, HIGH = -8.0, 8.0


def probability(score: float, classes: int) -> float:
    """Of the right class, when all others have the score 0."""
    return math.exp(score) / (math.exp(score) + classes - 1)


def cross_entropy(score: float, classes: int) -> float:
    """Minus the logarithm of that probability, in nats."""
    return -math.log(probability(score, classes))


class SureAndWrong(Figure):
    title = "Why the loss is not the accuracy"
    says = (
        "Accuracy is flat except for one jump, so it has no slope to follow. Cross-entropy falls everywhere, "
        "and a sure wrong answer costs the most."
    )
    controls = (
        Slider("score", "score of the right class (all others: 0)", LOW, HIGH, step=0.5, value=0.0),
        Choose("classes", "classes", {"10": 10, "2": 2, "1,000": 1000}),
    )

    def draw(self, score: float, classes: int, **_: Any) -> str:
        scores = [LOW + (HIGH - LOW) * step / 64 for step in range(65)]
        curve = [(at, cross_entropy(at, classes)) for at in scores]
        jump = [(LOW, 0.0), (0.0, 0.0), (0.0, 1.0), (HIGH, 1.0)]
        p, loss = probability(score, classes), cross_entropy(score, classes)
        chart = line_chart(
            {"cross-entropy": curve, "accuracy": jump},
            points={"cross-entropy": [(score, loss)]},
            across="score of the right class", up="value", width=330, height=230,
        )  # fmt: skip
        right = score > 0
        rows = [
            ["probability p of the right class", f"{p:.6f}"],
            ["cross-entropy, nats", f"{loss:.6f}"],
            ["accuracy of this picture", "1" if right else "0 (a tie)" if score == 0 else "0"],
            ["slope of the loss: p − 1", f"{p - 1:.6f}"],
            ["slope of the accuracy", "0" if score else "none: it jumps"],
        ]
        told = f"loss = −ln({p:.6f}) = {loss:.6f}"
        guess = f"guessing: −ln(1/{classes:,}) = ln {classes:,} = {math.log(classes):.6f}"
        return columns(chart, table(["at this score", "value"], rows)) + equation(told, guess)
