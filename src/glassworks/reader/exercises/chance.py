"""Numbers for the checks of exercises: they look random, and are the same at every check."""

import numpy as np
import torch
from torch import Tensor

from glassworks.core.keyed import generator


def normal(chapter: str, shape: tuple[int, ...], *key: int | str) -> Tensor:
    """Normal numbers of spread 1, float32; the same for the same chapter and key."""
    return torch.from_numpy(generator(chapter, *key).standard_normal(shape).astype(np.float32))
