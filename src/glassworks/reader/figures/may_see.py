"""Which inputs each output of a network over time depends on, asked of its gradient.

A cell of the square is the size of d output / d input at two moments. Right of the diagonal lies the future:
where a number stands there, the network has seen what had not happened yet. The layers are the installed
recurrent one and torch's convolution, with a random start.
The first thing to change: `STEPS`.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from glassworks.core.keyed import generator
from glassworks.models.sequence.rnn import RNN
from glassworks.reader.draw import columns, note, number_grid, text
from glassworks.reader.figure import Choose, Figure, Slider

STEPS, WIDTH = 8, 4
READERS = {
    "recurrent, from the start": "ahead",
    "recurrent, from both ends": "both",
    "convolution over the step and both neighbours": "centred",
    "convolution over the last three steps": "past",
}


def _layer(kind: str) -> nn.Module:
    """A layer with the same random numbers each time; recurrent matrices that keep lengths, to be seen."""
    made: nn.Module = (
        RNN(WIDTH, WIDTH, bidirectional=kind == "both")
        if kind in ("ahead", "both")
        else nn.Conv1d(WIDTH, WIDTH, 3)
    )
    dice = generator("may see", kind)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            numbers = dice.normal(0, 0.4, tuple(parameter.shape))
            if name.endswith("from_state.weight"):
                numbers = np.linalg.qr(numbers)[0]
            parameter.copy_(torch.from_numpy(numbers))
    return made


def reading(kind: str) -> Callable[[Tensor], Tensor]:
    """A function (time, width) -> (time, numbers)."""
    layer = _layer(kind)
    if isinstance(layer, RNN):
        return lambda steps: layer(steps[None])[0][0]
    before, after = (1, 1) if kind == "centred" else (2, 0)
    return lambda steps: layer(nn.functional.pad(steps.T[None], (before, after)))[0].T


@lru_cache(maxsize=8)
def reach(kind: str) -> np.ndarray:
    """(outputs, inputs): the norm of how each output changes with each input, (STEPS, STEPS)."""
    steps = torch.from_numpy(generator("may see", "steps").normal(0, 0.5, (STEPS, WIDTH))).float()
    with torch.enable_grad():
        changes = torch.autograd.functional.jacobian(reading(kind), steps)  # (time, numbers, time, width)
    return changes.square().sum((1, 3)).sqrt().numpy()


class MaySee(Figure):
    title = "What an output has seen"
    says = (
        "Read from the start, an output depends on its own step and on those before. Read from both ends it "
        "depends on all, also on those that had not happened yet."
    )
    controls = (
        Choose("kind", "reader", READERS),
        Slider("time", "output at step", 1, STEPS, step=1, value=4),
    )

    def draw(self, kind: str, time: float) -> str:
        square, at = reach(kind), int(time)
        used = [step for step in range(1, STEPS + 1) if square[at - 1, step - 1] > 0]
        later = [step for step in used if step > at]
        told = text(f"The output at step {at} depends on the inputs at steps {_spoken(used)}.")
        future = (
            text(f"Of these, {_spoken(later)} lie in its future.", "bad")
            if later
            else text("None of them lies in its future.", "good")
        )
        title = "a row an output, a column an input: how much it counts"
        row = number_grid(square[at - 1], title=f"the row of step {at}", most=float(square.max()))
        return columns(number_grid(square, title=title), told + future + row) + note(
            "A number right of the diagonal is a look into the future."
        )


def _spoken(steps: list[int]) -> str:
    words = [str(step) for step in steps]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
