"""Low-rank adaptation: a frozen layer learns a small addition, y = W x + (alpha / rank) B A x.

A narrows the input to `rank` numbers and B widens them again, so a layer of a million numbers learns with a
few thousand. B starts at zero: at first the layer does exactly what it did. For a convolution A is one with
the layer's own filter size, stride, padding and dilation, and B is 1x1. Folded into W the addition is free.

Paper: Hu et al. 2021, "LoRA: low-rank adaptation of large language models", arXiv 2106.09685.
Where this differs: A starts uniform as peft starts it, where the paper draws from a normal distribution.
First thing to change: `rank`.
"""

import copy
import math

import torch
from jaxtyping import Float
from torch import Tensor, nn


def can_adapt(layer: nn.Module) -> bool:
    """Whether a layer can be wrapped: plain dense layers, and convolutions whose filters see all maps.

    Grouped convolutions have few numbers and no product B A that equals them. Convolutions that pad in their
    own way go; those that change their filters first (standardised ones) do not, and are left alone.
    """
    if not isinstance(layer, nn.Conv2d):
        return type(layer) is nn.Linear
    return layer.groups == 1 and (type(layer) is nn.Conv2d or _is_linear(layer))


class LowRank(nn.Module):
    """A dense layer or a convolution with a low-rank addition. Shapes in and out are those of the layer.

    base:  the layer; its parameters are frozen here
    rank:  numbers, or maps, between the two halves of the addition
    alpha: strength; the addition is multiplied by alpha / rank
    """

    def __init__(
        self, base: nn.Module, rank: int, alpha: float, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        if not can_adapt(base):
            raise ValueError(f"{type(base).__name__} cannot take a low-rank addition")
        if rank < 1:
            raise ValueError(f"the rank must be at least 1, got {rank}")
        self.rank, self.alpha = rank, alpha
        self.base = base.requires_grad_(False)
        self.down: nn.Linear | nn.Conv2d
        self.up: nn.Linear | nn.Conv2d
        self.down, self.up = _halves(base, rank)
        nn.init.kaiming_uniform_(self.down.weight, a=math.sqrt(5), generator=generator)
        nn.init.zeros_(self.up.weight)
        weight: Tensor = base.weight  # type: ignore[assignment]
        for half in (self.down, self.up):
            half.to(weight.device, weight.dtype)
        self.train(base.training)

    @property
    def scale(self) -> float:
        return self.alpha / self.rank

    def forward(self, inputs: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        return self.base(inputs) + self.scale * self.up(self.down(inputs))

    def merge(self) -> nn.Module:
        """A plain layer with the addition folded into its weights; this one stays as it is."""
        plain = copy.deepcopy(self.base)
        weight: Tensor = plain.weight  # type: ignore[assignment]
        up, down = self.up.weight.detach(), self.down.weight.detach()
        # (out, rank) times (rank, in * filter height * filter width), in the shape of the layer's weights
        addition = (up.flatten(1) @ down.flatten(1)).view(weight.shape)
        with torch.no_grad():
            weight.add_(addition, alpha=self.scale)
        return plain

    def extra_repr(self) -> str:
        return f"rank={self.rank}, alpha={self.alpha:g}"


def _halves(base: nn.Module, rank: int) -> tuple[nn.Linear | nn.Conv2d, nn.Linear | nn.Conv2d]:
    """A and B for a layer. A is the layer with `rank` outputs, so it strides and pads as the layer does."""
    down = copy.deepcopy(base)
    assert isinstance(down, nn.Linear | nn.Conv2d)
    down.weight = nn.Parameter(torch.empty(rank, *down.weight.shape[1:]))
    down.bias = None
    if isinstance(down, nn.Linear):
        down.out_features, after = rank, down.out_features
        return down, nn.utils.skip_init(nn.Linear, rank, after, bias=False)
    down.out_channels, after = rank, down.out_channels
    return down, nn.utils.skip_init(nn.Conv2d, rank, after, 1, bias=False)


def _is_linear(layer: nn.Conv2d) -> bool:
    """Whether twice the filters give twice the answer."""
    weight = layer.weight.detach()
    sides = [spread * (side - 1) + 1 for side, spread in zip(layer.kernel_size, layer.dilation)]
    picture = torch.ones(1, layer.in_channels, *sides, device=weight.device, dtype=weight.dtype)
    twice = {name: 2 * parameter.detach() for name, parameter in layer.named_parameters()}
    with torch.no_grad():
        once, doubled = layer(picture), torch.func.functional_call(layer, twice, (picture,))
    return torch.allclose(doubled, 2 * once, rtol=1e-4, atol=1e-6)
