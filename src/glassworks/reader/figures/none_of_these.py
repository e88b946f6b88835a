"""A reader of digits is shown what is no digit: how sure it is, and whether it looks familiar.

The share of the answer comes from the network; beside it stands the distance of the picture's features from
those of the training pictures, as `predict` and `serve` tell it (`insight/unfamiliar.py`).
First thing to change: `STRANGE`, what is shown.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from glassworks.core.keyed import generator
from glassworks.insight import unfamiliar
from glassworks.reader import draw
from glassworks.reader.figure import OwnPicture, Slider
from glassworks.reader.figures.layered_cnn import SIDE, ink, network, parts
from glassworks.reader.figures.measured import Measured
from glassworks.reader.figures.own_picture import NAMES, pixels_of, square
from glassworks.reader.figures.shares import percent

DIGITS, HELD = 3, 200  # that are shown; held-out digits that set the limit


@lru_cache(maxsize=1)
def familiar() -> unfamiliar.Familiar:
    """What the features of training digits are like."""
    return unfamiliar.learn(features(parts()[0].pictures), features(parts()[1].pictures[:HELD]))


def features(pictures: Tensor) -> np.ndarray:
    model = network(True)
    with torch.inference_mode():
        return np.concatenate([model.features(rows).numpy() for rows in pictures.split(500)])  # type: ignore[operator]


def scaled(pixels: np.ndarray) -> Tensor:
    """Grey bytes (rows, 32, 32) as the network takes them."""
    *_, mean, std = parts()
    return (torch.from_numpy(pixels)[:, None].float() / 255 - mean) / std


def strange(own: str) -> list[tuple[str, np.ndarray]]:
    """Names and pictures that are no digits, uint8 (32, 32)."""

    def grey(pixels: np.ndarray) -> np.ndarray:
        return np.asarray(Image.fromarray(pixels).convert("L"))

    dice = generator(0, "none of these")
    found = [(name, grey(square(name, "", SIDE))) for name in NAMES[:3]]
    found.append(("noise", dice.integers(0, 256, (SIDE, SIDE), dtype=np.uint8)))
    letter = np.zeros((SIDE, SIDE), np.uint8)
    letter[4:28, 6:10] = letter[4:8, 6:26] = letter[14:18, 6:22] = 255
    found.append(("a letter F", letter))
    found.append(("an empty page", np.zeros((SIDE, SIDE), np.uint8)))
    if own and pixels_of(own) is not None:
        found.insert(0, ("yours", grey(square(NAMES[0], own, SIDE))))
    return found


@lru_cache(maxsize=32)
def told(own: str) -> tuple[tuple[str, np.ndarray, int, float, float], ...]:
    """(name, picture, answer, its share, distance in units of the limit) of digits and of what is none."""
    test = parts()[1]
    chosen = slice(HELD, HELD + DIGITS)
    shown = [
        (f"a {int(target)}", one) for target, one in zip(test.targets[chosen], ink(test.pictures[chosen]))
    ]
    shown += strange(own)
    inputs = scaled(np.stack([one for _, one in shown]))
    with torch.inference_mode():
        shares = network(True)(inputs).softmax(1)
    far = unfamiliar.score(familiar(), features(inputs))
    return tuple(
        (name, one, int(row.argmax()), float(row.max()), float(away))
        for (name, one), row, away in zip(shown, shares, far)
    )


class NoneOfThese(Measured):
    title = "What is this, if it must be a digit?"
    says = (
        "A classifier names one of its classes whatever it is shown, often without doubt. How far the "
        "picture lies from the training pictures is another question, and it can be answered too."
    )
    controls = (Slider("limit", "limit of the distance", 0.1, 3, step=0.1, value=1), OwnPicture())

    def runs(self, own: str, **_: Any) -> tuple[str, ...]:
        return (own,)

    def measure(self, run: str) -> Any:
        return told(run)

    def show(self, known: Mapping[str, Any], own: str, limit: float) -> str:
        if own not in known:
            return ""
        shown = [
            (one, f'{name}: "{said}", {percent(share)}, distance {away:.1f}')
            for name, one, said, share, away in known[own]
        ]
        rest = list(known[own][DIGITS:])
        caught, lost = (sum(row[4] > limit for row in rows) for rows in (rest, known[own][:DIGITS]))
        return draw.pictures(shown, width=120) + draw.text(
            f"Of the {len(rest)} that are no digits, {caught} lie beyond the limit of {limit:g}, and so do "
            f"{lost} of the {DIGITS} digits. {sum(row[3] > 0.9 for row in rest)} of the {len(rest)} got an "
            "answer with more than 90 %."
        )
