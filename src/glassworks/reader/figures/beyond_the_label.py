"""What a teacher says beyond the label: which other digits it thinks of, on average, for each digit.

The teacher is the larger CNN of the lab on distillation, trained in the book. Its scores for all test
pictures of one digit are divided by the temperature, turned into shares, and averaged.
The first thing to change: `SHOWN`.

Source: Hinton, Vinyals & Dean 2015, arXiv 1503.02531.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from glassworks.reader.draw import columns, note, pictures
from glassworks.reader.figure import Slider
from glassworks.reader.figures.measured import Measured
from glassworks.reader.figures.shares import share_bars
from glassworks.reader.figures.taught_digits import given, scores

SHOWN, EXAMPLES = 6, 4


def thought_of(digit: int, temperature: float, logits: Tensor) -> Tensor:
    """Mean shares of the ten digits over the test pictures of one digit, (10,)."""
    rows = given(0)["test"].targets == digit
    return (logits[rows] / temperature).softmax(1).mean(0)


class BeyondTheLabel(Measured):
    title = "What does the teacher think of besides?"
    says = (
        "For every digit the teacher has its own list of others that look alike. At temperature 1 the list "
        "is hard to see; at 4 it is plain. The label says none of it."
    )
    controls = (
        Slider("digit", "digit", 0, 9, step=1, value=8),
        Slider("temperature", "temperature T", 1, 10, step=0.5, value=4),
    )

    def runs(self, **_: Any) -> tuple[str, ...]:
        return ("teacher",)

    def measure(self, run: str) -> Tensor:
        return scores(0, "test")

    def show(self, known: Mapping[str, Tensor], digit: int, temperature: float, **_: Any) -> str:
        part = given(0)["test"]
        rows = torch.nonzero(part.targets == int(digit))[:EXAMPLES, 0]
        low, high = part.pictures.min(), part.pictures.max()
        grey = (255 * (high - part.pictures[rows, 0]) / (high - low)).to(torch.uint8).numpy()
        shown = pictures([(one, f"a {int(digit)}") for one in grey], width=64)
        if "teacher" not in known:
            return shown + note("The teacher is being trained.")
        shares = thought_of(int(digit), float(temperature), known["teacher"])
        top = shares.argsort(descending=True)[:SHOWN].tolist()
        bars = share_bars([(f"{one}", float(shares[one])) for one in top], "mean shares")
        told = f"Mean over the test pictures of this digit, T = {temperature:g}; {SHOWN} of ten shares."
        return columns(shown, bars) + note(told)
