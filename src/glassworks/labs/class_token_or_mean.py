"""Class token or mean: must a Vision Transformer have a token that belongs to no patch?

Two small models read digits of 8 x 8 squares as 16 patches. They begin with the same numbers; one puts a
class token before the patches and reads its answer there, the other takes the mean of the patches. Each is
trained with three learning rates, and the one that is best on the validation part is judged on the test part.

Source: Dosovitskiy et al. 2020, arXiv 2010.11929, appendix D.3: the mean did badly at first, until it was
given a learning rate of its own. Beyer et al. 2022, "Better plain ViT baselines for ImageNet-1k", arXiv
2205.01580, take the mean.
Change first: `RATES`.
Command: glassworks lab class-token-or-mean

Axes: pictures (rows, channels, 8, 8); tokens; classes the ten digits.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from glassworks.judging.intervals import Interval
from glassworks.labs.digits import deal
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Table, Verdict
from glassworks.labs.paired import difference, mean_interval
from glassworks.labs.positions_and_order import (
    QUICK_STEPS,
    STEPS,
    answers,
    learn,
    scaled,
    share_right,
    started,
)  # fmt: skip

SEEDS, QUICK_SEEDS = tuple(range(5)), (0, 1)
PRECISION = "float32"
Pooling = Literal["class", "mean"]
WAYS: tuple[Pooling, ...] = ("class", "mean")
TOLD: dict[Pooling, str] = {"class": "class token", "mean": "mean of the patches"}
RATES = (1e-3, 3e-3, 1e-2)
MARGIN = 2.0  # points: about what a test part of 359 pictures leaves open for one accuracy
RULE = (
    "Each way takes the learning rate, of three, that is best on its validation part. Difference = test "
    "accuracy with the mean of the patches minus that with a class token, in points of 100, seed by seed. "
    "The "
    'claim "holds" when the interval of the mean difference lies within two points of 0 on both sides, "does '
    'not hold" when it lies outside of them, and is "not shown" otherwise. Beside it, without deciding: the '
    "same difference where both have the same rate."
)


@dataclass(frozen=True)
class Trained:
    """Share of right answers on the validation and on the test part."""

    validation: float
    test: float


def train_with(pooling: Pooling, rate: float, seed: int = 0, *, steps: int = STEPS) -> Trained:
    """One model, trained and judged; five seconds on one core."""
    training, validation, test = scaled(deal(seed))
    model = started(seed, pooling=pooling)
    learn(model, training, seed, steps=steps, rate=rate)
    shares = [share_right(answers(model, part.pictures), part.targets) for part in (validation, test)]
    return Trained(*shares)


def best_rate(runs: dict[float, Trained]) -> float:
    """The rate with the best validation accuracy; the lower one of two that are equal."""
    return max(sorted(runs), key=lambda rate: runs[rate].validation)


def experiment(bench: Bench) -> Findings:
    """Both ways with every rate and every seed."""
    runs: dict[Pooling, list[dict[float, Trained]]] = {pooling: [] for pooling in WAYS}
    steps = QUICK_STEPS if bench.quick else STEPS
    for seed in bench.seeds:
        for pooling in WAYS:
            bench.go_on()
            runs[pooling].append({rate: train_with(pooling, rate, seed, steps=steps) for rate in RATES})
        chosen = {pooling: best_rate(row[-1]) for pooling, row in runs.items()}
        told = (
            f"{TOLD[pooling]} {100 * runs[pooling][-1][rate].test:.1f} % (rate {rate:g})"
            for pooling, rate in chosen.items()
        )
        bench.say(f"seed {seed}: {', '.join(told)}")
    numbers: Numbers = {}
    for pooling, row in runs.items():
        numbers[f"{pooling}: chosen rate"] = [best_rate(one) for one in row]
        numbers[f"{pooling}: test"] = [100 * one[best_rate(one)].test for one in row]
        for rate in RATES:
            numbers[f"{pooling}: test at {rate:g}"] = [100 * one[rate].test for one in row]
    return Findings(numbers, [_table(numbers)], [_chart(numbers)], NOTES)


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    apart = difference(numbers["mean: test"], numbers["class: test"])
    outcome: Outcome = "not shown"
    if apart.low is not None and apart.high is not None:
        if apart.low > -MARGIN and apart.high < MARGIN:
            outcome = "holds"
        elif apart.high < -MARGIN or apart.low > MARGIN:
            outcome = "does not hold"
    means = {pooling: float(np.mean(numbers[f"{pooling}: test"])) for pooling in WAYS}
    same = ", ".join(f"{_words(_at(numbers, rate))} at {rate:g}" for rate in RATES)
    sentence = (
        f"With rates of their own the class token answers {means['class']:.1f} % and the mean of the patches "
        f"{means['mean']:.1f} %: {_words(apart)} points. At the same rate the mean minus the class token is "
        f"{same}."
    )
    return Verdict(
        outcome=outcome,
        sentence=sentence,
        interval=f"mean minus class token {_words(apart)} points; n = {apart.n} seeds, 95 %",
    )


def _at(numbers: Numbers, rate: float) -> Interval:
    """The difference where both ways have this rate."""
    return difference(numbers[f"mean: test at {rate:g}"], numbers[f"class: test at {rate:g}"])


def _words(one: Interval) -> str:
    if one.low is None or one.high is None:
        return f"{one.value:+.1f} (one seed, no interval)"
    return f"{one.value:+.1f} ({one.low:+.1f} to {one.high:+.1f})"


def _table(numbers: Numbers) -> Table:
    rows = []
    for rate in RATES:
        at = [f"{np.mean(numbers[f'{pooling}: test at {rate:g}']):.1f}" for pooling in WAYS]
        rows.append((f"{rate:g}", *at, _words(_at(numbers, rate))))
    own = [mean_interval(numbers[f"{pooling}: test"]) for pooling in WAYS]
    apart = difference(numbers["mean: test"], numbers["class: test"])
    rows.append(("each its own", *(f"{one.value:.1f}" for one in own), _words(apart)))
    head = ("learning rate", "class token, %", "mean of the patches, %", "mean minus class token, points")
    return Table(title="Test accuracy of two ways to read the answer", head=head, rows=tuple(rows))


def _chart(numbers: Numbers) -> Chart:
    curves = {
        TOLD[pooling]: tuple(
            (rate, float(np.mean(numbers[f"{pooling}: test at {rate:g}"]))) for rate in RATES
        )
        for pooling in WAYS
    }
    return Chart(
        title="Mean test accuracy by learning rate", across="highest learning rate", up="%", curves=curves,
        logarithmic="x",
    )  # fmt: skip


NOTES = (
    "Both models of a seed begin with the same numbers wherever they have the same tensors and see the same "
    "batches. The class token adds one token and 96 numbers, its own 48 and those of its place.",
    "The rate is chosen on 270 pictures for each seed, so a choice may be luck; the test part has no say.",
    "Small digits, three blocks, 400 steps: that the two are alike here does not say that they are after "
    "pretraining on millions of pictures. The paper of the ViT and later work say so there.",
)
