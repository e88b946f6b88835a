"""A memory of one number, carried by a sum: what was written first, and what comes after it.

c <- f c + i g. At the first step the value is written; after it g is noise, of which the input gate lets a
part through. With f = 1 and i = 0 the memory is the same after any number of steps, and so is its gradient:
a product of ones. The plain cell beside it sees the same inputs.
The first thing to change: `STEPS`.
"""

import math
from functools import lru_cache

from glassworks.core.keyed import generator
from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Figure, Slider

STEPS, WRITTEN = 50, 0.8


@lru_cache(maxsize=1)
def noise() -> tuple[float, ...]:
    """What the candidate says at the steps after the first."""
    return tuple(generator("carried cell").uniform(-1, 1, STEPS).tolist())


def carried(forget: float, input: float) -> list[float]:
    """The memory after the writing and after each step: c <- f c + i g."""
    found = [WRITTEN]
    for candidate in noise():
        found.append(forget * found[-1] + input * candidate)
    return found


def plain(input: float) -> list[float]:
    """A plain cell with u = 1 that sees as much of the same noise: h <- tanh(h + i g)."""
    found = [WRITTEN]
    for candidate in noise():
        found.append(math.tanh(found[-1] + input * candidate))
    return found


class CarriedCell(Figure):
    title = "A memory that is carried by a sum"
    says = (
        "With the forget gate at 1 and the input gate at 0 the memory holds 0.8 through fifty steps of "
        "noise, and the gradient stays 1. A forget gate of 0.9 leaves half a per cent of both."
    )
    controls = (
        Slider("forget", "forget gate f", 0, 1, step=0.01, value=1.0),
        Slider("input", "input gate i, after the first step", 0, 1, step=0.05, value=0),
    )

    def draw(self, forget: float, input: float) -> str:
        memory, other = carried(forget, input), plain(input)
        most = max(1.0, *(abs(one) for one in memory))
        chart = line_chart(
            {
                "memory c": list(enumerate(memory)),
                "plain cell h": list(enumerate(other)),
                "0.8, as written": [(0, WRITTEN), (STEPS, WRITTEN)],
            },
            across="step", y=(-most, most), width=400, height=250,
        )  # fmt: skip
        rows = [
            ["memory at the end", f"{memory[-1]:+.4f}"],
            ["of it, what was written first", f"{WRITTEN * forget**STEPS:+.4f}"],
            ["gradient along the memory, f^50", f"{forget**STEPS:.4g}"],
            ["plain cell at the end", f"{other[-1]:+.4f}"],
        ]
        told = (
            "Nothing is written after the first step."
            if input == 0
            else "Each step writes a part of its noise. What was written first is still in the sum, among "
            "the rest."
        )
        return columns(chart, table(["", "value"], rows)) + note(told)
