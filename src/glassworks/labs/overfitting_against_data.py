"""Overfitting against the number of examples: how far a model is better on what it was trained with.

A small and a large network learn from 10 to 1,000 digits, with the same number of steps each time, and the
gap between training and test accuracy is drawn over the size. The lab asks whether more examples close the
gap, whether the large model overfits more, and what it brings to give a fifth of the examples away as a
validation part and to stop where that is best.

Source: Geman, Bienenstock, Doursat 1992, "Neural networks and the bias/variance dilemma"; for the second
question Neyshabur, Tomioka, Srebro 2014, arXiv 1412.6614.
Change first: `WIDTHS`, the hidden layers of the two models.
Command: glassworks lab overfitting-against-data

Axes: rows are pictures, inputs their 64 squares, classes the ten digits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassworks.core.keyed import permutation, seed_for
from glassworks.judging.intervals import Interval
from glassworks.labs.digits import CLASSES, Part, batches, digits
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Table, Verdict
from glassworks.labs.paired import mean_interval

SEEDS, QUICK_SEEDS = tuple(range(10)), (0, 1, 2)
SIZES, QUICK_SIZES = (10, 20, 50, 100, 200, 500, 1000), (10, 50, 200)
PRECISION = "float32"
Kind = Literal["small", "large"]
WIDTHS: dict[Kind, tuple[int, ...]] = {"small": (16,), "large": (256, 256)}
TEST, WATCHED = 500, 297  # pictures that judge, and that are only watched; up to 1,000 are left to learn from
STEPS, QUICK_STEPS, LOOK = 400, 150, 10  # steps of a run, and between two looks
BATCH, RATE, HELD = 32, 0.1, 0.2
RULE = (
    "Gap = training accuracy minus test accuracy after the last step, in points of 100. For each seed a line "
    'is laid through the gap over the logarithm of the number of examples. The claim "holds" when for both '
    'models the interval of the mean slope lies below 0 (95 % for both at once), "does not hold" when one '
    'lies above 0, and is "not shown" otherwise. Beside it, without deciding: the gap of the large model '
    "minus that of the small one, and what it changes to give a fifth of the examples away and to stop by "
    "them, each averaged over the sizes, seed by seed, with 95 % each."
)
BESIDE = (  # what is measured beside the claim, for both models together but the first
    LARGER := "gap: large minus small",
    GIVEN := "giving a fifth away: test accuracy",
    STOPPED := "stopping by it: test accuracy",
    LOSS := "both: test loss",
)


@dataclass(frozen=True)
class Look:
    """One look at a model: mean loss in nats, and accuracy."""

    loss: float
    accuracy: float


@dataclass(frozen=True)
class Trained:
    """A run and its looks, every LOOK steps.

    watched: on pictures that neither train nor judge; held: on the part that was given away, if any
    stop:    the place of the look with the lowest loss on `held`, the last one where nothing was held
    """

    steps: tuple[int, ...]
    training: tuple[Look, ...]
    watched: tuple[Look, ...]
    test: tuple[Look, ...]
    held: tuple[Look, ...] = ()

    @property
    def stop(self) -> int:
        if not self.held:
            return len(self.steps) - 1
        return int(np.argmin([look.loss for look in self.held]))

    @property
    def gap(self) -> float:
        """Training minus test accuracy after the last step, in points of 100."""
        return 100 * (self.training[-1].accuracy - self.test[-1].accuracy)


def train_on(
    count: int, kind: Kind = "large", seed: int = 0, *, held: float = 0.0, steps: int = STEPS
) -> Trained:
    """Train on `count` digits (10 to 1,000) and look every 10 steps; at most a second on one core.

    kind: "small" (16 hidden units) or "large" (two layers of 256)
    held: share of the `count` pictures that is given away to choose the moment to stop
    The same seed draws the same pictures, and fewer of them are a part of more.
    """
    learn, watched, test = _parts(count, seed)
    away = max(1, round(count * held)) if held else 0
    given, training = learn.take(slice(0, away)), learn.take(slice(away, None))
    dice = torch.Generator().manual_seed(seed_for(seed, "overfitting", kind, count))
    model = _network(kind, dice)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    parts = {"training": training, "watched": watched, "test": test} | ({"held": given} if away else {})
    looks: dict[str, list[Look]] = {name: [] for name in parts}
    for step, chosen in zip(range(1, steps + 1), batches(len(training.targets), BATCH, dice, full=False)):
        loss = F.cross_entropy(model(training.pictures[chosen]), training.targets[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % LOOK == 0:
            for name, part in parts.items():
                looks[name].append(_look(model, part))
    at = tuple(range(LOOK, steps + 1, LOOK))
    return Trained(at, **{name: tuple(row) for name, row in looks.items()})


def _parts(count: int, seed: int) -> tuple[Part, Part, Part]:
    """`count` pictures to learn from, those that are watched, and the test part; scaled by the first."""
    everything = digits()
    most = len(everything.targets) - TEST - WATCHED
    if not 10 <= count <= most:
        raise ValueError(f"train_on: expected 10 to {most:,} pictures; got {count}")
    order = torch.from_numpy(permutation(len(everything.targets), seed, "overfitting"))
    places = order[TEST + WATCHED :][:count], order[TEST : TEST + WATCHED], order[:TEST]
    learn, watched, test = (everything.take(rows) for rows in places)
    mean, std = learn.pictures.mean(), learn.pictures.std()

    def scaled(part: Part) -> Part:
        return Part(((part.pictures - mean) / std).flatten(1), part.targets)  # (rows, inputs)

    return scaled(learn), scaled(watched), scaled(test)


def _network(kind: Kind, dice: torch.Generator) -> nn.Sequential:
    """Dense layers with ReLU between them: (rows, inputs) -> scores (rows, classes)."""
    sizes = (64, *WIDTHS[kind], CLASSES)
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layer = nn.utils.skip_init(nn.Linear, before, after)  # torch's own start would use shared dice
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=dice)
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


@torch.no_grad()
def _look(model: Callable[[Tensor], Tensor], part: Part) -> Look:
    scores = model(part.pictures)
    right = int((scores.argmax(dim=1) == part.targets).sum())
    return Look(F.cross_entropy(scores, part.targets).item(), right / len(part.targets))


Runs = dict[
    tuple[Kind, int], list[tuple[Trained, Trained]]
]  # (all examples, a fifth given away) of each seed


def experiment(bench: Bench) -> Findings:
    """Both models, every size, every seed; once with all examples and once with a fifth given away."""
    sizes, steps = (QUICK_SIZES, QUICK_STEPS) if bench.quick else (SIZES, STEPS)
    runs: Runs = {}
    for kind in WIDTHS:
        for count in sizes:
            bench.go_on()
            runs[kind, count] = [
                (
                    train_on(count, kind, seed, steps=steps),
                    train_on(count, kind, seed, held=HELD, steps=steps),
                )
                for seed in bench.seeds
            ]
            gap = np.mean([whole.gap for whole, _ in runs[kind, count]])
            bench.say(f"{kind} model, {count} digits: gap {gap:.1f} points")
    return Findings(_numbers(runs), [_table(runs)], _charts(runs, sizes), NOTES)


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    slopes = {kind: mean_interval(numbers[f"slope: {kind}"], comparisons=len(WIDTHS)) for kind in WIDTHS}
    outcome: Outcome = "not shown"
    if all(slope.high is not None and slope.high < 0 for slope in slopes.values()):
        outcome = "holds"
    if any(slope.low is not None and slope.low > 0 for slope in slopes.values()):
        outcome = "does not hold"
    gaps = {kind: f"{_words(slope)} points" for kind, slope in slopes.items()}
    larger, given, stopped, loss = (mean_interval(numbers[name]) for name in BESIDE)
    sentence = (
        f"For each tenfold of examples the gap changes by {gaps['small']} in the small model and by "
        f"{gaps['large']} in the large one. {_compared(larger)} To give "
        f"a fifth of the examples away as a validation part changes test accuracy by {_words(given)} points, "
        f"to stop by it by {_words(stopped)} more; the test loss changes by {_words(loss, 2)} nats with both."
    )
    return Verdict(
        outcome=outcome,
        sentence=sentence,
        interval=f"slope for each tenfold: small {gaps['small']}, large {gaps['large']}; n = {larger.n} "
        "seeds, 95 % for both at once",
    )


def _compared(larger: Interval) -> str:
    """The usual claim, that a larger model overfits more, in the light of the numbers."""
    told = "no difference is shown"
    if larger.excludes_zero:
        told = "wider, as is often said" if larger.value > 0 else "narrower, against what is often said"
    return f"The gap of the large model minus that of the small one is {_words(larger)} points: {told}."


def _numbers(runs: Runs) -> Numbers:
    """What the rule reads, one number for each seed."""
    sizes = sorted({count for _, count in runs})
    seeds = len(next(iter(runs.values())))
    numbers: Numbers = {name: [] for name in (*(f"slope: {kind}" for kind in WIDTHS), *BESIDE)}
    for place in range(seeds):
        mine = {key: row[place] for key, row in runs.items()}
        for kind in WIDTHS:
            gaps = [mine[kind, count][0].gap for count in sizes]
            numbers[f"slope: {kind}"].append(float(np.polyfit(np.log10(sizes), gaps, 1)[0]))
        wider = [mine["large", count][0].gap - mine["small", count][0].gap for count in sizes]
        numbers[LARGER].append(float(np.mean(wider)))
        given, stopped, loss = zip(*(_changed(whole, held) for whole, held in mine.values()))
        numbers[GIVEN].append(float(np.mean(given)))
        numbers[STOPPED].append(float(np.mean(stopped)))
        numbers[LOSS].append(float(np.mean(loss)))
    return numbers


def _changed(whole: Trained, held: Trained) -> tuple[float, float, float]:
    """Points of test accuracy by giving away, then by stopping; nats of test loss by both."""
    end, stop = held.test[-1], held.test[held.stop]
    given = 100 * (end.accuracy - whole.test[-1].accuracy)
    return given, 100 * (stop.accuracy - end.accuracy), stop.loss - whole.test[-1].loss


def _words(one: Interval, decimals: int = 1) -> str:
    if one.low is None or one.high is None:
        return f"{one.value:.{decimals}f} (one seed, no interval)"
    return f"{one.value:.{decimals}f} ({one.low:.{decimals}f} to {one.high:.{decimals}f})"


def _table(runs: Runs) -> Table:
    rows = []
    for (kind, count), pairs in runs.items():
        ends = [(whole.training[-1], whole.test[-1], held.test[held.stop]) for whole, held in pairs]
        training, test, stopped = (
            np.mean([[look.accuracy, look.loss] for look in row], 0) for row in zip(*ends)
        )
        rows.append((
            kind, f"{count:,}", f"{100 * training[0]:.1f}", f"{100 * test[0]:.1f}",
            _words(mean_interval([whole.gap for whole, _ in pairs])), f"{test[1]:.2f}",
            f"{100 * stopped[0]:.1f}", f"{stopped[1]:.2f}",
            f"{np.mean([held.steps[held.stop] for _, held in pairs]):.0f}",
        ))  # fmt: skip
    head = ("model", "digits", "training accuracy, %", "test accuracy, %", "gap, points", "test loss",
            "stopped early: test accuracy, %", "stopped early: test loss", "at step")  # fmt: skip
    return Table(
        title="All examples to the end, and a fifth given away to stop early", head=head, rows=tuple(rows)
    )


def _charts(runs: Runs, sizes: tuple[int, ...]) -> list[Chart]:
    def by_size(kind: Kind, figure: Callable[[Trained, Trained], float]) -> tuple[tuple[float, float], ...]:
        return tuple(
            (count, float(np.mean([figure(*pair) for pair in runs[kind, count]]))) for count in sizes
        )

    accuracy = {
        f"{kind}, training": by_size(kind, lambda w, _: 100 * w.training[-1].accuracy) for kind in WIDTHS
    }
    accuracy |= {f"{kind}, test": by_size(kind, lambda w, _: 100 * w.test[-1].accuracy) for kind in WIDTHS}
    gaps = {kind: by_size(kind, lambda w, _: w.gap) for kind in WIDTHS}
    losses = {f"{kind}, all, to the end": by_size(kind, lambda w, _: w.test[-1].loss) for kind in WIDTHS}
    losses |= {f"{kind}, stopped": by_size(kind, lambda _, h: h.test[h.stop].loss) for kind in WIDTHS}
    count = 50
    course = {
        name: tuple(
            (step, float(np.mean([getattr(whole, name)[look].loss for whole, _ in runs["large", count]])))
            for look, step in enumerate(runs["large", count][0][0].steps)
        )
        for name in ("training", "watched", "test")
    }
    across = "digits to learn from"
    return [
        Chart(title="Gap between training and test accuracy", across=across, up="points", curves=dict(gaps),
              logarithmic="x"),
        Chart(title="The two accuracies", across=across, up="accuracy, %", curves=accuracy, logarithmic="x"),
        Chart(title="Test loss: all examples, or a fifth given away and stopped early", across=across,
              up="nats", curves=losses, logarithmic="xy"),
        Chart(title=f"The large model on {count} digits, mean over the seeds", across="step", up="loss, nats",
              curves=course, logarithmic="y"),
    ]  # fmt: skip


NOTES = (
    "Every run takes the same number of steps of plain SGD, so that only the number of examples differs; "
    "pictures are drawn at random, so ten of them do not show every digit.",
    "The small model has 16 hidden units, the large one two layers of 256. Every seed draws other pictures "
    "for learning and for the test, and fewer examples are a part of more.",
    "A straight line through the gap is a summary: the gap falls fastest among few examples.",
)
