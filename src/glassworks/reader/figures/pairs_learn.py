"""A real CLIP while it learns: cosines of ten kinds of digits with ten captions, on pictures it has not seen.

The network is the small one of `small_clip.py`; it trains in the background when the page is open.
The first thing to change: `KEPT` in `small_clip.py`, the steps that can be looked at.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch.nn.functional as F

from glassworks.reader.draw import columns, note, number_grid, table
from glassworks.reader.figure import Choose
from glassworks.reader.figures.measured import Measured
from glassworks.reader.figures.small_clip import (
    CAPTIONS,
    KEPT,
    STEPS,
    cosines,
    learned,
    picture_vectors,
    small_clip,
    test_part,
    text_vectors,
)


def by_digit(step: int) -> np.ndarray:
    """Mean cosine of the test pictures of each digit (rows) with each caption (columns), (10, 10)."""
    found, targets = cosines(CAPTIONS, step=step), test_part().targets.numpy()
    return np.stack([found[targets == digit].mean(axis=0) for digit in range(len(CAPTIONS))])


def facts(step: int) -> dict[str, float]:
    """What the table says of the model after a step."""
    found, targets = cosines(CAPTIONS, step=step), test_part().targets.numpy()
    own = found[np.arange(len(targets)), targets]
    seen, said = picture_vectors(step=step), text_vectors(CAPTIONS, step=step)
    return {
        "own": float(own.mean()),
        "others": float((found.sum() - own.sum()) / (found.size - len(own))),
        "right": float((found.argmax(axis=1) == targets).mean()),
        "means": float(F.cosine_similarity(seen.mean(0), said.mean(0), dim=0)),
        "scale": float(small_clip(step=step).scale.detach()),
    }


class PairsLearn(Measured):
    title = "A small CLIP learns ten captions"
    says = (
        "Before training every picture is alike to every caption. Afterwards the pairs on the diagonal stand "
        "out, and they stay below a cosine of 1: a pair has to be nearer than the rest, not equal."
    )
    controls = (Choose("step", "steps of training", {str(step): step for step in KEPT}, value=str(STEPS)),)

    def runs(self, *_: Any, **__: Any) -> tuple[str]:
        return ("trained",)

    def measure(self, run: str) -> bool:
        return bool(learned())

    def show(self, known: Mapping, step: int, **_: Any) -> str:
        if not known:
            return ""
        title = "mean cosine of the pictures of each digit (row) with each caption (column), 0 to 9"
        grid = number_grid(by_digit(step), title=title, most=1)
        found = facts(step)
        rows = [
            ["cosine of a picture with its caption", f"{found['own']:.2f}"],
            ["… with the other nine", f"{found['others']:.2f}"],
            ["middle of all pictures with middle of all captions", f"{found['means']:.2f}"],
            ["learned scale", f"{found['scale']:.1f}"],
            ["pictures whose own caption is nearest", f"{found['right']:.1%}"],
        ]
        told = "359 pictures that it has not learned from. Guessing finds 10 %."
        return columns(grid, table([f"after {step} steps", "value"], rows) + note(told))
