"""What a model has to beat: the most frequent answer, and the nearest training picture in small pixels.

A figure alone says little: 94 % accuracy is poor where 95 % of the rows are of one class, or where the same
picture with another crop stands in the training part. So every judgement carries two answers that need no
training: the frequencies of the training part (for numbers their mean), and one nearest neighbour (Cover
and Hart 1967) on pictures of 12 x 12 blocks. The first thing to change: `side` of `small_pictures`.

Axes: n test rows, m training rows, f features of a small picture, c classes.
"""

import numpy as np

from glassworks.core.keyed import permutation
from glassworks.core.rows import Answers

MOST_ROWS = 20_000  # of the training part that the nearest neighbour looks at
PROBED = 500  # training rows that measure how often the neighbour is right
BLOCK = 1_000  # rows whose distances are held at once


def baselines(
    train_small: np.ndarray, train_targets: np.ndarray, test_small: np.ndarray, answers: Answers
) -> dict[str, Answers]:
    """The baselines' answers to the rows of `answers`, by readable name; fitted on the training part alone.

    train_small, test_small: float (m, f) and (n, f), as `small_pictures` makes them
    train_targets: as `Answers.targets`, of the training part
    The neighbour's name says when not all training rows were used.
    """
    if train_small.shape[1:] != test_small.shape[1:] or len(test_small) != len(answers.names):
        raise ValueError(f"small pictures have the shapes {train_small.shape} and {test_small.shape}")
    if len(train_small) != len(train_targets) or not len(train_small):
        raise ValueError(f"{len(train_small)} training pictures, {len(train_targets)} training targets")
    kept, name = np.arange(len(train_small)), "nearest neighbour"
    if len(kept) > MOST_ROWS:
        kept = np.sort(permutation(len(kept), "nearest-neighbour")[:MOST_ROWS])
        name = f"nearest neighbour ({MOST_ROWS:,} of {len(train_small):,} training rows)"
    scores = _neighbour_scores(train_small[kept], train_targets[kept], test_small, answers)
    return frequent_answers(train_targets, answers) | {name: _answers(answers, scores)}


def frequent_answers(train_targets: np.ndarray, answers: Answers) -> dict[str, Answers]:
    """The frequencies of the training part (for numbers their mean) as an answer to every row, by name."""
    name = {"label": "majority class", "labels": "label frequencies", "number": "mean"}[answers.kind]
    return {name: _answers(answers, _frequencies(train_targets, answers))}


def small_pictures(pixels: np.ndarray, side: int = 12) -> np.ndarray:
    """Pictures of any size as side x side blocks, each the mean of the pixels that it covers.

    pixels: uint8 (n, height, width) or (n, height, width, channels) -> float32 (n, side * side * channels)
    in 0 … 1. A pixel on the border of two blocks counts for both with its share; pictures smaller than
    `side` are enlarged by the same rule.
    """
    if pixels.ndim == 3:
        pixels = pixels[..., None]
    down, across = _block_means(pixels.shape[1], side), _block_means(pixels.shape[2], side)
    out = np.empty((len(pixels), side, side, pixels.shape[3]), np.float32)
    for start in range(0, len(pixels), BLOCK):
        block = pixels[start : start + BLOCK].astype(np.float32) / 255
        rows = np.tensordot(block, down, axes=(1, 1))  # (b, width, channels, side)
        out[start : start + BLOCK] = np.tensordot(rows, across, axes=(1, 1)).transpose(0, 2, 3, 1)
    return out.reshape(len(pixels), -1)


def _block_means(length: int, side: int) -> np.ndarray:
    """(side, length): how much each pixel of a line counts in each block; rows sum to 1."""
    edges = np.arange(side + 1) * (length / side)
    pixel = np.arange(length)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return (np.maximum(overlap, 0) * (side / length)).astype(np.float32)


def nearest(train: np.ndarray, asked: np.ndarray, *, besides: np.ndarray | None = None) -> np.ndarray:
    """Index of the nearest training row for each asked row, (m, f), (n, f) -> (n,), in blocks.

    besides: (n,) a training row that each asked row may not choose (itself)
    """
    lengths, found = (train**2).sum(axis=1), np.empty(len(asked), np.int64)
    for start in range(0, len(asked), BLOCK):
        block = asked[start : start + BLOCK]
        distance = lengths - 2 * block @ train.T  # squared, less the asked row's own length
        if besides is not None:
            distance[np.arange(len(block)), besides[start : start + BLOCK]] = np.inf
        found[start : start + BLOCK] = distance.argmin(axis=1)
    return found


def _neighbour_scores(
    train: np.ndarray, targets: np.ndarray, asked: np.ndarray, answers: Answers
) -> np.ndarray:
    """The neighbour's target, said with the confidence that it earned on training rows."""
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    # A pixel that hardly varies would be blown up to the noise of the others: its spread has a floor.
    scale = np.maximum(deviation, 0.1 * float(deviation.max(initial=0)) or 1.0)
    train = ((train - mean) / scale).astype(np.float32)
    asked = ((asked - mean) / scale).astype(np.float32)
    return neighbour_scores(train, targets, asked, answers)


def neighbour_scores(
    train: np.ndarray, targets: np.ndarray, asked: np.ndarray, answers: Answers
) -> np.ndarray:
    """As `baselines` does with small pictures, for features of any kind whose distances mean something."""
    told = targets[nearest(train, asked)]
    if answers.kind == "number":
        return told.astype(np.float64)[:, None]
    probed = permutation(len(train), "neighbour-confidence")[:PROBED]
    right = 1.0
    if len(train) > 1:
        right = float((targets[nearest(train, train[probed], besides=probed)] == targets[probed]).mean())
    if answers.kind == "labels":
        right = min(max(right, 0.51), 0.999)
        return np.where(told, right, 1 - right)
    classes = len(answers.classes)
    right = min(max(right, (1 + 0.01) / classes), 0.999)
    scores = np.full((len(asked), classes), (1 - right) / max(1, classes - 1))
    scores[np.arange(len(asked)), told] = right
    return scores if classes > 1 else np.ones_like(scores)


def _frequencies(targets: np.ndarray, answers: Answers) -> np.ndarray:
    if answers.kind == "label":
        share = np.bincount(targets.astype(np.int64), minlength=len(answers.classes)) / len(targets)
    else:
        share = np.atleast_1d(targets.astype(np.float64).mean(axis=0))
    return np.repeat(share[None], len(answers.names), axis=0)


def _answers(like: Answers, scores: np.ndarray) -> Answers:
    return Answers(like.names, like.kind, like.targets, scores.astype(np.float64), like.classes, like.groups)
