"""The same held-out chapter guessed in characters, in pieces of words and in words: perplexities that cannot
be compared, and bits a character that can.

Each is counted with runs of tokens, the length chosen on one chapter and judged on another. A token that the
vocabulary lacks costs what it takes to spell it, or else not knowing words would pay.
The first thing to change: `UNITS`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from glassworks.data.vocabulary import Tokens, learn
from glassworks.judging.language import spelled
from glassworks.judging.ngrams import MOST, NGrams
from glassworks.reader.draw import equation, note, table
from glassworks.reader.figure import Choose, Toggle
from glassworks.reader.figures import counted_book as book
from glassworks.reader.figures.measured import Measured

UNITS: dict[str, tuple[Tokens, int]] = {
    "characters": ("character", 256),
    "1,000 pieces": ("piece", 1_000),
    "2,000 pieces": ("piece", 2_000),
    "words": ("word", 5_000),
}


@dataclass(frozen=True)
class Guessed:
    """tokens, characters: of the judged chapter; nats: of all tokens; spelling: of unknown ones; unknown:
    their share; run: the longest run of tokens that was used."""

    tokens: int
    characters: int
    nats: float
    spelling: float
    unknown: float
    run: int

    @property
    def loss(self) -> float:
        """Nats a token."""
        return self.nats / self.tokens

    def bits(self, spelling: bool = True) -> float:
        """Bits a character."""
        return (self.nats + (self.spelling if spelling else 0.0)) / self.characters / math.log(2)


@lru_cache(maxsize=8)
def guessed(unit: str) -> Guessed:
    """The second of the held-out chapters, in the tokens of a unit."""
    kind, size = UNITS[unit]
    tokens = learn([book.read()], tokens=kind, size=size, lower=kind == "word")
    texts = (book.read(), *(book.prose(slug) for slug in book.HELD))
    train, chosen, judged = (np.array([tokens.start, *tokens.encode(text)], np.int64) for text in texts)
    never = tuple(mark for mark in (tokens.padding, tokens.start, tokens.mask) if mark is not None)
    grams = NGrams(train, tokens.size, MOST[kind], never=never)
    found = grams.nats(chosen)
    run = min(found, key=lambda n: float(found[n].mean()))
    nats, unknown = grams.nats(judged)[run], judged[1:] == tokens.unknown
    strange = [word for word, lacks in zip(tokens.pieces(texts[2]), unknown, strict=True) if lacks]
    spelling = float(spelled(strange, [book.read()]).sum()) if strange else 0.0
    return Guessed(len(nats), len(texts[2]), float(nats.sum()), spelling, float(unknown.mean()), run)


class ThreeUnits(Measured):
    title = "One chapter in three units"
    says = (
        "Perplexities of 4 to 150 for models that are equally good: a larger token is harder to guess. In "
        "bits a character they can be compared. A model of words gains by not knowing words, until they "
        "are spelled out."
    )
    controls = (
        Choose("unit", "worked out for", {unit: unit for unit in UNITS}),
        Toggle("spelling", "unknown words are spelled out", True),
    )

    def runs(self, **_: Any) -> Sequence[str]:
        return list(UNITS)

    def measure(self, run: str) -> Guessed:
        return guessed(run)

    def show(self, known: Mapping, unit: str, spelling: bool) -> str:
        if not known:
            return note("Tokens are being counted.")
        rows = [
            [name, f"{math.exp(one.loss):.1f}", f"{one.bits(spelling):.2f}"] for name, one in known.items()
        ]
        told = table(["tokens", "perplexity", "bits a character"], rows)
        return told + (_worked(unit, known[unit], spelling) if unit in known else "")


def _worked(unit: str, one: Guessed, spelling: bool) -> str:
    each = one.characters / one.tokens
    lines = [
        f"loss        {one.loss:.3f} nats a token",
        f"perplexity  e^{one.loss:.3f} = {math.exp(one.loss):.1f}",
        f"in bits     {one.loss:.3f} / 0.6931 = {one.loss / math.log(2):.3f}",
        f"a character {one.loss / math.log(2):.3f} / {each:.2f} = {one.bits(False):.2f}",
    ]
    if one.spelling and spelling:
        lines.append(f"+ spelling  {one.bits() - one.bits(False):.2f}, together {one.bits():.2f}")
    told = f"Counted with runs of {one.run}. {one.unknown:.1%} of its tokens are unknown"
    return equation(*lines) + note(
        told + (", small letters only, and no spaces to guess." if unit == "words" else ".")
    )
