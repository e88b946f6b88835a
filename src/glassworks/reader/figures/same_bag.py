"""Two sentences with the same words: as bags they are one and the same, read step by step they are not.

A bag of words keeps how often each word occurs, or the mean of the words' vectors. The recurrent layer beside
it is the installed one and has learned nothing; its random numbers tell the two apart all the same, because
each step starts from what the steps before have left.
The first thing to change: `PAIRS`.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from glassworks.core.keyed import generator
from glassworks.models.sequence.rnn import RNN
from glassworks.reader import draw
from glassworks.reader.figure import Button, Choose, Figure

PAIRS = {
    "the dog bites the man": ("the dog bites the man", "the man bites the dog"),
    "good, not bad": ("it was good not bad at all", "it was bad not good at all"),
    "we eat to live": ("we eat to live", "we live to eat"),
    "another word: the cat": ("the dog bites the man", "the cat bites the man"),
}
WIDTH = 4  # numbers a word, and numbers of the state


def words_of(pair: tuple[str, str]) -> list[str]:
    """The different words of both sentences, in the order in which they come."""
    return list(dict.fromkeys(" ".join(pair).split()))


def counts(sentence: str, words: list[str]) -> list[int]:
    """How often each word occurs."""
    return [sentence.split().count(word) for word in words]


@lru_cache(maxsize=64)
def vector(word: str, pressed: int) -> tuple[float, ...]:
    """Random numbers of a word, the same wherever it stands."""
    return tuple(generator("same bag", word, pressed).standard_normal(WIDTH).tolist())


@lru_cache(maxsize=8)
def reader(pressed: int) -> RNN:
    """A recurrent layer that has learned nothing."""
    layer, dice = RNN(WIDTH, WIDTH).double(), generator("same bag", "reader", pressed)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.from_numpy(dice.uniform(-0.9, 0.9, tuple(parameter.shape))))
    return layer


@torch.no_grad()
def summaries(sentence: str, pressed: int) -> tuple[Tensor, Tensor]:
    """(mean of the words' vectors, state after the last word), (4,) each."""
    steps = torch.tensor([[vector(word, pressed) for word in sentence.split()]], dtype=torch.float64)
    return steps.mean(1)[0], reader(pressed)(steps)[1][0][0, 0]


class SameBag(Figure):
    title = "The same words in another order"
    says = (
        "Counts and means do not know where a word stood: both sentences give the same numbers, so every "
        "network behind them gives the same answer. A state that is handed from word to word differs."
    )
    controls = (
        Choose("pair", "sentences", PAIRS),
        Button("pressed", "Other random numbers"),
    )

    def draw(self, pair: tuple[str, str], pressed: int) -> str:
        words = words_of(pair)
        table = draw.table(["", *words], [[line, *map(str, counts(line, words))] for line in pair])
        found = [summaries(line, pressed) for line in pair]
        bags, states = (torch.stack(both) for both in zip(*found))
        rows = [
            ["counts of words", _apart(np.diff([counts(line, words) for line in pair], axis=0))],
            ["mean of the words' vectors", _apart((bags[0] - bags[1]).numpy())],
            ["state after the last word", _apart((states[0] - states[1]).numpy())],
        ]
        return table + draw.columns(
            draw.number_grid(bags.numpy(), title="mean of the words' vectors, a row each", most=1.5),
            draw.number_grid(states.numpy(), title="state after the last word, a row each", most=1.5),
            draw.table(["largest difference", "of the two"], rows),
        )


def _apart(difference: np.ndarray) -> tuple[str, str]:
    most = float(np.abs(difference).max())
    return ("0: the same", "bad") if most < 1e-12 else (f"{most:.2f}", "good")
