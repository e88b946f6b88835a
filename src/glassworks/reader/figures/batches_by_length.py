"""Batches of texts of unequal length: how much of them is padding, shuffled and put together by length.

The order is that of the installed `SequenceBatches`: shuffled rows are cut into pools, a pool is sorted by
length and dealt out to its batches, and the batches change places.
The first thing to change: `TYPICAL`, the middle of the lengths.
"""

from functools import lru_cache

import numpy as np

from glassworks.core.keyed import generator, permutation
from glassworks.data.sequence_batches import SequenceBatches
from glassworks.reader.draw import note
from glassworks.reader.figure import Choose, Figure, Slider

TEXTS, TYPICAL, SPREAD, LONGEST = 256, 17, 0.6, 80
ORDERS = {"shuffled": False, "texts of like length together": True}
WIDTH, LINE = 380, 3


@lru_cache(maxsize=1)
def lengths() -> np.ndarray:
    """Words of each text, (TEXTS,): most are short, a few are long."""
    dice = generator("batches by length")
    return np.clip(np.exp(dice.normal(np.log(TYPICAL), SPREAD, TEXTS)).round(), 1, LONGEST).astype(int)


@lru_cache(maxsize=64)
def batches(size: int, together: bool, epoch: int) -> list[np.ndarray]:
    """The lengths in each batch of an epoch."""
    found = lengths()
    if together:
        texts = [np.ones(length, np.int64) for length in found]
        made = SequenceBatches(texts, np.zeros(len(found), np.int64), np.arange(len(found)), batch=size)
        order = made.order(epoch)
    else:
        order = permutation(len(found), "shuffled", epoch)
    return [found[order[start : start + size]] for start in range(0, len(found), size)]


def padding_share(parts: list[np.ndarray]) -> float:
    """The share of all places of all batches that holds nothing."""
    places = sum(len(part) * int(part.max()) for part in parts)
    return 1 - sum(int(part.sum()) for part in parts) / places


class BatchesByLength(Figure):
    title = "What a batch wastes"
    says = (
        "A batch is as wide as its longest text. With 16 texts in a batch more than half of all places hold "
        "nothing; put together by length, hardly any do, and the order still differs from pass to pass."
    )
    controls = (
        Choose("together", "order", ORDERS, value="shuffled"),
        Slider("size", "texts in a batch", 4, 32, step=4, value=16),
        Slider("epoch", "pass", 0, 4, step=1, value=0),
    )

    def draw(self, together: bool, size: float, epoch: float) -> str:
        size, epoch = int(size), int(epoch)
        parts = batches(size, together, epoch)
        other = padding_share(batches(size, not together, epoch))
        mine = padding_share(parts)
        names = [name for name, value in ORDERS.items() if value is not together]
        told = (
            f"Green: words; pale: padding; a line is a text, and a gap begins the next batch. "
            f"{mine:.0%} of the places are padding; {names[0]}: {other:.0%}."
        )
        return _drawn(parts, mine) + note(told)


def _drawn(parts: list[np.ndarray], share: float) -> str:
    """A thin line a text: its words, and the padding up to the longest of its batch."""
    scale, marks, y = WIDTH / LONGEST, [], 0
    for part in parts:
        widest = int(part.max()) * scale
        marks.append(
            f'<rect class="amount" opacity=".22" x="0" y="{y}" width="{widest:.1f}" '
            f'height="{LINE * len(part)}"/>'
        )
        for length in part:
            long = f'width="{length * scale:.1f}" height="{LINE - 0.6}"'
            marks.append(f'<rect class="amount" x="0" y="{y}" {long}/>')
            y += LINE
        y += 4
    label = f"{len(parts)} batches, {share:.0%} padding"
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" role="img" aria-label="{label}">'
        f"{''.join(marks)}</svg>"
    )
