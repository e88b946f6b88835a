"""Looking inside a forecaster: what a forecast is made of, and which steps and channels it rests on."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from glassworks.api.families.forecasting import FAMILY, _named
from glassworks.api.forecast import PreparedSeries, continued
from glassworks.api.forecast_judge import interval_words
from glassworks.api.forecast_predict import as_prepared
from glassworks.core.charts import bar_chart, line_chart
from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.files import write_text
from glassworks.core.page import Page
from glassworks.insight.forecast import components, gradient_by_lag, worse_without
from glassworks.judging.forecast_drawing import Drawn, forecast_chart
from glassworks.models.sequence.forecaster import Forecaster
from glassworks.training.run_folder import slug

if TYPE_CHECKING:
    from glassworks.api.requests import ExplainRequest
    from glassworks.api.run import Run

METHODS = ("components", "parts", "gradient", "occlusion")
MOST_SERIES, MOST_WINDOWS, SEASONS = 4, 200, 6
STANDALONE = (
    "svg{background:#fff;--ink:#1b2430;--soft:#5b6875;--line:#dcdfe3;--accent:#0b6e7f;--warn:#96670a;"
    "--good:#2a7d46;--bad:#b3372c}"
)
BEGUN = {"season": "last season again", "last": "last value again", "none": "nothing"}
WORDS = {
    "components": "The series taken apart: trend (the mean over a season), season (the mean of each place in "
    "it) and what neither explains. This is arithmetic on the data; the model does not see it.",
    "parts": "What the forecast is made of. It begins as the last season (or value) again; the linear "
    "shortcut and the network add to it.",
    "gradient": "How far the forecast moves when one step of the past moves by 1, on average over windows. "
    "It says what this forecast reacts to, not what is needed to be right.",
    "occlusion": "How much larger the error becomes when a stretch of the past is replaced by a straight "
    "line, or a channel by its mean; counted on the validation part. 0: no worse without it.",
}


def explain_series(run: "Run", request: "ExplainRequest") -> list[dict]:
    """Drawings for the run's own series, or for those of the tables that are named; SVG files and a page.

    methods: components, parts, gradient, occlusion; occlusion and gradient are asked of the run's own windows
    """
    from glassworks.api.explain import PAGE, place_of

    methods = METHODS if request.methods in ((), ("all",)) else request.methods
    for name in methods:
        if name not in METHODS:
            raise PersonError(
                "unknown-method", expected=f"of {run.recipe.system} {', '.join(METHODS)}", got=name,
                fix=did_you_mean(name, METHODS),
            )  # fmt: skip
    page = Page(
        f"Inside {run.recipe.system}", "What a forecast is made of, and what of the past it rests on."
    )
    page.text("This file holds your own series: share it accordingly.", "note")
    folder, rows = place_of(request, run), []
    for where in request.inputs or (run.recipe.data.where,):
        own = as_prepared(run, FAMILY.open_data(_named(run, where, request)))
        rows += [
            _one(run, own, number, methods, folder, page)
            for number in range(min(MOST_SERIES, len(own.table)))
        ]
    if not request.inputs and {"gradient", "occlusion"} & set(methods):
        drawings = _of_the_model(run, methods)
        rows.append(
            {"model": str(run.path), "drawings": _written(drawings, folder, "model", page, "The model")}
        )
    folder.mkdir(parents=True, exist_ok=True)
    page.save(folder / PAGE)
    return rows


Drawing = tuple[str, str]  # method, SVG


def _one(
    run: "Run", own: PreparedSeries, number: int, methods: tuple[str, ...], folder: Path, page: Page
) -> dict[str, Any]:
    """One series: its forecast, its components, and the parts of its forecast."""
    name, channel = own.table.names[number], 0
    said = continued(run.model, own, run.runtime)[number, :, channel]
    values = own.table.values[number][:, channel]
    drawn = Drawn(name, values[-own.how.history :], said, own.task.quantiles)
    drawings: list[Drawing] = [("forecast", forecast_chart(drawn, width=560))]
    if "components" in methods:
        drawings.append(("components", _components(values, own.how.period)))
    if "parts" in methods:
        drawings.append(("parts", _parts(run, own, number)))
    middle = own.task.quantiles.index(0.5)
    ends = f"{said[0, middle]:.5g} next, {said[-1, middle]:.5g} after {len(said)} steps"
    title = f"{name}, {own.table.channels[channel]}: {ends}"
    written = _written(
        drawings, folder, f"{number:03d}-{slug(name)}", page, title, interval_words(own.task.quantiles)
    )
    return {"file": own.table.where, "series": name, "answer": ends, "drawings": written}


def _components(values: np.ndarray, period: int) -> str:
    """Trend, season and rest of the last seasons, as three charts."""
    found = components(values, period)
    shown = min(len(values), SEASONS * max(period, 20))
    charts = []
    for title, own in (("trend", found.trend), ("season", found.season), ("rest", found.rest)):
        points = [(float(step - shown + 1), float(value)) for step, value in enumerate(own[-shown:])]
        known = [(x, y) for x, y in points if np.isfinite(y)]
        charts.append(line_chart({title: known}, across="steps from the last one", height=150, width=560))
    return "".join(charts)


def _parts(run: "Run", own: PreparedSeries, number: int) -> str:
    """The forecast as the sum of what it continues, the shortcut and the network, in the series' units."""
    model = run.model
    assert isinstance(model, Forecaster)
    mean, std = np.array(own.how.mean), np.array(own.how.std)
    window = (own.table.values[number][-own.how.history :] - mean) / std
    steps = torch.from_numpy(window.astype(np.float32))[None].to(run.runtime.device)
    middle = model.config.quantiles.index(0.5)
    with torch.no_grad():
        measured, level, spread = model.measured(steps, None)
        begun = model.simple(measured, None, shortcut=False)
        with_shortcut = model.simple(measured, None)
        wanted = slice(0, model.config.wanted)
        whole = (model.forecast(steps)[..., middle] - level[..., wanted]) / spread[..., wanted]
        scaled = [part[0, :, 0] * spread[0, 0, 0] + level[0, 0, 0] for part in (begun, with_shortcut, whole)]
    names = [BEGUN[model.config.anchor], "and the shortcut", "and the network: the forecast"]
    curves = {
        name: [(float(step), float(value) * std[0] + mean[0]) for step, value in enumerate(part, start=1)]
        for name, part in zip(names, scaled, strict=True)
    }
    return line_chart(curves, across="steps ahead", pens=dict(zip(names, "bca", strict=True)), width=560)


def _of_the_model(run: "Run", methods: tuple[str, ...]) -> list[Drawing]:
    """What the model rests on, over windows of the validation part; the test part stays unseen."""
    own: Any = run.data()
    rows = own.part("val")
    rows = rows[np.linspace(0, len(rows) - 1, min(MOST_WINDOWS, len(rows))).round().astype(int)]
    longest = max(len(own.windows.seen(int(row))) for row in rows)
    rows = np.array([row for row in rows if len(own.windows.seen(int(row))) == longest])
    batch = own.some(rows, until="val", device=run.runtime.device).load(rows)
    model, middle = run.model, own.task.quantiles.index(0.5)

    def ask(windows: Tensor) -> Tensor:
        return model(windows, None).unflatten(1, (own.task.horizon, own.task.wanted, -1))[..., middle]

    drawings = []
    if "gradient" in methods:
        found = gradient_by_lag(ask, batch.inputs)
        curves = {
            name: [(-float(lag), float(value)) for lag, value in enumerate(found[:, place])]
            for place, name in enumerate(own.table.channels)
        }
        drawings.append(
            ("gradient", line_chart(curves, across="steps before the forecast", up="gradient", width=560))
        )
    if "occlusion" in methods:
        whole, stretches, channels = worse_without(ask, batch.inputs, batch.targets)
        bars = [
            (f"steps {start - longest + 1} to {stop - longest}", grown / whole)
            for start, stop, grown in stretches
        ]
        drawings.append(("occlusion", _table(bars)))
        if len(channels) > 1:
            named = list(zip(own.table.channels, (grown / whole for grown in channels), strict=True))
            drawings.append(("occlusion of channels", _table(named)))
    return drawings


def _table(rows: list[tuple[str, float]]) -> str:
    """Bars of what matters; a share below zero has none."""
    return bar_chart([(f"{name}", max(0.0, value)) for name, value in rows], width=560)


def _written(
    drawings: list[Drawing], folder: Path, name: str, page: Page, title: str, interval: str = ""
) -> list[dict[str, str]]:
    """Drawings as SVG files and as a section of the page."""
    page.section(title)
    rows = []
    for method, svg in drawings:
        words = WORDS.get(method.split(" of ")[0], f"How it goes on. Shaded: {interval}.")
        page.heading(method).html(svg).text(words, "note")
        for number, one in enumerate(svg.split("</svg>")[:-1]):
            place = folder / f"{name}-{slug(method)}{f'-{number}' if number else ''}.svg"
            folder.mkdir(parents=True, exist_ok=True)
            write_text(place, _standalone(one + "</svg>"))
            rows.append({"name": method, "caption": words, "picture": str(place)})
    return rows


def _standalone(svg: str) -> str:
    """A chart as a file of its own: with the colours that a page would give it."""
    from glassworks.core.charts import STYLE

    head, rest = svg.split(">", 1)
    return f'{head} xmlns="http://www.w3.org/2000/svg"><style>{STYLE}{STANDALONE}</style>{rest}'
