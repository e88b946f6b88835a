"""A long text cut into pieces: the state goes on over the cuts, the gradient does not.

A row of squares, one a step: which steps a loss at one step can still teach. And, over all steps of a long
text, how often a lag lies within one piece: 1 - lag / piece, and never from the piece's length on. The state
is asked of the installed layer, in one go and piece by piece.
The first thing to change: `TEXT`.
"""

from functools import lru_cache

import torch

from glassworks.core.keyed import seed_for
from glassworks.labs.small_recurrent import layer_of
from glassworks.reader.draw import columns, line_chart, note, number_grid, table
from glassworks.reader.figure import Figure, Slider

TEXT, INPUTS, WIDTH = 60, 4, 8
ROW = 10  # steps drawn in a row


def share(piece: int, lag: int) -> float:
    """Of the steps of a long text, how many have the step `lag` before them in the same piece.

    >>> share(40, 10), share(40, 40)
    (0.75, 0.0)
    """
    return max(0.0, 1 - lag / piece)


@lru_cache(maxsize=64)
def asked(piece: int, at: int) -> tuple[list[float], float]:
    """(gradient of the state at step `at` by each input, in pieces; largest difference of any state)."""
    layer = layer_of("LSTM", INPUTS, WIDTH, 0)
    dice = torch.Generator().manual_seed(seed_for(0, "cut through time"))
    steps = torch.randn(1, TEXT, INPUTS, generator=dice)
    with torch.no_grad():
        whole, _ = layer(steps)
    with torch.enable_grad():
        given, outputs, state = steps.clone().requires_grad_(), [], None
        for first in range(0, TEXT, piece):
            out, state = layer(given[:, first : first + piece], None, state)
            state = tuple(part.detach() for part in state)
            outputs.append(out)
        together = torch.cat(outputs, 1)
        (gradient,) = torch.autograd.grad(together[0, at].sum(), given)
    return gradient[0].norm(dim=1).tolist(), float((together.detach() - whole).abs().max())


class CutThroughTime(Figure):
    title = "Cut into pieces"
    says = (
        "With pieces of 20 steps a loss at step 47 teaches the steps from 40 to 47 and none before. The "
        "state is the same as without cuts. Over a whole text, half of the steps hear from 10 steps before, "
        "and none from 20."
    )
    controls = (
        Slider("piece", "steps in a piece", 1, TEXT, step=1, value=20),
        Slider("at", "the loss is at step", 0, TEXT - 1, step=1, value=47),
    )

    def draw(self, piece: float, at: float) -> str:
        piece, at = int(piece), int(at)
        gradient, apart = asked(piece, at)
        heard = torch.tensor([float(one > 0) for one in gradient])
        grid = number_grid(
            heard.reshape(-1, ROW).numpy(), title=f"1: a loss at step {at} teaches this step", decimals=0,
            most=1.0,
        )  # fmt: skip
        chart = line_chart(
            {f"pieces of {piece}": [(lag, share(piece, lag)) for lag in range(TEXT)]},
            across="lag: steps back", up="share of steps that hear", x=(0, TEXT), y=(0, 1),
            width=340, height=200,
        )  # fmt: skip
        rows = [
            ["steps that it teaches", f"{int(heard.sum())}"],
            ["largest difference of any state", f"{apart:.1g}"],
            ["steps that hear from 10 before", f"{100 * share(piece, 10):.0f} %"],
            ["states kept for the way back", f"{piece} of {TEXT}"],
        ]
        told = f"{ROW} steps a row, counted from 0."
        return columns(grid + note(told), chart + table(["", "value"], rows))
