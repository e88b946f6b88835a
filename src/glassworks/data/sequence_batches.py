"""Batches of sequences of unequal length: texts as token numbers, series as numbers in time.

A batch is as long as its longest member, and what fills up the rest is thrown away by the model. So sequences
of like length go together: the shuffled rows are cut into pools, each pool is sorted by length and dealt out
to its batches, and the batches of a pool change places. The order is a function of (seed, epoch), and a
batch is asked for by its place, as for pictures (`data/batches.py`).

The first thing to change: `POOL`; 1 shuffles without a look at the lengths.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from glassworks.core import keyed

POOL = 50  # batches whose rows are sorted together


@dataclass(frozen=True)
class SequenceBatch:
    """inputs int64 (batch, length), or float32 (batch, length, channels), padded; lengths int64 (batch,);
    targets (batch, …); rows: their numbers in the data."""

    inputs: Tensor
    lengths: Tensor
    targets: Tensor
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def given(self) -> tuple[Tensor, Tensor]:
        """What the model is called with."""
        return self.inputs, self.lengths

    def part(self, start: int, stop: int) -> "SequenceBatch":
        lengths = self.lengths[start:stop]
        inputs = self.inputs[start:stop, : int(lengths.max())]
        return SequenceBatch(inputs, lengths, self.targets[start:stop], self.rows[start:stop])


class SequenceBatches:
    """Batches of one part of the data.

    sequences: of every row of the data, int64 (length,) or float32 (length, channels), at least 1 long
    targets:   (rows of the data, …)
    rows:      which rows belong to this part
    batch:     rows of a training batch, as the loop will ask for them
    padding:   token number that fills up
    """

    def __init__(
        self,
        sequences: Sequence[np.ndarray],
        targets: np.ndarray,
        rows: np.ndarray,
        *,
        batch: int = 32,
        seed: int = 0,
        padding: int = 0,
        device: torch.device | str = "cpu",
    ):
        self.sequences, self.rows, self.seed = sequences, np.asarray(rows), seed
        self.batch, self.padding, self.device = batch, padding, torch.device(device)
        kind = torch.float32 if targets.dtype.kind in "fb" else torch.int64
        self.targets = torch.as_tensor(np.asarray(targets)).to(kind)
        self.lengths = np.array([len(sequences[row]) for row in self.rows], dtype=np.int64)
        self._order: tuple[int, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def order(self, epoch: int) -> np.ndarray:
        """The rows of this part in the order of an epoch, those of like length in the same batch."""
        if self._order is None or self._order[0] != epoch:
            self._order = (epoch, self.rows[self._places(epoch)])
        return self._order[1]

    def _places(self, epoch: int) -> np.ndarray:
        count = len(self.rows)
        shuffled = keyed.permutation(count, self.seed, "order", epoch)
        parts = max(1, math.ceil(count / self.batch))
        ends = [part * count // parts for part in range(parts + 1)]  # as training.loop cuts an epoch
        placed = np.empty(count, dtype=np.int64)
        for first in range(0, parts, POOL):
            last = min(first + POOL, parts)
            pool = shuffled[ends[first] : ends[last]]
            pool = pool[np.argsort(self.lengths[pool], kind="stable")]
            dealt = 0
            for place in keyed.permutation(last - first, self.seed, "pool", epoch, first):
                start, stop = ends[first + place], ends[first + place + 1]
                placed[start:stop] = pool[dealt : dealt + stop - start]
                dealt += stop - start
        return placed

    def training(self, epoch: int, start: int, stop: int, rank: int = 0, world: int = 1) -> SequenceBatch:
        """Examples start … stop of an epoch; each of `world` processes takes every world-th."""
        return self.load(self.order(epoch)[start:stop][rank::world])

    def plain(self, size: int) -> Iterator[SequenceBatch]:
        """All examples from the shortest to the longest, at most `size` at a time: for judging.

        Each batch says which rows it holds; `in_order` puts answers back.
        """
        order = np.argsort(self.lengths, kind="stable")
        for start in range(0, len(order), size):
            yield self.load(self.rows[order[start : start + size]])

    def in_order(self, found: Tensor) -> Tensor:
        """Answers to all batches of `plain`, one after another, put into the order of `rows`."""
        back = np.empty(len(self.rows), dtype=np.int64)
        back[np.argsort(self.lengths, kind="stable")] = np.arange(len(self.rows))
        return found[torch.from_numpy(back)]

    def load(self, rows: np.ndarray) -> SequenceBatch:
        """Some rows as one padded batch."""
        picked = [self.sequences[int(row)] for row in rows]
        lengths = np.array([len(sequence) for sequence in picked], dtype=np.int64)
        shape = (len(picked), int(lengths.max(initial=1)), *picked[0].shape[1:])
        whole = picked[0].dtype.kind in "iu"
        padded = np.full(shape, self.padding if whole else 0, dtype=np.int64 if whole else np.float32)
        for place, sequence in enumerate(picked):
            padded[place, : len(sequence)] = sequence
        return SequenceBatch(
            torch.from_numpy(padded).to(self.device),
            torch.from_numpy(lengths).to(self.device),
            self.targets[rows].to(self.device),
            np.asarray(rows),
        )
