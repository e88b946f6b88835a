"""A CNN against a Vision Transformer of equal cost: who learns more from few pictures, and who from many?

Both read pictures of 8 x 8 squares and spend about 640,000 multiply-adds on one. They learn from growing
numbers of digits, with augmentation and without, for a short and for a longer time; then from up to 10,000
pieces of clothing, reduced to the same 8 x 8, where Fashion-MNIST is installed. Everything else is the same
for both: pictures, batches and their order, steps, the rule that moves the weights.

Sources: Dosovitskiy et al. 2020, arXiv 2010.11929, figures 3 and 4 (ViT overtakes ResNets on hundreds of
millions of pictures); Steiner et al. 2021, arXiv 2106.10270 (augmentation stands in for pictures).
Change first: `STEPS`, how long both learn, or `AUGMENT`.
Command: glassworks lab cnn-against-vit

Axes: pictures (rows, 1, 8, 8); classes the ten digits, or ten kinds of clothing.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassworks.core.keyed import permutation, seed_for
from glassworks.data.augment import NOTHING, Augment, augment
from glassworks.data.samples import is_here, sample_table
from glassworks.insight.cost import stage_costs
from glassworks.judging.intervals import Interval
from glassworks.labs.digits import CLASSES, SIDE, Part, digits
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Table, Verdict
from glassworks.labs.paired import difference, mean_interval
from glassworks.models.vision import cnn, vit
from glassworks.training.optimizer import adamw

SEEDS, QUICK_SEEDS = tuple(range(4)), (0, 1)
PRECISION = "float32"
Kind = Literal["cnn", "vit"]
KINDS: tuple[Kind, ...] = ("cnn", "vit")
NAMES = {"cnn": "CNN", "vit": "ViT"}
CNN: dict[str, Any] = {"widths": (64, 64), "hidden": 64, "batch_norm": True}
VIT: dict[str, Any] = {
    "patch": 2, "dimension": 48, "depth": 2, "pooling": "mean", "block": {"heads": 4, "ratio": 2.0},
}  # fmt: skip
BATCH, DECAY, WARMUP = 32, 0.05, 0.15
RATES: dict[Kind, float] = {"cnn": 1e-2, "vit": 1e-2}  # of four that were tried for each, see NOTES


@dataclass(frozen=True)
class Arm:
    """One row of the experiment. data: "digits" or "clothes"; how: what is done to training pictures;
    sizes: pictures to learn from; steps: of each run; test: pictures that judge."""

    name: str
    data: str
    how: Augment
    sizes: tuple[int, ...]
    steps: int
    test: int = 500


SIZES, STEPS, LONG = (50, 100, 200, 400, 800, 1297), 350, 4
AUGMENT = Augment(shift=1 / SIDE, rotate=10, zoom=0.1)  # moved by a square, turned, a tenth larger or smaller
ARMS = (
    Arm("digits", "digits", NOTHING, SIZES, STEPS),
    Arm("digits, augmented", "digits", AUGMENT, (100, 400, 1297), STEPS),
    Arm("digits, four times as long", "digits", NOTHING, (100,), LONG * STEPS),
    Arm("digits, augmented, four times as long", "digits", AUGMENT, (100,), LONG * STEPS),
    Arm("clothes", "clothes", NOTHING, (100, 1_000, 10_000), 500, test=2_000),
)
DECIDES = ARMS[0].name
QUICK_SIZES, QUICK_STEPS = (50, 200), 20
FEW = MANY = 2  # the gap with few pictures is that of the two smallest sizes, with many of the two largest
RULE = (
    "Gap = test accuracy of the CNN minus that of the ViT, in points of 100, seed by seed, on digits as they "
    "are. Few = its mean over the two smallest sizes, many = over the two largest. The claim holds when the "
    "intervals of few and of few minus many both lie above 0 (95 % for both at once), does not hold when one "
    "of them lies below 0, and is not shown otherwise. A crossing is told only where the interval of many "
    "lies below 0. Beside it, without deciding: augmentation, four times the steps, clothes, and how many "
    "errors the ViT makes for one of the CNN, because two figures near 100 % come close by themselves."
)


# ---- pictures


@lru_cache(maxsize=2)
def everything(data: str) -> Part:
    """All pictures (rows, 8, 8), 0 to 255; clothes get a rim of 2 pixels, and 4 x 4 of them are averaged."""
    if data == "digits":
        return digits()
    table = sample_table("fashion-mnist")
    pixels = torch.from_numpy(np.stack([np.asarray(picture, dtype=np.uint8) for picture in table.sources]))
    small = F.avg_pool2d(F.pad(pixels[:, None].float(), (2, 2, 2, 2)), 4)[:, 0]
    return Part(small, torch.from_numpy(np.asarray(table.targets)))


def parts(data: str, count: int, test: int, seed: int) -> tuple[Part, Part]:
    """`count` pictures to learn from and the test part, (rows, 1, 8, 8), scaled by the first.

    Fewer are a part of more. Raises ValueError for more than there are.
    """
    pictures = everything(data)
    most = len(pictures.targets) - test
    if not 10 <= count <= most:
        raise ValueError(f"cnn-against-vit: expected 10 to {most:,} pictures of {data}; got {count}")
    order = torch.from_numpy(permutation(len(pictures.targets), seed, "cnn against vit"))
    learn, judge = pictures.take(order[test:][:count]), pictures.take(order[:test])
    mean, std = learn.pictures.mean(), learn.pictures.std()
    training, held = (Part(((part.pictures - mean) / std)[:, None], part.targets) for part in (learn, judge))
    return training, held


# ---- networks and their training


def built(kind: Kind, seed: int) -> nn.Module:
    """One of the two networks with the start of this seed; what else draws numbers goes on as before."""
    shape: dict[str, Any] = {"height": SIDE, "width": SIDE, "channels": 1, "classes": CLASSES}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, "cnn against vit", kind))
        if kind == "cnn":
            return cnn.build(cnn.CNNConfig(**shape, **CNN))
        return vit.build(vit.ViTConfig(**shape, **VIT))


def batches(part: Part, seed: int, steps: int, how: Augment = NOTHING) -> Iterator[tuple[Tensor, Tensor]]:
    """`steps` batches that depend on the seed alone, so that every network sees the same."""
    dice = torch.Generator().manual_seed(seed_for(seed, "cnn against vit", "batches"))
    order = torch.empty(0, dtype=torch.long)
    for step in range(steps):
        if len(order) < BATCH:  # a new pass over all pictures, after what is left of the last one
            order = torch.cat([order, torch.randperm(len(part.targets), generator=dice)])
        chosen, order = order[:BATCH], order[BATCH:]
        yield augment(part.pictures[chosen], chosen.numpy(), step, seed, how), part.targets[chosen]


def learn(
    model: nn.Module, part: Part, seed: int, *, steps: int, rate: float, how: Augment = NOTHING
) -> nn.Module:
    """The model after so many steps of AdamW, in evaluation mode; the rate rises, then falls as a cosine."""
    optimizer = adamw(model.train(), learning_rate=rate, weight_decay=DECAY)
    for step, (pictures, targets) in enumerate(batches(part, seed, steps, how), 1):
        share = step / steps
        for group in optimizer.param_groups:
            group["lr"] = rate * (share / WARMUP if share < WARMUP else 0.5 + 0.5 * math.cos(math.pi * share))
        loss = F.cross_entropy(model(pictures), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


@torch.no_grad()
def accuracy(model: Callable[[Tensor], Tensor], part: Part) -> float:
    """Share of right answers, in points of 100."""
    said = torch.cat([model(rows).argmax(1) for rows in part.pictures.split(500)])
    return 100 * float((said == part.targets).double().mean())


def trained(arm: Arm, kind: Kind, count: int, seed: int, steps: int) -> float:
    """Test accuracy after one run, in points of 100; two or three seconds on one core."""
    training, test = parts(arm.data, count, arm.test, seed)
    model = learn(built(kind, seed), training, seed, steps=steps, rate=RATES[kind], how=arm.how)
    return accuracy(model, test)


def cost_of(kind: Kind) -> tuple[int, int]:
    """Multiply-adds of one picture, and learned numbers."""
    stages = stage_costs(built(kind, 0), torch.zeros(1, 1, SIDE, SIDE))
    parameters = sum(p.numel() for p in built(kind, 0).parameters())
    return sum(stage.multiply_adds for stage in stages), parameters


# ---- the experiment and its rule


def key(arm: str, kind: Kind, count: int) -> str:
    return f"{arm}: {kind} {count}"


def sizes_of(numbers: Numbers, arm: str) -> list[int]:
    """Sizes that were measured for an arm, from small to large; none where its data was not there."""
    return sorted({int(name.rpartition(" ")[2]) for name in numbers if name.startswith(f"{arm}: ")})


def experiment(bench: Bench) -> Findings:
    """Every arm, size and seed, with both networks."""
    numbers: Numbers = {}
    for arm in ARMS:
        if arm.data == "clothes" and (bench.quick or not is_here("fashion-mnist")):
            continue
        for count in QUICK_SIZES if bench.quick else arm.sizes:
            for kind in KINDS:
                bench.go_on()
                steps = QUICK_STEPS if bench.quick else arm.steps
                numbers[key(arm.name, kind, count)] = [
                    trained(arm, kind, count, seed, steps) for seed in bench.seeds
                ]
            told = (f"{NAMES[kind]} {np.mean(numbers[key(arm.name, kind, count)]):.1f} %" for kind in KINDS)
            bench.say(f"{count:,} pictures, {arm.name}: {', '.join(told)}")
    return Findings(numbers, [_table(numbers), _costs()], _charts(numbers), NOTES)


def gaps(numbers: Numbers, arm: str, sizes: Sequence[int]) -> list[float]:
    """The CNN's accuracy minus the ViT's, averaged over sizes, seed by seed."""
    apart = [np.subtract(numbers[key(arm, "cnn", n)], numbers[key(arm, "vit", n)]) for n in sizes]
    return np.mean(apart, axis=0).tolist()


def errors(numbers: Numbers, arm: str, sizes: Sequence[int]) -> float:
    """Errors of the ViT for one error of the CNN, over all seeds and these sizes."""
    made = {kind: sum(100 - np.mean(numbers[key(arm, kind, n)]) for n in sizes) for kind in KINDS}
    return float(made["vit"] / max(made["cnn"], 1e-9))


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    sizes = sizes_of(numbers, DECIDES)
    at_few, at_many = (gaps(numbers, DECIDES, part) for part in (sizes[:FEW], sizes[-MANY:]))
    few = mean_interval(at_few, comparisons=2)
    shrinks = difference(at_few, at_many, comparisons=2)
    many = mean_interval(at_many, comparisons=2)
    outcome: Outcome = "not shown"
    if all(one.low is not None and one.low > 0 for one in (few, shrinks)):
        outcome = "holds"
    if any(one.high is not None and one.high < 0 for one in (few, shrinks)):
        outcome = "does not hold"
    crossed = many.high is not None and many.high < 0
    sentence = (
        f"On digits the CNN is {words(few)} points above the ViT with {_sizes(sizes[:FEW])} pictures and "
        f"{words(many)} with {_sizes(sizes[-MANY:])}; the difference of the two is {words(shrinks)}. "
        f"{'There the ViT has overtaken it.' if crossed else 'No crossing is seen.'} For one error of the "
        f"CNN the ViT makes {errors(numbers, DECIDES, sizes[:FEW]):.1f} with few and "
        f"{errors(numbers, DECIDES, sizes[-MANY:]):.1f} with many.{''.join(_beside(numbers))}"
    )
    return Verdict(
        outcome=outcome,
        sentence=sentence,
        interval=f"gap with few {words(few)}, few minus many {words(shrinks)} points; n = {len(at_few)} "
        "seeds, 95 % for both at once",
    )


def _beside(numbers: Numbers) -> Iterator[str]:
    """A sentence for each arm that does not decide."""
    for arm in ARMS[1:]:
        sizes = sizes_of(numbers, arm.name)
        if not sizes:
            continue
        ends = dict.fromkeys((sizes[0], sizes[-1]))
        told = (f"{words(mean_interval(gaps(numbers, arm.name, [n])))} with {n:,}" for n in ends)
        yield f" {arm.name.capitalize()}: the gap is {' and '.join(told)}."


def words(one: Interval) -> str:
    """ "+5.2 (+3.1 to +7.3)", or the value alone with one seed."""
    value = round(one.value, 1) + 0.0  # the sum makes -0.0 a plain zero
    if one.low is None or one.high is None:
        return f"{value:+.1f} (one seed, no interval)"
    return f"{value:+.1f} ({one.low:+.1f} to {one.high:+.1f})"


def _sizes(sizes: Sequence[int]) -> str:
    return " and ".join(f"{size:,}" for size in sizes)


def _table(numbers: Numbers) -> Table:
    rows = []
    for arm in (one.name for one in ARMS):
        for n in sizes_of(numbers, arm):
            means = [f"{np.mean(numbers[key(arm, kind, n)]):.1f}" for kind in KINDS]
            gap = words(mean_interval(gaps(numbers, arm, [n])))
            rows.append((arm, f"{n:,}", *means, gap, f"{errors(numbers, arm, [n]):.1f}"))
    head = ("pictures", "to learn from", "CNN, test accuracy, %", "ViT, test accuracy, %",
            "gap, points (95 %)", "errors of the ViT for one of the CNN")  # fmt: skip
    return Table(title="Accuracy over the number of pictures", head=head, rows=tuple(rows))


def _costs() -> Table:
    rows = tuple((NAMES[kind], *(f"{number:,}" for number in cost_of(kind))) for kind in KINDS)
    return Table(
        title="What both cost", head=("network", "multiply-adds a picture", "learned numbers"), rows=rows
    )


def _charts(numbers: Numbers) -> list[Chart]:
    charts = []
    for data in dict.fromkeys(arm.data for arm in ARMS):
        arms = [arm for arm in ARMS if arm.data == data and len(sizes_of(numbers, arm.name)) > 1]
        curves = {
            f"{NAMES[kind]}, {arm.name}": tuple(
                (float(n), float(np.mean(numbers[key(arm.name, kind, n)])))
                for n in sizes_of(numbers, arm.name)
            )
            for arm in arms
            for kind in KINDS
        }
        if curves:
            charts.append(Chart(title=f"Test accuracy on {data}", across="pictures to learn from",
                                up="test accuracy, %", curves=curves, logarithmic="x"))  # fmt: skip
    return charts


NOTES = (
    "Both networks are the workbench's own: a CNN with two stages of 64 filters and batch norm, a ViT with "
    "16 patches of 2 x 2 squares, 48 numbers a token and two blocks, whose answer reads the mean of the "
    "patches. Their shapes were set for equal cost before any run.",
    "For each the rates 0.001, 0.003, 0.01 and 0.02 were tried on one other deal of the digits, with 100 and "
    "with 1,297 of them. For the ViT 0.01 was the best, for the CNN none was better. The augmentation was "
    "chosen on that deal too, by what it brings the ViT. Nothing else was tuned.",
    "Augmentation turns a digit by up to 10 degrees, moves it by up to a square, and makes it up to a tenth "
    "larger or smaller. Every run of a row has the same number of steps, of 32 pictures each: 350 of digits, "
    "500 of clothes, in which 10,000 of them are seen 1.6 times.",
    "Pictures of 8 x 8 squares and networks of some ten thousand numbers say nothing about photographs and "
    "large models. There, too, the ViT was behind on small collections, and ahead on very large ones.",
)
