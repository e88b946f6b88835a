"""Overlap of an answer with a known one, counted: what BLEU and chrF see, and what they cannot see.

The counts and both figures are those of the installed judge. Three of the pairs are real: messages of Django
with the translation of the nearest known message, from a validation part.
The first thing to change: `PAIRS`.
"""

import numpy as np

from glassworks.judging.translation import WORDS, bleu_of, character_counts, chrf_of, word_counts, words_of
from glassworks.reader.draw import columns, note, table, text
from glassworks.reader.figure import Choose, Figure

PAIRS = {  # title -> (known answer, answer, what to say of it)
    "one word, again and again": (
        "the cat is on the mat", "the the the the the the the",
        "All seven words stand in the known answer. Clipped, only two of them count: it has 'the' twice.",
    ),
    "in other words": (
        "the cat is on the mat", "there is a cat sitting on the mat",
        "Right, and half of it does not count: there is more than one good answer, and one is known.",
    ),
    "too short": (
        "the cat is on the mat", "the cat",
        "Every run that was said is right. The brevity penalty is what pulls it down.",
    ),
    "in a minute, or a minute ago": (
        "in einer Minute", "vor einer Minute",
        "Asked: 'a minute from now'. Said: 'a minute ago'. Most of the characters agree.",
    ),
    "view, or delete": (
        "Ausgewählte %(model)s ansehen", "Ausgewählte %(model)s löschen",
        "Asked: 'View selected'. Said: 'Delete selected'. The overlap is large.",
    ),
    "billions, or millions": (
        "%(value)s Billion", "%(value)s Million",
        "Asked for a trillion, German 'Billion'. Said: a million. Four letters make a factor of a million.",
    ),
}  # fmt: skip


def scores(known: str, said: str) -> tuple[float, float]:
    """(BLEU, chrF) of one answer."""
    return float(bleu_of(word_counts(said, known))), float(chrf_of(character_counts(said, known)))


class OverlapCounted(Figure):
    title = "What overlap sees"
    says = (
        "Both figures count runs that answer and known answer share. 'The the the' is caught by clipping; a "
        "right answer in other words scores low; 'a minute ago' for 'in a minute' scores high."
    )
    controls = (Choose("pair", "answer", {name: name for name in PAIRS}),)

    def draw(self, pair: str) -> str:
        known, said, told = PAIRS[pair]
        counts = word_counts(said, known)
        rows = []
        for order in range(WORDS):
            ours, theirs, both = counts[3 * order : 3 * order + 3]
            rows.append([str(order + 1), f"{ours:.0f}", f"{theirs:.0f}", f"{both:.0f}",
                         f"{both / ours:.2f}" if ours else "none"])  # fmt: skip
        ours, theirs = len(words_of(said)), len(words_of(known))
        brevity = float(np.exp(min(0.0, 1 - theirs / ours)))
        bleu, chrf = scores(known, said)
        head = ["run", "said", "known", "both", "share"]
        result = [["brevity penalty", f"{brevity:.3f}"], ["BLEU", f"{bleu:.3f}"], ["chrF", f"{chrf:.3f}"]]
        said_rows = [["known", known], ["said", said]]
        return (
            table(["", "text"], said_rows) + columns(table(head, rows), table(["", "value"], result))
            + text(told)
            + note(
                "Run: its words; both: clipped. A run that never fits counts as half of the one before, so "
                "that BLEU is not 0."
            )
        )  # fmt: skip
