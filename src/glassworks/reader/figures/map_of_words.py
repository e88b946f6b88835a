"""A map of words: the two directions in which some vectors differ most, and how much of them that keeps.

The first thing to change: `GROUPS`.
"""

import html
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from glassworks.insight.word_map import by_pca
from glassworks.judging.words import Space
from glassworks.reader.draw import note
from glassworks.reader.figure import Choose
from glassworks.reader.figures.manual_words import WIDTH, space
from glassworks.reader.figures.measured import Measured

GROUPS = {
    "errors": "try except finally raise exception",
    "texts": "string str characters unicode bytes",
    "numbers": "integer integers float floating decimal",
    "imports": "module modules import package imported",
    "classes": "class instance attribute metaclass inheritance",
    "loops": "loop break continue while for",
}
PENS = dict(zip(GROUPS, "abcdef"))
SIZE, HIGH, EDGE, LETTER = 380, 320, 14, 6.4


@lru_cache(maxsize=4)
def places(way: str) -> tuple[list[tuple[str, str]], np.ndarray, float]:
    """((word, its group) …, places (words, 2), the share of the variance that two directions keep)."""
    found = space(way)
    words = [(word, name) for name, row in GROUPS.items() for word in row.split() if word in found.numbers]
    vectors = found.vectors[[found.numbers[word] for word, _ in words]]
    flat = by_pca(vectors)
    spread = ((vectors - vectors.mean(0)) ** 2).sum()
    return words, flat, float((flat**2).sum() / spread)


class MapOfWords(Measured):
    title = "A map keeps two directions"
    says = (
        "Words of one subject lie together, though nobody named the subjects. The map shows two directions "
        "of forty-eight, and leaves out more than it keeps: what looks near here may be far apart."
    )
    controls = (Choose("way", "vectors", {"skip-gram": "skip-gram", "counts": "counts"}),)

    def runs(self, way: str, **_: Any) -> Sequence[str]:
        return [way]

    def measure(self, run: str) -> Space:
        return space(run)

    def show(self, known: Mapping, way: str, **_: Any) -> str:
        if not known:
            return note("The vectors are being made.")
        words, flat, kept = places(way)
        told = f"Two directions keep {kept:.0%} of how these {len(words)} words differ in {WIDTH} numbers."
        return _drawn(words, flat) + note(told)


def _drawn(words: list[tuple[str, str]], flat: np.ndarray) -> str:
    """Dots with their words where there is room; every dot has its name for who points at it."""
    low, high = flat.min(0), flat.max(0)
    room = np.array([SIZE, HIGH]) - 2 * EDGE
    scale = float((room / np.maximum(high - low, 1e-12)).min())  # one for both, so that distances are true
    at = np.array([SIZE, HIGH]) / 2 + (flat - (low + high) / 2) * scale
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in at]
    marks = []
    for (word, group), (x, y) in zip(words, at):
        told = html.escape(f"{word} ({group})")
        marks.append(f'<circle class="{PENS[group]}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"><title>{told}</title>')
        marks.append("</circle>")
        long = LETTER * len(word)
        beside = [(x + 6, y + 4), (x - 6 - long, y + 4), (x - long / 2, y - 7), (x - long / 2, y + 15)]
        for left, line in beside:
            box = (left, line - 9, left + long, line + 3)
            apart = all(box[2] < a or c < box[0] or box[3] < b or d < box[1] for a, b, c, d in taken)
            if box[0] >= 0 and box[2] <= SIZE and box[1] >= 0 and box[3] <= HIGH and apart:
                taken.append(box)
                style = f'class="{PENS[group]}" style="fill:var(--pen)"'
                marks.append(f'<text {style} x="{left:.1f}" y="{line:.1f}">{html.escape(word)}</text>')
                break
    label = f"a map of {len(words)} words in {len(GROUPS)} groups"
    return (
        f'<svg class="chart" viewBox="0 0 {SIZE} {HIGH}" width="{SIZE}" role="img" aria-label="{label}">'
        f"{''.join(marks)}</svg>"
    )
