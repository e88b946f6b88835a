"""To another grid and back: what of a table of positions survives, for waves from slow to fast.

Every table is a sum of waves, so what becomes of waves is what becomes of tables. What is lost
is the spread of the difference between the table that left and the one that came back, by its own spread.
The first thing to change: `GRID`.
"""

import math
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from glassworks.blocks.positions import Mode, resize_positions
from glassworks.reader.draw import line_chart, note, text
from glassworks.reader.figure import Choose, Figure, Slider, Toggle
from glassworks.reader.figures.stretched_table import MODES

GRID = 14
LEVELS = (10, 25, 60, 110, 250)  # percent: ends of the axis
WAVES = tuple(number / 2 for number in range(1, 15))  # whole waves along the 14 places, up to every second


@lru_cache(maxsize=1)
def waves() -> Tensor:
    """A table whose numbers are waves along the columns, sine and cosine, (1, GRID * GRID, 2 * waves)."""
    angles = math.tau * (torch.arange(GRID)[:, None] + 0.5) * torch.tensor(WAVES) / GRID  # (places, waves)
    row = torch.cat([angles.sin(), angles.cos()], 1)
    return row[None].expand(GRID, -1, -1).reshape(1, GRID * GRID, -1)


def back_again(table: Tensor, side: int, mode: Mode, aligned: bool = False) -> Tensor:
    """The table after a way to (side, side) and back to (GRID, GRID)."""
    here, there = (GRID, GRID), (side, side)
    away = resize_positions(table, here, there, mode=mode, align_corners=aligned)
    return resize_positions(away, there, here, mode=mode, align_corners=aligned)


def lost(table: Tensor, returned: Tensor) -> float:
    """Share of the table's spread that the way has changed: 0 for the same table."""
    return float(
        (returned - table).square().mean().sqrt()
        / (table - table.mean(1, keepdim=True)).square().mean().sqrt()
    )


def lost_by_wave(side: int, mode: Mode, aligned: bool) -> list[tuple[float, float]]:
    """(waves along the grid, percent lost)."""
    table = waves()
    returned = back_again(table, side, mode, aligned)
    count = len(WAVES)
    pairs = [[place, place + count] for place in range(count)]
    return [(wave, 100 * lost(table[:, :, pair], returned[:, :, pair])) for wave, pair in zip(WAVES, pairs)]


class ThereAndBack(Figure):
    title = "There and back: what survives"
    says = (
        "Slow waves come back nearly as they left, fast ones do not. Only where the grid stays the table "
        "comes back exactly. Resizing keeps a table approximately, and how well depends on how smooth it is."
    )
    controls = (
        Slider("side", "rows and columns of the grid on the way", 7, 28, step=1, value=24),
        Choose("mode", "how it is resized", MODES),
        Toggle("aligned", "corners aligned"),
    )

    def draw(self, side: int, mode: Mode, aligned: bool, **_: Any) -> str:
        found = lost_by_wave(side, mode, aligned)
        top = next(level for level in LEVELS if level > max(share for _, share in found))
        chart = line_chart(
            {f"{GRID} to {side} and back": found}, points={f"{GRID} to {side} and back": found},
            across=f"waves along the {GRID} places", up="lost, %",
            x=(0, GRID / 2), y=(0, top), width=420, height=250,
        )  # fmt: skip
        slow, fast = dict(found)[1.0], found[-1][1]
        told = f"One wave along the grid loses {slow:.1f} %, the fastest (up, down, up, down) {fast:.0f} %."
        exact = max(share for _, share in found) == 0
        return chart + (text("It comes back exactly, every number.", "good") if exact else note(told))
