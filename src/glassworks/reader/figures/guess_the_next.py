"""A text in the colours of surprise, and the guesses at one of its places: prediction is all there is.

Whoever knows a language is hardly surprised inside a word and more at its beginning. The guesses come from
counted runs of characters, so that looking further back can be tried at once.
The first thing to change: `TEXTS`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassworks.core.keyed import permutation
from glassworks.insight.surprise import chance_words, coloured
from glassworks.reader.draw import bar_chart, columns, note, text
from glassworks.reader.figure import Choose, Slider
from glassworks.reader.figures import counted_book as book
from glassworks.reader.figures.measured import Measured

LENGTH, TOP = 130, 5
FOREIGN = (
    "Une machine lit un texte et devine la lettre qui vient. Elle ne comprend pas un mot, mais elle se "
    "trompe rarement sur la fin de chacun."
)
TEXTS = {
    "a chapter it has not read": "unread",
    "a chapter it has read": "read",
    "the unread one, letters shuffled": "shuffled",
    "French": "french",
}


def passage(which: str) -> str:
    """`LENGTH` characters of one of `TEXTS`."""
    if which == "french":
        return FOREIGN[:LENGTH]
    if which == "read":
        return book.prose("image/pictures_as_sentences")[:LENGTH]
    found = book.prose(book.HELD[1])[:LENGTH]
    if which == "shuffled":
        return "".join(found[place] for place in permutation(LENGTH, 0, "shuffled letters"))
    return found


def surprise(which: str, back: int) -> np.ndarray:
    """Nats at each character of a passage for who looks `back` characters back, (LENGTH,)."""
    return book.counts().nats(book.stream(passage(which)))[back + 1]


class GuessTheNext(Measured):
    title = "Guess the next character"
    says = (
        "Dark is where the next character came as a surprise: at the beginnings of words more than inside "
        "them. Who looks further back guesses better. On shuffled letters nothing helps."
    )
    controls = (
        Choose("which", "text", TEXTS),
        Slider("back", "characters it looks back at", 0, 7, step=1, value=5),
        Slider("place", "the guess at character", 1, LENGTH, step=1, value=21),
    )

    def runs(self, **_: Any) -> Sequence[str]:
        return ["counts"]

    def measure(self, run: str) -> bool:
        return bool(book.counts())

    def show(self, known: Mapping, which: str, back: int, place: int) -> str:
        if not known:
            return note("The runs of characters are being counted.")
        said = passage(which)
        nats, at = surprise(which, int(back)), int(place) - 1
        shares = book.chances(said[:at], int(back) + 1)
        best = shares.topk(TOP)
        rows = [
            (book.named(book.tokenizer().decode([number])), round(100 * share, 1))
            for number, share in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]
        before = said[max(0, at - 24) : at].replace("\n", " ")
        told = (
            f"After “{before}” it gives these chances, in %. What came is “{book.named(said[at])}”, to which "
            f"it had given {chance_words(float(nats[at]))}."
        )
        mean = float(nats.mean()) / float(np.log(2))
        left = coloured(list(said), nats, said) + text(f"On average {mean:.2f} bits a character.")
        return columns(left, text(told) + bar_chart(rows, width=330))
