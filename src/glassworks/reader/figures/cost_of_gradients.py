"""What a gradient costs: one pass back over the tape, or one forward pass for every single weight.

The slope of each weight can also be had by nudging it and computing the loss again. That needs as many
forward passes as there are weights; the tape needs one pass back, whatever their number. It pays with
memory: every value of the forward pass stays until the pass back has used it. All is measured as it is shown.
Change first: `HIDDEN`, the widths of the networks that are measured.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np

from glassworks.foundations.by_hand import TwoLayers
from glassworks.foundations.tape import Value, cross_entropy, ordered
from glassworks.reader import draw
from glassworks.reader.figure import Button, Choose, Figure

INPUTS, CLASSES = 16, 4
HIDDEN = (2, 4, 8, 16)  # 46 to 340 weights
REPEATS = 9  # of the forward pass and the pass back
NUDGE = 1e-5


@dataclass(frozen=True)
class Cost:
    """Seconds for one forward pass, for the pass back, for nudging every weight once; bytes of numbers."""

    weights: int
    forward: float
    backward: float
    nudging: float
    weight_bytes: int
    tape_bytes: int
    difference: float  # the largest between the two kinds of gradient


def gradient_by_nudging(loss: Callable[[], Value], parameters: list[Value]) -> list[np.ndarray]:
    """Finite differences: nudge a weight, compute the loss again, put it back; for every weight."""
    before = loss().data.item()
    slopes = []
    for parameter in parameters:
        slope = np.empty(parameter.data.size)
        flat = parameter.data.reshape(-1)  # a view: what is written here is written to the weight
        for place, kept in enumerate(flat.copy()):
            flat[place] = kept + NUDGE
            slope[place] = (loss().data.item() - before) / NUDGE
            flat[place] = kept
        slopes.append(slope.reshape(parameter.shape))
    return slopes


def measure(hidden: int, rows: int) -> Cost:
    """One network with its costs, on the clock of this machine."""
    generator = np.random.default_rng(hidden)
    model = TwoLayers(INPUTS, hidden, CLASSES, generator)
    pictures, targets = generator.normal(size=(rows, INPUTS)), generator.integers(0, CLASSES, rows)
    passes: list[float] = []  # seconds of each forward pass
    backwards: list[float] = []

    def loss() -> Value:
        start = time.perf_counter()
        value = cross_entropy(model(pictures), targets)
        passes.append(time.perf_counter() - start)
        return value

    for _ in range(REPEATS):
        for parameter in model.parameters():
            parameter.grad = None
        value = loss()
        start = time.perf_counter()
        value.backward()
        backwards.append(time.perf_counter() - start)
    forward, passes = median(passes), []
    nudged = gradient_by_nudging(loss, model.parameters())
    # The middle pass times their number: a few passes are held up by other programs, the middle one is not.
    nudging = median(passes) * len(passes)
    weights = sum(parameter.data.size for parameter in model.parameters())
    held = sum(node.data.nbytes for node in ordered(loss()) if node.edges)
    off = max(np.abs(p.grad - n).max() for p, n in zip(model.parameters(), nudged) if p.grad is not None)
    return Cost(weights, forward, median(backwards), nudging, weights * 8, held, float(off))


class CostOfGradients(Figure):
    title = "The tape against nudging every weight"
    says = (
        "Twice the weights take nudging twice the passes. The tape takes one pass back, whatever their "
        "number. Both find the same gradient."
    )
    controls = (
        Choose("rows", "examples in the batch", {"1": 1, "8": 8, "64": 64}, "8"),
        Button("again", "Measure again"),
    )

    def draw(self, rows: int, again: int) -> str:
        costs = [measure(hidden, rows) for hidden in HIDDEN]
        chart = draw.line_chart(
            {
                "nudging every weight": [(cost.weights, 1000 * cost.nudging) for cost in costs],
                "forward and back on the tape": [(c.weights, 1000 * (c.forward + c.backward)) for c in costs],
                "one forward pass": [(cost.weights, 1000 * cost.forward) for cost in costs],
            },
            across="number of weights", up="milliseconds", logarithmic="xy", width=460, height=260,
        )  # fmt: skip
        return draw.columns(chart, _table(costs)) + _words(costs[-1])


def _table(costs: list[Cost]) -> str:
    head = ("weights", "forward", "back", "nudging", "weights, bytes", "on the tape, bytes")
    rows = [
        (
            f"{cost.weights}", f"{1000 * cost.forward:.3f} ms", f"{1000 * cost.backward:.3f} ms",
            f"{1000 * cost.nudging:.1f} ms", f"{cost.weight_bytes}", f"{cost.tape_bytes}",
        )
        for cost in costs
    ]  # fmt: skip
    return draw.table(head, rows)


def _words(cost: Cost) -> str:
    million = 1e6 * cost.forward
    time_for_it = f"{million:.0f} seconds" if million < 120 else f"{million / 60:.0f} minutes"
    return draw.text(
        f"Measured on this machine just now, median passes. With {cost.weights} weights the pass back took "
        f"{cost.backward / cost.forward:.1f} times the forward pass, and nudging "
        f"{cost.nudging / (cost.forward + cost.backward):.0f} times forward and back together. A million "
        f"weights would need a million forward passes for one step: {time_for_it}, even if each stayed as "
        f"short as here. The two gradients differ by at most {cost.difference:.0e}: a nudge is an "
        "approximation."
    )
