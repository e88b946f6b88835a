"""The turned map: how moved windows are computed without uneven windows, and why that needs a mask.

14 x 14 tokens of a photograph in windows of 7 x 7, moved by 3. Instead of cutting uneven pieces at the edges,
the map is turned: its first rows and columns go to the other end, and whole windows are cut as always. In the
windows at the seam lie tokens that are far apart in the picture. The mask, 49 x 49, keeps them apart.
The first thing to change: `CELL`, pixels a token is drawn with.
"""

from functools import cache
from typing import Any

import numpy as np
import torch

from glassworks.models.vision.swin import Windows
from glassworks.reader.draw import columns, heading, note, picture
from glassworks.reader.figure import Choose, Figure, Slider, Toggle
from glassworks.reader.figures.token_grid import cells, drawing, lit, pictures, squared

TOKENS, SIDE, CELL, DOT = 14, 7, 20, 5
WINDOWS = Windows(TOKENS, TOKENS, SIDE, shifted=True)
PLACES = {"upper left: inside": 0, "upper right": 1, "lower left": 2, "lower right: the corner": 3}


@cache
def homes() -> np.ndarray:
    """Which token of the picture stands at each place of each window, int (windows, tokens)."""
    numbers = torch.arange(TOKENS**2).reshape(1, TOKENS, TOKENS, 1)
    return WINDOWS.cut(WINDOWS.placed(numbers), heads=1)[..., 0].reshape(WINDOWS.count, -1).numpy()


@cache
def allowed() -> np.ndarray:
    """Who may see whom, bool (windows, tokens, tokens)."""
    return (WINDOWS.mask() == 0).numpy()


class TurnedMap(Figure):
    title = "A turned map and its mask"
    says = (
        "In the corner window lie pieces from all four corners of the picture. The mask lets each token see "
        "its own piece alone: in this window 625 of the 2,401 pairs. Without it, sky and ground would look "
        "at each other."
    )
    controls = (
        Choose("window", "window of the turned map", PLACES, value="lower right: the corner"),
        Slider("token", "token of the window", 0, SIDE**2 - 1, step=1, value=8),
        Toggle("masked", "with the mask", value=True),
        pictures(),
    )

    def draw(self, window: int, token: int, masked: bool, name: str, **_: Any) -> str:
        pixels = squared(name, TOKENS * CELL)
        sees = allowed()[window, token] if masked else np.ones(SIDE**2, bool)
        at_home = np.zeros(TOKENS**2, bool)
        at_home[homes()[window][sees]] = True
        top, left = window // 2 * SIDE, window % 2 * SIDE
        turned = np.zeros((TOKENS, TOKENS), bool)
        turned[top : top + SIDE, left : left + SIDE] = sees.reshape(SIDE, SIDE)
        away = -WINDOWS.shift[0] * CELL
        place = (top + token // SIDE, left + token % SIDE)
        home = divmod(int(homes()[window][token]), TOKENS)
        middle = [0, SIDE]
        rolled = lit(np.roll(pixels, (away, away), (0, 1)), turned, down=middle, across=middle, token=place)
        plain = lit(pixels, at_home.reshape(TOKENS, TOKENS), down=[3, 10], across=[3, 10], token=home)
        size = TOKENS * CELL
        count = int(sees.sum())
        return columns(
            heading("turned, cut into whole windows") + picture(
                rolled, f"turned: token {token} of the window stands at {place} and sees {count}", width=size
            ),
            heading("where these tokens belong") + picture(
                plain, f"the picture: the token belongs to {home}; lines part the moved windows", width=size
            ),
            heading("the mask of this window") + _mask(window, token, masked),
        ) + note(_told(window, count, masked))  # fmt: skip


def _mask(window: int, token: int, masked: bool) -> str:
    """Who sees whom, 49 x 49: rows ask, columns are looked at."""
    pairs = allowed()[window] if masked else np.ones((SIDE**2,) * 2, bool)
    size = SIDE**2 * DOT
    row = np.zeros_like(pairs)
    row[token] = pairs[token]
    parts = cells(pairs, DOT, "fill:color-mix(in srgb, var(--accent) 35%, transparent)")
    parts += cells(row, DOT, "fill:var(--warn)")
    parts += f'<path d="M0 0H{size}V{size}H0z" style="stroke:var(--soft);fill:none"/>'
    told = f"{SIDE**2} x {SIDE**2} pairs of tokens, {int(pairs.sum())} of them may look at each other"
    return drawing(parts, size, size, told) + note(f"{told}. Rows ask; row {token} is marked.")


def _told(window: int, count: int, masked: bool) -> str:
    pieces = len({tuple(row) for row in allowed()[window].tolist()})
    if pieces == 1:
        return "This window holds one piece of the picture: all its tokens are neighbours."
    if masked:
        return f"This window holds {pieces} pieces. The token sees the {count} of its own piece."
    return (
        f"This window holds {pieces} pieces. Without the mask the token sees all {count}, also those of the "
        "opposite edge of the picture. Nothing fails and nothing warns."
    )
