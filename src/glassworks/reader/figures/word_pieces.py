"""WordPiece on a vocabulary of a few dozen pieces: the longest that fits is cut off, from left to right.

A piece that goes on within a word is written with ## before it; "able" and "##able" are two entries with two
vectors. Where no piece fits, the whole word becomes [UNK]. Published vocabularies have some 30,000 pieces.
The first thing to change: `PIECES`.
"""

from typing import Any

from glassworks.reader.draw import columns, note, table, text
from glassworks.reader.figure import Choose, Figure, Steps

MARKS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PIECES = (
    *MARKS, "the", "a", "is", "an", "play", "read", "able", "bank", "un", "re", "token", "glass", "work",
    "film",
    "##s", "##ed", "##ing", "##er", "##able", "##read", "##play", "##ization", "##work", "##works",
    "##un", "##i", "##z", "##e", "##d", "##a", "##b", "##l", "##k", "##p", "##r", "##t", "##o", "##n", "##y",
    "##w", "p", "b", "l", "n", "o", "r", "t", "u", ".",
)  # fmt: skip
TEXTS = {
    one: one
    for one in (
        "the film is unreadable .", "replay the tokenization .", "glassworks is able .",
        "a player plays .", "the bank is übel .",
    )
}  # fmt: skip


def steps_of(word: str) -> list[tuple[str, str]]:
    """(the rest of the word, the piece that is cut off) of each step; one [UNK] where the rest has none."""
    found, start = [], 0
    while start < len(word):
        mark = "##" if start else ""
        ends = range(len(word), start, -1)
        stop = next((end for end in ends if mark + word[start:end] in PIECES), None)
        if stop is None:
            return [(word, "[UNK]")]
        found.append((word[start:], mark + word[start:stop]))
        start = stop
    return found


def pieces_of(words: str) -> list[str]:
    """A text between its marks."""
    return ["[CLS]", *(piece for word in words.split() for _, piece in steps_of(word)), "[SEP]"]


class WordPieces(Figure):
    title = "A text becomes pieces"
    says = (
        "Known words stay whole, others are cut from the left, each time the longest piece that fits. ## "
        "says that a piece goes on within a word. What has no piece at all is [UNK], and then the word is "
        "lost."
    )
    controls = (Choose("words", "text", TEXTS), Steps("word", "word", 1, 4, 4))

    def draw(self, words: str, word: int, **_: Any) -> str:
        every = words.split()
        one = every[min(word, len(every)) - 1]
        cut = [[rest, piece] for rest, piece in steps_of(one)]
        row = [[place, piece, PIECES.index(piece)] for place, piece in enumerate(pieces_of(words))]
        told = note("Its rest has no piece: the word as a whole is [UNK].") if cut[0][1] == "[UNK]" else ""
        return text(words) + columns(
            table(["place", "piece", "number"], row),
            table([f"word {min(word, len(every))}: the rest", "longest piece"], cut) + told,
        )
