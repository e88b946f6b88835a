"""One pair of words, one score: the score that makes the loss smallest is the pair's PMI, shifted.

The loss of all true meetings of the pair and of all times that noise brings them together, as a function of
their score. Its lowest place is log of (together by chance) minus log of the number of noise words.
The first thing to change: `TEXT`, the number of pairs in the text.
"""

import math

import numpy as np

from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Figure, Slider

TEXT, WORD, NEIGHBOUR = 10_000, 100, 50  # pairs in all; with the word; with the neighbour


def pmi(together: float) -> float:
    """How much more often than by chance, natural logarithm."""
    return math.log(together * TEXT / (WORD * NEIGHBOUR))


def loss(score: np.ndarray, together: float, noise: float) -> np.ndarray:
    """Of all meetings of the pair, true ones and those that noise makes, in nats."""
    by_chance = noise * WORD * NEIGHBOUR / TEXT
    return together * np.logaddexp(0, -score) + by_chance * np.logaddexp(0, score)


class ScoreFindsPmi(Figure):
    title = "Where the score comes to rest"
    says = (
        "A pair that meets ten times as often as by chance is drawn towards the score log 10, less the "
        "logarithm of the number of noise words. Learning by noise counts, in its way."
    )
    controls = (
        Slider("together", "times the two meet", 0.1, 20, step=0.1, value=5),
        Slider("noise", "noise words for each true one", 1, 15, step=1, value=5),
    )

    def draw(self, together: float, noise: float) -> str:
        scores = np.linspace(-7, 5, 121)
        losses = loss(scores, together, noise)
        best = pmi(together) - math.log(noise)
        name = "loss of this pair"
        chart = line_chart(
            {name: list(zip(scores.tolist(), losses.tolist()))},
            points={name: [(best, float(loss(np.array(best), together, noise)))]},
            across="score of the two words", up="loss, nats", x=(-7, 5), width=360, height=230,
        )  # fmt: skip
        rows: list[list] = [
            ["by chance they would meet", f"{WORD * NEIGHBOUR / TEXT:.2f} times"],
            ["PMI, log of how much more often", f"{pmi(together):+.3f}"],
            [f"less log {int(noise)}", f"{-math.log(noise):+.3f}"],
            ["lowest loss at the score", (f"{best:+.3f}", "good")],
        ]
        told = (
            f"A text of {TEXT:,} pairs; the word is in {WORD} of them, the neighbour in {NEIGHBOUR}. Noise "
            f"is "
            "drawn by counts here, with the power 1."
        )
        return columns(chart, table(["", ""], rows)) + note(told)
