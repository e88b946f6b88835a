"""Which of its parts does a classifier need? Each is left out of the whole, each is added to the plain.

The whole is the four-layer CNN of the book: augmentation, batch norm, dropout, four stages instead of two.
It learns 200 digits. Then one part at a time is left out, with all else as it was, and one part at a time
is added to the plain network of two stages. The two ways round need not agree: what a part brings depends on
what stands beside it, so a table of both says more than a list of improvements.

Sources: batch norm Ioffe & Szegedy 2015, arXiv 1502.03167; dropout Srivastava et al. 2014; that both
together may be less than each, Li, Chen, Hu, Yang 2018, arXiv 1801.05134.
Change first: `COUNT`, how many digits are learned.
Command: glassworks lab ablation-table

Axes: pictures (rows, 1, 16, 16); classes the ten digits.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from glassworks.core.keyed import permutation, seed_for
from glassworks.data.augment import NOTHING, Augment
from glassworks.judging.intervals import Interval
from glassworks.labs.cnn_against_vit import accuracy, learn
from glassworks.labs.digits import CLASSES, SIDE, Part, digits
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Span, Table, Verdict
from glassworks.labs.paired import difference, mean_interval
from glassworks.models.vision import cnn

SEEDS, QUICK_SEEDS = tuple(range(5)), (0, 1)
PRECISION = "float32"
LARGE = 2 * SIDE  # pixels on a side, so that four stages can halve them
COUNT, TEST, CHOOSING, STEPS, QUICK_STEPS = 200, 500, 300, 300, 12
RATES = (3e-3, 1e-2)  # every run has the better of both, by digits that neither train nor judge
AUGMENT = Augment(shift=1 / SIDE, rotate=10, zoom=0.1)
MARGIN = 0.5  # points: what brings less than this for sure is no help worth its place
PARTS = ("augmentation", "batch norm", "dropout", "depth")


@dataclass(frozen=True)
class Arm:
    '""A network and its training. mirror: augmentation mirrors the digits too, which makes other signs'

    'of them.""'

    augmentation: bool = True
    norm: bool = True
    dropout: bool = True
    depth: bool = True
    mirror: bool = False


FIELDS = dict(zip(PARTS, ("augmentation", "norm", "dropout", "depth")))
WHOLE, PLAIN = Arm(), Arm(False, False, False, False)
ARMS: dict[str, Arm] = (
    {"whole": WHOLE}
    | {f"without {part}": replace(WHOLE, **{FIELDS[part]: False}) for part in PARTS}
    | {"plain": PLAIN}
    | {f"plain, and {part}": replace(PLAIN, **{FIELDS[part]: True}) for part in PARTS}
    | {"whole, digits mirrored": replace(WHOLE, mirror=True)}
)
MIRRORED = "whole, digits mirrored"
RULE = (
    "What a part is worth = test accuracy of the whole minus that of the whole without it, seed by seed, in "
    "points of 100. A part earns its place when the whole interval of the mean lies above 0, it does not "
    f"when the interval lies below {MARGIN}, and it is not decided otherwise; the four intervals are "
    'widened so that they are right at once with 95 %. The claim "holds" when all four earn their place, '
    '"does not hold" when at least one does not, and is "not shown" otherwise. Beside it, without '
    "deciding: each part added to the plain network, and augmentation that mirrors the digits."
)


# ---- pictures, networks, training


@lru_cache(maxsize=1)
def enlarged() -> Part:
    """All digits, twice as large and smooth: (rows, 1, 16, 16)."""
    everything = digits()
    large = F.interpolate(everything.pictures[:, None], scale_factor=2, mode="bilinear", align_corners=False)
    return Part(large, everything.targets)


def parts(seed: int) -> tuple[Part, Part, Part]:
    """`COUNT` digits to learn from, the validation part and the test part, all scaled by the first."""
    everything = enlarged()
    order = torch.from_numpy(permutation(len(everything.targets), seed, "ablation"))
    rows = order[TEST + CHOOSING :][:COUNT], order[TEST : TEST + CHOOSING], order[:TEST]
    mean, std = (found(everything.pictures[rows[0]]).item() for found in (torch.mean, torch.std))
    training, validation, test = (
        Part((everything.pictures[chosen] - mean) / std, everything.targets[chosen]) for chosen in rows
    )
    return training, validation, test


def config(arm: Arm) -> cnn.CNNConfig:
    """The book's CNN for these pictures: with depth its four-layer variant, without it the two-layer one."""
    shape = cnn.VARIANTS["four-layer" if arm.depth else "two-layer"]
    share = cnn.VARIANTS["four-layer"]["dropout"] if arm.dropout else 0.0
    given = shape | {"batch_norm": arm.norm, "dropout": share, "hidden": cnn.VARIANTS["four-layer"]["hidden"]}
    return cnn.CNNConfig(height=LARGE, width=LARGE, channels=1, classes=CLASSES, pool_first=True, **given)


def changes(arm: Arm) -> Augment:
    """What is done to training pictures; test pictures are never changed."""
    if not arm.augmentation:
        return NOTHING
    return replace(AUGMENT, flip="random") if arm.mirror else AUGMENT


def trained(arm: Arm, seed: int, steps: int) -> tuple[float, float]:
    """Training and test accuracy, in points of 100, at the rate that the validation part prefers."""
    training, validation, test = parts(seed)
    models = [learned(arm, training, seed, steps, rate) for rate in RATES]
    best = max(models, key=lambda model: accuracy(model, validation))
    return accuracy(best, training), accuracy(best, test)


def learned(arm: Arm, training: Part, seed: int, steps: int, rate: float) -> nn.Module:
    """One network after its training, in evaluation mode; about two seconds on one core."""
    with torch.random.fork_rng(devices=[]):  # dropout draws here; what draws elsewhere goes on as before
        torch.manual_seed(seed_for(seed, "ablation"))
        model = cnn.build(config(arm))
        return learn(model, training, seed, steps=steps, rate=rate, how=changes(arm))


# ---- the experiment and its rule


def experiment(bench: Bench) -> Findings:
    """Every arm with every seed."""
    steps = QUICK_STEPS if bench.quick else STEPS
    numbers: Numbers = {}
    for name, arm in ARMS.items():
        bench.go_on()
        runs = [trained(arm, seed, steps) for seed in bench.seeds]
        numbers[f"training: {name}"], numbers[name] = ([run[place] for run in runs] for place in (0, 1))
        bench.say(f"{name}: {np.mean(numbers[name]):.1f} % of the test digits")
    return Findings(numbers, [_table(numbers)], _charts(numbers), NOTES)


def worth(numbers: Numbers, part: str) -> Interval:
    """What the whole loses without a part, in points; one of four intervals that are right at once."""
    return difference(numbers["whole"], numbers[f"without {part}"], comparisons=len(PARTS))


def added(numbers: Numbers, part: str) -> Interval:
    """What a part brings to the plain network, in points."""
    return difference(numbers[f"plain, and {part}"], numbers["plain"])


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    worths = {part: worth(numbers, part) for part in PARTS}
    kinds = {part: kind_of(one) for part, one in worths.items()}
    outcome: Outcome = "not shown"
    if all(kind == "earns its place" for kind in kinds.values()):
        outcome = "holds"
    if "does not earn its place" in kinds.values():
        outcome = "does not hold"
    told = "; ".join(f"{part} {words(worths[part])}: {kinds[part]}" for part in PARTS)
    beside = ", ".join(f"{part} {words(added(numbers, part))}" for part in PARTS)
    mirrored = difference(numbers[MIRRORED], numbers["whole"])
    sentence = (
        f"The whole reaches {np.mean(numbers['whole']):.1f} %, the plain network "
        f"{np.mean(numbers['plain']):.1f} %. Points that each part is worth in the whole: {told}. Added "
        f"alone to the plain network they bring: {beside}. Augmentation that mirrors digits changes the "
        f"whole by {words(mirrored)}."
    )
    return Verdict(
        outcome=outcome,
        sentence=sentence,
        interval=f"worth in the whole, points: {', '.join(f'{p} {words(w)}' for p, w in worths.items())}; "
        f"n = {len(numbers['whole'])} seeds, 95 % for all four at once",
    )


def kind_of(one: Interval) -> str:
    """What the rule says of one part."""
    if one.low is None or one.high is None:
        return "not decided"
    if one.low > 0:
        return "earns its place"
    return "does not earn its place" if one.high < MARGIN else "not decided by so few seeds"


def words(one: Interval) -> str:
    """ "+5.2 (+3.1 to +7.3)", or the value alone with one seed."""
    value = round(one.value, 1) + 0.0  # the sum makes -0.0 a plain zero
    if one.low is None or one.high is None:
        return f"{value:+.1f} (one seed, no interval)"
    return f"{value:+.1f} ({one.low:+.1f} to {one.high:+.1f})"


def _table(numbers: Numbers) -> Table:
    rows = []
    for name in ARMS:
        base = "whole" if name in ("plain", MIRRORED) or name.startswith("without") else "plain"
        apart = "" if name == "whole" else words(difference(numbers[name], numbers[base]))
        means = (f"{np.mean(numbers[key]):.1f}" for key in (f"training: {name}", name))
        rows.append((name, *means, f"{apart}, beside the {base}" if apart else ""))
    head = ("network", "training accuracy, %", "test accuracy, %", "difference, points (95 % each)")
    return Table(title=f"One part left out, one part added; {COUNT} digits", head=head, rows=tuple(rows))


def _charts(numbers: Numbers) -> list[Chart]:
    left = [_span(part, worth(numbers, part)) for part in PARTS]
    put = [_span(part, added(numbers, part)) for part in PARTS]
    levels = [_span(name, mean_interval(numbers[name])) for name in ARMS]
    return [
        Chart(
            title="What each part is worth in the whole", across="points lost without it", spans=tuple(left)
        ),
        Chart(title="What each brings to the plain network", across="points gained", spans=tuple(put)),
        Chart(title="Test accuracy", across="%", spans=tuple(levels)),
    ]


def _span(name: str, one: Interval) -> Span:
    low, high = (one.value if end is None else end for end in (one.low, one.high))
    return Span(name=name, low=low, value=one.value, high=high)


def costs() -> dict[str, int]:
    """Learned numbers of the whole and of the plain network, for these pictures."""
    with torch.random.fork_rng(devices=[]):
        built = {"whole": cnn.build(config(WHOLE)), "plain": cnn.build(config(PLAIN))}
    return {name: sum(p.numel() for p in model.parameters()) for name, model in built.items()}


NOTES = (
    f"The workbench's own CNN on digits enlarged to {LARGE} x {LARGE} pixels: four stages (16, 32, 64, "
    "128 filters) or two (16, 32), then a dense layer of 256. Every seed draws 200 other digits to learn "
    f"from and 500 to judge by; every row sees the same batches of 32, for {STEPS} steps. Each run is "
    f"done at the rates 0.003 and 0.01, and {CHOOSING} further digits choose between the two, so that no "
    "row wins by a rate that suits it.",
    "Augmentation turns a digit by up to 10 degrees, moves it by up to an eighth, and makes it up to a tenth "
    "larger or smaller. What comes in at the border is the mirror image of what stands there, not black.",
    "Small pictures, few of them and short runs: on photographs, in deep networks and in long runs the same "
    "parts may weigh otherwise. The table is about this data; the way to make it is general.",
)
