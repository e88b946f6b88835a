"""The same deep network with skip connections and without, trained while one looks: the *training* loss.

The networks are those of the lab on depth: 16 filters a layer, digits of 8 x 8 squares, batch norm. A run is
60 steps. First thing to change: `STEPS`.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F

from glassworks.labs.cnn_against_vit import batches, parts
from glassworks.labs.depth_against_data import TEST, built
from glassworks.reader import draw
from glassworks.reader.figure import Choose
from glassworks.reader.figures.measured import Measured
from glassworks.training.optimizer import adamw

STEPS, RATE, COUNT, MEAN = 60, 5e-3, 1000, 10
DEPTHS = {"2": 2, "8": 8, "16": 16, "32": 32}
Curve = tuple[tuple[float, float], ...]


@lru_cache(maxsize=32)
def curve(depth: int, skips: bool) -> Curve:
    """Training loss over the steps, each the mean of ten; about a second on one core."""
    training, _ = parts("digits", COUNT, TEST, 0)
    losses = []
    with torch.inference_mode(False), torch.enable_grad():
        model = built(depth, 0, skips).train()
        optimizer = adamw(model, learning_rate=RATE, weight_decay=0.05)
        for pictures, targets in batches(training, 0, STEPS):
            loss = F.cross_entropy(model(pictures), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return tuple((float(end), sum(losses[end - MEAN : end]) / MEAN) for end in range(MEAN, STEPS + 1, MEAN))


class SkipsOrNot(Measured):
    title = "Deeper, with a way around and without"
    says = (
        "Without skips a network of 32 layers learns its own training pictures more slowly than one of 8. "
        "With skips it does not. That is no overfitting: the loss shown is that of the training."
    )
    controls = (Choose("depth", "layers of filters", DEPTHS, value="32"),)

    def runs(self, depth: int, **_: Any) -> tuple[tuple[int, bool], ...]:
        return tuple(dict.fromkeys(((depth, False), (depth, True), (8, False))))

    def measure(self, run: tuple[int, bool]) -> Curve:
        return curve(*run)

    def show(self, known: Mapping[tuple[int, bool], Curve], **_: Any) -> str:
        if not known:
            return ""
        curves = {
            f"{depth} layers{' with skips' if skips else ''}": points
            for (depth, skips), points in known.items()
        }
        rows = [[name, f"{points[-1][1]:.2f}"] for name, points in curves.items()]
        chart = draw.line_chart(
            curves, across="step", up="training loss", x=(0, STEPS), y=(0, 2.6), width=440, height=250
        )
        told = "One seed, a short training. The lab of this chapter has eight seeds and more steps."
        return draw.columns(chart, draw.table(["", f"loss, last {MEAN} steps"], rows)) + draw.note(told)
