"""Random changes to training pictures, a whole batch at a time.

Every picture's numbers are a hash of (seed, epoch, picture), so the same picture gets the same change
whatever stands beside it and however often the run was stopped. Pictures are turned, moved and zoomed in
one resampling, and what comes in at the border is the picture's mirror image, not black corners.

Only training uses this; held-out pictures are never changed.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from glassworks.core import keyed


@dataclass(frozen=True)
class Augment:
    """How far pictures may be changed; all zero changes nothing.

    flip:       mirror left and right: "none", "random" (each picture, each epoch) or "alternate"
                (mirrored in every second epoch, which shows both views sooner; Jordan 2024, arXiv 2404.00498)
    shift:      largest move as a share of the side
    rotate:     largest turn in degrees
    zoom:       largest scaling: 0.1 means 0.9 to 1.1 times
    brightness: largest change of brightness, in standard deviations of the data
    contrast:   largest change of contrast: 0.2 means 0.8 to 1.2 times
    erase:      side of a square that is blanked, as a share of the side
    """

    flip: str = "none"
    shift: float = 0.0
    rotate: float = 0.0
    zoom: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    erase: float = 0.0

    def __post_init__(self):
        if self.flip not in ("none", "random", "alternate"):
            raise ValueError(f'flip is "none", "random" or "alternate", got {self.flip!r}')
        for name, top in (("shift", 0.5), ("rotate", 180), ("zoom", 0.9), ("contrast", 1), ("erase", 1)):
            if not 0 <= getattr(self, name) <= top:
                raise ValueError(f"{name} is a number from 0 to {top}, got {getattr(self, name)}")


NOTHING = Augment()


def augment(
    pictures: Float[Tensor, "batch channels height width"],
    rows: np.ndarray,
    epoch: int,
    seed: int,
    how: Augment,
) -> Float[Tensor, "batch channels height width"]:
    """Change a batch of normalised pictures; `rows` are the pictures' numbers in the data."""
    if how == NOTHING:
        return pictures
    draws = torch.from_numpy(keyed.uniform(rows, 8, seed, "augment", epoch)).to(pictures.device)
    signed = draws * 2 - 1  # -1 … 1
    mirrored = _mirrored(rows, draws[:, 0], epoch, seed, how.flip)
    if how.rotate or how.zoom:
        pictures = _resample(pictures, signed, mirrored, how)
    else:
        pictures = _flip_and_shift(pictures, signed, mirrored, how)
    if how.contrast or how.brightness:
        scale = 1 + signed[:, 5, None, None, None] * how.contrast
        offset = signed[:, 6, None, None, None] * how.brightness
        pictures = pictures * scale.to(pictures.dtype) + offset.to(pictures.dtype)
    if how.erase:
        pictures = _erase(pictures, keyed.uniform(rows, 2, seed, "erase", epoch), how.erase)
    return pictures


def _mirrored(rows: np.ndarray, draw: Tensor, epoch: int, seed: int, flip: str) -> Tensor | None:
    """Which pictures are mirrored, bool (batch,), or None."""
    if flip == "none":
        return None
    if flip == "random":
        return draw < 0.5
    first = keyed.uniform(rows, 1, seed, "first-flip")[:, 0] < 0.5  # keyed without the epoch
    return torch.from_numpy(first ^ bool(epoch % 2)).to(draw.device)


def _flip_and_shift(pictures: Tensor, signed: Tensor, mirrored: Tensor | None, how: Augment) -> Tensor:
    """Whole-pixel moves by picking rows and columns: exact, and far cheaper than resampling."""
    _, _, height, width = pictures.shape
    if mirrored is not None:
        pictures = torch.where(mirrored[:, None, None, None], pictures.flip(3), pictures)
    reach_y, reach_x = round(how.shift * height), round(how.shift * width)
    if not (reach_y or reach_x):
        return pictures
    padded = F.pad(pictures, (reach_x, reach_x, reach_y, reach_y), mode="reflect")
    top = ((signed[:, 1] + 1) / 2 * (2 * reach_y + 1)).long().clamp(max=2 * reach_y)
    left = ((signed[:, 2] + 1) / 2 * (2 * reach_x + 1)).long().clamp(max=2 * reach_x)
    rows = top[:, None] + torch.arange(height, device=top.device)  # (batch, height)
    columns = left[:, None] + torch.arange(width, device=left.device)  # (batch, width)
    picture = torch.arange(len(pictures), device=top.device)
    by_pixel = padded.permute(0, 2, 3, 1)  # (batch, height, width, channels)
    picked = by_pixel[picture[:, None, None], rows[:, :, None], columns[:, None, :]]
    return picked.permute(0, 3, 1, 2)  # channels last in memory, as convolutions like it


def _resample(pictures: Tensor, signed: Tensor, mirrored: Tensor | None, how: Augment) -> Tensor:
    """Turn, move, zoom and mirror in one step, with the picture's mirror image beyond its border."""
    height, width = pictures.shape[2:]
    angle = signed[:, 3] * how.rotate * (math.pi / 180)
    scale = 1 / (1 + signed[:, 4] * how.zoom)
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    side = torch.ones_like(angle) if mirrored is None else torch.where(mirrored, -1.0, 1.0)
    ratio = height / width  # grid_sample counts each axis from -1 to 1, so a turn must know the shape
    matrix = torch.stack(
        [
            torch.stack([cosine * side, -sine * ratio, signed[:, 2] * 2 * how.shift], 1),
            torch.stack([sine / ratio * side, cosine, signed[:, 1] * 2 * how.shift], 1),
        ],
        1,
    )  # (batch, 2, 3): from a place in the new picture to the place in the old one
    grid = F.affine_grid(matrix.float(), list(pictures.shape), align_corners=False)
    sampled = F.grid_sample(pictures.float(), grid, padding_mode="reflection", align_corners=False)
    return sampled.to(pictures.dtype)


def _erase(pictures: Tensor, draws: np.ndarray, share: float) -> Tensor:
    """Blank one square of each picture with the data's mean (0 after scaling). DeVries & Taylor 2017."""
    _, _, height, width = pictures.shape
    tall, wide = max(1, round(share * height)), max(1, round(share * width))
    centre = torch.from_numpy(draws).to(pictures.device)
    y = torch.arange(height, device=pictures.device)[None, :] - (centre[:, :1] * height).long()
    x = torch.arange(width, device=pictures.device)[None, :] - (centre[:, 1:] * width).long()
    inside = ((y + tall // 2 >= 0) & (y + tall // 2 < tall))[:, :, None] & (
        (x + wide // 2 >= 0) & (x + wide // 2 < wide)
    )[:, None, :]
    return pictures.masked_fill(inside[:, None], 0.0)
