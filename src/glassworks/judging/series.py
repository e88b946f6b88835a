"""What a classifier of series has to beat: the most frequent class, and the most similar training series.

The nearest neighbour on the plain values is hard to beat where classes differ by a shape at a fixed place,
and needs no training at all (Bagnall et al. 2017, "The great time series classification bake off"). Series of
other lengths are stretched to the length of most training series first.

The first thing to change: `stretched`, for a distance that allows shifts in time.

Axes: rows; length = time steps; channels; grid = steps after stretching.
"""

from collections.abc import Sequence

import numpy as np

from glassworks.core.rows import Answers
from glassworks.judging.baselines import frequent_answers, neighbour_scores

ABOUT = (
    "A baseline needs no training: the most frequent answer of the training part, and the training series "
    "whose values are nearest, step by step (series of other lengths are stretched first). Differences are "
    "resampled on the same rows."
)
GRID = 512  # steps at most that are compared


def series_baselines(
    train: Sequence[np.ndarray], targets: np.ndarray, asked: Sequence[np.ndarray], answers: Answers
) -> dict[str, Answers]:
    """The baselines' answers to the rows of `answers`, by readable name; fitted on the training part alone.

    train, asked: scaled series, (length, channels) each; targets: of the training part
    """
    grid = min(GRID, int(np.median([len(series) for series in train])))
    near = neighbour_scores(stretched(train, grid), targets, stretched(asked, grid), answers)
    found = Answers(answers.names, answers.kind, answers.targets, near, answers.classes, answers.groups)
    return frequent_answers(targets, answers) | {"nearest neighbour": found}


def stretched(series: Sequence[np.ndarray], grid: int) -> np.ndarray:
    """Series of any length on `grid` steps, by straight lines between them: (rows, grid * channels)."""
    places = np.linspace(0, 1, grid)
    rows = []
    for values in series:
        own = np.linspace(0, 1, len(values))
        same = len(values) == grid
        columns = [column if same else np.interp(places, own, column) for column in values.T]
        rows.append(np.stack(columns, 1).reshape(-1))
    return np.stack(rows).astype(np.float32)
