"""Three logits become three shares of 1, and one loss: softmax and cross-entropy under the reader's hand.

A logit is any number; e to its power is positive; divided by their sum they are shares. The loss is minus
the logarithm of the share that the right class got. With large logits e to their power no longer fits into
float32, so the largest logit is taken away first, which changes no share.
First thing to change: `REACH`, how far a logit may go.
"""

import math

import torch

from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure, Slider
from glassworks.reader.figures.shares import percent, share_bars

NAMES = ("cat", "dog", "bird")
REACH = 6.0


class ThreeLogits(Figure):
    title = "Three logits, three shares, one loss"
    says = "Only differences count: the shares are the same whatever is added to all three logits."
    controls = (
        Slider("cat", "logit of cat", -REACH, REACH, step=0.1, value=2.0),
        Slider("dog", "logit of dog", -REACH, REACH, step=0.1, value=1.0),
        Slider("bird", "logit of bird", -REACH, REACH, step=0.1, value=-1.0),
        Choose("right", "what the picture really shows", {name: name for name in NAMES}),
        Choose("added", "added to all three", {"0": 0.0, "10": 10.0, "100": 100.0}),
    )

    def draw(self, cat: float, dog: float, bird: float, right: str, added: float) -> str:
        logits = torch.tensor([cat, dog, bird]) + added  # float32, as in a model
        shares = logits.softmax(0).tolist()
        rest = logits - logits.max()
        rows = [
            [name, round(logit, 1), _power(logit), round(less, 1), math.exp(less), share]
            for name, logit, less, share in zip(NAMES, logits.tolist(), rest.tolist(), shares)
        ]
        head = ("class", "logit", "e^logit", "logit − largest", "e^(logit − largest)", "share")
        place = NAMES.index(right)
        loss = -float(logits.log_softmax(0)[place])
        words = (
            f"cross-entropy = −ln(share of {right}) = −ln({shares[place]:.4f}) = {loss:.4f}",
            f"for comparison: three equal shares give ln 3 = {math.log(3):.4f}",
        )
        bars = draw.columns(share_bars(list(zip(NAMES, shares)), "shares"), _curve(shares[place], loss))
        return draw.table(head, rows) + draw.equation(*words) + bars


def _power(logit: float) -> str:
    """e to the power of a logit as float32 holds it."""
    value = float(torch.tensor(logit).exp())
    return "inf: too large for float32" if math.isinf(value) else f"{value:.4g}"


def _curve(share: float, loss: float) -> str:
    """The loss for every share, and where the reader stands."""
    line = [(step / 100, -math.log(step / 100)) for step in range(1, 101)]
    here = {"here": [(share, loss)]}
    across = "share of the right class"
    chart = draw.line_chart(
        {"loss": line}, points=here, across=across, up="loss", x=(0, 1), y=(0, 5), width=330
    )
    return chart + draw.note(f"A share of {percent(share)} costs {loss:.3f}.")
