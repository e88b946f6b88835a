"""Windows of a random walk, shuffled into parts or cut along time, and a model that looks up its neighbour.

Nothing can be forecast here. But two windows that begin a step apart share all their steps but two. With one
of them in the training part and the other in the test part, whoever looks up the most similar window finds
the answer in it.
The first thing to change: `HORIZON`.
"""

from functools import lru_cache

import numpy as np

from glassworks.core.keyed import permutation
from glassworks.labs.small_series import Windows, walk, windows_of
from glassworks.reader.draw import note, table

LENGTH, HISTORY, HORIZON, TEST, WALKS = 400, 12, 24, 0.25, 10


def parts(values: np.ndarray, seed: int, *, shuffled: bool) -> tuple[Windows, Windows]:
    """Training and test windows: dealt at random, or the last quarter of time with no step in common."""
    every = windows_of(values, HISTORY, HORIZON)
    count = len(every.seen)
    cut = round((1 - TEST) * count)
    order = permutation(count, seed, "shuffled windows") if shuffled else np.arange(count)
    first = order[:cut] if shuffled else order[: cut - HORIZON]  # whose future ends before the test's begins
    return Windows(*(one[first] for one in every)), Windows(*(one[order[cut:]] for one in every))


def by_neighbour(training: Windows, test: Windows) -> np.ndarray:
    """The future of the most similar training window, (rows, horizon)."""
    apart = np.abs(test.seen[:, None] - training.seen[None]).mean(-1)
    return training.following[apart.argmin(1)]


def by_last(training: Windows, test: Windows) -> np.ndarray:
    return np.repeat(test.seen[:, -1:], HORIZON, axis=1)


@lru_cache(maxsize=4)
def errors(shuffled: bool) -> tuple[float, float]:
    """Error of the neighbour by that of the last value, mean of some walks; and the share of the test
    windows that have a training window a step away."""
    ratios, close = [], []
    for seed in range(WALKS):
        training, test = parts(walk(seed, LENGTH), seed, shuffled=shuffled)
        own, last = (np.abs(test.following - one(training, test)).mean() for one in (by_neighbour, by_last))
        ratios.append(own / last)
        starts = set(training.seen[:, 0].tolist()) | set(training.seen[:, 1].tolist())
        close.append(np.mean([row[1] in starts or row[0] in starts for row in test.seen]))
    return float(np.mean(ratios)), float(np.mean(close))


def drawn() -> str:
    """Both ways of dividing, as a table."""
    rows = []
    for name, shuffled in (("cut along time", False), ("shuffled", True)):
        ratio, close = errors(shuffled)
        rows.append([name, (f"{ratio:.2f}", "bad" if ratio < 1 else ""), f"{close:.0%}"])
    head = ["windows were", "error by that of the last value", "test windows with a neighbour in training"]
    return table(head, rows) + note(
        f"{WALKS} random walks of {LENGTH} steps; {HISTORY} steps seen, {HORIZON} ahead. Below 1 would be "
        "better than repeating the last value, and on a random walk nothing honest is."
    )
