"""The gradient of a batch is an estimate: arrows of sixty batches beside the gradient of all training rows.

The model is the smallest one that reads digits, one layer of 64 x 10 weights without bias, so all gradients
of an epoch take a few milliseconds. Each arrow shows the part of a batch's gradient along the full one, and
the length of the rest. The spread shrinks as one over the root of the batch size; sorted rows give batches
that all pull elsewhere.
The first thing to change: `TRAINED`, after how many full steps "a trained model" is looked at.

Axes: rows are pictures, 64 their squares, 10 the classes.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from glassworks.core.keyed import permutation
from glassworks.reader.draw import columns, line_chart, note
from glassworks.reader.figure import Button, Choose, Figure, Toggle
from glassworks.reader.figures.digit_runs import scaled

SIZES = (1, 4, 16, 64, 256, 1024)
SHOWN, TRAINED, RATE = 60, 150, 0.5


@lru_cache(maxsize=1)
def rows_and_targets() -> tuple[np.ndarray, np.ndarray]:
    """Training part: float32 (rows, 64) and one-hot (rows, 10)."""
    training = scaled(0)[0]
    rows = training.pictures.flatten(1).numpy()
    return rows, np.eye(10, dtype=np.float32)[training.targets.numpy()]


@lru_cache(maxsize=2)
def errors(trained: bool) -> np.ndarray:
    """Probabilities minus truth for each row, (rows, 10): the gradient of a row is its outer product with
    this."""
    rows, truth = rows_and_targets()
    weights = np.zeros((64, 10), np.float32)
    for _ in range(TRAINED if trained else 0):
        weights -= RATE * rows.T @ (_softmax(rows @ weights) - truth) / len(rows)
    return _softmax(rows @ weights) - truth


def batch_gradients(size: int, *, trained: bool, ordered: bool, seed: int = 0) -> np.ndarray:
    """Gradients of the first batches of an epoch, at most 60, (batches, 640)."""
    rows, truth = rows_and_targets()
    error = errors(trained)
    order = permutation(len(rows), seed, "order", 0)
    if ordered:
        order = np.argsort(truth.argmax(axis=1), kind="stable")
    starts = np.arange(0, max(1, len(rows) - size + 1), size)
    if len(starts) > SHOWN:  # spread over the epoch, or sorted rows would all be zeros
        starts = starts[np.linspace(0, len(starts) - 1, SHOWN).astype(int)]
    chosen = [order[start : start + size] for start in starts]
    return np.stack([(rows[batch].T @ error[batch] / len(batch)).ravel() for batch in chosen])


def against_full(gradients: np.ndarray, *, trained: bool) -> tuple[np.ndarray, np.ndarray]:
    """Of each gradient, in lengths of the full one: the part along it, and the length of the rest; (batches,)
    both."""
    rows, _ = rows_and_targets()
    full = (rows.T @ errors(trained) / len(rows)).ravel()
    length = float(np.linalg.norm(full))
    along = gradients @ full / length**2
    rest = np.sqrt(np.maximum((gradients**2).sum(axis=1) / length**2 - along**2, 0))
    return along, rest


@lru_cache(maxsize=64)
def cosines(trained: bool, ordered: bool, seed: int) -> tuple[float, ...]:
    """Mean cosine with the full gradient by batch size, in the order of SIZES."""
    found = []
    for size in SIZES:
        along, rest = against_full(
            batch_gradients(size, trained=trained, ordered=ordered, seed=seed), trained=trained
        )
        found.append(float((along / np.maximum(np.hypot(along, rest), 1e-12)).mean()))
    return tuple(found)


class BatchGradients(Figure):
    title = "A batch guesses the direction"
    says = (
        "Each thin arrow is the gradient of one batch, the thick one that of all pictures. Larger batches "
        "agree better, but four times the pictures only halve the spread."
    )
    controls = (
        Choose("size", "pictures in a batch", {f"{size:,}": size for size in SIZES}, value="16"),
        Choose("trained", "model", {"untrained": False, "trained for a while": True}),
        Toggle("ordered", "rows sorted by class"),
        Button("again", "another order"),
    )

    def draw(self, size: int, trained: bool, ordered: bool, again: int, **_: Any) -> str:
        gradients = batch_gradients(size, trained=trained, ordered=ordered, seed=again)
        along, rest = against_full(gradients, trained=trained)
        means = cosines(trained, ordered, again)
        chart = line_chart(
            {"mean cosine with the full gradient": list(zip(SIZES, means))},
            points={"this batch size": [(size, means[SIZES.index(size)])]},
            across="pictures in a batch", up="cosine", logarithmic="x", y=(0, 1), width=360, height=230,
        )  # fmt: skip
        told = (
            "Each thin arrow stands at its true angle to the thick one, in turn above and below. Mean "
            f"cosine {means[SIZES.index(size)]:.2f} over {len(along)} batches; 1 would be the same "
            f"direction. The part beside the direction is {np.median(rest):.2f} times as long as the full "
            "gradient (median)."
        )
        return columns(_arrows(along, rest), chart) + note(told)


def _arrows(along: np.ndarray, rest: np.ndarray) -> str:
    """Arrows from one point; up and down in turn, as the rest has no sign of its own."""
    reach = max(1.2, float(np.quantile(np.abs(along), 0.95)), float(np.quantile(rest, 0.95)))
    middle, scale, parts = 130.0, 120.0 / reach, []
    for number, (x, y) in enumerate(zip(along, rest)):
        up = y if number % 2 else -y
        parts.append(f'<path d="M{middle} {middle}L{middle + x * scale:.1f} {middle + up * scale:.1f}"/>')
    full = middle + scale
    label = f"gradients of {len(along)} batches around the gradient of all pictures"
    return (
        f'<svg class="chart" viewBox="0 0 260 260" width="300" role="img" aria-label="{label}">'
        f'<g style="stroke:var(--warn);stroke-width:1;opacity:.6;fill:none">{"".join(parts)}</g>'
        f'<path d="M{middle} {middle}H{full:.1f}" style="stroke:var(--accent);stroke-width:4"/>'
        f'<circle cx="{full:.1f}" cy="{middle}" r="5" style="fill:var(--accent)"/>'
        f'<text x="8" y="250">thick: all {len(rows_and_targets()[0]):,} pictures</text></svg>'
    )


def _softmax(scores: np.ndarray) -> np.ndarray:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)
