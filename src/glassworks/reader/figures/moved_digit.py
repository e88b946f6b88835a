"""A digit moves by pixels, and four networks that learned it in the middle say what it is.

They are those of the lab `shift-tolerance`, trained more briefly: the first look takes some seconds. What the
chart shows for one digit, the lab counts for 500 of them and six seeds.
The first thing to change: `STEPS`, how long they learn.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from glassworks.labs import shift_tolerance as lab
from glassworks.reader.draw import columns, line_chart, note, picture, table
from glassworks.reader.figure import Slider
from glassworks.reader.figures.measured import Measured

STEPS, SHOWN = 120, 20  # steps of 32 digits; test digits to choose from
ARMS = {arm.name: arm for arm in lab.ARMS if arm.head == "places" and arm.down != "mean"}
MOVES = tuple(range(-lab.FURTHEST, lab.FURTHEST + 1))


@lru_cache(maxsize=8)
def asked(name: str) -> Tensor:
    """Shares of the ten classes for each test digit at each move, (SHOWN, moves, 10)."""
    model, digits = lab.trained(ARMS[name], 0, STEPS), lab.parts(0)[1].pictures[:SHOWN]
    with torch.no_grad():
        return torch.stack([model(lab.moved(digits, 0, right)).softmax(1) for right in MOVES], 1)


class MovedDigit(Measured):
    title = "The same digit, some pixels to the side"
    says = (
        "All networks learned digits in the middle. Moved by a pixel most answers stay, moved by three "
        "most change, with pooling as well. The one that saw moved digits while it learned minds least."
    )
    controls = (
        Slider("right", "moved to the right by", -lab.FURTHEST, lab.FURTHEST, step=1, value=2, unit="px"),
        Slider("number", "test digit", 0, SHOWN - 1, step=1, value=4),
    )

    def runs(self, **_: Any) -> tuple[str, ...]:
        return tuple(ARMS)

    def measure(self, run: str) -> Tensor:
        return asked(run)

    def show(self, known: Mapping[str, Tensor], right: int, number: int) -> str:
        test = lab.parts(0)[1]
        truth = int(test.targets[number])
        ink = lab.moved(test.pictures[number : number + 1], 0, right)[0, 0]
        share = (ink - ink.min()) / (ink.max() - ink.min())
        seen = picture(
            (255 - 255 * share).to(torch.uint8).numpy(), f"a {truth}, moved by {right} px", width=150
        )
        if not known:
            return seen
        curves = {
            name: [(float(move), float(found[number, place, truth])) for place, move in enumerate(MOVES)]
            for name, found in known.items()
        }
        chart = line_chart(
            curves, across="pixels to the right", up=f'share of "{truth}"', y=(0, 1), marks=[(right, "")],
            width=430, height=280,
        )  # fmt: skip
        place = MOVES.index(right)
        rows = [_row(name, found[number, place], truth) for name, found in known.items()]
        told = f"Learned for {STEPS} steps. One digit, one start; the lab below has the count."
        return columns(seen, chart) + table(["halved by", "says", "sure to"], rows) + note(told)


def _row(name: str, shares: Tensor, truth: int) -> list:
    said = int(shares.argmax())
    return [name, (str(said), "good" if said == truth else "bad"), f"{float(shares[said]):.0%}"]
