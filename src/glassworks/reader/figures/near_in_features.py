"""Which pictures are near each other? By their pixels, and by the features of a network that has seen many.

Four pieces are cut from each of the photographs that installed packages bring along. For one of them the
nearest others are looked up twice: by the distance of their pixels, and by the angle between the 1,280
features of EfficientNet-Lite0. Nothing learns here; the network has never seen these photographs.
The first thing to change: `CORNERS`, where the pieces lie.

Source: Tan & Le 2019, arXiv 1905.11946.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from glassworks.core.errors import PersonError
from glassworks.labs.small_lite0 import features, lite0
from glassworks.reader import draw
from glassworks.reader.figure import Choose, Slider
from glassworks.reader.figures.lite0 import classifier, or_how_to_get
from glassworks.reader.figures.measured import Measured
from glassworks.reader.figures.photographs import PLAIN, available, photograph

NAMES = tuple(name for name in available() if name != PLAIN)
SIDE, SHARE, SHOWN = 96, 0.5, 3  # pixels of a piece; its side by the photograph's shorter one; how many
CORNERS = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))  # (down, right), as shares of the room there is


@lru_cache(maxsize=1)
def pieces() -> tuple[list[str], np.ndarray]:
    """Names of the photographs and the pieces, uint8 (pieces, 96, 96, 3); none overlaps another."""
    names, made = [], []
    for name in NAMES:
        whole = Image.fromarray(photograph(name))
        side = SHARE * min(whole.size)
        for down, right in CORNERS:
            top, left = down * (whole.height - side), right * (whole.width - side)
            box = (left, top, left + side, top + side)
            made.append(np.asarray(whole.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box)))
            names.append(name)
    return names, np.stack(made)


@lru_cache(maxsize=1)
def described() -> Tensor | None:
    """Features of every piece, (pieces, 1280); None where the weights are not installed."""
    try:
        network = lite0(SIDE)
    except PersonError as missing:
        if missing.code != "weights-missing":
            raise
        return None
    pixels = torch.tensor(pieces()[1]).permute(0, 3, 1, 2).float() / 255
    return features(network, pixels, SIDE)


def nearest(vectors: Tensor, place: int, *, angle: bool) -> list[int]:
    """The other pieces from near to far: by the angle of two vectors, or by their distance."""
    if angle:
        vectors = F.normalize(vectors, dim=1)
    apart = (vectors - vectors[place]).square().sum(1)
    return [one for one in apart.argsort().tolist() if one != place]


def found_again(vectors: Tensor, *, angle: bool) -> int:
    """How many pieces have one of the same photograph as their nearest."""
    names, _ = pieces()
    return sum(names[nearest(vectors, one, angle=angle)[0]] == names[one] for one in range(len(names)))


class NearInFeatures(Measured):
    title = "Which pieces belong together?"
    says = (
        "By pixels a piece is near to others of the same brightness. By the features of a network that "
        "learned other photographs, it is nearly always near to another piece of its own photograph."
    )
    controls = (
        Choose("name", "photograph", {name: name for name in NAMES}, "a cat" if "a cat" in NAMES else ""),
        Slider("corner", "piece", 1, len(CORNERS), step=1, value=1),
    )

    def runs(self, **_: Any) -> tuple[str, ...]:
        return ("features",)

    def measure(self, run: str) -> Tensor | None:
        return described()

    @or_how_to_get
    def show(self, known: Mapping[str, Tensor | None], name: str, corner: int, **_: Any) -> str:
        names, made = pieces()
        place = names.index(name) + int(corner) - 1
        pixels = torch.tensor(made).flatten(1).float()
        rows = {"by pixels": nearest(pixels, place, angle=False)}
        told = [f"by pixels {found_again(pixels, angle=False)}"]
        if "features" in known:
            vectors = known["features"]
            if vectors is None:
                classifier()  # says what is missing
            else:
                rows["by features"] = nearest(vectors, place, angle=True)
                told.append(f"by features {found_again(vectors, angle=True)}")
        drawn = draw.pictures([(made[place], f"a piece of {name}")], width=SIDE)
        for title, order in rows.items():
            shown = [(made[one], names[one]) for one in order[:SHOWN]]
            drawn += draw.heading(f"nearest {title}") + draw.pictures(shown, width=SIDE)
        count = f"Of {len(names)} pieces, this many have one of the same photograph as their nearest: "
        return drawn + draw.note(count + ", ".join(told) + ". A chance guess is right for about 3.")
