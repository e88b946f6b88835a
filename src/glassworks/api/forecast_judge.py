"""Back-tests of a forecaster: the model and the baselines at every origin of a part, figures and drawings."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from glassworks.api.forecast import PreparedSeries, continued, forecasts, time_words
from glassworks.core.errors import PersonError
from glassworks.core.series_rows import SeriesTable
from glassworks.data.times import step_of
from glassworks.data.windows import Cut, whole, windows_of
from glassworks.judging.forecast_drawing import (
    Drawn,
    chosen_rows,
    coverage_chart,
    forecast_chart,
    grid,
    steps_chart,
)
from glassworks.judging.forecasting import (
    BASELINES,
    OF_SEASONS,
    SEASONAL,
    BackTest,
    judge_forecasts,
    scale_of,
    with_spread,
)
from glassworks.judging.judgement import Judgement
from glassworks.judging.report import Section
from glassworks.training.runtime import Runtime

if TYPE_CHECKING:
    from glassworks.api.run import Run

MOST_PAST = 400  # training origins whose errors make a baseline's intervals
MOST_DRAWN = 6  # series and channels whose continuation a report draws


@dataclass(frozen=True)
class Judged:
    """What a part's judgement is made of, for the report. rows: of `own`."""

    judgement: Judgement
    test: BackTest
    own: PreparedSeries
    rows: np.ndarray


def judged_part(
    model: nn.Module,
    own: PreparedSeries,
    rows: np.ndarray,
    runtime: Runtime,
    *,
    past: PreparedSeries | None = None,
) -> Judged:
    """The judgement of some windows. past: whose training windows make the baselines' intervals."""
    windows, past = own.windows, past or own
    scales = _scales(own, rows)
    some = past.windows.train
    some = some[np.linspace(0, len(some) - 1, min(MOST_PAST, len(some))).round().astype(int)]
    truth, units = past.windows.following(some, until="train"), _scales(past, some)
    baselines = {}
    for name in (n for n in BASELINES if own.how.period or n not in OF_SEASONS):
        errors = (truth - _baseline(name, past, some)) / units[:, None]
        baselines[name] = with_spread(_baseline(name, own, rows), scales, errors, own.task.quantiles)
    test = BackTest(
        truth=windows.following(rows),
        said=forecasts(model, own, rows, runtime),
        baselines=baselines,
        quantiles=own.task.quantiles,
        scales=scales,
        moments=windows.moments[rows],
        names=[own.names[int(row)] for row in rows],
    )
    return Judged(judge_forecasts(test), test, own, rows)


def _baseline(name: str, own: PreparedSeries, rows: np.ndarray) -> np.ndarray:
    """A point forecast from all steps before each origin, (rows, horizon, wanted)."""
    windows, wanted = own.windows, list(own.table.wanted)
    made = [
        BASELINES[name](
            own.table.values[windows.series[row]][: windows.origins[row], wanted],
            own.how.horizon,
            own.how.period,
        )
        for row in rows
    ]
    return np.stack(made) if made else np.empty((0, own.how.horizon, len(wanted)))


def _scales(own: PreparedSeries, rows: np.ndarray) -> np.ndarray:
    """MASE's unit of each row's series, (rows, wanted), from its training part, or what comes before."""
    found, wanted = [], list(own.table.wanted)
    for values, cut in zip(own.table.values, own.windows.cuts, strict=True):
        known = values[: cut.train] if cut.train > 2 else values[: max(3, cut.val)]
        found.append(scale_of(known[:, wanted], own.how.period))
    return np.stack(found)[own.windows.series[rows]]


# ---- other data than the run's own


def other_windows(run: "Run", own: PreparedSeries, table: SeriesTable) -> PreparedSeries:
    """All windows of other data whose future the run never saw: after its validation part, if times tell.

    Raises PersonError where the channels differ, or nothing is left to judge.
    """
    table = alike(run, table)
    complete, how = whole(table)[0], own.how
    fewest, ends = min(how.history, 2 * how.period or how.history), []
    for number, name in enumerate(complete.names):
        length = len(complete.values[number])
        start = fewest
        if name in own.table.names and complete.times is not None and own.table.times is not None:
            mine = own.table.names.index(name)
            until = own.table.times[mine][own.windows.cuts[mine].val - 1]
            if until.dtype == complete.times[number].dtype:
                start = max(fewest, int(np.searchsorted(complete.times[number], until, side="right")))
        ends.append(Cut(0, min(start, length), length))
    windows = windows_of(table, how.history, how.horizon, fewest, val=0.0, test=0.0, ends=ends)
    if not len(windows.test):
        raise PersonError(
            "too-few-steps", got=f"none in {table.where}",
            expected=f"{how.horizon} steps or more, after {fewest} others and what the run learned from",
            fix="bring more rows; predict needs no truth to compare with",
        )  # fmt: skip
    return PreparedSeries(windows, how, own.task, own.model)


def alike(run: "Run", table: SeriesTable) -> SeriesTable:
    """Other data in the run's channels and their order. Raises PersonError("other-data") where it lacks one,
    or goes at another step."""
    facts, step = run.card["series"], step_words(table)
    missing = [name for name in facts["channels"] if name not in table.channels]
    if missing:
        raise PersonError(
            "other-data", expected=f"the columns {', '.join(facts['channels'])}",
            got=f"{table.where}: {', '.join(table.channels)}", fix="name the columns as in the run's data",
        )  # fmt: skip
    if "" not in (step, facts["step"]) and step != facts["step"]:
        raise PersonError(
            "other-data", expected=f"series in {facts['step']}, as the run learned them",
            got=f"{table.where} in {step}",
            fix="bring the rows to that step first, or train a run on this data",
        )  # fmt: skip
    places = [table.channels.index(name) for name in facts["channels"]]
    return replace(
        table, values=[values[:, places] for values in table.values], channels=tuple(facts["channels"]),
        wanted=tuple(range(facts["wanted"])),
    )  # fmt: skip


def step_words(table: SeriesTable) -> str:
    """The step of a table's first series in words, "" where no time is known."""
    step = None if table.times is None else step_of(table.times[0])
    return step.in_words if step and step.unit != "numbers" else ""


def series_facts(own: PreparedSeries) -> dict[str, Any]:
    """What the card keeps of the series."""
    table = own.table
    return {
        "channels": list(table.channels), "wanted": len(table.wanted), "step": step_words(table),
        "names": list(table.names[:50]), "filled": list(own.windows.notes[:20]),
    }  # fmt: skip


# ---- what the report shows


def sections_of(model: nn.Module, found: Judged, runtime: Runtime) -> list[Section]:
    """Drawn forecasts, the error by steps ahead, the intervals, and how the series goes on."""
    test, own, charts = found.test, found.own, []
    middle = test.quantiles.index(0.5)
    for row in chosen_rows(test):
        window = int(found.rows[row])
        channel = row % len(own.table.wanted)
        drawn = Drawn(
            title=test.names[row],
            seen=own.windows.seen(window)[:, channel],
            said=test.said[row, :, channel],
            quantiles=test.quantiles,
            truth=test.truth[row, :, channel],
            simple=test.baselines[SEASONAL][row, :, channel, middle] if own.how.period else None,
        )
        charts.append((forecast_chart(drawn), f"{drawn.title}, {own.table.channels[channel]}"))
    band = interval_words(test.quantiles)
    sections: list[Section] = [
        ("Forecasts and what came", f"From some origins of this part. Shaded: {band}.", grid(charts)),
    ]
    words = (
        "The error by steps ahead, in units of MASE: 1 is what the last season makes on the training part. "
        "Baselines far above the others are left out."
    )
    ahead = [(steps_chart(test), words)]
    if len(test.quantiles) > 1:
        words = (
            "Of all truths the share that lies below each quantile. Above the line: the truth was lower than "
            "promised; a flat curve: the intervals are too narrow."
        )
        ahead.append((coverage_chart(test), words))
    sections.append(
        (
            "How far ahead, and how sure",
            "Errors grow with the steps ahead, and intervals must too.",
            grid(ahead),
        )
    )
    sections.append(
        ("How it goes on", f"After the last row of the data, whose truth nobody knows yet. Shaded: {band}.",
         grid(continuation_charts(model, own, runtime)))
    )  # fmt: skip
    return sections


def interval_words(quantiles: tuple[float, ...]) -> str:
    if len(quantiles) < 2:
        return "nothing, this model says one number"
    return f"where {quantiles[-1] - quantiles[0]:.0%} of the truths should lie"


def continuation_charts(model: nn.Module, own: PreparedSeries, runtime: Runtime) -> list[tuple[str, str]]:
    """(SVG, caption) of what comes after the last row, for some series and channels."""
    said, charts = continued(model, own, runtime), []
    for number, name in enumerate(own.table.names):
        for channel in own.table.wanted:
            seen = own.table.values[number][-own.how.history :, channel]
            drawn = Drawn(name, seen, said[number, :, channel], own.task.quantiles)
            last = "" if own.table.times is None else f" after {time_words(own.table.times[number][-1])}"
            charts.append((forecast_chart(drawn), f"{name}, {own.table.channels[channel]}{last}"))
    return charts[:MOST_DRAWN]
