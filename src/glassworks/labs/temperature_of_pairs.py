"""The temperature of CLIP: fixed by hand at three scales, or learned, on digits and their captions.

The scale multiplies cosines before softmax. Fixed, it is one more number to search for; CLIP learns it with
the weights, from 1/0.07 on and at most 100. The same small model is trained in each way, and judged by how
often the nearest of the ten captions is a picture's own.

Source: Radford et al. 2021, "Learning transferable visual models from natural language supervision", arXiv
2103.00020, which learns the scale so that nobody has to search for it; the numbers here are our own.
Change first: `WAYS`, or `STEPS`.
Command: glassworks lab temperature-of-pairs

Axes: rows (pictures), texts (captions); seeds.
"""

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from glassworks.api.pairs import shortened
from glassworks.core.keyed import seed_for
from glassworks.data.samples import NUMBER_WORDS
from glassworks.data.tokens import Tokenizer, learn
from glassworks.labs.digits import Part, deal
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Span, Table, Verdict
from glassworks.labs.paired import difference, mean_interval
from glassworks.labs.positions_and_order import scaled
from glassworks.labs.small_vit import words
from glassworks.models.vision.clip import (
    CLIP,
    FIRST_SCALE,
    CLIPConfig,
    Stack,
    build,
    contrastive_loss,
)
from glassworks.tasks.image_text import fits_in_batch

SEEDS, QUICK_SEEDS = tuple(range(8)), (0, 1)
PRECISION = "float32"
CAPTION = "a handwritten {}"
STEPS, QUICK_STEPS, BATCH, RATE = 200, 4, 64, 5e-3
WIDTH, DIMENSION, CONTEXT, VOCABULARY = 32, 16, 24, 600
MARGIN = 2.0  # points of 100


class Way(NamedTuple):
    """start: the scale at step 0; learned: whether it moves with the weights."""

    start: float
    learned: bool


WAYS = {
    "fixed at 1": Way(1.0, False),
    "fixed at 14.3": Way(math.exp(FIRST_SCALE), False),
    "fixed at 100": Way(100.0, False),
    "learned from 14.3": Way(math.exp(FIRST_SCALE), True),
    "learned from 1": Way(1.0, True),
}
LEARNED = "learned from 14.3"
FIXED = tuple(name for name, way in WAYS.items() if not way.learned)
RULE = (
    "Accuracy = share of the test pictures whose nearest caption, of ten, is their own, in points of 100. "
    "Gain = "
    f"accuracy with the scale learned from 14.3 minus that with the fixed scale that is best in the mean, "
    f"seed by "
    f'seed. The claim "holds" when the 95 % interval of the mean gain lies above -{MARGIN:.0f} points, "does '
    f'not hold" when it lies below that, and is "not shown" otherwise. Beside it, without deciding: a scale '
    f"learned "
    "from 1, and where the scales end."
)


@lru_cache(maxsize=11)
def tokenizer(left: int | None = None) -> Tokenizer:
    """Learned on the captions, without that of a digit that is left out."""
    read = [CAPTION.format(word) for number, word in enumerate(NUMBER_WORDS) if number != left]
    return learn(read * 2, VOCABULARY)


def tokens(texts: list[str], left: int | None = None) -> Tensor:
    """int64 (texts, longest), without what only fills the rows up."""
    return shortened(torch.from_numpy(tokenizer(left).table(texts, CONTEXT)[0]))


def begin(seed: int, left: int | None = None) -> CLIP:
    """The untrained model of a seed: one block in each encoder."""
    size = Stack(WIDTH, 1, 2)
    config = CLIPConfig(
        height=8, width=8, channels=1, patch=4, picture=size, vocabulary=VOCABULARY, context=CONTEXT,
        text=size, dimension=DIMENSION, activation="gelu",
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):  # the model's start draws from torch's own dice
        torch.manual_seed(seed_for(seed, "small clip's start"))
        return build(config)


def training(
    model: CLIP, part: Part, seed: int, steps: int, *, learned: bool = True, left: int | None = None
) -> Iterator[int]:
    """Train, and give the number of steps done before each step and after the last.

    part: pictures (rows, 1, 8, 8) and their digits; left: a digit whose pictures and caption are left out
    """
    chosen = part.targets != left if left is not None else torch.ones(len(part.targets), dtype=torch.bool)
    part = part.take(torch.nonzero(chosen)[:, 0])
    said = tokens([CAPTION.format(word) for word in NUMBER_WORDS], left)
    dice = torch.Generator().manual_seed(seed_for(seed, "small clip"))
    model.log_scale.requires_grad_(learned)
    optimizer = torch.optim.AdamW(
        [number for number in model.parameters() if number.requires_grad], lr=RATE, weight_decay=0.01
    )
    for step in range(steps):
        yield step
        optimizer.param_groups[0]["lr"] = rate_at(step, steps)
        rows = torch.randint(len(part.targets), (BATCH,), generator=dice)
        texts = part.targets[rows]  # the number of a caption is that of its digit
        seen = model.picture_features(part.pictures[rows])
        scores = model.scores(seen, model.text_features(said)[texts])
        contrastive_loss(scores, fits_in_batch(rows, texts)).backward()
        optimizer.step()
        optimizer.zero_grad()
        model.hold_scale()
    yield steps


def rate_at(step: int, steps: int) -> float:
    """Warm-up over 20 steps, then half a cosine."""
    return RATE * min(1.0, (step + 1) / 20) * (0.5 + 0.5 * math.cos(math.pi * step / steps))


def train_with(way: Way, seed: int, *, steps: int = STEPS) -> tuple[float, float]:
    """Test accuracy and the scale at the end; about a second on one core."""
    first, _, test = scaled(deal(seed))
    model = begin(seed)
    with torch.no_grad():
        model.log_scale.fill_(math.log(way.start))
    for _ in training(model, first, seed, steps, learned=way.learned):
        pass
    with torch.inference_mode():
        said = model.eval().text_features(tokens([CAPTION.format(word) for word in NUMBER_WORDS]))
        nearest = (model.picture_features(test.pictures) @ said.T).argmax(1)
        return float((nearest == test.targets).double().mean()), float(model.scale)


def experiment(bench: Bench) -> Findings:
    """Every way with every seed, in turn."""
    numbers: Numbers = {f"{what}: {name}": [] for what in ("accuracy", "scale") for name in WAYS}
    for seed in bench.seeds:
        for name, way in WAYS.items():
            bench.go_on()
            accuracy, scale = train_with(way, seed, steps=QUICK_STEPS if bench.quick else STEPS)
            numbers[f"accuracy: {name}"].append(100 * accuracy)
            numbers[f"scale: {name}"].append(scale)
        told = ", ".join(f"{name} {numbers[f'accuracy: {name}'][-1]:.1f} %" for name in WAYS)
        bench.say(f"seed {seed}: {told}")
    return Findings(numbers, [_table(numbers)], [_chart(numbers)], NOTES)


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    best = max(FIXED, key=lambda name: float(np.mean(numbers[f"accuracy: {name}"])))
    learned = numbers[f"accuracy: {LEARNED}"]
    gain = difference(learned, numbers[f"accuracy: {best}"])
    against_one = difference(learned, numbers["accuracy: fixed at 1"])
    from_one = difference(numbers["accuracy: learned from 1"], learned)
    outcome: Outcome = "not shown"
    if gain.low is not None and gain.low > -MARGIN:
        outcome = "holds"
    if gain.high is not None and gain.high < -MARGIN:
        outcome = "does not hold"
    ends = {name: float(np.mean(numbers[f"scale: {name}"])) for name in WAYS}
    return Verdict(
        outcome=outcome,
        sentence=f"Best of the fixed scales is the one {best}. Learned from 14.3, accuracy changes by "
        f"{words(gain)} points against it and by {words(against_one)} against a scale fixed at 1; the "
        f"learned scale ends at {ends[LEARNED]:.1f}. Begun at 1 it ends at {ends['learned from 1']:.1f}, "
        f"with {words(from_one)} points against the usual start.",
        interval=f"gain {words(gain)} points; n = {gain.n} seeds, 95 %",
    )


def _table(numbers: Numbers) -> Table:
    rows = []
    for name in WAYS:
        accuracy = mean_interval(numbers[f"accuracy: {name}"])
        scale = float(np.mean(numbers[f"scale: {name}"]))
        rows.append((name, words(accuracy).replace("+", ""), f"{scale:.1f}"))
    head = ("scale", "test accuracy, % (95 %)", "scale at the end")
    return Table(title="One model, five scales", head=head, rows=tuple(rows))


def _chart(numbers: Numbers) -> Chart:
    spans = []
    for name in WAYS:
        if name != LEARNED:
            one = difference(numbers[f"accuracy: {LEARNED}"], numbers[f"accuracy: {name}"])
            low, high = (one.value if end is None else end for end in (one.low, one.high))
            spans.append(Span(name=f"against {name}", low=low, value=one.value, high=high))
    return Chart(title=f"{LEARNED}, gain in accuracy", across="points of 100", spans=tuple(spans))


NOTES = (
    f"Every run takes {STEPS} steps with batches of {BATCH} from the same start and in the same order. "
    'Captions are made from labels ("a handwritten three"), so ten different ones are all there are.',
    "One learning rate was used for all ways; it was chosen for a scale that is learned from 14.3.",
    "In so few steps a learned scale moves little. In CLIP's published weights it has reached its cap of "
    "100.",
)
