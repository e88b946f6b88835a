"""The forecast that is always a step late, and the two figures that judge it.

The last value is drawn as the forecast. On a random walk the two lines lie on each other and R2 is close to
1; on noise around a level the same forecast looks bad. What it says of the next movement is the same in both:
nothing. The first thing to change: `STEPS`.
"""

from typing import Any

import numpy as np

from glassworks.core.keyed import generator
from glassworks.labs.small_series import LEVEL, STEP, mae, r2
from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Button, Choose, Figure, Slider

STEPS, SHOWN = 1000, 100  # judged, and drawn


def series(kind: str, seed: int) -> np.ndarray:
    """A random walk or noise around a level, (STEPS,)."""
    noise = STEP * generator(seed, "looks good", kind).standard_normal(STEPS)
    return LEVEL + (np.cumsum(noise) if kind == "walk" else noise)


def figures(values: np.ndarray, ahead: int) -> dict[str, float]:
    """What the last value, so many steps ahead, is worth."""
    truth, said = values[ahead:], values[:-ahead]
    unit = float(np.abs(np.diff(values)).mean())
    return {
        "r2": r2(truth, said),
        "correlation": float(np.corrcoef(truth, said)[0, 1]),
        "changes": r2(truth - said, np.zeros_like(truth)),
        "mase": mae(truth, said) / unit,
    }


class LooksGood(Figure):
    title = "A step late"
    says = (
        "On a random walk the last value hugs the series and has an R2 of levels near 1, though it foretells "
        "nothing: its R2 of changes is about 0 and its MASE is 1."
    )
    controls = (
        Choose("kind", "series", {"a random walk": "walk", "noise around a level": "noise"}),
        Slider("ahead", "steps ahead", 1, 20, step=1, value=1),
        Button("again", "another series"),
    )

    def draw(self, kind: str, ahead: int, again: int, **_: Any) -> str:
        values = series(kind, again)
        found = figures(values, int(ahead))
        came = [(float(at), float(v)) for at, v in enumerate(values[:SHOWN])]
        late = [(at + ahead, v) for at, v in came if at + ahead < SHOWN]
        chart = line_chart(
            {"what came": came, "the last value as forecast": late}, across="step",
            pens={"what came": "e", "the last value as forecast": "a"}, width=440, height=250,
        )  # fmt: skip
        rows = [
            ["R2 of levels", f"{found['r2']:.3f}"],
            ["correlation of forecast and truth", f"{found['correlation']:.3f}"],
            ["R2 of changes", f"{found['changes']:.3f}"],
            ["MASE (unit: a step's mean change)", f"{found['mase']:.2f}"],
        ]
        told = f"{STEPS:,} steps are judged, the first {SHOWN} are drawn. The forecast is the series, moved."
        return columns(chart, table(["the last value", ""], rows)) + note(told)
