"""A table of positions as a picture: one of its numbers, for all places, before and after it is resized.

Each number of a position is a picture of its own, as large as the grid. Resizing the table is resizing these
pictures, with the very function that the workbench uses.
The first thing to change: `TABLES`, one small picture each.
"""

import math
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from glassworks.blocks.positions import Mode, resize_positions
from glassworks.core.keyed import generator
from glassworks.reader.draw import columns, note, picture, table
from glassworks.reader.figure import Choose, Figure, Slider, Toggle

GRID = 14
TABLES = {
    "a slow wave": "slow",
    "a fast wave": "fast",
    "one place stands out": "one",
    "no order at all": "random",
}
MODES: dict[str, Mode] = {"bicubic": "bicubic", "bilinear": "bilinear", "nearest": "nearest"}
LOW, HIGH, MIDDLE = (33, 102, 172), (178, 78, 24), (247, 247, 247)  # colours of -1, 1 and 0


@lru_cache(maxsize=4)
def numbers(kind: str) -> Tensor:
    """One number of a table for each place, (1, GRID * GRID, 1), from about -1 to 1."""
    down, right = torch.meshgrid(torch.arange(GRID).double(), torch.arange(GRID).double(), indexing="ij")
    if kind == "slow":
        grid = torch.sin(math.tau * (right + 0.5 * down) / 20)
    elif kind == "fast":
        grid = torch.sin(math.tau * right / 3) * torch.cos(math.tau * down / 8)
    elif kind == "one":
        grid = ((down == GRID // 2) & (right == GRID // 2)).double()
    else:
        drawn = generator(0, "stretched-table").normal(0, 0.45, (GRID, GRID))
        grid = torch.from_numpy(drawn).clamp(-1, 1)
    return grid.float().reshape(1, -1, 1)


def heat(values: np.ndarray) -> np.ndarray:
    """Numbers (rows, columns) as colours, uint8 (rows, columns, 3): blue below 0, white, brown above."""
    share = np.clip(np.abs(values), 0, 1)[..., None]
    ends = np.where(values[..., None] < 0, np.array(LOW), np.array(HIGH))
    return ((1 - share) * np.array(MIDDLE) + share * ends).round().astype(np.uint8)


class StretchedTable(Figure):
    title = "A table of positions, resized as a picture"
    says = (
        "One number of the position of all 196 places is a picture of 14 by 14. Resizing gives the new "
        "places numbers between those of the old: good where neighbours are alike, poor where they are not."
    )
    controls = (
        Choose("kind", "one number of the table", TABLES),
        Slider("side", "rows and columns of the new grid", 4, 32, step=1, value=24),
        Choose("mode", "how it is resized", MODES),
        Toggle("aligned", "corners aligned"),
    )

    def draw(self, kind: str, side: int, mode: Mode, aligned: bool, **_: Any) -> str:
        before = numbers(kind)
        after = resize_positions(before, (GRID, GRID), (side, side), mode=mode, align_corners=aligned)
        old, new = (t[0, :, 0].numpy() for t in (before, after))
        pictures = columns(
            picture(heat(old.reshape(GRID, GRID)), f"before: {GRID} × {GRID}", width=210),
            picture(heat(new.reshape(side, side)), f"after: {side} × {side}", width=210),
        )
        rows = [_row("before", old), _row("after", new)]
        return pictures + table(["", "places", "lowest", "highest"], rows) + note(_told(side, mode, old, new))


def _row(name: str, values: np.ndarray) -> list[str]:
    return [name, str(values.size), f"{values.min() + 0.0:.3f}", f"{values.max():.3f}"]


def _told(side: int, mode: str, old: np.ndarray, new: np.ndarray) -> str:
    """One sentence on what can be seen."""
    if side == GRID:
        return "The grid stays, so the table stays: the same numbers, bit for bit."
    if mode == "nearest":
        return "Nearest repeats or drops old numbers, and makes no new ones."
    beyond = max(float(old.min() - new.min()), float(new.max() - old.max()))
    if beyond > 5e-4:
        return (
            f"Bicubic goes beyond the old numbers, here by {beyond:.3f}: its curve runs through neighbours "
            "with swing, and swings too far at sharp edges."
        )
    return "No new number lies beyond the old ones." + (
        " Bilinear takes averages of the four nearest." if mode == "bilinear" else ""
    )
