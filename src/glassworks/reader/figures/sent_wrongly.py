"""The same photograph as strangers send it, and as careless code prepares it: what a good classifier says.

The network is EfficientNet-Lite0 with its authors' weights. Nothing here ends with a message: each way gives
the network a tensor of the right shape. First thing to change: `WAYS`, to add one.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from glassworks.core.errors import PersonError
from glassworks.reader import draw
from glassworks.reader.figure import Choose, OwnPicture
from glassworks.reader.figures.lite0 import Classifier, classifier, or_how_to_get
from glassworks.reader.figures.measured import Measured
from glassworks.reader.figures.own_picture import choose_photograph, pixels_of
from glassworks.reader.figures.photographs import photograph
from glassworks.reader.figures.shares import percent

Given = tuple[np.ndarray, Tensor]  # what is shown to the reader, what the network gets


def _plain(found: Classifier, pixels: np.ndarray) -> Given:
    seen = found.view(pixels)
    return seen, found.prepared(seen)


def _turned(found: Classifier, pixels: np.ndarray) -> Given:
    return _plain(found, np.ascontiguousarray(np.rot90(pixels)))


def _swapped(found: Classifier, pixels: np.ndarray) -> Given:
    return _plain(found, np.ascontiguousarray(pixels[..., ::-1]))


def _unscaled(found: Classifier, pixels: np.ndarray) -> Given:
    """Bytes where 0 to 1 was expected, and no mean and spread."""
    seen = found.view(pixels)
    return seen, torch.from_numpy(np.array(seen)).permute(2, 0, 1)[None].float()


def _squeezed(found: Classifier, pixels: np.ndarray) -> Given:
    seen = np.full((found.how.height, found.how.width, 3), 255, np.uint8)
    flat = Image.fromarray(found.view(pixels)).resize((found.how.width, found.how.height // 3))
    seen[: flat.height] = np.asarray(flat)
    return seen, found.prepared(seen)


def _tiny(found: Classifier, pixels: np.ndarray) -> Given:
    small = Image.fromarray(found.view(pixels)).resize((32, 32), Image.Resampling.BOX)
    seen = np.asarray(small.resize((found.how.width, found.how.height), Image.Resampling.BILINEAR))
    return seen, found.prepared(seen)


def _dark(found: Classifier, pixels: np.ndarray) -> Given:
    return _plain(found, pixels // 8)


WAYS: dict[str, Callable[[Classifier, np.ndarray], Given]] = {
    "as it should be": _plain,
    "turned: the camera's note was not read": _turned,
    "blue and red exchanged": _swapped,
    "bytes that were not scaled": _unscaled,
    "squeezed to a third, on white": _squeezed,
    "a thumbnail of 32 × 32, enlarged": _tiny,
    "at night: an eighth of the light": _dark,
}
Run = tuple[str, str, str]


@lru_cache(maxsize=64)
def said(name: str, own: str, way: str) -> tuple[np.ndarray, list[tuple[str, float]]] | None:
    """What is shown and the three likeliest names; None where the weights are not installed."""
    try:
        found = classifier()
    except PersonError as missing:
        if missing.code != "weights-missing":
            raise
        return None
    mine = pixels_of(own) if own else None
    shown, inputs = WAYS[way](found, photograph(name) if mine is None else mine)
    return shown, found.top(found.shares(inputs), 3)


class SentWrongly(Measured):
    title = "The same photograph, sent wrongly"
    says = (
        "None of these gives an error: the shape is right each time. Some change the answer, some only how "
        "sure it is. What the network was trained with must travel with it."
    )
    controls = (
        choose_photograph("a cat"),
        OwnPicture(),
        Choose("way", "it arrives", {way: way for way in WAYS}, value="bytes that were not scaled"),
    )
    doing = "Asking"

    def runs(self, name: str, own: str, way: str) -> tuple[Run, ...]:
        return tuple(dict.fromkeys(((name, own, way), (name, own, "as it should be"))))

    def measure(self, run: Run) -> Any:
        return said(*run)

    @or_how_to_get
    def show(self, known: Mapping[Run, Any], name: str, own: str, way: str) -> str:
        if any(one is None for one in known.values()):
            classifier()  # says what is missing
        drawn = []
        for told in ("as it should be", way):
            found = known.get((name, own, told))
            if found is not None and (told == way or way != "as it should be"):
                rows = [[label, percent(share)] for label, share in found[1]]
                drawn.append(draw.picture(found[0], told, width=180) + draw.table(["it says", ""], rows))
        return draw.columns(*drawn) if drawn else ""
