"""What every system that takes pictures asks of them at the door.

A wrong size deep inside a network shows as two numbers that do not match; here it is told in words.
"""

import torch
from torch import Tensor


def check_pictures(pictures: Tensor, channels: int, height: int, width: int) -> None:
    """Refuse pictures of another shape at the door, in words. Raises ValueError."""
    expected = f"(batch, {channels}, {height}, {width})"
    if pictures.ndim != 4 or tuple(pictures.shape[1:]) != (channels, height, width):
        raise ValueError(
            f"expected pictures of shape {expected}, got {tuple(pictures.shape)}; "
            "resize the pictures, or build the model for their size"
        )
    if not torch.is_floating_point(pictures):
        raise ValueError(
            f"expected float pictures of shape {expected}, got {pictures.dtype}; scale them to mean 0 first"
        )
