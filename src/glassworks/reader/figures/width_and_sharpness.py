"""Wider queries and keys make larger products, and larger scores make softmax decide before it has learned.

Random queries and keys with mean 0 and spread 1 stand for a network at its start. The product of d numbers
with d numbers has the spread sqrt(d). Divided by it, the scores keep the spread 1 at every width; without it
one key takes nearly all weight, and where a weight is 0 or 1 softmax has no slope left to learn by.
The first thing to change: `KEYS`, among how many a query chooses.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from glassworks.core.keyed import generator
from glassworks.reader.draw import columns, heading, line_chart, note, number_grid, table
from glassworks.reader.figure import Button, Choose, Figure, Toggle

KEYS, QUERIES, SHOWN = 8, 64, 6
WIDTHS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


@lru_cache(maxsize=4)
def products(seed: int) -> dict[int, np.ndarray]:
    """Products of random queries with random keys by width, (QUERIES, KEYS) each; wider ones extend "
    "narrower."""
    dice = generator(seed, "width and sharpness")
    queries = dice.standard_normal((QUERIES, 1, WIDTHS[-1]), dtype=np.float32)
    keys = dice.standard_normal((QUERIES, KEYS, WIDTHS[-1]), dtype=np.float32)
    sums = np.cumsum(np.add.reduceat(queries * keys, [0, *WIDTHS[:-1]], axis=-1), axis=-1)
    return {width: sums[..., place] for place, width in enumerate(WIDTHS)}


def weights_of(seed: int, width: int, root: bool) -> np.ndarray:
    """softmax of the scores, (QUERIES, KEYS); root: divided by the root of the width."""
    scores = products(seed)[width] / (np.sqrt(width) if root else 1.0)
    grown = np.exp(scores - scores.max(axis=1, keepdims=True))
    return grown / grown.sum(axis=1, keepdims=True)


def slope(weights: np.ndarray) -> float:
    """Mean of w (1 - w) over all weights: how fast a weight moves with its own score."""
    return float((weights * (1 - weights)).mean())


class WidthAndSharpness(Figure):
    title = "Width against sharpness"
    says = (
        "Without the root a query of 64 numbers gives nearly all weight to one key before anything is "
        "learned. Divided by the root of the width, the weights look the same at every width."
    )
    controls = (
        Choose("width", "numbers in a query", {str(width): width for width in WIDTHS}, value="64"),
        Toggle("root", "divide by the root of the width"),
        Button("again", "other random numbers"),
    )

    def draw(self, width: int, root: bool, again: int, **_: Any) -> str:
        scores = products(again)[width] / (np.sqrt(width) if root else 1.0)
        weights = weights_of(again, width, root)
        grid = number_grid(
            weights[:SHOWN], title=f"a row for each of {SHOWN} queries, a column a key", most=1.0
        )
        curves = {
            "with the root": [(w, float(weights_of(again, w, True).max(1).mean())) for w in WIDTHS],
            "without": [(w, float(weights_of(again, w, False).max(1).mean())) for w in WIDTHS],
        }
        chart = line_chart(
            curves, across="numbers in a query", up="largest weight, mean", logarithmic="x", y=(0, 1),
            marks=[(width, "here")], width=350, height=230,
        )  # fmt: skip
        rows = [
            ["spread of the scores", f"{scores.std():.2f}"],
            [f"largest of {KEYS} weights, mean", f"{weights.max(1).mean():.1%}"],
            ["slope of softmax, mean", f"{slope(weights):.4f}"],
        ]
        told = f"Each row sums to 1. Equal shares would be {1 / KEYS:g}."
        return columns(
            heading("weights") + grid + note(told),
            heading(f"{QUERIES} queries") + chart + table(["", "here"], rows),
        )
