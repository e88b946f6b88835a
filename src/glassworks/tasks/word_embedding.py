"""Words from their neighbours: passages of text in batches, and the loss that tells neighbours from noise.

Frequent words are left out now and then before anything counts as near, so that rare ones move closer
together and "the" does not take all the time; who is left out is drawn by (seed, epoch, place in the text).
Nothing is stored for a pair: a batch holds passages, and the model scores all pairs of a passage at once.

Source: Mikolov et al. 2013, arXiv 1310.4546, sections 2.2 and 2.3.
The first thing to change: `kept_shares`, how often a frequent word stays.

Axes: batch (passages), length (words of a passage), vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from glassworks.core import keyed
from glassworks.models.sequence.word2vec import Word2VecConfig, noise_contrast, right_answers
from glassworks.tasks import Loss

JUDGED = -1  # the epoch by whose draw words are left out where nothing is learned


@dataclass(frozen=True)
class PassageBatch:
    """inputs int64 (batch, length), filled up with 0; lengths int64 (batch,); rows: numbers in the data."""

    inputs: Tensor
    lengths: Tensor
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def given(self) -> tuple[Tensor, Tensor]:
        """What the model is called with."""
        return self.inputs, self.lengths

    def part(self, start: int, stop: int) -> "PassageBatch":
        lengths = self.lengths[start:stop]
        return PassageBatch(
            self.inputs[start:stop, : max(1, int(lengths.max()))], lengths, self.rows[start:stop]
        )


class Passages:
    """Batches of one part of the data.

    passages: of every row of the data the numbers of its words, int64 (length,)
    rows:     which rows belong to this part
    kept:     of each word the share of its places that stay, (vocabulary,)
    """

    def __init__(
        self,
        passages: Sequence[np.ndarray],
        rows: np.ndarray,
        kept: np.ndarray,
        *,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ):
        self.rows, self.seed, self.device = np.asarray(rows), seed, torch.device(device)
        self.kept = kept.astype(np.float32)
        sizes = np.array([len(passage) for passage in passages], dtype=np.int64)
        self.begins = np.concatenate([[0], np.cumsum(sizes)])
        self.stream = np.concatenate([*passages, np.empty(0, np.int64)]).astype(np.int64)
        self._order: tuple[int, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def order(self, epoch: int) -> np.ndarray:
        """The rows of this part in the order of an epoch."""
        if self._order is None or self._order[0] != epoch:
            self._order = epoch, self.rows[keyed.permutation(len(self.rows), self.seed, "order", epoch)]
        return self._order[1]

    def training(self, epoch: int, start: int, stop: int, rank: int = 0, world: int = 1) -> PassageBatch:
        """Passages start … stop of an epoch; each of `world` processes takes every world-th."""
        return self.load(self.order(epoch)[start:stop][rank::world], epoch)

    def plain(self, size: int) -> Iterator[PassageBatch]:
        """All passages in their order, the same words left out every time: for judging."""
        for start in range(0, len(self.rows), size):
            yield self.load(self.rows[start : start + size], JUDGED)

    def load(self, rows: np.ndarray, epoch: int) -> PassageBatch:
        """Some passages as one batch, without the words that this epoch leaves out."""
        sizes = self.begins[rows + 1] - self.begins[rows]
        row = np.repeat(np.arange(len(rows)), sizes)  # of each word its place in the batch
        ahead = np.cumsum(sizes) - sizes
        places = np.arange(sizes.sum()) + np.repeat(self.begins[rows] - ahead, sizes)
        words = self.stream[places]
        stays = keyed.uniform(places, 1, self.seed, "subsample", epoch)[:, 0] < self.kept[words]
        row, words = row[stays], words[stays]
        lengths = np.bincount(row, minlength=len(rows))
        column = np.arange(len(words)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        inputs = np.zeros((len(rows), max(1, lengths.max(initial=0))), np.int64)
        inputs[row, column] = words
        return PassageBatch(
            torch.from_numpy(inputs).to(self.device), torch.from_numpy(lengths).to(self.device), rows
        )


def kept_shares(counts: np.ndarray, threshold: float) -> np.ndarray:
    """The share of each word's places that stay, (vocabulary,): sqrt(threshold / its share of all words).

    counts: how often each word occurs in training; threshold: 0 keeps all
    """
    if threshold == 0 or not counts.sum():
        return np.ones(len(counts))
    share = counts / counts.sum()
    return np.minimum(1.0, np.sqrt(threshold / np.maximum(share, 1e-12)))


def noise_ends(counts: np.ndarray, power: float) -> Float[Tensor, " vocabulary"]:
    """Where each word's share of the noise ends between 0 and 1: word `searchsorted(ends, x)` for a random x.

    Words that never occur in training are never noise.
    """
    weights = np.where(counts > 0, np.maximum(counts, 1).astype(np.float64) ** power, 0.0)
    ends = np.cumsum(weights) / weights.sum()
    return torch.from_numpy(np.minimum(ends, 1.0))


@dataclass(frozen=True)
class WordEmbedding:
    """Tell the neighbours of a word from noise. config: of the model; ends: as `noise_ends` gives them."""

    config: Word2VecConfig
    ends: Tensor

    name = "word-embedding"
    primary = "loss"
    larger_is_better = False

    def noise(self, count: int, generator: torch.Generator | None = None) -> Int[Tensor, "count shared"]:
        """Noise words for so many passages, drawn on the CPU, so that every device has the same."""
        drawn = torch.rand(count, self.config.shared, generator=generator, dtype=torch.float64)
        return torch.searchsorted(self.ends, drawn, right=True).clamp(max=len(self.ends) - 1)

    def loss(self, model: nn.Module, batch: PassageBatch, generator: torch.Generator | None = None) -> Loss:
        """Noise-contrastive loss, nats a right answer."""
        words, lengths = batch.given
        noise = self.noise(len(batch), generator).to(words.device)
        scores = model(words, lengths, torch.cat([words, noise], 1))
        scores = scores if scores.dtype == torch.float64 else scores.float()
        right = right_answers(words, lengths, self.config, scores.dtype)
        return Loss(noise_contrast(scores, right, self.config.negatives))
