"""The bottleneck: letters are read and written from behind, with and without a look back at what was read.

Without attention the writer has the reader's last state and nothing else; its size is fixed, and the text
grows. With attention the writer looks at all states of the reader at each letter. Both learn from the same
letters, 2 to 16 at a time. A third network gets twice the state and twice the steps in the place of
attention, so that a failure is not only one of size or patience.

Source: Sutskever et al. 2014, arXiv 1409.3215; Bahdanau et al. 2014, arXiv 1409.0473 (its figure 2).
Change first: `MOST`, the longest text that is learned from.
Command: glassworks lab bottleneck

Axes: batch; source = letters of a text; said = start, the answer, end.
"""

import numpy as np
import torch
from torch import Tensor

from glassworks.blocks.beam_search import write
from glassworks.core.keyed import seed_for
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Table, Verdict
from glassworks.labs.paired import difference, mean_interval
from glassworks.labs.small_vit import words
from glassworks.models.sequence.seq2seq import Seq2Seq, Seq2SeqConfig, build
from glassworks.tasks.translation import token_loss
from glassworks.training.optimizer import adamw

SEEDS, QUICK_SEEDS = (0, 1, 2), (0, 1)
PRECISION = "float32"
PADDING, START, END, FIRST = range(4)  # token numbers; the letters follow
LETTERS, LEAST, MOST = 8, 2, 16
LENGTHS, BEYOND = (4, 8, 12, 16), 20
STEPS, QUICK_STEPS, BATCH, JUDGED = 700, 8, 64, 200
RATE, CLIP = 5e-3, 1.0
WAYS = {  # name -> (attention, numbers of a state, how many times the steps)
    "attention": ("additive", 48, 1),
    "none": ("none", 48, 1),
    "none, state and steps doubled": ("none", 96, 2),
}
CLEAR = 50.0  # points of 100
RULE = (
    "Accuracy = share of fresh texts whose letters are all written from behind without a mistake, in points "
    "of 100; the likeliest letter is taken each time. Gain = accuracy with attention minus accuracy without, "
    f'seed by seed. The claim "holds" when for texts of {MOST} letters the interval of the mean gain lies '
    f"above {CLEAR:.0f} points, and for texts of {LENGTHS[0]} letters the network without attention is "
    f"itself above {CLEAR:.0f} (95 %, both at once): it can do the task, and length is what it fails at. It "
    '"does not hold" when the gain lies below 0, and is "not shown" otherwise. Beside it, without deciding: '
    f"a state and a training twice as large, and texts of {BEYOND} letters, which none of them learned from."
)


def texts(count: int, dice: torch.Generator, length: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Letters (count, source), their lengths (count,), and said (count, source + 2).

    length: of all texts; None draws each from LEAST to MOST
    """
    lengths = torch.randint(LEAST, MOST + 1, (count,), generator=dice)
    if length is not None:
        lengths = torch.full((count,), length)
    most = int(lengths.max())
    letters = torch.randint(FIRST, FIRST + LETTERS, (count, most), generator=dice)
    places = torch.arange(most)
    real = places < lengths[:, None]  # (count, source)
    behind = letters.gather(1, (lengths[:, None] - 1 - places).clamp(min=0))
    said = torch.full((count, most + 2), PADDING)
    said[:, 0], said[:, 1:-1] = START, behind * real
    said[torch.arange(count), lengths + 1] = END
    return letters * real, lengths, said


def start(way: str, seed: int) -> Seq2Seq:
    """The network of a way before its training."""
    attention, hidden, _ = WAYS[way]
    with torch.random.fork_rng(devices=[]):  # a layer's start draws from torch's own dice
        torch.manual_seed(seed_for(seed, "bottleneck"))
        return build(
            Seq2SeqConfig(FIRST + LETTERS, BEYOND + 2, width=32, hidden=hidden, attention=attention)  # type: ignore[arg-type]
        )


def train_with(way: str, seed: int, *, steps: int = STEPS) -> Seq2Seq:
    """The network after its training: 10 to 20 seconds of one core."""
    model, steps = start(way, seed).train(), steps * WAYS[way][2]
    optimizer = adamw(model, learning_rate=RATE, weight_decay=0.0)
    dice = torch.Generator().manual_seed(seed_for(seed, "bottleneck texts"))
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / steps)
        source, lengths, said = texts(BATCH, dice)
        loss = token_loss(model(source, lengths, said[:, :-1]), said[:, 1:], PADDING)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
    return model.eval()


def share_right(model: Seq2Seq, length: int, seed: int) -> float:
    """Texts of a length that are written from behind without a mistake, in points of 100."""
    dice = torch.Generator().manual_seed(seed_for(seed, "bottleneck judged", length))
    source, lengths, said = texts(JUDGED, dice, length)
    written = write(model, source, lengths, start=START, end=END, most=BEYOND, never=(PADDING,))
    pairs = zip(written, said[:, 1:-1].tolist(), strict=True)
    return 100 * float(np.mean([one.ended and list(one.tokens) == wanted for one, wanted in pairs]))


def experiment(bench: Bench) -> Findings:
    """Every way on every seed, judged by length."""
    steps = QUICK_STEPS if bench.quick else STEPS
    numbers: Numbers = {f"accuracy: {way}, {length}": [] for way in WAYS for length in (*LENGTHS, BEYOND)}
    for seed in bench.seeds:
        for way in WAYS:
            bench.go_on()
            model = train_with(way, seed, steps=steps)
            for length in (*LENGTHS, BEYOND):
                numbers[f"accuracy: {way}, {length}"].append(share_right(model, length, seed))
            last = [f"{length}: {numbers[f'accuracy: {way}, {length}'][-1]:.0f} %" for length in LENGTHS]
            bench.say(f"seed {seed}, {way}: {', '.join(last)}")
    return Findings(numbers, [_table(numbers)], [_chart(numbers)], NOTES)


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""

    def of(way: str, length: int) -> list[float]:
        return numbers[f"accuracy: {way}, {length}"]

    least = LENGTHS[0]
    gain = difference(of("attention", MOST), of("none", MOST), comparisons=2)
    short = mean_interval(of("none", least), comparisons=2)
    outcome: Outcome = "not shown"
    if gain.low is not None and short.low is not None and gain.low > CLEAR and short.low > CLEAR:
        outcome = "holds"
    if gain.high is not None and gain.high < 0:
        outcome = "does not hold"
    means = {way: [float(np.mean(of(way, length))) for length in (MOST, BEYOND)] for way in WAYS}
    return Verdict(
        outcome=outcome,
        sentence=f"Without attention {', '.join(f'{one:.0f}' for one in of('none', least))} % of the texts "
        f"of {least} letters come out right, run by run; for {MOST} letters attention gains {words(gain)} "
        f"points. Twice the state and twice the steps get {means['none, state and steps doubled'][0]:.0f} % "
        f"there, attention {means['attention'][0]:.0f} %. On {BEYOND} letters, longer than all that was "
        f"learned from, attention gets {means['attention'][1]:.0f} % right.",
        interval=f"gain for {MOST} letters {words(gain)} points, without attention for {least} letters "
        f"{words(short).replace('+', '')} %; n = {gain.n} seeds, 95 % for both at once",
    )


def _table(numbers: Numbers) -> Table:
    rows = []
    for way in WAYS:
        cells = [mean_interval(numbers[f"accuracy: {way}, {length}"]) for length in (*LENGTHS, BEYOND)]
        rows.append((way, *(f"{cell.value:.0f}" for cell in cells)))
    head = ("network", *(f"{length} letters, %" for length in LENGTHS), f"{BEYOND} (longer than learned), %")
    return Table(title="Texts written from behind without a mistake", head=head, rows=tuple(rows))


def _chart(numbers: Numbers) -> Chart:
    curves = {
        way: tuple(
            (float(length), float(np.mean(numbers[f"accuracy: {way}, {length}"]))) for length in LENGTHS
        )
        for way in WAYS
    }
    return Chart(title="By length", across="letters of the text", up="written right, %", curves=curves)


NOTES = (
    f"Texts of {LEAST} to {MOST} of {LETTERS} letters, {STEPS} steps with {BATCH} fresh texts each, one "
    "learning rate for all, which was not searched for each of them. With more steps the networks without "
    "attention get better: what is shown is what they learn in this time, not what a state could hold.",
    "All networks read from both ends. Letters at random are harder than language: nothing in them can be "
    "guessed.",
)
