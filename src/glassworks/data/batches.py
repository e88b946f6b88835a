"""From a store of decoded pictures to batches that a model takes.

The order of an epoch is a function of (seed, epoch); a position in it is the number of examples seen. So
a batch can be asked for by its place, in any process, and a stopped run needs no state of a loader.
Pictures stay bytes until they are picked; scaling and augmentation work on the whole batch.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from glassworks.core import keyed
from glassworks.core.rows import PictureInput
from glassworks.data.augment import NOTHING, Augment, augment

MOST_VALUES = 2**23  # of the pictures of a batch that is judged: 55 pictures of 224 x 224 x 3


@dataclass(frozen=True)
class Batch:
    """inputs (batch, channels, height, width) float; targets (batch, …); rows: their numbers in the data."""

    inputs: Tensor
    targets: Tensor
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, start: int, stop: int) -> "Batch":
        return Batch(self.inputs[start:stop], self.targets[start:stop], self.rows[start:stop])


class PictureBatches:
    """Batches of one part of the data.

    pixels:  uint8 (rows, height, width, channels), an array or a memory map
    targets: as in core.rows.PictureTable
    rows:    which rows belong to this part
    """

    def __init__(
        self,
        pixels: np.ndarray,
        targets: np.ndarray,
        rows: np.ndarray,
        how: PictureInput,
        *,
        seed: int = 0,
        augment: Augment = NOTHING,
        device: torch.device | str = "cpu",
    ):
        self.pixels, self.rows, self.seed, self.augment = pixels, np.asarray(rows), seed, augment
        self.device = torch.device(device)
        kind = torch.float32 if targets.dtype.kind in "fb" else torch.int64
        self.targets = torch.as_tensor(np.asarray(targets)).to(kind)
        mean = torch.tensor(how.mean, dtype=torch.float32, device=self.device) * 255
        std = torch.tensor(how.std, dtype=torch.float32, device=self.device) * 255
        self.scale, self.offset = (1 / std)[:, None, None], (-mean / std)[:, None, None]
        self._order: tuple[int, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def order(self, epoch: int) -> np.ndarray:
        """The rows of this part in the order of an epoch."""
        if self._order is None or self._order[0] != epoch:
            shuffled = self.rows[keyed.permutation(len(self.rows), self.seed, "order", epoch)]
            self._order = (epoch, shuffled)
        return self._order[1]

    def training(self, epoch: int, start: int, stop: int, rank: int = 0, world: int = 1) -> Batch:
        """Examples start … stop of an epoch, augmented; each of `world` processes takes every world-th."""
        rows = self.order(epoch)[start:stop][rank::world]
        inputs = augment(self.load(rows), rows, epoch, self.seed, self.augment)
        return Batch(inputs, self.targets[rows].to(self.device), rows)

    def plain(self, size: int):
        """All examples in the data's order, unchanged, at most `size` at a time: for judging.

        Of large pictures fewer are taken, so that their maps fit into memory.
        """
        size = max(1, min(size, MOST_VALUES // max(1, int(np.prod(self.pixels.shape[1:])))))
        for start in range(0, len(self.rows), size):
            rows = self.rows[start : start + size]
            yield Batch(self.load(rows), self.targets[rows].to(self.device), rows)

    def load(self, rows: np.ndarray) -> Tensor:
        """Scaled pictures (batch, channels, height, width), channels last in memory."""
        if isinstance(self.pixels, np.memmap):
            picked = torch.from_numpy(np.ascontiguousarray(self.pixels[rows]))
        else:
            picked = torch.from_numpy(self.pixels)[torch.from_numpy(rows)]
        pictures = picked.to(self.device).permute(0, 3, 1, 2)
        return pictures.float() * self.scale + self.offset


def measure_input(
    pixels: np.ndarray, rows: np.ndarray, fit: str = "stretch", *, most: int = 5000
) -> PictureInput:
    """The input of a model that is trained from scratch: this data's size, mean and spread.

    Measured on the training rows only, at most `most` of them, so that nothing is learned from held-out
    pictures.
    """
    rows = np.sort(np.asarray(rows)[keyed.permutation(len(rows), "statistics")[:most]])
    sample = pixels[rows].reshape(-1, pixels.shape[-1])
    # Counts of the 256 values give mean and spread exactly, without squares that do not fit in a byte.
    counts = np.stack([np.bincount(sample[:, channel], minlength=256) for channel in range(sample.shape[1])])
    values = np.arange(256)
    mean = counts @ values / len(sample) / 255
    variance = counts @ values**2 / len(sample) / 255**2 - mean**2
    std = np.sqrt(np.maximum(variance, 1e-4))  # a constant channel must not be divided by 0
    return PictureInput(
        height=int(pixels.shape[1]),
        width=int(pixels.shape[2]),
        channels=int(pixels.shape[3]),
        mean=tuple(round(float(value), 6) for value in mean),
        std=tuple(round(float(value), 6) for value in std),
        fit=fit,  # type: ignore[arg-type]
    )
