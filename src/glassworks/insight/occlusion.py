"""Occlusion: cover a square of the picture, ask again, and see how far the answer falls.

The square wanders over the whole picture. A pixel's value is the mean fall over all squares that covered it:
high where the answer hangs on what stands there, negative where covering helps. It needs nothing of the
network but its answers, and it is an experiment, not a reading of weights; it costs one question a square.

Paper: Zeiler & Fergus 2013, arXiv 1311.2901, section 4.2. The windows are those of captum's `Occlusion`.
First thing to change: `patch`. A square smaller than the thing leaves enough of it to be recognised.

Axes: batch; height, width of the picture.
"""

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from glassworks.insight.record import Target, answers_of, device_of, evaluating, targets_for

SQUARES = 5  # a square's side is this part of the picture's short side
AT_ONCE = 2_000_000  # numbers of covered pictures that are held at once

Measure = Literal["probability", "output"]


def usual_patch(height: int, width: int) -> int:
    """Side of the square in pixels where none is asked for: a fifth of the short side."""
    return max(1, min(height, width) // SQUARES)


def occlusion(
    model: nn.Module,
    pictures: Float[Tensor, "batch channels height width"],
    target: Target = None,
    *,
    patch: int | None = None,
    stride: int | None = None,
    fill: float = 0.0,
    measure: Measure = "probability",
    kind: str = "label",
) -> Float[np.ndarray, "batch height width"]:
    """How far the target's answer falls when the place is covered, in the answer's own unit.

    target: as in `grad_cam`. patch, stride: pixels; None for a fifth of the short side and half of that.
    fill: what a square is covered with, in the numbers that the model sees (0 is the mean of its training
    pictures). measure: "probability" (0 … 1; of a model of numbers the number) or the "output" before it.
    kind: "label", "labels" or "number", which decides what a probability is.
    """
    height, width = pictures.shape[2:]
    patch = min(patch or usual_patch(height, width), height, width)
    stride = stride or max(1, patch // 2)
    if patch < 1 or not 1 <= stride <= patch:
        raise ValueError(
            f"stride is from 1 to patch, else places stay uncovered; got patch {patch}, stride {stride}"
        )

    def ask(batch: Tensor) -> Tensor:
        outputs = model(batch)
        return answers_of(outputs, kind) if measure == "probability" else outputs.float()

    pictures = pictures.to(device_of(model))
    with evaluating(model), torch.inference_mode():
        whole = ask(pictures)
        columns = targets_for(whole, target)
        heats = [
            _one(ask, picture, float(whole[row, columns[row]]), int(columns[row]), patch, stride, fill)
            for row, picture in enumerate(pictures)
        ]
    return np.stack(heats)


def windows(height: int, width: int, patch: int, stride: int) -> list[tuple[int, int]]:
    """Upper left corners of all squares; those of the last row and column may stick out and are cut."""
    down, across = (
        [place * stride for place in range(1 + math.ceil((side - patch) / stride))]
        for side in (height, width)
    )
    return [(top, left) for top in down for left in across]


def _one(
    ask: Callable[[Tensor], Tensor],
    picture: Float[Tensor, "channels height width"],
    whole: float,
    column: int,
    patch: int,
    stride: int,
    fill: float,
) -> Float[np.ndarray, "height width"]:
    """The mean fall over all squares, for one picture whose uncovered answer is `whole`."""
    _, height, width = picture.shape
    corners = windows(height, width, patch, stride)
    falls, covers = np.zeros((height, width)), np.zeros((height, width))
    size = max(1, min(32, AT_ONCE // picture.numel()))
    for start in range(0, len(corners), size):
        some = corners[start : start + size]
        covered = picture.repeat(len(some), 1, 1, 1)
        for row, (top, left) in enumerate(some):
            covered[row, :, top : top + patch, left : left + patch] = fill
        answers = ask(covered)[:, column].double().cpu().numpy()
        for (top, left), answer in zip(some, answers):
            falls[top : top + patch, left : left + patch] += whole - answer
            covers[top : top + patch, left : left + patch] += 1
    return (falls / covers).astype(np.float32)
