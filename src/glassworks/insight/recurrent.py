"""Inside a recurrent network: its gates over time, how far its gradient reaches, and which moments decide.

The gates are read by walking through a layer cell by cell, as `written_out` does. How far memory reaches is
asked of the gradient: how much would the state at the end change with what came in so many steps before.
Which moments decide is asked of the answer: a stretch of the series is put to its mean, and the answer is
asked for again.

Papers: gates over time: Karpathy, Johnson, Fei-Fei 2015, arXiv 1506.02078; the gradient by lag: Pascanu et
al. 2012, arXiv 1211.5063; occlusion: Zeiler & Fergus 2013, arXiv 1311.2901.
Where this differs: the size of the gradient is that of the whole matrix d state / d input (its Frobenius
norm), estimated with random signs in `PROBES` backward passes; exact where the state is no wider.
The first thing to change: `OPEN` and `SHUT`, from where on a gate counts as saturated.

Axes: batch; time = steps; inputs; width = numbers of a state; length = time steps of one series.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from glassworks.blocks.recurrent import Cell, Recurrent, State, turned
from glassworks.core import keyed

OPEN, SHUT = 0.9, 0.1
FLAT = 0.97  # of a candidate: where tanh hardly moves any more
PROBES = 16
WINDOWS = 20  # stretches that a series is cut into


@dataclass(frozen=True)
class Reading:
    """What one cell did over time: of layer `layer`, from the end where `backwards`.

    gates:  by name, (batch, time, width) each, in the order of time
    states: after each step, (batch, time, width) each: the hidden state, and the memory of an LSTM
    """

    layer: int
    backwards: bool
    gates: dict[str, Tensor]
    states: tuple[Tensor, ...]

    @property
    def name(self) -> str:
        return f"layer {self.layer + 1}{', read from the end' if self.backwards else ''}"


def readings(
    layer: Recurrent,
    steps: Float[Tensor, "batch time inputs"],
    lengths: Int[Tensor, "batch"] | None = None,
    state: State | None = None,
) -> list[Reading]:
    """Gates and states of every cell of a layer at every step; what lies beyond a length means nothing."""
    with torch.inference_mode():
        state = layer.begin(steps) if state is None else state
        found: list[Reading] = []
        for number, cells in enumerate(layer.stacked()):
            both = []
            for cell in cells:
                back = cell is not cells[0]
                before = tuple(part[len(found)] for part in state)
                gates, states = _walk(cell, turned(steps, lengths) if back else steps, before)
                if back:
                    gates, states = ([turned(one, lengths) for one in own] for own in (gates, states))
                found.append(Reading(number, back, dict(zip(cell.GATES, gates, strict=True)), tuple(states)))
                both.append(states[0])
            steps = torch.cat(both, -1)
    return found


def _walk(cell: Cell, steps: Tensor, state: State) -> tuple[list[Tensor], list[Tensor]]:
    """The gates and states of a cell at each step, (batch, time, width) each."""
    gates, states = [], []
    for time in range(steps.shape[1]):
        now = cell.gates(steps[:, time], state)
        state = cell.update(now, state)
        gates.append(now)
        states.append(state)
    return [torch.stack(one, 1) for one in zip(*gates)], [torch.stack(one, 1) for one in zip(*states)]


def saturation(reading: Reading, length: int) -> dict[str, tuple[float, float]]:
    """Of each gate of one series the shares (shut, open); of a candidate those at its flat ends below, above.

    A gate that is never open or shut says little; one that always is does not learn any more.
    """
    found = {}
    for name, values in reading.gates.items():
        low, high = (-FLAT, FLAT) if name == "candidate" else (SHUT, OPEN)
        own = values[0, :length]
        found[name] = (float((own < low).float().mean()), float((own > high).float().mean()))
    return found


def gradient_by_lag(
    layer: Recurrent, steps: Float[Tensor, "1 time inputs"], *, seed: int = 0
) -> Float[np.ndarray, "time"]:
    """How much the last output changes with the input k steps before: the norm of d output_T / d input_T-k.

    steps: one series, from which the reader that goes ahead is asked; place 0 is the last step itself.
    """
    width = layer.width
    probes = torch.eye(width) if width <= PROBES else _signs(PROBES, width, seed)
    was_training = layer.training
    layer.train()  # cuDNN keeps what a gradient needs in training alone; the dropout's share is put to 0
    share, layer.dropout.share = layer.dropout.share, 0.0
    try:
        given = steps.detach().clone().requires_grad_()
        output = layer(given)[0][0, -1, :width]  # (width,) of the reader that goes ahead
        squares = torch.zeros(steps.shape[1], dtype=torch.float64)
        for probe in probes.to(output):
            (gradient,) = torch.autograd.grad(output, given, probe, retain_graph=True)
            squares += gradient[0].double().square().sum(-1).cpu()
    finally:
        layer.train(was_training)
        layer.dropout.share = share
    scale = 1.0 if width <= PROBES else 1.0 / PROBES
    return (squares * scale).sqrt().flip(0).numpy()


def _signs(count: int, width: int, seed: int) -> Tensor:
    """Rows of +1 and -1: the mean of their squared products with a matrix is its squared norm."""
    draws = keyed.uniform(np.arange(count), width, seed, "signs")
    return torch.from_numpy(np.where(draws < 0.5, -1.0, 1.0).astype(np.float32))


@dataclass(frozen=True)
class Moments:
    """heat: how much the answer fell where each step was hidden, (length,), 0 and above
    fell: how far it fell with the hottest fifth hidden; elsewhere: with as much hidden at other places, mean
    """

    heat: np.ndarray
    fell: float
    elsewhere: float

    @property
    def words(self) -> str:
        told = f"with the hottest fifth hidden the answer fell by {self.fell:.2f}"
        return f"{told}, with as much hidden elsewhere by {self.elsewhere:.2f}"


def moments(
    answer: Callable[[np.ndarray], np.ndarray], series: Float[np.ndarray, "length channels"], *, seed: int = 0
) -> Moments:
    """Which stretches of a scaled series its answer hangs on.

    answer: series (rows, length, channels) -> how much of the answer is left, (rows,)
    """
    length = len(series)
    edges = np.unique(np.linspace(0, length, min(WINDOWS, length) + 1).round().astype(int))
    stretches = list(itertools.pairwise(edges))
    whole = float(answer(series[None])[0])
    falls = whole - answer(np.stack([_hidden(series, [stretch]) for stretch in stretches]))
    heat = np.zeros(length)
    for (start, stop), fall in zip(stretches, falls, strict=True):
        heat[start:stop] = max(0.0, float(fall))
    few = max(1, round(len(stretches) / 5))
    hottest = np.argsort(-falls, kind="stable")
    others = [
        hottest[few:][keyed.permutation(len(hottest) - few, seed, "elsewhere", draw)[:few]]
        for draw in range(6 if len(hottest) > few else 0)
    ]
    picked = [_hidden(series, [stretches[place] for place in places]) for places in (hottest[:few], *others)]
    left = whole - answer(np.stack(picked))
    return Moments(heat, float(left[0]), float(left[1:].mean()) if others else 0.0)


def _hidden(series: np.ndarray, stretches: list[tuple[int, int]]) -> np.ndarray:
    """The series with some stretches at the mean of the training data, which is 0 after scaling."""
    copy = series.copy()
    for start, stop in stretches:
        copy[start:stop] = 0.0
    return copy
