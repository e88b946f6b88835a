"""Padding and masks: what happens to sequences of unequal length when nobody says where they end.

Digits are read row by row, slowly or fast: each row of a picture is shown once to four times, so sequences
have 8 to 32 steps, and the shorter ones of a batch are filled up with nothing. A bidirectional LSTM either
gets the lengths, or reads the padding as if it were data. Both are judged in such batches and with more
behind them; and the answers to the same pictures with and without padding are compared.

Source: the packed sequences of every library; bidirectional readers, Schuster & Paliwal 1997, whose backward
half would begin in the padding.
Change first: `SPEEDS`, how often a row is shown at most.
Command: glassworks lab padding-and-masks

Axes: batch (pictures); time = 8 rows, each shown some times, and the padding; inputs = 8 squares.
"""

from collections.abc import Iterator

import numpy as np
import torch

from glassworks.core.keyed import seed_for
from glassworks.labs.digits import CLASSES, SIDE, batches
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Span, Table, Verdict
from glassworks.labs.paired import difference, mean_interval
from glassworks.labs.small_recurrent import Batch, Reader, digit_rows, learn, reader_of, share_right
from glassworks.labs.small_vit import words

SEEDS, QUICK_SEEDS = tuple(range(6)), (0, 1)
PRECISION = "float32"
WIDTH = 32
STEPS, QUICK_STEPS, BATCH = 300, 6, 64
SPEEDS = 4  # times that a row is shown at most
MORE = 64  # steps of nothing behind the longest, where more is judged than was learned with
WAYS = ("with lengths", "without lengths")
RULE = (
    "Accuracy = share of the test pictures that are named rightly, in batches as they are learned with, in "
    "points of 100. Gain = accuracy of the reader that knows the lengths minus that of the one that does "
    'not, seed by seed. The claim "holds" when the interval of the mean gain lies above 0, and the largest '
    "change that padding makes to any probability of the reader with lengths stays below one in 100,000. It "
    '"does not hold" when the gain lies below 0 or that change is larger, and is "not shown" otherwise. '
    f"Beside it, without deciding: the gain with {MORE} steps of nothing more."
)


def batch_of(part: Batch, seed: int, *, lengths: bool, more: int = 0) -> Batch:
    """The pictures of a part at speeds of this seed, filled up to the longest and `more` steps beyond.

    lengths: whether the reader is told where each picture ends
    """
    dice = torch.Generator().manual_seed(seed_for(seed, "speeds"))
    shown = torch.randint(1, SPEEDS + 1, (len(part.targets),), generator=dice)
    real = SIDE * shown
    steps = part.steps.new_zeros(len(part.targets), int(real.max()) + more, SIDE)
    for speed in range(1, SPEEDS + 1):
        chosen = shown == speed
        steps[chosen, : SIDE * speed] = part.steps[chosen].repeat_interleave(speed, 1)
    return Batch(steps, real if lengths else None, part.targets)


def in_order(part: Batch, seed: int, *, lengths: bool) -> Iterator[Batch]:
    """Training batches for ever, every time at other speeds."""
    dice = torch.Generator().manual_seed(seed_for(seed, "padding and masks"))
    for number, chosen in enumerate(batches(len(part.targets), BATCH, dice)):
        some = Batch(part.steps[chosen], None, part.targets[chosen])
        yield batch_of(some, seed_for(seed, number), lengths=lengths)


def trained(way: str, seed: int, *, steps: int = STEPS) -> tuple[Reader, Batch]:
    """A reader and its test part; about two seconds of one core."""
    training, test = digit_rows(seed)
    model = reader_of("LSTM", SIDE, WIDTH, CLASSES, seed, bidirectional=True)
    learn(model, in_order(training, seed, lengths=way == WAYS[0]), steps)
    return model, test


@torch.inference_mode()
def change(model: Reader, test: Batch, seed: int, *, lengths: bool) -> float:
    """The largest change of a probability when a picture is read alone, without padding, and in the batch."""
    batch = batch_of(test, seed, lengths=lengths)
    real = batch_of(test, seed, lengths=True).lengths
    assert real is not None
    together = model.eval()(batch.steps, batch.lengths).softmax(1)
    alone = torch.empty_like(together)
    for length in real.unique().tolist():
        chosen = real == length
        alone[chosen] = model(batch.steps[chosen, :length]).softmax(1)
    return float((together - alone).abs().max())


def experiment(bench: Bench) -> Findings:
    """Both ways with every seed."""
    steps = QUICK_STEPS if bench.quick else STEPS
    judged = {"as in training": 0, "more": MORE}
    numbers: Numbers = {f"accuracy: {way}, {how}": [] for way in WAYS for how in judged}
    numbers |= {f"change: {way}": [] for way in WAYS}
    for seed in bench.seeds:
        for way in WAYS:
            bench.go_on()
            model, test = trained(way, seed, steps=steps)
            told = way == WAYS[0]
            for how, more in judged.items():
                batch = batch_of(test, seed, lengths=told, more=more)
                numbers[f"accuracy: {way}, {how}"].append(100 * share_right(model, batch))
            numbers[f"change: {way}"].append(change(model, test, seed, lengths=told))
        shares = " and ".join(
            f"{numbers[f'accuracy: {way}, as in training'][-1]:.1f} % {way}" for way in WAYS
        )
        bench.say(f"seed {seed}: {shares}")
    return Findings(numbers, [_table(numbers, tuple(judged))], [_chart(numbers, tuple(judged))], NOTES)


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    gain, more = (_gain(numbers, how) for how in ("as in training", "more"))
    still = max(numbers[f"change: {WAYS[0]}"])
    outcome: Outcome = "not shown"
    if gain.low is not None and gain.low > 0 and still < 1e-5:
        outcome = "holds"
    if (gain.high is not None and gain.high < 0) or still >= 1e-5:
        outcome = "does not hold"
    moved = float(np.median(numbers[f"change: {WAYS[1]}"]))
    return Verdict(
        outcome=outcome,
        sentence=f"Knowing the lengths changes accuracy by {words(gain)} points with padding as in training, "
        f"and by {words(more)} with {MORE} steps of nothing more. Padding moves a probability by at most "
        f"{still:.0e} with lengths, and by up to {moved:.2f} without (middle seed).",
        interval=f"gain {words(gain)} points; n = {gain.n} seeds, 95 %",
    )


def _gain(numbers: Numbers, how: str):
    return difference(*(numbers[f"accuracy: {way}, {how}"] for way in WAYS))


def _table(numbers: Numbers, judged: tuple[str, ...]) -> Table:
    rows = []
    for way in WAYS:
        cells = [mean_interval(numbers[f"accuracy: {way}, {how}"]) for how in judged]
        largest = f"{max(numbers[f'change: {way}']):.0e}"
        rows.append((way, *(words(cell).replace("+", "") for cell in cells), largest))
    head = ("reader", *(f"padding: {how}, % (95 %)" for how in judged), "largest change by padding")
    return Table(title="Accuracy in batches that are filled up", head=head, rows=tuple(rows))


def _chart(numbers: Numbers, judged: tuple[str, ...]) -> Chart:
    spans = []
    for how in judged:
        one = _gain(numbers, how)
        low, high = (one.value if end is None else end for end in (one.low, one.high))
        spans.append(Span(name=f"padding: {how}", low=low, value=one.value, high=high))
    return Chart(title="What the lengths gain", across="points of 100", spans=tuple(spans))


NOTES = (
    f"A bidirectional LSTM of {WIDTH} numbers a direction, {STEPS} steps of {BATCH} pictures; both readers "
    "see the same pictures with the same padding in the same order.",
    "Without lengths a reader can learn to pass over padding, as long as there is no more of it later.",
)
