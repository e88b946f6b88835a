"""Five forecasts that need no training, at one origin and at all of them.

Each of the five is a line of the workbench's own judging. At one origin any of them may win by luck; over
all origins of the last part stands what they are worth, in MASE.
The first thing to change: `SERIES`.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from glassworks.judging.forecasting import BASELINES, scale_of
from glassworks.labs.small_series import PERIOD, climbing, co2, steady, walk
from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Choose, Figure, Slider

LENGTH, TRAIN, HORIZON, SHOWN = 312, 240, 12, 24
SEED = 7  # of the made series: no drift pays on this walk
SERIES = {
    "carbon dioxide (real)": "co2",
    "a season around a level (made)": "steady",
    "a season on a slope (made)": "climbing",
    "a random walk (made)": "walk",
}


@lru_cache(maxsize=8)
def series_of(name: str) -> np.ndarray:
    """One of the series, (312,), not to be changed."""
    made = {"steady": steady, "climbing": climbing, "walk": walk}
    return co2() if name == "co2" else made[name](SEED, LENGTH)


def said(values: np.ndarray, origin: int) -> dict[str, np.ndarray]:
    """What each of the five says at an origin from all that came before, (horizon,) each."""
    return {name: simple(values[:origin, None], HORIZON, PERIOD)[:, 0] for name, simple in BASELINES.items()}


@lru_cache(maxsize=8)
def errors(name: str) -> dict[str, np.ndarray]:
    """The scaled absolute error of each of the five at every origin of the last part, (origins,) each."""
    values = series_of(name)
    unit = float(scale_of(values[:TRAIN, None], PERIOD)[0])
    origins = range(TRAIN, LENGTH - HORIZON + 1)
    found: dict[str, list[float]] = {one: [] for one in BASELINES}
    for origin in origins:
        truth = values[origin : origin + HORIZON]
        for one, forecast in said(values, origin).items():
            found[one].append(float(np.abs(truth - forecast).mean() / unit))
    return {one: np.array(own) for one, own in found.items()}


class SimpleForecasts(Figure):
    title = "Five forecasts without training"
    says = (
        "Which simple forecast is best depends on the series: on carbon dioxide it is the last season moved "
        "by its growth, on a season around a level the last season, on a random walk the last value. At a "
        "single origin almost any of them can win."
    )
    controls = (
        Choose("series", "series", SERIES),
        Choose("forecast", "forecast", {name: name for name in BASELINES}, value="last season"),
        Slider("origin", "origin", TRAIN, LENGTH - HORIZON, step=1, value=264),
    )

    def draw(self, series: str, forecast: str, origin: int, **_: Any) -> str:
        values, found = series_of(series), errors(series)
        now = (0.0, float(values[origin - 1]))
        before = [(float(at - SHOWN + 1), float(v)) for at, v in enumerate(values[origin - SHOWN : origin])]
        came = [(float(at), float(v)) for at, v in enumerate(values[origin : origin + HORIZON], 1)]
        line = [now, *((float(at), float(v)) for at, v in enumerate(said(values, origin)[forecast], 1))]
        chart = line_chart(
            {"what came": before + came, forecast: line}, across="steps from the last one seen",
            marks=[(0.0, "")], pens={"what came": "e", forecast: "a"}, width=420, height=250,
        )  # fmt: skip
        here, best = origin - TRAIN, min(found, key=lambda one: found[one].mean())
        lucky = min(found, key=lambda one: found[one][here])
        rows = [
            [
                name,
                (f"{own[here]:.2f}", "good" if name == lucky else ""),
                (f"{own.mean():.2f}", "good" if name == best else ""),
            ]
            for name, own in found.items()
        ]
        many = len(found[best])
        wins = {name: int(sum(own[at] == min(o[at] for o in found.values()) for at in range(many)))
                for name, own in found.items()}  # fmt: skip
        first = ", ".join(f"{name} at {count}" for name, count in wins.items() if count)
        head = ["MASE, 12 steps ahead", "at this origin", f"at all {many}"]
        return columns(chart, table(head, rows)) + note(
            f"Least error of the five: {first} of {many} origins."
        )
