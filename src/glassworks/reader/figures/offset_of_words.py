"""king - man + woman, with words of our own making: what decides whether the sum lands at queen.

Each word is made of parts it shares with others (royal, male, female) and a part of its own. The sum brings
the own parts of all three words of the question along, so it lies nearest to one of these unless own parts
are small.
The first thing to change: `WIDTH`.
"""

from functools import lru_cache

import numpy as np

from glassworks.core.keyed import generator
from glassworks.judging.words import Space
from glassworks.reader.draw import columns, note, table
from glassworks.reader.figure import Button, Figure, Slider, Toggle

WIDTH, OTHERS, MOST, DRAWS = 60, 200, 5, 30
QUESTION = ("man", "king", "woman")
PARTS = {"king": ("royal", "male"), "queen": ("royal", "female"), "man": ("person", "male"),
         "woman": ("person", "female"), "prince": ("royal", "young", "male")}  # fmt: skip


@lru_cache(maxsize=128)
def made(own: float, draw: int) -> Space:
    """Words of parts of length 1 and an own part of length `own`, and others that share nothing."""
    dice = generator("offset of words", draw)

    def direction() -> np.ndarray:
        found = dice.standard_normal(WIDTH)
        return found / np.linalg.norm(found)

    parts = {name: direction() for names in PARTS.values() for name in names}
    words = {word: sum(parts[name] for name in names) + own * direction() for word, names in PARTS.items()}
    words |= {f"another word, {number}": direction() for number in range(1, OTHERS + 1)}
    return Space(list(words), np.array(list(words.values())))


def ranked(own: float, draw: int) -> list[tuple[str, float]]:
    """The nearest words to king - man + woman, the words of the question among them."""
    found = made(own, draw)
    a, b, c = (found.vectors[found.numbers[word]] for word in QUESTION)
    near, cosines = found.nearest((b - a + c)[None], None, MOST)
    return [(found.words[row], float(cosine)) for row, cosine in zip(near[0], cosines[0])]


@lru_cache(maxsize=32)
def shares(own: float) -> tuple[float, float]:
    """Of DRAWS vectors, how often queen is nearest of all, and nearest without the three."""
    free = rest = 0
    for draw in range(DRAWS):
        found = [word for word, _ in ranked(own, draw)]
        free += found[0] == "queen"
        rest += [word for word in found if word not in QUESTION][:1] == ["queen"]
    return free / DRAWS, rest / DRAWS


class OffsetOfWords(Figure):
    title = "king - man + woman"
    says = (
        "The sum carries the own parts of king, man and woman along, and none of queen's. So the nearest "
        "word is mostly one of the question itself. Take these out, and queen is often what is left."
    )
    controls = (
        Slider("own", "a word's own part", 0, 2, step=0.1, value=1.2),
        Toggle("excluded", "the three words are no answers"),
        Button("draw_again", "Other vectors"),
    )

    def draw(self, own: float, excluded: bool, draw_again: int) -> str:
        found = ranked(own, draw_again)
        shown = [(word, cosine) for word, cosine in found if not (excluded and word in QUESTION)]
        rows = [
            [(word, "warn" if word in QUESTION else "good" if word == "queen" else ""), f"{cosine:.2f}"]
            for word, cosine in shown
        ]
        first = shown[0][0] if shown else "none of these"
        told = f"The answer: {first}."
        told += " It is a word of the question." if first in QUESTION else ""
        free, rest = shares(own)
        counted = (
            f"Of {DRAWS} draws queen is nearest of all in {free:.0%}, and without the three in {rest:.0%}."
        )
        return columns(table(["nearest to the sum", "cosine"], rows)) + note(told) + note(counted)
