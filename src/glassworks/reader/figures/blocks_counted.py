"""How many parameters a cell has: so many blocks of the same size, one for each thing that it computes.

A block turns what comes in and the state before into one list of numbers: two matrices and two biases. The
plain cell has one, a GRU three, an LSTM four. The counts are asked of the installed cells.
The first thing to change: `CELLS`.
"""

import torch

from glassworks.models.sequence.gru import GRUCell
from glassworks.models.sequence.lstm import LSTMCell
from glassworks.models.sequence.rnn import RNNCell
from glassworks.reader.draw import columns, equation, note, table
from glassworks.reader.figure import Choose, Figure, Slider

CELLS: dict[str, type[RNNCell] | type[GRUCell] | type[LSTMCell]] = {
    "plain": RNNCell,
    "GRU": GRUCell,
    "LSTM": LSTMCell,
}
WIDTHS = {str(width): width for width in (16, 64, 128, 256, 512)}


def counted(inputs: int, width: int, layers: int) -> dict[str, int]:
    """Parameters of each kind; every layer after the first reads the states of the one below."""
    sizes = [inputs] + [width] * (layers - 1)
    found = {}
    with torch.device("meta"):  # shapes without numbers
        for name, make in CELLS.items():
            cells = [make(size, width) for size in sizes]
            found[name] = sum(one.numel() for cell in cells for one in cell.parameters())
    return found


class BlocksCounted(Figure):
    title = "One block, three, four"
    says = (
        "With 128 numbers a step and a state of 256 an LSTM has 395,264 parameters and a GRU 296,448. The "
        "ratio is three quarters, exactly, for every size."
    )
    controls = (
        Slider("inputs", "numbers a step", 1, 256, step=1, value=128),
        Choose("width", "numbers of the state", WIDTHS, value="256"),
        Slider("layers", "layers", 1, 3, step=1, value=1),
    )

    def draw(self, inputs: float, width: int, layers: float) -> str:
        found = counted(int(inputs), width, int(layers))
        rows = [
            [name, str(len(cell.GATES)), f"{found[name]:,}", f"{found[name] / found['LSTM']:.2f}"]
            for name, cell in CELLS.items()
        ]
        one = width * int(inputs) + width * width + 2 * width
        lines = equation(
            "a block of the first layer:",
            f"{width} · {int(inputs)} + {width} · {width} + 2 · {width}",
            f"= {one:,}",
        )
        told = "Blocks: an LSTM's three gates and its candidate, a GRU's two gates and its candidate."
        return columns(table(["cell", "blocks", "parameters", "of LSTM"], rows), lines) + note(told)
