"""The small recurrent readers of four labs: a layer, its last state, and a linear head.

A sequence goes in step by step, and what the layer holds at the last real step answers. The labs change the
kind of the layer, its start, or whether it knows the lengths, and leave everything else. A run is a function
of its seed and of what it was given; it draws from dice of its own, and the shared ones stand afterwards as
before.

Source: Elman 1990; Hochreiter & Schmidhuber 1997; Cho et al. 2014, arXiv 1406.1078.
The first thing to change: `RATE`.

Axes: batch; time = steps; inputs = numbers a step; width = numbers of a state.
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassworks.blocks.recurrent import Recurrent, last
from glassworks.core.keyed import seed_for
from glassworks.labs.digits import deal
from glassworks.models.sequence.gru import GRU
from glassworks.models.sequence.lstm import LSTM
from glassworks.models.sequence.rnn import RNN
from glassworks.training.optimizer import adamw

LAYERS: dict[str, type[Recurrent]] = {"RNN": RNN, "LSTM": LSTM, "GRU": GRU}
RATE, CLIP = 5e-3, 1.0


class Batch(NamedTuple):
    """steps (batch, time, inputs); lengths int64 (batch,) or None: all steps are real; targets (batch,)."""

    steps: Tensor
    lengths: Tensor | None
    targets: Tensor


class Reader(nn.Module):
    """Scores of classes from the last real step; of both readers where there are two."""

    def __init__(self, layer: Recurrent, classes: int):
        super().__init__()
        self.layer, self.head = layer, nn.Linear(layer.width * layer.directions, classes)

    def forward(self, steps: Tensor, lengths: Tensor | None = None) -> Tensor:
        outputs, state = self.layer(steps, lengths)
        if self.layer.directions == 1:
            return self.head(last(outputs, lengths))
        return self.head(torch.cat([state[0][-2], state[0][-1]], -1))  # each where it has read everything


def layer_of(kind: str, inputs: int, width: int, seed: int, *, bidirectional: bool = False) -> Recurrent:
    """A layer with the start of this seed, the same draws for every kind."""
    with torch.random.fork_rng(devices=[]):  # a layer's start draws from torch's own dice
        torch.manual_seed(seed_for(seed, "small recurrent"))
        return LAYERS[kind](inputs, width, bidirectional=bidirectional)


def reader_of(
    kind: str, inputs: int, width: int, classes: int, seed: int, *, bidirectional: bool = False
) -> Reader:
    """A reader with the start of this seed."""
    layer = layer_of(kind, inputs, width, seed, bidirectional=bidirectional)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, "small recurrent head"))
        return Reader(layer, classes)


@torch.no_grad()
def open_gates(layer: Recurrent, bias: float) -> Recurrent:
    """The same layer, whose memory stays at the start: the bias of the gate that keeps it is `bias` in sum.

    That gate is an LSTM's forget gate and a GRU's update gate (Gers et al. 2000; Jozefowicz et al. 2015).
    """
    gate = {"LSTM": "forget", "GRU": "update"}[type(layer).__name__]
    for cells in layer.stacked():
        for cell in cells:
            start = cell.GATES.index(gate) * layer.width
            cell.from_input.bias[start : start + layer.width] = bias
            cell.from_state.bias[start : start + layer.width] = 0.0
    return layer


@torch.no_grad()
def turning(layer: Recurrent, gain: float, seed: int) -> Recurrent:
    """The same plain layer, whose recurrent matrix is `gain` times a rotation (Saxe et al. 2013)."""
    dice = torch.Generator().manual_seed(seed_for(seed, "rotation"))
    for cells in layer.stacked():
        for cell in cells:
            weight = cell.from_state.weight
            turned, upper = torch.linalg.qr(torch.randn(weight.shape, generator=dice))
            weight.copy_(gain * turned * upper.diagonal().sign())
    return layer


def learn(model: nn.Module, batches: Iterable[Batch], steps: int, *, rate: float = RATE) -> None:
    """AdamW on so many batches; the rate falls in a line, and long gradients are shortened."""
    optimizer = adamw(model.train(), learning_rate=rate, weight_decay=0.0)
    for step, batch in zip(range(steps), batches):
        for group in optimizer.param_groups:
            group["lr"] = rate * (1 - step / steps)
        loss = F.cross_entropy(model(batch.steps, batch.lengths), batch.targets)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()


@torch.inference_mode()
def share_right(model: nn.Module, batch: Batch) -> float:
    """The share of right answers, in evaluation mode."""
    return float((model.eval()(batch.steps, batch.lengths).argmax(1) == batch.targets).double().mean())


def digit_rows(seed: int) -> tuple[Batch, Batch]:
    """Digits read row by row, 8 steps of 8 squares, scaled by the training part: training and test."""
    training, _, test = deal(seed)
    mean, std = training.pictures.mean(), training.pictures.std()
    first, second = (Batch((part.pictures - mean) / std, None, part.targets) for part in (training, test))
    return first, second
