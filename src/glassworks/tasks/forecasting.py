"""Forecasting: what a series' future is learned by, quantile by quantile.

The quantile (pinball) loss of a number said to be the 0.9 quantile costs 0.9 for each unit that the truth
lies above it and 0.1 for each below: it is least where nine of ten truths lie below. Averaged over quantiles
it judges a whole forecast with its intervals; for the quantile 0.5 alone it is half the absolute error.

Paper: Koenker & Bassett 1978, "Regression quantiles", Econometrica 46.
The first thing to change: nothing; choose other quantiles in the model's config.

Axes: batch; horizon = steps ahead; wanted = channels that are forecast; quantiles.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from glassworks.tasks import Loss, asked


@dataclass(frozen=True)
class Forecasting:
    """Quantiles of what follows; see `models.sequence.forecaster.ForecasterConfig` for the fields."""

    horizon: int
    wanted: int
    quantiles: tuple[float, ...]

    name = "time-series-forecasting"
    primary = "loss"
    larger_is_better = False

    def loss(self, model: nn.Module, batch: Any, generator: torch.Generator | None = None) -> Loss:
        """The mean over what is known: targets are NaN where a part ends, or a value is missing."""
        return Loss(pinball(self.unfolded(asked(model, batch)), batch.targets, self.quantiles))

    def unfolded(self, outputs: Float[Tensor, "batch outputs"]) -> Tensor:
        """(batch, horizon, wanted, quantiles)."""
        return outputs.unflatten(1, (self.horizon, self.wanted, len(self.quantiles)))

    def answers(self, outputs: Float[Tensor, "batch outputs"]) -> np.ndarray:
        """The same as float64, each row's quantiles rising."""
        return self.unfolded(outputs).double().numpy()


def pinball(
    said: Float[Tensor, "batch horizon wanted quantiles"],
    truth: Float[Tensor, "batch horizon wanted"],
    quantiles: tuple[float, ...],
) -> Tensor:
    """The mean quantile loss over all truths that are no NaN, a scalar."""
    known = truth.isfinite()
    over = torch.where(known, truth, 0.0)[..., None] - said  # how far the truth lies above what was said
    shares = torch.tensor(quantiles, dtype=said.dtype, device=said.device)
    cost = torch.maximum(shares * over, (shares - 1) * over).mean(-1)
    return torch.where(known, cost, 0.0).sum() / known.sum().clamp(min=1)
