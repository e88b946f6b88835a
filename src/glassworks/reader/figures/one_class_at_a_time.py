"""Grad-CAM asks about one answer: the same photograph, explained for the first answer and for others.

The network is a convolutional one with the weights of its authors, EfficientNet-Lite0. One explanation is a
forward and a short backward pass, about half a second on one core, so it is drawn when it is asked for.
The first thing to change: `RANKS`, which answers can be explained.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from glassworks.core.errors import PersonError
from glassworks.insight.drawing import overlay
from glassworks.insight.grad_cam import grad_cam
from glassworks.reader import draw
from glassworks.reader.figure import Choose
from glassworks.reader.figures.lite0 import classifier, or_how_to_get
from glassworks.reader.figures.measured import Measured
from glassworks.reader.figures.photographs import PLAIN, available, photograph
from glassworks.reader.figures.shares import percent

RANKS = {"the first": 0, "the second": 1, "the third": 2, "the last of 1,000": 999}
Explained = tuple[str, float, np.ndarray]  # the class, its share, the heat (height, width)


@lru_cache(maxsize=64)
def explained(name: str, rank: int) -> Explained | None:
    """Grad-CAM of the answer with this rank; None where the weights are not installed."""
    try:
        found = classifier()
    except PersonError as missing:
        if missing.code != "weights-missing":
            raise
        return None
    inputs = found.prepared(found.view(photograph(name)))
    shares = found.shares(inputs)
    column = int(shares.argsort(descending=True)[rank])
    with torch.inference_mode(False):
        heat = grad_cam(found.model, inputs, column, curve="bicubic")[0]
    return found.names[column], float(shares[column]), heat


class OneClassAtATime(Measured):
    title = "Where did the features stand that spoke for this answer?"
    says = (
        "Grad-CAM answers for one class: choose another, and the heat moves. A class that nobody would name "
        "often gets a brightest place too. Of attention there is one map, whatever the answer."
    )
    controls = (
        Choose("name", "photograph", {name: name for name in available() if name != PLAIN}),
        Choose("rank", "answer that is explained", RANKS),
    )

    def runs(self, name: str, rank: int, **_: Any) -> tuple[tuple[str, int], ...]:
        return ((name, 0),) if rank == 0 else ((name, rank), (name, 0))

    def measure(self, run: tuple[str, int]) -> Explained | None:
        return explained(*run)

    @or_how_to_get
    def show(self, known: Mapping[tuple[str, int], Explained | None], name: str, rank: int, **_: Any) -> str:
        if any(one is None for one in known.values()):
            classifier()  # says what is missing
        seen = known.get((name, rank))
        if seen is None:
            return ""
        pixels = classifier().view(photograph(name))
        told, share, heat = seen
        shown = [(pixels, "what the network saw"), (overlay(pixels, heat), f"{told}, {percent(share)}")]
        first = known.get((name, 0))
        if rank and first is not None:
            shown.insert(1, (overlay(pixels, first[2]), f"first answer: {first[0]}, {percent(first[1])}"))
        empty = (
            "" if heat.any() else draw.note("No place spoke for this answer, so there is nothing to colour.")
        )
        scale = (
            "Each map is divided by its own largest value: 7 x 7 places, enlarged. "
            "Colours of two maps cannot be compared."
        )
        return draw.pictures(shown, width=224) + empty + draw.note(scale)
