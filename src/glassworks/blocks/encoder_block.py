"""The Transformer's block: tokens look at each other, then each thinks for itself, and both are corrections.

First attention mixes tokens; then a small network (MLP) of two layers works on each token alone. Both are
added to what was there. Where the norm stands decides how deep a stack can train: before each branch (pre)
the sum itself passes untouched from the first block to the last; after it (post) every block rescales the
sum, and a deep stack needs a slow start.

Papers: Vaswani et al. 2017, arXiv 1706.03762 (post-norm); Xiong et al. 2020, arXiv 2002.04745 (why pre-norm);
Hendrycks & Gimpel 2016, arXiv 1606.08415 (GELU); Ba et al. 2016, arXiv 1607.06450 (layer norm).
The first thing to change: `norm`, "pre" or "post".

Axes: batch, tokens, width = numbers a token.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from glassworks.blocks.attention import SelfAttention
from glassworks.blocks.drop_path import DropPath
from glassworks.blocks.dropout import Dropout


def quick_gelu(numbers: Tensor) -> Tensor:
    """x * sigmoid(1.702 x): the short form of GELU that the first CLIP was trained with."""
    return numbers * torch.sigmoid(1.702 * numbers)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu-tanh": partial(F.gelu, approximate="tanh"),
    "quick-gelu": quick_gelu,
    "relu": F.relu,
}


@dataclass(frozen=True)
class BlockConfig:
    """How the blocks of a stack are made.

    heads:      of attention; they divide the width
    ratio:      the MLP's inner layer is so many times wider than a token
    norm:       "pre", before each branch, or "post", after each sum
    activation: between the MLP's layers: "gelu", "gelu-tanh", "quick-gelu" or "relu"
    epsilon:    of the layer norms
    dropout:    share of numbers that are silenced in the branches while training, 0 to below 1
    drop_path:  share of pictures that skip the last block's branches while training; the first skips none
    """

    heads: int = 12
    ratio: float = 4.0
    norm: Literal["pre", "post"] = "pre"
    activation: Literal["gelu", "gelu-tanh", "quick-gelu", "relu"] = "gelu"
    epsilon: float = 1e-6
    dropout: float = 0.0
    drop_path: float = 0.0

    def __post_init__(self):
        if self.heads < 1 or self.ratio <= 0 or self.epsilon <= 0:
            raise ValueError("heads are at least 1, ratio and epsilon above 0")
        if self.norm not in ("pre", "post"):
            raise ValueError(f'norm is "pre" or "post", got "{self.norm}"')
        if self.activation not in ACTIVATIONS:
            raise ValueError(f'activation is one of {", ".join(ACTIVATIONS)}, got "{self.activation}"')
        for name in ("dropout", "drop_path"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ValueError(f"{name} is a share from 0 to below 1, got {getattr(self, name)}")


class MLP(nn.Module):
    """Widen, bend, narrow: each token alone. (batch, tokens, width) -> the same."""

    def __init__(self, width: int, config: BlockConfig):
        super().__init__()
        inner = round(width * config.ratio)
        self.activation = ACTIVATIONS[config.activation]
        self.widen = nn.Linear(width, inner)
        self.dropout = Dropout(config.dropout)
        self.narrow = nn.Linear(inner, width)

    def forward(self, tokens: Float[Tensor, "... width"]) -> Float[Tensor, "... width"]:
        return self.narrow(self.dropout(self.activation(self.widen(tokens))))


class EncoderBlock(nn.Module):
    """Attention and MLP, each with a norm and a way round it. (batch, tokens, width) -> the same.

    drop_path: this block's own share, see `drop_path.shares`; causal: no token sees a later one
    """

    def __init__(self, width: int, config: BlockConfig, *, drop_path: float = 0.0, causal: bool = False):
        super().__init__()
        self.pre = config.norm == "pre"
        self.norm1 = nn.LayerNorm(width, eps=config.epsilon)
        self.attention = SelfAttention(width, config.heads, causal=causal)
        self.dropout = Dropout(config.dropout)
        self.drop_path = DropPath(drop_path)
        self.norm2 = nn.LayerNorm(width, eps=config.epsilon)
        self.mlp = MLP(width, config)

    def forward(
        self, tokens: Float[Tensor, "batch tokens width"], bias: Tensor | None = None
    ) -> Float[Tensor, "batch tokens width"]:
        if self.pre:
            tokens = tokens + self._branch(self.attention(self.norm1(tokens), bias))
            return tokens + self._branch(self.mlp(self.norm2(tokens)))
        tokens = self.norm1(tokens + self._branch(self.attention(tokens, bias)))
        return self.norm2(tokens + self._branch(self.mlp(tokens)))

    def _branch(self, correction: Tensor) -> Tensor:
        return self.drop_path(self.dropout(correction))
