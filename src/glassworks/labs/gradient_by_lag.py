"""The gradient by lag: how much the last state of RNN, LSTM and GRU hangs on a word 50 steps before.

Layers of 16 numbers read 50 random steps, untrained. The gradient of the last state by each input is
measured, exactly, and the one at the first step is divided by the one at the last. A plain RNN at the usual
start, one whose recurrent matrix is a rotation or 1.5 times one, LSTM and GRU at the usual start, and both
with the gate open that keeps the memory.

Sources: Bengio, Simard, Frasconi 1994; Pascanu, Mikolov, Bengio 2012, arXiv 1211.5063; Gers et al. 2000.
Change first: `STEPS`, or `OPEN`.
Command: glassworks lab gradient-by-lag

Axes: time = steps; width = numbers of a state; lag = steps back from the last.
"""

from collections.abc import Callable

import numpy as np
import torch

from glassworks.blocks.recurrent import Recurrent
from glassworks.core.keyed import seed_for
from glassworks.insight.recurrent import gradient_by_lag
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Table, Verdict
from glassworks.labs.paired import difference, mean_interval
from glassworks.labs.small_recurrent import layer_of, open_gates, turning
from glassworks.labs.small_vit import words

SEEDS, QUICK_SEEDS = tuple(range(10)), (0, 1)
PRECISION = "float64"
INPUTS, WIDTH, STEPS, QUICK_STEPS = 10, 16, 50, 20
OPEN = 5.0  # bias of the gate that keeps the memory: sigmoid(5) = 0.993 a step
FADED, APART = -6.0, 3.0  # decades
PLAIN, LARGE, OPENED = "RNN", "RNN, 1.5 times a rotation", "LSTM, gate open"

Make = Callable[[int], Recurrent]
WAYS: dict[str, Make] = {
    PLAIN: lambda seed: layer_of("RNN", INPUTS, WIDTH, seed),
    "RNN, a rotation": lambda seed: turning(layer_of("RNN", INPUTS, WIDTH, seed), 1.0, seed),
    LARGE: lambda seed: turning(layer_of("RNN", INPUTS, WIDTH, seed), 1.5, seed),
    "LSTM": lambda seed: layer_of("LSTM", INPUTS, WIDTH, seed),
    OPENED: lambda seed: open_gates(layer_of("LSTM", INPUTS, WIDTH, seed), OPEN),
    "GRU": lambda seed: layer_of("GRU", INPUTS, WIDTH, seed),
    "GRU, gate open": lambda seed: open_gates(layer_of("GRU", INPUTS, WIDTH, seed), OPEN),
}
RULE = (
    "What is left = the size of the gradient of the last state by the first input divided by that by the "
    f'last input, {STEPS - 1} steps later, as a power of ten, seed by seed. The claim "holds" when for a '
    f"plain RNN at the usual start the mean lies below {FADED:.0f}, and an LSTM with an open forget gate "
    f'keeps {APART:.0f} powers of ten more (95 % intervals, both at once). It "does not hold" when one of '
    'the two lies wholly on the other side, and is "not shown" otherwise. Beside it, without deciding: '
    "larger recurrent weights in a plain RNN, LSTM and GRU at the usual start, and how long a lag is until a "
    "hundredth is left."
)


def left_by_lag(way: str, seed: int, steps: int = STEPS) -> np.ndarray:
    """The size of the gradient at every lag by that at lag 0, (steps,); the first is 1."""
    dice = torch.Generator().manual_seed(seed_for(seed, "random steps"))
    given = torch.randn(1, steps, INPUTS, generator=dice, dtype=torch.float64)
    found = gradient_by_lag(WAYS[way](seed).double(), given)
    return found / found[0]


def linear_law(scale: float, steps: int) -> float:
    """What is left after so many steps where the recurrent matrix is `scale` times the identity and nothing
    bends: scale to the power of steps.

    >>> f"{linear_law(1.5, 50):.4g}"
    '6.376e+08'
    """
    state = torch.ones(1, dtype=torch.float64, requires_grad=True)
    after = state
    for _ in range(steps):
        after = scale * after
    (gradient,) = torch.autograd.grad(after.sum(), state)
    return float(gradient)


def experiment(bench: Bench) -> Findings:
    """Every way with every seed; seconds in all."""
    steps = QUICK_STEPS if bench.quick else STEPS
    curves: dict[str, list[np.ndarray]] = {way: [] for way in WAYS}
    for seed in bench.seeds:
        for way in WAYS:
            bench.go_on()
            curves[way].append(left_by_lag(way, seed, steps))
        told = ", ".join(f"{way} {curves[way][-1][-1]:.0e}" for way in (PLAIN, LARGE, OPENED))
        bench.say(f"seed {seed}, {steps - 1} steps back: {told}")
    numbers: Numbers = {f"left: {way}": [float(np.log10(max(one[-1], 1e-300))) for one in rows]
                        for way, rows in curves.items()}  # fmt: skip
    numbers |= {f"reach: {way}": [float(_reach(one)) for one in rows] for way, rows in curves.items()}
    return Findings(numbers, [_table(numbers), _laws()], [_chart(curves)], NOTES)


def _reach(left: np.ndarray) -> int:
    """Steps back until less than a hundredth is left; all of them where it never is."""
    small = np.flatnonzero(left < 0.01)
    return int(small[0]) if len(small) else len(left)


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    plain = mean_interval(numbers[f"left: {PLAIN}"], comparisons=2)
    gain = difference(numbers[f"left: {OPENED}"], numbers[f"left: {PLAIN}"], comparisons=2)
    large = difference(numbers[f"left: {LARGE}"], numbers[f"left: {PLAIN}"])
    outcome: Outcome = "not shown"
    if plain.high is not None and gain.low is not None and plain.high < FADED and gain.low > APART:
        outcome = "holds"
    if (plain.low is not None and plain.low > FADED) or (gain.high is not None and gain.high < APART):
        outcome = "does not hold"
    means = {way: float(np.mean(numbers[f"left: {way}"])) for way in WAYS}
    return Verdict(
        outcome=outcome,
        sentence=f"At the first step a plain RNN has 10 to the power {words(plain)} of the gradient left; an "
        f"LSTM with an open forget gate {words(gain)} powers of ten more. It is the start that decides, not "
        f"the name: a plain RNN with recurrent weights of 1.5 times a rotation has {words(large)} powers of "
        f"ten more than the usual one, and an LSTM at the usual start ends at {means['LSTM']:.1f}, a GRU at "
        f"{means['GRU']:.1f}.",
        interval=f"plain RNN {words(plain)}, LSTM with open gate {words(gain)} more, in powers of ten; "
        f"n = {plain.n} seeds, 95 % for both at once",
    )


def _table(numbers: Numbers) -> Table:
    rows = []
    for way in WAYS:
        left, reach = (mean_interval(numbers[f"{what}: {way}"]) for what in ("left", "reach"))
        rows.append((way, words(left), f"{reach.value:.0f}"))
    head = ("layer", "left at the first step, power of ten (95 %)", "steps until a hundredth is left")
    return Table(title="What is left of the gradient", head=head, rows=tuple(rows))


def _laws() -> Table:
    """Exact figures of the linear case, where nothing bends."""
    rows = tuple((f"{scale:g}", f"{linear_law(scale, 50):.4g}") for scale in (0.5, 0.9, 1.0, 1.1, 1.5))
    head = ("recurrent weight", "gradient after 50 steps")
    return Table(title="Without tanh: the weight to the power of the steps", head=head, rows=rows)


def _chart(curves: dict[str, list[np.ndarray]]) -> Chart:
    """The middle of the seeds (geometric mean) at every lag."""
    shown = {}
    for way, rows in curves.items():
        middle = 10 ** np.log10(np.maximum(np.stack(rows), 1e-300)).mean(0)
        shown[way] = tuple((float(lag), float(value)) for lag, value in enumerate(middle) if value > 1e-30)
    return Chart(
        title="Gradient of the last state by the input", across="steps back", up="share of that at the last",
        curves=shown, logarithmic="y",
    )  # fmt: skip


NOTES = (
    f"Layers of {WIDTH} numbers that read {INPUTS} random numbers a step, untrained; the size is that of the "
    "whole matrix of derivatives (Frobenius norm), exact.",
    "One seed and one sum of outputs may come out at 2e-15, as is often shown; other seeds lie powers of ten "
    "away from it, which is why an interval stands here.",
    "tanh keeps numbers between -1 and 1, not gradients: with large weights they grow before tanh flattens.",
    "A gradient at the start says what can be learned from, not what will be: see the lab copy-task.",
)
