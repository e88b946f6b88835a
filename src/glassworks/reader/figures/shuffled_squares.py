"""Digits with their squares in another order: nothing is lost but the neighbourhood, and that is measured.

All pictures are shuffled in one and the same way, by single squares or by whole patches of 2 x 2. What goes
lost is the likeness of neighbours: in a picture in order two squares side by side tend to have the same ink.
That is what a filter counts on, and what the squares of a patch have in common.
First thing to change: `SHOWN`.
"""

from functools import cache, lru_cache

import numpy as np

from glassworks.core.keyed import generator
from glassworks.reader import draw
from glassworks.reader.figure import Button, Choose, Figure
from glassworks.reader.figures.picture_numbers import digits

SIDE, PATCH, SHOWN = 8, 2, 8
WAYS = {"single squares": "squares", "whole patches of 2 × 2": "patches", "not at all": "order"}
TOLD = {
    "squares": "Neighbours are hardly more alike than any two squares. Filters and patches have nothing to "
    "hold on to.",
    "patches": "Inside a patch all is as it was. A ViT reads each patch as before; only its places are new.",
    "order": "Squares side by side tend to hold the same ink. This is what a filter and a patch count on.",
}


@lru_cache(maxsize=64)
def order_of(way: str, again: int) -> np.ndarray:
    """Which square of the picture stands at each of the 64 places."""
    squares = np.arange(SIDE * SIDE)
    dice = generator(again, "shuffled squares", way)
    if way == "squares":
        return dice.permutation(squares)
    if way == "order":
        return squares
    grid = SIDE // PATCH
    patches = squares.reshape(grid, PATCH, grid, PATCH).swapaxes(1, 2).reshape(-1, PATCH, PATCH)
    moved = dice.permutation(patches)
    return moved.reshape(grid, grid, PATCH, PATCH).swapaxes(1, 2).reshape(-1)


@cache
def alike() -> np.ndarray:
    """Correlation of the ink of every two squares over all digits, (64, 64); 0 where one is always empty."""
    ink = digits()[0].reshape(-1, SIDE * SIDE).astype(float)
    apart = ink - ink.mean(0)
    spread = np.sqrt((apart**2).mean(0))
    return (apart.T @ apart / len(ink)) / np.maximum(np.outer(spread, spread), 1e-9)


@cache
def pairs() -> tuple[np.ndarray, np.ndarray]:
    """Places that lie side by side or one above the other, and places within one patch, (pairs, 2)."""
    places = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    beside = np.stack([places[:, :-1].ravel(), places[:, 1:].ravel()], 1)
    below = np.stack([places[:-1].ravel(), places[1:].ravel()], 1)
    both = np.concatenate([beside, below])
    patch = (places // SIDE // PATCH * SIDE + places % SIDE // PATCH).ravel()  # a number for each patch
    inside = patch[both[:, 0]] == patch[both[:, 1]]
    return both, both[inside]


def likeness(order: np.ndarray) -> tuple[float, float, float]:
    """Mean correlation of neighbours, of neighbours within a patch, and of any two squares, in this order."""
    moved = alike()[np.ix_(order, order)]
    several = [float(moved[pair[:, 0], pair[:, 1]].mean()) for pair in pairs()]
    others = ~np.eye(SIDE * SIDE, dtype=bool)
    return several[0], several[1], float(moved[others].mean())


class ShuffledSquares(Figure):
    title = "The same digits, shuffled in one way"
    says = (
        "When all pictures are shuffled in one and the same way, they hold as much as before. Only one thing "
        "is gone: that neighbours are alike."
    )
    controls = (
        Choose("way", "what is shuffled", WAYS),
        Button("again", "another order"),
    )

    def draw(self, way: str, again: int) -> str:
        order = order_of(way, again)
        inks, targets = digits()
        shown = []
        for number in range(SHOWN):
            moved = inks[number].ravel()[order].reshape(SIDE, SIDE)
            paper = 255 - np.minimum(moved, 15) * 17
            shown.append((paper.astype(np.uint8), f"a {targets[number]}"))
        near, inside, any_two = likeness(order)
        facts = draw.table(
            ["how alike the ink of two squares is", "correlation"],
            [
                ["side by side, or one above the other", f"{near:.2f}"],
                ["the same, within a patch of 2 × 2", f"{inside:.2f}"],
                ["any two squares", f"{any_two:.2f}"],
            ],
        )
        return draw.pictures(shown, width=72) + facts + draw.text(TOLD[way])
