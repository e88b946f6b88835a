"""Exercises of the chapter on forecasting: windows, scales, MASE, walks, many steps ahead, quantiles."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from glassworks.reader.exercises.chance import normal
from glassworks.reader.exercises.compare import same, unchanged
from glassworks.reader.exercises.kinds import (
    Choice,
    ChoiceExercise,
    CodeExercise,
    Mistake,
    NumberExercise,
    PredictExercise,
    Row,
    Wrong,
)
from glassworks.tasks.forecasting import pinball

_normal = partial(normal, "forecasting")


# ---- windows

CUT_START = """\
import torch

def training_windows(values, history, horizon, until):
    # values (length,): the whole series; steps before `until` train
    # return seen (windows, history), following (windows, horizon),
    # both minus a mean, by a standard deviation: std(correction=0)
    # your lines
"""
CUT_SOLUTION = """\
import torch

def training_windows(values, history, horizon, until):
    known = values[:until]
    scaled = (known - known.mean()) / known.std(correction=0)
    origins = range(history, until - horizon + 1)
    seen = torch.stack([scaled[at - history : at] for at in origins])
    following = torch.stack([scaled[at : at + horizon] for at in origins])
    return seen, following
"""


def _cut(values: Tensor, history: int, horizon: int, last: int, first: int = 0) -> tuple[Tensor, Tensor]:
    """Windows whose origins go up to `last`."""
    origins = range(history + first, last + 1)
    return (
        torch.stack([values[at - history : at] for at in origins]),
        torch.stack([values[at : at + horizon] for at in origins]),
    )


def _scaled(values: Tensor, by: Tensor) -> Tensor:
    return (values - by.mean()) / by.std(correction=0)


def check_cut(training_windows: Callable) -> list[Row]:
    """Two series: the windows, and that nothing behind the cut has a say in them."""
    rows = []
    for name, length, history, horizon, until in (
        ("48 steps, 12 ahead", 48, 8, 12, 30),
        ("20 steps, one ahead", 20, 5, 1, 14),
    ):
        values = _normal((length,), name).cumsum(0) + 10
        known = values[:until]
        wanted = _cut(_scaled(known, known), history, horizon, until - horizon)
        got = training_windows(values.clone(), history, horizon, until)
        if not (isinstance(got, tuple) and len(got) == 2):
            told = "Two tensors come back, as a pair: what is seen, and what follows."
            return [Row(f"{name}: what is seen", False, told)]
        wrong = [
            (_cut(_scaled(values, values), history, horizon, until - horizon),
             "Mean and standard deviation come from the whole series: the steps that judge had a say in "
             "them."),
            (_cut(_scaled(values, known), history, horizon, until),
             "The last windows reach behind the cut: their future belongs to the part that judges. The last "
             "origin is `until - horizon`."),
            (_cut(_scaled(values, known), history, horizon, length - horizon),
             "Those are the windows of the whole series; the ones behind the cut judge."),
            (_cut(known, history, horizon, until - horizon), "The windows are right, and not scaled yet."),
            (_cut(_scaled(known, known), history, horizon, until - horizon - 1),
             "The last window is missing: its future ends with step `until - 1`. A range leaves out its "
             "end."),
            (_cut(_scaled(known, known), history, horizon, until - horizon, 1),
             "The first window is missing: the origin `history` has all its steps seen."),
            (_cut((known - known.mean()) / known.std(), history, horizon, until - horizon),
             "Almost: torch's `std` divides by the count minus 1. Ask for `std(correction=0)`."),
        ]  # fmt: skip
        for place, what in enumerate(("what is seen", "what follows")):
            usual = [(pair[place], reason) for pair, reason in wrong]
            rows.append(same(f"{name}: {what}", got[place], wanted[place], usual=usual))
        rows.append(_blind(name, training_windows, values, history, horizon, until))
    values = _normal((30,), "unchanged")
    rows.append(unchanged("the series stays", lambda one: training_windows(one, 4, 3, 20), values))
    return rows


def _blind(name: str, cut: Callable, values: Tensor, history: int, horizon: int, until: int) -> Row:
    """Another future must give the same training windows."""
    other = values.clone()
    other[until:] += 100
    one, two = cut(values.clone(), history, horizon, until), cut(other, history, horizon, until)
    row = f"{name}: another future changes nothing"
    if all(a.shape == b.shape and torch.equal(a, b) for a, b in zip(one, two, strict=True)):
        return Row(row, True, "The training windows know nothing of what comes after the cut.")
    return Row(
        row, False, "When the steps after the cut change, the training windows change: there is a leak."
    )


CUT = CodeExercise(
    id="forecasting_honestly.cut",
    question=(
        "Cut the training windows of a series: at each origin the `history` steps before it, and the "
        "`horizon` steps from it on. A window belongs to the training part only if all of it lies before "
        "step `until`. Scale seen and following steps alike, by what may be used for it. Nothing of the "
        "future may come in."
    ),
    start=CUT_START,
    name="training_windows",
    check=check_cut,
    solution=CUT_SOLUTION,
    wrong=(
        Wrong(CUT_SOLUTION.replace("scaled = (known - known.mean()) / known.std(correction=0)",
              "scaled = (values - values.mean()) / values.std(correction=0)"),
              "48 steps, 12 ahead: what is seen"),
        Wrong(CUT_SOLUTION.replace("scaled = (known", "scaled = (values").replace(
              "until - horizon + 1", "until + 1"), "48 steps, 12 ahead: what follows"),
        Wrong(CUT_SOLUTION.replace("until - horizon + 1", "until - horizon"),
              "20 steps, one ahead: what is seen"),
        Wrong(CUT_SOLUTION.replace("(known - known.mean()) / known.std(correction=0)", "known"),
              "48 steps, 12 ahead: what is seen"),
        Wrong(CUT_SOLUTION.replace("    scaled =", "    known = values\n    scaled ="),
              "48 steps, 12 ahead: another future changes nothing"),
    ),
    hints=(
        "Keep the steps before `until` first, and do everything else with those alone.",
        "The last origin has `horizon` steps from it to the cut: `range(history, until - horizon + 1)`.",
    ),
    why=(
        "A window has two ends that can leak: its future may cross the cut, and its scale may come from "
        "steps that nobody had. Whoever first cuts the series, and only then measures and slides, avoids "
        "both. The last row of the check is a test for any such code: change the future, and nothing of the "
        "training part may move."
    ),
    further=(
        "The workbench keeps the windows that reach over the end of the training part by up to half of "
        "their horizon, and leaves their unknown targets out of the loss. What does that gain on a short "
        "series?"
    ),
    minutes=8,
)  # fmt: skip

# ---- shuffling


def _shuffled() -> str:
    from glassworks.reader.figures.shuffled_windows import drawn  # not in the child that checks code

    return drawn()


SHUFFLE = PredictExercise(
    id="forecasting_honestly.shuffle",
    question=(
        "A random walk: each step is the one before plus a number that nothing foretells. Its windows are "
        "shuffled, three quarters of them train. The model looks up the most similar training window and "
        "says what followed there. Its error by that of repeating the last value?"
    ),
    choices=(
        Choice(
            "About three quarters: it seems to forecast what cannot be forecast.",
            True,
            "Yes. 93 % of the test windows have a training window that begins one step earlier or later, and "
            "most of their future is in it.",
        ),
        Choice(
            "About 1: on a random walk nothing is better than the last value.",
            False,
            "That is true of a forecast. Here the future of a test window stands in a training window that "
            "began one step away.",
        ),
        Choice(
            "Far above 1: similar windows of a random walk go on in quite different ways.",
            False,
            "So it is when the walk is cut along time. Shuffled, the most similar window is the neighbour "
            "in time, which goes on in the same way.",
        ),
    ),
    reveal=_shuffled,
    hints=(
        "Two windows that begin one step apart: how many steps do they share?",
        "12 steps seen and 24 ahead: windows one step apart have 35 of 36 steps in common.",
    ),
    why=(
        "A shuffled split asks: can you fill a gap in a past that you know on both sides? A forecast asks "
        "for what comes after everything you know. The second question is the one you will be asked."
    ),
    further="Leave out the windows next to a test window. How wide must the gap be until the ratio is 1?",
    minutes=4,
)

# ---- scales

SCALE = ChoiceExercise(
    id="forecasting_honestly.scale",
    question=(
        "Sales from 2019 to 2024. The years to 2022 train, 2023 chooses, 2024 judges. By which mean and "
        "standard deviation may the windows of 2024 be scaled?"
    ),
    choices=(
        Choice(
            "By those of 2019 to 2022, the same as in training.",
            True,
            "Yes. They were known before anything was judged, and the model has learned in that scale. What "
            "a window has seen itself would be allowed as well: it is the past at its origin.",
        ),
        Choice(
            "By those of 2019 to 2024: scaling is no learning, so it may use everything.",
            False,
            "Mean and spread of 2024 are facts about 2024. In the lab below this leak did not pay, elsewhere "
            "it may; a figure that may hold a leak has to be explained at every reading.",
        ),
        Choice(
            "By those of 2024, because the level has changed since.",
            False,
            "At the first origin of 2024 nobody knows its mean. And the model would read other values in "
            "another scale than it has learned.",
        ),
        Choice(
            "By those of each window together with the year that follows it, so that both are in one scale.",
            False,
            "Then the scale tells where the future lies. In the lab such a network beats the last value on a "
            "random walk, which nothing honest does.",
        ),
    ),
    hints=(
        "Stand at an origin in 2024. Which numbers do you have?",
        "What was measured on the training part is known at every later origin.",
    ),
    why=(
        "Whatever is computed from data belongs to the training: means, spreads, the season, the words of a "
        "vocabulary, the filling of holes. It is computed on the training part, kept, and applied everywhere."
    ),
    further="A hole in March is filled with a line from February to April. Where is the leak, and at which "
    "origins?",
    minutes=3,
)

# ---- MASE

MASE = NumberExercise(
    id="forecasting_honestly.mase",
    question=(
        "Seven prices train: 150.0, 151.2, 152.1, 149.8, 150.5, 153.0, 155.1. The next two are 156.3 and "
        "154.0. The forecast for both is the last value, 155.1. There is no season. What is its MASE, to "
        "three decimals?"
    ),
    target=0.711,
    tolerance=0.002,
    mistakes=(
        Mistake(1.15, "That is the mean absolute error, in units of the price. Divide it by the unit of "
        "MASE."),
        Mistake(1.617, "That is the unit: the mean absolute change in the training part. The error is "
        "divided by it."),
        Mistake(0.657, "There the unit came from the two days that judge. It is measured on the training "
        "part alone."),
        Mistake(0.606, "There the error was divided by the standard deviation. The unit is a mean absolute "
        "change."),
        Mistake(1.423, "There the errors were added. It is their mean that is divided."),
        Mistake(0.83, "Seven prices have six changes."),
        Mistake(1.406, "That is the unit by the error: turned over."),
        Mistake(0.773, "The second error is 1.1: the forecast is still 155.1, not the price of the day "
        "before."),
    ),
    hints=(
        "The mean absolute error over the two days, and the mean absolute change from day to day in the "
        "training part.",
        "Errors 1.2 and 1.1. Changes 1.2, 0.9, 2.3, 0.7, 2.5, 2.1.",
    ),
    why=(
        "1.15 / 1.6167 = 0.711. A MASE below 1 does not say that a forecast is better than the last value: "
        "this one *is* the last value. It says that these two days were calmer than the training part. "
        "Compare it with the baselines at the same origins, not with 1."
    ),
    further="With a season of a year the unit is the mean absolute change over a year. Why not from day to "
    "day?",
    solution="((1.2 + 1.1) / 2) / ((1.2 + 0.9 + 2.3 + 0.7 + 2.5 + 2.1) / 6) = 1.15 / 1.6167 = 0.711.",
    minutes=4,
)  # fmt: skip

# ---- a random walk


def _late() -> str:
    from glassworks.reader.figures.looks_good import LooksGood  # not in the child that checks code

    return LooksGood().drawn


WALK = PredictExercise(
    id="forecasting_honestly.walk",
    question=(
        "A random walk of 1,000 steps, and the last value as the forecast of the next. R2 is the share of "
        "the spread of the levels that a forecast explains: 1 is perfect, 0 as good as their mean. What is "
        "it?"
    ),
    choices=(
        Choice(
            "Close to 1, though the forecast says nothing about the next movement.",
            True,
            "Yes. The walk wanders far, its single steps are small beside that, and so is the error. R2 "
            "compares with the mean of all levels, which nobody would use as a forecast.",
        ),
        Choice(
            "About 0: nothing about the next step can be known.",
            False,
            "Nothing about the next *movement*. Its R2 is 0. But the next level is near the last one.",
        ),
        Choice(
            "About 0.5: up and down are equally likely.",
            False,
            "That is the share of directions that one would guess rightly. R2 looks at how far the forecast "
            "lies from the level.",
        ),
    ),
    reveal=_late,
    hints=(
        "How large is one step beside the distance between the walk's highest and lowest level?",
        "R2 = 1 - (sum of squared errors) / (sum of squared distances from the mean of the levels).",
    ),
    why=(
        "An R2 of levels is easy wherever levels wander. Ask for the R2 of changes, or for the error by that "
        "of the last value: both say at once that nothing was foretold."
    ),
    further="Look at the picture: what does the forecast do one step after each turn?",
    minutes=4,
)

# ---- many steps ahead

AHEAD = ChoiceExercise(
    id="forecasting_honestly.ahead",
    question=(
        "Carbon dioxide, 6 months seen. Twelve months ahead the recursive forecast errs by 2.97, the direct "
        "one by 0.75, though both are linear maps of the same six numbers and one month ahead they are one "
        "and the same. Why?"
    ),
    choices=(
        Choice(
            "The recursive one reads its own words as if they were measured, and what one step misses enters "
            "all that follow.",
            True,
            "Yes. Its map was fitted for one step only. Small faults of it, harmless there, are repeated "
            "twelve times. The direct map for twelve months was fitted for twelve months.",
        ),
        Choice(
            "The direct one has more months to look at.",
            False,
            "Both see the same six months. The recursive one soon sees only numbers that it has said itself.",
        ),
        Choice(
            "The direct one is trained on the future, so it leaks.",
            False,
            "Its targets are twelve months after the origin, in the training part. At an origin of the last "
            "part it sees six known months and no more.",
        ),
        Choice(
            "Recursive forecasts are always worse.",
            False,
            "Move the figure to 24 months seen: there the recursive error at 12 months is 0.72, the direct "
            "one 0.77.",
        ),
    ),
    hints=(
        "After six steps, what does the recursive map read?",
        "For which distance was each of the two maps fitted?",
    ),
    why=(
        "Recursive: one map, any distance, but it is asked what it was not fitted for. Direct: fitted for "
        "each distance, but a map for each, and neighbouring steps need not agree. The forecaster of the "
        "workbench is direct: its head says all steps at once."
    ),
    further="Which of the two can still forecast when you want 30 steps instead of 24?",
    minutes=3,
)

# ---- quantiles

QUANTILE_START = """\
import torch

def quantile_cost(said, truth, shares):
    # said (rows, quantiles), truth (rows,), shares (quantiles,)
    # a unit too little costs the share, too much 1 minus the share
    # return the mean over all
    # your lines
"""
QUANTILE_SOLUTION = """\
import torch

def quantile_cost(said, truth, shares):
    missing = truth[:, None] - said
    return torch.maximum(shares * missing, (shares - 1) * missing).mean()
"""


def check_quantile(quantile_cost: Callable) -> list[Row]:
    """Against the loss that the workbench trains with."""
    rows = []
    for name, shares in (
        ("the middle alone", (0.5,)),
        ("nine of ten", (0.9,)),
        ("an interval with its middle", (0.1, 0.5, 0.9)),
    ):
        count, share = len(shares), torch.tensor(shares)
        said, truth = _normal((7, count), name, "said"), _normal((7,), name, "truth") * 2
        wanted = pinball(said[:, None, None], truth[:, None, None], shares)
        over = truth[:, None] - said
        usual = [
            (torch.maximum(share * -over, (share - 1) * -over).mean(),
             "Too much and too little are exchanged: `said - truth` was taken for what is missing."),
            (torch.maximum(share * over, (share - 1) * over).sum(), "Those are the costs, added. The mean "
            "is asked."),
            (torch.maximum(share * over, (share - 1) * over).sum(1).mean(), "Summed over the quantiles; the "
             "mean over all is asked."),
            (over.abs().mean(), "That is the mean absolute error: it costs the same on both sides."),
            (torch.maximum(share * over, (1 - share) * over).mean(),
             "`(1 - share) * missing` is negative where too much was said. Its sign must turn: `(share - "
             "1)`."),
            (torch.minimum(share * over, (share - 1) * over).mean(), "The smaller of the two is the cost "
            "with "
             "the wrong sign: take the larger."),
            ((share * over).mean(), "Too much costs as well: a negative part of the mean is left in."),
        ]  # fmt: skip
        rows.append(
            same(name, quantile_cost(said.clone(), truth.clone(), share.clone()), wanted, usual=usual)
        )
    return rows


QUANTILE = CodeExercise(
    id="forecasting_honestly.quantile_cost",
    question=(
        "Write the quantile loss. For a share of 0.9, a unit too little costs 0.9 and a unit too much 0.1. "
        "Several quantiles are said for each row; the mean over rows and quantiles comes back."
    ),
    start=QUANTILE_START,
    name="quantile_cost",
    check=check_quantile,
    solution=QUANTILE_SOLUTION,
    wrong=(
        Wrong(QUANTILE_SOLUTION.replace("truth[:, None] - said", "said - truth[:, None]"), "nine of ten"),
        Wrong(QUANTILE_SOLUTION.replace(".mean()", ".sum()"), "an interval with its middle"),
        Wrong(QUANTILE_SOLUTION.replace("(shares - 1)", "(1 - shares)"), "nine of ten"),
        Wrong(QUANTILE_SOLUTION.replace("torch.maximum", "torch.minimum"), "the middle alone"),
        Wrong(QUANTILE_SOLUTION.replace("torch.maximum(shares * missing, (shares - 1) * missing)",
              "missing.abs()"), "the middle alone"),
    ),
    hints=(
        "Give the truth a second axis, so that it stands beside each quantile: `truth[:, None]`.",
        "With missing = truth - said, too little makes it positive. One formula for both sides: "
        "`torch.maximum(shares * missing, (shares - 1) * missing)`.",
    ),
    why=(
        "Nobody tells the network what a quantile is. It is told what mistakes cost, and the cheapest answer "
        "is the quantile. For the share 0.5 the loss is half the absolute error, and the cheapest answer the "
        "median."
    ),
    further="In the workbench's loss a truth may be missing. How would you leave it out of the mean?",
    minutes=6,
)  # fmt: skip

# ---- intervals

INTERVAL = ChoiceExercise(
    id="forecasting_honestly.interval",
    question=(
        "A forecaster promises that 80 % of the truths lie in its interval. On orders of equipment, 257 "
        "months, 65 % of them did. What is the most likely reason?"
    ),
    choices=(
        Choice(
            "The interval was learned and adjusted on little that is independent: the validation part holds "
            "one or two horizons.",
            True,
            "Yes. Windows of neighbouring origins share most of their future. 20 origins in two horizons are "
            "closer to two observations than to twenty.",
        ),
        Choice(
            "The quantile loss is only right on average, so 65 % is as good as 80 %.",
            False,
            "80 % is what was promised. Whoever plans with the interval is caught out more often than "
            "agreed.",
        ),
        Choice(
            "The interval must be stretched until it holds 80 % of the test part.",
            False,
            "Then the test part has trained the interval, and no part is left that could judge it.",
        ),
        Choice(
            "Nothing is wrong: an interval of 80 % holds 64 %, because 0.8 times 0.8 is 0.64.",
            False,
            "There is no such rule; 0.65 is what was counted. An honest 80 % interval holds about 80 % of "
            "the truths.",
        ),
    ),
    hints=(
        "How many months ahead does each forecast go, and how many months has the validation part?",
        "Two forecasts from neighbouring origins: how many of their truths are the same?",
    ),
    why=(
        "On short series intervals are as a rule too narrow, ours too: what did not happen in the few "
        "horizons that were seen is not in them. The report shows the coverage beside the promise, and says "
        "when there are too few horizons."
    ),
    further="On sunspots the same intervals held all truths. Is an interval that holds everything a good "
    "one?",
    minutes=3,
)

EXERCISES = (CUT, SHUFFLE, SCALE, MASE, WALK, AHEAD, QUANTILE, INTERVAL)
