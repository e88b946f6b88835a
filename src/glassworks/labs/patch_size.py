"""Patch size: half the patch costs four times the tokens; what does it buy?

The same small Vision Transformer reads digits of 8 x 8 squares in patches of 8 (the whole picture is one
token), 4, 2 and 1 (each square is a token). Everything else stays: width, depth, steps, pictures. Accuracy is
set against the multiply-adds, of which attention's own part grows with the square of the tokens.

Source: Dosovitskiy et al. 2020, "An image is worth 16x16 words", arXiv 2010.11929, which trains /32, /16 and
/14; that smaller patches answer better is Beyer et al. 2022, "FlexiViT", arXiv 2212.08013.
Change first: `STEPS`, or `SHAPE`, the network.
Command: glassworks lab patch-size

Axes: pictures (rows, channels, 8, 8); tokens; classes the ten digits.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from glassworks.core.keyed import seed_for
from glassworks.insight.cost import stage_costs
from glassworks.judging.intervals import Interval
from glassworks.labs.digits import CLASSES, SIDE, Part, batches, deal
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Table, Verdict
from glassworks.labs.paired import difference, mean_interval
from glassworks.models.vision.vit import ViT, ViTConfig, build
from glassworks.training.optimizer import adamw

SEEDS, QUICK_SEEDS = (0, 1, 2), (0, 1)
PRECISION = "float32"
PATCHES = (8, 4, 2, 1)  # squares on a side of a patch
SHAPE: dict[str, Any] = {"dimension": 48, "depth": 2, "block": {"heads": 4, "ratio": 2.0}}
STEPS, QUICK_STEPS, BATCH, RATE, WARMUP, DECAY = 400, 40, 64, 3e-3, 0.1, 0.05
RULE = (
    "Gain = test accuracy with half the patch minus that with the whole one, in points of 100, seed by seed, "
    'for each of the three halvings 8, 4, 2, 1. The claim "holds" when the intervals of all three mean gains '
    'lie above 0 (95 % for all three at once), "does not hold" when one lies below 0, and is "not shown" '
    "otherwise. Beside it, without deciding: tokens, multiply-adds, and processor seconds of a run."
)


@dataclass(frozen=True)
class Trained:
    """One run. learned, accuracy: share of right answers on the training and on the test part; loss: on the
    test part, nats; seconds: of the processor, for training alone."""

    learned: float
    accuracy: float
    loss: float
    seconds: float


def config_of(patch: int) -> ViTConfig:
    """The one network of this lab, cut into patches of so many squares on a side."""
    return ViTConfig(
        height=SIDE, width=SIDE, channels=1, classes=CLASSES, patch=patch, pooling="mean", **SHAPE
    )


def train_with(patch: int, seed: int = 0, *, steps: int = STEPS) -> Trained:
    """Train on the digits of this seed and judge on its test part; seconds to half a minute on one core."""
    training, _, test = deal(seed)
    mean, std = training.pictures.mean(), training.pictures.std()

    def scaled(part: Part) -> Part:
        return Part(((part.pictures - mean) / std)[:, None], part.targets)  # (rows, 1, 8, 8)

    training, test = scaled(training), scaled(test)
    with torch.random.fork_rng(devices=[]):  # the model's start draws from torch's own dice
        torch.manual_seed(seed_for(seed, "patch-size", patch))
        model = build(config_of(patch))
    dice = torch.Generator().manual_seed(seed_for(seed, "patch-size batches"))  # the same for all patches
    begun = time.process_time()
    _learn(model, training, steps, dice)
    seconds = time.process_time() - begun
    learned, _ = _look(model, training)
    return Trained(learned, *_look(model, test), seconds)


@torch.no_grad()
def _look(model: ViT, part: Part) -> tuple[float, float]:
    """Accuracy and mean loss on a part."""
    scores = torch.cat([model.eval()(rows) for rows in part.pictures.split(256)])
    right = int((scores.argmax(1) == part.targets).sum())
    return right / len(part.targets), F.cross_entropy(scores, part.targets).item()


def _learn(model: ViT, part: Part, steps: int, dice: torch.Generator) -> None:
    """AdamW with a rate that rises, then falls as a cosine."""
    optimizer = adamw(model.train(), learning_rate=RATE, weight_decay=DECAY)
    for step, chosen in zip(range(steps), batches(len(part.targets), BATCH, dice)):
        share = (step + 1) / steps
        rate = RATE * (share / WARMUP if share < WARMUP else 0.5 + 0.5 * math.cos(math.pi * share))
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = F.cross_entropy(model(part.pictures[chosen]), part.targets[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@dataclass(frozen=True)
class Cost:
    """Of one picture forward: tokens, multiply-adds, those of attention's maps, numbers in the maps."""

    tokens: int
    products: int
    in_maps: int
    map_numbers: int


def cost_of(patch: int) -> Cost:
    """What a picture costs the network of this patch, by shapes alone."""
    config = config_of(patch)
    with torch.device("meta"):
        stages = stage_costs(build(config), torch.zeros(1, 1, SIDE, SIDE))

    def total(what: str) -> int:
        return sum(getattr(stage, what) for stage in stages)

    return Cost(config.tokens, total("multiply_adds"), total("in_maps"), total("map_numbers"))


def experiment(bench: Bench) -> Findings:
    """Every patch with every seed, in turn."""
    runs: dict[int, list[Trained]] = {patch: [] for patch in PATCHES}
    for seed in bench.seeds:
        for patch in PATCHES:
            bench.go_on()
            runs[patch].append(train_with(patch, seed, steps=QUICK_STEPS if bench.quick else STEPS))
        told = ", ".join(f"{patch}: {100 * runs[patch][-1].accuracy:.1f} %" for patch in PATCHES)
        bench.say(f"seed {seed}, accuracy by patch: {told}")
    costs = {patch: cost_of(patch) for patch in PATCHES}
    numbers: Numbers = {
        f"accuracy: {patch}": [100 * run.accuracy for run in runs[patch]] for patch in PATCHES
    }
    numbers |= {f"products: {patch}": [float(costs[patch].products)] for patch in PATCHES}
    return Findings(numbers, [_table(runs, costs)], _charts(runs, costs), NOTES)


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    halvings = list(pairwise(PATCHES))
    gains = {
        (whole, half): difference(
            numbers[f"accuracy: {half}"], numbers[f"accuracy: {whole}"], comparisons=len(halvings)
        )
        for whole, half in halvings
    }
    outcome: Outcome = "not shown"
    if all(gain.low is not None and gain.low > 0 for gain in gains.values()):
        outcome = "holds"
    if any(gain.high is not None and gain.high < 0 for gain in gains.values()):
        outcome = "does not hold"
    parts = []
    for (whole, half), gain in gains.items():
        times = numbers[f"products: {half}"][0] / numbers[f"products: {whole}"][0]
        parts.append(f"from {whole} to {half} {_words(gain)} points for {times:.1f} times the multiply-adds")
    means = {patch: float(np.mean(numbers[f"accuracy: {patch}"])) for patch in PATCHES}
    best = max(means, key=means.__getitem__)
    return Verdict(
        outcome=outcome,
        sentence=f"Half the patch changes test accuracy {'; '.join(parts)}. The best mean, {means[best]:.1f} "
        f"%, belongs to patches of {best}.",
        interval=f"gains {', '.join(_words(gain) for gain in gains.values())} points; "
        f"n = {len(numbers[f'accuracy: {best}'])} seeds, 95 % for all three at once",
    )


def _words(one: Interval) -> str:
    if one.low is None or one.high is None:
        return f"{one.value:+.1f} (one seed, no interval)"
    return f"{one.value:+.1f} ({one.low:+.1f} to {one.high:+.1f})"


def _table(runs: dict[int, list[Trained]], costs: dict[int, Cost]) -> Table:
    rows = []
    for patch, row in runs.items():
        cost = costs[patch]
        accuracy = mean_interval([100 * run.accuracy for run in row])
        rows.append((
            str(patch), str(cost.tokens), f"{cost.products:,}", f"{100 * cost.in_maps / cost.products:.1f}",
            f"{cost.map_numbers:,}", f"{100 * np.mean([run.learned for run in row]):.1f}",
            f"{accuracy.value:.1f}", _ends(accuracy),
            f"{np.mean([run.loss for run in row]):.2f}", f"{np.mean([run.seconds for run in row]):.1f}",
        ))  # fmt: skip
    head = ("patch", "tokens", "multiply-adds a picture", "of attention maps, %", "numbers in the maps",
            "training accuracy, %", "test accuracy, %", "95 %", "test loss", "processor s a run")  # fmt: skip
    return Table(title="One network, four ways to cut 8 x 8 squares", head=head, rows=tuple(rows))


def _ends(one: Interval) -> str:
    return "–" if one.low is None or one.high is None else f"{one.low:.1f} to {min(100.0, one.high):.1f}"


def _charts(runs: dict[int, list[Trained]], costs: dict[int, Cost]) -> list[Chart]:
    def curve(across: Callable[[int], float], up: Callable[[int], float]) -> tuple[tuple[float, float], ...]:
        return tuple((across(patch), up(patch)) for patch in PATCHES)

    def accuracy(patch: int) -> float:
        return float(np.mean([100 * run.accuracy for run in runs[patch]]))

    by_cost = {"mean over the seeds": curve(lambda patch: costs[patch].products / 1e6, accuracy)}

    def of_seed(place: int) -> tuple[tuple[float, float], ...]:
        return curve(
            lambda patch: costs[patch].products / 1e6, lambda patch: 100 * runs[patch][place].accuracy
        )

    by_seed = {f"seed {place}": of_seed(place) for place in range(len(runs[PATCHES[0]]))}
    grows = {
        "multiply-adds of layers": curve(
            lambda patch: costs[patch].tokens, lambda patch: costs[patch].products - costs[patch].in_maps
        ),
        "multiply-adds of attention maps": curve(
            lambda patch: costs[patch].tokens, lambda patch: costs[patch].in_maps
        ),
    }
    return [
        Chart(title="What the work buys", across="million multiply-adds a picture", up="test accuracy, %",
              curves=by_cost | by_seed, logarithmic="x"),
        Chart(title="What more tokens cost", across="tokens", up="multiply-adds", curves=grows,
              logarithmic="xy"),
    ]  # fmt: skip


NOTES = (
    "Every patch takes the same number of steps on the same pictures in the same order; smaller patches were "
    "given no more time to learn, although their runs are longer.",
    "Every model knows nearly all of its training digits in the end: what differs is what it makes of "
    "others. More pictures, or more steps, may turn the order round.",
    "The digits have 8 x 8 squares, so a patch of 1 is a single square. Photographs have far more detail, "
    "and with 14 patches on a side they are cut finer than anything here.",
    "Positions are learned, the answer reads the mean of all tokens, and the width of 48 does not change; "
    "only the first layer has fewer weights for a smaller patch.",
)
