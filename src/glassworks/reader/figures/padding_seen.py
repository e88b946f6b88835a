"""Three real numbers and some padding: what each way to sum them up makes of what is not there.

The recurrent layer is the installed one, with a reader in each direction and weights set by hand so that what
it holds can be followed. Told the lengths, it gives the same answer with any padding.
The first thing to change: `REAL`.
"""

from functools import lru_cache

import torch
from torch import Tensor

from glassworks.blocks.recurrent import last
from glassworks.models.sequence.rnn import RNN
from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Figure, Slider, Toggle

REAL = (-1.0, -3.0, -2.0)
MOST = 17
INPUT, STATE, SHIFT = 0.4, 0.9, 0.1  # of both readers: tanh(INPUT x + STATE h + SHIFT)


@lru_cache(maxsize=1)
def layer() -> RNN:
    """A state of one number a direction."""
    made = RNN(1, 1, bidirectional=True)
    with torch.no_grad():
        for cell in (*made.cells, *made.back_cells):
            cell.from_input.weight.fill_(INPUT)
            cell.from_state.weight.fill_(STATE)
            cell.from_input.bias.fill_(SHIFT)
            cell.from_state.bias.zero_()
    return made


@torch.no_grad()
def answers(padding: int, told: bool) -> dict[str, float]:
    """What each way makes of the three numbers and so much padding; told: the lengths are used."""
    steps = torch.tensor(REAL + (0.0,) * padding)[None, :, None]  # (1, time, 1)
    lengths = torch.tensor([len(REAL)]) if told else None
    real = steps[:, : len(REAL)] if told else steps
    outputs = layer()(steps, lengths)[0]  # (1, time, 2)
    return {
        "mean": float(real.mean()),
        "largest": float(real.max()),
        "reader from the start, where it ends": float(last(outputs, lengths)[0, 0]),
        "reader from the end, where it ends": float(outputs[0, 0, 1]),
    }


@torch.no_grad()
def states(padding: int) -> Tensor:
    """The state of the reader from the start after each step, padding read: (time,)."""
    return layer()(torch.tensor(REAL + (0.0,) * padding)[None, :, None])[0][0, :, 0]


class PaddingSeen(Figure):
    title = "Zeros that nobody said"
    says = (
        "Zeros that fill a text up are read like words, unless the network is told the lengths: the mean "
        "shrinks, the largest value becomes 0, and both recurrent readers answer something else."
    )
    controls = (
        Slider("padding", "steps of padding", 0, MOST, step=1, value=9),
        Toggle("told", "the lengths are told"),
    )

    def draw(self, padding: float, told: bool) -> str:
        padding = int(padding)
        plain, found = answers(0, False), answers(padding, told)
        rows = [
            [name, f"{plain[name]:.3f}", (f"{value:.3f}", _tone(value, plain[name]))]
            for name, value in found.items()
        ]
        head = ["the numbers -1, -3, -2", "alone", f"with {padding} steps of padding"]
        points = [(place, float(state)) for place, state in enumerate(states(padding), 1)]
        chart = line_chart(
            {"state": points}, points={"state": points[: len(REAL)]}, across="step", x=(1, 3 + MOST),
            up="state, reading from the start", y=(-1, 1), marks=[(len(REAL), "last real step")],
            width=360, height=220,
        )  # fmt: skip
        words = (
            "Told the lengths, the layer stops at the last real step, and the reader from the end begins "
            "there."
            if told
            else "Read on, the state drifts over padding to where zeros alone would lead it."
        )
        return columns(table(head, rows), chart) + note(words)


def _tone(value: float, wanted: float) -> str:
    return "good" if abs(value - wanted) < 1e-6 else "bad"
