"""Learning to continue a text: each token is to be guessed from all tokens before it.

A text is one long stream of token numbers. Training sees windows of it, each with the same window one token
later as what is to be guessed; a model that carries a memory starts each window without one, which costs a
few tokens and lets windows come in any order. Writing and judging carry the memory on (`api/language.py`).

The first thing to change: `IGNORED` targets are not learned from; padding and the starts of texts are.

Axes: batch; time = tokens of a window; vocabulary = different tokens.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassworks.core import keyed
from glassworks.tasks import Loss

IGNORED = -100  # a target that nothing is learned from


@dataclass(frozen=True)
class TextGeneration:
    """Guess every next token: mean cross-entropy in nats, over the tokens that are to be guessed."""

    name = "text-generation"
    primary = "loss"
    larger_is_better = False

    def loss(self, model: nn.Module, batch: Any, generator: torch.Generator | None = None) -> Loss:
        logits, _ = model(*batch.given)  # (batch, time, vocabulary)
        return Loss(F.cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), ignore_index=IGNORED))


@dataclass(frozen=True)
class WindowBatch:
    """inputs int64 (batch, time); targets the same one token later; rows: numbers of the windows."""

    inputs: Tensor
    targets: Tensor
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def given(self) -> tuple[Tensor]:
        return (self.inputs,)

    def part(self, start: int, stop: int) -> "WindowBatch":
        cut = slice(start, stop)
        return WindowBatch(self.inputs[cut], self.targets[cut], self.rows[cut])


class Windows:
    """Windows of a stream of tokens: the interface of the loop's batches.

    stream: int64 (tokens,); context: tokens of a window; ignored: tokens that are never to be guessed

    An epoch cuts the stream into windows without gaps, from another place each time, so that over epochs
    every token is guessed after every length of text. The stream is a ring: its end leads to its start.
    """

    def __init__(
        self,
        stream: np.ndarray,
        context: int,
        *,
        ignored: tuple[int, ...] = (),
        seed: int = 0,
        device: torch.device | str = "cpu",
    ):
        self.stream, self.context, self.ignored = torch.from_numpy(stream), context, ignored
        self.seed, self.device = seed, torch.device(device)
        self.rows = np.arange(max(1, len(stream) // context))
        self._order: tuple[int, int, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def training(self, epoch: int, start: int, stop: int, rank: int = 0, world: int = 1) -> WindowBatch:
        """Windows start … stop of an epoch; each of `world` processes takes every world-th."""
        first, order = self._epoch(epoch)
        return self.load(order[start:stop][rank::world], first)

    def load(self, rows: np.ndarray, first: int = 0) -> WindowBatch:
        """Some windows, counted from token `first` of the ring."""
        begins = torch.from_numpy(rows * self.context + first)[:, None]
        places = (begins + torch.arange(self.context + 1)) % len(self.stream)
        tokens = self.stream[places]  # (batch, time + 1)
        targets = tokens[:, 1:].clone()
        for token in self.ignored:
            targets[targets == token] = IGNORED
        return WindowBatch(tokens[:, :-1].to(self.device), targets.to(self.device), rows)

    def _epoch(self, epoch: int) -> tuple[int, np.ndarray]:
        """The first token of an epoch and the order of its windows: functions of (seed, epoch)."""
        if self._order is None or self._order[0] != epoch:
            first = keyed.seed_for(self.seed, "window", epoch) % len(self.stream)
            self._order = (epoch, first, keyed.permutation(len(self), self.seed, "order", epoch))
        return self._order[1], self._order[2]


def surprise(
    step: Callable[[Tensor, Any], tuple[Tensor, Any]],
    stream: np.ndarray,
    *,
    vocabulary: int,
    context: int,
    device: torch.device | str = "cpu",
    lanes: int = 64,
) -> tuple[np.ndarray, np.ndarray]:
    """How surprising each token of a stream is to a model that has read all before it.

    step:    tokens (batch, time) and a state -> logits (batch, time, vocabulary) and the state after
    context: tokens of another lane's end that each lane reads first without being judged on them; a long
             stream is read in lanes side by side, so that its tokens need not wait for each other
    Returns nats of tokens 1, 2, … and whether each was the likeliest, both (tokens - 1,).
    """
    count = len(stream) - 1  # guesses
    lanes = max(1, min(lanes, count // (2 * context)))
    warm = context if lanes > 1 else 0
    length = -(-(count - warm) // lanes)  # guesses of a lane; the first one makes `warm` more
    begins = np.arange(lanes) * length
    time = max(1, min(512, 8_000_000 // (lanes * vocabulary)))  # tokens a step, so that logits fit in memory
    nats, right = np.zeros(lanes * length + warm), np.zeros(lanes * length + warm, bool)
    state = None
    for start in range(0, length + warm, time):
        places = begins[:, None] + np.arange(start, min(start + time, length + warm))  # (lanes, time)
        known = torch.from_numpy(stream[np.minimum(places, count - 1)]).to(device)
        wanted = torch.from_numpy(stream[np.minimum(places, count - 1) + 1]).to(device)
        logits, state = step(known, state)
        found = F.cross_entropy(logits.float().transpose(1, 2), wanted, reduction="none")
        judged = (places - begins[:, None] >= warm) | (begins[:, None] == 0)
        nats[places[judged]] = found.double().cpu().numpy()[judged]
        right[places[judged]] = (logits.argmax(-1) == wanted).cpu().numpy()[judged]
    return nats[:count], right[:count]
