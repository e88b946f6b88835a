"""The learning rate over a run: a straight warm-up, then half a cosine down.

The rate is a function of the position, so that a stopped run needs no state of a scheduler.
Cosine: Loshchilov & Hutter 2016, arXiv 1608.03983; warm-up: Goyal et al. 2017, arXiv 1706.02677.
"""

import math


def rate_at(position: float, *, warmup: float, final: float = 0.0) -> float:
    """The factor of the peak rate at a position of the run, both 0 to 1.

    warmup: share of the run in which the rate rises; final: factor at the end

    >>> [round(rate_at(p, warmup=0.2), 3) for p in (0.0, 0.1, 0.2, 0.6, 1.0)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    if position < warmup:
        return position / warmup
    along = (position - warmup) / max(1e-12, 1 - warmup)
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * min(1.0, along)))
