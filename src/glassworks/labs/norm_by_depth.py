"""Pre-norm against post-norm by depth: gradients before and after the first steps, and what is learned.

The same small Vision Transformer with 4, 8 and 16 blocks learns digits, once with the norms before the
branches and once after the sums, at the full rate from the first step; at 16 blocks also with a slow start.
The gradient of every block is measured before the first step and after 20. The lab asks whether the deep
stack is better with pre-norm, and whether depth is the reason.

Source: Xiong et al. 2020, "On layer normalization in the Transformer architecture", arXiv 2002.04745; the
order of 2017 is in Vaswani et al., arXiv 1706.03762.
Change first: `STEPS`, or `RATE` in labs/small_vit.py.
Command: glassworks lab norm-by-depth

Axes: blocks from the input to the head; depths; norms "pre" and "post".
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from glassworks.labs.digits import Part
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Table, Verdict
from glassworks.labs.paired import difference, mean_interval
from glassworks.labs.small_vit import BATCH, RATE, SLOW, Judged, judged, learn, model_of, parts_of, words
from glassworks.models.vision.vit import ViT

SEEDS, QUICK_SEEDS = (0, 1, 2), (0, 1)
PRECISION = "float32"
NORMS = ("pre", "post")
DEPTHS, QUICK_DEPTHS = (4, 8, 16), (2, 4)
STEPS, QUICK_STEPS = 200, 6
WATCHED, QUICK_WATCHED = 20, 2  # steps between the two looks at the gradients
RULE = (
    "Gain = test accuracy with pre-norm minus that with post-norm, in points of 100, seed by seed, at the "
    "full "
    'rate from the first step. The claim "holds" when the interval of the mean gain lies above 0 at the '
    "largest depth, and so does that of the gain there minus the gain at the smallest depth (95 % for both "
    "at "
    'once). It "does not hold" when the gain at the largest depth lies below 0, and is "not shown" '
    "otherwise. Beside it, without deciding: the gain at the largest depth with a slow start, and the "
    "gradient of the "
    f"first block at the largest depth after {WATCHED} steps, divided by the one before the first."
)


@dataclass(frozen=True)
class Look:
    """gradients: the norm of the gradient of each block's numbers, first block to last, on one batch.

    apart: how much the features of the pictures of this batch differ (standard deviation, mean over features)
    """

    gradients: tuple[float, ...]
    apart: float


def two_looks(
    norm: str, depth: int, seed: int, *, slow: bool = False, steps: int = WATCHED
) -> tuple[Look, Look]:
    """Before the first step, and after `steps` of a training of STEPS; a second of one core for 16 blocks."""
    training, _ = parts_of(seed)
    model = model_of(depth, seed, norm=norm)
    before = _look(model, training)
    learn(model, training, seed, STEPS, slow=slow, until=steps)
    return before, _look(model, training)


def _look(model: ViT, training: Part) -> Look:
    """Forward and back with the first batch of the training part."""
    model.zero_grad()
    features = model.features(training.pictures[:BATCH])
    F.cross_entropy(model.head(features), training.targets[:BATCH]).backward()
    return Look(tuple(_size(block) for block in model.blocks), float(features.detach().std(0).mean()))


def _size(block: nn.Module) -> float:
    squares = [p.grad.square().sum() for p in block.parameters() if p.grad is not None]
    return float(torch.stack(squares).sum().sqrt())


def train_with(norm: str, depth: int, seed: int, *, slow: bool, steps: int = STEPS) -> Judged:
    """One run; about half a second of one core for each block."""
    training, test = parts_of(seed)
    model = model_of(depth, seed, norm=norm)
    learn(model, training, seed, steps, slow=slow)
    return judged(model, training, test)


Runs = dict[tuple[str, int, bool], list[Judged]]  # (norm, depth, slow start): one for each seed
Looks = dict[tuple[str, int], list[tuple[Look, Look]]]  # (norm, depth), full rate: one pair for each seed


def experiment(bench: Bench) -> Findings:
    """Every depth with both norms, then the deepest again with a slow start, seed by seed."""
    depths, steps = (QUICK_DEPTHS, QUICK_STEPS) if bench.quick else (DEPTHS, STEPS)
    watched = QUICK_WATCHED if bench.quick else WATCHED
    ways = [(depth, False) for depth in depths] + [(depths[-1], True)]
    runs: Runs = {(norm, *way): [] for norm in NORMS for way in ways}
    looks: Looks = {(norm, depth): [] for norm in NORMS for depth in depths}
    for seed in bench.seeds:
        for norm, depth in looks:
            bench.go_on()
            looks[norm, depth].append(two_looks(norm, depth, seed, steps=watched))
        for depth, slow in ways:
            for norm in NORMS:
                bench.go_on()
                runs[norm, depth, slow].append(train_with(norm, depth, seed, slow=slow, steps=steps))
            shares = " and ".join(f"{100 * runs[norm, depth, slow][-1].accuracy:.1f} %" for norm in NORMS)
            bench.say(f"seed {seed}, {depth} blocks{', slow start' if slow else ''}: pre and post {shares}")
    return Findings(_numbers(runs, looks), [_table(runs), _look_table(looks)], _charts(runs, looks), NOTES)


def _numbers(runs: Runs, looks: Looks) -> Numbers:
    """What the rule reads, one number for each seed."""
    depths = sorted({depth for _, depth in looks})
    numbers: Numbers = {"depths": [float(depth) for depth in depths]}
    for (norm, depth, slow), row in runs.items():
        name = f"{norm}, {depth} blocks{', slow start' if slow else ''}"
        numbers[f"accuracy: {name}"] = [100 * run.accuracy for run in row]
    for (norm, depth), pairs in looks.items():
        for place, when in enumerate(("before", "after")):
            found = [pair[place] for pair in pairs]
            numbers[f"first block {when}: {norm}, {depth} blocks"] = [one.gradients[0] for one in found]
            numbers[f"last block {when}: {norm}, {depth} blocks"] = [one.gradients[-1] for one in found]
            numbers[f"apart {when}: {norm}, {depth} blocks"] = [one.apart for one in found]
    return numbers


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    least, most = (int(numbers["depths"][place]) for place in (0, -1))

    def pair(way: str) -> tuple[list[float], list[float]]:
        return numbers[f"accuracy: pre, {way}"], numbers[f"accuracy: post, {way}"]

    deep, shallow = pair(f"{most} blocks"), pair(f"{least} blocks")
    gain = difference(*deep, comparisons=2)
    more = difference(np.subtract(*deep).tolist(), np.subtract(*shallow).tolist(), comparisons=2)
    slow = difference(*pair(f"{most} blocks, slow start"))
    outcome: Outcome = "not shown"
    if gain.low is not None and more.low is not None and min(gain.low, more.low) > 0:
        outcome = "holds"
    if gain.high is not None and gain.high < 0:
        outcome = "does not hold"
    kept = {norm: _factor(numbers, norm, most) for norm in NORMS}
    return Verdict(
        outcome=outcome,
        sentence=f"At {most} blocks pre-norm changes test accuracy by {words(gain)} points against "
        f"post-norm, which is {words(more)} points more than at {least}; with a slow start it is "
        f"{words(slow)} points. After the first {WATCHED} steps at the full rate the gradient of the first "
        f"block is {kept['post']:.1g} times what it was with post-norm, and {kept['pre']:.1g} times with "
        "pre-norm (middle seed).",
        interval=f"gain at {most} blocks {words(gain)}, growth of the gain with depth {words(more)} points; "
        f"n = {gain.n} seeds, 95 % for both at once",
    )


def _factor(numbers: Numbers, norm: str, depth: int) -> float:
    """The first block's gradient after the first steps by the one before, the median over the seeds."""
    after, before = (numbers[f"first block {when}: {norm}, {depth} blocks"] for when in ("after", "before"))
    return float(np.median(np.divide(after, before)))


def _table(runs: Runs) -> Table:
    rows = []
    for (norm, depth, slow), row in runs.items():
        accuracy = mean_interval([100 * run.accuracy for run in row])
        rows.append((
            norm, str(depth), "slow" if slow else "full rate at once",
            f"{100 * np.mean([run.learned for run in row]):.1f}", f"{accuracy.value:.1f}",
            ", ".join(f"{100 * run.accuracy:.1f}" for run in row),
            f"{np.mean([run.learned_loss for run in row]):.2f}", f"{np.mean([run.loss for run in row]):.2f}",
        ))  # fmt: skip
    head = ("norm", "blocks", "start", "training accuracy, %", "test accuracy, %", "of each seed",
            "training loss", "test loss")  # fmt: skip
    return Table(title="After the last step", head=head, rows=tuple(rows))


def _look_table(looks: Looks) -> Table:
    rows = []
    for (norm, depth), pairs in looks.items():
        for place, when in enumerate(("before the first step", "after the first steps")):
            found = [pair[place] for pair in pairs]
            gradients = np.median([one.gradients for one in found], axis=0)
            rows.append((
                norm, str(depth), when, f"{gradients[0]:.2g}", f"{gradients[depth // 2]:.2g}",
                f"{gradients[-1]:.2g}", f"{np.median([one.apart for one in found]):.2g}",
            ))  # fmt: skip
    head = ("norm", "blocks", "when", "first block", "middle", "last block", "features apart")
    return Table(title="Gradient norms, full rate at once, middle seed", head=head, rows=tuple(rows))


def _charts(runs: Runs, looks: Looks) -> list[Chart]:
    depths = sorted({depth for _, depth in looks})
    most = depths[-1]
    by_block = {
        f"{norm}, {when}": tuple(
            enumerate(np.median([pair[place].gradients for pair in looks[norm, most]], axis=0).tolist(), 1)
        )
        for norm in NORMS
        for place, when in enumerate(("before", "after"))
    }
    accuracy = {
        f"{norm}-norm": tuple(
            (float(depth), float(100 * np.mean([run.accuracy for run in runs[norm, depth, False]])))
            for depth in depths
        )
        for norm in NORMS
    }
    return [
        Chart(title=f"Gradient of each of {most} blocks before and after the first steps", across="block",
              up="gradient norm", curves=by_block, logarithmic="y"),
        Chart(title="What was learned, full rate at once", across="blocks", up="test accuracy, %",
              curves=accuracy),
    ]  # fmt: skip


NOTES = (
    f"Every run takes {STEPS} steps of AdamW on batches of {BATCH}, at a rate of {RATE:g} that falls along a "
    f"cosine. A slow start raises the rate over the first {SLOW:.0%} of the steps. Other rates would give "
    "other figures: a lower one helps post-norm most.",
    "Both models have the same parameters but one: pre-norm ends in one more layer norm, behind the last "
    "block. Both start from the same random numbers.",
    "AdamW divides each number's step by the size of its own gradients, so a small gradient does not by "
    "itself mean a small step. Gradient norms alone do not decide what trains.",
    "The stacks here have 4 to 16 blocks of 32 numbers a token. Nothing is said about stacks of a hundred.",
)
