"""DeiT against plain training: what a teacher and a token bring to a small Transformer on few pictures.

A CNN learns a few digits and is then frozen. A Transformer learns from the same digits in four ways: from the
labels alone (plain), with the distillation token but no teacher, and with the CNN's hard or soft answers as
well. Everything else is the same: pictures, their order, how they are moved about, steps and rates.

Source: Touvron et al. 2020, arXiv 2012.12877, where the pictures are 1.2 million photographs.
Change first: `COUNT`, how few pictures there are.
Command: glassworks lab deit-against-plain

Axes: rows are pictures, classes the ten digits.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassworks.core.keyed import permutation, seed_for
from glassworks.data.samples import is_here, sample_table
from glassworks.judging.intervals import Interval
from glassworks.labs.digits import CLASSES, Part, digits
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Span, Table, Verdict
from glassworks.labs.paired import difference, mean_interval
from glassworks.models.vision import cnn, deit, vit

SEEDS, QUICK_SEEDS = tuple(range(8)), (0, 1)
COUNT, TEST = 200, 1000  # pictures to learn from, and to judge by
STEPS, QUICK_STEPS = 500, 20
BATCH = 32
PRECISION = "float32"
RATE, DECAY, WARMUP = 5e-3, 0.05, 0.15  # of AdamW: highest rate, weight decay, share of the steps before it
TEACHER: dict[str, Any] = {"widths": (16, 32), "hidden": 64, "batch_norm": True}
STUDENT: dict[str, Any] = {"dimension": 48, "depth": 2, "block": {"heads": 4}}
MARGIN = 1.0  # points of accuracy; a gain that is surely smaller is called none
Arm = Literal["plain", "token alone", "hard", "soft"]
ARMS: tuple[Arm, ...] = ("plain", "token alone", "hard", "soft")
TAUGHT: tuple[deit.Kind, ...] = ("hard", "soft")
RULE = (
    "Points gained = test accuracy of the student with a token and a teacher minus that of the plain "
    "Transformer, seed by seed, in points of 100. A kind of teaching, hard or soft, helps when the whole "
    f"interval of its mean gain lies above 0, does not help when it lies below {MARGIN:g}, and is not "
    "decided otherwise; both intervals are widened so that they are right at once with 95 %. The claim "
    '"holds" when both help, "does not hold" when at least one does not help, and is "not shown" otherwise. '
    "Beside it, without deciding: what the token brings without a teacher, and what the teacher adds to the "
    "token, with 95 % each."
)


@dataclass(frozen=True)
class Trained:
    """How a student answers the test part: shares from 0 to 1.

    accuracy: of its answer; heads: of the class token's and of the distillation token's, its own for others
    agrees:   how often its answer is the teacher's
    """

    accuracy: float
    heads: tuple[float, float]
    agrees: float


@dataclass(frozen=True)
class Round:
    """All runs of one seed.

    teacher: its test accuracy
    differs: share of the training pictures, moved about, where it does not say the label
    """

    teacher: float
    differs: float
    arms: dict[Arm, Trained]


@lru_cache(maxsize=1)
def pictures() -> Part:
    """5,000 digits of 20 x 20 pixels where OpenCV's sample is here, else scikit-learn's 1,797 of 8 x 8."""
    if not is_here("opencv-digits"):
        return digits()
    table = sample_table("opencv-digits")
    pixels = np.stack([np.asarray(picture, dtype=np.float32) for picture in table.sources])
    return Part(torch.from_numpy(pixels), torch.from_numpy(np.asarray(table.targets)))


def parts(seed: int, count: int = COUNT) -> tuple[Part, Part]:
    """`count` pictures to learn from and the test part, (rows, 1, side, side), scaled by the first."""
    everything = pictures()
    most = len(everything.targets) - TEST
    if not 10 <= count <= most:
        raise ValueError(f"deit-against-plain: expected 10 to {most:,} pictures; got {count}")
    order = torch.from_numpy(permutation(len(everything.targets), seed, "deit"))
    training, test = everything.take(order[TEST:][:count]), everything.take(order[:TEST])
    mean, std = training.pictures.mean(), training.pictures.std()

    def scaled(part: Part) -> Part:
        return Part(((part.pictures - mean) / std)[:, None], part.targets)

    return scaled(training), scaled(test)


def batches(part: Part, steps: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """`steps` batches whose rows and shifts depend on the seed alone, so that all arms see the same.

    A picture moves by up to an eighth of its side, each way; what comes in is paper without ink.
    """
    dice = torch.Generator().manual_seed(seed_for(seed, "deit", "batches"))
    side = part.pictures.shape[-1]
    most, places = max(1, side // 8), torch.arange(side)
    padded = F.pad(part.pictures[:, 0], (most,) * 4, value=float(part.pictures.min()))
    for _ in range(steps):
        rows = torch.randint(len(part.targets), (BATCH,), generator=dice)
        down, right = (  # (batch, side) each: which lines and columns of the padded picture are seen
            torch.randint(2 * most + 1, (BATCH, 1), generator=dice) + places for _ in range(2)
        )
        moved = padded[rows[:, None, None], down[:, :, None], right[:, None, :]]  # (batch, side, side)
        yield moved[:, None], part.targets[rows]  # (batch, 1, side, side), (batch,)


Loss = Callable[[nn.Module, Tensor, Tensor], Tensor]  # (model, pictures, targets) -> a scalar


def trained(model: nn.Module, loss: Loss, part: Part, steps: int, seed: int) -> nn.Module:
    """The model after `steps` steps of AdamW, in evaluation mode."""
    rule = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY, fused=True)
    rates = torch.optim.lr_scheduler.LambdaLR(rule, partial(share_of_rate, steps=steps))
    model.train()
    for seen, targets in batches(part, steps, seed):
        rule.zero_grad()
        loss(model, seen, targets).backward()
        rule.step()
        rates.step()
    return model.eval()


def share_of_rate(step: int, steps: int) -> float:
    """Up in a line, then down along half a cosine to nothing."""
    rise = max(1, round(WARMUP * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def started(build: Callable[[], nn.Module], seed: int, name: str) -> nn.Module:
    """A model with a random start of its own; what else draws numbers in this process goes on as before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, "deit", name))
        return build()


def teach(part: Part, steps: int, seed: int) -> nn.Module:
    """A CNN that has learned these pictures, frozen."""
    side = part.pictures.shape[-1]
    config = cnn.CNNConfig(height=side, width=side, channels=1, classes=CLASSES, **TEACHER)
    model = started(lambda: cnn.build(config), seed, "teacher")
    return trained(model, plain_loss, part, steps, seed).requires_grad_(False)


def learn(arm: Arm, teacher: nn.Module, part: Part, steps: int, seed: int) -> nn.Module:
    """A Transformer that has learned these pictures in one of the four ways."""
    side = part.pictures.shape[-1]
    shape = STUDENT | {"height": side, "width": side, "patch": max(2, side // 5)}
    shape |= {"channels": 1, "classes": CLASSES}

    def build() -> nn.Module:
        return vit.build(vit.ViTConfig(**shape)) if arm == "plain" else deit.build(deit.DeiTConfig(**shape))

    loss = taught_loss(teacher, arm) if arm == "hard" or arm == "soft" else plain_loss
    return trained(started(build, seed, "student"), loss, part, steps, seed)


def plain_loss(model: nn.Module, seen: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of the answer with the label; a DeiT's answer is the mean of both heads."""
    return F.cross_entropy(model(seen), targets)


def taught_loss(teacher: nn.Module, kind: deit.Kind) -> Loss:
    """DeiT's loss with the paper's weights: one head for the label, one for the teacher."""

    def loss(model: nn.Module, seen: Tensor, targets: Tensor) -> Tensor:
        with torch.no_grad():
            said = teacher(seen)
        for_label, for_teacher = model(seen, apart=True)
        return deit.distillation_loss(for_label, for_teacher, targets, said, kind)

    return loss


@torch.no_grad()
def judged(model: nn.Module, teacher: nn.Module, test: Part) -> Trained:
    """How a model answers the test part."""
    said = model(test.pictures)
    heads = model(test.pictures, apart=True) if isinstance(model, deit.DeiT) else (said, said)
    first, second = (_right(scores, test.targets) for scores in heads)
    return Trained(
        _right(said, test.targets), (first, second), _right(said, teacher(test.pictures).argmax(1))
    )


def _right(scores: Tensor, targets: Tensor) -> float:
    return float((scores.argmax(1) == targets).double().mean())


def play(seed: int, steps: int, go_on: Callable[[], None] = lambda: None) -> Round:
    """The teacher and all arms with one seed; go_on: called between two runs."""
    part, test = parts(seed)
    teacher = teach(part, steps, seed)
    with torch.no_grad():
        right = [_right(teacher(seen), targets) for seen, targets in batches(part, 20, seed)]
    arms: dict[Arm, Trained] = {}
    for arm in ARMS:
        go_on()
        arms[arm] = judged(learn(arm, teacher, part, steps, seed), teacher, test)
    return Round(judged(teacher, teacher, test).accuracy, 1 - float(np.mean(right)), arms)


def experiment(bench: Bench) -> Findings:
    """Every seed, four ways to learn."""
    steps = QUICK_STEPS if bench.quick else STEPS
    rounds: list[Round] = []
    for seed in bench.seeds:
        bench.go_on()
        rounds.append(play(seed, steps, bench.go_on))
        told = ", ".join(f"{arm} {100 * _accuracy(rounds[-1], arm):.1f}" for arm in ARMS)
        bench.say(f"seed {seed}: teacher {100 * rounds[-1].teacher:.1f} %, {told}")
    return Findings(_numbers(rounds), [_table(rounds)], _charts(rounds), _notes(rounds, steps))


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    gains = {kind: difference(numbers[kind], numbers["plain"], comparisons=len(TAUGHT)) for kind in TAUGHT}
    kinds = {kind: _kind(gain) for kind, gain in gains.items()}
    outcome: Outcome = "not shown"
    if all(kind == "it helps" for kind in kinds.values()):
        outcome = "holds"
    if "it does not help" in kinds.values():
        outcome = "does not hold"
    told = "; ".join(f"with {kind} answers by {_words(gains[kind])}: {kinds[kind]}" for kind in TAUGHT)
    token = difference(numbers["token alone"], numbers["plain"])
    added = {kind: _words(difference(numbers[kind], numbers["token alone"])) for kind in TAUGHT}
    sentence = (
        f"The plain Transformer reaches {np.mean(numbers['plain']):.1f} %, its teacher "
        f"{np.mean(numbers['teacher']):.1f} %. Token and teacher change the test accuracy, in points, "
        f"{told}. The token without a teacher changes it by {_words(token)}; to that the teacher adds "
        f"{added['hard']} with hard answers and {added['soft']} with soft ones."
    )
    return Verdict(
        outcome=outcome,
        sentence=sentence,
        interval=f"points gained over plain training: hard {_words(gains['hard'])}, soft "
        f"{_words(gains['soft'])}; n = {token.n} seeds, 95 % for both at once",
    )


def _kind(gain: Interval) -> str:
    if gain.low is None or gain.high is None:
        return "not decided"
    if gain.low > 0:
        return "it helps"
    return "it does not help" if gain.high < MARGIN else "not decided by so few seeds"


def _words(one: Interval) -> str:
    if one.low is None or one.high is None:
        return f"{one.value:+.1f} (one seed, no interval)"
    return f"{one.value:+.1f} ({one.low:+.1f} to {one.high:+.1f})"


def _accuracy(one: Round, arm: Arm) -> float:
    return one.arms[arm].accuracy


def _numbers(rounds: list[Round]) -> Numbers:
    """Test accuracy in points of 100, one number a seed."""
    numbers: Numbers = {"teacher": [100 * one.teacher for one in rounds]}
    return numbers | {str(arm): [100 * _accuracy(one, arm) for one in rounds] for arm in ARMS}


def _table(rounds: list[Round]) -> Table:
    def mean(figures: list[float]) -> str:
        return f"{100 * np.mean(figures):.1f}"

    numbers = _numbers(rounds)
    rows: list[tuple[str, ...]] = [
        ("the teacher (CNN)", mean([one.teacher for one in rounds]), *[""] * 4),
    ]
    for arm in ARMS:
        runs = [one.arms[arm] for one in rounds]
        own = ["", "", ""]
        if arm != "plain":
            heads = (mean([run.heads[place] for run in runs]) for place in (0, 1))
            own = [_words(difference(numbers[arm], numbers["plain"])), *heads]
        rows.append((arm, mean([run.accuracy for run in runs]), *own, mean([run.agrees for run in runs])))
    head = ("trained", "test accuracy, %", "gained over plain, points", "head of the class token alone, %",
            "head of the distillation token alone, %", "says what the teacher says, %")  # fmt: skip
    return Table(title="Four ways to train the same Transformer", head=head, rows=tuple(rows))


def _charts(rounds: list[Round]) -> list[Chart]:
    numbers = _numbers(rounds)

    def span(name: str, one: Interval) -> Span:
        low, high = (one.value if end is None else end for end in (one.low, one.high))
        return Span(name=name, low=low, value=one.value, high=high)

    gains = [span(arm, difference(numbers[arm], numbers["plain"])) for arm in ARMS[1:]]
    levels = [span(arm, mean_interval(numbers[arm])) for arm in ARMS]
    levels.append(span("teacher (CNN)", mean_interval(numbers["teacher"])))
    return [
        Chart(title="Points gained over plain training", across="points gained", spans=tuple(gains)),
        Chart(title="Test accuracy, mean over the seeds", across="accuracy, %", spans=tuple(levels)),
    ]


def _notes(rounds: list[Round], steps: int) -> list[str]:
    side, many = pictures().pictures.shape[-1], len(pictures().targets)
    differs = 100 * np.mean([one.differs for one in rounds])
    return [
        f"{many:,} handwritten digits of {side} x {side} squares; every seed draws {COUNT:,} others to learn "
        f"from, and {TEST:,} to judge by. Teacher and students see the same pictures, moved about alike, for "
        f"{steps} steps.",
        "The frozen teacher does not say the label of a picture that the student learns from in "
        f"{differs:.1f} % of cases. Where it never differs, its hard answers tell nothing that the labels do "
        "not.",
        "Weights of the teacher as in the paper: half with hard answers, a tenth with soft ones at "
        "temperature 3. Rate, depth and steps were chosen with the plain Transformer alone.",
    ]
