"""How long an answer takes: sides in turn, medians, and the number of threads said beside them.

A machine's mood changes within a second, so candidates are run A B A B and not A A B B; the median leaves out
what a neighbour did. The first thing to change: SECONDS, more of them for steadier figures.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

SECONDS = 0.6  # for all candidates of one batch size together
ROUNDS = (3, 50)  # at least and at most


@dataclass(frozen=True)
class Latency:
    """Seconds of one call: median, smallest and largest of `runs`."""

    median: float
    low: float
    high: float
    runs: int

    def __str__(self) -> str:
        return f"{1e3 * self.median:.3g} ms"


def latencies(
    sides: Mapping[str, Callable[[np.ndarray], object]], pixels: np.ndarray, seconds: float | None = None
) -> dict[str, Latency]:
    """Each side's time for one batch of pixels, in turn, after one uncounted call of each.

    seconds: for all sides together, SECONDS unless named; 3 rounds are run whatever they take, at most 50
    """
    seconds = SECONDS if seconds is None else seconds
    for side in sides.values():
        side(pixels)
    taken: dict[str, list[float]] = {name: [] for name in sides}
    begun = time.perf_counter()
    for number in range(ROUNDS[1]):
        if number >= ROUNDS[0] and time.perf_counter() - begun > seconds:
            break
        for name, side in sides.items():
            start = time.perf_counter()
            side(pixels)
            taken[name].append(time.perf_counter() - start)
    return {
        name: Latency(statistics.median(times), min(times), max(times), len(times))
        for name, times in taken.items()
    }
