"""What the gates of an untrained LSTM do with values far from zero.

Seven prices go through the library's own layer, moved to any level. The further from zero, the more gates
stand at their ends, where a sigmoid is flat and nothing that comes in moves the state any more. Beside it
stands what the untrained head can say at most.
The first thing to change: `PRICES`.
"""

import math
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from glassworks.core.keyed import seed_for
from glassworks.models.sequence.lstm import LSTM, LSTMCell
from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Choose, Figure, Slider

PRICES = (150.0, 151.2, 152.1, 149.8, 150.5, 153.0, 155.1)
WIDTH, END = 64, 0.01  # a gate this near to 0 or to 1 stands at its end


@lru_cache(maxsize=1)
def network() -> tuple[LSTM, nn.Linear]:
    """A layer and its head, untrained, from dice of their own; not to be changed."""
    dice = torch.Generator().manual_seed(seed_for("gates of raw values"))
    layer, head = LSTM(1, WIDTH), nn.Linear(WIDTH, 1)
    with torch.no_grad():
        for parameter in (*layer.parameters(), *head.parameters()):
            parameter.copy_((2 * torch.rand(parameter.shape, generator=dice) - 1) / math.sqrt(WIDTH))
    return layer.double(), head.double()


def at(level: float, spread: float) -> Tensor:
    """The prices with this mean and this standard deviation, (1, 7, 1)."""
    prices = torch.tensor(PRICES, dtype=torch.float64)
    return ((prices - prices.mean()) / prices.std() * spread + level)[None, :, None]


@lru_cache(maxsize=256)
@torch.no_grad()
def measured(level: float, spread: float) -> tuple[float, float]:
    """(share of the gates at their ends in the last step, how far the state moves when the last price rises
    by one standard deviation: the mean over its numbers)."""
    layer, _ = network()
    window = at(level, spread)
    raised = window.clone()
    raised[:, -1] += spread
    steps, (state, _) = layer(window)
    moved = float((layer(raised)[1][0] - state).abs().mean())
    cell = layer.cells[0]
    assert isinstance(cell, LSTMCell)
    sums = cell.from_input(window[:, -1]) + cell.from_state(steps[:, -2])
    parts = zip(cell.GATES, sums.chunk(len(cell.GATES), -1), strict=True)
    opened = torch.cat([part for name, part in parts if name != "candidate"], -1).sigmoid()
    return float(((opened < END) | (opened > 1 - END)).double().mean()), moved


def most() -> float:
    """The largest number that the untrained head can say: the state lies between -1 and 1."""
    _, head = network()
    return float(head.weight.detach().abs().sum() + head.bias.detach().abs())


class GatesOfRawValues(Figure):
    title = "Gates that see raw values"
    says = (
        "Around zero the state answers to what comes in. At the level of a price, most gates stand at their "
        "ends and the state hardly moves; and the head begins with numbers of a few units."
    )
    controls = (
        Slider("level", "mean of what comes in", 0, 300, step=10, value=150),
        Choose("spread", "its standard deviation", {"1": 1.0, "1.9, as the prices have": 1.9, "10": 10.0},
               value="1.9, as the prices have"),
    )  # fmt: skip

    def draw(self, level: float, spread: float, **_: Any) -> str:
        levels = range(0, 301, 10)
        curve = [(float(one), measured(float(one), spread)[1]) for one in levels]
        ends, moves = measured(float(level), spread)
        chart = line_chart(
            {"untrained LSTM": curve}, points={"untrained LSTM": [(level, moves)]},
            across="mean of what comes in", up="how far the state moves", logarithmic="y",
            width=400, height=230,
        )  # fmt: skip
        rows = [
            ["gates within 0.01 of 0 or 1", f"{ends:.0%}"],
            ["how far the state moves when the last price rises", f"{moves:.2g}"],
            ["the same at mean 0 and standard deviation 1", f"{measured(0.0, 1.0)[1]:.2g}"],
            ["most that the untrained head can say", f"{most():.1f}"],
            ["what it should say", f"about {level:g}"],
        ]
        return columns(chart, table(["", ""], rows)) + note(
            "The seven prices 150.0, 151.2, 152.1, 149.8, 150.5, 153.0 and 155.1, moved to this mean. The "
            "last one rises by one standard deviation; the move is the mean over the 64 numbers of the state."
        )
