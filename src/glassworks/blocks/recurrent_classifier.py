"""A reader of series: recurrent layers, a summary over time, and a head that names the class.

What the three recurrent systems share. Long series may be read several steps at a time (`patch`), so that
what matters is fewer steps away; the summary is the state at the end, the mean over time, or the largest
value of each number over time.

First thing to change: `pooling`. The end alone has to carry everything; a mean hears each step directly.

Axes: batch; time = steps; channels = numbers a step; width = numbers of a state; classes.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from glassworks.blocks.dropout import Dropout
from glassworks.blocks.recurrent import Recurrent, is_real


@dataclass(frozen=True)
class RecurrentConfig:
    """The shape of a reader of series.

    channels:      numbers a step
    classes:       scores that come out (1 for a number)
    width:         numbers of a state
    layers:        recurrent layers on top of each other
    bidirectional: whether a second reader begins at the end
    patch:         steps that are read at once
    pooling:       the head sees the "last" states, the "mean" over time or the "max" over time
    dropout:       share silenced between layers and before the head while training, 0 to below 1
    """

    channels: int = 1
    classes: int = 2
    width: int = 64
    layers: int = 1
    bidirectional: bool = True
    patch: int = 1
    pooling: Literal["last", "mean", "max"] = "last"
    dropout: float = 0.0

    def __post_init__(self):
        if min(self.channels, self.classes, self.width, self.layers, self.patch) < 1:
            raise ValueError("channels, classes, width, layers and patch are at least 1")
        if self.pooling not in ("last", "mean", "max"):
            raise ValueError(f'pooling is "last", "mean" or "max", got "{self.pooling}"')
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout is a share from 0 to below 1, got {self.dropout}")


class RecurrentClassifier(nn.Module):
    """Series (batch, time, channels) -> scores before softmax (batch, classes)."""

    def __init__(self, config: RecurrentConfig, layer: type[Recurrent]):
        super().__init__()
        self.config = config
        self.layer = layer(
            config.channels * config.patch, config.width, config.layers, config.bidirectional, config.dropout
        )
        self.dropout = Dropout(config.dropout)
        self.head = nn.Linear(config.width * self.layer.directions, config.classes)

    def patches(
        self, series: Float[Tensor, "batch time channels"], lengths: Int[Tensor, "batch"] | None
    ) -> tuple[Float[Tensor, "batch patches inputs"], Int[Tensor, "batch"] | None]:
        """Several steps as one; the last patch is filled up with zeros. The lengths count patches."""
        if (size := self.config.patch) == 1:
            return series, lengths
        missing = -series.shape[1] % size
        series = nn.functional.pad(series, (0, 0, 0, missing))  # (batch, patches * size, channels)
        if lengths is not None:
            lengths = (lengths + size - 1) // size
        return series.unflatten(1, (-1, size)).flatten(2), lengths

    def features(
        self, series: Float[Tensor, "batch time channels"], lengths: Int[Tensor, "batch"] | None = None
    ) -> Float[Tensor, "batch features"]:
        """What the head sees; `lengths` as in `Recurrent.forward`."""
        steps, lengths = self.patches(series, lengths)
        outputs, state = self.layer(steps, lengths)  # (batch, time, width * directions)
        if self.config.pooling == "last":
            ends = state[0][-self.layer.directions :]  # (directions, batch, width): where each reader ended
            return torch.cat(list(ends), -1)
        if self.config.pooling == "mean":
            if lengths is None:
                return outputs.mean(1)
            return outputs.sum(1) / lengths[:, None].to(outputs.dtype)  # padding is 0
        if lengths is not None:
            outputs = outputs.masked_fill(~is_real(lengths, outputs.shape[1])[:, :, None], -torch.inf)
        return outputs.amax(1)

    def forward(
        self, series: Float[Tensor, "batch time channels"], lengths: Int[Tensor, "batch"] | None = None
    ) -> Float[Tensor, "batch classes"]:
        return self.head(self.dropout(self.features(series, lengths)))
