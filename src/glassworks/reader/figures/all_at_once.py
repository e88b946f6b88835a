"""When each state of a network over tokens can be computed: a number for the round in which it is its turn.

A state may be computed when all that it needs is there. In a recurrent stack that is the state below and the
one before; in a Transformer the whole layer below, or what of it lies in the past. While writing, a token is
known only when the top of the one before has been computed, and then both wait alike.
The first thing to change: `LAYERS`.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from glassworks.reader.draw import columns, note, number_grid, table
from glassworks.reader.figure import Choose, Figure, Slider

LAYERS, LONG = 3, 1000
Cell = tuple[int, int]  # layer from 0 at the bottom, token from 0


def needed(kind: str, writing: bool, layer: int, token: int) -> list[Cell]:
    """The states that must be there before this one."""
    before: list[Cell] = []
    if layer:
        before += [(layer - 1, other) for other in ([token] if kind == "recurrent" else range(token + 1))]
    if token and kind == "recurrent":
        before.append((layer, token - 1))
    if token and writing and layer == 0:
        before.append((LAYERS - 1, token - 1))  # this token was chosen from what stood on top there
    return before


@lru_cache(maxsize=64)
def rounds(kind: str, writing: bool, tokens: int) -> np.ndarray:
    """(LAYERS, tokens): the round in which each state is computed, counted from 1."""
    turn = np.zeros((LAYERS, tokens), dtype=int)
    for token in range(tokens):
        for layer in range(LAYERS):
            turn[layer, token] = 1 + max(
                (turn[cell] for cell in needed(kind, writing, layer, token)), default=0
            )
    return turn


def waits(kind: str, writing: bool, tokens: int) -> int:
    """Rounds for so many tokens; what `rounds` counts, without the table."""
    if writing:
        return tokens * LAYERS
    return tokens + LAYERS - 1 if kind == "recurrent" else LAYERS


class AllAtOnce(Figure):
    title = "Who waits for whom"
    says = (
        "While it learns, a Transformer needs as many rounds as it has layers, however long the text; a "
        "recurrent network needs about as many as there are tokens. While writing, both wait for every token."
    )
    controls = (
        Choose("kind", "network", {"Transformer": "transformer", "recurrent": "recurrent"}),
        Choose("writing", "it is", {"learning: the answer is known": False, "writing: it is not": True}),
        Slider("tokens", "tokens", 2, 8, step=1, value=6),
    )

    def draw(self, kind: str, writing: bool, tokens: int, **_: Any) -> str:
        turn = rounds(kind, writing, int(tokens))
        title = "a row a layer, the first at the bottom; a column a token; the number is the round"
        grid = number_grid(turn[::-1], title=title, decimals=0, most=float(LAYERS * tokens))
        way = tokens - 1 if kind == "recurrent" else 1
        rows = [
            ["rounds", f"{turn.max()}"],
            [f"rounds for {LONG:,} tokens", f"{waits(kind, writing, LONG):,}"],
            ["steps from the first token to the last", f"{way}"],
        ]
        told = "What has the same number is computed at the same time, if the machine has room for it."
        return columns(grid, table(["", "here"], rows)) + note(told)
