"""A recurrent layer that has learned "which came first, A or B?", seen while it reads.

The state is drawn after each letter, and beside it what the layer would answer if the text ended there. The
other figure asks how much the last state changes with each input: before the training and after it.
The first thing to change: `TEXTS`; the last two hold a second A or B, which the training never did.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from glassworks.insight.recurrent import gradient_by_lag
from glassworks.models.sequence.rnn import RNN
from glassworks.reader.draw import columns, line_chart, note, number_grid, table
from glassworks.reader.figure import Choose, Slider
from glassworks.reader.figures.measured import Measured
from glassworks.reader.figures.order_runs import EMBEDDING, LENGTH, Small, examples, start, trained

LETTERS = "ABcdef"
TEXTS = {text: text for text in ("cdAefcBdef", "cdBefcAdef", "ABcdefcdef", "AcBdefcAde", "BcAdefcBde")}
ASKED = 20  # texts whose gradients are averaged


def numbers(text: str) -> Tensor:
    """(1, letters) as the networks take them."""
    return torch.tensor([[LETTERS.index(letter) for letter in text]])


@torch.no_grad()
def read(network: Small, text: str) -> tuple[np.ndarray, list[float]]:
    """(states (letters, WIDTH), probability of "A came first" after each letter)."""
    states = network.layer(network.letters(numbers(text)))[0][0]
    return states.numpy(), network.head(states).softmax(-1)[:, 1].tolist()


@lru_cache(maxsize=8)
def lags(seed: int, after: bool) -> np.ndarray:
    """The gradient by lag over some texts, (LENGTH,): median of each lag."""
    network = trained("order", "recurrent", seed)[0] if after else start("order", "recurrent", seed)[0]
    assert isinstance(network.layer, RNN)
    letters, _ = examples("order", ASKED, LENGTH, torch.Generator().manual_seed(5))
    layer = RNN(EMBEDDING, network.layer.width)  # a copy, since asking moves its modes
    layer.load_state_dict(network.layer.state_dict())
    with torch.enable_grad():
        steps = network.letters(letters).detach()
        return np.median([gradient_by_lag(layer, one[None]) for one in steps], axis=0)


class TrainedReader(Measured):
    title = "The state, while it reads"
    says = (
        "The answer jumps at every A and B and holds in between: the layer remembers which of them came "
        "last. With one of each that is enough to say which came first, and nobody asked for more. A second "
        "A at the end shows it."
    )
    controls = (
        Choose("text", "text", TEXTS),
        Slider("seed", "seed", 0, 4, step=1, value=0),
    )

    def runs(self, seed: int, **_: Any) -> Sequence[tuple[str, str, int]]:
        return [("order", "recurrent", int(seed))]

    def measure(self, run: tuple[str, str, int]) -> Small:
        return trained(*run)[0]

    def show(self, known: Mapping, text: str, **_: Any) -> str:
        if not known:
            return note("The layer is being trained.")
        states, answers = read(next(iter(known.values())), text)
        points = list(enumerate(answers, 1))
        marks = [(place, letter) for place, letter in enumerate(text, 1) if letter in "AB"]
        chart = line_chart(
            {"A came first": points}, points={"A came first": points}, across="letter", marks=marks,
            up="probability, if the text ended here", x=(1, len(text)), y=(0, 1), width=380, height=230,
        )  # fmt: skip
        title = f"a row a letter of {text}, a column a number of the state"
        return columns(number_grid(states, title=title, decimals=1, most=1.0), chart)


class LagsOfTheTrained(Measured):
    title = "How far back the last state listens"
    says = (
        "Before the training the last state hardly depends on what came nine letters ago. After it, the "
        "gradient reaches back over all ten letters: the layer has learned to remember that far."
    )
    controls = (Slider("seed", "seed", 0, 4, step=1, value=0),)

    def runs(self, seed: int, **_: Any) -> Sequence[tuple[int, bool]]:
        return [(int(seed), False), (int(seed), True)]

    def measure(self, run: tuple[int, bool]) -> np.ndarray:
        return lags(*run)

    def show(self, known: Mapping, **_: Any) -> str:
        if not known:
            return note("The gradients are being measured.")
        found = {"after the training" if after else "before": one for (_, after), one in known.items()}
        curves = {name: list(enumerate(map(float, one))) for name, one in found.items()}
        chart = line_chart(
            curves, across="steps back", up="size of the gradient", logarithmic="y", width=420, height=240
        )
        rows = [
            [name, f"{one[0]:.3g}", f"{one[-1]:.3g}", f"{one[-1] / one[0]:.2g}"]
            for name, one in found.items()
        ]
        head = ["", "last letter", f"{LENGTH - 1} letters ago", "ratio"]
        return columns(chart, table(head, rows))
