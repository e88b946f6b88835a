"""The same photograph at other sizes, and prepared in other ways: what a published network answers.

Filters slide over any size, and the mean over the last maps makes 1,280 numbers of each; so an EfficientNet
takes 64 pixels or 288. But it learned pictures of 224 pixels, scaled to -1 … 1, and answers best about such.
The first thing to change: `SIDES`.

Source: Tan & Le 2019, arXiv 1905.11946; on size: Touvron et al. 2019, arXiv 1906.06423.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from glassworks.core.errors import PersonError
from glassworks.labs.small_lite0 import lite0
from glassworks.reader import draw
from glassworks.reader.figure import JPEG, Choose, OwnPicture
from glassworks.reader.figures.lite0 import classifier, or_how_to_get
from glassworks.reader.figures.measured import Measured
from glassworks.reader.figures.own_picture import choose_photograph, pixels_of
from glassworks.reader.figures.photographs import PLAIN, photograph
from glassworks.reader.figures.shares import share_bars

SIDES = {"224, as it learned": 224, "64": 64, "96": 96, "128": 128, "160": 160, "288": 288}
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, which other weights were trained with
WAYS: dict[str, Callable[[Tensor], Tensor]] = {
    "right": lambda some: (some - 0.5) / 0.5,
    "other": lambda some: (some - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None],
    "plain": lambda some: some,
    "bytes": lambda some: 255 * some,
    "turned": lambda some: ((some - 0.5) / 0.5).flip(0),
}
PREPARED = {
    "as the weights want it: −1 … 1": "right", "with another network's mean and spread": "other",
    "0 … 1": "plain", "bytes, 0 … 255": "bytes", "blue and red swapped": "turned",
}  # fmt: skip
Run = tuple[str, int, str]
Answers = list[tuple[str, float]]


def window(name: str, side: int) -> np.ndarray:
    """The middle of a picture as the weights want it cut, uint8 (side, side, 3).

    name: of a photograph, or the reader's own picture as `OwnPicture` sends it
    """
    own = pixels_of(name) if name.startswith(JPEG) else photograph(name)
    whole, how = Image.fromarray(photograph(PLAIN) if own is None else own), classifier().how
    cut = how.crop * min(whole.size)
    left, top = (whole.width - cut) / 2, (whole.height - cut) / 2
    seen = whole.resize((side, side), Image.Resampling.BICUBIC, box=(left, top, left + cut, top + cut))
    return np.asarray(seen)


@lru_cache(maxsize=64)
def answered(run: Run) -> Answers | None:
    """The five largest shares; None where the weights are not installed."""
    name, side, way = run
    try:
        told = classifier()
    except PersonError as missing:
        if missing.code != "weights-missing":
            raise
        return None
    some = torch.tensor(window(name, side)).permute(2, 0, 1).float() / 255
    with torch.inference_mode():
        return told.top(F.softmax(lite0(side)(WAYS[way](some)[None]), dim=1)[0])


class AnotherSize(Measured):
    title = "Another size, another scale"
    says = (
        "The network takes the photograph at any size from 32 pixels on; at 96 it still names the cup of "
        "espresso, at 64 it does not. As bytes it answers nonsense, without an error. Smaller mistakes "
        "hardly show."
    )
    controls = (
        choose_photograph("a cup of coffee"),
        OwnPicture(),
        Choose("side", "pixels on a side", SIDES),
        Choose("way", "prepared", PREPARED),
    )

    def runs(self, name: str, own: str, side: int, way: str, **_: Any) -> tuple[Run, ...]:
        return ((own or name, side, way),)

    def measure(self, run: Run) -> Answers | None:
        return answered(run)

    @or_how_to_get
    def show(
        self, known: Mapping[Run, Answers | None], name: str, own: str, side: int, way: str, **_: Any
    ) -> str:
        found = known.get((own or name, side, way))
        if found is None:
            classifier()  # says what is missing, if anything is
            return draw.note("The network is being asked.")
        maps = -(-side // 32)
        facts = [
            ["last maps", f"{maps} × {maps}"],
            ["features", "1,280"],
            ["work, 224 is 1", f"{(side / 224) ** 2:.2f}"],
        ]
        told = f"{'your picture' if own else name}, {side} × {side}"
        seen = draw.picture(window(own or name, side), told, width=150)
        return draw.columns(seen, share_bars(found, "shares")) + draw.table(["", ""], facts)
