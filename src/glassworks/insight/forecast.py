"""What a forecast is made of, and which of the steps and channels that were seen it rests on.

A series is taken apart into trend, season and rest; a forecast into what it continues and what was learned.
Two questions are asked of the past. How much does the forecast move when a step moves (its gradient)? And how
much worse does it become when a stretch of steps is hidden, a straight line in its place, or a channel is
held at its mean? The first asks about this very window, the second about use; they need not agree.

Papers: Persons 1919 (trend, season and rest); occlusion: Zeiler & Fergus 2013, arXiv 1311.2901.
The first thing to change: `STRETCHES`, into how many parts the past is cut.

Axes: rows = windows; time = steps seen; channels; horizon = steps ahead; wanted = channels that are forecast.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

STRETCHES = 8
Ask = Callable[[Tensor], Tensor]
"""Windows (rows, time, channels) -> the forecast alone, (rows, horizon, wanted)."""


@dataclass(frozen=True)
class Components:
    """trend + season + rest = the series, (length,) each; NaN at the ends, where the trend is not known."""

    trend: np.ndarray
    season: np.ndarray
    rest: np.ndarray


def components(values: Float[np.ndarray, "length"], period: int) -> Components:
    """A series taken apart: the trend is the mean over one season around each step, the season the mean of
    what is left at the same place of every season. Without a season (period below 2) the trend is that of 7
    steps.
    """
    width = period if period > 1 else 7
    weights = np.ones(width) / width
    if width % 2 == 0:  # half of both ends, so that the middle is a step and every place counts the same
        weights = np.concatenate([[0.5], np.ones(width - 1), [0.5]]) / width
    trend = np.full(len(values), np.nan)
    half = len(weights) // 2
    if len(values) > 2 * half:
        trend[half : len(values) - half] = np.convolve(values, weights, "valid")
    season = np.zeros(len(values))
    if period > 1:
        left, places = values - trend, np.arange(len(values)) % period
        known = np.isfinite(left)
        means = np.array([left[known & (places == n)].mean() if (known & (places == n)).any() else 0.0
                          for n in range(period)])  # fmt: skip
        season = (means - means.mean())[places]
    return Components(trend, season, values - trend - season)


def gradient_by_lag(
    ask: Ask, windows: Float[Tensor, "rows time channels"]
) -> Float[np.ndarray, "time channels"]:
    """How far the mean forecast moves when one step moves by 1: the mean over rows of the absolute gradient.

    Row 0 of the answer is the last step seen, row 1 the one before it.
    """
    windows = windows.detach().clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(ask(windows).mean((1, 2)).sum(), windows)
    return gradient.abs().mean(0).flip(0).double().cpu().numpy()


def hidden_stretches(time: int, count: int = STRETCHES) -> list[tuple[int, int]]:
    """The steps seen, cut into stretches of nearly equal length: (start, stop), the latest first."""
    bounds = np.linspace(0, time, min(count, time) + 1).round().astype(int)
    return [(int(a), int(b)) for a, b in pairwise(bounds)][::-1]


def straight(windows: Float[Tensor, "rows time channels"], start: int, stop: int) -> Tensor:
    """The windows with a straight line from the step before a stretch to the one after it."""
    time = windows.shape[1]
    before = windows[:, max(start - 1, 0)] if start else windows[:, min(stop, time - 1)]
    after = windows[:, stop] if stop < time else before
    share = torch.linspace(0, 1, stop - start + 2, device=windows.device, dtype=windows.dtype)[1:-1, None]
    line = before[:, None] * (1 - share) + after[:, None] * share
    return torch.cat([windows[:, :start], line, windows[:, stop:]], dim=1)


def worse_without(
    ask: Ask, windows: Float[Tensor, "rows time channels"], truth: Float[Tensor, "rows horizon wanted"]
) -> tuple[float, list[tuple[int, int, float]], list[float]]:
    """The mean absolute error; by how much it grows without each stretch of steps (start, stop, growth), the
    latest first; and without each channel, which is held at its mean of the window."""
    known = truth.isfinite()

    def error(changed: Tensor) -> float:
        with torch.no_grad():
            return float((ask(changed) - truth)[known].abs().mean())

    whole = error(windows)
    stretches = [
        (start, stop, error(straight(windows, start, stop)) - whole)
        for start, stop in hidden_stretches(windows.shape[1])
    ]
    channels = []
    for channel in range(windows.shape[2]):
        changed = windows.clone()
        changed[..., channel] = windows[..., channel].mean(1, keepdim=True)
        channels.append(error(changed) - whole)
    return whole, stretches, channels
