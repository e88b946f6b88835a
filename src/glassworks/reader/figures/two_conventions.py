"""The same GRU weights read in two ways: the reset gate behind the state's matrix, or before it.

Behind, as in torch and cuDNN, one product of matrices serves all three blocks, and the second bias of the
candidate is reset too. Before, as in the later version of the paper, the state is reset first. Weights that
were trained in one way give other answers in the other.
The first thing to change: `WIDTH`.
"""

from functools import lru_cache

import torch
from torch import Tensor

from glassworks.core.keyed import seed_for
from glassworks.models.sequence.gru import GRUCell
from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Figure, Slider, Toggle

INPUTS, WIDTH, STEPS = 3, 8, 20


def before_the_matrix(cell: GRUCell, step: Tensor, state: Tensor) -> Tensor:
    """One step with the reset gate before the matrix: n = tanh(W x + U (r h)), biases added."""
    reset, update, _ = cell.gates(step, (state,))
    of_input = cell.from_input(step).chunk(3, -1)[2]
    weight, bias = cell.from_state.weight.chunk(3)[2], cell.from_state.bias.chunk(3)[2]
    candidate = (of_input + (reset * state) @ weight.T + bias).tanh()
    return update * state + (1 - update) * candidate


@lru_cache(maxsize=64)
@torch.no_grad()
def states(scale: float, opened: bool) -> tuple[Tensor, Tensor]:
    """(behind, before): states (STEPS, WIDTH) of one cell whose weights are `scale` times torch's start.

    opened: the reset gates stand open, whatever comes in
    """
    dice = torch.Generator().manual_seed(seed_for(0, "two conventions"))
    cell = GRUCell(INPUTS, WIDTH)
    for parameter in cell.parameters():
        parameter.copy_(scale * (2 * torch.rand(parameter.shape, generator=dice) - 1) * WIDTH**-0.5)
    if opened:
        cell.from_input.bias[:WIDTH] = 50.0
    steps = torch.randn(STEPS, 1, INPUTS, generator=dice)
    behind, before = [torch.zeros(1, WIDTH)], [torch.zeros(1, WIDTH)]
    for step in steps:
        behind.append(cell(step, (behind[-1],))[0])
        before.append(before_the_matrix(cell, step, before[-1]))
    return torch.cat(behind[1:]), torch.cat(before[1:])


class TwoConventions(Figure):
    title = "The same weights, read in two ways"
    says = (
        "The reset gate behind the state's matrix, as in torch, or before it: the same weights and the same "
        "inputs give other states. With all reset gates open the two are one."
    )
    controls = (
        Slider("scale", "weights, times torch's start", 0.5, 4, step=0.5, value=2),
        Toggle("opened", "reset gates fully open"),
    )

    def draw(self, scale: float, opened: bool) -> str:
        behind, before = states(float(scale), opened)
        apart = (behind - before).abs().amax(1).tolist()
        chart = line_chart(
            {
                "behind the matrix": list(enumerate(behind[:, 0].tolist(), 1)),
                "before the matrix": list(enumerate(before[:, 0].tolist(), 1)),
            },
            across="step", up="first number of the state", x=(1, STEPS), y=(-1, 1), width=400, height=230,
        )  # fmt: skip
        rows = [
            ["after 1 step", f"{apart[0]:.2g}"],
            ["after 5 steps", f"{apart[4]:.2g}"],
            [f"after {STEPS} steps", f"{apart[-1]:.2g}"],
        ]
        told = "largest difference of any number of the state"
        return columns(chart, table([told, ""], rows)) + note(
            f"One cell of {WIDTH} numbers with random weights."
        )
