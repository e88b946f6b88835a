"""A batch of pairs as a table: each row asks for its caption, each column for its picture.

The cosines are made up, so that they can be moved: `fit` is that of a pair and `rest` that of all others.
What follows from them is computed by the loss of the workbench.
The first thing to change: `cosines`, to give one wrong pair a cosine of its own.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from glassworks.models.vision.clip import contrastive_loss
from glassworks.reader.draw import columns, note, number_grid, table
from glassworks.reader.figure import Choose, Figure, Slider, Toggle


def cosines(pairs: int, fit: float, rest: float, repeated: bool = False) -> Tensor:
    """float64 (pairs, pairs): `fit` where picture and caption belong together, `rest` elsewhere.

    repeated: the first two pictures have the same caption, so each fits both
    """
    return torch.where(belong(pairs, repeated), fit, rest).double()


def belong(pairs: int, repeated: bool) -> Tensor:
    """bool (pairs, pairs)"""
    found = torch.eye(pairs, dtype=torch.bool)
    if repeated:
        found[:2, :2] = True
    return found


def losses(scores: Tensor, fits: Tensor | None) -> tuple[float, float, float]:
    """Of the rows, of the columns, and the loss of the workbench."""
    wanted = torch.eye(len(scores)) if fits is None else fits
    share = (wanted / wanted.sum(1, keepdim=True)).to(scores)
    rows, columns_ = F.cross_entropy(scores, share), F.cross_entropy(scores.T, share.T)
    return float(rows), float(columns_), float(contrastive_loss(scores, fits))


class TableOfPairs(Figure):
    title = "Everything in a batch against everything"
    says = (
        "Of N times N cosines, N belong to pairs. When all are alike, the loss is ln N. It falls when the "
        "pairs' cosines stand out from the rest, and it does not care how high they are."
    )
    controls = (
        Slider("pairs", "pairs N", 2, 8, step=1, value=4),
        Slider("fit", "cosine of a pair", -0.2, 1.0, step=0.05, value=0.25),
        Slider("rest", "cosine of all others", -0.2, 1.0, step=0.05, value=0.2),
        Choose("scale", "scale", {"14.3 (the start, 1/0.07)": 1 / 0.07, "100 (the cap)": 100.0, "1": 1.0}),
        Toggle("repeated", "pictures 1 and 2 have the same caption"),
        Toggle("knows", "… and the loss knows it", value=True),
    )

    def draw(
        self, pairs: int, fit: float, rest: float, scale: float, repeated: bool, knows: bool, **_: Any
    ) -> str:
        pairs = int(pairs)
        scores = scale * cosines(pairs, fit, rest, repeated)
        fits = belong(pairs, True) if repeated and knows else None
        rows, across, loss = losses(scores, fits)
        shares = scores.softmax(1).numpy()
        grid = number_grid(shares, title="share of each caption (column) for each picture (row)", most=1)
        facts = table(
            ["loss", "value"],
            [
                ["pictures ask for captions (rows)", f"{rows:.6f}"],
                ["captions ask for pictures (columns)", f"{across:.6f}"],
                ["both, averaged", f"{loss:.6f}"],
                [f"all alike: ln {pairs}", f"{math.log(pairs):.6f}"],
            ],
        )
        return columns(grid, facts) + note(_told(fit, rest, repeated, knows))


def _told(fit: float, rest: float, repeated: bool, knows: bool) -> str:
    if repeated and knows:
        return (
            "The two right answers share the target, one half each. So the loss cannot fall below the "
            "half-and-half answer of these rows, ln 2 each; that is no failure."
        )
    if repeated:
        return (
            "The loss calls the same caption wrong in the row beside its own. However well the model does, "
            "it is asked to tell apart what is equal."
        )
    apart = fit - rest
    if apart == 0:
        return "All cosines are alike, so every answer is a guess among N."
    return f"A pair stands out by {apart:+.2f}. Move both cosines by the same amount: the loss stays."
