"""Positions and order: what does a Vision Transformer lose that is not told where its patches stand?

The same small model reads digits of 8 x 8 squares as 16 patches, with four kinds of positions: none, learned,
sine and cosine, relative. Each is asked about test pictures as they are, and about the same pictures with
their patches shuffled, each picture in its own way. Then everything is repeated with all pictures, those of
training too, shuffled in one and the same way: what is lost there was known about neighbours in advance.

Source: Dosovitskiy et al. 2020, arXiv 2010.11929, appendix D.4, which compares no, 1-D, 2-D and relative
positions on ImageNet: none is clearly worse, the others hardly differ.
Change first: `STEPS`, or `SHAPE`, the network.
Command: glassworks lab positions-and-order

Axes: pictures (rows, channels, 8, 8); patches = tokens, row by row; classes the ten digits.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassworks.blocks.patches import cut, joined
from glassworks.core.keyed import seed_for
from glassworks.judging.intervals import Interval
from glassworks.labs.digits import CLASSES, SIDE, Part, batches, deal
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Span, Table, Verdict
from glassworks.labs.paired import difference, mean_interval
from glassworks.models.vision.vit import ViT, ViTConfig, build
from glassworks.training.optimizer import adamw

SEEDS, QUICK_SEEDS = tuple(range(5)), (0, 1)
PRECISION = "float32"
Kind = Literal["none", "learned", "sine", "relative"]
KINDS: tuple[Kind, ...] = ("none", "learned", "sine", "relative")
TOLD = KINDS[1:]
PATCH = 2  # squares on a side of a patch: 4 x 4 patches
SHAPE: dict[str, Any] = {"dimension": 48, "depth": 3, "block": {"heads": 4, "ratio": 2.0}}
STEPS, QUICK_STEPS, BATCH, RATE, WARMUP, DECAY = 400, 20, 64, 5e-3, 0.1, 0.05
RULE = (
    "Changed = answers to test pictures that become others when the patches are shuffled, each picture in "
    "its own way. Gain = test accuracy with a kind of positions minus that without any, in points of 100, "
    "seed by "
    'seed. The claim "holds" when without positions at most one answer changes in every seed (two scores may '
    'tie) and the intervals of all three gains lie above 0 (95 % for all three at once). It "does not '
    'hold" when more answers change, or when one of the three intervals lies below 0, and is "not '
    'shown" otherwise. Beside it, without deciding: what shuffling costs the others, and what it costs '
    "to learn and answer pictures that are all shuffled in one and the same way."
)


@dataclass(frozen=True)
class Asked:
    """One model's test accuracy. ordered: pictures as they are; changed: answers that became others when
    each picture was shuffled in its own way, of `count`; shuffled: the accuracy then; fixed: of a model that
    learned and answers pictures that are all shuffled in one way."""

    ordered: float
    shuffled: float
    changed: int
    count: int
    fixed: float


def scaled(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Pictures (rows, 1, 8, 8) with the mean and spread of the first part's."""
    mean, std = parts[0].pictures.mean(), parts[0].pictures.std()
    return tuple(Part(((part.pictures - mean) / std)[:, None], part.targets) for part in parts)


def shuffled(pictures: Tensor, orders: Tensor) -> Tensor:
    """The pictures with their patches in other places. orders: int64 (rows or 1, patches)."""
    patches = cut(pictures, PATCH)  # (rows, patches, numbers)
    order = orders.expand(len(patches), -1)[..., None].expand_as(patches)
    side = SIDE // PATCH
    return joined(patches.gather(1, order), PATCH, (side, side))


def own_orders(rows: int, seed: int) -> Tensor:
    """An order of the patches for each picture, (rows, patches)."""
    dice = torch.Generator().manual_seed(seed_for(seed, "own orders"))
    return torch.rand(rows, (SIDE // PATCH) ** 2, generator=dice).argsort(1)


def one_order(seed: int) -> Tensor:
    """One order for all pictures, (1, patches)."""
    dice = torch.Generator().manual_seed(seed_for(seed, "one order"))
    return torch.randperm((SIDE // PATCH) ** 2, generator=dice)[None]


def started(seed: int, **changed: Any) -> ViT:
    """A model that begins with the same numbers as its sisters wherever it has the same tensors.

    changed: fields of the config, such as positions="sine" or pooling="class"
    """
    first = {"height": SIDE, "width": SIDE, "channels": 1, "classes": CLASSES, "patch": PATCH} | SHAPE
    with torch.random.fork_rng(devices=[]):  # a model's start draws from torch's own dice
        torch.manual_seed(seed_for(seed, "positions and order"))
        pattern = build(ViTConfig(**first, pooling="mean", positions="learned"))
        model = build(ViTConfig(**{**first, "pooling": "mean"} | changed))
    shared = pattern.state_dict()
    own = model.state_dict()
    if "class_token" in own and "positions" in own:  # the sisters' table has no row for it
        shared["positions"] = torch.cat([own["positions"][:, :1], shared["positions"]], dim=1)
    model.load_state_dict({name: shared.get(name, tensor) for name, tensor in own.items()})
    return model


def learn(model: nn.Module, part: Part, seed: int, *, steps: int = STEPS, rate: float = RATE) -> None:
    """AdamW with a rate that rises, then falls as a cosine; the same batches for every model of a seed."""
    dice = torch.Generator().manual_seed(seed_for(seed, "batches"))
    optimizer = adamw(model.train(), learning_rate=rate, weight_decay=DECAY)
    for step, chosen in zip(range(steps), batches(len(part.targets), BATCH, dice)):
        share = (step + 1) / steps
        for group in optimizer.param_groups:
            group["lr"] = rate * (share / WARMUP if share < WARMUP else 0.5 + 0.5 * math.cos(math.pi * share))
        loss = F.cross_entropy(model(part.pictures[chosen]), part.targets[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def answers(model: nn.Module, pictures: Tensor) -> Tensor:
    """The class that is said to each picture, (rows,)."""
    return model.eval()(pictures).argmax(1)


def share_right(said: Tensor, targets: Tensor) -> float:
    return float((said == targets).double().mean())


def ask(kind: Kind, seed: int = 0, *, steps: int = STEPS) -> Asked:
    """Train with one kind of positions, twice where that matters; ten seconds on one core."""
    training, _, test = scaled(deal(seed))
    model = started(seed, positions=kind)
    learn(model, training, seed, steps=steps)
    said = answers(model, test.pictures)
    said_shuffled = answers(model, shuffled(test.pictures, own_orders(len(said), seed)))
    order = one_order(seed)
    fixed_test = shuffled(test.pictures, order)
    if kind != "none":  # without positions the second model would be the first: it cannot see the difference
        model = started(seed, positions=kind)
        learn(model, Part(shuffled(training.pictures, order), training.targets), seed, steps=steps)
    return Asked(
        ordered=share_right(said, test.targets),
        shuffled=share_right(said_shuffled, test.targets),
        changed=int((said != said_shuffled).sum()),
        count=len(said),
        fixed=share_right(answers(model, fixed_test), test.targets),
    )


def experiment(bench: Bench) -> Findings:
    """Every kind with every seed, in turn."""
    runs: dict[Kind, list[Asked]] = {kind: [] for kind in KINDS}
    for seed in bench.seeds:
        for kind in KINDS:
            bench.go_on()
            runs[kind].append(ask(kind, seed, steps=QUICK_STEPS if bench.quick else STEPS))
        told = ", ".join(f"{kind} {100 * runs[kind][-1].ordered:.1f} %" for kind in KINDS)
        bench.say(f"seed {seed}, accuracy by positions: {told}")
    numbers: Numbers = {}
    for kind, row in runs.items():
        for what in ("ordered", "shuffled", "fixed"):
            numbers[f"{what}: {kind}"] = [100 * getattr(one, what) for one in row]
        numbers[f"changed: {kind}"] = [float(one.changed) for one in row]
    return Findings(numbers, [_table(numbers, runs["none"][0].count)], [_chart(numbers)], NOTES)


def gain(numbers: Numbers, kind: Kind) -> Interval:
    """Points that this kind of positions brings."""
    return difference(numbers[f"ordered: {kind}"], numbers["ordered: none"], comparisons=len(TOLD))


def moved(numbers: Numbers, kind: Kind) -> Interval:
    """Points that a model with this kind changes by when all pictures are shuffled in one way."""
    return difference(numbers[f"fixed: {kind}"], numbers[f"ordered: {kind}"])


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    blind = max(numbers["changed: none"]) <= 1
    gains = {kind: gain(numbers, kind) for kind in TOLD}
    outcome: Outcome = "not shown"
    if blind and all(one.low is not None and one.low > 0 for one in gains.values()):
        outcome = "holds"
    if not blind or any(one.high is not None and one.high < 0 for one in gains.values()):
        outcome = "does not hold"
    means = {name: float(np.mean(values)) for name, values in numbers.items()}
    lost = ", ".join(
        f"{kind} {means[f'ordered: {kind}']:.1f} to {means[f'shuffled: {kind}']:.1f} %" for kind in TOLD
    )
    fixed = ", ".join(f"{kind} {_words(moved(numbers, kind))}" for kind in TOLD)
    most = max(numbers["changed: none"])
    changed = f"at most {most:.0f} answers of a seed change" if most else "no answer changes"
    sentence = (
        f"Without positions the model answers {means['ordered: none']:.1f} %, and when the patches of each "
        f"picture are shuffled {changed}. Positions bring "
        f"{', '.join(f'{kind} {_words(one)}' for kind, one in gains.items())} points. Asked about shuffled "
        f"pictures, those models fall: {lost}. Where all pictures, those of training too, are shuffled in "
        f"one way, accuracy changes by: {fixed} points."
    )
    return Verdict(
        outcome=outcome,
        sentence=sentence,
        interval=f"gains {', '.join(f'{kind} {_words(one)}' for kind, one in gains.items())} points; "
        f"n = {len(numbers['changed: none'])} seeds, 95 % for all three at once",
    )


def _words(one: Interval) -> str:
    if one.low is None or one.high is None:
        return f"{one.value:+.1f} (one seed, no interval)"
    return f"{one.value:+.1f} ({one.low:+.1f} to {one.high:+.1f})"


def _table(numbers: Numbers, count: int) -> Table:
    rows = []
    for kind in KINDS:
        mean = {what: float(np.mean(numbers[f"{what}: {kind}"])) for what in ("ordered", "shuffled", "fixed")}
        rows.append((
            kind, f"{mean['ordered']:.1f}", _words(gain(numbers, kind)) if kind != "none" else "",
            f"{mean['shuffled']:.1f}", f"{np.mean(numbers[f'changed: {kind}']):.0f} of {count}",
            f"{mean['fixed']:.1f}", _words(moved(numbers, kind)) if kind != "none" else "the same by law",
        ))  # fmt: skip
    head = (
        "positions", "test accuracy, %", "gain, points", "patches shuffled, each its own way, %",
        "answers changed", "learned and asked in one shuffle, %", "minus that in order, points",
    )  # fmt: skip
    return Table(title="The same digits in order and out of order", head=head, rows=tuple(rows))


def _chart(numbers: Numbers) -> Chart:
    asked = {"ordered": "in order", "shuffled": "each shuffled", "fixed": "all in one shuffle"}
    spans = []
    for kind in KINDS:
        for what, told in asked.items():
            one = mean_interval(numbers[f"{what}: {kind}"])
            low, high = (one.value if end is None else end for end in (one.low, one.high))
            spans.append(Span(name=f"{kind}, {told}", low=low, value=one.value, high=high))
    return Chart(title="Test accuracy with its 95 % interval", across="%", spans=tuple(spans))


NOTES = (
    "All models of a seed begin with the same numbers wherever they have the same tensors, see the same "
    "batches, and differ in their positions alone. The answer reads the mean of all patches.",
    "Without positions the second training, on pictures that are all shuffled in one way, was not run: its "
    "model would be the first one, number for number up to rounding.",
    "Relative positions change only how much a token looks at others, and their tables begin near 0: they "
    "learn more slowly than vectors that are added. 400 steps are few, and the order of the three kinds "
    "after a long training is not tested here.",
    "A grid of 4 x 4 patches holds little order, and the sum over all pictures says nothing about one: many "
    "digits can be told by their patches alone. The paper of the ViT compares the same four on ImageNet.",
)
