"""The winner's curse: the best of many equally good models looks better than it is.

Every model here answers each picture rightly with the same probability, so none is better than another. The
largest of N counts is still far above the mean, the more so the larger N and the fewer the pictures. The
expected best is exact: the largest of N binomial counts is at most k with probability F(k)^N.
The first thing to change: the slider of `truth`.
"""

import math
from typing import Any

import numpy as np

from glassworks.core.keyed import generator
from glassworks.judging.intervals import wilson
from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Button, Choose, Figure, Slider

FRESH = 1_000  # new pictures that the chosen model is judged on afterwards


def binomial(pictures: int, truth: float) -> np.ndarray:
    """Probability of 0 … pictures right answers, (pictures + 1,)."""
    counts = range(pictures + 1)
    return np.array([math.comb(pictures, k) * truth**k * (1 - truth) ** (pictures - k) for k in counts])


def expected_best(models: int, pictures: int, truth: float) -> float:
    """Expected accuracy of the best of `models` models of the same true accuracy, exactly."""
    at_most = np.cumsum(binomial(pictures, truth)).clip(0.0, 1.0) ** models
    chances = np.diff(at_most, prepend=0.0)
    return float((chances * np.arange(pictures + 1)).sum() / pictures)


class WinnersCurse(Figure):
    title = "Choosing on the test part"
    says = (
        "All these models are equally good. The one that looks best on a small test part looks better than "
        "it is, and on new pictures it falls back."
    )
    controls = (
        Slider("models", "models tried", 1, 200, step=1, value=50),
        Choose("pictures", "test pictures", {"30": 30, "100": 100, "300": 300}),
        Slider("truth", "true accuracy of every model", 10, 95, step=5, value=80, unit="%"),
        Button("again", "draw again"),
    )

    def draw(self, models: int, pictures: int, truth: int, again: int, **_: Any) -> str:
        models, share = int(models), truth / 100
        dice = generator(again, "winners-curse", models, pictures, int(truth))
        right = dice.binomial(pictures, share, size=models)
        best, fresh = int(right.max()), int(dice.binomial(FRESH, share))
        expected = expected_best(models, pictures, share)
        low, high = wilson(best, pictures)
        rows: list[list] = [
            ["true accuracy", f"{share:.1%}"],
            [f"best of {models}, on these {pictures}", (f"{best / pictures:.1%}", "bad")],
            ["its interval, as if it were the only one", f"{low:.1%} to {high:.1%}"],
            ["best to be expected (exact)", f"{expected:.1%}"],
            [f"the same model on {FRESH:,} new pictures", (f"{fresh / FRESH:.1%}", "good")],
        ]
        curve = [(n, expected_best(n, pictures, share)) for n in (1, 2, 3, 5, 10, 20, 50, 100, 200)]
        grown = line_chart(
            {"expected best": curve, "true accuracy": [(1, share), (200, share)]},
            points={"this draw": [(models, best / pictures)]},
            across="models tried", up="accuracy", logarithmic="x", x=(1, 200), width=340, height=220,
        )  # fmt: skip
        told = (
            "Each dot is one model; they differ by luck alone. Beside it: what the best of more and more "
            "models promises."
        )
        return columns(_dots(right, pictures), grown) + note(told) + table(["", "accuracy"], rows)


def _dots(right: np.ndarray, pictures: int) -> str:
    """A dot for each model, stacked by its count of right answers."""
    counts = np.bincount(right, minlength=pictures + 1)
    stacked = [(k / pictures, n + 1) for k, times in enumerate(counts) for n in range(int(times))]
    low, high = right.min() / pictures - 0.03, right.max() / pictures + 0.03
    chosen = [dot for dot in stacked if dot[0] == right.max() / pictures]
    return line_chart(
        {}, points={"a model": [dot for dot in stacked if dot not in chosen], "those that look best": chosen},
        across="accuracy on the test part", up="models",
        x=(low, high), y=(0, max(4, int(counts.max()) + 1)), width=340, height=220,
    )  # fmt: skip
