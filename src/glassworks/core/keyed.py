"""Keyed random numbers: a number is a function of its key, not of what was drawn before it.

The order of an epoch is keyed by (seed, epoch), the augmentation of a picture by (seed, epoch, picture),
dropout by (seed, step). So a run that is stopped anywhere continues with the very same numbers, whatever
the number of workers was.

The hash is SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators").
"""

import zlib

import numpy as np

GOLDEN = 0x9E3779B97F4A7C15  # 2**64 divided by the golden ratio, made odd
MASK = (1 << 64) - 1


def mix(state: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser on uint64 values of any shape: every input bit reaches every output bit."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def seed_for(*key: int | str) -> int:
    """A 63-bit seed from a key of whole numbers and words: seed_for(0, "dropout", 12)."""
    state = np.zeros((), np.uint64)
    with np.errstate(over="ignore"):
        for part in key:
            number = zlib.crc32(part.encode()) if isinstance(part, str) else int(part) & MASK
            state = mix((state ^ np.uint64(number)) + np.uint64(GOLDEN))
    return int(state) >> 1


def uniform(items: np.ndarray, draws: int, *key: int | str) -> np.ndarray:
    """Numbers in [0, 1) for each item, (items,) -> (items, draws) float32, the same for the same key.

    Item i's numbers do not depend on which other items stand beside it.
    """
    items = np.asarray(items).astype(np.uint64)
    with np.errstate(over="ignore"):
        base = mix(items * np.uint64(GOLDEN) + np.uint64(seed_for(*key)))
        steps = np.arange(1, draws + 1, dtype=np.uint64) * np.uint64(GOLDEN)
        bits = mix(base[:, None] + steps[None, :])
    return (bits >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)


def permutation(count: int, *key: int | str) -> np.ndarray:
    """An order of 0 … count-1 from a key, int64 (count,)."""
    return np.random.Generator(np.random.PCG64(seed_for(*key))).permutation(count)


def generator(*key: int | str) -> np.random.Generator:
    """NumPy's own generator from a key, for work where one stream is enough."""
    return np.random.Generator(np.random.PCG64(seed_for(*key)))
