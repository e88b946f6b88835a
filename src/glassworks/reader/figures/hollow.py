"""A model with its shapes and without its numbers, to count what it costs: no memory, and no dice are thrown.

It is built on the device "meta", and every tensor is then a single zero that is shown at all places. A
forward pass on "meta" itself would first import a second of torch.
The first thing to change: nothing.
"""

from collections.abc import Callable

import torch
from torch import nn


def hollow(build: Callable[[], nn.Module]) -> nn.Module:
    """What `build` makes, in evaluation mode, with zeros that take no room."""
    with torch.device("meta"):
        model = build().eval()
    zeros = {
        name: torch.zeros((), dtype=one.dtype).expand(one.shape) for name, one in model.state_dict().items()
    }
    model.load_state_dict(zeros, assign=True)
    return model
