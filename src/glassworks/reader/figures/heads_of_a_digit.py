"""What each head of a trained ViT drew from, block by block, beside the mean of the heads and rollout.

The network is the lab's: digits of 8 x 8 squares as 16 patches of 2 x 2 and a class token. It trains in the
background when the page is open.
The first thing to change: `SHOWN` in `small_vit.py`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from glassworks.insight.attention import LayerAttention, attention_of, drawn_from, rollout
from glassworks.reader.draw import note, pictures, table
from glassworks.reader.figure import Choose, Slider
from glassworks.reader.figures.measured import Measured
from glassworks.reader.figures.small_vit import (
    FIRST,
    SHOWN,
    ink_of,
    learned,
    over,
    picture_of,
    said_of,
    small_vit,
    test_part,
)


class HeadsOfADigit(Measured):
    title = "Head by head, block by block"
    says = (
        "The four heads of a block draw from different places, and their mean looks like none of them. "
        "Rollout multiplies the blocks up to the one chosen, and is smoother than the last block alone."
    )
    controls = (
        Slider("number", "test picture", 0, SHOWN - 1, step=1, value=FIRST),
        Choose("block", "block", {"1": 0, "2": 1, "3, the last": 2}, value="3, the last"),
    )

    def runs(self, *_: Any, **__: Any) -> tuple[str]:
        return ("trained",)

    def measure(self, run: str) -> bool:
        return bool(learned())

    def show(self, known: Mapping, number: int, block: int, **_: Any) -> str:
        if not known:
            return ""
        number = int(number)
        model = small_vit()
        said, sure = said_of(model, picture_of(number))
        layers = attention_of(model, picture_of(number))
        drawn = drawn_from(layers[block])[0].numpy()  # (heads, 4, 4)
        rolled = rollout(layers[: block + 1])[0].numpy()
        truth = int(test_part().targets[number])
        shown = [(ink_of(picture_of(number)), f'a {truth}; the answer is "{said}", {sure:.0%}')]
        shown += [(over(number, one), f"head {n}") for n, one in enumerate(drawn, 1)]
        shown += [
            (over(number, drawn.mean(0)), "mean of the heads"),
            (over(number, rolled), "rollout so far"),
        ]
        return pictures(shown, width=98) + _facts(layers[block], drawn, rolled)


def _facts(layer: LayerAttention, drawn: np.ndarray, rolled: np.ndarray) -> str:
    own = layer.weights[0, :, 0, 0].tolist()  # of each head: what the class token gives itself
    rows = [[f"head {n}", f"{share:.3f}", _span(one)] for n, (share, one) in enumerate(zip(own, drawn), 1)]
    rows.append(["mean", f"{float(np.mean(own)):.3f}", _span(drawn.mean(0))])
    rows.append(["rollout", f"{1 - float(rolled.sum()):.3f}", _span(rolled)])
    told = (
        "On itself: the share that the class token gives to itself. Each picture is coloured from its own "
        "smallest to its own largest value; range: these two over the 16 patches, as times the mean."
    )
    return table(["map", "on itself", "range"], rows) + note(told)


def _span(values: np.ndarray) -> str:
    """Smallest and largest, in units of the mean."""
    share = values / values.mean()
    return f"{share.min():.2f} to {share.max():.2f}"
