"""The same map, drawn of the trained network and of one whose weights were shuffled.

A way of looking that draws the same for both explains the picture, not the network. That is the sanity check
of Adebayo and others; the numbers of each tensor keep their sizes and lose their order. The first thing to
change: `WAYS` in `small_vit.py`.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from glassworks.insight.sanity import ALIKE, similarity
from glassworks.reader.draw import columns, note, pictures, table
from glassworks.reader.figure import Button, Choose, Slider
from glassworks.reader.figures.measured import Measured
from glassworks.reader.figures.small_vit import (
    FIRST,
    SHOWN,
    WAYS,
    heat_of,
    ink_of,
    learned,
    over,
    picture_of,
    said_of,
    shuffled_vit,
    small_vit,
)


@lru_cache(maxsize=128)
def two_maps(number: int, way: str, draw: int) -> tuple[np.ndarray, np.ndarray, float, float]:
    """The maps of the trained and of the shuffled network for one answer, and how sure each was of it."""
    trained, shuffled = small_vit(), shuffled_vit(draw)
    said, sure = said_of(trained, picture_of(number))
    with torch.inference_mode():
        other = float(shuffled(picture_of(number)).softmax(1)[0, said])
    return heat_of(trained, number, way, said), heat_of(shuffled, number, way, said), sure, other


class WeightsShuffled(Measured):
    title = "Ruin the network: does the map notice?"
    says = (
        "The weights are shuffled, and the network answers by chance. A map that stays as it was never asked "
        "the network: the ink is such a map, and yet it does well when places are covered."
    )
    controls = (
        Choose("way", "map", WAYS),
        Slider("number", "test picture", 0, SHOWN - 1, step=1, value=FIRST),
        Button("draw", "Shuffle anew"),
    )

    def runs(self, *_: Any, **__: Any) -> tuple[str]:
        return ("trained",)

    def measure(self, run: str) -> bool:
        return bool(learned())

    def show(self, known: Mapping, way: str, number: int, draw: int, **_: Any) -> str:
        if not known:
            return ""
        number = int(number)
        one, other, sure, unsure = two_maps(number, way, int(draw))
        alike = similarity(one, other)
        shown = pictures(
            [
                (ink_of(picture_of(number)), "the picture"),
                (over(number, one), f"trained; its answer has {sure:.0%}"),
                (over(number, other), f"shuffled; the same answer has {unsure:.0%}"),
            ],
            width=150,
        )
        told = (
            "The map is much the same: most of it did not come from what was learned."
            if abs(alike) >= ALIKE
            else "The map is another one: much of it came from what was learned. That does not make it right."
        )
        rows = [["rank correlation of the two maps (1: the same order, 0: unrelated)", f"{alike:+.2f}"]]
        return columns(shown, table(["", ""], rows) + note(told))
