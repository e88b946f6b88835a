"""How series go on after their last row: as answers, and as a table with a column a quantile."""

import csv
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from glassworks.api.families.forecasting import FAMILY, _named
from glassworks.api.forecast import PreparedSeries, continued, time_words
from glassworks.api.forecast_judge import alike
from glassworks.core.errors import PersonError
from glassworks.core.files import write_text
from glassworks.core.series_rows import SeriesTable
from glassworks.data.times import step_of
from glassworks.data.windows import whole
from glassworks.recipes.base import SeriesPart

if TYPE_CHECKING:
    from glassworks.api.requests import PredictRequest
    from glassworks.api.run import Run


def predict_series(run: "Run", request: "PredictRequest") -> list[dict]:
    """One dict a step ahead, series and channel: {"file", "series", "time", "channel", "median", "low",
    "high", "answer"}, and {"file", "error"} for a table that cannot be read.

    Without inputs the run's own series go on, with the rows that have been added to them since.
    """
    rows: list[dict] = []
    for where in request.inputs or (run.recipe.data.where,):
        try:
            rows += _continued(run, FAMILY.open_data(_named(run, where, request)))
        except PersonError as error:
            if not request.inputs:
                raise
            rows.append({"file": where} | error.as_json())
    if request.out:
        write_text(request.out, as_csv(rows))
    return [{key: value for key, value in row.items() if key != "quantiles"} for row in rows]


def as_prepared(run: "Run", table: SeriesTable) -> "PreparedSeries":
    """A table as the run's model sees it; nothing is cut. Raises PersonError for other channels or steps."""
    complete, _ = whole(alike(run, table))
    how = run.recipe.input
    assert isinstance(how, SeriesPart)
    least = max(2, how.period)
    short = min(len(values) for values in complete.values)
    if short < least:
        raise PersonError(
            "too-few-steps", expected=f"at least {least} steps in {table.where}", got=str(short),
            fix="bring more of its past",
        )  # fmt: skip
    return PreparedSeries(_Uncut(complete), how, run.task, run.recipe.model)  # type: ignore[arg-type]


class _Uncut:
    """Series of which nothing is held back: all that a continuation needs of `data.windows.Windows`."""

    def __init__(self, table: SeriesTable):
        self.table = table


def _continued(run: "Run", table: SeriesTable) -> list[dict]:
    own = as_prepared(run, table)
    said = continued(run.model, own, run.runtime)
    quantiles = run.task.quantiles
    table, rows = own.table, []
    for number, name in enumerate(own.table.names):
        times = times_after(own.table, number, own.how.horizon)
        for step, time in enumerate(times):
            for channel in own.table.wanted:
                rows.append(_answer(table, name, time, channel, said[number, step, channel], quantiles))
    return rows


def _answer(
    table: SeriesTable, name: str, time: str, channel: int, said: np.ndarray, quantiles: tuple[float, ...]
) -> dict[str, Any]:
    middle = float(said[quantiles.index(0.5)])
    low, high = float(said[0]), float(said[-1])
    what = f"{name}, {table.channels[channel]}" if len(table.wanted) > 1 else name
    interval = f" ({low:.5g} to {high:.5g})" if len(quantiles) > 1 else ""
    row = {
        "file": table.where, "series": name, "time": time, "channel": table.channels[channel],
        "median": middle, "answer": f"{what} {time}: {middle:.5g}{interval}",
        "quantiles": dict(zip(quantiles, map(float, said), strict=True)),
    }  # fmt: skip
    return row | ({"low": low, "high": high} if len(quantiles) > 1 else {})


def times_after(table: SeriesTable, number: int, count: int) -> list[str]:
    """The times of the next steps of a series in words; "+1" and so on where its times say nothing."""
    times = None if table.times is None else table.times[number]
    step = None if times is None else step_of(times)
    if step is None or times is None:
        return [f"+{ahead}" for ahead in range(1, count + 1)]
    return [time_words(time) for time in step.after(times[-1], count)]


def as_csv(rows: list[dict]) -> str:
    """series, time, channel, a column a quantile (q10 … q90), error."""
    quantiles = next((list(row["quantiles"]) for row in rows if "quantiles" in row), [0.5])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "series", "time", "channel", *(f"q{100 * q:g}" for q in quantiles), "error"])
    for row in rows:
        if "error" in row:
            writer.writerow([row["file"], "", "", "", *("" for _ in quantiles), row["error"]["got"]])
            continue
        said = (f"{value:.8g}" for value in row["quantiles"].values())
        writer.writerow([row["file"], row["series"], row["time"], row["channel"], *said, ""])
    return text.getvalue()
