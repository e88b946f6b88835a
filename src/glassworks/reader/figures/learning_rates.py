"""Too small, right, too large: three learning rates, one of the reader's own, and the finder's sweep.

The finder is the workbench's (`training/finders.py`): on a copy of the model the rate grows step by step, and
the rate is taken at which the smoothed loss falls fastest. Here it drives plain SGD on the reader of the
labs.
The first thing to change: `THREE`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from glassworks.core.keyed import permutation, seed_for
from glassworks.labs.digits import Part
from glassworks.labs.loop import History, Reader
from glassworks.reader.draw import columns, line_chart, note
from glassworks.reader.figure import Slider, Toggle
from glassworks.reader.figures.digit_runs import RIGHT, history, scaled
from glassworks.reader.figures.measured import Measured
from glassworks.training.finders import Choice, find_learning_rate
from glassworks.training.runtime import Runtime
from glassworks.training.state import TrainingState

THREE = {"too small: 0.001": 0.001, "right: 0.1": 0.1, "too large: 3": 3.0}
FLOOR, CEILING = 0.05, 10.0
PIECES = 24


@dataclass(frozen=True)
class InOrder:
    """Training rows as the finder asks for them: by epoch and position."""

    part: Part

    def __len__(self) -> int:
        return len(self.part.targets)

    def training(self, epoch: int, start: int, stop: int, rank: int = 0, world: int = 1) -> Part:
        order = permutation(len(self), 0, "order", epoch)[start:stop]
        return self.part.take(torch.from_numpy(order))


def make_step(model: nn.Module, runtime: Runtime):
    """The five lines, as a step of the workbench: (state, batch, rows of it) -> summed loss."""

    def step(state: TrainingState, batch: Part, whole: int) -> dict[str, float]:
        state.optimizer.zero_grad()
        loss = F.cross_entropy(model(batch.pictures), batch.targets)
        loss.backward()
        state.optimizer.step()
        return {"loss": loss.item() * len(batch.targets)}

    return step


@lru_cache(maxsize=2)
def found(seed: int = 0) -> Choice:
    """What the finder chooses for the reader of digits, with its curve."""
    model = Reader(RIGHT, torch.Generator().manual_seed(seed_for(seed, "loop")))
    runtime = Runtime(torch.device("cpu"), "fp32", 1)
    sgd = lambda copied: torch.optim.SGD(copied.parameters(), lr=1e-5)  # noqa: E731
    return find_learning_rate(
        model,
        make_step,
        InOrder(scaled(0)[0]),
        runtime,
        batch=RIGHT.batch,
        fallback=RIGHT.rate,
        optimizer=sgd,
    )


class LearningRates(Measured):
    title = "Too small, right, too large"
    says = (
        "Too small a rate is still on its way when the training ends, too large a one jumps out and stays "
        "out. Between them lies more than a factor of ten that works."
    )
    controls = (
        Slider("power", "your rate is 10 to the power of", -4, 1, step=0.25, value=-1.5),
        Toggle("finder", "show the finder's sweep"),
    )

    def runs(self, power: float, finder: bool, **_: Any) -> Sequence[float | str]:
        needed: list[float | str] = ["finder"] if finder else []
        return [*needed, *THREE.values(), _rate(power)]

    def measure(self, run: float | str) -> History | Choice:
        return found() if isinstance(run, str) else history(replace(RIGHT, rate=run), 0, 0)

    def show(self, known: Mapping, power: float, finder: bool, **_: Any) -> str:
        named = THREE | {f"yours: {_rate(power):.3g}": _rate(power)}
        runs = {name: known[rate] for name, rate in named.items() if rate in known}
        if not runs:
            return note("No rate is trained yet.")
        losses = {name: _curve(run) for name, run in runs.items()}
        shares = {name: list(enumerate(run.validation, 1)) for name, run in runs.items()}
        pieces = [
            line_chart(losses, across="epoch", up="training loss, nats", logarithmic="y", y=(FLOOR, CEILING),
                       width=360, height=260),
            line_chart(shares, across="epoch", up="validation accuracy", y=(0, 1), width=360, height=260),
        ]  # fmt: skip
        return columns(*pieces) + (_sweep(known["finder"]) if "finder" in known else "")


def _sweep(choice: Choice) -> str:
    chart = line_chart(
        {"smoothed loss while the rate grows": choice.curve}, across="learning rate", up="loss, nats",
        logarithmic="x", marks=[(choice.value, f"chosen: {choice.value:g}")], width=400, height=220,
    )  # fmt: skip
    told = f"The finder's words: {choice.reason.split(';')[0]}."
    return chart + note(told)


def _rate(power: float) -> float:
    return float(f"{10**power:.3g}")


def _curve(run: History) -> list[tuple[float, float]]:
    pieces = np.array_split(np.array(run.losses), PIECES)
    epochs = run.settings.epochs
    points = [((place + 0.5) * epochs / PIECES, float(piece.mean())) for place, piece in enumerate(pieces)]
    return [(at, min(max(loss, FLOOR), CEILING)) for at, loss in points if np.isfinite(loss)]
