"""Cover the hottest places first and ask the network again; beside it the same heat, laid elsewhere.

The network and its maps are those of the lab; every pixel of the 8 x 8 is covered with the mean of the
training pictures. The area under the curve is the figure that the lab and `glassworks explain` report. The
first thing to change: `SHIFTS`, where the same heat is laid for comparison.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from glassworks.labs.can_the_map_be_believed import FILL
from glassworks.reader.draw import columns, line_chart, note, pictures, table
from glassworks.reader.figure import Choose, Slider, Toggle
from glassworks.reader.figures.measured import Measured
from glassworks.reader.figures.small_vit import (
    FIRST,
    SHOWN,
    WAYS,
    heat_of,
    ink_of,
    learned,
    over,
    picture_of,
    said_of,
    small_vit,
    test_part,
)

STOPS = tuple(range(0, 65, 4))  # pixels that are covered
SHIFTS = ((2, 3), (3, 6), (4, 4), (5, 1), (6, 5), (1, 4))  # rows and columns by which the heat is moved


def covered(picture: Tensor, heat: np.ndarray, count: int, shown: bool) -> Tensor:
    """The picture (1, 1, 8, 8) with its `count` hottest pixels covered, or with only these shown."""
    turn = np.argsort(np.argsort(-heat.ravel(), kind="stable"), kind="stable").reshape(heat.shape)
    hot = torch.from_numpy(turn < count)
    return picture.masked_fill(~hot if shown else hot, FILL)


def curve(model: nn.Module, picture: Tensor, heat: np.ndarray, said: int, shown: bool) -> np.ndarray:
    """The probability of the answer at each of the stops."""
    batch = torch.cat([covered(picture, heat, count, shown) for count in STOPS])
    with torch.inference_mode():
        return model(batch).softmax(1)[:, said].double().numpy()


def area(values: np.ndarray) -> float:
    """Mean height of a curve over equal steps, by trapezoids."""
    return float((values[1:] + values[:-1]).mean() / 2)


@lru_cache(maxsize=256)
def both(number: int, way: str, shown: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The heat, the curve along it, and the mean curve along the same heat elsewhere."""
    model = small_vit()
    picture = picture_of(number)
    said, _ = said_of(model, picture)
    heat = heat_of(model, number, way, said)
    elsewhere = [curve(model, picture, np.roll(heat, shift, (0, 1)), said, shown) for shift in SHIFTS]
    return heat, curve(model, picture, heat, said, shown), np.mean(elsewhere, axis=0)


class CoverAndAsk(Measured):
    title = "Hide what the map calls important"
    says = (
        "If a map marks what the answer hangs on, the answer falls sooner when its hottest places are "
        "covered first than when the same heat is laid elsewhere. One picture decides nothing; the lab "
        "takes a hundred."
    )
    controls = (
        Choose("way", "map", WAYS),
        Slider("number", "test picture", 0, SHOWN - 1, step=1, value=FIRST),
        Slider("count", "pixels of 64", 0, 64, step=4, value=16),
        Toggle("shown", "show the hottest instead of covering them"),
    )

    def runs(self, *_: Any, **__: Any) -> tuple[str]:
        return ("trained",)

    def measure(self, run: str) -> bool:
        return bool(learned())

    def show(self, known: Mapping, way: str, number: int, count: int, shown: bool, **_: Any) -> str:
        if not known:
            return ""
        number, count = int(number), int(count)
        heat, along, elsewhere = both(number, way, shown)
        changed = covered(picture_of(number), heat, count, shown)
        verb = "shown" if shown else "covered"
        drawn = pictures(
            [
                (over(number, heat), f"the map of a {int(test_part().targets[number])}"),
                (ink_of(changed), f"{count} hottest pixels {verb}"),
            ],
            width=150,
        )
        curves = {
            "hottest first": list(zip(STOPS, along.tolist())),
            "the same heat elsewhere": list(zip(STOPS, elsewhere.tolist())),
        }
        chart = line_chart(
            curves, across=f"pixels {verb}", up="probability of the answer", y=(0, 1), width=400, height=230
        )
        areas = (area(along), area(elsewhere))
        better = areas[0] > areas[1] if shown else areas[0] < areas[1]
        rows = [["hottest first", f"{areas[0]:.2f}"], ["the same heat elsewhere", f"{areas[1]:.2f}"]]
        told = "On this picture the map is better than its copies elsewhere." if better else (
            "On this picture the map is no better than its copies elsewhere."
        )  # fmt: skip
        wanted = "higher" if shown else "lower"
        return columns(drawn, chart, table([f"area, {wanted} is better", ""], rows) + note(told))
