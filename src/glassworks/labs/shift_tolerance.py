"""Move a digit by a pixel or more: how often does a network that has learned keep its answer?

Four networks halve their maps twice, each in another way: with a stride, by mean pooling, by max pooling,
and by max pooling with a blur before numbers are left out. All learn digits that stand in the middle of an
empty square, and are asked about digits that have been moved. The lab asks whether pooling keeps more answers
than a stride, and whether any of them keeps all. Beside it stand two other means against shifts: a head that
takes the mean of each map, and digits that were moved while learning.

Source: Zhang 2019, "Making convolutional networks shift-invariant again", arXiv 1904.11486 (the blur, and the
share of answers kept as a measure).
Change first: `FURTHEST`, how far digits are moved.
Command: glassworks lab shift-tolerance

Axes: pictures (rows, 1, 32, 32); classes the ten digits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassworks.core.keyed import permutation, seed_for
from glassworks.data.augment import NOTHING, Augment
from glassworks.judging.intervals import Interval
from glassworks.labs.cnn_against_vit import learn
from glassworks.labs.digits import CLASSES, SIDE, Part, digits
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Span, Table, Verdict
from glassworks.labs.paired import difference, mean_interval

SEEDS, QUICK_SEEDS = tuple(range(6)), (0, 1)
PRECISION = "float32"
Down = Literal["stride", "mean", "max", "blurred"]
Head = Literal["places", "mean"]
LARGE, CANVAS, FURTHEST = 2 * SIDE, 32, 4  # a digit is 16 pixels on a side, in the middle of 32
WIDTHS = (16, 32)
TEST, STEPS, QUICK_STEPS, RATE = 500, 300, 15, 5e-3
MOVED = Augment(shift=FURTHEST / CANVAS)
DIRECTIONS = ((-1, 0), (1, 0), (0, -1), (0, 1))  # (down, right)
DISTANCES = tuple(range(1, FURTHEST + 1))


@dataclass(frozen=True)
class Arm:
    '""One row. down: how maps are halved; head: reads every place, or the mean of each map; moved: in'

    'training.""'

    name: str
    down: Down
    head: Head = "places"
    how: Augment = NOTHING


ARMS = (
    Arm("stride", "stride"),
    Arm("mean pooling", "mean"),
    Arm("max pooling", "max"),
    Arm("max pooling, blurred", "blurred"),
    Arm("max pooling, head over means", "max", "mean"),
    Arm("blurred, head over means", "blurred", "mean"),
    Arm("max pooling, moved while learning", "max", how=MOVED),
)
BASE, POOLINGS, BESIDE, PLAIN = ARMS[0], ARMS[1:4], ARMS[4:], ARMS[2]
RULE = (
    f"Kept = share of test digits whose answer stays the same when they are moved by 1 to {FURTHEST} pixels, "
    "the mean over four directions and these distances, in points of 100. A kind of pooling is more tolerant "
    "when the interval of kept minus that of the stride, seed by seed, lies above 0, and it is not "
    'immune when the whole interval of what it keeps lies below 100. The claim "holds" when both are so '
    'for all three, "does not hold" when for one of them the difference lies below 0 or what it keeps '
    'reaches 100, and is "not shown" otherwise; the six intervals are widened so that they are right at '
    "once with 95 %. Beside it, without deciding: each distance, accuracy, a head over the mean of each "
    "map, and digits that are moved while learning."
)


# ---- pictures


@lru_cache(maxsize=1)
def canvas() -> Part:
    """All digits, twice as large and smooth, in the middle of an empty square: (rows, 1, 32, 32)."""
    everything = digits()
    large = F.interpolate(everything.pictures[:, None], scale_factor=2, mode="bilinear", align_corners=False)
    rim = (CANVAS - LARGE) // 2
    return Part(F.pad(large, (rim,) * 4), everything.targets)


def parts(seed: int) -> tuple[Part, Part]:
    """What is learned from and the test part, scaled by the first; the same for the same seed."""
    everything = canvas()
    order = torch.from_numpy(permutation(len(everything.targets), seed, "shift tolerance"))
    training, test = everything.take(order[TEST:]), everything.take(order[:TEST])
    mean, std = training.pictures.mean(), training.pictures.std()
    first, second = (Part((part.pictures - mean) / std, part.targets) for part in (training, test))
    return first, second


def moved(pictures: Tensor, down: int, right: int) -> Tensor:
    '""Pictures moved by whole pixels, at most the empty rim; what leaves on one side is empty like what'
    'comes.""'
    rim = (CANVAS - LARGE) // 2
    if max(abs(down), abs(right)) > rim:
        raise ValueError(f"moved: expected at most {rim} pixels, so that no ink leaves; got {down}, {right}")
    return pictures.roll((down, right), dims=(-2, -1))


# ---- networks


class Blur(nn.Module):
    """A mean weighted 1, 2, 1 in both directions, taken at every second place. (…, h, w) -> (…, h/2, w/2)."""

    weights: Tensor

    def __init__(self, channels: int):
        super().__init__()
        row = torch.tensor([1.0, 2.0, 1.0])
        self.register_buffer("weights", (row[:, None] * row / 16).expand(channels, 1, 3, 3).clone())

    def forward(self, maps: Tensor) -> Tensor:
        padded = F.pad(maps, (1, 1, 1, 1), mode="reflect")
        return F.conv2d(padded, self.weights, stride=2, groups=len(self.weights))


class Dense(nn.Module):
    """The largest of 2 x 2 at every place, not at every second one; the size is kept."""

    def forward(self, maps: Tensor) -> Tensor:
        return F.max_pool2d(F.pad(maps, (0, 1, 0, 1)), 2, stride=1)  # after ReLU a rim of 0 never wins


def halving(down: Down, channels: int) -> nn.Module:
    """What follows a filter and ReLU; with a stride the filter has done it already."""
    if down == "mean":
        return nn.AvgPool2d(2)
    if down == "max":
        return nn.MaxPool2d(2)
    return nn.Sequential(Dense(), Blur(channels)) if down == "blurred" else nn.Identity()


def network(down: Down, head: Head = "places") -> nn.Sequential:
    """Two stages, then scores: (rows, 1, 32, 32) -> (rows, classes)."""
    layers: list[nn.Module] = []
    for before, after in zip((1, *WIDTHS), WIDTHS):
        filters = nn.Conv2d(before, after, 3, padding=1, stride=2 if down == "stride" else 1)
        layers += [filters, nn.BatchNorm2d(after), nn.ReLU(), halving(down, after)]
    side = CANVAS // 4
    places = 1 if head == "mean" else side * side
    layers += [nn.AdaptiveAvgPool2d(1)] if head == "mean" else []
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(WIDTHS[-1] * places, CLASSES))


def built(arm: Arm, seed: int) -> nn.Sequential:
    """The network with the start of this seed; what else draws numbers goes on as before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, "shift tolerance", arm.head))
        return network(arm.down, arm.head)


@lru_cache(maxsize=32)
def trained(arm: Arm, seed: int, steps: int = STEPS) -> nn.Module:
    """The network after its training, in evaluation mode; some seconds on one core."""
    return learn(built(arm, seed), parts(seed)[0], seed, steps=steps, rate=RATE, how=arm.how)


@dataclass(frozen=True)
class Found:
    """Points of 100 of one run. accuracy: by distance from 0; kept: by distance from 1."""

    accuracy: tuple[float, ...]
    kept: tuple[float, ...]


@torch.no_grad()
def judged(model: Callable[[Tensor], Tensor], test: Part) -> Found:
    """Asked in the middle, then moved: right answers, and answers that stayed."""
    said = model(test.pictures).argmax(1)
    right, kept = [_points(said == test.targets)], []
    for distance in DISTANCES:
        answers = torch.stack(
            [model(moved(test.pictures, y * distance, x * distance)).argmax(1) for y, x in DIRECTIONS]
        )
        right.append(_points(answers == test.targets))
        kept.append(_points(answers == said))
    return Found(tuple(right), tuple(kept))


def _points(hits: Tensor) -> float:
    return 100 * float(hits.double().mean())


# ---- the experiment and its rule


def experiment(bench: Bench) -> Findings:
    """Every arm with every seed."""
    steps = QUICK_STEPS if bench.quick else STEPS
    found: dict[Arm, list[Found]] = {}
    for arm in ARMS:
        rows = []
        for seed in bench.seeds:
            bench.go_on()
            rows.append(judged(trained(arm, seed, steps), parts(seed)[1]))
        found[arm] = rows
        bench.say(f"{arm.name}: keeps {np.mean([row.kept for row in rows]):.1f} % of its answers")
    trained.cache_clear()
    numbers = _numbers(found)
    return Findings(numbers, [_table(numbers)], _charts(numbers), NOTES)


def _numbers(found: dict[Arm, list[Found]]) -> Numbers:
    """By arm what is kept over all distances and at each, and accuracy; one number a seed."""
    numbers: Numbers = {}
    for arm, rows in found.items():
        numbers[f"kept: {arm.name}"] = [float(np.mean(row.kept)) for row in rows]
        for place, distance in enumerate(DISTANCES):
            numbers[f"kept {distance}: {arm.name}"] = [row.kept[place] for row in rows]
        for distance in (0, *DISTANCES):
            numbers[f"accuracy {distance}: {arm.name}"] = [row.accuracy[distance] for row in rows]
    return numbers


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    many = 2 * len(POOLINGS)
    base = numbers[f"kept: {BASE.name}"]
    gains = {arm: difference(numbers[f"kept: {arm.name}"], base, comparisons=many) for arm in POOLINGS}
    kept = {arm: mean_interval(numbers[f"kept: {arm.name}"], comparisons=many) for arm in POOLINGS}
    outcome: Outcome = "not shown"
    if all(one.low is not None and one.low > 0 for one in gains.values()) and all(
        one.high is not None and one.high < 100 for one in kept.values()
    ):
        outcome = "holds"
    if any(one.high is not None and one.high < 0 for one in gains.values()) or any(
        one.value >= 100 for one in kept.values()
    ):
        outcome = "does not hold"
    told = "; ".join(f"{arm.name} {_mean(numbers, arm)} %, {words(gains[arm])}" for arm in POOLINGS)
    beside = "; ".join(
        f"{arm.name} {_mean(numbers, arm)} %, "
        f"{words(difference(numbers[f'kept: {arm.name}'], numbers[f'kept: {PLAIN.name}']))} over max pooling"
        for arm in BESIDE
    )
    one = ", ".join(f"{arm.name} {np.mean(numbers[f'kept 1: {arm.name}']):.1f} %" for arm in ARMS[:4])
    sentence = (
        f"Moved by 1 to {FURTHEST} pixels, the network with a stride keeps {np.mean(base):.1f} % of its "
        f"answers. Points more than that: {told}. No answer is safe: at one pixel they keep {one}. Beside "
        f"it: {beside}."
    )
    spans = ", ".join(f"{arm.name} {words(gains[arm])}" for arm in POOLINGS)
    return Verdict(
        outcome=outcome,
        sentence=sentence,
        interval=f"kept beyond the stride, points: {spans}; n = {len(base)} seeds, 95 % for all six at once",
    )


def words(one: Interval) -> str:
    """ "+5.2 (+3.1 to +7.3)", or the value alone with one seed."""
    value = round(one.value, 1) + 0.0  # the sum makes -0.0 a plain zero
    if one.low is None or one.high is None:
        return f"{value:+.1f} (one seed, no interval)"
    return f"{value:+.1f} ({one.low:+.1f} to {one.high:+.1f})"


def _mean(numbers: Numbers, arm: Arm) -> str:
    return f"{np.mean(numbers[f'kept: {arm.name}']):.1f}"


def _table(numbers: Numbers) -> Table:
    rows = []
    for arm in ARMS:
        kept = (f"{np.mean(numbers[f'kept {distance}: {arm.name}']):.1f}" for distance in DISTANCES)
        ends = (f"{np.mean(numbers[f'accuracy {distance}: {arm.name}']):.1f}" for distance in (0, FURTHEST))
        rows.append((arm.name, *kept, *ends))
    head = ("maps are halved by", *(f"kept at {distance} px, %" for distance in DISTANCES),
            "accuracy in the middle, %", f"accuracy at {FURTHEST} px, %")  # fmt: skip
    return Table(title="Answers kept when the digit moves", head=head, rows=tuple(rows))


def _charts(numbers: Numbers) -> list[Chart]:
    curves = {
        arm.name: tuple(
            (float(distance), float(np.mean(numbers[f"kept {distance}: {arm.name}"])))
            for distance in DISTANCES
        )
        for arm in ARMS
    }
    spans = tuple(_span(arm.name, mean_interval(numbers[f"kept: {arm.name}"])) for arm in ARMS)
    return [
        Chart(title="Answers kept over the move", across="pixels moved", up="kept, %", curves=curves),
        Chart(title=f"Kept, mean over 1 to {FURTHEST} pixels", across="%", spans=spans),
    ]


def _span(name: str, one: Interval) -> Span:
    low, high = (one.value if end is None else end for end in (one.low, one.high))
    return Span(name=name, low=low, value=one.value, high=high)


NOTES = (
    f"Digits of 8 x 8 squares, enlarged to {LARGE} x {LARGE} pixels, in the middle of {CANVAS} x "
    f"{CANVAS}. Moved by up to {FURTHEST} pixels no ink leaves the square, so a move takes nothing away. "
    "One pixel is a sixteenth of a digit.",
    f"Every seed deals {TEST} digits to judge by and learns from the other 1,297, which all stand in the "
    f"middle (but where the row says that they were moved), for {STEPS} steps of 32. Filters, rate and "
    "the start of each seed are the same in all rows; the rate was chosen for the stride alone, by its "
    "accuracy in the middle.",
    "With a stride the filters are computed at a quarter of the places: it costs a quarter of the work. "
    "The rows are equal in what they learn, not in time.",
    "An answer that is kept may be a wrong one. A network that always says the same keeps everything, so "
    "accuracy stands beside it.",
)
