"""GRU: the LSTM's idea with one state and two gates, a quarter fewer weights.

The update gate chooses between the old state and a candidate for the new one: where it is 1, the state is
carried on untouched, and its gradient too. The reset gate says how much of the old state the candidate sees.

Papers: Cho et al. 2014, arXiv 1406.1078; beside the LSTM: Chung et al. 2014, arXiv 1412.3555.
Where this differs: as in torch.nn.GRU, the reset gate acts on what the state gives to the candidate, after
its matrix and not before it, so that one matrix product serves all three parts.
First thing to change: `update`; 1 - update in both places is the paper's other reading of the same gate.
Command: glassworks train gru --data sample:japanese-vowels

Axes: batch; time = steps; inputs = numbers a step; width = numbers of a state.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from glassworks.blocks.recurrent import Cell, Recurrent, State
from glassworks.blocks.recurrent_classifier import RecurrentClassifier, RecurrentConfig


class GRUCell(Cell):
    """One step of a GRU.

    reset     r = sigmoid(W_r x + U_r h)         how much of the state the candidate sees
    update    z = sigmoid(W_z x + U_z h)         how much of the state stays
    candidate n =    tanh(W_n x + r * (U_n h))   what it could become
    state     h' = z * h + (1 - z) * n           (each product has its own bias, as in torch)
    """

    GATES: ClassVar = ("reset", "update", "candidate")
    ONNX: ClassVar = ("GRU", (1, 0, 2))

    def gates(self, step: Float[Tensor, "batch inputs"], state: State) -> State:
        of_input = self.from_input(step).chunk(3, -1)  # (batch, width) each
        of_state = self.from_state(state[0]).chunk(3, -1)
        reset, update = ((of_input[gate] + of_state[gate]).sigmoid() for gate in (0, 1))
        return reset, update, (of_input[2] + reset * of_state[2]).tanh()

    def update(self, gates: State, state: State) -> State:
        _, update, candidate = gates
        return (update * state[0] + (1 - update) * candidate,)


class GRU(Recurrent):
    """Layers of GRU cells; called and made as `Recurrent` says. state: (hidden,)."""

    cell = GRUCell

    def kernel(self, steps: Tensor, state: State, weights: list[Tensor], layers: int, both: bool) -> State:
        return torch.gru(steps, state[0], weights, True, layers, 0.0, torch.is_grad_enabled(), both, True)


@dataclass(frozen=True)
class GRUConfig(RecurrentConfig):
    """The shape of a reader of series; the fields are explained in blocks/recurrent_classifier.py."""


VARIANTS: dict[str, dict[str, Any]] = {
    "bidirectional": {"bidirectional": True},
    "forward": {"bidirectional": False},
}


class GRUClassifier(RecurrentClassifier):
    """Series (batch, time, channels) -> scores before softmax (batch, classes)."""

    def __init__(self, config: GRUConfig):
        super().__init__(config, GRU)


def build(config: GRUConfig) -> GRUClassifier:
    """The model of a config with torch's random start."""
    return GRUClassifier(config)
