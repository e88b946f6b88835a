"""LSTM: a memory beside the state, and three gates that decide what is forgotten, written and shown.

The memory is carried from step to step by a sum, not by a matrix: what the forget gate leaves at 1 stays as
it is, and its gradient too. That is what the plain recurrent network lacks, whose gradient shrinks or grows
with every step. The gates are numbers from 0 to 1, each computed from the step and the state before it.

Papers: Hochreiter & Schmidhuber 1997, "Long short-term memory" (input and output gates); the forget gate came
with Gers, Schmidhuber & Cummins 2000, "Learning to forget"; both are needed for what is called LSTM today.
Where this differs: nothing from torch.nn.LSTM, whose weights it loads; no peepholes, as there.
First thing to change: start the forget gate open, `cell.from_input.bias[width:2 * width] = 1` (Jozefowicz et
al. 2015): it then remembers before it has learned to.
Command: glassworks train lstm --data sample:japanese-vowels

Axes: batch; time = steps; inputs = numbers a step; width = numbers of a state.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from glassworks.blocks.recurrent import Cell, Recurrent, State, is_real, last, without_padding
from glassworks.blocks.recurrent_classifier import RecurrentClassifier, RecurrentConfig

HELD = 10_000.0  # far beyond where a sigmoid is exactly 0 or 1


class LSTMCell(Cell):
    """One step of an LSTM.

    input     i = sigmoid(W_i x + U_i h)    how much of the candidate is written
    forget    f = sigmoid(W_f x + U_f h)    how much of the memory stays
    candidate g =    tanh(W_g x + U_g h)    what there is to write
    output    o = sigmoid(W_o x + U_o h)    how much of the memory is shown
    memory    c' = f * c + i * g
    state     h' = o * tanh(c')             (each sum has two biases, as in torch)
    """

    GATES: ClassVar = ("input", "forget", "candidate", "output")
    STATES: ClassVar = 2
    ONNX: ClassVar = ("LSTM", (0, 3, 1, 2))

    def gates(self, step: Float[Tensor, "batch inputs"], state: State) -> State:
        mixed = self.from_input(step) + self.from_state(state[0])  # (batch, 4 * width)
        input, forget, candidate, output = mixed.chunk(4, -1)
        return input.sigmoid(), forget.sigmoid(), candidate.tanh(), output.sigmoid()

    def update(self, gates: State, state: State) -> State:
        input, forget, candidate, output = gates
        memory = forget * state[1] + input * candidate
        return output * memory.tanh(), memory


class LSTM(Recurrent):
    """Layers of LSTM cells; called and made as `Recurrent` says. state: (hidden, memory)."""

    cell = LSTMCell

    def kernel(self, steps: Tensor, state: State, weights: list[Tensor], layers: int, both: bool) -> State:
        # cuDNN has no gradient outside of training, which for it means only that it keeps what it needs.
        return torch.lstm(steps, state, weights, True, layers, 0.0, torch.is_grad_enabled(), both, True)

    def run_fused(
        self, cell: Cell, steps: Tensor, lengths: Tensor | None, state: State
    ) -> tuple[Tensor, State]:
        """All steps in one call. Over padding the memory is held still, so that it ends as it should.

        The kernel shows the memory of the last step alone, and for a shorter sequence that is padding. So
        each step gets one input more, 1 on padding, whose weights open the forget gate and shut the input
        gate: c' = 1 * c + 0 * g, exactly, and no gradient goes that way.
        """
        weights = cell.weights()
        if lengths is not None:
            padded = ~is_real(lengths, steps.shape[1])[:, :, None]  # (batch, time, 1)
            steps = torch.cat([steps.masked_fill(padded, 0.0), padded.to(steps.dtype)], -1)
            weights[0] = F.pad(weights[0], (0, 1)) + self._holding(weights[0])
        outputs, hidden, memory = self.kernel(
            steps, tuple(part[None] for part in state), weights, layers=1, both=False
        )
        if lengths is None:
            return outputs, (hidden[0], memory[0])
        return without_padding(outputs, lengths), (last(outputs, lengths), memory[0])

    def _holding(self, weights: Tensor) -> Float[Tensor, "rows inputs_and_flag"]:
        """What the flag adds to the weights: nothing but one column."""
        column = weights.new_zeros(4, self.width)
        column[0], column[1] = -HELD, HELD  # the input gate, the forget gate
        return F.pad(column.reshape(-1, 1), (weights.shape[1], 0))


@dataclass(frozen=True)
class LSTMConfig(RecurrentConfig):
    """The shape of a reader of series; the fields are explained in blocks/recurrent_classifier.py."""


VARIANTS: dict[str, dict[str, Any]] = {
    "bidirectional": {"bidirectional": True},
    "forward": {"bidirectional": False},
}


class LSTMClassifier(RecurrentClassifier):
    """Series (batch, time, channels) -> scores before softmax (batch, classes)."""

    def __init__(self, config: LSTMConfig):
        super().__init__(config, LSTM)


def build(config: LSTMConfig) -> LSTMClassifier:
    """The model of a config with torch's random start."""
    return LSTMClassifier(config)
