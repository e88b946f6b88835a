"""Word vectors of Python's own manual: what the figures of the chapter on words share.

Every Python brings the text behind `help("topics")`: some 60,000 words about a small world that a reader of
this book knows. The installed word2vec learns from it in a second or two, the counts beside it in a tenth.
The first thing to change: `STEPS`.
"""

from collections import Counter
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch

from glassworks.core.keyed import seed_for
from glassworks.data.vocabulary import SPECIAL, cut
from glassworks.judging.count_vectors import count_vectors
from glassworks.judging.words import Space
from glassworks.models.sequence.word2vec import Word2Vec, Word2VecConfig, build
from glassworks.tasks.word_embedding import Passages, WordEmbedding, kept_shares, noise_ends

WIDTH, WINDOW, LEAST, PASSAGE = 48, 5, 5, 128
STEPS, BATCH, RATE, SUBSAMPLE = 300, 16, 0.03, 1e-3
WAYS = ("skip-gram", "counts", "one-hot")


class Manual(NamedTuple):
    """words: by number, "" for the special ones; counts: (vocabulary,); passages: numbers, (length,) each."""

    words: tuple[str, ...]
    counts: np.ndarray
    passages: list[np.ndarray]


@lru_cache(maxsize=1)
def manual() -> Manual:
    """The manual as numbers; words that occur fewer than LEAST times are left out."""
    from pydoc_data.topics import topics

    texts = [[word for word in cut(topics[key], "word", True) if word[0].isalpha()] for key in sorted(topics)]
    often = Counter(word for text in texts for word in text)
    known = sorted((word for word in often if often[word] >= LEAST), key=lambda word: (-often[word], word))
    numbers = {word: number for number, word in enumerate(known, start=len(SPECIAL))}
    rows = [np.array([numbers[word] for word in text if word in numbers], np.int64) for text in texts]
    passages = [row[start : start + PASSAGE] for row in rows for start in range(0, len(row), PASSAGE)]
    counts = np.array([0] * len(SPECIAL) + [often[word] for word in known], np.int64)
    return Manual(("",) * len(SPECIAL) + tuple(known), counts, passages)


@lru_cache(maxsize=1)
def trained() -> Word2Vec:
    """Skip-gram with negative sampling on the manual; about a second and a half of one core."""
    words, counts, passages = manual()
    config = Word2VecConfig(vocabulary=len(words), width=WIDTH, window=WINDOW, least=LEAST)
    with torch.inference_mode(False), torch.enable_grad():
        with torch.random.fork_rng(devices=[]):  # a model's start draws from torch's own dice
            torch.manual_seed(seed_for(0, "manual words"))
            model = build(config)
        task = WordEmbedding(config, noise_ends(counts, config.power))
        rows = Passages(passages, np.arange(len(passages)), kept_shares(counts, SUBSAMPLE))
        optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
        dice, each = torch.Generator().manual_seed(seed_for(0, "manual noise")), len(passages) // BATCH
        for step in range(STEPS):
            optimizer.param_groups[0]["lr"] = RATE * (1 - step / STEPS)
            epoch, place = divmod(step, each)
            batch = rows.training(epoch, place * BATCH, (place + 1) * BATCH)
            loss = task.loss(model, batch, dice).total
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.eval()


@lru_cache(maxsize=3)
def space(way: str) -> Space:
    """Vectors of the manual's words by one of `WAYS`."""
    words, _, passages = manual()
    if way == "one-hot":
        return Space(words, np.eye(len(words)))
    if way == "counts":
        return Space(words, count_vectors(passages, len(words), window=WINDOW, width=WIDTH)[0])
    return Space(words, trained().vectors.weight.detach().numpy())


def neighbours(found: Space, word: str, most: int = 8) -> list[tuple[str, float]]:
    """The nearest words and their cosines; empty for a word that the manual lacks."""
    number = found.numbers.get(word)
    if number is None:
        return []
    near, cosines = found.nearest(found.vectors[[number]], np.array([[number]]), most)
    return [(found.words[row], float(cosine)) for row, cosine in zip(near[0], cosines[0])]
