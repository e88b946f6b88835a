"""A real series as trend, season and rest, or as differences.

Carbon dioxide climbs and swings. The trend is the mean over one period around each month, the season what is
left at the same place of every period, the rest what neither explains. Differences over a season take out
both at once, without a model. With a wrong period the season stays in the rest.
The first thing to change: the period.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from glassworks.core.charts import Points
from glassworks.insight.forecast import components
from glassworks.labs.small_series import co2
from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Choose, Figure, Slider

VIEWS = {"trend, season and rest": "parts", "differences": "differences"}


def spreads(period: int) -> dict[str, float]:
    """Standard deviations of the series, of its differences, and of its rest."""
    values = co2()
    return {
        "the series": float(values.std()),
        "differences from month to month": float(np.diff(values).std()),
        f"differences over {period} months": float((values[period:] - values[:-period]).std()),
        "the rest after trend and season": float(np.nanstd(components(values, period).rest)),
    }


def _points(values: np.ndarray, first: int = 0) -> list[tuple[float, float]]:
    return [(float(at), float(v)) for at, v in enumerate(values, first) if np.isfinite(v)]


def _small(
    curves: Mapping[str, Points], across: str, *, y: tuple[float, float] | None = None, pens: str = "a"
) -> str:
    """A small chart; pens: a letter of the colours for each curve."""
    named = dict(zip(curves, pens, strict=True))
    return line_chart(curves, across=across, y=y, pens=named, width=330, height=170)


class TakenApart(Figure):
    title = "A series, taken apart"
    says = (
        "Carbon dioxide is almost all trend and season: the rest varies by a few tenths of a part per "
        "million. Differences over twelve months take out both; with a wrong period the season stays."
    )
    controls = (
        Choose("view", "taken apart into", VIEWS),
        Slider("period", "months of a season", 6, 18, step=1, value=12),
    )

    def draw(self, view: str, period: int, **_: Any) -> str:
        values, period = co2(), int(period)
        if view == "parts":
            found = components(values, period)
            charts = [
                _small({"series": _points(values), "trend": _points(found.trend)}, "month", pens="fa"),
                _small({"season": _points(found.season[:48])}, "month, the first 48", y=(-4, 4)),
                _small({"rest": _points(found.rest)}, "month", y=(-4, 4), pens="d"),
            ]
        else:
            seasons = values[period:] - values[:-period]
            charts = [
                _small({"from month to month": _points(np.diff(values), 1)}, "month"),
                _small({f"over {period} months": _points(seasons, period)}, "month"),
            ]
        rows = [[name, f"{value:.2f}"] for name, value in spreads(period).items()]
        return columns(*charts, table(["standard deviation", "ppm"], rows)) + note(
            "The trend at a month is the mean of the months around it, later ones too: good to look at, no "
            "forecast. ppm: parts per million."
        )
