"""Counted words, two LSTMs and a Transformer learn from the same made-up remarks: who follows "not"?

The counts are the baseline of every report: TF-IDF of words and of pairs of words with logistic regression.
The first thing to change: `KINDS` in `film_remarks.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from glassworks.reader.draw import note, table
from glassworks.reader.figure import Choose
from glassworks.reader.figures.film_remarks import AMOUNTS, READERS, chances, right
from glassworks.reader.figures.measured import Measured

TEXTS = {
    text: text for text in (
        "the story is not really dull", "the plot is silly, but the music is lovely",
        "the music is lovely, but the plot is silly", "not bad at all",
        "the film is not clever, but the cast is funny",
    )
}  # fmt: skip
SHORT = dict(zip(READERS, ("counts", "LSTMs", "Transformer")))
HEAD = {"plain": "said plainly", "not": 'with "not"', "but": 'with "but"'}


class WhoReadsNot(Measured):
    title = "Where the order decides"
    says = (
        'Pairs of words catch some of it and not "not really dull". With 200 remarks both networks follow '
        "nearly all, since these remarks come from a kit with few rules; with 50 no one does."
    )
    controls = (
        Choose("count", "remarks to learn from", {f"{n:,}": n for n in AMOUNTS}, value="200"),
        Choose("text", "one remark", TEXTS),
    )

    def runs(self, count: int, **_: Any) -> Sequence[tuple[str, int]]:
        return [(kind, count) for kind in READERS]

    def measure(self, run: tuple[str, int]) -> dict[str, float]:
        return right(*run)

    def show(self, known: Mapping, count: int, text: str, **_: Any) -> str:
        readers = [kind for kind, _ in known]
        rows = [[name, *(f"{shares[sort]:.0%}" for shares in known.values())] for sort, name in HEAD.items()]
        said = (float(chances(kind, [text], count)[0]) for kind in readers)
        rows.append(["the one remark", *(f"{chance:.2f}" for chance in said)])
        head = ["right answers", *(SHORT[kind] for kind in readers)]
        told = f"600 other remarks of the same kit. Last line: “{text}”, probability of positive."
        return table(head, rows) + note(told)
