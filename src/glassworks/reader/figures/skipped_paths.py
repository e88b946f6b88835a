"""DropPath drawn: which branches of which blocks each picture of a batch skips in one step of training.

The shares are those of the installed schedule: 0 at the first block, rising evenly to the last. Every picture
decides for itself, and attention and MLP of a block draw apart. In evaluation nothing is skipped.
The first thing to change: `DEPTH` or `PICTURES`.
"""

import html
from typing import Any

import numpy as np

from glassworks.blocks.drop_path import shares
from glassworks.core.keyed import generator
from glassworks.reader.draw import columns, note, table
from glassworks.reader.figure import Button, Choose, Figure, Slider

DEPTH, PICTURES, CELL = 12, 8, 13


def kept(most: float, seed: int, pictures: int = PICTURES) -> np.ndarray:
    """Which branches stay, bool (pictures, DEPTH, 2): attention and MLP of each block."""
    chance = np.array(shares(most, DEPTH))[:, None]
    return generator(seed, "skipped paths").random((pictures, DEPTH, 2)) >= chance


class SkippedPaths(Figure):
    title = "Which blocks a picture skips"
    says = (
        "While training, each picture goes a way of its own through the stack, and late blocks are skipped "
        "more often. When the model answers, every branch is taken."
    )
    controls = (
        Slider("most", "share at the last block", 0, 0.8, step=0.05, value=0.4),
        Choose("mode", "the model", {"learns": True, "answers": False}),
        Button("again", "another batch"),
    )

    def draw(self, most: float, mode: bool, again: int, **_: Any) -> str:
        ways = kept(most if mode else 0.0, again)
        chances = shares(most, DEPTH)
        counted = 1 - ways.mean(axis=(0, 2))
        rows = [
            [str(at + 1), f"{chances[at]:.1%}", f"{counted[at]:.1%}", f"{1 / (1 - chances[at]):.3f}"]
            for at in (0, 3, 6, 9, 11)
        ]
        head = ["block", "schedule", "in this batch", "factor"]
        told = (
            f"On average a picture takes {2 * (DEPTH - sum(chances)):.1f} of {2 * DEPTH} branches; in this "
            "batch "
            f"{ways.sum() / PICTURES:.1f}. A whole block is skipped with the "
            "square of its share. What stays is multiplied by the factor."
            if mode else f"All {2 * DEPTH} branches, and nothing is multiplied: no answer depends on luck."
        )  # fmt: skip
        return columns(_grid(ways), table(head, rows) if mode else "") + note(told)


def _grid(ways: np.ndarray) -> str:
    """A row a picture; two cells a block, filled where the branch is taken."""
    gap, left, top, parts = 5, 66, 34, []
    block = 2 * CELL + gap
    for number in range(DEPTH):
        x = left + number * block + CELL
        parts.append(f'<text x="{x}" y="{top - 8}" text-anchor="middle">{number + 1}</text>')
    for picture, way in enumerate(ways):
        y = top + picture * (CELL + 6)
        parts.append(f'<text x="{left - 8}" y="{y + 11}" text-anchor="end">picture {picture + 1}</text>')
        for number, pair in enumerate(way):
            for branch, stays in enumerate(pair):
                x = left + number * block + branch * CELL
                look = "fill:var(--accent)" if stays else "fill:none;stroke:var(--soft);stroke-dasharray:2 2"
                parts.append(f'<rect x="{x}" y="{y}" width="{CELL - 2}" height="{CELL - 2}" style="{look}"/>')
    wide, high = left + DEPTH * block, top + len(ways) * (CELL + 6)
    skipped = int((~ways).sum())
    told = f"{len(ways)} pictures by {DEPTH} blocks: {skipped} of {ways.size} branches are skipped"
    name = html.escape(told, quote=True)
    words = f'<text x="{left}" y="12">block: attention and MLP</text>'
    return (
        f'<div class="scroll"><svg class="chart" viewBox="0 0 {wide} {high}" width="{wide}" role="img" '
        f'aria-label="{name}">{words}{"".join(parts)}</svg></div>'
    )
