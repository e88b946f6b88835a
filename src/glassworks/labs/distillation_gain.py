"""Distillation between CNNs: is a small network better for having had a larger one as its teacher?

A CNN of 32 and 64 filters learns 200 handwritten digits. A small one of 4 and 8 filters learns the same
digits in several ways: from the labels alone, from labels and the teacher's soft or hard answers, from
labels that are softened without any teacher (the control), and with the teacher's answers to 600 more
pictures that nobody has labelled. Everything else is the same: the start, pictures, their order, how they
are moved, steps and rate.

Sources: Hinton, Vinyals & Dean 2015, arXiv 1503.02531; softened labels: Szegedy et al. 2015, arXiv
1512.00567; labels by a teacher for pictures without: Xie et al. 2019, arXiv 1911.04252.
Change first: `STUDENT`, how small it is.
Command: glassworks lab distillation-gain

Axes: pictures (rows, 1, 8, 8); classes the ten digits.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassworks.core.keyed import permutation, seed_for
from glassworks.judging.intervals import Interval
from glassworks.labs.digits import CLASSES, SIDE, Part, digits
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Span, Table, Verdict
from glassworks.labs.paired import difference, mean_interval
from glassworks.models.vision import cnn
from glassworks.training.optimizer import adamw
from glassworks.transfer.distil import hard_loss, soft_loss

SEEDS, QUICK_SEEDS = tuple(range(8)), (0, 1)
PRECISION = "float32"
COUNT, MORE, TEST = 200, 600, 900  # pictures with labels, without, and to judge by
STEPS, QUICK_STEPS, BATCH = 500, 15, 32
RATE, DECAY, WARMUP = 3e-2, 0.05, 0.15
TEACHER, STUDENT, HIDDEN = (32, 64), (4, 8), 16
TEMPERATURE, WEIGHT = 4.0, 0.7  # the workbench's own for `--teacher`
SMOOTHING = 0.1
ARMS = ("plain", "smoothed", "hard", "soft", "soft, more pictures")
TOLD = {
    "plain": "labels alone",
    "smoothed": "softened labels, no teacher",
    "hard": "labels and hard answers",
    "soft": "labels and soft answers",
    "soft, more pictures": "the same, and 600 pictures without labels",
}
MARGIN = 1.0
RULE = (
    "Gain = test accuracy of the student that learned from labels and soft answers minus that of the same "
    "student on labels alone, in points of 100, seed by seed. The claim holds when the interval of its mean "
    f"(95 %) lies above 0, does not hold when it lies below {MARGIN:g}, and is not shown otherwise. Told "
    "beside it, with 95 % each and without deciding: hard answers, softened labels without a teacher, and "
    "pictures without labels."
)


def parts(seed: int) -> dict[str, Part]:
    """Disjoint parts "labelled", "more" and "test", (rows, 1, 8, 8), scaled by the first."""
    everything = digits()
    order = torch.from_numpy(permutation(len(everything.targets), seed, "distillation"))
    rows = {"test": order[:TEST], "labelled": order[TEST:][:COUNT], "more": order[TEST + COUNT :][:MORE]}
    taken = {name: everything.take(chosen) for name, chosen in rows.items()}
    mean, std = taken["labelled"].pictures.mean(), taken["labelled"].pictures.std()
    return {name: Part(((part.pictures - mean) / std)[:, None], part.targets) for name, part in taken.items()}


def moved(part: Part, steps: int, seed: int, name: str) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches that depend on the seed alone; each picture moves by up to a square, paper comes in."""
    dice = torch.Generator().manual_seed(seed_for(seed, "distillation", name))
    padded = F.pad(part.pictures[:, 0], (1,) * 4, value=float(part.pictures.min()))
    places = torch.arange(SIDE)
    for _ in range(steps):
        rows = torch.randint(len(part.targets), (BATCH,), generator=dice)
        down, right = (torch.randint(3, (BATCH, 1), generator=dice) + places for _ in range(2))
        yield padded[rows[:, None, None], down[:, :, None], right[:, None, :]][:, None], part.targets[rows]


def built(widths: tuple[int, ...], seed: int, name: str) -> nn.Module:
    """A CNN with the start of this seed."""
    shape: dict[str, Any] = {"height": SIDE, "width": SIDE, "channels": 1, "classes": CLASSES}
    hidden = HIDDEN if widths == STUDENT else 2 * widths[-1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, "distillation", name))
        return cnn.build(cnn.CNNConfig(**shape, widths=widths, hidden=hidden, batch_norm=True))


Loss = Callable[[nn.Module, Tensor, Tensor], Tensor]  # (model, pictures, targets) -> a scalar


def trained(model: nn.Module, loss: Loss, part: Part, steps: int, seed: int) -> nn.Module:
    """The model after so many steps, in evaluation mode."""
    rule = adamw(model.train(), learning_rate=RATE, weight_decay=DECAY)
    for step, (seen, targets) in enumerate(moved(part, steps, seed, "batches"), 1):
        share = step / steps
        for group in rule.param_groups:
            group["lr"] = RATE * (share / WARMUP if share < WARMUP else 0.5 + 0.5 * math.cos(math.pi * share))
        rule.zero_grad()
        loss(model, seen, targets).backward()
        rule.step()
    return model.eval()


def plain_loss(model: nn.Module, seen: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(model(seen), targets)


def teach(part: Part, steps: int, seed: int) -> nn.Module:
    """The larger CNN, frozen."""
    return trained(built(TEACHER, seed, "teacher"), plain_loss, part, steps, seed).requires_grad_(False)


def learn(
    arm: str,
    teacher: nn.Module,
    given: dict[str, Part],
    steps: int,
    seed: int,
    widths: tuple[int, ...] = STUDENT,
) -> nn.Module:
    """The small CNN, trained in one of the ways of `ARMS`."""
    more = moved(given["more"], steps, seed, "more")

    def loss(model: nn.Module, seen: Tensor, targets: Tensor) -> Tensor:
        scores = model(seen)
        if arm == "smoothed":
            return F.cross_entropy(scores, targets, label_smoothing=SMOOTHING)
        labels = F.cross_entropy(scores, targets)
        if arm == "plain":
            return labels
        if arm == "soft, more pictures":
            unlabelled, _ = next(more)
            seen, scores = torch.cat([seen, unlabelled]), torch.cat([scores, model(unlabelled)])
        with torch.no_grad():
            said = teacher(seen)
        taught = hard_loss(scores, said) if arm == "hard" else soft_loss(scores, said, TEMPERATURE)
        return (1 - WEIGHT) * labels + WEIGHT * taught

    return trained(built(widths, seed, "student"), loss, given["labelled"], steps, seed)


@torch.no_grad()
def accuracy(model: nn.Module, part: Part) -> float:
    """Share of right answers, in points of 100."""
    return 100 * float((model(part.pictures).argmax(1) == part.targets).double().mean())


def play(seed: int, steps: int, go_on: Callable[[], None] = lambda: None) -> dict[str, float]:
    """The teacher and every arm with one seed; also in how many cases the teacher contradicts a label."""
    given = parts(seed)
    teacher = teach(given["labelled"], steps, seed)
    found = {"teacher": accuracy(teacher, given["test"])}
    right = [
        float((teacher(seen).argmax(1) == targets).float().mean())
        for seen, targets in moved(given["labelled"], 20, seed, "asked")
    ]
    found["contradicts"] = 100 - 100 * float(np.mean(right))
    for arm in ARMS:
        go_on()
        found[arm] = accuracy(learn(arm, teacher, given, steps, seed), given["test"])
    return found


def experiment(bench: Bench) -> Findings:
    """Every seed, every way to learn."""
    numbers: Numbers = {}
    for seed in bench.seeds:
        bench.go_on()
        found = play(seed, QUICK_STEPS if bench.quick else STEPS, bench.go_on)
        for name, value in found.items():
            numbers.setdefault(name, []).append(value)
        told = ", ".join(f"{arm} {found[arm]:.1f}" for arm in ARMS)
        bench.say(f"seed {seed}: teacher {found['teacher']:.1f} %; {told}")
    return Findings(numbers, [_table(numbers)], _charts(numbers), _notes(numbers))


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    gains = {arm: difference(numbers[arm], numbers["plain"]) for arm in ARMS[1:]}
    soft = gains["soft"]
    outcome: Outcome = "not shown"
    if soft.low is not None and soft.low > 0:
        outcome = "holds"
    elif soft.high is not None and soft.high < MARGIN:
        outcome = "does not hold"
    beside = ", ".join(f"{TOLD[arm]} {words(gains[arm])}" for arm in ARMS[1:] if arm != "soft")
    sentence = (
        f"The teacher reaches {np.mean(numbers['teacher']):.1f} %, the small student "
        f"{np.mean(numbers['plain']):.1f} % on labels alone and {np.mean(numbers['soft']):.1f} % with the "
        f"teacher's soft answers: a gain of {words(soft)} points. Beside it: {beside}."
    )
    return Verdict(
        outcome=outcome,
        sentence=sentence,
        interval=f"gain of soft answers {words(soft)} points; n = {soft.n} seeds, 95 %",
    )


def words(one: Interval) -> str:
    """ "+5.2 (+3.1 to +7.3)", or the value alone with one seed."""
    if one.low is None or one.high is None:
        return f"{one.value:+.1f} (one seed, no interval)"
    return f"{one.value:+.1f} ({one.low:+.1f} to {one.high:+.1f})"


def _table(numbers: Numbers) -> Table:
    rows = [("the teacher", f"{np.mean(numbers['teacher']):.1f}", ""), ("plain: labels alone",
            f"{np.mean(numbers['plain']):.1f}", "")]  # fmt: skip
    for arm in ARMS[1:]:
        gained = words(difference(numbers[arm], numbers["plain"]))
        rows.append((f"{arm}: {TOLD[arm]}", f"{np.mean(numbers[arm]):.1f}", gained))
    head = ("what it learned from", "test accuracy, %", "gain, points (95 %)")
    return Table(title="One small CNN, trained in several ways", head=head, rows=tuple(rows))


def _charts(numbers: Numbers) -> list[Chart]:
    def span(name: str, one: Interval) -> Span:
        low, high = (one.value if end is None else end for end in (one.low, one.high))
        return Span(name=name, low=low, value=one.value, high=high)

    gains = [span(TOLD[arm], difference(numbers[arm], numbers["plain"])) for arm in ARMS[1:]]
    levels = [span(TOLD[arm], mean_interval(numbers[arm])) for arm in ARMS]
    levels.append(span("the teacher", mean_interval(numbers["teacher"])))
    return [
        Chart(title="Points gained over labels alone", across="points gained", spans=tuple(gains)),
        Chart(title="Test accuracy, mean over the seeds", across="accuracy, %", spans=tuple(levels)),
    ]


def _notes(numbers: Numbers) -> tuple[str, ...]:
    size = {w: sum(p.numel() for p in built(w, 0, "count").parameters()) for w in (TEACHER, STUDENT)}
    return (
        f"Digits of 8 x 8 squares: {COUNT} with labels, {MORE} without, {TEST} to judge by, dealt anew by "
        f"every seed. The teacher has {size[TEACHER]:,} learned numbers, the student {size[STUDENT]:,}. "
        f"Temperature {TEMPERATURE:g}, weight of the teacher {WEIGHT:g}; both are the workbench's own and "
        "were not tuned.",
        "On the pictures that both learn from, moved about, the teacher contradicts the label in "
        f"{np.mean(numbers['contradicts']):.1f} % of cases. With pictures that have no label a step sees "
        "twice as many pictures, half of them without; the number of steps is the same.",
        "The rate was chosen among 0.003, 0.01 and 0.03 by the plain student on three other deals.",
    )
