"""DropPath: does it skip as often as its schedule says, and does that help where pictures are few?

A small Vision Transformer of 8 blocks learns from 200 digits, with no block skipped, and with shares that
rise evenly from 0 at the first block to 0.2 or 0.4 at the last. Every branch of every picture in every step
is counted. The lab then asks what the test part says, and what became of the gap to the training part.

Source: Huang et al. 2016, "Deep networks with stochastic depth", arXiv 1603.09382.
Change first: `MOSTS`, the share at the last block.
Command: glassworks lab drop-path-effect

Axes: blocks from the input to the head; each has two branches a picture.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from glassworks.blocks.drop_path import DropPath, shares
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Table, Verdict
from glassworks.labs.paired import difference, mean_interval
from glassworks.labs.small_vit import Judged, judged, learn, model_of, parts_of, words
from glassworks.models.vision.vit import ViT

SEEDS, QUICK_SEEDS = tuple(range(5)), (0, 1)
PRECISION = "float32"
DEPTH, PICTURES = 8, 200
MOSTS = (0.0, 0.2, 0.4)  # the share of the last block; the middle one decides
STEPS, QUICK_STEPS = 250, 5
FAR = 4.0  # standard errors
RULE = (
    "Gain = test accuracy with DropPath that rises to 0.2 minus that without, in points of 100, seed by "
    "seed. "
    'The claim "holds" when the 95 % interval of the mean gain lies above 0 and in every block the share of '
    f'branches that were skipped lies within {FAR:g} standard errors of its schedule. It "does not hold" '
    "when "
    'the gain lies below 0 or a block misses its schedule, and is "not shown" otherwise. Beside it, without '
    "deciding: the same with 0.4, and the gap between training and test accuracy."
)


class Skips:
    """Counts the branches that each block's DropPath let through and silenced while it trained."""

    def __init__(self, model: ViT):
        self.skipped, self.seen = [0] * len(model.blocks), [0] * len(model.blocks)
        for place, block in enumerate(model.blocks):
            assert isinstance(block.drop_path, DropPath)
            block.drop_path.register_forward_hook(self._note(place))

    def _note(self, place: int):
        def note(module: nn.Module, given: tuple[Tensor], out: Tensor) -> None:
            if module.training:  # a branch is all zeros only when it was skipped
                self.skipped[place] += int((out.detach().flatten(1).abs().amax(1) == 0).sum())
                self.seen[place] += len(out)

        return note


def train_with(most: float, seed: int, *, steps: int = STEPS) -> tuple[Judged, Skips]:
    """One run; about four seconds on one core."""
    training, test = parts_of(seed, PICTURES)
    model = model_of(DEPTH, seed, drop_path=most)
    skips = Skips(model)
    learn(model, training, seed, steps)
    return judged(model, training, test), skips


def experiment(bench: Bench) -> Findings:
    """Every share with every seed, in turn."""
    runs: dict[float, list[Judged]] = {most: [] for most in MOSTS}
    counts = {most: torch.zeros(2, DEPTH, dtype=torch.int64) for most in MOSTS}
    for seed in bench.seeds:
        for most in MOSTS:
            bench.go_on()
            run, skips = train_with(most, seed, steps=QUICK_STEPS if bench.quick else STEPS)
            runs[most].append(run)
            counts[most] += torch.tensor([skips.skipped, skips.seen])
        told = ", ".join(f"{most:g}: {100 * runs[most][-1].accuracy:.1f} %" for most in MOSTS)
        bench.say(f"seed {seed}, accuracy by the last block's share {told}")
    numbers: Numbers = {}
    for most, row in runs.items():
        numbers[f"accuracy: {most:g}"] = [100 * run.accuracy for run in row]
        numbers[f"gap: {most:g}"] = [run.gap for run in row]
        numbers[f"skipped: {most:g}"] = [float(one) for one in counts[most][0]]
        numbers[f"seen: {most:g}"] = [float(one) for one in counts[most][1]]
    tables = [_table(runs), _skip_table(numbers)]
    return Findings(numbers, tables, _charts(numbers), NOTES)


def furthest(numbers: Numbers) -> float:
    """The largest distance of a block's skipped share from its schedule, in standard errors."""
    found = [0.0]
    for most in MOSTS:
        rows = zip(numbers[f"skipped: {most:g}"], numbers[f"seen: {most:g}"], shares(most, DEPTH))
        for skipped, seen, share in rows:
            error = math.sqrt(share * (1 - share) / seen)
            away = abs(skipped / seen - share)
            found.append(away / error if error else (math.inf if away else 0.0))
    return max(found)


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    low, most = MOSTS[1:]
    gain = difference(numbers[f"accuracy: {low:g}"], numbers["accuracy: 0"])
    more = difference(numbers[f"accuracy: {most:g}"], numbers["accuracy: 0"])
    away = furthest(numbers)
    gaps = {one: float(np.mean(numbers[f"gap: {one:g}"])) for one in MOSTS}
    outcome: Outcome = "not shown"
    if gain.low is not None and gain.low > 0:
        outcome = "holds"
    if away > FAR or (gain.high is not None and gain.high < 0):
        outcome = "does not hold"
    return Verdict(
        outcome=outcome,
        sentence=f"No block's share of skipped branches is further than {away:.1f} standard errors from its "
        f"schedule. On {PICTURES} digits, shares that rise to {low:g} change test accuracy by {words(gain)} "
        f"points, shares that rise to {most:g} by {words(more)}. The gap to the training part is "
        f"{gaps[0.0]:.1f} points without, {gaps[low]:.1f} and {gaps[most]:.1f} with them.",
        interval=f"gain at {low:g} {words(gain)} points; n = {gain.n} seeds, 95 %",
    )


def _table(runs: dict[float, list[Judged]]) -> Table:
    rows = []
    for most, row in runs.items():
        accuracy = mean_interval([100 * run.accuracy for run in row])
        rows.append((
            f"{most:g}", f"{100 * np.mean([run.learned for run in row]):.1f}",
            words(accuracy).replace("+", ""), f"{np.mean([run.gap for run in row]):.1f}",
            f"{np.mean([run.learned_loss for run in row]):.2f}", f"{np.mean([run.loss for run in row]):.2f}",
        ))  # fmt: skip
    head = ("share at the last block", "training accuracy, %", "test accuracy, % (95 %)", "gap, points",
            "training loss", "test loss")  # fmt: skip
    return Table(title=f"{DEPTH} blocks on {PICTURES} digits", head=head, rows=tuple(rows))


def _skip_table(numbers: Numbers) -> Table:
    most = MOSTS[1]
    skipped, seen = numbers[f"skipped: {most:g}"], numbers[f"seen: {most:g}"]
    rows = [
        (str(place), f"{100 * share:.2f}", f"{100 * gone / of:.2f}", f"{of:,.0f}")
        for place, (share, gone, of) in enumerate(zip(shares(most, DEPTH), skipped, seen), 1)
    ]
    head = ("block", "schedule, %", "skipped, %", "branches")
    return Table(title=f"Schedule and count, rising to {most:g}", head=head, rows=tuple(rows))


def _charts(numbers: Numbers) -> list[Chart]:
    curves = {}
    for most in MOSTS[1:]:
        pairs = zip(numbers[f"skipped: {most:g}"], numbers[f"seen: {most:g}"])
        curves[f"counted, up to {most:g}"] = tuple(
            (float(place), 100 * gone / of) for place, (gone, of) in enumerate(pairs, 1)
        )
        curves[f"schedule, up to {most:g}"] = tuple(
            (float(place), 100 * share) for place, share in enumerate(shares(most, DEPTH), 1)
        )
    by_share = {
        "test accuracy": tuple((most, float(np.mean(numbers[f"accuracy: {most:g}"]))) for most in MOSTS),
    }
    return [
        Chart(title="How often a branch was skipped", across="block", up="%", curves=curves),
        Chart(title="What it brought", across="share at the last block", up="test accuracy, %",
              curves=by_share),
    ]  # fmt: skip


NOTES = (
    f"Every run takes {STEPS} steps on the same {PICTURES} pictures of its seed. A network that is shorter "
    "on each picture learns more slowly; more steps may turn the result round.",
    "Attention and MLP of a block draw apart, so a whole block is skipped with the square of its share.",
    "While training each branch that stays is divided by the share that stays, so that the mean is kept. In "
    "evaluation nothing is skipped.",
)
