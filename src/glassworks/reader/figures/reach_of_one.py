"""How far one token reaches: which tokens know of it after each block, with windows in place and moved.

A token is known to another as soon as there is a chain of blocks in each of which the two links share a
window. The map has 28 x 28 tokens in windows of 7 x 7, as the second stage of Swin-T at 224 pixels. Which
tokens share a window is asked of the model's own `Windows`, with its mask.
The first thing to change: `TOKENS`.
"""

from functools import lru_cache
from typing import Any

import numpy as np
import torch

from glassworks.models.vision.swin import Windows
from glassworks.reader.draw import columns, note, table
from glassworks.reader.figure import Figure, Slider, Steps, Toggle
from glassworks.reader.figures.token_grid import cells, drawing, ruled

TOKENS, SIDE, BLOCKS, CELL = 28, 7, 6, 12
SHADES = (95, 66, 46, 31, 20, 12)  # per cent of colour for tokens that are reached in block 1, 2, …


@lru_cache(maxsize=8)
def neighbours(rows: int, columns_: int, side: int, shifted: bool) -> np.ndarray:
    """Who sees whom in one block, bool (tokens, tokens)."""
    windows = Windows(rows, columns_, side, shifted)
    numbers = torch.arange(1, rows * columns_ + 1).reshape(1, rows, columns_, 1)  # 0 is what fills up
    placed = windows.cut(windows.placed(numbers), heads=1)[..., 0].reshape(windows.count, -1)
    seen = np.zeros((rows * columns_ + 1,) * 2, bool)
    for tokens, mask in zip(placed.numpy(), windows.mask().numpy(), strict=True):
        seen[np.ix_(tokens, tokens)] |= mask == 0
    return seen[1:, 1:]


@lru_cache(maxsize=256)
def reached(
    row: int, column: int, blocks: int, moved: bool, tokens: int = TOKENS, side: int = SIDE
) -> np.ndarray:
    """After which block each token knows of this one, int (tokens, tokens); 0 itself, -1 not yet."""
    found = np.full(tokens * tokens, -1)
    found[row * tokens + column] = 0
    for block in range(1, blocks + 1):
        seen = neighbours(tokens, tokens, side, moved and block % 2 == 0)
        now = seen[:, found >= 0].any(1) & (found < 0)
        found[now] = block
    return found.reshape(tokens, tokens)


class ReachOfOne(Figure):
    title = "Who knows of this token?"
    says = (
        "Windows that stay in place keep a token among 49 for ever. When every second block moves them by "
        "3, it is known to 14 × 14 tokens after two blocks and, from here, to the whole map of 28 × 28 "
        "after five."
    )
    controls = (
        Steps("blocks", "blocks", 0, BLOCKS, value=2),
        Toggle("moved", "windows move in every second block", value=True),
        Slider("row", "token: row", 0, TOKENS - 1, step=1, value=9),
        Slider("column", "token: column", 0, TOKENS - 1, step=1, value=9),
    )

    def draw(self, blocks: int, moved: bool, row: int, column: int, **_: Any) -> str:
        found, size = reached(row, column, blocks, moved), TOKENS * CELL
        parts = []
        for block in range(1, blocks + 1):
            colour = f"fill:color-mix(in srgb, var(--accent) {SHADES[block - 1]}%, transparent)"
            parts.append(cells(found == block, CELL, colour))
        parts.append(cells(found == 0, CELL, "fill:var(--warn)"))
        away = SIDE // 2 if moved and blocks and blocks % 2 == 0 else 0
        frame = f'<path d="M0 0H{size}V{size}H0z" style="stroke:var(--soft);fill:none"/>'
        lines = ruled(TOKENS, TOKENS, SIDE, CELL, moved=away, style="stroke:var(--soft);fill:none")
        know = int((found >= 0).sum())
        told = f"{know} of {TOKENS} x {TOKENS} tokens know of token ({row}, {column}) after {blocks} blocks"
        rows = []
        for number in range(blocks + 1):
            counts = (int((reached(row, column, number, way) >= 0).sum()) for way in (True, False))
            rows.append([str(number), *(str(count) for count in counts)])
        grid = drawing("".join(parts) + frame + lines, size, size, told)
        words = (
            f"{know} of {TOKENS**2} tokens know of the marked one. The lines are the last block's windows. "
            "The darker a token, the earlier it was reached."
        )
        return columns(grid, table(["after block", "windows move", "windows stay"], rows)) + note(words)
