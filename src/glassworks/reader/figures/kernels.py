"""Kernels that people wrote down before networks learned theirs, and the maps that they give.

A map has numbers of both signs; drawn, 0 is middle grey, positive is bright and negative dark.
The first thing to change: `KERNELS`, to add one.
"""

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

KERNELS: dict[str, tuple[tuple[float, ...], ...]] = {
    "upright edges": ((1, 0, -1), (1, 0, -1), (1, 0, -1)),
    "level edges": ((1, 1, 1), (0, 0, 0), (-1, -1, -1)),
    "all edges": ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
    "mean of nine": ((1 / 9,) * 3,) * 3,
    "sharper": ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    "relief": ((-2, -1, 0), (-1, 1, 1), (0, 1, 2)),
    "as it is": ((0, 0, 0), (0, 1, 0), (0, 0, 0)),
}
LIKE_PICTURES = ("mean of nine", "sharper", "as it is", "relief")  # their maps look like pictures, 0 to 255


def kernel(name: str) -> Tensor:
    """float32 (3, 3)"""
    return torch.tensor(KERNELS[name], dtype=torch.float32)


def slid(picture: Tensor, weights: Tensor) -> Tensor:
    """The kernel at every place where it fits: (h, w), (3, 3) -> (h - 2, w - 2)."""
    return F.conv2d(picture[None, None], weights[None, None])[0, 0]


@lru_cache(maxsize=16)
def reach(name: str) -> float:
    """The largest number that a kernel can give for pixels of 0 to 255."""
    weights = kernel(name)
    return 255 * float(max(weights.clamp(min=0).sum(), -weights.clamp(max=0).sum()))


def shown(values: Tensor, name: str, *, share: float = 0.4) -> np.ndarray:
    """A map as bytes: like a picture, or 0 as middle grey and white or black at a share of `reach`."""
    if name in LIKE_PICTURES:
        return values.clamp(0, 255).to(torch.uint8).numpy()
    return (127.5 + 127.5 * values / (share * reach(name))).clamp(0, 255).to(torch.uint8).numpy()
