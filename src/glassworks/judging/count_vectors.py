"""Word vectors without training: count which words stand near each other, and keep what is most of it.

The counts become PPMI, how much more often two words meet than by chance (0 where less often), and the
largest directions of that matrix are a vector for each word. On a few million words this is hard to beat.

Sources: Church & Hanks 1990 (mutual information); Levy & Goldberg 2014, "Neural word embedding as implicit
matrix factorization", and Levy, Goldberg & Dagan 2015, "Improving distributional similarity with lessons
learned from word embeddings", whose settings these are: counts of neighbours to the power 0.75, and the
singular values shared out between both sides.
The first thing to change: `POWER`.

Axes: passages, length (words of a passage), vocabulary, width.
"""

from collections.abc import Iterable

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

POWER = 0.75  # of the counts of neighbours, so that rare ones seem less surprising than they are
BLOCK = 4_000_000  # pairs that are added up at a time


def count_pairs(passages: Iterable[np.ndarray], vocabulary: int, window: int) -> sparse.csr_matrix:
    """How often words stand near each other, (vocabulary, vocabulary), symmetric.

    passages: numbers of words, int64 (length,) each. At distance d a pair counts (window - d + 1) / window.
    """
    total = sparse.csr_matrix((vocabulary, vocabulary))
    lists: list[tuple[np.ndarray, np.ndarray, float]] = []
    waiting = 0
    for passage in passages:
        for distance in range(1, min(window, len(passage) - 1) + 1):
            lists.append((passage[:-distance], passage[distance:], (window - distance + 1) / window))
            waiting += len(passage) - distance
        if waiting > BLOCK:
            total, lists, waiting = total + _added(lists, vocabulary), [], 0
    total = total + _added(lists, vocabulary)
    return (total + total.T).tocsr()


def _added(lists: list[tuple[np.ndarray, np.ndarray, float]], vocabulary: int) -> sparse.csr_matrix:
    if not lists:
        return sparse.csr_matrix((vocabulary, vocabulary))
    first, second = (np.concatenate([pair[side] for pair in lists]) for side in (0, 1))
    weight = np.concatenate([np.full(len(pair[0]), pair[2]) for pair in lists])
    return sparse.coo_matrix((weight, (first, second)), shape=(vocabulary, vocabulary)).tocsr()


def ppmi(pairs: sparse.csr_matrix) -> sparse.csr_matrix:
    """log(p(word, neighbour) / (p(word) p(neighbour))) where that is above 0, natural logarithm."""
    words = np.asarray(pairs.sum(1)).ravel()
    near = np.asarray(pairs.sum(0)).ravel() ** POWER
    found = pairs.tocoo()
    chance = words[found.row] * near[found.col] / max(near.sum(), 1e-12)
    surprise = np.log(found.data / np.maximum(chance, 1e-12))
    above = surprise > 0
    return sparse.coo_matrix(
        (surprise[above], (found.row[above], found.col[above])), shape=pairs.shape
    ).tocsr()


def count_vectors(
    passages: Iterable[np.ndarray], vocabulary: int, *, window: int, width: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of words for themselves and as neighbours, (vocabulary, width) each; their product is about
    the PPMI of the two words."""
    table = ppmi(count_pairs(passages, vocabulary, window))
    width = min(width, vocabulary - 1)
    left, sizes, right = randomized_svd(table, width, n_iter=3, random_state=seed)
    roots = np.sqrt(sizes)
    return left * roots, right.T * roots
