"""Frozen, and yet it moves: what batch norm does to a pretrained network whose weights do not learn.

EfficientNet-Lite0 with its published weights gets a new head for digits. The body is frozen: no weight of it
has a gradient. Once everything but the head is in evaluation mode, as it should be; once the batch norms are
left in training mode; once the whole network is, as after `model.train()` in many programs. Then batch norm
divides by the figures of the batch at hand and moves its running means and variances with every step.
Measured: what has changed, what the head is worth, and what the network still says about photographs with its
old head.

Sources: Ioffe & Szegedy 2015, arXiv 1502.03167. That figures of the new data may also help: Li et al. 2016,
"Revisiting batch normalization for practical domain adaptation", arXiv 1603.04779.
Change first: `BATCHES`.
Command: glassworks lab frozen-norm-drifts

Axes: pictures (rows, 3, 32, 32), 0 to 1, enlarged to 64; classes the ten digits.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassworks.core.keyed import generator, seed_for
from glassworks.data.samples import photographs
from glassworks.judging.intervals import Interval
from glassworks.labs.digits import Part, batches
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Span, Table, Verdict
from glassworks.labs.paired import difference, mean_interval
from glassworks.labs.small_lite0 import as_seen, dealt, features, lite0, pictures
from glassworks.models.vision.efficientnet import EfficientNet
from glassworks.transfer.freeze import freeze, training_mode

SEEDS, QUICK_SEEDS = tuple(range(4)), (0, 1)
PRECISION = "float32"
SIDE = 64  # pixels: small, so that all of it takes minutes
EACH, TEST = 20, 60  # pictures a class: to learn from, to judge by
BATCHES = (32, 4)  # pictures in a batch; the larger decides
QUICK_TEST = 4
PICTURES, QUICK_PICTURES = 2400, 64  # that a head is shown in all: twelve epochs
RATE = 3e-3
EPSILON = 1e-3  # what the network's own norms add to a variance; some channels hardly vary
PIECES = 40  # of photographs, for the old head
TOLD = {
    "kept": "frozen parts in evaluation mode",
    "norms": "batch norms in training mode, nothing else",
    "left": "all in training mode, drop path too",
}
MARGIN = 1.0
DECIDES = "norms"
RULE = (
    "Drift = share of the running figures of batch norms that have changed when the head has learned. Loss = "
    "test accuracy with the frozen parts kept in evaluation mode minus that with the batch norms, and "
    f"nothing else, in training mode, in points of 100, seed by seed, with batches of {BATCHES[0]}; both "
    "are judged in evaluation mode. The claim holds when there is drift in every seed and the interval of "
    f"the loss lies above 0, does not hold when there is no drift or the interval lies below {MARGIN:g}, "
    f"and is not shown otherwise. Told beside it: batches of {BATCHES[1]}, the whole network in training "
    "mode, what the head answers in that mode, and how many pieces of photographs get another answer from "
    "the old head."
)


def body() -> EfficientNet:
    """Lite0 with a new head of ten classes, all frozen but the head."""
    model = lite0(SIDE)
    model.head = nn.utils.skip_init(nn.Linear, model.head.in_features, 10)  # no dice are thrown
    nn.init.zeros_(model.head.weight)
    nn.init.zeros_(model.head.bias)
    freeze(model, ["head"])
    return model


def norms_in_training(model: nn.Module) -> None:
    """Batch norms in training mode and all else in evaluation mode: drop path leaves everything in."""
    model.eval()
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.train()


MODES: dict[str, Callable[[nn.Module], object]] = {
    "kept": training_mode, "norms": norms_in_training, "left": nn.Module.train,
}  # fmt: skip


def figures_of(model: nn.Module) -> dict[str, Tensor]:
    """Running means and variances, by name."""
    return {name: tensor.clone() for name, tensor in model.named_buffers() if "running" in name}


def learned(part: Part, mode: str, batch: int, seed: int, shown: int) -> EfficientNet:
    """The network after its head has seen `shown` pictures."""
    model = body()
    rule = torch.optim.AdamW(model.head.parameters(), lr=RATE, weight_decay=0.0)
    dice = torch.Generator().manual_seed(seed_for(seed, "frozen", batch))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, "frozen"))  # dropout and drop path, where something is in training
        for step, rows in enumerate(batches(len(part.targets), batch, dice), 1):
            MODES[mode](model)
            with torch.no_grad():  # nothing before the head learns, so no graph is kept
                numbers = model.features(as_seen(part.pictures[rows], SIDE))
            rule.zero_grad()
            F.cross_entropy(model.head(numbers), part.targets[rows]).backward()
            rule.step()
            if step * batch >= shown:
                return model
    raise AssertionError


@lru_cache(maxsize=1)
def pieces() -> Tensor:
    """Square pieces of two photographs, 0 to 1, (PIECES, 3, SIDE, SIDE)."""
    dice, made = generator(0, "pieces of photographs"), []
    for number in range(PIECES):
        photo = torch.tensor(photographs()[number % 2]).permute(2, 0, 1).float() / 255
        side = int(dice.integers(120, 400))
        top, left = (int(dice.integers(0, size - side + 1)) for size in photo.shape[1:])
        piece = photo[None, :, top : top + side, left : left + side]
        made.append(F.interpolate(piece, (SIDE, SIDE), mode="bilinear", antialias=True))
    return torch.cat(made)


def played(
    mode: str, batch: int, seed: int, shown: int = PICTURES, test_each: int = TEST
) -> dict[str, float]:
    """Everything that is measured of one run; shares in points of 100."""
    everything = pictures("digits")
    learn, judge = dealt(everything, EACH, test_each, seed, "frozen norm")
    before, old = figures_of(body()), lite0(SIDE)
    model = learned(everything.take(learn), mode, batch, seed, shown)
    after = figures_of(model)
    changed = [float(not torch.equal(after[name], before[name])) for name in before]
    moved = [
        float(
            (
                (after[name] - before[name]).abs() / (before[name.replace("mean", "var")] + EPSILON).sqrt()
            ).median()
        )
        for name in before
        if name.endswith("mean")
    ]
    test, right = everything.pictures[judge], everything.targets[judge]
    model.eval()
    said = _answers(model.head, features(model, test, SIDE))
    was = _answers(old.head, features(old, pieces(), SIDE))
    now = _answers(old.head, features(model, pieces(), SIDE))
    found = {
        "accuracy": 100 * float((said == right).double().mean()),
        "drift": 100 * float(np.mean(changed)),
        "moved": float(np.mean(moved)),
        "other answers": 100 * float((was != now).double().mean()),
    }
    MODES["norms" if mode == "kept" else mode](model)  # as norms see it: one mixed batch after another
    mixed = torch.randperm(len(right), generator=torch.Generator().manual_seed(seed))
    said = torch.cat([_answers(model.head, features(model, test[rows], SIDE)) for rows in mixed.split(batch)])
    return found | {"in training mode": 100 * float((said == right[mixed]).double().mean())}


def _answers(head: nn.Module, numbers: Tensor) -> Tensor:
    with torch.no_grad():
        return head(numbers).argmax(1)


def key(mode: str, batch: int, what: str) -> str:
    return f"{mode} {batch}: {what}"


def experiment(bench: Bench) -> Findings:
    """Both modes with both sizes of batches, for every seed."""
    numbers: Numbers = {}
    for batch in BATCHES:
        for mode in MODES:
            for seed in bench.seeds:
                bench.go_on()
                few = (QUICK_PICTURES, QUICK_TEST) if bench.quick else (PICTURES, TEST)
                found = played(mode, batch, seed, *few)
                for what, value in found.items():
                    numbers.setdefault(key(mode, batch, what), []).append(value)
            mean = np.mean(numbers[key(mode, batch, "accuracy")])
            bench.say(f"batches of {batch}, {TOLD[mode]}: {mean:.1f} %")
    return Findings(numbers, [_table(numbers)], _charts(numbers), NOTES)


def lost(numbers: Numbers, batch: int, mode: str = DECIDES) -> Interval:
    """Points of accuracy that a mode costs, against frozen parts in evaluation mode."""
    return difference(numbers[key("kept", batch, "accuracy")], numbers[key(mode, batch, "accuracy")])


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    drift, loss = numbers[key(DECIDES, BATCHES[0], "drift")], lost(numbers, BATCHES[0])
    outcome: Outcome = "not shown"
    if min(drift) > 0 and loss.low is not None and loss.low > 0:
        outcome = "holds"
    elif min(drift) == 0 or (loss.high is not None and loss.high < MARGIN):
        outcome = "does not hold"

    def mean(mode: str, batch: int, what: str) -> float:
        return float(np.mean(numbers[key(mode, batch, what)]))

    large, small = BATCHES
    kept = max(numbers[key("kept", batch, "drift")][0] for batch in BATCHES)
    sentence = (
        f"With the batch norms left in training mode, {np.mean(drift):.0f} % of their running figures "
        f"change, and the old head gives {mean(DECIDES, large, 'other answers'):.0f} % of the pieces of "
        f"photographs another answer; kept in evaluation mode {kept:.0f} % change. The new head answers "
        f"{mean('kept', large, 'accuracy'):.1f} % of the test digits when the body was kept, "
        f"{mean(DECIDES, large, 'accuracy'):.1f} % when its norms were left: a loss of {words(loss)} "
        f"points, with batches of {small} {words(lost(numbers, small))}. With the whole network in training "
        f"mode the loss is {words(lost(numbers, large, 'left'))} and {words(lost(numbers, small, 'left'))}."
    )
    return Verdict(
        outcome=outcome,
        sentence=sentence,
        interval=f"loss with batches of {large} {words(loss)} points; n = {loss.n} seeds, 95 %",
    )


def words(one: Interval) -> str:
    """ "+5.2 (+3.1 to +7.3)", or the value alone with one seed."""
    if one.low is None or one.high is None:
        return f"{one.value:+.1f} (one seed, no interval)"
    return f"{one.value:+.1f} ({one.low:+.1f} to {one.high:+.1f})"


def _table(numbers: Numbers) -> Table:
    rows = []
    for batch in BATCHES:
        for mode in MODES:
            means = {what: np.mean(numbers[key(mode, batch, what)]) for what in WHAT}
            rows.append(
                (f"{batch}", TOLD[mode], *(f"{means[what]:.{places}f}" for what, places in WHAT.items()))
            )
    head = ("batch", "the frozen body", "test accuracy, %", "the same, answered in training mode, %",
            "running figures that changed, %", "means moved, median in standard deviations",
            "photographs with another answer, %")  # fmt: skip
    return Table(title="What a frozen network does while its head learns", head=head, rows=tuple(rows))


SHORT = {"kept": "evaluation mode", "norms": "norms in training", "left": "all in training"}
WHAT = {"accuracy": 1, "in training mode": 1, "drift": 0, "moved": 2, "other answers": 0}


def _charts(numbers: Numbers) -> list[Chart]:
    spans = []
    for batch in BATCHES:
        for mode in MODES:
            one = mean_interval(numbers[key(mode, batch, "accuracy")])
            low, high = (one.value if end is None else end for end in (one.low, one.high))
            name = f"{SHORT[mode]}, batches of {batch}"
            spans.append(Span(name=name, low=low, value=one.value, high=high))
    return [Chart(title="Test accuracy, mean over the seeds", across="accuracy, %", spans=tuple(spans))]


NOTES = (
    f"Digits of 8 x 8 squares, enlarged to {SIDE} pixels: {EACH} of each class to learn from, {TEST} to "
    f"judge by. The head learns with AdamW at {RATE:g} and is shown {PICTURES:,} pictures, whatever the "
    "batch.",
    "The whole network in training mode skips blocks at random, too (drop path). So the batch norms alone "
    "decide. The last column asks the published head of 1,000 classes about pieces of two photographs.",
    "Digits are far from ImageNet. After some steps the running figures are those of digits, which is "
    "another network, but not necessarily a worse one for digits.",
    "A first run had the whole network in training mode alone, with the same outcome; the batch norms by "
    "themselves were added, and decide, so that the loss cannot be drop path's.",
)
