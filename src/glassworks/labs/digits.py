"""The data of the first labs: 1,797 handwritten digits of 8 x 8 squares that scikit-learn brings along.

The sample of the workbench holds them enlarged to 32 x 32 pixels; each 4 x 4 block is averaged back, so that
a run takes a second. Every seed deals the pictures anew into training, validation and test parts.
The first thing to change: `SHARES`, to hold out more or less.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from glassworks.core.keyed import permutation
from glassworks.data.samples import sample_table

SIDE, CLASSES = 8, 10
SHARES = (0.15, 0.20)  # of all pictures: validation, test


class Part(NamedTuple):
    """pictures: float32 (rows, 8, 8), ink from 0 to 255; targets: int64 (rows,)."""

    pictures: Tensor
    targets: Tensor

    def take(self, rows: Tensor | slice) -> "Part":
        return Part(self.pictures[rows], self.targets[rows])


@lru_cache(maxsize=1)
def digits() -> Part:
    """All pictures in the order of the file; read once, and never written to."""
    table = sample_table("digits")
    large = np.stack([np.asarray(picture, dtype=np.float32) for picture in table.sources])
    small = large.reshape(len(large), SIDE, 4, SIDE, 4).mean(axis=(2, 4))
    return Part(torch.from_numpy(small), torch.from_numpy(np.asarray(table.targets)))


def deal(seed: int) -> tuple[Part, Part, Part]:
    """Training, validation and test parts: disjoint, and the same for the same seed."""
    everything = digits()
    order = torch.from_numpy(permutation(len(everything.targets), seed, "digits"))
    validation, test = (round(len(order) * share) for share in SHARES)
    rows = order[validation + test :], order[:validation], order[validation : validation + test]
    training, held, judging = (everything.take(part) for part in rows)
    return training, held, judging


def batches(count: int, size: int, dice: torch.Generator, *, full: bool = True) -> Iterator[Tensor]:
    """Row numbers for ever, at most `size` at a time, every pass in a new order.

    full: leaves out the shorter rest of a pass, unless there are fewer than `size` rows in all
    """
    size = min(size, count)
    while True:
        for chosen in torch.randperm(count, generator=dice).split(size):
            if len(chosen) == size or not full:
                yield chosen
