"""What each line of the training loop is for: the same loop with one line left out or wrong.

`labs/loop.py` holds the loop with its switches. The lab runs it as it should be, then once for each mistake
with the same seeds, and looks at the paired difference of the test accuracy. Some mistakes turn out to be
harmless on this data; the lab says which.

Change first: a row of `CHANGES`.
Command: glassworks lab lines-of-the-loop
"""

from dataclasses import dataclass, replace

import numpy as np

from glassworks.judging.intervals import Interval
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Span, Table, Verdict
from glassworks.labs.loop import History, LoopSettings, train_with
from glassworks.labs.paired import mean_interval

SEEDS, QUICK_SEEDS = tuple(range(10)), (0, 1, 2)
QUICK_EPOCHS = 4
PRECISION = "float32"
MARGIN = 1.0  # points of accuracy; what is surely smaller is called harmless
RULE = (
    "Points lost = test accuracy of the loop as it should be minus that of the changed loop, seed by seed, "
    "in points of 100; for the leak, the points by which validation accuracy overstates test accuracy, "
    "beyond what it does in the right loop. A change does harm when the whole interval of its mean lies "
    f"above 0, is harmless when it lies below {MARGIN:g}, and is not decided otherwise; the intervals are "
    "widened so that all are right at once with 95 %. A missing seed does harm when runs without one differ "
    'while runs with the same one are equal to the last bit. The claim "holds" when every change does harm, '
    '"does not hold" when at least one is harmless, and is "not shown" otherwise.'
)
RIGHT = LoopSettings()
PLAIN = LoopSettings(batch_norm=False)


@dataclass(frozen=True)
class Change:
    """One line left out or wrong.

    against: the loop that it is compared with; sees: what a person at the screen sees
    """

    name: str
    settings: LoopSettings
    sees: str
    against: LoopSettings = RIGHT

    @property
    def overstates(self) -> bool:
        """Whether the harm is a validation figure that is too good, not a worse model."""
        return self.settings.leak


CHANGES = (
    Change("no zero_grad", LoopSettings(zero_grad=False),
           "a loss that falls, then climbs past that of guessing (ln 10 = 2.30): gradients pile up"),
    Change("sorted by class", LoopSettings(shuffle=False),
           "a training loss that looks good: each batch holds one class, and the model forgets the others"),
    Change("no evaluation mode", LoopSettings(evaluation_mode=False),
           "a model that is better than its figures; asked twice, it answers differently"),
    Change("no evaluation mode (one by one)", LoopSettings(evaluation_mode=False, one_at_a_time=True),
           "the same model, worse again: each picture is normalised by itself, as in a service"),
    Change("rate 10 times higher", LoopSettings(rate=1.0),
           "a loss that jumps; the result depends on the seed"),
    Change("rate 10 times lower", LoopSettings(rate=0.01),
           "a smooth curve that is still falling when the training ends"),
    Change("inputs not scaled", LoopSettings(scale_inputs=False),
           "nothing: batch norm takes scale and offset out again after the first layer"),
    Change("inputs not scaled (no batch norm)", LoopSettings(scale_inputs=False, batch_norm=False),
           "a first loss in the hundreds, then that of guessing", PLAIN),
    Change("no batch norm", PLAIN, "a slightly slower start"),
    Change("softmax twice", LoopSettings(logits=False),
           "a loss that cannot fall below 1.46, and small gradients; no error, no warning"),
    Change("trained on validation too", LoopSettings(leak=True),
           "a validation accuracy that promises more than the test keeps"),
)  # fmt: skip


def experiment(bench: Bench) -> Findings:
    """Run the right loop and each change with every seed, then the right loop without a seed."""
    epochs = QUICK_EPOCHS if bench.quick else RIGHT.epochs
    runs: dict[LoopSettings, list[History]] = {}
    for name, settings in [("as it should be", RIGHT), *((c.name, c.settings) for c in CHANGES)]:
        runs[settings] = []
        for seed in bench.seeds:
            bench.go_on()
            runs[settings].append(train_with(replace(settings, epochs=epochs), seed))
        mean = np.mean([run.test for run in runs[settings]])
        bench.say(f"{name}: test accuracy {mean:.1%} over {len(bench.seeds)} seeds")
    unseeded, again = [], []
    for seed in bench.seeds:
        bench.go_on()
        unseeded.append(train_with(replace(RIGHT, epochs=epochs), None, parts=0))
        again.append(train_with(replace(RIGHT, epochs=epochs), seed))
    numbers: Numbers = {change.name: _lost(change, runs) for change in CHANGES}
    numbers["no seed: test accuracy"] = [100 * run.test for run in unseeded]
    numbers["same seed again: largest difference of a loss"] = [
        float(np.abs(np.subtract(first.losses, second.losses)).max())
        for first, second in zip(runs[RIGHT], again)
    ]
    return Findings(numbers, [_table(numbers, runs)], _charts(numbers, runs), _notes(numbers))


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    kinds: dict[str, list[str]] = {"harm": [], "harmless": [], "not decided": []}
    for change in CHANGES:
        kinds[_kind(interval_of(numbers, change.name))].append(change.name)
    kinds["harm" if _seed_matters(numbers) else "harmless"].append("no seed")
    outcome: Outcome = "does not hold"
    if not kinds["harmless"]:
        outcome = "not shown" if kinds["not decided"] else "holds"
    counted = f"{len(kinds['harm'])} of {len(CHANGES) + 1} changes did harm"
    sentence = f"{counted}: {', '.join(kinds['harm']) or 'none'}."
    if kinds["harmless"]:
        sentence += f" Harmless on this data (less than {MARGIN:g} point): {', '.join(kinds['harmless'])}."
    if kinds["not decided"]:
        sentence += f" Not decided by so few seeds: {', '.join(kinds['not decided'])}."
    worst = max((interval_of(numbers, change.name) for change in CHANGES), key=lambda one: one.value)
    return Verdict(
        outcome=outcome,
        sentence=sentence,
        interval=f"points lost, from {_points(_smallest(numbers))} to {_points(worst)}; all intervals at "
        f"once 95 %, n = {worst.n} seeds",
    )


def interval_of(numbers: Numbers, name: str) -> Interval:
    """The mean points lost by a change, with an interval that allows for all changes at once."""
    return mean_interval(numbers[name], comparisons=len(CHANGES))


def _lost(change: Change, runs: dict[LoopSettings, list[History]]) -> list[float]:
    """Points lost by a change, one for each seed."""
    right, changed = runs[change.against], runs[change.settings]
    if change.overstates:
        return [
            100 * ((wrong.validation[-1] - wrong.test) - (good.validation[-1] - good.test))
            for good, wrong in zip(right, changed)
        ]
    return [100 * (good.test - wrong.test) for good, wrong in zip(right, changed)]


def _kind(lost: Interval) -> str:
    if lost.low is None or lost.high is None:
        return "not decided"
    if lost.low > 0:
        return "harm"
    return "harmless" if lost.high < MARGIN else "not decided"


def _seed_matters(numbers: Numbers) -> bool:
    repeated = max(numbers["same seed again: largest difference of a loss"]) == 0
    return repeated and len(set(numbers["no seed: test accuracy"])) > 1


def _smallest(numbers: Numbers) -> Interval:
    return min((interval_of(numbers, change.name) for change in CHANGES), key=lambda one: one.value)


def _points(lost: Interval) -> str:
    if lost.low is None or lost.high is None:
        return f"{lost.value:.1f}"
    return f"{lost.value:.1f} ({lost.low:.1f} to {lost.high:.1f})"


def _spread(runs: list[History]) -> str:
    figures = [100 * run.test for run in runs]
    return f"{np.mean(figures):.1f} ± {np.std(figures, ddof=min(1, len(figures) - 1)):.1f}"


def _table(numbers: Numbers, runs: dict[LoopSettings, list[History]]) -> Table:
    def last_loss(settings: LoopSettings) -> str:
        losses = [run.epoch_losses[-1] for run in runs[settings]]
        return f"{np.mean(losses):.3g}" if np.isfinite(losses).all() else "not finite"

    rows = [
        ("as it should be", _spread(runs[RIGHT]), "", last_loss(RIGHT), "", "a loss that falls, and stays")
    ]
    for change in CHANGES:
        lost = interval_of(numbers, change.name)
        rows.append((
            change.name, _spread(runs[change.settings]), _points(lost), last_loss(change.settings),
            _kind(lost), change.sees,
        ))  # fmt: skip
    free = numbers["no seed: test accuracy"]
    seen = f"the same code on the same parts gives {min(free):.1f} to {max(free):.1f} %"
    kind = "harm" if _seed_matters(numbers) else "harmless"
    spread = f"{np.mean(free):.1f} ± {np.std(free, ddof=min(1, len(free) - 1)):.1f}"
    rows.append(("no seed", spread, "", "", kind, seen))
    head = ("change", "test accuracy, %", "points lost", "last loss", "says the rule", "what one sees")
    return Table(title="Each line left out or wrong", head=head, rows=tuple(rows))


def _charts(numbers: Numbers, runs: dict[LoopSettings, list[History]]) -> list[Chart]:
    spans = []
    for change in CHANGES:
        lost = interval_of(numbers, change.name)
        low, high = (lost.value if end is None else end for end in (lost.low, lost.high))
        spans.append(Span(name=change.name, low=low, value=lost.value, high=high))
    settings = {"as it should be": RIGHT} | {change.name: change.settings for change in CHANGES}

    def curves(names: tuple[str, ...], figure: str) -> dict[str, tuple[tuple[float, float], ...]]:
        means = {
            name: np.mean([getattr(run, figure) for run in runs[settings[name]]], axis=0) for name in names
        }
        return {
            name: tuple((epoch, float(value)) for epoch, value in enumerate(mean, 1) if np.isfinite(value))
            for name, mean in means.items()
        }

    shown = ("as it should be", "no zero_grad", "sorted by class", "rate 10 times higher",
             "rate 10 times lower", "softmax twice")  # fmt: skip
    return [
        Chart(title="Points lost by each change", across="points lost", spans=tuple(spans)),
        Chart(title="Training loss, mean over the seeds", across="epoch", up="loss, nats",
              curves=curves(shown, "epoch_losses"), logarithmic="y"),
        Chart(title="Validation accuracy, mean over the seeds", across="epoch", up="accuracy",
              curves=curves(shown, "validation")),
    ]  # fmt: skip


def _notes(numbers: Numbers) -> list[str]:
    return [
        "Every seed deals the 1,797 digits anew into training (65 %), validation (15 %) and test (20 %) "
        "parts, and both loops of a pair share deal, start and order. The changed learning rate stands for a "
        "rate that nobody tuned.",
        '"inputs not scaled (no batch norm)" is compared with the loop without batch norm, all others with '
        "the loop as it should be. ± is the standard deviation over the seeds.",
        "An interval without width means that every seed gave the same number of right answers.",
        f"With the same seed twice, the largest difference of a loss was "
        f"{max(numbers['same seed again: largest difference of a loss']):g}.",
    ]
