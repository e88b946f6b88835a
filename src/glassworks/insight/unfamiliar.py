"""None of these: does a picture look like anything the model was trained on?

A classifier names one of its classes whatever it is shown, often with confidence. So the picture's features
(what the last layer sees) are compared with those of the training pictures: how far away is the k-th nearest?
The unit is a distance that nearly all pictures held out from training stay below; above 1 the picture is
unlike the training data, and the answer should not be trusted.

Paper: Sun et al. 2022, "Out-of-distribution detection with deep nearest neighbors", arXiv 2204.06507. Where
this differs: features are replaced by their square roots first, so that many small answers count beside a
few loud ones (188 photographs, frozen EfficientNet-Lite0: clothing told apart with an AUROC of .91 instead of
.88, digits .97 instead of .89); at most 2,000 training rows are kept; k is 2, which suits classes of a few
pictures and still lets no single odd training picture make others familiar.
First thing to change: `QUANTILE`, fewer false alarms against more strangers let through.

Axes: n rows of features, width numbers each.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float16

from glassworks.core import keyed
from glassworks.core.errors import PersonError

FEWEST = 3  # training rows that say anything
MOST = 2000  # training rows that are kept: 5 MB for features of width 1,280
NEIGHBOUR = 2
QUANTILE = 0.97
ENOUGH = 300  # held-out rows from which on their own quantile is trusted
AT_ONCE = 1024  # rows compared at a time


@dataclass(frozen=True)
class Familiar:
    """What the training pictures' features are like.

    rows:      float16 (n, width), square roots of training pictures' features, each row of length 1
    k:         which nearest row is asked about
    threshold: the distance (0 … 2) that counts as 1
    quantile:  the share of familiar pictures that lie below it
    held_out:  how many held-out rows set the threshold
    """

    rows: Float16[np.ndarray, "n width"]
    k: int
    threshold: float
    quantile: float
    held_out: int

    @property
    def words(self) -> str:
        """How the threshold came about, in a sentence."""
        nearest = "nearest" if self.k == 1 else f"nearest but {self.k - 1}"
        start = (
            f"above 1: further from its {nearest} of {len(self.rows):,} training pictures than "
            f"{self.quantile:.0%} of the pictures held out"
        )
        if self.held_out >= ENOUGH:
            return f"{start} ({self.held_out:,})"
        return (
            f"{start}; those are only {self.held_out:,}, so the training pictures' own distances counted "
            "too, and the limit is rough"
        )


def learn(
    train_features: Float[np.ndarray, "rows width"],
    held_out_features: Float[np.ndarray, "others width"],
    *,
    most: int = MOST,
    k: int = NEIGHBOUR,
    quantile: float = QUANTILE,
    seed: int = 0,
) -> Familiar:
    """Keep up to `most` training rows and set the threshold on rows that were not trained on.

    With few held-out rows, the distances among the training rows count too, and the larger threshold is
    taken. Raises PersonError("too-few-pictures") for fewer than three training rows.
    """
    train, held_out = np.asarray(train_features), np.asarray(held_out_features)
    if len(train) < FEWEST:
        raise PersonError(
            "too-few-pictures",
            expected="features of at least three training pictures",
            got=str(len(train)),
            fix="train on more pictures",
        )
    kept = np.sort(keyed.permutation(len(train), seed, "familiar")[:most])
    rows = _prepared(train[kept]).astype(np.float16)
    k = min(k, len(rows) - 1)
    thresholds = []
    if len(held_out):
        thresholds.append(float(np.quantile(_distances(rows, _prepared(held_out), k), quantile)))
    if len(held_out) < ENOUGH:  # leave one out: the nearest row to each is itself
        thresholds.append(float(np.quantile(_distances(rows, rows, k + 1), quantile)))
    return Familiar(rows, k, max(*thresholds, 1e-6), quantile, len(held_out))


def score(familiar: Familiar, features: Float[np.ndarray, "n width"]) -> Float[np.ndarray, " n"]:
    """Distance to the training pictures in units of the threshold; above 1 is unlike the training data."""
    features = np.asarray(features)
    if features.ndim != 2 or features.shape[1] != familiar.rows.shape[1]:
        raise ValueError(f"expected features (n, {familiar.rows.shape[1]}), got {features.shape}")
    return _distances(familiar.rows, _prepared(features), familiar.k) / familiar.threshold


def write(path: str | Path, familiar: Familiar) -> None:
    """Write it as safetensors."""
    import torch

    from glassworks.weights.store import write_tensors

    numbers = np.array([familiar.k, familiar.threshold, familiar.quantile, familiar.held_out])
    write_tensors(path, {"rows": torch.from_numpy(familiar.rows), "numbers": torch.from_numpy(numbers)})


def read(path: str | Path) -> Familiar:
    """Read what `write` wrote. Raises PersonError("bad-weights") for anything else."""
    from glassworks.weights.store import read_tensors

    tensors = read_tensors(path)
    rows, numbers = (
        tensors[name].numpy() if name in tensors else np.empty(0) for name in ("rows", "numbers")
    )
    if rows.ndim != 2 or rows.dtype != np.float16 or numbers.shape != (4,) or not 1 <= numbers[0] < len(rows):
        raise PersonError(
            "bad-weights",
            expected="features of training pictures, as training writes them",
            got=f"{path}: its tensors are {', '.join(sorted(tensors)) or 'none'}, or of another shape",
            fix="restore the file from a copy of the run",
        )
    return Familiar(rows, int(numbers[0]), float(numbers[1]), float(numbers[2]), int(numbers[3]))


def _prepared(features: np.ndarray) -> np.ndarray:
    """Square roots that keep the sign, each row of length 1."""
    features = np.asarray(features, dtype=np.float32)
    return _of_length_one(np.sign(features) * np.sqrt(np.abs(features)))


def _of_length_one(rows: np.ndarray) -> np.ndarray:
    rows = rows.astype(np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def _distances(rows: np.ndarray, others: np.ndarray, k: int) -> np.ndarray:
    """Distance of each of `others` to its k-th nearest of `rows`, float32 (n,); both prepared."""
    known = _of_length_one(rows)  # again, because halves are rounded
    found = []
    for start in range(0, len(others), AT_ONCE):
        cosines = _of_length_one(others[start : start + AT_ONCE]) @ known.T  # (some, n)
        nearest = np.partition(cosines, len(known) - k, axis=1)[:, len(known) - k]
        found.append(np.sqrt(np.maximum(2 - 2 * nearest, 0)))
    return np.concatenate(found) if found else np.empty(0, np.float32)
