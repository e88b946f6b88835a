"""Raw or scaled: the same forecaster on values as they are and on scaled ones, and what statistics may see.

An LSTM sees 24 steps and says the 12 that follow. Its gates are sigmoids: values around 150 push them to
their ends, where nothing moves them. And its head starts near 0: it must climb to 150 first. So the values
are scaled, and what is said is scaled back. The mean and the spread for it may come from the training part,
from the whole series, or from each window together with its future; the last two have seen what they should
not. On a random walk that shows at once: there nothing honest is better than the last value.

Source: every textbook's rule; a window's own level: Kim et al. 2022 (RevIN).
Change first: `WAYS`, or `LEVEL` in `small_series.py`.
Command: glassworks lab raw-or-scaled

Axes: rows = windows; history = steps seen; horizon = steps ahead.
"""

from collections.abc import Callable

import numpy as np

from glassworks.judging.forecasting import scale_of
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Span, Table, Verdict
from glassworks.labs.paired import difference, mean_interval
from glassworks.labs.small_series import (
    PERIOD,
    Windows,
    climbing,
    co2,
    cut,
    forecaster,
    learn,
    mae,
    said,
    steady,
    walk,
)
from glassworks.labs.small_vit import words

SEEDS, QUICK_SEEDS = tuple(range(6)), (0, 1)
PRECISION = "float32"
LENGTH, TRAIN = 312, 240
HISTORY, HORIZON = 24, 12
STEPS, QUICK_STEPS = 300, 6
SERIES: dict[str, Callable[[int], np.ndarray]] = {
    "steady": lambda seed: steady(seed, LENGTH),
    "climbing": lambda seed: climbing(seed, LENGTH),
    "random walk": lambda seed: walk(seed, LENGTH),
    "carbon dioxide": lambda seed: co2(),
}
RAW, HALF, HONEST, WHOLE, FUTURE, OWN = (
    "raw", "raw in, scaled out", "training part", "whole series", "window and future", "its own window",
)  # fmt: skip
WAYS = (RAW, HALF, HONEST, WHOLE, FUTURE, OWN)
SIMPLE = ("last value", "last season")
RULE = (
    "Error = MASE over every origin of the test part (the last 72 of 312 steps), 12 steps ahead: the mean "
    "absolute error by the mean absolute change over a season in the training part. Three differences, seed "
    "by seed: raw minus scaled by the training part, on the steady and on the climbing series; and scaled "
    'by the training part minus scaled by the whole series, on the climbing one. The claim "holds" when all '
    'three intervals lie above 0 (95 %, all at once). It "does not hold" when one of them lies below 0, and '
    'is "not shown" otherwise. Beside it, without deciding: the other ways and the other series.'
)


def measures(way: str, values: np.ndarray, windows: Windows) -> tuple[np.ndarray, np.ndarray]:
    """(mean, spread) that a way scales by, each (1, 1) or (rows, 1)."""
    if way == RAW:
        return np.zeros((1, 1)), np.ones((1, 1))
    if way == FUTURE:
        both = np.concatenate(windows, axis=1)
        return both.mean(1, keepdims=True), both.std(1, keepdims=True)
    known = values if way == WHOLE else values[:TRAIN]
    return np.full((1, 1), known.mean()), np.full((1, 1), known.std())


def error(way: str, values: np.ndarray, seed: int, *, steps: int = STEPS) -> float:
    """MASE on the test part of a forecaster that learned in this way."""
    training, test = cut(values, TRAIN, HISTORY, HORIZON)
    model = forecaster(seed, history=HISTORY, horizon=HORIZON, anchor="last" if way == OWN else "none")
    (mean, spread), (then, by) = (measures(way, values, part) for part in (training, test))

    def seen(part: Windows, level: np.ndarray, width: np.ndarray) -> np.ndarray:
        return part.seen if way == HALF else (part.seen - level) / width

    learn(model, seen(training, mean, spread), (training.following - mean) / spread, steps, seed)
    forecast = said(model, seen(test, then, by)) * by + then
    return mae(test.following, forecast) / unit(values)


def unit(values: np.ndarray) -> float:
    """What MASE divides by."""
    return float(scale_of(values[:TRAIN, None], PERIOD)[0])


def simple(name: str, values: np.ndarray) -> float:
    """MASE of a forecast without training."""
    _, test = cut(values, TRAIN, HISTORY, HORIZON)
    again = test.seen[:, -1:] if name == SIMPLE[0] else test.seen[:, -PERIOD:]
    return mae(test.following, again) / unit(values)


def experiment(bench: Bench) -> Findings:
    """Every way on every series with every seed."""
    steps = QUICK_STEPS if bench.quick else STEPS
    numbers: Numbers = {f"{series}: {way}": [] for series in SERIES for way in (*WAYS, *SIMPLE)}
    for seed in bench.seeds:
        for series, made in SERIES.items():
            values = made(seed)
            for way in WAYS:
                bench.go_on()
                numbers[f"{series}: {way}"].append(error(way, values, seed, steps=steps))
            for name in SIMPLE:
                numbers[f"{series}: {name}"].append(simple(name, values))
        told = ", ".join(f"{way} {numbers[f'climbing: {way}'][-1]:.2f}" for way in WAYS)
        bench.say(f"seed {seed}, climbing: {told}")
    return Findings(numbers, [_table(numbers)], [_chart(numbers)], NOTES)


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    gains = [
        difference(numbers[f"{series}: {one}"], numbers[f"{series}: {other}"], comparisons=3)
        for series, one, other in (
            ("steady", RAW, HONEST),
            ("climbing", RAW, HONEST),
            ("climbing", HONEST, WHOLE),
        )
    ]
    outcome: Outcome = "not shown"
    if all(one.low is not None and one.low > 0 for one in gains):
        outcome = "holds"
    if any(one.high is not None and one.high < 0 for one in gains):
        outcome = "does not hold"
    flat, steep, leak = gains
    seen = float(np.mean(numbers[f"random walk: {FUTURE}"]) / np.mean(numbers["random walk: last value"]))
    return Verdict(
        outcome=outcome,
        sentence=f"Raw values cost {words(flat)} of MASE on the steady series and {words(steep)} on the "
        f"climbing one. Statistics of the whole series instead of the training part change the error on the "
        f"climbing one by {words(_minus(leak), 2)}. Scaled by each window together with its future, the same "
        f"network makes {seen:.2f} times the error of the last value on a random walk, where no honest "
        "forecast is below 1.",
        interval=f"raw minus scaled {words(flat)} and {words(steep)}, training part minus whole series "
        f"{words(leak, 2)}; n = {flat.n} seeds, 95 % for all three at once",
    )


def _minus(one):
    """The interval of the opposite difference."""
    low, high = (None if end is None else -end for end in (one.high, one.low))
    return type(one)(-one.value, low, high, one.n)


def _table(numbers: Numbers) -> Table:
    rows = []
    for way in (*WAYS, *SIMPLE):
        cells = [mean_interval(numbers[f"{series}: {way}"]).value for series in SERIES]
        rows.append((way, *(f"{value:.2f}" for value in cells)))
    return Table(
        title="MASE on the test part, mean of the seeds", head=("scaled by", *SERIES), rows=tuple(rows)
    )


def _chart(numbers: Numbers) -> Chart:
    spans = []
    for way in (HONEST, WHOLE, OWN):
        one = mean_interval(numbers[f"climbing: {way}"])
        low, high = (one.value if end is None else end for end in (one.low, one.high))
        spans.append(Span(name=way, low=low, value=one.value, high=high))
    return Chart(
        title="The climbing series, by where mean and spread come from", across="MASE", spans=tuple(spans)
    )


NOTES = (
    f"The forecaster of the workbench without anchor: an LSTM of 16 numbers, {STEPS} steps of 32 windows. "
    "Made series have a season of 12 steps and noise that nobody can forecast; a seed draws another series "
    "and another start. Carbon dioxide is one real series, so its seeds differ in the start alone.",
    'The rows "whole series" and "window and future" cannot be used: whoever forecasts does not have those '
    "numbers yet.",
    '"Its own window" is the same network with the anchor "last": each window is measured by its own last '
    "value and spread, inside the model.",
    "Raw values are trained for as many steps as scaled ones. With more steps the head reaches the level of "
    "the series, and the gates stay as they are.",
)
