"""Pictures that change by and by: what can be watched without labels, beside the accuracy that nobody sees.

Test digits are made darker, blurred, moved or mixed with other things, more each week. Watched are the mean
brightness of the pictures, the mean share of the answer, and the share of pictures beyond the limit of
"none of these". First thing to change: `WEEKS`.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from glassworks.core.keyed import generator
from glassworks.insight import unfamiliar
from glassworks.reader import draw
from glassworks.reader.figure import Choose, Slider
from glassworks.reader.figures.layered_cnn import ink, network, parts
from glassworks.reader.figures.measured import Measured
from glassworks.reader.figures.none_of_these import HELD, familiar, features, scaled

WEEKS, COUNT = 11, 120  # weeks that are drawn, pictures of each


def _darker(values: Tensor, much: float) -> Tensor:
    return values * (1 - 0.9 * much)


def _blurred(values: Tensor, much: float) -> Tensor:
    side = 1 + 2 * round(5 * much)
    return F.avg_pool2d(values, side, stride=1, padding=side // 2, count_include_pad=False)


def _moved(values: Tensor, much: float) -> Tensor:
    return torch.roll(values, round(10 * much), 3)


def _noisy(values: Tensor, much: float) -> Tensor:
    dice = generator(0, "drift")
    return (values + torch.from_numpy(dice.normal(0, 150 * much, values.shape).astype(np.float32))).clamp(
        0, 255
    )


WAYS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "the lamp gets weaker": _darker,
    "the lens gets dirty": _blurred,
    "the camera slips": _moved,
    "the sensor gets noisy": _noisy,
}


class Week(NamedTuple):
    """All in points of 100."""

    accuracy: float
    share: float
    brightness: float
    beyond: float


@lru_cache(maxsize=8)
def weeks(way: str) -> tuple[Week, ...]:
    """Every week from none of the change to all of it; less than a second on one core."""
    test = parts()[1]
    rows = slice(HELD, HELD + COUNT)
    values = torch.from_numpy(ink(test.pictures[rows]))[:, None].float()
    targets, model, found = test.targets[rows], network(True), []
    for week in range(WEEKS):
        pixels = WAYS[way](values, week / (WEEKS - 1)).round().to(torch.uint8)[:, 0].numpy()
        inputs = scaled(pixels)
        with torch.inference_mode():
            shares = model(inputs).softmax(1)
        right = (shares.argmax(1) == targets).double().mean()
        beyond = (unfamiliar.score(familiar(), features(inputs)) > 1).mean()
        numbers = (right, shares.amax(1).mean(), pixels.mean() / 255, beyond)
        found.append(Week(*(100 * float(number) for number in numbers)))
    return tuple(found)


class DriftSeen(Measured):
    title = "Weeks go by, and pictures change"
    says = (
        "Accuracy needs labels, and in use there are none. What can be watched: the pictures themselves, how "
        "sure the answers are, and how many pictures look unfamiliar. Each sees some changes and misses "
        "others."
    )
    controls = (
        Choose("way", "what happens", {way: way for way in WAYS}),
        Slider("limit", "alarm when so many are unfamiliar", 5, 50, step=5, value=20, unit="%"),
    )

    def runs(self, way: str, **_: float) -> tuple[str, ...]:
        return (way,)

    def measure(self, run: str) -> tuple[Week, ...]:
        return weeks(run)

    def show(self, known: Mapping[str, tuple[Week, ...]], way: str, limit: float) -> str:
        if way not in known:
            return ""
        found = known[way]
        names = {
            "accuracy, unseen": "accuracy", "mean share of the answer": "share", "unfamiliar": "beyond",
            "brightness": "brightness",
        }  # fmt: skip
        curves = {
            told: [(float(week), getattr(one, name)) for week, one in enumerate(found)]
            for told, name in names.items()
        }
        chart = draw.line_chart(curves, across="week", up="%", y=(0, 100), width=440, height=260)
        alarm = next((week for week, one in enumerate(found) if one.beyond > limit), None)
        fallen = next((week for week, one in enumerate(found) if one.accuracy < found[0].accuracy - 5), None)
        rows = [
            ["accuracy has lost 5 points", "never" if fallen is None else f"week {fallen}"],
            [f"more than {limit:.0f} % unfamiliar", "never" if alarm is None else f"week {alarm}"],
            ["accuracy at the end", f"{found[-1].accuracy:.0f} %"],
            ["mean share at the end", f"{found[-1].share:.0f} %"],
        ]
        return draw.columns(chart, draw.table(["", ""], rows))
