"""What a machine writes, with the stretches marked that stand word for word in what it has read.

A stretch of `LEAST` characters that also stands in the training text is marked. Texts of one kind share
phrases, so the share of a chapter that was never read is told beside it: only more than that is copying.
The first thing to change: `LEAST`.
"""

import html
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from glassworks.blocks.sampling import Sampling
from glassworks.reader.draw import note, text
from glassworks.reader.figure import Button, Choose
from glassworks.reader.figures import counted_book as book
from glassworks.reader.figures.measured import Measured

LEAST, WRITTEN = 20, 400
RUNS = {"3": 3, "5": 5, "8": 8, "12": 12}
BOLD = {"0.5": 0.5, "1": 1.0}


def copied(said: str) -> list[bool]:
    """Of each character, whether it stands in a stretch of `LEAST` that was read."""
    marks = [False] * len(said)
    for at in range(len(said) - LEAST + 1):
        if said[at : at + LEAST] in book.read():
            marks[at : at + LEAST] = [True] * LEAST
    return marks


@lru_cache(maxsize=1)
def usual() -> float:
    """The share of copied characters in chapters that were not read."""
    marks = copied(book.unread())
    return sum(marks) / len(marks)


@lru_cache(maxsize=64)
def wrote(run: int, temperature: float, seed: int) -> tuple[str, tuple[bool, ...]]:
    """A text and its marks."""
    said = book.written(run, Sampling(temperature), seed, WRITTEN)
    return said, tuple(copied(said))


class CopiedOrNew(Measured):
    title = "Copied, or new?"
    says = (
        "With runs of twelve characters and a low temperature, some two thirds of what it writes stand word "
        "for word in what it has read. With runs of three next to nothing does, and nothing makes sense."
    )
    controls = (
        Choose("run", "characters of a run", RUNS, value="12"),
        Choose("temperature", "temperature", BOLD),
        Button("seed", "Write another"),
    )

    def runs(self, run: int, temperature: float, seed: int) -> Sequence[tuple[int, float, int]]:
        return [(int(run), float(temperature), int(seed))]

    def measure(self, run: tuple[int, float, int]) -> tuple[str, tuple[bool, ...]]:
        usual()
        return wrote(*run)

    def show(self, known: Mapping, **_: Any) -> str:
        if not known:
            return note("It is writing.")
        said, marks = next(iter(known.values()))
        parts = [
            f'<mark style="background:color-mix(in srgb, var(--warn) 32%, transparent);color:inherit">'
            f"{html.escape(piece)}</mark>" if taken else html.escape(piece)
            for piece, taken in _stretches(said, marks)
        ]  # fmt: skip
        shown = f'<p style="white-space:pre-wrap">{book.PROMPT}{"".join(parts)}</p>'
        share = sum(marks) / len(marks)
        told = text(
            f"{share:.0%} of it stands in stretches of {LEAST} characters or more in what was read. In the "
            f"chapters that it has not read, {usual():.0%} does."
        )
        return shown + told


def _stretches(said: str, marks: Sequence[bool]) -> list[tuple[str, bool]]:
    """(text, marked) one after another."""
    found: list[tuple[str, bool]] = []
    for letter, marked in zip(said, marks, strict=True):
        if found and found[-1][1] == marked:
            found[-1] = (found[-1][0] + letter, marked)
        else:
            found.append((letter, marked))
    return found
