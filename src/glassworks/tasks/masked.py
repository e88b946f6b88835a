"""Masked pictures: what to learn from pictures without labels, and what a guess must beat.

While training, other patches are hidden at every step. For judging, which patches of a picture are hidden is
a function of its pixels, so that every model, today and tomorrow, is asked the same. Three fills that need no
training answer the same question: a flat patch of the visible pixels' mean, a copy of the nearest visible
patch, and a smooth surface through the means of the visible patches.

Paper: He et al. 2021, arXiv 2111.06377. The first thing to change: `FILLS`, what a model must beat.

Axes: batch, channels, height, width (pixels); tokens = patches of a picture; numbers = pixels of a patch.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from glassworks.blocks.patches import cut
from glassworks.core import keyed
from glassworks.models.vision.mae import MAEConfig, errors, statistics, target_of
from glassworks.tasks import Loss


@dataclass(frozen=True)
class MaskedImages:
    """Guess the hidden patches: mean squared error on them alone. tokens: patches of a picture."""

    tokens: int

    name = "masked-image-modeling"
    primary = "masked_error"
    larger_is_better = False

    def loss(self, model: nn.Module, batch: Any, generator: torch.Generator | None = None) -> Loss:
        """The generator decides what is hidden; it lives on the CPU, so that every device hides the same."""
        noise = torch.rand(len(batch), self.tokens, generator=generator)
        return Loss(errors(*model(batch.inputs, noise)).mean())


def fixed_noise(pixels: UInt8[np.ndarray, "rows height width channels"], tokens: int) -> Tensor:
    """What hides the patches of each picture when it is judged, (rows, tokens): a function of its pixels."""
    digests = np.array([zlib.crc32(picture.tobytes()) for picture in pixels], np.uint64)
    return torch.from_numpy(keyed.uniform(digests, tokens, "masked patches"))


# ---- what needs no training: pictures and mask -> patches (batch, tokens, numbers)


def flat(pictures: Tensor, mask: Tensor, config: MAEConfig) -> Tensor:
    """Every patch the mean of the picture's visible pixels: channel by channel, or of all channels where
    patches are judged without mean and spread, so that the fill has no pattern at all."""
    means = _means(pictures, config)  # (batch, channels, rows, columns)
    seen = _seen(mask, config)  # (batch, 1, rows, columns)
    mean = (means * seen).sum((2, 3), keepdim=True) / seen.sum((2, 3), keepdim=True)
    if config.normalised:
        mean = mean.mean(1, keepdim=True)
    return cut(mean.expand_as(pictures), config.patch)


def nearest(pictures: Tensor, mask: Tensor, config: MAEConfig) -> Tensor:
    """Every patch a copy of the visible patch that is nearest to it; of equally near ones the first."""
    distance = _distances(config).to(pictures.device)  # (tokens, tokens)
    far = distance[None].masked_fill(mask[:, None].bool(), float("inf"))  # (batch, tokens, visible ones)
    patches = cut(pictures, config.patch)
    return patches.gather(1, far.argmin(2)[..., None].expand_as(patches))


def smooth(pictures: Tensor, mask: Tensor, config: MAEConfig) -> Tensor:
    """A surface through patch means: hidden ones are the visible ones' mean, weighed by 1 / distance squared,
    and between the middles of patches it is bilinear."""
    weights = (1 - mask)[:, None] / _distances(config).to(mask).clamp(min=0.5)  # (batch, tokens, tokens)
    weights = weights / weights.sum(2, keepdim=True)
    means = _means(pictures, config)
    filled = (weights @ means.flatten(2).transpose(1, 2)).transpose(1, 2).unflatten(2, config.grid)
    seen = _seen(mask, config)
    surface = F.interpolate(
        means * seen + filled * (1 - seen), pictures.shape[2:], mode="bilinear", align_corners=False
    )
    return cut(surface, config.patch)


FILLS: dict[str, Callable[[Tensor, Tensor, MAEConfig], Tensor]] = {
    "mean of the visible pixels": flat,
    "nearest visible patch": nearest,
    "smooth fill": smooth,
}


def fill_errors(pictures: Tensor, mask: Tensor, config: MAEConfig) -> dict[str, Float[Tensor, " batch"]]:
    """The error of each fill, picture by picture, in the units that the model is judged in.

    Where patches are guessed without their mean and spread, those of each filled patch are taken out as well:
    neither side is told the true ones, and none is asked for them.
    """
    target = target_of(pictures, config)
    found = {}
    for name, fill in FILLS.items():
        patches = fill(pictures, mask, config)
        if config.normalised:
            mean, spread = statistics(patches)
            patches = (patches - mean) / spread
        found[name] = errors(patches, target, mask)
    return found


def _means(pictures: Tensor, config: MAEConfig) -> Tensor:
    """The mean of each patch, (batch, channels, rows, columns)."""
    return F.avg_pool2d(pictures, config.patch)


def _seen(mask: Tensor, config: MAEConfig) -> Tensor:
    """1 where a patch is visible, (batch, 1, rows, columns)."""
    return (1 - mask).unflatten(1, config.grid)[:, None]


def _distances(config: MAEConfig) -> Tensor:
    """Squared distance between patches, in patches, (tokens, tokens)."""
    rows, columns = config.grid
    down = torch.arange(rows)[:, None].expand(rows, columns).flatten()
    right = torch.arange(columns)[None, :].expand(rows, columns).flatten()
    return ((down[:, None] - down) ** 2 + (right[:, None] - right) ** 2).float()


def as_pixels(pictures: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> np.ndarray:
    """Pictures as a model sees them -> uint8 (batch, height, width, channels)."""
    shape = (1, -1, 1, 1)
    values = pictures.float().cpu() * torch.tensor(std).view(shape) + torch.tensor(mean).view(shape)
    return (values.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
