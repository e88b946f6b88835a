"""Two tokens of a window and the one entry of the table that tells a head how it likes their offset.

What counts is how many rows and columns the second token is away from the first, not where they stand. So
pairs with the same offset share an entry. The index is that of the model's own `offsets`.
The first thing to change: the sides that can be chosen.
"""

from functools import cache
from typing import Any

import numpy as np

from glassworks.blocks.positions import offsets
from glassworks.reader.draw import columns, equation, heading, note
from glassworks.reader.figure import Choose, Figure, Slider
from glassworks.reader.figures.token_grid import cells, drawing, ruled

SIDES, WIDE = (7, 4, 12), 252  # pixels of a grid


@cache
def table_of(side: int) -> np.ndarray:
    """The entry of each pair, int (tokens, tokens)."""
    return offsets((side, side)).numpy()


class OffsetOfPair(Figure):
    title = "Two tokens, one entry"
    says = (
        "In a window of 7 × 7 there are 2,401 pairs of tokens, but only 13 × 13 = 169 offsets. All pairs "
        "with the same offset share one learned number for each head."
    )
    controls = (
        Slider("row", "token that asks: row", 0, max(SIDES) - 1, step=1, value=1),
        Slider("column", "token that asks: column", 0, max(SIDES) - 1, step=1, value=2),
        Slider("row2", "token that is looked at: row", 0, max(SIDES) - 1, step=1, value=4),
        Slider("column2", "token that is looked at: column", 0, max(SIDES) - 1, step=1, value=5),
        Choose("side", "window", {f"{side} × {side}": side for side in SIDES}),
    )

    def draw(self, row: int, column: int, row2: int, column2: int, side: int, **_: Any) -> str:
        asks, seen = (
            (min(row, side - 1), min(column, side - 1)),
            (min(row2, side - 1), min(column2, side - 1)),
        )
        first, second = (place[0] * side + place[1] for place in (asks, seen))
        entry = int(table_of(side)[first, second])
        pairs = table_of(side) == entry
        long = 2 * side - 1
        down, right = asks[0] - seen[0], asks[1] - seen[1]
        lines = (
            f"rows apart     {asks[0]} - {seen[0]} = {down:+d}",
            f"columns apart  {asks[1]} - {seen[1]} = {right:+d}",
            f"entry          ({down:+d} + {side - 1}) × {long} + ({right:+d} + {side - 1}) = {entry}",
        )
        told = (
            f"{long} × {long} = {long**2} entries a head, numbered from 0 to {long**2 - 1}. This one serves "
            f"{int(pairs.sum())} of the {side**4:,} pairs: the dots mark where they begin."
        )
        return columns(
            heading("the window") + _window(side, asks, seen, pairs),
            heading("the table of a head") + _table(side, entry),
        ) + equation(*lines) + note(told)  # fmt: skip


def _window(side: int, asks: tuple[int, int], seen: tuple[int, int], pairs: np.ndarray) -> str:
    """The window, both tokens, an arrow, and dots where other pairs with this offset begin."""
    one, two = np.zeros((side, side), bool), np.zeros((side, side), bool)
    one[asks], two[seen] = True, True
    size, cell = WIDE, WIDE / side
    parts = cells(one, cell, "fill:var(--warn)") + cells(two & ~one, cell, "fill:var(--accent)")
    parts += ruled(side, side, 1, cell, style="stroke:var(--line);fill:none")
    parts += f'<path d="M0 0H{size}V{size}H0z" style="stroke:var(--soft);fill:none"/>'
    for place in np.flatnonzero(pairs.any(1)):
        x, y = (place % side + 0.5) * cell, (place // side + 0.5) * cell
        parts += f'<circle cx="{x:g}" cy="{y:g}" r="3.5" style="fill:var(--ink)"/>'
    ends = [((column + 0.5) * cell, (row + 0.5) * cell) for row, column in (asks, seen)]
    (x1, y1), (x2, y2) = ends
    parts += f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}" style="stroke:var(--ink);stroke-width:2"/>'
    return drawing(parts, size, size, f"token {asks} asks, token {seen} is looked at")


def _table(side: int, entry: int) -> str:
    long = 2 * side - 1
    size, cell = WIDE, WIDE / long
    marked = np.zeros((long, long), bool)
    marked[entry // long, entry % long] = True
    same = np.zeros_like(marked)
    same[side - 1, side - 1] = True  # a token and itself
    parts = cells(same & ~marked, cell, "fill:var(--line)") + cells(marked, cell, "fill:var(--accent)")
    parts += ruled(long, long, 1, cell, style="stroke:var(--line);fill:none")
    parts += f'<path d="M0 0H{size}V{size}H0z" style="stroke:var(--soft);fill:none"/>'
    return drawing(parts, size, size, f"a table of {long} x {long} entries; entry {entry} is marked")
