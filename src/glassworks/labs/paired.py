"""How sure a mean over seeds is: Student's t interval, for few repetitions.

Two variants that share their seeds share the parts of the data and the start, so the difference is taken
seed by seed, and what the seeds have in common cancels. The mean of the differences then gets the interval of
Student (1908), "The probable error of a mean". Repetitions draw their test parts from the same data, so they
are less independent than the formula believes: read the ends as "about there".
The first thing to change: nothing; `judging/intervals.py` has the intervals over rows.
"""

import math
from collections.abc import Sequence

import numpy as np

from glassworks.judging.intervals import LEVEL, Interval


def t_quantile(share: float, degrees: int) -> float:
    """The value below which Student's t with `degrees` degrees of freedom falls with probability `share`.

    With x = sqrt(degrees) tan(angle) the density of t becomes a power of the cosine, so the quantile is read
    from its running sum.

    >>> round(t_quantile(0.975, 9), 3)
    2.262
    """
    edges = np.linspace(-math.pi / 2, math.pi / 2, 100_001)
    middles = (edges[1:] + edges[:-1]) / 2
    mass = np.concatenate([[0.0], np.cumsum(np.cos(middles) ** (degrees - 1))])
    return math.sqrt(degrees) * math.tan(float(np.interp(share, mass / mass[-1], edges)))


def mean_interval(values: Sequence[float], *, comparisons: int = 1) -> Interval:
    """The mean of the repetitions with its 95 % interval; low and high are None for fewer than two.

    comparisons: intervals that are to be right all at once; each is widened for that (Bonferroni)
    """
    numbers = np.asarray(values, dtype=np.float64)
    mean, count = float(numbers.mean()), len(numbers)
    if count < 2:
        return Interval(mean, None, None, count)
    share = 1 - (1 - LEVEL) / 2 / comparisons
    reach = t_quantile(share, count - 1) * float(numbers.std(ddof=1)) / math.sqrt(count)
    return Interval(mean, mean - reach, mean + reach, count)


def difference(first: Sequence[float], second: Sequence[float], *, comparisons: int = 1) -> Interval:
    """first - second, seed by seed. Raises ValueError where the seeds do not pair up."""
    if len(first) != len(second):
        raise ValueError(f"paired: expected as many of one as of the other; got {len(first)}, {len(second)}")
    return mean_interval(np.subtract(first, second).tolist(), comparisons=comparisons)
