"""The nearest words to a word of Python's manual: learned, counted, and one-hot.

The first thing to change: `ASKED`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from glassworks.judging.words import Space
from glassworks.reader.draw import note, table
from glassworks.reader.figure import Choose
from glassworks.reader.figures.manual_words import WAYS, manual, neighbours, space
from glassworks.reader.figures.measured import Measured

ASKED = ("left", "true", "try", "x", "before", "string", "integer", "except", "class", "file")
SHOWN = ("skip-gram", "counts")


class NearestWords(Measured):
    title = "Neighbours in a manual"
    says = (
        "Next to left stands right, next to true false: what is nearest can take a word's place, and that is "
        "as often its opposite. Among one-hot vectors all words are equally far apart."
    )
    controls = (Choose("word", "word", {word: word for word in ASKED}),)

    def runs(self, **_: Any) -> Sequence[str]:
        return WAYS[1::-1]  # the counts are there at once

    def measure(self, run: str) -> Space:
        return space(run)

    def show(self, known: Mapping, word: str, **_: Any) -> str:
        lists = {way: neighbours(known[way], word) for way in SHOWN if way in known}
        if not lists or not all(lists.values()):
            return note("The vectors are being made." if not lists else f"This manual lacks “{word}”.")
        head = [name for way in lists for name in (way, "cosine")]
        rows = [
            [cell for pairs in lists.values() for cell in (pairs[place][0], f"{pairs[place][1]:.2f}")]
            for place in range(len(next(iter(lists.values()))))
        ]
        often = manual().counts[next(iter(known.values())).numbers[word]]
        told = f"“{word}” occurs {often:,} times. One-hot: the cosine of any two words is 0."
        return table(head, rows) + note(told)
