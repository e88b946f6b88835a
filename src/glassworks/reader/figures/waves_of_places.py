"""Positions of the Transformer of 2017: a row of sines and cosines for each place, from fast to slow.

The product of two places' rows is a sum of cosines of their distance, so it says how far apart they are and
not where. The rows are the installed function's.
The first thing to change: `PLACES`.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from glassworks.models.sequence.transformer import waves
from glassworks.reader.draw import columns, line_chart, note, number_grid, table
from glassworks.reader.figure import Choose, Figure, Slider

PLACES, NARROW, LISTED = 64, 6, 8


@lru_cache(maxsize=8)
def rows(width: int) -> np.ndarray:
    """(PLACES, width) of the installed function, not to be changed."""
    return waves(PLACES, width).double().numpy()


class WavesOfPlaces(Figure):
    title = "A row of waves for each place"
    says = (
        "Two numbers a wave, its sine and its cosine, from fast waves to slow ones. The product of two rows "
        "depends on the distance of their places alone: move the place, and the hill moves with it unchanged."
    )
    controls = (
        Slider("place", "place", 0, PLACES - 1, step=1, value=20),
        Slider("apart", "compared with the one so many places on", 0, 20, step=1, value=3),
        Choose("width", "numbers a token", {"512": 512, "64": 64, "6": 6}),
    )

    def draw(self, place: int, apart: int, width: int, **_: Any) -> str:
        every, at = rows(width), int(place)
        products = every @ every[at]
        chart = line_chart(
            {"product with this place": list(enumerate(products.tolist()))}, across="the other place",
            up="product of the rows", marks=[(at, f"place {at}")], x=(0, PLACES - 1),
            width=380, height=230,
        )  # fmt: skip
        start = min(at, PLACES - LISTED)
        title = f"{NARROW} numbers a token: places {start} to {start + LISTED - 1}, a row each"
        grid = number_grid(rows(NARROW)[start : start + LISTED], title=title, most=1.0)
        found = [
            [f"place {at} with itself", f"{products[at]:.3f}"],
            [f"any place with the one {apart} on", f"{by_distance(width, int(apart)):.3f}"],
        ]
        if at + apart < PLACES:
            found.insert(1, [f"place {at} with place {at + int(apart)}", f"{products[at + int(apart)]:.3f}"])
        told = "A row's product with itself is half the numbers a token: sine² + cosine² = 1 for each wave."
        return columns(grid, chart) + table([f"{width} numbers a token", "product"], found) + note(told)


def by_distance(width: int, apart: int) -> float:
    """Sum of the cosines of the waves at this distance: what the product must be."""
    rates = 10_000.0 ** -(np.arange(0, width, 2) / width)
    return float(np.cos(rates * apart).sum())
