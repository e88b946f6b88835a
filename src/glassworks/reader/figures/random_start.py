"""A random start from dice of its own: networks of figures that have learned nothing, always the same ones.

Torch's own start draws from dice that all readers of a book share, so that a figure would look different each
time, and would change what others draw. The first thing to change: `started`.
"""

import math
from typing import TypeVar

import torch
from torch import nn

from glassworks.core.keyed import seed_for

Network = TypeVar("Network", bound=nn.Module)


def started(network: Network, *key: int | str) -> Network:
    """The network in evaluation mode with weights of this key: outputs are spread as widely as inputs.

    Offsets are 0 and norms are left as they are; tokens and positions of a ViT get a spread of 0.02, as in
    its paper. What the network was built with is overwritten.
    """
    dice = torch.Generator().manual_seed(seed_for("figure", *key))
    with torch.no_grad():
        for name, weights in network.named_parameters():
            if name.endswith(("token", "positions")):
                weights.normal_(0, 0.02, generator=dice)
            elif weights.ndim > 1:
                weights.normal_(0, 1 / math.sqrt(weights[0].numel()), generator=dice)
            elif name.endswith("bias"):
                weights.zero_()
    return network.eval()
