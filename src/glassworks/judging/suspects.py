"""Which labels are probably wrong: rows whose neighbours, and whose held-out prediction, say another class.

Each row is left out and its nearest rows in the model's feature space vote on its class, the near ones and
those of rare classes with more weight (else every row of a rare class would look wrong). The model's
own probability of the given label is added where the row was held out from training (confident learning,
Northcutt et al. 2021, 1911.00068); a model that has seen a wrong label may have learnt it by heart, which
flattens its probabilities but mostly leaves the neighbours. The first thing to change: k.

Axes: n rows, f features, c classes, k neighbours.
"""

from dataclasses import dataclass

import numpy as np

BLOCK_BYTES = 64 * 1024**2


@dataclass(frozen=True)
class Ranking:
    """Rows from the most to the least suspicious.

    rows:      (n,) row indices
    score:     (n,) the better class's share less the given one's, from -1 (sure to be right) to 1 (sure to be
               wrong), in the order of `rows`
    suggested: (n,) the class that neighbours and model prefer to the given one
    """

    rows: np.ndarray
    score: np.ndarray
    suggested: np.ndarray


def suspects(
    features: np.ndarray, targets: np.ndarray, scores: np.ndarray | None = None, k: int = 20
) -> Ranking:
    """Rank all rows by how much their label is to be doubted.

    features: float (n, f), what the model computes before its last layer, or small pixels
    targets:  int (n,) the labels as given
    scores:   (n, c) the model's probabilities; a row of NaN where the model was trained on that row
    k:        neighbours that vote
    A class with a single row cannot be doubted by its neighbours, and stands last.
    """
    targets = np.asarray(targets)
    if targets.ndim != 1 or not np.issubdtype(targets.dtype, np.integer):
        raise ValueError("suspects() doubts one class index a row: targets should be whole numbers (n,)")
    if len(features) != len(targets):
        raise ValueError(f"{len(features)} rows of features, {len(targets)} targets")
    classes = scores.shape[1] if scores is not None else int(targets.max(initial=0)) + 1
    if len(targets) < 2:
        return Ranking(np.arange(len(targets)), np.zeros(len(targets)), targets.copy())
    beliefs = neighbour_votes(features, targets, classes, k)
    if scores is not None:
        held_out = np.isfinite(scores).all(axis=1)
        beliefs[held_out] = (beliefs[held_out] + scores[held_out]) / 2
    rows = np.arange(len(targets))
    others = beliefs.copy()
    others[rows, targets] = -1
    suggested = others.argmax(axis=1)
    doubt = others[rows, suggested] - beliefs[rows, targets]
    doubt[np.bincount(targets, minlength=classes)[targets] < 2] = -1
    order = np.argsort(-doubt, kind="stable")
    return Ranking(order, doubt[order], suggested[order])


def neighbour_votes(features: np.ndarray, targets: np.ndarray, classes: int, k: int = 20) -> np.ndarray:
    """Share of each class among a row's nearest other rows, as if classes were equally frequent: (n, c)."""
    near, distance = nearest_rows(features, min(k, len(targets) - 1))
    usual = float(np.median(distance)) or 1.0
    frequency = np.bincount(targets, minlength=classes) / len(targets)
    strength = 1 / (1 + distance / usual) / frequency[targets[near]]
    return _tally(strength, targets[near], classes)


def nearest_rows(features: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest other rows of each row, nearest first, and their squared distances: (n, k), (n, k).

    Features are standardised and brought to length 1, so the distance is that of directions.
    """
    unit = _directions(features)
    count = len(unit)
    near, distance = np.empty((count, k), np.int64), np.empty((count, k), np.float32)
    step = max(1, BLOCK_BYTES // (4 * count))
    for start in range(0, count, step):
        stop = min(start + step, count)
        alike = unit[start:stop] @ unit.T
        alike[np.arange(stop - start), np.arange(start, stop)] = -np.inf
        best = np.argpartition(alike, count - k, axis=1)[:, count - k :]
        value = np.take_along_axis(alike, best, axis=1)
        order = np.argsort(-value, axis=1, kind="stable")
        near[start:stop] = np.take_along_axis(best, order, axis=1)
        distance[start:stop] = np.maximum(0, 2 - 2 * np.take_along_axis(value, order, axis=1))
    return near, distance


def _directions(features: np.ndarray) -> np.ndarray:
    features = np.asarray(features, np.float32)
    deviation = features.std(axis=0)
    scale = np.maximum(deviation, 0.1 * float(deviation.max(initial=0)) or 1.0)
    centred = (features - features.mean(axis=0)) / scale
    return centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-6)


def _tally(strength: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Votes (n, k) with the labels they are for -> shares (n, c); a trace for each class avoids 0 / 0."""
    count = len(labels)
    place = (np.arange(count)[:, None] * classes + labels).ravel()
    flat = np.bincount(place, weights=strength.ravel(), minlength=count * classes)
    votes = flat.reshape(count, classes).astype(np.float64) + 1e-6
    return votes / votes.sum(axis=1, keepdims=True)
