"""EfficientNet-Lite0 with its published weights, on small pictures: what the labs on transfer share.

The weights were learned on pictures of 224 pixels. Filters slide over any size, so a lab of many pictures
asks the same network at 96 pixels, in a tenth of the time. Small pictures are enlarged to that.
The first thing to change: `SIDE`.

Source: Tan & Le 2019, arXiv 1905.11946; file, licence and digest stand in `weights/published.py`.
Axes: rows are pictures; features = the 1,280 numbers that the head sees of each.
"""

from functools import lru_cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from glassworks.api.pretrained import pretrained
from glassworks.core.keyed import permutation
from glassworks.data.decode import open_picture
from glassworks.data.samples import sample_table
from glassworks.labs.digits import Part
from glassworks.models.vision.efficientnet import EfficientNet, EfficientNetConfig

SIDE, KEPT = 96, 32  # pixels that Lite0 sees, and that a picture is kept with
BATCH = 64  # pictures that go through it at once


def lite0(side: int = SIDE) -> EfficientNet:
    """A network of the caller's own with the published weights, in evaluation mode.

    Raises PersonError("weights-missing") where they are not installed.
    """
    found = pretrained("efficientnet", "imagenet", "lite0")
    assert found.model is not None
    config = EfficientNetConfig(**(found.model | {"height": side, "width": side}))
    with torch.random.fork_rng(devices=[]):  # the start is overwritten; nobody else's dice are touched
        model = EfficientNet(config)
    model.load_state_dict(found.tensors(config))
    return model.eval().to(memory_format=torch.channels_last)


@lru_cache(maxsize=4)
def pictures(name: str, kept: int = KEPT) -> Part:
    """A sample's pictures in colour, 0 to 1, (rows, 3, kept, kept), and its classes; read once.

    Pictures that are not square are stretched, as fine-tuning does. Raises PersonError("sample-missing").
    """
    table = sample_table(name)
    made = [_square(source, kept) for source in table.sources]
    pixels = torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2).float() / 255  # (rows, 3, kept, kept)
    return Part(pixels.contiguous(), torch.from_numpy(np.asarray(table.targets)))


def _square(source: Any, side: int) -> np.ndarray:
    image = Image.fromarray(source) if isinstance(source, np.ndarray) else open_picture(source)
    small = image.convert("RGB")
    if small.size != (side, side):
        small = small.resize((side, side), Image.Resampling.BICUBIC, reducing_gap=2.0)
    return np.asarray(small)


def as_seen(some: Tensor, side: int = SIDE) -> Tensor:
    """Pictures 0 to 1 as Lite0 wants them: -1 to 1, (rows, 3, side, side)."""
    if some.shape[-1] != side:
        some = F.interpolate(some, (side, side), mode="bilinear", align_corners=False, antialias=True)
    return ((some - 0.5) / 0.5).contiguous(memory_format=torch.channels_last)


def features(model: EfficientNet, some: Tensor, side: int = SIDE) -> Tensor:
    """What the head would see of pictures 0 to 1, (rows, 1280), in the mode that the model is in."""
    with torch.no_grad():
        return torch.cat([model.features(as_seen(rows, side)) for rows in some.split(BATCH)])


def dealt(part: Part, each: int, test: int, seed: int, name: str) -> tuple[Tensor, Tensor]:
    """Row numbers: `each` pictures of every class to learn from, and up to `test` others of each to judge by.

    Fewer are a part of more, and the test rows do not depend on `each`.
    """
    learn, judge = [], []
    for number in range(int(part.targets.max()) + 1):
        rows = torch.nonzero(part.targets == number)[:, 0]
        order = rows[torch.from_numpy(permutation(len(rows), seed, name, number))]
        if len(order) < test + each:
            raise ValueError(f"{name}: expected {test + each} pictures of class {number}; got {len(order)}")
        judge.append(order[:test])
        learn.append(order[test : test + each])
    return torch.cat(learn), torch.cat(judge)
