"""A recurrent layer as the one operation that ONNX has for it, so that an exported file takes any length.

A loop over time is written into an exported graph step by step, for one length. ONNX has LSTM, GRU and RNN as
whole operations, which know lengths and read backwards from each sequence's own end, as here; only the order
of the gates in the weights differs. The module runs this while it is exported and at no other time.

Source: onnx.ai, operators LSTM-14, GRU-14 and RNN-14 (linear_before_reset is torch's GRU).
The first thing to change: `ONNX` of a cell, its name there and the order of its gates.

Axes: batch; time = steps; directions; width = numbers of a state; rows = gates x width.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from glassworks.blocks.recurrent import Cell, State


def onnx_layer(
    cells: list["Cell"], steps: Tensor, lengths: Tensor | None, state: "State"
) -> tuple[Tensor, "State"]:
    """One layer: (batch, time, inputs) -> (batch, time, width x directions) and the state (directions, …).

    cells: one that reads ahead, and one that reads back where there is one; state: (directions, batch, width)
    """
    kind, order = cells[0].ONNX
    width, directions = cells[0].width, len(cells)
    batch, time = steps.shape[:2]
    if lengths is None:
        lengths = torch.full((batch,), time, dtype=torch.int32, device=steps.device)
    given = [
        steps.transpose(0, 1),  # (time, batch, inputs)
        torch.stack([_ordered(cell.from_input.weight, order) for cell in cells]),  # (directions, rows, …)
        torch.stack([_ordered(cell.from_state.weight, order) for cell in cells]),
        torch.stack([
            torch.cat([_ordered(cell.from_input.bias, order), _ordered(cell.from_state.bias, order)])
            for cell in cells
        ]),  # (directions, 2 * rows)
        lengths.to(torch.int32),
        *state,
    ]  # fmt: skip
    settings: dict[str, Any] = {"hidden_size": width}
    settings |= {"direction": "bidirectional"} if directions == 2 else {}
    settings |= {"linear_before_reset": 1} if kind == "GRU" else {}
    outputs, *ends = torch.onnx.ops.symbolic_multi_out(
        kind, given, settings, dtypes=[steps.dtype] * (1 + len(state)),
        shapes=[(time, directions, batch, width), *[(directions, batch, width)] * len(state)],
    )  # fmt: skip
    return outputs.permute(2, 0, 1, 3).flatten(2), tuple(ends)  # (batch, time, directions * width)


def _ordered(weights: Tensor, order: tuple[int, ...]) -> Tensor:
    """The gates' rows in ONNX's order."""
    parts = weights.chunk(len(order))
    return torch.cat([parts[place] for place in order])
