"""Rollout with three tokens and two layers, small enough to follow with a pencil.

In the last layer the class token draws from "left". But before that, "left" had drawn nearly all it holds
from "right". One slider sets how much of a token goes round the attention of a layer; half is the usual
assumption. The first thing to change: `FIRST` and `SECOND`, the weights.
"""

import numpy as np

from glassworks.reader.draw import columns, equation, note, number_grid, table
from glassworks.reader.figure import Figure, Slider, Toggle

TOKENS = ("class", "left", "right")
FIRST = np.array([[1 / 3, 1 / 3, 1 / 3], [0.0, 0.1, 0.9], [0.0, 0.1, 0.9]])
SECOND = np.array([[0.1, 0.8, 0.1], [0.2, 0.4, 0.4], [0.2, 0.4, 0.4]])


def mixed(weights: np.ndarray, itself: float) -> np.ndarray:
    """A layer with the way round it."""
    return itself * np.eye(len(weights)) + (1 - itself) * weights


def rolled(itself: float, turned: bool = False) -> np.ndarray:
    """Both layers multiplied, the later one on the left unless `turned`, (3, 3)."""
    first, second = mixed(FIRST, itself), mixed(SECOND, itself)
    return first @ second if turned else second @ first


class RolloutByHand(Figure):
    title = "Two layers, three tokens"
    says = (
        "The last layer says that the class token drew from the left patch. What the left patch held had "
        "come from the right one. The product of the layers shows it; how strongly depends on the share "
        "that is assumed to go round."
    )
    controls = (
        Slider("itself", "share that goes round a layer", 0, 0.9, step=0.1, value=0.5),
        Toggle("turned", "multiply in the wrong order"),
    )

    def draw(self, itself: float, turned: bool) -> str:
        whole = rolled(itself, turned)
        grids = columns(
            number_grid(mixed(FIRST, itself), title="layer 1, mixed", most=1),
            number_grid(mixed(SECOND, itself), title="layer 2, mixed", most=1),
            number_grid(whole, title="layer 1 × layer 2" if turned else "layer 2 × layer 1", most=1),
        )
        rows = [
            ["layer 2 alone", *(f"{value:.3f}" for value in SECOND[0])],
            ["rollout", *(f"{value:.3f}" for value in whole[0])],
        ]
        terms = " + ".join(
            f"{weight:.2f} · {held:.2f}"
            for weight, held in zip(mixed(SECOND, itself)[0], mixed(FIRST, itself)[:, 2])
        )
        sums = ", ".join(f"{value:.2f}" for value in whole.sum(1))
        told = (
            "Rows are the tokens that draw, columns those they draw from: class, left, right. "
            f"The rows of the product sum to {sums}."
        )
        line = equation(f"class from right = {terms} = {whole[0, 2]:.3f}") if not turned else ""
        return grids + line + table(["the class token draws from", *TOKENS], rows) + note(told)
