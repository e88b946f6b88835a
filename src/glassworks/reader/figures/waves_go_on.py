"""Sine and cosine positions for a larger grid: count on, or squeeze the new places into the old range.

Nothing is stretched, because nothing was learned: the waves are computed for as many places as there are. But
the network was trained with the places 0 to 13 alone, one apart. Counted on, places come that it never saw;
squeezed, all lie in the range that it knows, nearer to each other than it ever saw.
The first thing to change: `PLACES`.
"""

from typing import Any

import torch
from torch import Tensor

from glassworks.blocks.positions import BASE
from glassworks.reader.draw import line_chart, table
from glassworks.reader.figure import Choose, Figure, Slider

PLACES, DIMENSION = 14, 768
QUARTER = DIMENSION // 4
WAYS = {"count on: 0, 1, 2, …": False, "squeeze into the old range": True}


def frequency(number: int) -> float:
    """Radians a place of a wave, 1 for the fastest (number 0), nearly 1 / BASE for the slowest."""
    return BASE ** -(number / QUARTER)


def new_places(count: int, squeezed: bool) -> Tensor:
    """Where `count` places lie: one apart, or within the edges of the old grid."""
    at = torch.arange(count).double()
    return (at + 0.5) * PLACES / count - 0.5 if squeezed else at


class WavesGoOn(Figure):
    title = "Waves for places that were never seen"
    says = (
        "Counted on, the waves go on beyond the places of the training. Squeezed, they stay in the range "
        "that was trained, but neighbours differ less. Either way the network gets vectors that it never "
        "met."
    )
    controls = (
        Slider("count", "places along a side now", 7, 32, step=1, value=24),
        Choose("squeezed", "the new places", WAYS),
        Slider("number", "which wave, 0 is the fastest", 0, QUARTER - 1, step=1, value=40),
    )

    def draw(self, count: int, squeezed: bool, number: int, **_: Any) -> str:
        rate, at = frequency(number), new_places(count, squeezed)
        fine = torch.linspace(-0.5, max(PLACES, count) - 0.5, 150, dtype=torch.float64)
        old = torch.arange(PLACES).double()
        chart = line_chart(
            {"the wave": _pairs(fine, rate)},
            points={"places now": _pairs(at, rate), "trained places": _pairs(old, rate)},
            across="place", up="sine", y=(-1.15, 1.15), marks=[(PLACES - 0.5, "never trained")],
            width=420, height=240,
        )  # fmt: skip
        beyond = int((at > PLACES - 0.5).sum())
        apart = float(at[1] - at[0])
        rows = [
            ["places beyond the edge of the trained ones", str(beyond)],
            ["distance between neighbours (trained: 1)", f"{apart:.3g}"],
            ["the middle of the picture (trained: 6.5)", f"{float(at.mean()):.3g}"],
            ["places until this wave repeats", f"{torch.pi * 2 / rate:,.1f}"],
        ]
        return chart + table(["", "now"], rows)


def _pairs(at: Tensor, rate: float) -> list[tuple[float, float]]:
    return list(zip(at.tolist(), (at * rate).sin().tolist()))
