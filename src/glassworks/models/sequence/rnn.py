"""The plain recurrent network: the new state is a squashed sum of what comes in and the state before.

The same two matrices serve every step, so a sequence of any length goes through a network of fixed size. What
it remembers must pass through the state's matrix at every step; so does the gradient, which shrinks or grows
with the matrix's size: by 1.5^50 = 6.4e8 over 50 steps for 1.5 times the identity near zero, by 1e-15 from
the usual start. tanh bounds the state, not the gradient.

Paper: Elman 1990, "Finding structure in time"; why it forgets: Bengio et al. 1994, Pascanu et al. 2012, arXiv
1211.5063.
Where this differs: nothing from torch.nn.RNN with tanh, whose weights it loads.
First thing to change: the start of `from_state`: an orthogonal matrix neither shrinks nor grows (`start` in
the config), and see what is remembered then.
Command: glassworks train rnn --data sample:italy-power-demand

Axes: batch; time = steps; inputs = numbers a step; width = numbers of a state.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from glassworks.blocks.recurrent import Cell, Recurrent, State
from glassworks.blocks.recurrent_classifier import RecurrentClassifier, RecurrentConfig


class RNNCell(Cell):
    """One step: state h' = tanh(W x + U h), each product with its own bias, as in torch."""

    GATES: ClassVar = ("candidate",)
    ONNX: ClassVar = ("RNN", (0,))

    def gates(self, step: Float[Tensor, "batch inputs"], state: State) -> State:
        return ((self.from_input(step) + self.from_state(state[0])).tanh(),)

    def update(self, gates: State, state: State) -> State:
        return gates  # nothing of the old state stays but what the candidate saw of it


class RNN(Recurrent):
    """Layers of plain cells; called and made as `Recurrent` says. state: (hidden,)."""

    cell = RNNCell

    def kernel(self, steps: Tensor, state: State, weights: list[Tensor], layers: int, both: bool) -> State:
        return torch.rnn_tanh(
            steps, state[0], weights, True, layers, 0.0, torch.is_grad_enabled(), both, True
        )


@dataclass(frozen=True)
class RNNConfig(RecurrentConfig):
    """The shape of a reader of series; most fields are explained in blocks/recurrent_classifier.py.

    start: the state's matrix starts "uniform" as in torch, or "orthogonal": it then keeps lengths, so that
           the gradient neither vanishes nor explodes at first
    """

    start: Literal["uniform", "orthogonal"] = "uniform"

    def __post_init__(self):
        super().__post_init__()
        if self.start not in ("uniform", "orthogonal"):
            raise ValueError(f'start is "uniform" or "orthogonal", got "{self.start}"')


VARIANTS: dict[str, dict[str, Any]] = {
    "bidirectional": {"bidirectional": True},
    "forward": {"bidirectional": False},
}


class RNNClassifier(RecurrentClassifier):
    """Series (batch, time, channels) -> scores before softmax (batch, classes)."""

    def __init__(self, config: RNNConfig):
        super().__init__(config, RNN)


def build(config: RNNConfig) -> RNNClassifier:
    """The model of a config with torch's random start, or an orthogonal one."""
    model = RNNClassifier(config)
    if config.start == "orthogonal":
        for cell in [*model.layer.cells, *model.layer.back_cells]:
            nn.init.orthogonal_(cell.from_state.weight)
    return model
