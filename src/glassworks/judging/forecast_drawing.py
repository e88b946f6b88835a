"""Forecasts drawn: what was seen, what came, what was said, and between which ends.

The first thing to change: `SHOWN`, how much of the past stands beside a forecast.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glassworks.core.charts import line_chart
from glassworks.judging.forecasting import SEASONAL, BackTest, errors_by_step

SHOWN = 2.0  # horizons of the past that are drawn
ORIGINS = 4  # forecasts that a report draws
FAR = 6.0  # a baseline with so many times the least error is not drawn: it would flatten the others
WIDTH, HEIGHT = 460, 220


@dataclass(frozen=True)
class Drawn:
    """One forecast of one channel. seen (time,), said (horizon, quantiles); truth, simple: (horizon,)."""

    title: str
    seen: np.ndarray
    said: np.ndarray
    quantiles: tuple[float, ...]
    truth: np.ndarray | None = None
    simple: np.ndarray | None = None


def forecast_chart(one: Drawn, *, unit: str = "", width: int = WIDTH) -> str:
    """A forecast as SVG: step 0 is the last one seen."""
    horizon = len(one.said)
    past = one.seen[-max(4, round(SHOWN * horizon)) :]
    now, ahead = float(past[-1]), np.arange(1, horizon + 1)
    middle = one.said[:, one.quantiles.index(0.5)]
    came = [] if one.truth is None else _points(ahead, one.truth, now)[1:]
    before = [(float(step - len(past) + 1), float(value)) for step, value in enumerate(past)]
    curves: dict[str, list[tuple[float, float]]] = {"what came": before + came} if came else {"seen": before}
    if one.simple is not None:
        curves[SEASONAL] = _points(ahead, one.simple, now)
    curves["forecast"] = _points(ahead, middle, now)
    band = [(float(x), float(row[0]), float(row[-1])) for x, row in zip(ahead, one.said, strict=True)]
    band = [(0.0, now, now), *band] if len(one.quantiles) > 1 else []
    return line_chart(
        curves, across="steps from the last one seen", up=unit, band=band, marks=[(0.0, "")],
        pens={"what came": "e", "seen": "e", SEASONAL: "b", "forecast": "a"}, width=width, height=HEIGHT,
    )  # fmt: skip


def grid(charts: Sequence[tuple[str, str]]) -> str:
    """(SVG, caption) side by side, below each other on a phone."""
    cells = (
        f'<figure style="max-width:none">{svg}<figcaption>{html.escape(caption)}</figcaption></figure>'
        for svg, caption in charts
    )
    columns = "repeat(auto-fit,minmax(min(100%,420px),1fr))"
    return f'<div style="display:grid;gap:1rem 1.4rem;grid-template-columns:{columns}">{"".join(cells)}</div>'


def chosen_rows(test: BackTest, most: int = ORIGINS) -> list[int]:
    """Rows from the first origin to the last, as far apart as they can be."""
    return sorted(
        set(np.linspace(0, len(test.truth) - 1, min(most, len(test.truth))).round().astype(int).tolist())
    )


def steps_chart(test: BackTest) -> str:
    """The scaled error by steps ahead, of the model and of each baseline."""
    found = errors_by_step(test)
    least = min(float(np.nanmean(errors)) for errors in found.values())
    curves = {
        name or "this model": [(step, float(value)) for step, value in enumerate(errors, start=1)]
        for name, errors in found.items()
        if not name or np.nanmean(errors) <= FAR * least
    }
    return line_chart(curves, across="steps ahead", up="MASE", width=WIDTH, height=HEIGHT)


def coverage_chart(test: BackTest) -> str:
    """The share of truths below each quantile, beside the share that was promised."""
    known = np.isfinite(test.truth)
    below = [
        (float(q), float((test.truth < test.said[..., n])[known].mean()))
        for n, q in enumerate(test.quantiles)
    ]
    promised = [(0.0, 0.0), (1.0, 1.0)]
    return line_chart(
        {"this model": below, "as promised": promised}, points={"this model": below},
        across="quantile that was said", up="truths below it", x=(0.0, 1.0), y=(0.0, 1.0),
        width=WIDTH, height=HEIGHT,
    )  # fmt: skip


def _points(ahead: np.ndarray, values: np.ndarray, now: float) -> list[tuple[float, float]]:
    """A curve that begins at the last value seen; what is not known is left out."""
    found = [(0.0, now)]
    return found + [(float(x), float(y)) for x, y in zip(ahead, values, strict=True) if np.isfinite(y)]
