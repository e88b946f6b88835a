"""What the layers of a trained network answer to a picture, and which pieces of it excite a channel most.

The network is EfficientNet-Lite0 with the weights of its authors. Each map is stretched from black to white
for itself, and nobody has given the channels names. A piece is as large as the receptive field of the stage,
cut around the places with the largest answers. First thing to change: `MOST`.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch

from glassworks.core.errors import PersonError
from glassworks.insight.activations import ActivationMaps, activation_maps
from glassworks.insight.cost import stage_costs
from glassworks.reader import draw
from glassworks.reader.figure import OwnPicture, Slider
from glassworks.reader.figures.lite0 import classifier, or_how_to_get
from glassworks.reader.figures.measured import Measured
from glassworks.reader.figures.own_picture import choose_photograph, pixels_of
from glassworks.reader.figures.photographs import photograph

STAGES, MOST, PIECES = 7, 4, 3
Run = tuple[str, str, int]


class Answered(NamedTuple):
    """seen: what the network saw, uint8 (224, 224, 3); field, stride: of the stage, in its pixels."""

    seen: np.ndarray
    maps: ActivationMaps
    field: int
    stride: int


@lru_cache(maxsize=1)
def fields() -> tuple[tuple[int, int], ...]:
    """Receptive field and stride of each stage, in pixels on a side."""
    found = classifier()
    parts = stage_costs(found.model, torch.zeros(1, 3, found.how.height, found.how.width))
    return tuple((part.receptive_field, part.stride) for part in parts if part.name.startswith("stages"))


@lru_cache(maxsize=32)
def answered(name: str, own: str, stage: int) -> Answered | None:
    """The strongest maps of a stage; None where the weights are not installed."""
    try:
        found = classifier()
    except PersonError as missing:
        if missing.code != "weights-missing":
            raise
        return None
    given = pixels_of(own) if own else None
    seen = found.view(photograph(name) if given is None else given)
    with torch.inference_mode(False):
        maps = activation_maps(found.model, found.prepared(seen), f"stages.{stage - 1}", MOST)
        return Answered(seen, maps, *fields()[stage - 1])


def grey(answers: np.ndarray) -> np.ndarray:
    """A map from its smallest answer, black, to its largest, white: uint8 (h, w)."""
    low, high = float(answers.min()), float(answers.max())
    return np.rint((answers - low) / max(high - low, 1e-9) * 255).astype(np.uint8)


def places(answers: np.ndarray, apart: int) -> list[tuple[int, int]]:
    """Row and column of the largest answers, no two of them within `apart` places."""
    left = answers.astype(np.float64).copy()
    found = []
    for _ in range(PIECES):
        row, column = (int(n) for n in np.unravel_index(left.argmax(), left.shape))
        found.append((row, column))
        left[max(0, row - apart) : row + apart + 1, max(0, column - apart) : column + apart + 1] = -np.inf
    return found


def piece(seen: np.ndarray, place: tuple[int, int], field: int, stride: int) -> np.ndarray:
    """What a number at this place sees, as far as it lies on the picture."""
    middle = [round((one + 0.5) * stride) for one in place]
    (top, left), reach = ((max(0, one - field // 2) for one in middle), field // 2)
    return seen[top : middle[0] + reach + 1, left : middle[1] + reach + 1]


class AnswersOfALayer(Measured):
    title = "What does each stage answer to this picture?"
    says = (
        "Maps of early stages are fine and follow edges and colours; late ones are coarse, and light up for "
        "larger parts. Between them there is no border, and no stage has one task alone."
    )
    controls = (
        choose_photograph("a cat"),
        OwnPicture(),
        Slider("stage", "stage", 1, STAGES, step=1, value=2),
        Slider("rank", "channel, by how loudly it answers", 1, MOST, step=1, value=1),
    )
    doing = "Looking"

    def runs(self, name: str, own: str, stage: int, **_: Any) -> tuple[Run, ...]:
        return ((name, own, int(stage)),)

    def measure(self, run: Run) -> Answered | None:
        return answered(*run)

    @or_how_to_get
    def show(self, known: Mapping[Run, Answered | None], name: str, own: str, stage: int, rank: int) -> str:
        if any(one is None for one in known.values()):
            classifier()  # says what is missing
        found = known.get((name, own, int(stage)))
        if found is None:
            return ""
        channel, answers = found.maps.channels[int(rank) - 1], found.maps.maps[int(rank) - 1]
        shown = [(found.seen, "what the network saw")]
        shown += [
            (grey(one), f"channel {one_of}") for one_of, one in zip(found.maps.channels, found.maps.maps)
        ]
        cut = [
            (piece(found.seen, place, found.field, found.stride), f"answer {float(answers[place]):.1f}")
            for place in places(answers, max(1, len(answers) // 6))
        ]
        height, width = answers.shape
        side = len(found.seen)
        sees = f"{found.field} pixels on a side" if found.field < side else "the whole picture"
        told = (
            f"Stage {int(stage)} of {STAGES}: {found.maps.total} maps of {height} × {width} places, and each "
            f"place sees up to {sees}. Maps are stretched from black to white, each for itself."
        )
        return (
            draw.pictures(shown, width=130)
            + draw.heading(f"Where channel {channel} answers most, and what it sees there")
            + draw.pictures(cut, width=110)
            + draw.note(told)
        )
