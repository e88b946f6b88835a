"""Depth against the number of pictures: do few pictures want a shallow network, and many a deep one?

Networks of 1 to 16 layers of filters learn from 50 to 1,297 digits, all with the same number of steps. The
lab asks whether what a deep network gains over a shallow one grows with the number of pictures. Beside it,
16 and 32 layers learn with skip connections too: if a plain network is worse on the very pictures that it
learns from, that is no overfitting.

Sources: He et al. 2015, arXiv 1512.03385, figure 1 (a plain network of 56 layers is worse than one of 20,
in training too); Simonyan & Zisserman 2014, arXiv 1409.1556 (deeper was better, on a million pictures).
Change first: `WIDTH`, the filters of each layer; more layers are more parameters here.
Command: glassworks lab depth-against-data

Axes: pictures (rows, 1, 8, 8); maps (rows, filters, 4, 4) after the first layer; classes the ten digits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassworks.core.keyed import seed_for
from glassworks.labs.cnn_against_vit import accuracy, learn, parts, words
from glassworks.labs.digits import CLASSES, Part
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Table, Verdict
from glassworks.labs.paired import difference, mean_interval

SEEDS, QUICK_SEEDS = tuple(range(8)), (0, 1)
PRECISION = "float32"
DEPTHS, QUICK_DEPTHS = (1, 2, 4, 8, 16), (2, 8)
SIZES, QUICK_SIZES = (50, 100, 400, 1297), (50, 200)
SHALLOW, DEEP = 2, 8  # the two that decide
SKIPPED, VERY = 16, 32  # also with skips: with every number of pictures, and with all
WIDTH, TEST = 16, 500  # filters of each layer; pictures that judge
STEPS, QUICK_STEPS = 200, 20
RATE = 1e-2  # for all depths; what others gave stands in NOTES
RULE = (
    f"Gain = test accuracy of {DEEP} layers minus that of {SHALLOW}, in points of 100, seed by seed. Few = "
    "the mean of the gain over the two smallest numbers of pictures, many = over the two largest. The claim "
    "holds when the interval of many minus few (95 %) lies above 0, does not hold when it lies below 0, and "
    "is not shown otherwise. Beside it, without deciding: both gains themselves, the gap between training "
    f"and test accuracy, {SKIPPED} layers with skips, and the training loss of {VERY} layers with and "
    f"without "
    "skips on all pictures."
)


class Stack(nn.Module):
    """Layers of 3 x 3 filters with batch norm, pooling after the first, then one dense layer.

    depth: layers of filters; skips: every two of them behind the first add to what came in
    """

    def __init__(self, depth: int, skips: bool = False):
        super().__init__()
        before = (1, *[WIDTH] * (depth - 1))
        self.filters = nn.ModuleList(nn.Conv2d(n, WIDTH, 3, padding=1, bias=False) for n in before)
        self.norms = nn.ModuleList(nn.BatchNorm2d(WIDTH) for _ in before)
        self.skips = skips
        self.head = nn.Linear(WIDTH * 4 * 4, CLASSES)
        for layer in self.filters:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")  # type: ignore[arg-type]

    def forward(self, pictures: Tensor) -> Tensor:
        maps = F.max_pool2d(F.relu(self.norms[0](self.filters[0](pictures))), 2)  # (rows, 16, 4, 4)
        kept = maps
        for number, (filters, norm) in enumerate(zip(self.filters[1:], self.norms[1:]), 1):
            maps = norm(filters(maps))
            if self.skips and number % 2 == 0:
                maps = kept = F.relu(maps + kept)
            else:
                maps = F.relu(maps)
        return self.head(maps.flatten(1))


@dataclass(frozen=True)
class Run:
    """After the last step, in evaluation mode: accuracies in points of 100, loss in nats."""

    training: float
    test: float
    loss: float


def built(depth: int, seed: int, skips: bool = False) -> Stack:
    """The network with the start of this seed; what else draws numbers goes on as before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, "depth against data", depth))
        return Stack(depth, skips)


def trained(
    depth: int, count: int, seed: int, *, skips: bool = False, steps: int = STEPS, rate: float = RATE
) -> Run:
    """One run; half a second to five on one core. Fewer pictures are a part of more."""
    training, test = parts("digits", count, TEST, seed)
    model = learn(built(depth, seed, skips), training, seed, steps=steps, rate=rate)
    return Run(accuracy(model, training), accuracy(model, test), loss_of(model, training))


@torch.no_grad()
def loss_of(model: nn.Module, part: Part) -> float:
    """Mean cross-entropy over all pictures of a part, in nats."""
    return float(F.cross_entropy(model(part.pictures), part.targets))


# ---- the experiment and its rule


def key(what: str, depth: int, count: int, skips: bool = False) -> str:
    return f"{what}: {depth} layers{' with skips' if skips else ''}, {count} pictures"


def experiment(bench: Bench) -> Findings:
    """Every depth, size and seed; then those with skips, and the very deep ones."""
    steps = QUICK_STEPS if bench.quick else STEPS
    depths, sizes = (QUICK_DEPTHS, QUICK_SIZES) if bench.quick else (DEPTHS, SIZES)
    plan = [(depth, count, False) for count in sizes for depth in depths]
    plan += [(SKIPPED, count, True) for count in sizes]
    plan += [(VERY, sizes[-1], skips) for skips in (False, True)]
    numbers: Numbers = {}
    for depth, count, skips in plan:
        runs = []
        for seed in bench.seeds:
            bench.go_on()
            runs.append(trained(depth, count, seed, skips=skips, steps=steps))
        for what in ("training", "test", "loss"):
            numbers[key(what, depth, count, skips)] = [getattr(run, what) for run in runs]
        mean = np.mean(numbers[key("test", depth, count, skips)])
        bench.say(f"{key('test', depth, count, skips).removeprefix('test: ')}: {mean:.1f} %")
    return Findings(numbers, [_table(numbers), _very_table(numbers)], _charts(numbers), NOTES)


def sizes_of(numbers: Numbers) -> list[int]:
    """Numbers of pictures that were measured, from small to large."""
    return sorted({int(name.split()[-2]) for name in numbers})


def depths_of(numbers: Numbers) -> list[int]:
    """Plain depths that were measured with every number of pictures."""
    depths = {int(name.split()[1]) for name in numbers if "skips" not in name}
    return sorted(depths - {VERY})


def gains(numbers: Numbers, sizes: Sequence[int]) -> list[float]:
    """Test accuracy of the deep minus that of the shallow network, over these sizes, seed by seed."""
    apart = [np.subtract(numbers[key("test", DEEP, n)], numbers[key("test", SHALLOW, n)]) for n in sizes]
    return np.mean(apart, axis=0).tolist()


def gap(numbers: Numbers, depth: int, count: int) -> list[float]:
    """Training minus test accuracy, seed by seed."""
    return np.subtract(numbers[key("training", depth, count)], numbers[key("test", depth, count)]).tolist()


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    sizes, depths = sizes_of(numbers), depths_of(numbers)
    half = max(1, len(sizes) // 2)
    few, many = gains(numbers, sizes[:half]), gains(numbers, sizes[-half:])
    grows = difference(many, few)
    outcome: Outcome = "not shown"
    if grows.low is not None and grows.low > 0:
        outcome = "holds"
    if grows.high is not None and grows.high < 0:
        outcome = "does not hold"
    plain, skipped = (numbers[key("loss", VERY, sizes[-1], skips)] for skips in (False, True))
    apart = [float(np.mean(gap(numbers, depth, sizes[0]))) for depth in (depths[0], depths[-1])]
    sentence = (
        f"{DEEP} layers gain {words(mean_interval(few))} points over {SHALLOW} with few pictures and "
        f"{words(mean_interval(many))} with many; many minus few is {words(grows)}. With {sizes[0]} pictures "
        f"test accuracy is {apart[0]:.1f} points below training accuracy at the smallest depth, {depths[0]}, "
        f"and {apart[1]:.1f} below it at the largest, {depths[-1]}. On all pictures the training loss of "
        f"{VERY} layers is {np.mean(plain):.3f} without skips and {np.mean(skipped):.3f} with them."
    )
    return Verdict(
        outcome=outcome,
        sentence=sentence,
        interval=f"many minus few {words(grows)} points; n = {len(few)} seeds, 95 %",
    )


def counted(depth: int) -> int:
    """Learned numbers of a network."""
    return sum(p.numel() for p in Stack(depth).parameters())


def _table(numbers: Numbers) -> Table:
    rows = []
    for count in sizes_of(numbers):
        for depth in depths_of(numbers):
            training = np.mean(numbers[key("training", depth, count)])
            test = mean_interval(numbers[key("test", depth, count)])
            apart = np.mean(gap(numbers, depth, count))
            rows.append((f"{count:,}", f"{depth}", f"{counted(depth):,}", f"{training:.1f}",
                         words(test).replace("+", ""), f"{apart:.1f}"))  # fmt: skip
    head = ("pictures", "layers of filters", "parameters", "training accuracy, %", "test accuracy, % (95 %)",
            "gap, points")  # fmt: skip
    return Table(title="Every depth with every number of pictures", head=head, rows=tuple(rows))


def _very_table(numbers: Numbers) -> Table:
    rows = []
    sizes = sizes_of(numbers)
    for depth, count in [(SKIPPED, count) for count in sizes] + [(VERY, sizes[-1])]:
        for skips in (False, True):
            if key("loss", depth, count, skips) in numbers:
                loss, *shares = (
                    np.mean(numbers[key(what, depth, count, skips)]) for what in ("loss", "training", "test")
                )
                told = "yes" if skips else "no"
                rows.append(
                    (f"{count:,}", f"{depth}", told, f"{loss:.3f}", *(f"{one:.1f}" for one in shares))
                )
    head = ("pictures", "layers of filters", "skips", "training loss, nats", "training accuracy, %",
            "test accuracy, %")  # fmt: skip
    return Table(title="With skip connections and without", head=head, rows=tuple(rows))


def _charts(numbers: Numbers) -> list[Chart]:
    def over(what: str) -> dict[str, tuple[tuple[float, float], ...]]:
        return {
            f"{count:,} pictures": tuple(
                (float(depth), float(np.mean(numbers[key(what, depth, count)])))
                for depth in depths_of(numbers)
            )
            for count in sizes_of(numbers)
        }

    across = "layers of filters"
    return [
        Chart(title="Test accuracy over depth", across=across, up="test accuracy, %", curves=over("test"),
              logarithmic="x"),
        Chart(title="Training accuracy over depth", across=across, up="training accuracy, %",
              curves=over("training"), logarithmic="x"),
    ]  # fmt: skip


NOTES = (
    "Every run takes 200 steps of AdamW with 32 pictures each, whatever its depth and its pictures; 16 "
    "filters a layer, batch norm, pooling once. Deeper networks have more parameters here: the table says "
    "how many.",
    "The rate 0.01 was set beforehand, one for all depths. On one other deal of the digits 0.003 and 0.03 "
    "were tried too, for 1, 2, 8 and 16 layers with 100 and with 1,297 pictures, one run each. With 100 "
    "pictures 0.03 was 2.4 points better for 8 layers and 3.4 for 16, so part of what deep networks lose "
    "here is due to the rate; 8 layers stayed 3.2 points below 2.",
    "Digits of 8 x 8 squares are easy: one layer of filters already tells most of them. On harder pictures "
    "depth buys more.",
)
