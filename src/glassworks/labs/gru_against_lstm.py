"""GRU against LSTM of equal width: accuracy on digits that are read bit by bit, numbers, and time.

A digit's 64 squares come two at a time, 32 steps, and the last state names it. Both layers learn from the
same draws in the same order. The time is that of training steps on the same batches, in turns, of the
processor; once as the workbench runs them, with the fused kernels of torch, and once through the written-out
loop.

Source: Cho et al. 2014, arXiv 1406.1078; Chung et al. 2014, arXiv 1412.3555, who found no clear winner.
Change first: `WIDTH`, or `STEP`, squares that come at a time.
Command: glassworks lab gru-against-lstm

Axes: batch (pictures); time = steps of `STEP` squares; width = numbers of a state.
"""

import time

import numpy as np
import torch
import torch.nn.functional as F

from glassworks.core.keyed import seed_for
from glassworks.labs.digits import CLASSES, batches
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Span, Table, Verdict
from glassworks.labs.paired import difference, mean_interval
from glassworks.labs.small_recurrent import Batch, Reader, digit_rows, learn, reader_of, share_right
from glassworks.labs.small_vit import words

SEEDS, QUICK_SEEDS = tuple(range(6)), (0, 1)
PRECISION = "float32"
KINDS = ("LSTM", "GRU")
WIDTH, STEP = 64, 2
STEPS, QUICK_STEPS, BATCH = 500, 6, 64
TIMED, QUICK_TIMED = 30, 2  # training steps of each, in turns
MARGIN = 2.0  # points of 100
WAYS = {"fused": True, "written out": False}
RULE = (
    "Difference = test accuracy of the GRU minus that of the LSTM, in points of 100, seed by seed; time = "
    "the processor's time for a training step of the GRU divided by that of the LSTM, both with torch's "
    'fused kernels, as the workbench runs them. The claim "holds" when the interval of the mean difference '
    f'lies above -{MARGIN:.0f} points and that of the mean time below 1 (95 %, both at once). It "does not '
    'hold" when the difference lies below that or the time above 1, and is "not shown" otherwise. Beside it, '
    "without deciding: the time of the written-out loops, and the numbers of both."
)


def squares(seed: int) -> tuple[Batch, Batch]:
    """Training and test part as sequences (rows, 32, 2)."""
    first, second = (
        Batch(part.steps.reshape(len(part.steps), -1, STEP), None, part.targets) for part in digit_rows(seed)
    )
    return first, second


def in_order(part: Batch, seed: int):
    """Training batches for ever, the same for both kinds."""
    dice = torch.Generator().manual_seed(seed_for(seed, "gru against lstm"))
    for chosen in batches(len(part.targets), BATCH, dice):
        yield Batch(part.steps[chosen], None, part.targets[chosen])


def accuracy_of(kind: str, seed: int, *, steps: int = STEPS) -> float:
    """Test accuracy in points of 100; about four seconds of one core."""
    training, test = squares(seed)
    model = reader_of(kind, STEP, WIDTH, CLASSES, seed)
    learn(model, in_order(training, seed), steps)
    return 100 * share_right(model, test)


def times_of(seed: int, *, fused: bool, count: int = TIMED) -> dict[str, float]:
    """Seconds of the processor for one training step of each kind: medians of `count`, in turns."""
    training, _ = squares(seed)
    batch = next(in_order(training, seed))
    models = {kind: reader_of(kind, STEP, WIDTH, CLASSES, seed) for kind in KINDS}
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for number in range(count + 1):
        for kind, model in models.items():
            model.layer.fused = fused
            seconds = _seconds(model, batch)
            if number:  # the first warms up
                found[kind].append(seconds)
    return {kind: float(np.median(row)) for kind, row in found.items()}


def _seconds(model: Reader, batch: Batch) -> float:
    begun = time.process_time()
    model.zero_grad()
    F.cross_entropy(model(batch.steps), batch.targets).backward()
    return time.process_time() - begun


def numbers_of(kind: str, inputs: int = STEP, width: int = WIDTH) -> int:
    """The numbers of a layer of one kind.

    >>> numbers_of("GRU", 128, 256), numbers_of("LSTM", 128, 256)
    (296448, 395264)
    """
    return sum(one.numel() for one in reader_of(kind, inputs, width, CLASSES, 0).layer.parameters())


def experiment(bench: Bench) -> Findings:
    """Both kinds with every seed, then their time."""
    steps, timed = (QUICK_STEPS, QUICK_TIMED) if bench.quick else (STEPS, TIMED)
    numbers: Numbers = {f"accuracy: {kind}": [] for kind in KINDS}
    numbers |= {f"milliseconds: {kind}, {way}": [] for way in WAYS for kind in KINDS}
    numbers |= {f"size: {kind}": [float(numbers_of(kind))] for kind in KINDS}
    for seed in bench.seeds:
        for kind in KINDS:
            bench.go_on()
            numbers[f"accuracy: {kind}"].append(accuracy_of(kind, seed, steps=steps))
        for way, fused in WAYS.items():
            bench.go_on()
            for kind, seconds in times_of(seed, fused=fused, count=timed).items():
                numbers[f"milliseconds: {kind}, {way}"].append(1000 * seconds)
        told = ", ".join(
            f"{kind} {numbers[f'accuracy: {kind}'][-1]:.1f} %, "
            f"{numbers[f'milliseconds: {kind}, fused'][-1]:.1f} ms" for kind in KINDS
        )  # fmt: skip
        bench.say(f"seed {seed}: {told}")
    return Findings(numbers, [_table(numbers)], [_chart(numbers)], NOTES)


def _times(numbers: Numbers, way: str) -> list[float]:
    return np.divide(numbers[f"milliseconds: GRU, {way}"], numbers[f"milliseconds: LSTM, {way}"]).tolist()


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    apart = difference(numbers["accuracy: GRU"], numbers["accuracy: LSTM"], comparisons=2)
    times = mean_interval(_times(numbers, "fused"), comparisons=2)
    loops = mean_interval(_times(numbers, "written out"))
    outcome: Outcome = "not shown"
    if apart.low is not None and times.high is not None and apart.low > -MARGIN and times.high < 1:
        outcome = "holds"
    if (apart.high is not None and apart.high < -MARGIN) or (times.low is not None and times.low > 1):
        outcome = "does not hold"
    share = numbers["size: GRU"][0] / numbers["size: LSTM"][0]
    return Verdict(
        outcome=outcome,
        sentence=f"With {share:.2f} of its numbers the GRU changes test accuracy by {words(apart)} points "
        f"against the LSTM. A training step takes {_times_words(times)} times as long with torch's kernels "
        f"on this processor, and {_times_words(loops)} times as long through the written-out loops.",
        interval=f"accuracy {words(apart)} points, time {_times_words(times)}; n = {apart.n} seeds, 95 % for "
        "both at once",
    )


def _times_words(one) -> str:
    return words(one, 2).replace("+", "")


def _table(numbers: Numbers) -> Table:
    rows = []
    for kind in KINDS:
        accuracy = words(mean_interval(numbers[f"accuracy: {kind}"])).replace("+", "")
        spent = [f"{np.mean(numbers[f'milliseconds: {kind}, {way}']):.1f}" for way in WAYS]
        rows.append((kind, f"{numbers[f'size: {kind}'][0]:,.0f}", accuracy, *spent))
    head = ("layer", "numbers", "test accuracy, % (95 %)", *(f"ms a step, {way}" for way in WAYS))
    return Table(title=f"Both with a state of {WIDTH} numbers", head=head, rows=tuple(rows))


def _chart(numbers: Numbers) -> Chart:
    spans = []
    for way in WAYS:
        one = mean_interval(_times(numbers, way))
        low, high = (one.value if end is None else end for end in (one.low, one.high))
        spans.append(Span(name=way, low=low, value=one.value, high=high))
    return Chart(
        title="Time of a GRU step by that of an LSTM step", across="times as long", spans=tuple(spans)
    )


NOTES = (
    "A GRU has three blocks of weights where an LSTM has four, so three quarters of its numbers and of its "
    "products, whatever the width.",
    "Which is faster is a matter of the kernel. For an LSTM torch has one on a CPU that does all steps in "
    "one call (oneDNN); for a GRU it takes each step by itself. On a GPU both have one.",
)
