"""The small forecasters of two labs, the series that they learn from, and how they are judged there.

Three series are made, so that it is known what can be forecast in them: a season around one level, the same
on a slope, and a random walk. One is real: carbon dioxide in the air, month by month. A series is cut along
time; windows slide over it; a forecaster learns on the first part and is judged at every origin of the last.

Source: `data/windows.py` and `judging/forecasting.py` do the same for tables of any kind; here it is short.
The first thing to change: `NOISE`, how much of a made series nobody can forecast.

Axes: length = steps of a series; rows = windows; history = steps seen; horizon = steps ahead.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from glassworks.core.keyed import generator, seed_for
from glassworks.labs.digits import batches
from glassworks.models.sequence.forecaster import Forecaster, ForecasterConfig, build
from glassworks.tasks.forecasting import pinball
from glassworks.training.optimizer import adamw

PERIOD = 12
LEVEL = 150.0  # of the made series, far from 0 as prices and temperatures in kelvin are
SWING, SLOPE, NOISE, STEP = 8.0, 0.25, 2.0, 2.0  # season, growth a step, noise, step of the walk
BATCH, RATE, CLIP = 32, 5e-3, 1.0

# Monthly means of the weekly values in the sample "co2", tenths of a part per million: Mauna Loa, January
# 1976 to December 2001, Scripps Institution of Oceanography, public domain.
CO2 = (
    3317, 3325, 3335, 3344, 3348, 3344, 3329, 3307, 3294, 3291, 3304, 3316, 3329, 3334, 3347, 3360, 3367,
    3362, 3348, 3329, 3316, 3312, 3324, 3339, 3350, 3354, 3366, 3376, 3380, 3379, 3365, 3347, 3327, 3326,
    3338, 3350, 3362, 3367, 3380, 3389, 3394, 3392, 3375, 3360, 3340, 3340, 3352, 3367, 3379, 3382, 3401,
    3408, 3413, 3410, 3394, 3376, 3359, 3360, 3371, 3382, 3392, 3405, 3414, 3424, 3428, 3421, 3404, 3384,
    3367, 3369, 3384, 3396, 3407, 3415, 3427, 3435, 3440, 3433, 3419, 3396, 3380, 3379, 3393, 3404, 3413,
    3425, 3432, 3449, 3456, 3453, 3438, 3422, 3399, 3400, 3412, 3430, 3437, 3444, 3452, 3474, 3473, 3467,
    3452, 3433, 3411, 3415, 3428, 3441, 3449, 3459, 3474, 3483, 3488, 3482, 3464, 3443, 3430, 3428, 3442,
    3456, 3462, 3468, 3477, 3495, 3501, 3494, 3478, 3458, 3448, 3441, 3456, 3469, 3480, 3485, 3495, 3508,
    3517, 3512, 3494, 3481, 3464, 3464, 3479, 3489, 3504, 3518, 3521, 3536, 3542, 3538, 3522, 3503, 3488,
    3490, 3500, 3514, 3528, 3530, 3536, 3554, 3556, 3551, 3539, 3516, 3499, 3500, 3512, 3525, 3536, 3547,
    3555, 3562, 3571, 3561, 3547, 3529, 3509, 3512, 3527, 3541, 3547, 3556, 3572, 3586, 3592, 3582, 3560,
    3539, 3521, 3522, 3537, 3550, 3559, 3567, 3579, 3591, 3595, 3591, 3570, 3549, 3530, 3534, 3542, 3554,
    3567, 3572, 3584, 3593, 3602, 3595, 3574, 3553, 3538, 3541, 3554, 3568, 3583, 3589, 3599, 3612, 3616,
    3609, 3595, 3574, 3559, 3560, 3576, 3591, 3600, 3609, 3616, 3634, 3637, 3632, 3618, 3594, 3580, 3578,
    3595, 3607, 3620, 3632, 3641, 3647, 3653, 3649, 3635, 3613, 3594, 3596, 3607, 3624, 3631, 3639, 3646,
    3663, 3667, 3655, 3644, 3625, 3602, 3608, 3624, 3642, 3653, 3662, 3674, 3685, 3691, 3688, 3676, 3657,
    3639, 3643, 3656, 3669, 3681, 3688, 3696, 3710, 3708, 3702, 3690, 3667, 3647, 3651, 3666, 3679, 3690,
    3694, 3704, 3715, 3716, 3716, 3699, 3680, 3665, 3667, 3681, 3694, 3702, 3713, 3721, 3728, 3738, 3731,
    3713, 3694, 3679, 3680, 3694, 3710,
)  # fmt: skip


# ---- series


def co2() -> np.ndarray:
    """Parts per million, (312,): the one real series."""
    return np.array(CO2) / 10


def steady(seed: int, length: int) -> np.ndarray:
    """A season of `PERIOD` steps around one level, with noise."""
    dice = generator(seed, "small series")
    season = SWING * np.sin(2 * np.pi * (np.arange(length) + dice.integers(PERIOD)) / PERIOD)
    return LEVEL + season + NOISE * dice.standard_normal(length)


def climbing(seed: int, length: int) -> np.ndarray:
    """The same on a slope: what comes last lies above all that was before."""
    return steady(seed, length) + SLOPE * np.arange(length)


def walk(seed: int, length: int) -> np.ndarray:
    """A random walk: each step is the one before plus a number that nothing foretells."""
    return LEVEL + np.cumsum(STEP * generator(seed, "random walk").standard_normal(length))


# ---- windows


class Windows(NamedTuple):
    """seen float64 (rows, history), following (rows, horizon), in the series' own units."""

    seen: np.ndarray
    following: np.ndarray


def windows_of(values: np.ndarray, history: int, horizon: int) -> Windows:
    """Every window of a stretch that lies in it whole."""
    both = np.lib.stride_tricks.sliding_window_view(values, history + horizon)
    return Windows(both[:, :history], both[:, history:])


def cut(values: np.ndarray, until: int, history: int, horizon: int) -> tuple[Windows, Windows]:
    """Training windows, which end before step `until`, and those whose future begins there or later."""
    return windows_of(values[:until], history, horizon), windows_of(
        values[until - history :], history, horizon
    )


# ---- learning and judging


def forecaster(seed: int, **config) -> Forecaster:
    """The system's own model for one channel and one number a step ahead, with the start of this seed."""
    with torch.random.fork_rng(devices=[]):  # a model's start draws from torch's own dice
        torch.manual_seed(seed_for(seed, "small forecaster"))
        return build(ForecasterConfig(width=16, layers=1, **config))


def learn(model: nn.Module, seen: np.ndarray, following: np.ndarray, steps: int, seed: int) -> None:
    """AdamW on the quantile loss of the middle; the rate falls in a line, long gradients are shortened."""
    given, wanted = (torch.tensor(part, dtype=torch.float32)[..., None] for part in (seen, following))
    dice = torch.Generator().manual_seed(seed_for(seed, "small series batches"))
    optimizer = adamw(model.train(), learning_rate=RATE, weight_decay=0.0)
    for step, chosen in zip(range(steps), batches(len(given), min(BATCH, len(given)), dice)):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / steps)
        loss = pinball(model(given[chosen]).unflatten(1, (-1, 1, 1)), wanted[chosen], (0.5,))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()


@torch.inference_mode()
def said(model: nn.Module, seen: np.ndarray) -> np.ndarray:
    """What it says, (rows, horizon), in the scale of what it sees."""
    given: Tensor = torch.tensor(seen, dtype=torch.float32)[..., None]
    return model.eval()(given).double().numpy()


def mae(truth: np.ndarray, forecast: np.ndarray) -> float:
    """The mean absolute error over all origins and steps ahead."""
    return float(np.abs(truth - forecast).mean())


def r2(truth: np.ndarray, forecast: np.ndarray) -> float:
    """The share of the spread of `truth` that a forecast explains; below 0 it is worse than their mean."""
    return float(1 - np.square(truth - forecast).sum() / np.square(truth - truth.mean()).sum())
