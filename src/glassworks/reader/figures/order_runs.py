"""Two questions about ten letters, and four small networks that learn to answer them: what the figure and the
exercise on order share.

"Which of A and B came first?" is about order; "are there more As than Bs?" is not. A run takes a fraction of
a second and is a pure function of its key, so every tab of the book may use the same ones.
The first thing to change: `WINDOW`.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassworks.core.keyed import seed_for
from glassworks.models.sequence.rnn import RNN

LENGTH, LETTERS, WINDOW = 10, 6, 4
LONGER = (20, 40)
WIDTH, EMBEDDING = 16, 8
STEPS, BATCH, RATE, TEST = 300, 64, 0.01, 2000
KINDS = ("bag", "window", "every place", "recurrent")
QUESTIONS = ("order", "count")


def examples(question: str, count: int, length: int, dice: torch.Generator) -> tuple[Tensor, Tensor]:
    """Letters (count, length) as numbers, A is 0 and B is 1, and the answers (count,): 1 for yes.

    order: one A and one B among other letters; is A before B?
    count: any letters; are there more As than Bs? As many of both is never asked.
    """
    if question == "order":
        letters = torch.randint(2, LETTERS, (count, length), generator=dice)
        places = torch.rand(count, length, generator=dice).argsort(1)[:, :2]
        letters.scatter_(1, places, torch.tensor([[0, 1]]).expand(count, 2))
        return letters, (places[:, 0] < places[:, 1]).long()
    letters = torch.randint(0, LETTERS, (2 * count + 200, length), generator=dice)
    more = (letters == 0).sum(1) - (letters == 1).sum(1)
    kept = (more != 0).nonzero()[:count, 0]
    return letters[kept], (more[kept] > 0).long()


class Small(nn.Module):
    """Letters (batch, length) -> two scores (batch, 2). kind: one of `KINDS`."""

    def __init__(self, kind: str, dice: torch.Generator):
        super().__init__()
        self.kind = kind
        self.letters = nn.Embedding(LETTERS, EMBEDDING)
        places = {"bag": 1, "window": WINDOW, "every place": LENGTH}.get(kind, 0)
        self.layer = nn.Linear(places * EMBEDDING, 2 * WIDTH) if places else RNN(EMBEDDING, WIDTH)
        self.head = nn.Linear(2 * WIDTH if places else WIDTH, 2)
        with torch.no_grad():  # from dice of its own: the page's other figures draw as well
            for parameter in self.parameters():
                reach = 1.0 if parameter is self.letters.weight else WIDTH**-0.5
                parameter.copy_((2 * torch.rand(parameter.shape, generator=dice) - 1) * reach)

    def forward(self, letters: Tensor) -> Tensor:
        steps = self.letters(letters)  # (batch, length, EMBEDDING)
        if self.kind == "recurrent":
            return self.head(self.layer(steps)[1][0][-1])
        if self.kind == "bag":
            return self.head(self.layer(steps.mean(1)).relu())
        if self.kind == "window":
            steps = steps[:, -WINDOW:]
        return self.head(self.layer(steps.flatten(1)).relu())


@lru_cache(maxsize=64)
def run(question: str, kind: str, seed: int) -> tuple[tuple[float, ...], dict[int, float | None]]:
    """(losses of the steps, share of right answers by length; None where the network refuses the length)."""
    network, losses = trained(question, kind, seed)
    return losses, {length: _right(network, question, length) for length in (LENGTH, *LONGER)}


@lru_cache(maxsize=64)
def trained(question: str, kind: str, seed: int) -> tuple[Small, tuple[float, ...]]:
    """A network after its training, not to be changed, and the losses on the way."""
    network, dice = start(question, kind, seed)
    optimizer, losses = torch.optim.Adam(network.parameters(), lr=RATE), []
    with torch.enable_grad():
        for _ in range(STEPS):
            letters, answers = examples(question, BATCH, LENGTH, dice)
            loss = F.cross_entropy(network(letters), answers)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
    return network, tuple(losses)


def start(question: str, kind: str, seed: int) -> tuple[Small, torch.Generator]:
    """The same network before it, and the dice that its examples come from."""
    dice = torch.Generator().manual_seed(seed_for(seed, "order runs", question, kind))
    return Small(kind, dice), dice


@torch.no_grad()
def _right(network: Small, question: str, length: int) -> float | None:
    if network.kind == "every place" and length != LENGTH:
        return None
    letters, answers = examples(question, TEST, length, torch.Generator().manual_seed(length))
    return float((network(letters).argmax(1) == answers).double().mean())
