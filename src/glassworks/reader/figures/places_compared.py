"""One place compared with all others: what sine and cosine positions say about near and far.

The product of two vectors of waves depends on how far apart the places are, and on nothing else. In two
dimensions half of the numbers tell the column and half the row; with one running number the patch below is 14
places away, and the end of a row lies beside the beginning of the next.
First thing to change: `GRID`.
"""

import numpy as np

from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure, Slider

GRID = 14
DIMENSIONS = {"16": 16, "64": 64, "192": 192, "768": 768}
KINDS = {"column and row (2-D)": True, "the running number (1-D)": False}
CELL, MARGIN = 20, 2


def waves(places: np.ndarray, numbers: int, base: float) -> np.ndarray:
    """Sines, then cosines, of a place: (places,) -> (places, numbers)."""
    half = numbers // 2
    angles = places[:, None] * base ** -(np.arange(half) / half)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def table_of(dimension: int, base: float, flat: bool) -> np.ndarray:
    """Positions of all places, (196, dimension), row by row; `flat` is the two-dimensional kind.

    With base 10,000 it equals `blocks.positions.sine_cosine`.
    """
    running = np.arange(GRID * GRID, dtype=float)
    if not flat:
        return waves(running, dimension, base)
    halves = [waves(places, dimension // 2, base) for places in (running % GRID, running // GRID)]
    return np.concatenate(halves, axis=1)  # columns first


def likeness(row: int, column: int, dimension: int, base: float, flat: bool) -> np.ndarray:
    """Cosine similarity of one place with all, (14, 14): 1 for itself."""
    table = table_of(dimension, base, flat)
    return (table @ table[row * GRID + column] / (dimension / 2)).reshape(GRID, GRID)


class PlacesCompared(Figure):
    title = "How alike are two places?"
    says = (
        "With waves of column and row, the places most like a given one are its neighbours, and those in "
        "its own row and column. With a running number the patch below is as far away as fourteen to the "
        "side."
    )
    controls = (
        Slider("row", "row", 0, GRID - 1, step=1, value=5),
        Slider("column", "column", 0, GRID - 1, step=1, value=9),
        Choose("flat", "waves of", KINDS),
        Choose("dimension", "numbers a place", DIMENSIONS, "768"),
        Slider("power", "base is 10 to the power of", 0.5, 5, step=0.5, value=4),
    )

    def draw(self, row: int, column: int, flat: bool, dimension: int, power: float) -> str:
        like = likeness(row, column, dimension, 10**power, flat)
        along = [(place - column, like[row, place]) for place in range(GRID)]
        down = [(place - row, like[place, column]) for place in range(GRID)]
        chart = draw.line_chart(
            {"along its row": along, "along its column": down}, across="patches away", up="likeness",
            y=(min(-0.2, float(like.min())), 1), width=360, height=260,
        )  # fmt: skip
        order = np.argsort(-like, axis=None, kind="stable")
        nearest = [divmod(int(place), GRID) for place in order if int(place) != row * GRID + column][:4]
        places = ", ".join(f"({r}, {c})" for r, c in nearest)
        told = (
            f"Most like row {row}, column {column}: {places}. The lowest likeness is {like.min():.2f}. The "
            f"slowest wave takes {_longest(dimension, 10**power, flat):,.0f} patches for one turn."
        )
        return draw.columns(_heat(like, row, column), chart) + draw.note(told)


def _longest(dimension: int, base: float, flat: bool) -> float:
    waves_in_all = dimension // (4 if flat else 2)
    return 2 * np.pi * base ** ((waves_in_all - 1) / waves_in_all)


def _heat(like: np.ndarray, row: int, column: int) -> str:
    """A square for each place: full where it is most alike, empty where it is least."""
    side = GRID * CELL + 2 * MARGIN
    low = float(like.min())
    cells = [
        f'<rect x="{MARGIN + c * CELL}" y="{MARGIN + r * CELL}" width="{CELL - 1}" height="{CELL - 1}" '
        f'style="fill:var(--accent);fill-opacity:{0.04 + 0.96 * (value - low) / (1 - low):.2f}"/>'
        for (r, c), value in np.ndenumerate(like)
    ]
    frame = (
        f'<rect x="{MARGIN + column * CELL - 1}" y="{MARGIN + row * CELL - 1}" width="{CELL + 1}" '
        f'height="{CELL + 1}" style="fill:none;stroke:var(--ink);stroke-width:2"/>'
    )
    told = f"likeness of row {row}, column {column} with all places: 1 at itself, {like.min():.2f} at least"
    size = f'viewBox="0 0 {side} {side}" width="{side}"'
    return (
        f'<figure><svg class="chart" {size} role="img" aria-label="{told}">'
        f"{''.join(cells)}{frame}</svg>"
        f"<figcaption>{GRID} × {GRID} places: full is 1, empty is {low:.2f}</figcaption></figure>"
    )
