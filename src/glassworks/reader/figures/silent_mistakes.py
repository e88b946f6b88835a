"""A teacher that is asked wrongly: classes in another order, an unprepared picture, norms in training mode.

The teacher is the lab's, in a shorter run. Each mistake leaves a list of ten shares that sum to one, so
nothing stops: only the share of test pictures for which its best class is the label tells of it.
The first thing to change: `MISTAKES`.
"""

import copy
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from glassworks.reader.draw import heading, note, table
from glassworks.reader.figure import Choose, Slider
from glassworks.reader.figures.measured import Measured
from glassworks.reader.figures.shares import share_bars
from glassworks.reader.figures.taught_digits import given, teacher

MISTAKES = {
    "none": "asked as it should be",
    "order": "its classes from 9 to 0",
    "preparation": "brightness from 0 to 1, not scaled",
    "mode": "in training mode, 4 pictures a batch",
}
SHOWN, PICTURES, BATCH = 4, 40, 4


@lru_cache(maxsize=8)
def answers(mistake: str) -> Tensor:
    """The teacher's shares for the test pictures, float32 (rows, 10)."""
    pictures = given(0)["test"].pictures
    network = teacher(0)
    with torch.no_grad():
        if mistake == "preparation":
            low, high = pictures.min(), pictures.max()
            return network((pictures - low) / (high - low)).softmax(1)
        if mistake == "mode":
            learning = copy.deepcopy(network).train()
            return torch.cat([learning(some).softmax(1) for some in pictures.split(BATCH)])
        found = network(pictures).softmax(1)
    return found.flip(1) if mistake == "order" else found


def right(mistake: str) -> float:
    """Points of 100 of the test pictures for which the best class is the label."""
    return 100 * float((answers(mistake).argmax(1) == given(0)["test"].targets).float().mean())


class SilentMistakes(Measured):
    title = "A teacher that is asked wrongly"
    says = "Each mistake gives ten shares that sum to one, and a loss that falls. Only a count shows it."
    controls = (
        Choose(
            "mistake", "the teacher is", {words: name for name, words in MISTAKES.items()}, MISTAKES["none"]
        ),
        Slider("place", "picture", 1, PICTURES, step=1, value=15),
    )

    def runs(self, **_: Any) -> tuple[str, ...]:
        return tuple(MISTAKES)

    def measure(self, run: str) -> float:
        return right(run)

    def show(self, known: Mapping[str, float], mistake: str, place: int, **_: Any) -> str:
        if mistake not in known:
            return note("The teacher is being trained.")
        row = int(place) - 1
        shares = answers(mistake)[row]
        top = shares.argsort(descending=True, stable=True)[:SHOWN].tolist()
        label = int(given(0)["test"].targets[row])
        rows = [[MISTAKES[name], f"{known[name]:.1f} %"] for name in MISTAKES if name in known]
        return (
            heading(f"Its shares for a picture that is labelled {label}")
            + share_bars([(f"{one}", float(shares[one])) for one in top], "the teacher's shares")
            + table(["the teacher is", "best class is the label"], rows)
        )
