"""Features computed once: a frozen body says the same of a picture in every epoch, so why ask it again?

A new head learns on EfficientNet-Lite0 with its published weights, in two ways that see the same pictures in
the same order. Once the frozen body looks at every picture in every epoch. Once it looks at each picture a
single time, its answers are kept, and every epoch reads them. Measured: the processor time of both, how far
the two heads end up from each other, and whether any test picture gets another answer.

Change first: `RATE`.
Command: glassworks lab caching-features

Axes: pictures (rows, 3, 32, 32), 0 to 1, enlarged to 64; features (rows, 1280); classes the ten digits.
"""

import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassworks.core.keyed import permutation
from glassworks.judging.intervals import Interval
from glassworks.labs.digits import Part
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Span, Table, Verdict
from glassworks.labs.paired import mean_interval
from glassworks.labs.small_lite0 import as_seen, dealt, features, lite0, pictures
from glassworks.models.vision.efficientnet import EfficientNet

SEEDS, QUICK_SEEDS = tuple(range(4)), (0, 1)
PRECISION = "float32"
SIDE = 64
EACH, TEST = 20, 20  # pictures a class: to learn from, to judge by
EPOCHS, QUICK_EPOCHS, BATCH = 20, 3, 32
RATE, WILD = 0.003, 0.05  # of the steps; the second is too large for features of this size
WAYS = ("every epoch", "once")
LEAST = 0.5  # of the ideal: with E epochs the body does 1/E of its work
RULE = (
    "Gain = processor time with the body asked in every epoch, divided by that with features computed once, "
    "their computing included, seed by seed. The claim holds when in every seed all test pictures get the "
    f"same answer both ways at the rate {RATE:g}, and the interval of the gain lies above {LEAST:g} times "
    "the number of epochs. It does not hold when an answer differs or the interval lies below that, and is "
    "not shown otherwise. How far apart the heads' weights end up is told beside it, by the largest "
    f"difference over the largest weight, and so are the answers that differ at the rate {WILD:g}, where "
    "the head never settles."
)

Numbered = Callable[[Tensor], Tensor]  # row numbers -> features


def head_from(numbers: Numbered, targets: Tensor, epochs: int, seed: int, rate: float) -> nn.Linear:
    """A head that begins at zero and takes plain steps; `numbers` gives the features of some rows."""
    head = nn.utils.skip_init(nn.Linear, 1280, 10)  # no dice are thrown
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    rule = torch.optim.SGD(head.parameters(), lr=rate, momentum=0.9)
    for epoch in range(epochs):
        order = torch.from_numpy(permutation(len(targets), seed, "caching", epoch))
        for rows in order.split(BATCH):
            rule.zero_grad()
            F.cross_entropy(head(numbers(rows)), targets[rows]).backward()
            rule.step()
    return head


def every_epoch(body: EfficientNet, part: Part, epochs: int, seed: int, rate: float) -> nn.Linear:
    """The body looks at the pictures of each batch."""

    def numbers(rows: Tensor) -> Tensor:
        with torch.no_grad():
            return body.features(as_seen(part.pictures[rows], SIDE))

    return head_from(numbers, part.targets, epochs, seed, rate)


def once(body: EfficientNet, part: Part, epochs: int, seed: int, rate: float) -> nn.Linear:
    """The body looks at each picture once."""
    kept = features(body, part.pictures, SIDE)
    return head_from(lambda rows: kept[rows], part.targets, epochs, seed, rate)


def played(seed: int, epochs: int) -> dict[str, float]:
    """Times in seconds of one core, the heads' distance, and test answers that differ."""
    everything, body = pictures("digits"), lite0(SIDE)
    learn, judge = dealt(everything, EACH, TEST, seed, "caching")
    part, seen = everything.take(learn), features(body, everything.pictures[judge], SIDE)
    body.features(as_seen(part.pictures[:BATCH], SIDE))  # once before the clock starts
    heads, times = [], []
    for way in (every_epoch, once):
        begun = time.process_time()
        heads.append(way(body, part, epochs, seed, RATE))
        times.append(time.process_time() - begun)
    wild = [way(body, part, epochs, seed, WILD) for way in (every_epoch, once)]
    with torch.no_grad():
        said, shaken = ([head(seen).argmax(1) for head in two] for two in (heads, wild))
        apart = (heads[0].weight - heads[1].weight).abs().max() / heads[0].weight.abs().max()
    right = everything.targets[judge]
    return {
        WAYS[0]: times[0],
        WAYS[1]: times[1],
        "apart": float(apart),
        "other answers": float((said[0] != said[1]).sum()),
        "other answers when wild": float((shaken[0] != shaken[1]).sum()),
        "accuracy": 100 * float((said[1] == right).double().mean()),
        "epochs": float(epochs),
    }


def experiment(bench: Bench) -> Findings:
    """Both ways, for every seed."""
    numbers: Numbers = {}
    epochs = QUICK_EPOCHS if bench.quick else EPOCHS
    for seed in bench.seeds:
        bench.go_on()
        found = played(seed, epochs)
        for what, value in found.items():
            numbers.setdefault(what, []).append(value)
        bench.say(f"seed {seed}: {found[WAYS[0]]:.1f} s and {found[WAYS[1]]:.2f} s")
    return Findings(numbers, [_table(numbers)], _charts(numbers), NOTES)


def gain(numbers: Numbers) -> Interval:
    """How many times as fast."""
    return mean_interval([a / b for a, b in zip(numbers[WAYS[0]], numbers[WAYS[1]], strict=True)])


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    faster, differ = gain(numbers), sum(numbers["other answers"])
    wanted = LEAST * numbers["epochs"][0]
    outcome: Outcome = "not shown"
    if differ == 0 and faster.low is not None and faster.low > wanted:
        outcome = "holds"
    elif differ > 0 or (faster.high is not None and faster.high < wanted):
        outcome = "does not hold"
    sentence = (
        f"{numbers['epochs'][0]:.0f} epochs of the head take {np.mean(numbers[WAYS[0]]):.1f} s of one core "
        f"when the frozen body is asked in each, and {np.mean(numbers[WAYS[1]]):.2f} s when it is asked "
        f"once: {words(faster)} times as fast. {differ:.0f} of the test answers differ; the weights of the "
        f"heads are apart by at most {max(numbers['apart']):.0e} of the largest. Both answer "
        f"{np.mean(numbers['accuracy']):.1f} % of the test pictures. At the rate {WILD:g}, "
        f"{sum(numbers['other answers when wild']):.0f} answers differ."
    )
    return Verdict(outcome=outcome, sentence=sentence,
                   interval=f"gain {words(faster)} times; n = {faster.n} seeds, 95 %")  # fmt: skip


def words(one: Interval) -> str:
    """ "18.2 (17.1 to 19.3)", or the value alone with one seed."""
    if one.low is None or one.high is None:
        return f"{one.value:.1f} (one seed, no interval)"
    return f"{one.value:.1f} ({one.low:.1f} to {one.high:.1f})"


def _table(numbers: Numbers) -> Table:
    columns = (*WAYS, "apart", "other answers", "other answers when wild")
    rows = tuple(
        (f"{seed}", f"{a:.2f}", f"{b:.2f}", f"{a / b:.1f}", f"{apart:.0e}", f"{differ:.0f}", f"{wild:.0f}")
        for seed, (a, b, apart, differ, wild) in enumerate(
            zip(*(numbers[name] for name in columns), strict=True)
        )
    )
    head = ("seed", "asked every epoch, s", "asked once, s", "times as fast", "heads apart", "other answers",
            f"other answers at {WILD:g}")  # fmt: skip
    return Table(title="The same head, twice", head=head, rows=rows)


def _charts(numbers: Numbers) -> list[Chart]:
    spans = []
    for way in WAYS:
        one = mean_interval(numbers[way])
        low, high = (one.value if end is None else end for end in (one.low, one.high))
        spans.append(Span(name=f"body asked {way}", low=low, value=one.value, high=high))
    return [Chart(title="Processor time, mean over the seeds", across="seconds", spans=tuple(spans))]


NOTES = (
    f"{10 * EACH} digits, enlarged to {SIDE} pixels, {10 * TEST} others to judge by; nothing random touches "
    "them. With augmentation each epoch sees other pictures, and there is nothing to keep.",
    "The same picture beside other pictures in a batch is computed in another order of additions, so "
    "features differ by a few millionths. At a rate at which the head settles this stays so. A first run of "
    f"this lab took {WILD:g} alone, and 62 of 800 answers differed: the steps were so large that they made "
    "much of the rounding. The rate was then lowered; 0.01, 0.003 and 0.001 gave no differences with the "
    "first seed.",
)
