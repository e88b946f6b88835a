"""Overfitting as two curves that part: the loss on what was trained with, and on pictures that were not.

The runs are those of the lab (`labs/overfitting_against_data.py`): as many digits as the reader gives, a
small or a large network, 400 steps. The dashed line marks the step with the lowest loss on the pictures that
only watch, where early stopping would have stopped.
The first thing to change: `SIZES`.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from glassworks.labs.overfitting_against_data import Kind, Trained, train_on
from glassworks.reader.draw import columns, line_chart, note, table, text
from glassworks.reader.figure import Button, Choose
from glassworks.reader.figures.measured import Measured

SIZES = (20, 50, 200, 1000)
Run = tuple[int, Kind, int]  # pictures, model, seed


@lru_cache(maxsize=64)
def trained(count: int, kind: Kind, seed: int) -> Trained:
    """One run of the lab's experiment."""
    return train_on(count, kind, seed)


def best_look(run: Trained) -> int:
    """The place of the look with the lowest loss on the pictures that only watch."""
    return int(np.argmin([look.loss for look in run.watched]))


class TwoCurves(Measured):
    title = "Where the curves part"
    says = (
        "The training loss goes on falling. The loss on other pictures stops falling long before: what is "
        "learned from there on holds for the training pictures alone."
    )
    controls = (
        Choose("count", "pictures to learn from", {f"{size:,}": size for size in SIZES}, value="50"),
        Choose("kind", "network", {"large (256, 256)": "large", "small (16)": "small"}),
        Button("seed", "other pictures"),
    )

    def runs(self, count: int, kind: Kind, seed: int, **_: Any) -> Sequence[Run]:
        return [(count, kind, seed)]

    def measure(self, run: Run) -> Trained:
        return trained(*run)

    def show(self, known: Mapping, count: int, kind: Kind, seed: int, **_: Any) -> str:
        run = known.get((count, kind, seed))
        if run is None:
            return text(f"A {kind} network learns from {count:,} pictures …")
        best = best_look(run)
        losses = {
            "training": [(at, look.loss) for at, look in zip(run.steps, run.training)],
            "validation": [(at, look.loss) for at, look in zip(run.steps, run.watched)],
        }
        shares = {
            "training": [(at, look.accuracy) for at, look in zip(run.steps, run.training)],
            "validation": [(at, look.accuracy) for at, look in zip(run.steps, run.watched)],
        }
        marks = [(run.steps[best], "lowest validation loss")]
        top = max(1.0, *(value for row in losses.values() for _, value in row))
        loss = line_chart(
            losses, across="step", up="loss, nats", marks=marks, y=(0, top), width=360, height=230
        )
        accuracy = line_chart(shares, across="step", up="accuracy", y=(0, 1), width=360, height=230)
        rows = [
            ["training loss", *(f"{run.training[at].loss:.3f}" for at in (best, -1))],
            ["validation loss", *(f"{run.watched[at].loss:.3f}" for at in (best, -1))],
            ["training accuracy", *(f"{run.training[at].accuracy:.1%}" for at in (best, -1))],
            ["validation accuracy", *(f"{run.watched[at].accuracy:.1%}" for at in (best, -1))],
        ]
        head = ["", f"step {run.steps[best]}", f"step {run.steps[-1]}"]
        told = note("Early stopping keeps the weights of the first column.")
        return columns(loss, accuracy) + table(head, rows) + told
