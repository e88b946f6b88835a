"""What is shipped: a model together with everything that turns pixels into answers.

A file that holds only the network is half a model: whoever uses it must know how pixels were scaled and what
its numbers mean. So what is exported here takes the bytes of a decoded, resized picture, scales them inside,
and gives probabilities (or the number in the person's own units) beside what the last layer sees, from which
"none of these" is told. The first thing to change: what else leaves the model, in `AsShipped.forward`.

Axes: batch, height, width, channels; answers = one a class, or 1 for a number; width of the features.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from glassworks.core.errors import PersonError
from glassworks.core.rows import Kind, PictureInput
from glassworks.judging.metrics import Cut

Predict = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Pixels, uint8 (batch, height, width, channels) -> answers and features, float32 (batch, …) each."""


@dataclass(frozen=True)
class Subject:
    """A model as it is shipped.

    model:   pictures -> scores, with `.features` and `.head`; in evaluation mode, on the processor
    how:     size, channels and scaling of its pictures
    kind:    "label", "labels" or "number"
    classes: names in the order of the outputs; empty for a number
    number:  (mean, standard deviation) of the training numbers, for kind "number" alone
    card:    what card.json says
    """

    model: nn.Module
    how: PictureInput
    kind: Kind
    classes: tuple[str, ...]
    number: tuple[float, float] | None = None
    card: dict = field(default_factory=dict)

    def __post_init__(self):
        if self.kind not in ("label", "labels", "number"):
            raise ValueError(f'a model of kind "{self.kind}" has no answers to ship')
        if (self.kind == "number") != (self.number is not None):
            raise ValueError("mean and standard deviation belong to a number, and only to a number")

    @property
    def cut(self) -> Cut:
        """The decision threshold of the card, None for the usual one."""
        threshold = self.card.get("threshold")
        if not threshold:
            return None
        value = threshold["value"]
        return np.asarray(value, np.float64) if isinstance(value, (list, tuple)) else float(value)

    @property
    def pixel_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of one picture."""
        return self.how.height, self.how.width, self.how.channels

    def example(self, batch: int = 2) -> np.ndarray:
        """Pixels of the right shape with every value from 0 to 255, for tracing and warming up."""
        count = batch * int(np.prod(self.pixel_shape))
        return (np.arange(count) % 256).astype(np.uint8).reshape(batch, *self.pixel_shape)


class AsShipped(nn.Module):
    """Pixels in, answers and features out; nothing else is needed but decoding and resizing."""

    scale: Tensor
    offset: Tensor

    def __init__(
        self, subject: Subject, model: nn.Module | None = None, precision: torch.dtype = torch.float32
    ):
        """model: another form of the subject's, such as one with folded norms; precision: of its weights."""
        super().__init__()
        self.model = subject.model if model is None else model
        self.kind, self.number, self.precision = subject.kind, subject.number, precision
        mean, std = (
            torch.tensor(numbers, dtype=torch.float32) * 255
            for numbers in (subject.how.mean, subject.how.std)
        )
        self.register_buffer("scale", (1 / std)[:, None, None])
        self.register_buffer("offset", (-mean / std)[:, None, None])

    def forward(
        self, pixels: UInt8[Tensor, "batch height width channels"]
    ) -> tuple[Float[Tensor, "batch answers"], Float[Tensor, "batch width"]]:
        pictures = pixels.permute(0, 3, 1, 2).float() * self.scale + self.offset  # (batch, channels, h, w)
        features = self.model.features(pictures.to(self.precision))  # type: ignore[operator]
        scores = self.model.head(features).float()  # type: ignore[operator]
        return in_words(scores, self.kind, self.number), features.float()


def in_words(scores: Tensor, kind: Kind, number: tuple[float, float] | None) -> Tensor:
    """Raw scores (batch, outputs) as probabilities, or as the number in its own units."""
    if kind == "label":
        return scores.softmax(dim=1)
    if kind == "labels":
        return scores.sigmoid()
    mean, std = number or (0.0, 1.0)
    return scores * std + mean


def eager(subject: Subject) -> Predict:
    """The live model as a function, by its own `forward`: what every export is compared with."""
    shipped = AsShipped(subject).eval()

    def predict(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with torch.inference_mode():
            batch = torch.from_numpy(np.ascontiguousarray(pixels))
            pictures = batch.permute(0, 3, 1, 2).float() * shipped.scale + shipped.offset
            features = subject.model.features(pictures).float()  # type: ignore[operator]
            answers = in_words(subject.model(pictures).float(), subject.kind, subject.number)
        return answers.numpy(), features.numpy()

    return predict


def in_batches(predict: Predict, pixels: np.ndarray, size: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Answers and features of many pictures, `size` at a time so that memory stays small."""
    parts = [predict(pixels[start : start + size]) for start in range(0, len(pixels), size)]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def need(extra: str, *modules: str) -> None:
    """Raises PersonError("missing-extra") with the command, when an optional package is not installed."""
    absent = [name for name in modules if importlib.util.find_spec(name) is None]
    if absent:
        raise PersonError(
            "missing-extra",
            expected="the optional packages " + ", ".join(modules),
            got=f"{', '.join(absent)} not installed",
            fix=f'pip install "glassworks[{extra}]"',
        )
