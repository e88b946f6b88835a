"""A made-up language of a few hundred sentences, so small that every chance in it can be worked out exactly.

Animals ate, and people said. What an animal ate tells which animal it was, the word before it tells how
many there were: a hidden animal is known from both sides together. Some things stay open, and some of the
language is unfair: nine of ten nurses in it are women. The figures of the chapter on BERT share it.
The first thing to change: `ATE`, who ate what, and how often.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

GAP = "▢"
HOW_MANY = {"a": 0, "the": 0, "two": 1, "many": 1}  # 1: more than one
ATE = {  # who, what: how many times
    "cat": {"fish": 3, "milk": 1},
    "dog": {"bones": 3, "meat": 1},
    "cow": {"grass": 2, "hay": 2},
    "horse": {"hay": 2, "apples": 2},
    "bird": {"seeds": 3, "worms": 1},
}
VERBS = ("ate", "found", "wanted")
PLACES = {"house": ("cat", "dog"), "field": ("cow", "horse"), "garden": tuple(ATE)}
SHE = {"nurse": 9, "teacher": 6, "engineer": 2, "pilot": 1}  # of ten
WAS = ("late", "tired", "ready")
MARKS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LENGTH = 8  # words, the full stop among them


@lru_cache(maxsize=1)
def sentences() -> tuple[tuple[tuple[str, ...], ...], np.ndarray]:
    """Every sentence, and the share of each: half the texts are of animals, half of people."""
    found: dict[tuple[str, ...], float] = {}
    for many, plural in HOW_MANY.items():
        for animal, foods in ATE.items():
            for food, times in foods.items():
                for verb in VERBS:
                    for place in (one for one, who in PLACES.items() if animal in who):
                        words = (many, animal + "s" * plural, verb, food, "in", "the", place, ".")
                        found[words] = float(times)
    animals = sum(found.values())
    for job, women in SHE.items():
        for who, times in (("she", women), ("he", 10 - women)):
            for how in WAS:
                found["the", job, "said", "that", who, "was", how, "."] = times * animals / 120
    shares = np.array(list(found.values()))
    return tuple(found), shares / shares.sum()


@lru_cache(maxsize=1)
def words() -> tuple[str, ...]:
    """The vocabulary: the five marks, then all words by the alphabet."""
    return (*MARKS, *sorted({word for one in sentences()[0] for word in one}))


def numbers(sentence: Sequence[str]) -> list[int]:
    """A sentence between its marks; a gap is the mark that hides."""
    order = {word: number for number, word in enumerate(words())} | {GAP: MARKS.index("[MASK]")}
    return [order["[CLS]"], *(order[word] for word in sentence), order["[SEP]"]]


def possible(sentence: Sequence[str], place: int, seen: Sequence[int]) -> dict[str, float]:
    """The chance of each word at a place when only the places `seen` are known; the likeliest first."""
    every, shares = sentences()
    chances: dict[str, float] = {}
    for one, share in zip(every, shares):
        if all(one[at] == sentence[at] for at in seen):
            chances[one[place]] = chances.get(one[place], 0.0) + float(share)
    total = sum(chances.values())
    return dict(sorted(((word, one / total) for word, one in chances.items()), key=lambda row: -row[1]))


def drawn(count: int, dice: np.random.Generator) -> np.ndarray:
    """`count` sentences by their shares, as numbers int64 (count, LENGTH + 2)."""
    every, shares = sentences()
    table = np.array([numbers(one) for one in every])
    return table[dice.choice(len(every), count, p=shares)]
