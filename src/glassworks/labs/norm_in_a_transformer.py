"""Where the norm stands in an encoder-decoder, by depth, with the warm-up of 2017 and without it.

The Transformer of the book learns to write eight symbols from behind: the source goes into the encoder, and
every symbol of the answer has to be fetched by cross-attention. Stacks of 2, 6 and 12 blocks a side learn
with the norms before the branches and after the sums; the rate rises to its peak over the first 60 steps, or
stands at the peak from the first one, and falls with the root of the steps in both. The lab asks whether
post-norm needs the warm-up and pre-norm does not.

Source: Vaswani et al. 2017, arXiv 1706.03762 (post-norm, the optimizer and the schedule of section 5.3);
Xiong et al. 2020, arXiv 2002.04745. The same question of a stack that reads pictures: labs/norm_by_depth.py.
Change first: `PEAK`, or `STEPS`.
Command: glassworks lab norm-in-a-transformer

Axes: batch; places = symbols of a source and of an answer; blocks of the encoder, and as many of the decoder.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from glassworks.core.keyed import seed_for
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Table, Verdict
from glassworks.labs.paired import difference, mean_interval
from glassworks.labs.small_vit import words
from glassworks.models.sequence.transformer import Transformer, TransformerConfig, build

SEEDS, QUICK_SEEDS = (0, 1, 2), (0, 1)
PRECISION = "float32"
NORMS = ("pre", "post")
DEPTHS, QUICK_DEPTHS = (2, 6, 12), (1, 2)
SYMBOLS, PLACES = 12, 8
START, FIRST = 1, 2  # the number that begins an answer, and that of the first symbol; 0 fills up
SHAPE = {"vocabulary": FIRST + SYMBOLS, "context": PLACES, "width": 32}
STEPS, QUICK_STEPS, BATCH, JUDGED = 300, 6, 32, 512
PEAK, WARMUP = 3e-3, 60  # the paper's formula gives 2.8e-3 for 32 numbers a token and 4,000 steps
BETAS, EPSILON, CLIP = (0.9, 0.98), 1e-9, 1.0
POINTS = 30  # of a curve
CHANCE = 100 / SYMBOLS
RULE = (
    "Accuracy = share of symbols named in fresh answers whose true beginnings are given, in points of 100; "
    f"chance is {CHANCE:.1f}. Gain of the warm-up = accuracy with it minus accuracy without, seed by seed. "
    'The claim "holds" when at the largest depth the interval of the mean gain lies above 0 with post-norm, '
    "and so does that of the gain with post-norm minus the gain with pre-norm (95 % for both at once). It "
    '"does not hold" when the gain with post-norm at the largest depth lies below 0, and is "not shown" '
    "otherwise. Beside it, without deciding: every depth, and what pre-norm gains over post-norm with the "
    "warm-up."
)


def rate_at(step: int, warm: bool) -> float:
    """The share of the peak at a step, counted from 1: the schedule of 2017, or without its rise."""
    falling = (WARMUP / step) ** 0.5
    return min(step / WARMUP, falling) if warm else min(1.0, falling)


def model_of(norm: str, depth: int, seed: int) -> Transformer:
    """The system with the start of this seed."""
    block = {"heads": 4, "norm": norm, "dropout": 0.0}
    with torch.random.fork_rng(devices=[]):  # a model's start draws from torch's own dice
        torch.manual_seed(seed_for(seed, "norm in a transformer", depth))
        return build(TransformerConfig(**SHAPE, depth=depth, block=block))  # type: ignore[arg-type]


def pairs(dice: torch.Generator, count: int = BATCH) -> tuple[Tensor, Tensor, Tensor]:
    """Source, the answer moved one place on behind its start, and the answer; (count, PLACES) each."""
    source = torch.randint(FIRST, FIRST + SYMBOLS, (count, PLACES), generator=dice)
    answer = source.flip(1)
    said = F.pad(answer[:, :-1], (1, 0), value=START)
    return source, said, answer


@dataclass(frozen=True)
class Learned:
    """curve: (step, loss in nats), the mean since the point before; accuracy: share of symbols, 0 to 1."""

    curve: tuple[tuple[float, float], ...]
    accuracy: float
    loss: float


def train_with(norm: str, depth: int, seed: int, *, warm: bool, steps: int = STEPS) -> Learned:
    """One run; about a second of one core for each block."""
    model = model_of(norm, depth, seed).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=PEAK, betas=BETAS, eps=EPSILON, fused=True)
    dice = torch.Generator().manual_seed(seed_for(seed, "symbols from behind"))
    losses = []
    for step in range(1, steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = PEAK * rate_at(step, warm)
        source, said, answer = pairs(dice)
        loss = F.cross_entropy(model(source, None, said).flatten(0, 1), answer.flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        losses.append(float(loss.detach()))
    every = max(1, steps // POINTS)
    ends = range(every, steps + 1, every)
    curve = [(float(end), float(np.mean(losses[end - every : end]))) for end in ends]
    return Learned(tuple(curve), *_judged(model, seed))


@torch.no_grad()
def _judged(model: Transformer, seed: int) -> tuple[float, float]:
    """Accuracy and loss on fresh pairs, in evaluation mode."""
    source, said, answer = pairs(torch.Generator().manual_seed(seed_for(seed, "fresh symbols")), JUDGED)
    scores = model.eval()(source, None, said)
    right = float((scores.argmax(-1) == answer).double().mean())
    return right, F.cross_entropy(scores.flatten(0, 1), answer.flatten()).item()


Runs = dict[tuple[str, int, bool], list[Learned]]  # (norm, depth, warm-up): one for each seed


def experiment(bench: Bench) -> Findings:
    """Every depth and norm, without the warm-up and with it, seed by seed."""
    depths, steps = (QUICK_DEPTHS, QUICK_STEPS) if bench.quick else (DEPTHS, STEPS)
    runs: Runs = {(norm, depth, warm): [] for depth in depths for warm in (False, True) for norm in NORMS}
    for seed in bench.seeds:
        for norm, depth, warm in runs:
            bench.go_on()
            found = train_with(norm, depth, seed, warm=warm, steps=steps)
            runs[norm, depth, warm].append(found)
            bench.say(f"seed {seed}, {way(norm, depth, warm)}: {100 * found.accuracy:.1f} % of the symbols")
    numbers: Numbers = {"depths": [float(depth) for depth in depths]}
    for key, row in runs.items():
        numbers[f"accuracy: {way(*key)}"] = [100 * one.accuracy for one in row]
        numbers[f"loss: {way(*key)}"] = [one.loss for one in row]
    return Findings(numbers, [_table(runs)], _charts(runs), NOTES)


def way(norm: str, depth: int, warm: bool) -> str:
    return f"{norm}, {depth} blocks, {'warm-up' if warm else 'full rate at once'}"


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    least, most = (int(numbers["depths"][place]) for place in (0, -1))

    def of(norm: str, depth: int, warm: bool) -> list[float]:
        return numbers[f"accuracy: {way(norm, depth, warm)}"]

    def by_warmup(norm: str) -> list[float]:
        return np.subtract(of(norm, most, True), of(norm, most, False)).tolist()

    gain = mean_interval(by_warmup("post"), comparisons=2)
    more = difference(by_warmup("post"), by_warmup("pre"), comparisons=2)
    left = difference(of("pre", most, True), of("post", most, True))
    outcome: Outcome = "not shown"
    if gain.low is not None and more.low is not None and min(gain.low, more.low) > 0:
        outcome = "holds"
    if gain.high is not None and gain.high < 0:
        outcome = "does not hold"
    means = {
        (norm, depth, warm): float(np.mean(of(norm, depth, warm)))
        for norm in NORMS
        for depth in (least, most)
        for warm in (False, True)
    }
    return Verdict(
        outcome=outcome,
        sentence=f"With {most} blocks a side and the full rate at once, pre-norm names "
        f"{means['pre', most, False]:.0f} % of the symbols and post-norm {means['post', most, False]:.0f} %. "
        f"The warm-up changes post-norm by {words(gain)} points, which is {words(more)} more than it changes "
        f"pre-norm. With it pre-norm is still {words(left)} points ahead. With {least} blocks a side "
        f"post-norm names {means['post', least, False]:.0f} % without the warm-up and "
        f"{means['post', least, True]:.0f} % with it. Chance is {CHANCE:.1f} %.",
        interval=f"gain of the warm-up with post-norm at {most} blocks {words(gain)}, minus that with "
        f"pre-norm {words(more)} points; n = {gain.n} seeds, 95 % for both at once",
    )


def _table(runs: Runs) -> Table:
    rows = []
    for (norm, depth, warm), row in runs.items():
        accuracy = mean_interval([100 * one.accuracy for one in row])
        rows.append((
            norm, str(depth), "warm-up" if warm else "full rate at once", f"{accuracy.value:.1f}",
            ", ".join(f"{100 * one.accuracy:.1f}" for one in row),
            f"{np.mean([one.loss for one in row]):.2f}",
        ))  # fmt: skip
    head = ("norm", "blocks a side", "start", "symbols named, %", "of each seed", "loss")
    return Table(title="Fresh sequences, after the last step", head=head, rows=tuple(rows))


def _charts(runs: Runs) -> list[Chart]:
    depths = sorted({depth for _, depth, _ in runs})
    most = depths[-1]
    learning = {
        f"{norm}, {'warm-up' if warm else 'full rate'}": _mean_curve(runs[norm, most, warm])
        for norm in NORMS
        for warm in (False, True)
    }
    by_depth = {
        f"{norm}, {'warm-up' if warm else 'full rate'}": tuple(
            (float(depth), float(100 * np.mean([one.accuracy for one in runs[norm, depth, warm]])))
            for depth in depths
        )
        for norm in NORMS
        for warm in (False, True)
    }
    return [
        Chart(title="Symbols named, by depth", across="blocks a side", up="%", curves=by_depth),
        Chart(title=f"Learning with {most} blocks a side", across="step", up="loss, nats", curves=learning),
    ]


def _mean_curve(row: list[Learned]) -> tuple[tuple[float, float], ...]:
    """The mean over the seeds, point by point."""
    found = np.array([one.curve for one in row]).reshape(len(row), -1, 2).mean(0)
    return tuple((float(step), float(loss)) for step, loss in found)


NOTES = (
    f"Every run takes {STEPS} steps of Adam with the paper's settings on {BATCH} fresh sequences of {PLACES} "
    f"symbols out of {SYMBOLS}. The rate is at most {PEAK:g}; it was not searched for each depth and norm. A "
    "lower one needs the warm-up less, and more steps.",
    "Both models have the same parameters but for two: pre-norm closes each stack with one more layer norm. "
    "Both start from the same random numbers. Long gradients are shortened to 1 in all runs.",
    "No dropout and no label smoothing; 32 numbers a token. The base model of 2017 has 6 blocks a side, and "
    "was trained with post-norm and a warm-up of 4,000 of 100,000 steps.",
)
