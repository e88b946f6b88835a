"""Windows over a photograph: a token looks at the tokens of its own window, and at nothing else.

The picture has 224 x 224 pixels and patches of 4, so 56 x 56 tokens, as in Swin's first stage. The side of
the windows can be changed; where it does not divide 56, the map is filled up, and the last windows reach over
its edge.
The first thing to change: `WIDTH`, numbers a token, which the costs are for.
"""

from typing import Any

import numpy as np

from glassworks.models.vision.swin import Windows, window_cost
from glassworks.reader.draw import columns, note, picture, table
from glassworks.reader.figure import Figure, Slider
from glassworks.reader.figures.token_grid import lit, pictures, squared

TOKENS, CELL, WIDTH = 56, 7, 96


class OwnWindow(Figure):
    title = "A token and its window"
    says = (
        "56 × 56 tokens of a photograph in windows of 7 × 7: the marked token sees 49 tokens instead of "
        "3,136, and the maps cost 64 times less."
    )
    controls = (
        Slider("side", "tokens on a side of a window", 2, 28, step=1, value=7),
        Slider("row", "token: row", 0, TOKENS - 1, step=1, value=24),
        Slider("column", "token: column", 0, TOKENS - 1, step=1, value=30),
        pictures(),
    )

    def draw(self, side: int, row: int, column: int, name: str, **_: Any) -> str:
        windows = Windows(TOKENS, TOKENS, side)
        seen = np.zeros((TOKENS, TOKENS), bool)
        top, left = row // side * side, column // side * side
        seen[top : top + side, left : left + side] = True
        lines = list(range(0, TOKENS, side))
        shown = lit(squared(name, TOKENS * CELL), seen, down=lines, across=lines, token=(row, column))
        told = (
            f"windows of {side} x {side} tokens over {name}; token ({row}, {column}) sees {int(seen.sum())}"
        )
        everywhere, here = window_cost(TOKENS, TOKENS, WIDTH, 0), window_cost(TOKENS, TOKENS, WIDTH, side)
        down, across = windows.padded
        rows = [
            ["tokens that this one sees", f"{int(seen.sum())}", f"{TOKENS**2:,}"],
            ["windows", f"{windows.count}", "1"],
            ["multiply-adds of the maps, million", f"{here / 1e6:,.1f}", f"{everywhere / 1e6:,.1f}"],
            ["times less", f"{everywhere / here:.1f}", "1.0"],
        ]
        filled = (
            f"{side} divides {TOKENS}: nothing is filled up."
            if down == TOKENS
            else f"{side} does not divide {TOKENS}: the map is filled up with zeros to {down} × {across}, "
            "and the last windows hang over its edge."
        )
        return columns(
            picture(shown, told, width=TOKENS * CELL),
            table(["one block", "in windows", "all with all"], rows) + note(filled),
        )
