"""How many processes to use for what."""

import os

MANY_FILES = 400  # fewer are decoded sooner than processes start
MOST_DECODERS = 8


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def decoders(files: int) -> int:
    """Processes that decode so many pictures: 0 (this one) for few, else one a core."""
    return 0 if files < MANY_FILES or cores() == 1 else min(cores(), MOST_DECODERS)
