"""Inputs above, targets below: by how much they are shifted decides what is learned at all.

Pairs of characters (what is seen, what is to be guessed) are counted in the prose of this book, for each
shift. Without a shift the answer stands in the question, the loss is 0, and the machine writes one letter for
ever. The first thing to change: `SHIFTS`.
"""

import html
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from glassworks.core.keyed import generator
from glassworks.reader.draw import columns, note, table, text
from glassworks.reader.figure import Choose
from glassworks.reader.figures import counted_book as book
from glassworks.reader.figures.measured import Measured

SHIFTS = {"0, forgotten": 0, "1, right": 1, "2, one too far": 2}
EXAMPLE = "a theory"
WINDOW, WRITTEN = 6, 60


@lru_cache(maxsize=8)
def pairs(shift: int) -> np.ndarray:
    """How often a character is the target where another is the input, float64 (vocabulary, vocabulary)."""
    tokens = book.stream(book.read())[1:]
    found = np.zeros((book.tokenizer().size,) * 2)
    np.add.at(found, (tokens[: len(tokens) - shift], tokens[shift:]), 1)
    return found


def bits(shift: int) -> float:
    """The least mean surprise at a target for who sees its input alone, in bits."""
    found = pairs(shift)
    shares = found / np.maximum(found.sum(1, keepdims=True), 1)
    return float(-(found[found > 0] * np.log2(shares[found > 0])).sum() / found.sum()) + 0.0


def writes(shift: int) -> str:
    """What comes when each guess is taken for the next character."""
    dice, token = generator(3, "shifted"), book.tokenizer().encode("t")[0]
    numbers = [token]
    for _ in range(WRITTEN):
        row = pairs(shift)[token]
        token = int(np.searchsorted(np.cumsum(row) / row.sum(), dice.random(), side="right"))
        numbers.append(token)
    return book.tokenizer().decode(numbers).replace("\n", " ")


def _letters(words: str, name: str, tint: str) -> str:
    cells = "".join(
        f'<td style="background: color-mix(in srgb, var({tint}) 22%, transparent)">'
        f"{'␣' if letter == ' ' else html.escape(letter)}</td>"
        for letter in words
    )
    return f'<tr><th scope="row">{html.escape(name)}</th>{cells}</tr>'


class OneCharacterAhead(Measured):
    title = "The shift by one"
    says = (
        "Shifted by one, every character is the answer to the one before it. Without the shift the answer "
        "stands in the question: a loss of 0, and a machine that writes one letter for ever."
    )
    controls = (Choose("shift", "targets are shifted by", SHIFTS, value="1, right"),)

    def runs(self, shift: int) -> Sequence[int]:
        return [int(shift)]

    def measure(self, run: int) -> tuple[float, str]:
        return bits(run), writes(run)

    def show(self, known: Mapping, shift: int, **_: Any) -> str:
        inputs, targets = EXAMPLE[:WINDOW], EXAMPLE[shift : shift + WINDOW]
        rows = _letters(inputs, "sees", "--accent") + _letters(targets, "is to say", "--good")
        name = f"inputs and targets, shifted by {shift}"
        grid = f'<table class="heat" aria-label="{name}">{rows}</table>'
        if not known:
            return grid + note("Pairs of characters are being counted.")
        loss, wrote = next(iter(known.values()))
        told = {
            0: "Each input is its own answer. The loss is perfect, on any text, and nothing was learned.",
            1: "What a character says of the one after it. Nonsense, but of the right kind.",
            2: "A loss that looks like learning. Each letter goes with the one before the last, and taken "
            "for the next one they make no words.",
        }[shift]
        facts = table(["seeing one character", ""], [["loss on what it read", f"{loss:.2f} bits"]])
        return columns(grid, facts) + text(f"It writes: {wrote}") + note(told)
