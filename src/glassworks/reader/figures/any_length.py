"""Four networks and a text of any length: which of them take it, and what they say when they do not.

The networks are plain torch and the installed recurrent layer, asked now. Only the linear layer has a weight
for each place, so only it has a length built in. The others use the same weights at every place.
The first thing to change: `PLACES`, the length that the linear layer was built for.
"""

from functools import lru_cache

import torch
from torch import Tensor, nn

from glassworks.core.keyed import generator
from glassworks.models.sequence.rnn import RNN
from glassworks.reader import draw
from glassworks.reader.figure import Figure, Slider, Toggle

PLACES, WIDTH, SCORES, MOST = 8, 16, 2, 60


class Bag(nn.Module):
    """The mean over the words, then scores."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(WIDTH, SCORES)

    def forward(self, words: Tensor) -> Tensor:
        return self.head(words.mean(1))


class Convolved(nn.Module):
    """Three neighbouring words at a time, the mean over all places, then scores."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Conv1d(WIDTH, WIDTH, 3, padding=1)
        self.pool, self.head = nn.AdaptiveAvgPool1d(1), nn.Linear(WIDTH, SCORES)

    def forward(self, words: Tensor) -> Tensor:
        return self.head(self.pool(self.mix(words.transpose(1, 2)).relu()).flatten(1))


class StepByStep(nn.Module):
    """The installed recurrent layer, and scores from its last state."""

    def __init__(self):
        super().__init__()
        self.layer, self.head = RNN(WIDTH, WIDTH), nn.Linear(WIDTH, SCORES)

    def forward(self, words: Tensor) -> Tensor:
        return self.head(self.layer(words)[1][0][-1])


@lru_cache(maxsize=1)
def networks() -> dict[str, nn.Module]:
    """By name, none of them trained."""
    return {
        f"linear layer over {PLACES} words": nn.Sequential(nn.Flatten(), nn.Linear(PLACES * WIDTH, SCORES)),
        "mean, then linear": Bag(),
        "convolution, then mean": Convolved(),
        "recurrent layer": StepByStep(),
    }


@lru_cache(maxsize=1)
def text() -> Tensor:
    """The longest text: (1, MOST, WIDTH)."""
    numbers = generator("any length").standard_normal((1, MOST, WIDTH))
    return torch.from_numpy(numbers).float()


@torch.no_grad()
def asked(network: nn.Module, words: int, fitted: bool) -> str:
    """The shape of the answer, or torch's complaint."""
    given = text()[:, :words]
    if fitted:  # what is too long is cut, what is too short is filled up
        given = nn.functional.pad(given[:, :PLACES], (0, 0, 0, max(0, PLACES - words)))
    try:
        return str(tuple(network(given).shape))
    except RuntimeError as error:
        return str(error)


class AnyLength(Figure):
    title = "A text of any length"
    says = (
        f"A linear layer over all words has weights for {PLACES} places and refuses every other length. The "
        "others use the same weights at every place: bags and convolutions as well as recurrent layers."
    )
    controls = (
        Slider("words", "words", 1, MOST, step=1, value=3),
        Toggle("fitted", f"cut or fill up to {PLACES} words"),
    )

    def draw(self, words: float, fitted: bool) -> str:
        words, rows = int(words), []
        for name, network in networks().items():
            said = asked(network, words, fitted)
            parameters = sum(one.numel() for one in network.parameters())
            rows.append([name, f"{parameters:,}", (said, "good" if said.startswith("(") else "bad")])
        table = draw.table(["network", "parameters", f"asked about (1, {words}, {WIDTH})"], rows)
        return table + draw.note(_told(words, fitted))


def _told(words: int, fitted: bool) -> str:
    if not fitted:
        return "The answers have the shape (1, 2): two scores for one text."
    if words > PLACES:
        return f"All answer now. Of {words} words {words - PLACES} are gone, and nobody is told."
    return f"All answer now. {PLACES - words} of the {PLACES} words that they see are padding."
