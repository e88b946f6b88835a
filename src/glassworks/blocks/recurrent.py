"""A recurrent layer: one cell reads a sequence step by step and hands its state from each step to the next.

The cell is all that RNN, LSTM and GRU differ in; what surrounds it is here: the loop over time, layers on top
of each other, a second cell that reads backwards, and sequences of unequal length in one batch. There are two
ways through a layer, with the same weights and the same answers. `written_out` is the loop that is shown and
that `explain` walks through. The fused kernels of torch do all steps in one call; a layer takes them whenever
nobody looks into its cells (`fused_fits`).

Papers: Elman 1990, "Finding structure in time"; both directions: Schuster & Paliwal 1997.
Where this differs: padding costs nothing in exactness and needs no packed sequences. The backward reader gets
each sequence turned round within its own length, so it begins at the last real step; and where the fused LSTM
runs on over padding, its memory is held still (`models/sequence/lstm.py`). On a CPU that trains an LSTM 3 to
5 times as fast as packing does, because the packed form has no fused kernel there.
The first thing to change: `Cell`; a subclass with its own `gates` and `update` is a new recurrent network.

Axes: batch; time = steps; inputs = numbers a step; width = numbers of a state; places = layers x directions.
"""

from abc import abstractmethod
from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from glassworks.blocks.dropout import Dropout
from glassworks.blocks.recurrent_onnx import onnx_layer

State = tuple[Tensor, ...]  # the hidden state first; an LSTM's memory second


class Cell(nn.Module):
    """One step: what comes in and the state before it give the state after it.

    A state is a tuple of (batch, width) tensors; the first is what the layer gives out.

    GATES:  names of what `gates` returns, in its order; `rows` of them share the two weight matrices
    STATES: tensors in a state
    ONNX:   the operation's name there, and our gates in its order
    """

    GATES: ClassVar[tuple[str, ...]] = ()
    STATES: ClassVar[int] = 1
    ONNX: ClassVar[tuple[str, tuple[int, ...]]] = ("", ())

    def __init__(self, inputs: int, width: int):
        super().__init__()
        if min(inputs, width) < 1:
            raise ValueError(f"a cell has 1 input and 1 number of state or more, got {inputs} and {width}")
        rows = len(self.GATES) * width
        self.inputs, self.width = inputs, width
        self.from_input = nn.Linear(inputs, rows)
        self.from_state = nn.Linear(width, rows)
        for parameter in self.parameters():  # as torch's layers begin
            nn.init.uniform_(parameter, -(width**-0.5), width**-0.5)

    @abstractmethod
    def gates(self, step: Float[Tensor, "batch inputs"], state: State) -> State:
        """What the step and the state before it make of the gates, (batch, width) each."""

    @abstractmethod
    def update(self, gates: State, state: State) -> State:
        """The state that the gates let through."""

    def forward(self, step: Float[Tensor, "batch inputs"], state: State) -> State:
        return self.update(self.gates(step, state), state)

    def weights(self) -> list[Tensor]:
        """In the order of torch's fused kernels."""
        return [self.from_input.weight, self.from_state.weight, self.from_input.bias, self.from_state.bias]


class Recurrent(nn.Module):
    """Cells on top of each other, in one or both directions. Subclasses name their cell and torch's kernel.

    inputs:        numbers a step
    width:         numbers of a state, so that a step comes out as width x directions numbers
    layers:        each reads what the one below gives out
    bidirectional: a second cell a layer reads from the end; only where the whole sequence is known
    dropout:       share of what a layer hands to the next that is silenced while training
    """

    cell: type[Cell]

    def __init__(
        self, inputs: int, width: int, layers: int = 1, bidirectional: bool = False, dropout: float = 0.0
    ):
        super().__init__()
        if layers < 1:
            raise ValueError(f"a recurrent layer has 1 layer or more, got {layers}")
        self.inputs, self.width, self.layers = inputs, width, layers
        self.directions = 2 if bidirectional else 1
        sizes = [inputs] + [width * self.directions] * (layers - 1)
        self.cells = nn.ModuleList(self.cell(size, width) for size in sizes)
        self.back_cells = nn.ModuleList(self.cell(size, width) for size in sizes if bidirectional)
        self.dropout = Dropout(dropout)
        self.fused = True  # False: always written out

    def forward(
        self,
        steps: Float[Tensor, "batch time inputs"],
        lengths: Int[Tensor, "batch"] | None = None,
        state: State | None = None,
    ) -> tuple[Float[Tensor, "batch time outputs"], State]:
        """Every step's output, and the state after the last real step of each sequence.

        lengths: real steps of each sequence, 1 to time; what follows is padding. None: all steps are real
        state:   (places, batch, width) each, to go on from; None: zeros
        Returns outputs (batch, time, width x directions), 0 beyond a sequence's length, and a state of the
        same kind; place = layer x directions + direction. Raises ValueError for other shapes.
        """
        lengths = self._checked(steps, lengths)
        state = self.begin(steps) if state is None else state
        if torch.onnx.is_in_onnx_export():
            return self._for_onnx(steps, lengths, state)
        fused = self.fused_fits()
        thinned = self.training and self.layers > 1 and self.dropout.share > 0
        if fused and lengths is None and not thinned:
            return self._all_at_once(steps, state)
        read = self.run_fused if fused else written_out
        ends: list[State] = []
        for layer, cells in enumerate(self.stacked()):
            read_both = []
            for cell in cells:
                before = tuple(part[len(ends)] for part in state)  # (batch, width) each
                back = cell is not cells[0]
                outputs, end = read(cell, turned(steps, lengths) if back else steps, lengths, before)
                read_both.append(turned(outputs, lengths) if back else outputs)
                ends.append(end)
            steps = torch.cat(read_both, -1)  # (batch, time, width * directions)
            steps = self.dropout(steps) if layer + 1 < self.layers else steps
        return steps, tuple(torch.stack(parts) for parts in zip(*ends))  # state: (places, batch, width)

    def begin(self, steps: Tensor) -> State:
        """The state before anything was read: zeros, (places, batch, width) each."""
        zeros = steps.new_zeros(self.layers * self.directions, steps.shape[0], self.width)
        return (zeros,) * self.cell.STATES

    def stacked(self) -> list[list[Cell]]:
        """The cells of each layer: one that reads ahead, and one that reads back where there is one."""
        lists = [self.cells, self.back_cells] if len(self.back_cells) else [self.cells]
        return [list(cells) for cells in zip(*lists)]

    def fused_fits(self) -> bool:
        """Whether the fused kernel computes what the cells would: they are whole and nobody listens."""
        if not self.fused or torch.compiler.is_exporting():
            return False
        cells = [*self.cells, *self.back_cells]
        parts = [part for cell in cells for part in (cell, cell.from_input, cell.from_state)]
        listened = any(part._forward_hooks or part._forward_pre_hooks for part in parts)
        return not listened and all(type(part) in (self.cell, nn.Linear) for part in parts)

    @abstractmethod
    def kernel(self, steps: Tensor, state: State, weights: list[Tensor], layers: int, both: bool) -> State:
        """torch's fused form of this layer: outputs (batch, time, …), then the state's parts (places, …)."""

    def run_fused(
        self, cell: Cell, steps: Tensor, lengths: Tensor | None, state: State
    ) -> tuple[Tensor, State]:
        """As `written_out`, in one call. The hidden state at a sequence's end is the output there."""
        outputs, end = self.kernel(steps, tuple(part[None] for part in state), cell.weights(), 1, False)
        if lengths is None:
            return outputs, (end[0],)
        return without_padding(outputs, lengths), (last(outputs, lengths),)

    def _all_at_once(self, steps: Tensor, state: State) -> tuple[Tensor, State]:
        """All layers and directions in one call, where no length and no dropout comes between."""
        weights = [weight for cells in self.stacked() for cell in cells for weight in cell.weights()]
        outputs, *state_after = self.kernel(steps, state, weights, self.layers, self.directions == 2)
        return outputs, tuple(state_after)

    def _for_onnx(self, steps: Tensor, lengths: Tensor | None, state: State) -> tuple[Tensor, State]:
        """The same as operations of ONNX, one a layer."""
        ends = []
        for layer, cells in enumerate(self.stacked()):
            places = slice(layer * self.directions, (layer + 1) * self.directions)
            steps, end = onnx_layer(cells, steps, lengths, tuple(part[places] for part in state))
            ends.append(end)
        return steps, tuple(torch.cat(parts) for parts in zip(*ends))

    def _checked(self, steps: Tensor, lengths: Tensor | None) -> Tensor | None:
        """The lengths, or None where no sequence is padded. On an accelerator their values are trusted."""
        if steps.ndim != 3 or steps.shape[2] != self.inputs or steps.shape[1] < 1:
            raise ValueError(
                f"expected sequences of shape (batch, time, {self.inputs}), got {tuple(steps.shape)}"
            )
        if lengths is None or torch.compiler.is_exporting() or torch.onnx.is_in_onnx_export():
            return lengths
        if lengths.shape != steps.shape[:1]:
            raise ValueError(f"expected {steps.shape[0]} lengths, got {tuple(lengths.shape)}")
        if lengths.device.type != "cpu":  # to look would make the processor wait
            return lengths.to(steps.device)
        if len(lengths) and not 1 <= int(lengths.min()) <= int(lengths.max()) <= steps.shape[1]:
            raise ValueError(
                f"lengths are 1 to {steps.shape[1]}, got {int(lengths.min())} to {int(lengths.max())}"
            )
        return None if bool((lengths == steps.shape[1]).all()) else lengths.to(steps.device)

    def extra_repr(self) -> str:
        return f"{self.inputs}, {self.width}, layers={self.layers}, directions={self.directions}"


def written_out(
    cell: Cell, steps: Float[Tensor, "batch time inputs"], lengths: Int[Tensor, "batch"] | None, state: State
) -> tuple[Float[Tensor, "batch time width"], State]:
    """The loop over time: outputs of every step, and the state (batch, width) where each sequence ends."""
    outputs = []
    for time in range(steps.shape[1]):
        after = cell(steps[:, time], state)
        if lengths is not None:  # a sequence that has ended keeps its state
            goes_on = (time < lengths)[:, None]  # (batch, 1)
            after = tuple(torch.where(goes_on, new, old) for new, old in zip(after, state, strict=True))
        state = after
        outputs.append(state[0])
    together = torch.stack(outputs, 1)  # (batch, time, width)
    return together if lengths is None else without_padding(together, lengths), state


def is_real(lengths: Int[Tensor, "batch"], time: int) -> Bool[Tensor, "batch time"]:
    """Which of `time` steps are real."""
    return torch.arange(time, device=lengths.device)[None] < lengths[:, None]


def without_padding(
    outputs: Float[Tensor, "batch time width"], lengths: Int[Tensor, "batch"]
) -> Float[Tensor, "batch time width"]:
    """0 beyond each sequence's length."""
    return outputs.masked_fill(~is_real(lengths, outputs.shape[1])[:, :, None], 0.0)


def turned(
    steps: Float[Tensor, "batch time width"], lengths: Int[Tensor, "batch"] | None
) -> Float[Tensor, "batch time width"]:
    """Each sequence turned round within its own length; the padding stays behind it."""
    if lengths is None:
        return steps.flip(1)
    places = torch.arange(steps.shape[1], device=steps.device)[None]  # (1, time)
    places = torch.where(places < lengths[:, None], lengths[:, None] - 1 - places, places)  # (batch, time)
    return steps.gather(1, places[:, :, None].expand_as(steps))


def last(
    outputs: Float[Tensor, "batch time width"], lengths: Int[Tensor, "batch"] | None = None
) -> Float[Tensor, "batch width"]:
    """The output at the last real step of each sequence."""
    if lengths is None:
        return outputs[:, -1]
    places = (lengths - 1)[:, None, None].expand(-1, 1, outputs.shape[2])  # (batch, 1, width)
    return outputs.gather(1, places)[:, 0]  # take_along_dim would fix the batch of an exported file
