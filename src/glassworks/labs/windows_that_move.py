"""Windows that move: what the shift of every second block is worth, and the mask that belongs to it.

A small Swin reads enlarged digits: 8 x 8 tokens, windows of 2 x 2, so that there are 16 windows. Three
variants differ in nothing else than what this lab is about: windows that move in every second block, windows
that never move, and windows that move without the mask. Each is tried in a pyramid of two stages, which ends
with four windows, and in one of three, which ends with a single window as the published ones do.

Source: Liu et al. 2021, "Swin Transformer", arXiv 2103.14030, whose table 4 compares the first two on
ImageNet (81.3 against 80.2 % for Swin-T).
Change first: `STEPS`, or `SHAPES`, the two networks.
Command: glassworks lab windows-that-move

Axes: pictures (rows, 1, 32, 32); classes the ten digits.
"""

import math
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from glassworks.core.keyed import seed_for
from glassworks.judging.intervals import Interval
from glassworks.labs.digits import CLASSES, SIDE, Part, batches, deal
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Span, Table, Verdict
from glassworks.labs.paired import difference, mean_interval
from glassworks.models.vision.swin import Stage, Swin, SwinConfig, WindowAttention, build
from glassworks.training.optimizer import adamw

SEEDS, QUICK_SEEDS = (0, 1, 2, 3), (0, 1)
PRECISION = "float32"
ENLARGED = 4  # pixels on a side of what was a square
COMMON: dict[str, Any] = {"patch": 4, "dimension": 32, "window": 2, "ratio": 2.0}
# name -> depths and heads of the stages, whose maps have 8, 4 and 2 tokens on a side.
SHAPES: dict[str, dict[str, Any]] = {
    "two stages": {"depths": (2, 2), "heads": (4, 8)},
    "three stages": {"depths": (2, 2, 2), "heads": (4, 8, 16)},
}
MOVED, STILL, UNMASKED = "moved", "never moved", "moved, no mask"
VARIANTS = (MOVED, STILL, UNMASKED)
STEPS, QUICK_STEPS, BATCH, RATE, WARMUP, DECAY = 200, 10, 64, 4e-3, 0.1, 0.05
RULE = (
    "Gain = test accuracy with windows that move minus that with windows that never move, in points of 100, "
    'seed by seed, for a pyramid of two stages and for one of three. The claim "holds" when the intervals of '
    'both mean gains lie above 0 (95 % for both at once), "does not hold" when one lies below 0, and is "not '
    'shown" otherwise. Beside it, without deciding: the same windows moved without the mask.'
)


@dataclass(frozen=True)
class Trained:
    """One run. learned, accuracy: share of right answers on the training and on the test part; seconds: of
    the processor, for training alone."""

    learned: float
    accuracy: float
    seconds: float


def model_of(shape: str, variant: str, seed: int) -> Swin:
    """The network of this shape and seed; all variants start from the same numbers."""
    config = SwinConfig(
        height=SIDE * ENLARGED, width=SIDE * ENLARGED, channels=1, classes=CLASSES, **COMMON, **SHAPES[shape]
    )
    with torch.random.fork_rng(devices=[]):  # the model's start draws from torch's own dice
        torch.manual_seed(seed_for(seed, "windows-that-move", shape))
        model = build(config)
    return changed(model, variant)


def changed(model: Swin, variant: str) -> Swin:
    """The same model with its windows as the variant has them."""
    for stage in model.modules():
        if isinstance(stage, Stage) and variant != MOVED:
            stage.register_buffer("mask", None, persistent=False)
    for block in model.modules():
        if isinstance(block, WindowAttention) and variant == STILL:
            block.windows = replace(block.windows, shifted=False)
    return model


def train_with(shape: str, variant: str, seed: int = 0, *, steps: int = STEPS) -> Trained:
    """Train on the digits of this seed and judge on its test part; a few seconds on one core."""
    training, _, test = deal(seed)
    mean, std = training.pictures.mean(), training.pictures.std()

    def enlarged(part: Part) -> Part:
        pictures = ((part.pictures - mean) / std)[:, None]  # (rows, 1, 8, 8)
        return Part(F.interpolate(pictures, scale_factor=ENLARGED, mode="bilinear"), part.targets)

    training, test = enlarged(training), enlarged(test)  # (rows, 1, 32, 32)
    model = model_of(shape, variant, seed)
    dice = torch.Generator().manual_seed(seed_for(seed, "windows-that-move batches"))  # same for all variants
    begun = time.process_time()
    _learn(model, training, steps, dice)
    seconds = time.process_time() - begun
    return Trained(_accuracy(model, training), _accuracy(model, test), seconds)


@torch.no_grad()
def _accuracy(model: Swin, part: Part) -> float:
    scores = torch.cat([model.eval()(rows) for rows in part.pictures.split(256)])
    return int((scores.argmax(1) == part.targets).sum()) / len(part.targets)


def _learn(model: Swin, part: Part, steps: int, dice: torch.Generator) -> None:
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


def experiment(bench: Bench) -> Findings:
    """Every shape and variant with every seed, in turn."""
    runs: dict[tuple[str, str], list[Trained]] = {(s, v): [] for s in SHAPES for v in VARIANTS}
    for seed in bench.seeds:
        for shape, variant in runs:
            bench.go_on()
            steps = QUICK_STEPS if bench.quick else STEPS
            runs[shape, variant].append(train_with(shape, variant, seed, steps=steps))
        for shape in SHAPES:
            told = ", ".join(f"{v} {100 * runs[shape, v][-1].accuracy:.1f} %" for v in VARIANTS)
            bench.say(f"seed {seed}, {shape}: {told}")
    numbers: Numbers = {
        f"{shape}: {variant}": [100 * run.accuracy for run in row] for (shape, variant), row in runs.items()
    }
    return Findings(numbers, [_table(runs)], [_chart(numbers)], NOTES)


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    gains = {
        shape: difference(numbers[f"{shape}: {MOVED}"], numbers[f"{shape}: {STILL}"], comparisons=len(SHAPES))
        for shape in SHAPES
    }
    outcome: Outcome = "not shown"
    if all(gain.low is not None and gain.low > 0 for gain in gains.values()):
        outcome = "holds"
    if any(gain.high is not None and gain.high < 0 for gain in gains.values()):
        outcome = "does not hold"
    parts, unmasked = [], []
    for shape in SHAPES:
        means = {v: float(np.mean(numbers[f"{shape}: {v}"])) for v in VARIANTS}
        parts.append(f"{means[STILL]:.1f} to {means[MOVED]:.1f} % with {shape}")
        unmasked.append(f"{means[UNMASKED]:.1f} %")
    return Verdict(
        outcome=outcome,
        sentence="Moving the windows in every second block changes test accuracy from "
        f"{' and from '.join(parts)}. Moved without the mask: {' and '.join(unmasked)}.",
        interval=f"gains {', '.join(_words(gain) for gain in gains.values())} points; "
        f"n = {len(numbers[f'two stages: {MOVED}'])} seeds, 95 % for both at once",
    )


def _words(one: Interval) -> str:
    if one.low is None or one.high is None:
        return f"{one.value:+.1f} (one seed, no interval)"
    return f"{one.value:+.1f} ({one.low:+.1f} to {one.high:+.1f})"


def _table(runs: dict[tuple[str, str], list[Trained]]) -> Table:
    rows = []
    for (shape, variant), row in runs.items():
        accuracy = mean_interval([100 * run.accuracy for run in row])
        rows.append((
            shape, variant, f"{100 * np.mean([run.learned for run in row]):.1f}", f"{accuracy.value:.1f}",
            _ends(accuracy), f"{np.mean([run.seconds for run in row]):.1f}",
        ))  # fmt: skip
    head = ("network", "windows", "training accuracy, %", "test accuracy, %", "95 %", "processor s a run")
    return Table(title="The same small Swin, three ways to place its windows", head=head, rows=tuple(rows))


def _ends(one: Interval) -> str:
    return "–" if one.low is None or one.high is None else f"{one.low:.1f} to {min(100.0, one.high):.1f}"


def _chart(numbers: Numbers) -> Chart:
    """The gains of the first two variants over windows that never move, with their intervals."""
    spans = []
    for shape in SHAPES:
        for variant in (MOVED, UNMASKED):
            gain = difference(numbers[f"{shape}: {variant}"], numbers[f"{shape}: {STILL}"])
            low, high = (gain.value if end is None else end for end in (gain.low, gain.high))
            spans.append(Span(name=f"{shape}, {variant}", low=low, value=gain.value, high=high))
    return Chart(
        title="Gain over windows that never move (95 % for each alone)", across="points of test accuracy",
        spans=tuple(spans),
    )  # fmt: skip


NOTES = (
    "All variants start from the same numbers and see the same pictures in the same order.",
    "Swin has no positions but those within a window. Where windows never move and no later stage joins "
    "them, each is read alone, and the answer is the mean over windows whose places nobody knows. Merging "
    "gives part of that back; the third stage has one window of all that is left.",
    "Without the mask a token at one edge of the picture may look at tokens of the opposite edge. Nothing "
    "fails. The edges of these digits are mostly empty, so little can be confused there; photographs may "
    "differ.",
    "Digits of 8 x 8 squares, enlarged to 32 x 32 pixels, are far smaller than what Swin is for. The paper "
    "measures 1.1 points for the shift with Swin-T on ImageNet.",
)
