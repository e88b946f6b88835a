"""Forecaster: an LSTM reads the past of a series, and its last state says what comes next, with intervals.

A window of past steps goes through an LSTM; one linear layer turns the state after the last step into numbers
for every step ahead at once, several quantiles each: the middle one is the forecast, the outer ones are an
interval. Two things make it work where the plain network fails. The window is measured against itself (its
level is taken out, its spread divided by), so that a series may climb beyond everything it was trained on.
And the network says only what must be *added* to a simple continuation, the last value or the last season: it
starts as that, with the interval that textbooks give it, as wide as its own past misses.

Papers: LSTM: Hochreiter & Schmidhuber 1997; many steps and quantiles at once: Wen et al. 2017, arXiv
1711.11053; quantile loss: Koenker & Bassett 1978; intervals of simple forecasts: Hyndman & Athanasopoulos
2021, chapter 5.5, widened on held-out data: Romano et al. 2019, arXiv 1905.03222; a window's own level and
spread: Kim et al. 2022 (RevIN); the linear shortcut: Lai et al. 2017, arXiv 1703.07015 (LSTNet).
Where this differs: nothing is learned in the measuring of a window, so that twice the series gives twice the
forecast; quantiles are built from the middle outwards and cannot cross.
The first thing to change: `ForecasterConfig.anchor`; with "none" it is the plain LSTM of textbooks.
Command: glassworks train forecaster --data sample:co2

Axes: batch; time = steps seen; channels = numbers a step; horizon = steps ahead; wanted = channels that are
forecast, the first ones; quantiles, rising.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from glassworks.blocks.dropout import Dropout
from glassworks.blocks.recurrent import is_real, last
from glassworks.models.sequence.lstm import LSTM

DECILES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
FLAT = 1e-3  # least spread of a window, in spreads of the training part: a flat one is not blown up


@dataclass(frozen=True)
class ForecasterConfig:
    """What it sees and says.

    history:   steps that it sees; shorter windows are allowed
    channels:  numbers a step
    wanted:    how many of them it forecasts, the first ones
    horizon:   steps ahead that it says at once
    quantiles: shares of the truth that lie below each number said, rising, 0.5 among them
    width:     numbers of the LSTM's state
    layers:    LSTMs on top of each other
    dropout:   share of a layer's output that is silenced while training
    anchor:    what the network adds to: "none", the "last" value, or the last "season"
    period:    steps of a season, for anchor "season"
    shortcut:  last steps that also go straight to the forecast through one linear map; 0 for none
    """

    history: int = 7
    channels: int = 1
    wanted: int = 1
    horizon: int = 1
    quantiles: tuple[float, ...] = (0.5,)
    width: int = 64
    layers: int = 2
    dropout: float = 0.0
    anchor: Literal["none", "last", "season"] = "none"
    period: int = 0
    shortcut: int = 0

    def __post_init__(self):
        object.__setattr__(self, "quantiles", tuple(self.quantiles))
        if min(self.history, self.channels, self.wanted, self.horizon, self.width, self.layers) < 1:
            raise ValueError("history, channels, wanted, horizon, width and layers are at least 1")
        if self.wanted > self.channels:
            raise ValueError(f"{self.wanted} channels are wanted of {self.channels}")
        rising = all(a < b for a, b in zip(self.quantiles, self.quantiles[1:]))
        if not rising or 0.5 not in self.quantiles or not 0 < self.quantiles[0] <= self.quantiles[-1] < 1:
            raise ValueError(f"quantiles rise from above 0 to below 1 with 0.5 among them: {self.quantiles}")
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout is a share from 0 to below 1, got {self.dropout}")
        if self.anchor == "season" and not 1 <= self.period <= self.history:
            raise ValueError(f"a season of {self.period} steps is not seen in a history of {self.history}")
        if not 0 <= self.shortcut <= self.history:
            raise ValueError(f"the shortcut takes 0 to {self.history} steps, got {self.shortcut}")

    @property
    def outputs(self) -> int:
        return self.horizon * self.wanted * len(self.quantiles)

    @property
    def shape(self) -> tuple[int, int, int]:
        """What the outputs are: (horizon, wanted, quantiles)."""
        return self.horizon, self.wanted, len(self.quantiles)


VARIANTS: dict[str, dict[str, Any]] = {
    "anchored": {"quantiles": DECILES},
    "plain": {},  # the textbook's: one number, without level, season or interval
}


def normal_gaps(quantiles: tuple[float, ...]) -> Float[Tensor, "quantiles"]:
    """What softplus turns into the distance of each quantile to its neighbour towards 0.5, of a standard
    normal distribution; 0 for 0.5 itself.
    """
    ends = [NormalDist().inv_cdf(share) for share in quantiles]
    middle = quantiles.index(0.5)
    gaps = [abs(end - ends[n + (n < middle) - (n > middle)]) for n, end in enumerate(ends)]
    return torch.tensor([math.log(math.expm1(gap)) if gap else 0.0 for gap in gaps])


class Forecaster(nn.Module):
    """Windows (batch, time, channels) -> (batch, horizon * wanted * quantiles), in the windows' own scale."""

    first_gaps: Tensor
    stretch: Tensor  # by how much all intervals are widened: measured after training, not learned

    def __init__(self, config: ForecasterConfig):
        super().__init__()
        self.config = config
        self.lstm = LSTM(config.channels, config.width, config.layers, dropout=config.dropout)
        self.dropout = Dropout(config.dropout)
        self.shortcut = nn.Linear(config.shortcut, config.horizon, bias=False) if config.shortcut else None
        self.head = nn.Linear(config.width, config.outputs)
        self.register_buffer("first_gaps", normal_gaps(config.quantiles), persistent=False)
        if len(config.quantiles) > 1:
            self.register_buffer("stretch", torch.ones(()))

    def features(
        self, steps: Float[Tensor, "batch time channels"], lengths: Int[Tensor, "batch"] | None = None
    ) -> Float[Tensor, "batch width"]:
        """The state after the last step of each window, whose level and spread are taken out."""
        return self.read(self.measured(steps, lengths)[0], lengths)

    def read(self, window: Tensor, lengths: Tensor | None) -> Float[Tensor, "batch width"]:
        outputs, _ = self.lstm(window, lengths)  # (batch, time, width)
        return self.dropout(last(outputs, lengths))

    def forward(
        self, steps: Float[Tensor, "batch time channels"], lengths: Int[Tensor, "batch"] | None = None
    ) -> Float[Tensor, "batch outputs"]:
        """What follows each window. Raises ValueError for windows of another shape."""
        self._check(steps)
        window, level, spread = self.measured(steps, lengths)
        said = self.head(self.read(window, lengths)).unflatten(1, self.config.shape)
        said = self.spread_out(said, self.misses(window, lengths)) + self.simple(window, lengths)[..., None]
        wanted = slice(0, self.config.wanted)
        said = said * spread[:, :, wanted, None] + level[:, :, wanted, None]  # back in the window's own scale
        return said.flatten(1)

    def forecast(self, steps: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The same as (batch, horizon, wanted, quantiles)."""
        return self(steps, lengths).unflatten(1, self.config.shape)

    def measured(
        self, steps: Float[Tensor, "batch time channels"], lengths: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The window without its level and spread, and both, (batch, 1, channels) each.

        The level is the mean of the last season, or the last value; the spread is that of the whole window.
        """
        if self.config.anchor == "none":
            return (
                steps,
                steps.new_zeros(1, 1, self.config.channels),
                steps.new_ones(1, 1, self.config.channels),
            )
        real = self._real(steps, lengths)  # (batch, time, 1)
        count = real.sum(1, keepdim=True)
        mean = (steps * real).sum(1, keepdim=True) / count
        variance = ((steps - mean).square() * real).sum(1, keepdim=True) / count
        spread = variance.clamp(min=FLAT**2).sqrt()
        if self.config.anchor == "season":
            level = self._ending(steps, lengths, self.config.period).mean(1, keepdim=True)
        else:
            level = self._ending(steps, lengths, 1)
        return (steps - level) / spread * real, level, spread

    def simple(
        self, window: Tensor, lengths: Tensor | None, *, shortcut: bool = True
    ) -> Float[Tensor, "batch horizon wanted"]:
        """The continuation that the network adds to: the last season again, and the linear shortcut."""
        config, wanted = self.config, self.config.wanted
        made = window.new_zeros(window.shape[0], config.horizon, wanted)
        if config.anchor == "season":
            season = self._ending(window, lengths, config.period)[..., :wanted]  # (batch, period, wanted)
            made = season[:, torch.arange(config.horizon, device=window.device) % config.period]
        if self.shortcut is not None and shortcut:
            steps = self._ending(window, lengths, config.shortcut)[..., :wanted]  # (batch, shortcut, wanted)
            made = made + self.shortcut(steps.transpose(1, 2)).transpose(1, 2)
        return made

    def misses(self, window: Tensor, lengths: Tensor | None) -> Float[Tensor, "batch horizon wanted"]:
        """How far off the simple continuation usually is: its root mean square miss one lag ahead, growing
        with the square root of the lags ahead as a random walk's. 1 where nothing anchors the forecast.
        """
        config = self.config
        lag = config.period if config.anchor == "season" else 1
        if config.anchor == "none" or window.shape[1] <= lag:
            return window.new_ones(window.shape[0], config.horizon, config.wanted)
        real = self._real(window, lengths)[:, lag:]  # (batch, time - lag, 1)
        changes = (window[:, lag:] - window[:, :-lag])[..., : config.wanted].square() * real
        count = real.sum(1, keepdim=True)
        miss = (changes.sum(1, keepdim=True) / count.clamp(min=1)).clamp(min=FLAT**2).sqrt()
        miss = torch.where(count > 0, miss, 1.0)  # (batch, 1, wanted)
        lags = torch.arange(config.horizon, device=window.device) // lag + 1
        return miss * lags.to(window.dtype).sqrt()[:, None]

    def spread_out(
        self,
        said: Float[Tensor, "batch horizon wanted quantiles"],
        misses: Float[Tensor, "batch horizon wanted"],
    ) -> Tensor:
        """The quantile 0.5 as it is; each further one lies beyond its neighbour by a positive distance.

        Where the network says 0 the distances are those of a normal distribution as wide as the misses.
        """
        middle = self.config.quantiles.index(0.5)
        if len(self.config.quantiles) == 1:
            return said
        gaps = F.softplus(said + self.first_gaps) * misses[..., None] * self.stretch
        above = gaps[..., middle + 1 :].cumsum(-1)
        below = gaps[..., :middle].flip(-1).cumsum(-1).flip(-1)
        centre = said[..., middle : middle + 1]
        return torch.cat([centre - below, centre, centre + above], -1)

    def _ending(self, steps: Tensor, lengths: Tensor | None, count: int) -> Tensor:
        """The last `count` real steps (batch, count, channels); 0 before a shorter window begins."""
        if lengths is None and count <= steps.shape[1]:
            return steps[:, steps.shape[1] - count :]
        ends = (
            steps.new_full((steps.shape[0],), steps.shape[1], dtype=torch.long)
            if lengths is None
            else lengths
        )
        places = ends[:, None] - count + torch.arange(count, device=steps.device)  # (batch, count)
        picked = steps.gather(1, places.clamp(min=0)[..., None].expand(-1, -1, steps.shape[2]))
        return picked.masked_fill((places < 0)[..., None], 0.0)

    @staticmethod
    def _real(steps: Tensor, lengths: Tensor | None) -> Tensor:
        if lengths is None:
            return steps.new_ones(steps.shape[0], steps.shape[1], 1)
        return is_real(lengths, steps.shape[1])[..., None].to(steps.dtype)

    def _check(self, steps: Tensor) -> None:
        if steps.ndim != 3 or steps.shape[2] != self.config.channels or not steps.shape[1]:
            raise ValueError(
                f"expected windows of shape (batch, time, {self.config.channels}), got {tuple(steps.shape)}"
            )
        if steps.shape[1] > self.config.history:
            raise ValueError(f"a window has at most {self.config.history} steps, got {steps.shape[1]}")


def build(config: ForecasterConfig) -> Forecaster:
    """The model of a config with torch's random start; one that adds to something adds nothing yet."""
    model = Forecaster(config)
    if config.anchor != "none":
        nn.init.zeros_(model.head.weight)
        nn.init.zeros_(model.head.bias)
    if model.shortcut is not None:
        nn.init.zeros_(model.shortcut.weight)
    return model
