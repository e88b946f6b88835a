"""Byte-pair joins, one after the other: how a sentence falls into fewer and fewer pieces.

The joins are learned by the workbench on thirty captions that stand here, so they are the same for everybody.
The first thing to change: `CAPTIONS`; with others, other pairs are frequent.
"""

from collections import Counter
from functools import lru_cache
from itertools import pairwise
from typing import Any

from glassworks.data.tokens import END_OF_WORD, FIRST_JOIN, Tokenizer, learn
from glassworks.reader.draw import note, table, text
from glassworks.reader.figure import Choose, Figure, Slider

CAPTIONS = (
    "a red flower in the grass", "a yellow flower", "two flowers in a vase", "a flower bed in the garden",
    "a red bird on a branch", "a bird in flight", "three birds on a wire", "a bird with a long bill",
    "a white horse in the field", "a horse and a rider", "the head of a horse", "a brown dog on the grass",
    "a dog with a ball", "a sleeping dog", "a cat on a chair", "a cat in the grass", "a grey cat",
    "a car in the street", "a red car", "an old car with a flat tyre", "a fire engine", "the letter a",
    "the letter b", "the sign for the letter c", "a sign in the street", "a bowl of ripe fruit",
    "an apple on a branch", "a red apple", "a green pear", "the flower of an apple tree",
)  # fmt: skip
MOST = 50  # joins that are shown
SENTENCES = {
    "a red flower in the garden": "a red flower in the garden",
    "the letters of a wildflower": "the letters of a wildflower",
    "a zebra": "a zebra",
    "ein rotes Blümchen": "ein rotes Blümchen",
    "ένα λουλούδι": "ένα λουλούδι",
}


@lru_cache(maxsize=1)
def learned() -> Tokenizer:
    """The first joins of the captions."""
    return learn(CAPTIONS, FIRST_JOIN + MOST + 2)


@lru_cache(maxsize=MOST + 1)
def after(joins: int) -> Tokenizer:
    """The same with its first joins only."""
    return Tokenizer(learned().merges[:joins])


def next_pairs(joins: int, shown: int = 4) -> list[tuple[str, int]]:
    """The pairs that stand together most often in the captions after some joins, and how often."""
    tokenizer = after(joins)
    seen: Counter[tuple[str, str]] = Counter()
    for caption in CAPTIONS:
        for word in caption.split():
            seen.update(pairwise(tokenizer.symbols[number] for number in tokenizer.encode(word)[1:-1]))
    ranked = sorted(seen, key=lambda pair: (-seen[pair], pair))
    return [(" + ".join(map(_plain, pair)), seen[pair]) for pair in ranked[:shown]]


class JoinsStepByStep(Figure):
    title = "From bytes to words, join by join"
    says = (
        "Each join makes one token of the two neighbours that stand together most often in the captions. A "
        "frequent word soon is one token; a rare one stays in pieces, and nothing is ever unknown."
    )
    controls = (
        Slider("joins", "joins", 0, MOST, step=1, value=12),
        Choose("sentence", "sentence", SENTENCES),
    )

    def draw(self, joins: int, sentence: str, **_: Any) -> str:
        joins = int(joins)
        tokenizer = after(joins)
        numbers = tokenizer.encode(sentence)
        pieces = [_plain(tokenizer.symbols[number]) for number in numbers[1:-1]]
        told = f"{len(pieces)} pieces, {len(numbers)} tokens with the start and the end."
        cut = "  |  ".join(pieces)
        rows = [[_shown(joins, place), *pair] for place, pair in enumerate(next_pairs(joins))]
        if joins:
            first, second = map(_plain, learned().merges[joins - 1])
            last = f"Join {joins} made one token of {first} + {second}."
        else:
            last = "No joins yet: each byte is a token. The mark · ends a word."
        numbered = ", ".join(map(str, numbers))
        return (
            text(cut) + note(told) + note(f"Their numbers: {numbered}") + text(last)
            + table(["in the captions now", "pair", "times"], rows)
        )  # fmt: skip


def _shown(joins: int, place: int) -> str:
    return "joined next" if place == 0 else ""


def _plain(symbol: str) -> str:
    """A symbol for people: the end of a word shows as a dot."""
    return symbol.replace(END_OF_WORD, "·")
