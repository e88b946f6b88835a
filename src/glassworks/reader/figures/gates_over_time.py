"""Cells that have learned to keep a number until the next one is called, and their gates while they do it.

At each step a random number comes in, with a mark that says whether it counts. Asked at every step is the
last number that counted. With one number of memory a gated cell can do that: open and write where there is a
mark, otherwise keep. A plain cell of one number cannot.
The first thing to change: `STEPS`, how long they learn.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from glassworks.core.keyed import seed_for
from glassworks.insight.recurrent import readings
from glassworks.labs.small_recurrent import LAYERS
from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Choose, Slider
from glassworks.reader.figures.measured import Measured

LENGTH, BATCH, STEPS, RATE, CALLED, JUDGED = 20, 64, 300, 0.05, 0.15, 500
GATES = {"LSTM": ("forget", "input", "output"), "GRU": ("update", "reset"), "RNN": ()}
CELLS = {"LSTM": "LSTM", "GRU": "GRU", "plain": "RNN"}


class Learned(NamedTuple):
    """error: mean square on fresh rows; asked, said: (LENGTH,) of one row; gates by name; marks: places."""

    error: float
    asked: list[float]
    said: list[float]
    gates: dict[str, list[float]]
    marks: list[int]


def rows(size: int, dice: torch.Generator) -> tuple[Tensor, Tensor]:
    """Steps (size, LENGTH, 2): mark and number; and the last number that was marked, (size, LENGTH)."""
    numbers = 2 * torch.rand(size, LENGTH, generator=dice) - 1
    marked = torch.rand(size, LENGTH, generator=dice) < CALLED
    marked[:, 0] = True
    last = torch.where(marked, torch.arange(LENGTH), -1).cummax(1).values
    return torch.stack([marked.float(), numbers], -1), numbers.gather(1, last)


@lru_cache(maxsize=32)
def learned(kind: str, width: int, seed: int) -> Learned:
    """One cell after 300 steps of training, about half a second of one core."""
    dice = torch.Generator().manual_seed(seed_for(seed, "gates over time"))
    layer, head = LAYERS[kind](2, width), nn.Linear(width, 1)
    learns = [*layer.parameters(), *head.parameters()]
    with torch.no_grad():
        for parameter in learns:
            parameter.copy_((2 * torch.rand(parameter.shape, generator=dice) - 1) / 2)
    optimizer = torch.optim.Adam(learns, lr=RATE)
    with torch.enable_grad():
        for step in range(STEPS):
            optimizer.param_groups[0]["lr"] = RATE * (1 - step / STEPS)
            steps, asked = rows(BATCH, dice)
            loss = (head(layer(steps)[0])[..., 0] - asked).square().mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(learns, 1.0)
            optimizer.step()
    return _judged(kind, layer, head)


@torch.no_grad()
def _judged(kind: str, layer: Any, head: nn.Linear) -> Learned:
    steps, asked = rows(JUDGED, torch.Generator().manual_seed(1))
    said = head(layer(steps)[0])[..., 0]
    gates = readings(layer, steps[:1])[0].gates
    return Learned(
        float((said - asked).square().mean()),
        asked[0].tolist(),
        said[0].tolist(),
        {name: gates[name][0, :, 0].tolist() for name in GATES[kind]},
        [place for place, mark in enumerate(steps[0, :, 0].tolist()) if mark],
    )


class GatesOverTime(Measured):
    title = "Gates that have learned when to open"
    says = (
        "A number counts only where there is a mark. There the trained LSTM opens its input gate to 0.74 and "
        "lowers its forget gate to 0.35; at all other steps it keeps 0.99 and writes 0.02."
    )
    controls = (
        Choose("kind", "cell", CELLS),
        Choose("width", "numbers of memory", {"1": 1, "4": 4}),
        Slider("seed", "seed", 0, 4, step=1, value=0),
    )

    def runs(self, kind: str, width: int, seed: float) -> Sequence[tuple[str, int, int]]:
        return [(kind, width, int(seed))]

    def measure(self, run: tuple[str, int, int]) -> Learned:
        return learned(*run)

    def show(self, known: Mapping[tuple[str, int, int], Learned], kind: str, **_: Any) -> str:
        if not known:
            return note("The cell is being trained.")
        found = next(iter(known.values()))
        marks = [(float(place), "") for place in found.marks]
        answers = line_chart(
            {"asked": list(enumerate(found.asked)), "said": list(enumerate(found.said))},
            points={"said": list(enumerate(found.said))}, across="step", y=(-1, 1), marks=marks, width=360,
            height=220,
        )  # fmt: skip
        if not found.gates:
            gates = note("A plain cell has no gates: at every step all of its state goes through the matrix.")
        else:
            gates = line_chart(
                {name: list(enumerate(row)) for name, row in found.gates.items()}, across="step",
                up="open", y=(0, 1), marks=marks, width=360, height=220,
            )  # fmt: skip
        one = "the memory" if next(iter(known))[1] == 1 else "the first number of the memory"
        facts = table(
            ["mean squared error", ""], [["this cell", f"{found.error:.4f}"], ["saying 0", f"{1 / 3:.4f}"]]
        )
        told = f"Dashed: a mark, the number counts. Gates of {one}, on a row that it did not learn from."
        return columns(answers, gates) + facts + note(told)
