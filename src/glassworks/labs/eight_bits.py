"""Rounding a trained CNN to whole numbers: eight bits, four bits, and scales that were measured badly.

Weights are rounded by a scale for each filter, what goes into a layer by one scale and zero point, measured
as the smallest and largest value on some training pictures (calibration). Rounded values are put back into
float, so the error is that of eight bits, without their speed. The networks are the teachers of
`distillation_gain`: CNNs of 53,194 numbers on 200 digits. Norms and sums stay in float.
The first thing to change: ARMS.

Source: Jacob et al. 2018, arXiv 1712.05877.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from glassworks.core.keyed import permutation
from glassworks.judging.intervals import Interval
from glassworks.labs.distillation_gain import QUICK_STEPS, accuracy, parts, teach, words
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Span, Table, Verdict
from glassworks.labs.paired import difference

SEEDS, QUICK_SEEDS = tuple(range(8)), (0, 1)
PRECISION = "float32"
STEPS = 300
CLEAR = 1.0  # point of 100


@dataclass(frozen=True)
class Arm:
    """bits: of weights and inputs; pictures: that the scales are measured on; each: a scale for each filter;
    turned: measured on pictures with black and white exchanged."""

    bits: int = 8
    pictures: int = 100
    each: bool = True
    turned: bool = False


ARMS = {
    "8 bits": Arm(),
    "8 bits, one scale a layer": Arm(each=False),
    "8 bits, measured on 2 pictures": Arm(pictures=2),
    "8 bits, measured on negatives": Arm(turned=True),
    "6 bits": Arm(bits=6),
    "4 bits": Arm(bits=4),
    "3 bits": Arm(bits=3),
}
RULE = (
    "Loss = test accuracy of a CNN in float minus that of the same CNN rounded, in points of 100, seed by "
    f"seed. The claim holds when the interval of the mean loss of eight bits ends below {CLEAR:g} point and "
    f"that of three bits begins above {CLEAR:g} (95 %, both at once). It does not hold when the loss of "
    f"eight bits begins above {CLEAR:g}, and is not shown otherwise. Told beside it, without deciding: other "
    "bits, one scale for all filters of a layer, and scales measured on few or on other pictures."
)


def rounded_weight(weight: Tensor, bits: int, each: bool) -> Tensor:
    """Whole numbers from -(2^(bits-1) - 1) to 2^(bits-1) - 1, times the scale. (filters, …) -> the same."""
    most = 2 ** (bits - 1) - 1
    flat = weight.flatten(1)
    largest = flat.abs().amax(1) if each else flat.abs().max().expand(len(flat))
    scale = (largest / most).clamp_min(1e-12).view(-1, *[1] * (weight.dim() - 1))
    return (weight / scale).round().clamp(-most, most) * scale


def rounded_input(values: Tensor, low: float, high: float, bits: int) -> Tensor:
    """Whole numbers from 0 to 2^bits - 1 with a zero point, put back; what lies outside is cut off."""
    low, high = min(low, 0.0), max(high, 0.0)  # 0 has a number of its own: padding is 0
    scale = max((high - low) / (2**bits - 1), 1e-12)
    zero = round(-low / scale)
    return ((values / scale + zero).round().clamp(0, 2**bits - 1) - zero) * scale


def rounded(model: nn.Module, pictures: Tensor, arm: Arm) -> nn.Module:
    """A copy whose filters and dense layers round weights and inputs; pictures: to measure the scales on."""
    copied = copy.deepcopy(model).eval()
    layers = [layer for layer in copied.modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]
    seen: dict[nn.Module, tuple[float, float]] = {}

    def measure(layer: nn.Module, given: tuple[Tensor]) -> None:
        seen[layer] = float(given[0].min()), float(given[0].max())

    handles = [layer.register_forward_pre_hook(measure) for layer in layers]
    with torch.no_grad():
        copied(-pictures if arm.turned else pictures)
    for handle in handles:
        handle.remove()
    for layer in layers:
        layer.weight.data = rounded_weight(layer.weight.data, arm.bits, arm.each)
        layer.register_forward_pre_hook(_rounding(*seen[layer], arm.bits))
    return copied


def _rounding(low: float, high: float, bits: int) -> Callable[[nn.Module, tuple[Tensor]], tuple[Tensor]]:
    return lambda layer, given: (rounded_input(given[0], low, high, bits),)


def play(seed: int, steps: int) -> dict[str, float]:
    """Test accuracy of a CNN in float and in every arm, with one seed."""
    given = parts(seed)
    model = teach(given["labelled"], steps, seed)
    order = torch.from_numpy(permutation(len(given["labelled"].targets), seed, "eight bits"))
    found = {"float": accuracy(model, given["test"])}
    for name, arm in ARMS.items():
        measured = given["labelled"].pictures[order[: arm.pictures]]
        found[name] = accuracy(rounded(model, measured, arm), given["test"])
    return found


def experiment(bench: Bench) -> Findings:
    """Every seed, every way to round."""
    numbers: Numbers = {}
    for seed in bench.seeds:
        bench.go_on()
        found = play(seed, QUICK_STEPS if bench.quick else STEPS)
        for name, value in found.items():
            numbers.setdefault(name, []).append(value)
        bench.say(f"seed {seed}: " + ", ".join(f"{name} {value:.1f}" for name, value in found.items()))
    return Findings(numbers, [_table(numbers)], [_chart(numbers)], NOTES)


def losses(numbers: Numbers, arm: str, *, comparisons: int = 1) -> Interval:
    """Points of accuracy that an arm loses against float."""
    return difference(numbers["float"], numbers[arm], comparisons=comparisons)


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    eight, three = (losses(numbers, arm, comparisons=2) for arm in ("8 bits", "3 bits"))
    outcome: Outcome = "not shown"
    if None not in (eight.high, three.low) and eight.high < CLEAR < three.low:  # type: ignore[operator]
        outcome = "holds"
    elif eight.low is not None and eight.low > CLEAR:
        outcome = "does not hold"
    beside = ", ".join(
        f"{name} {words(losses(numbers, name))}" for name in ARMS if name not in ("8 bits", "3 bits")
    )
    return Verdict(
        outcome=outcome,
        sentence=f"In float the CNN reaches {np.mean(numbers['float']):.1f} %. Points lost: 8 bits "
        f"{words(eight)}, 3 bits {words(three)}. Beside it: {beside}.",
        interval=f"8 bits {words(eight)}, 3 bits {words(three)}; n = {eight.n} seeds, 95 % for both at once",
    )


def _table(numbers: Numbers) -> Table:
    rows = [("float", f"{np.mean(numbers['float']):.1f}", "")]
    rows += [(name, f"{np.mean(numbers[name]):.1f}", words(losses(numbers, name))) for name in ARMS]
    head = ("rounded to", "test accuracy, %", "points lost (95 %)")
    return Table(title="One trained CNN, rounded in several ways", head=head, rows=tuple(rows))


def _chart(numbers: Numbers) -> Chart:
    spans = []
    for name in ARMS:
        one = losses(numbers, name)
        low, high = (one.value if end is None else end for end in (one.low, one.high))
        spans.append(Span(name=name, low=low, value=one.value, high=high))
    return Chart(title="Points lost by rounding", across="points lost", spans=tuple(spans))


NOTES = (
    "Digits of 8 x 8 squares, dealt anew by every seed: 200 to learn from and to measure scales on, 900 to "
    "judge by. The network has two stages of filters and two dense layers.",
    "Rounded values are computed in float: nothing here says how fast whole numbers are. The workbench's own "
    "int8 files are made by onnxruntime, and checked on held-out pictures before they are handed over.",
)
