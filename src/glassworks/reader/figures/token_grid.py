"""Tokens over a picture: a photograph cut to a square, some of its tokens lit, and grids of cells as SVG.

Figures about windows say which tokens see which; here they are put on the picture. A lit token keeps its
light, the others are dimmed, lines part the windows, and one token is marked.
The first thing to change: `DIMMED`, how much light is left to tokens that are not seen.
"""

import html
from functools import lru_cache

import numpy as np
from PIL import Image

from glassworks.reader.figure import Choose
from glassworks.reader.figures.photographs import available, photograph

DIMMED, LINE, MARK = 0.3, (255, 255, 255), (0, 230, 255)
EDGE = 2  # dark pixels around the marked token
FIRST = "a temple"  # where it is there


def pictures() -> Choose:
    """The control that chooses a photograph."""
    names = available()
    return Choose("name", "picture", {name: name for name in names}, value=FIRST if FIRST in names else "")


@lru_cache(maxsize=32)
def squared(name: str, side: int) -> np.ndarray:
    """The middle of a photograph as a square, uint8 (side, side, 3)."""
    pixels = photograph(name)
    short = min(pixels.shape[:2])
    top, left = ((long - short) // 2 for long in pixels.shape[:2])
    middle = Image.fromarray(pixels[top : top + short, left : left + short])
    found = np.array(middle.resize((side, side), Image.Resampling.BOX))
    found.flags.writeable = False
    return found


def lit(
    pixels: np.ndarray,
    seen: np.ndarray,
    *,
    down: list[int] | None = None,
    across: list[int] | None = None,
    token: tuple[int, int] | None = None,
) -> np.ndarray:
    """The picture with the tokens that are `seen` in full light, uint8 (height, width, 3).

    pixels: uint8 (height, width, 3), a whole number of pixels a token; seen: bool (rows, columns)
    down, across: rows and columns of tokens before which a line runs; token: (row, column) that is marked
    """
    cell = pixels.shape[0] // seen.shape[0]
    light = np.where(seen, 1.0, DIMMED).repeat(cell, 0).repeat(cell, 1)[..., None]
    found = (pixels * light).astype(np.uint8)
    for row in down or []:
        found[row * cell] = LINE
    for column in across or []:
        found[:, column * cell] = LINE
    if token is not None:
        top, left = token[0] * cell, token[1] * cell
        found[max(0, top - EDGE) : top + cell + EDGE, max(0, left - EDGE) : left + cell + EDGE] = 0
        found[top : top + cell, left : left + cell] = MARK
    return found


def cells(marked: np.ndarray, size: float, style: str) -> str:
    """One SVG path over the marked cells of a grid, bool (rows, columns); size: of a cell."""
    parts = []
    for row, line in enumerate(marked):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(np.int8), [0]])))
        for begin, end in zip(edges[::2], edges[1::2], strict=True):
            long = (end - begin) * size
            parts.append(f"M{begin * size:g} {row * size:g}h{long:g}v{size:g}h{-long:g}z")
    return f'<path d="{"".join(parts)}" style="{style}"/>' if parts else ""


def ruled(rows: int, columns: int, every: int, size: float, *, moved: int = 0, style: str = "") -> str:
    """Lines of a grid of cells, one before each `every` cells, moved down and to the right."""
    style = style or "stroke:var(--ink);stroke-width:1.5;fill:none"
    parts = [f"M0 {(row + moved) * size:g}H{columns * size:g}" for row in range(0, rows, every)]
    parts += [f"M{(column + moved) * size:g} 0V{rows * size:g}" for column in range(0, columns, every)]
    return f'<path d="{"".join(parts)}" style="{style}"/>'


def drawing(parts: str, width: float, height: float, told: str) -> str:
    """An SVG with a name for who cannot see it."""
    name = html.escape(told, quote=True)
    return (
        f'<svg class="chart" viewBox="-1 -1 {width + 2:g} {height + 2:g}" width="{width + 2:g}" role="img" '
        f'aria-label="{name}">{parts}</svg>'
    )
