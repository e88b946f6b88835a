"""Drop path (stochastic depth): while training, a picture skips a residual block at random.

The network is shorter on each training picture and whole when it answers; every block learns to do without
the others. Each picture of a batch decides for itself, and what stays is raised so that the mean is kept.

Paper: Huang, Sun, Liu, Sedra, Weinberger 2016, "Deep networks with stochastic depth", arXiv 1603.09382.
Where this differs: the paper scales when answering; like every later code, this one scales while training.
The first thing to change: `share`; papers raise it from 0 at the first block to 0.2 at the last (`shares`).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class DropPath(nn.Module):
    """Silence a whole sample's branch with probability `share` while training; otherwise hand it on."""

    def __init__(self, share: float):
        super().__init__()
        if not 0.0 <= share < 1.0:
            raise ValueError(f"drop path is a share from 0 to below 1, got {share}")
        self.share = share

    def forward(self, branch: Float[Tensor, "batch ..."]) -> Float[Tensor, "batch ..."]:
        if not self.training or self.share == 0.0:
            return branch
        kept = torch.rand(len(branch), device=branch.device) >= self.share
        factors = kept.to(branch.dtype) / (1.0 - self.share)
        return branch * factors.view(-1, *[1] * (branch.ndim - 1))

    def extra_repr(self) -> str:
        return f"share={self.share}"


def shares(most: float, depth: int) -> list[float]:
    """The share of each of `depth` blocks, rising evenly from 0 at the first to `most` at the last."""
    return [most * place / max(1, depth - 1) for place in range(depth)]
