"""Three things to learn from a picture, and as well from a text or a series: its class, its labels, a number.

Each task turns a model's raw outputs into a loss while training, and into answers a person can read
afterwards. The model knows nothing of this: it gives (batch, outputs) numbers.

Label smoothing: Szegedy et al. 2015, arXiv 1512.00567.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassworks.tasks import Loss, asked


@dataclass(frozen=True)
class ImageClassification:
    """One class a picture: cross-entropy, probabilities that sum to 1.

    classes:       number of classes
    smoothing:     share of the target spread over all classes, 0 to below 1
    class_weights: weight of each class in the loss, or () for equal ones
    """

    classes: int
    smoothing: float = 0.0
    class_weights: tuple[float, ...] = ()

    name = "image-classification"
    primary = "accuracy"
    larger_is_better = True

    @property
    def outputs(self) -> int:
        return self.classes

    def loss(self, model: nn.Module, batch: Any, generator: torch.Generator | None = None) -> Loss:
        """Mean over the batch; with class weights a plain mean too, so that batches add up."""
        scores = asked(model, batch)
        each = F.cross_entropy(
            scores.float(), batch.targets, label_smoothing=self.smoothing, reduction="none"
        )
        if self.class_weights:
            weights = torch.tensor(self.class_weights, device=each.device)
            each = each * weights[batch.targets]
        return Loss(each.mean())

    def answers(self, outputs: Tensor) -> np.ndarray:
        """(batch, classes) raw outputs -> probabilities, float64."""
        return outputs.double().softmax(1).cpu().numpy()

    def metrics(self, scores: np.ndarray, targets: np.ndarray) -> dict[str, float]:
        """Quick figures for the log, without the smoothing of the training loss."""
        right = scores[np.arange(len(targets)), targets]
        return {
            "loss": float(-np.log(np.maximum(right, 1e-12)).mean()),
            "accuracy": float((scores.argmax(1) == targets).mean()),
        }


@dataclass(frozen=True)
class ImageTagging:
    """Any number of labels a picture: one yes-or-no question a class."""

    classes: int
    smoothing: float = 0.0
    class_weights: tuple[float, ...] = ()

    name = "image-tagging"
    primary = "macro_f1"
    larger_is_better = True

    @property
    def outputs(self) -> int:
        return self.classes

    def loss(self, model: nn.Module, batch: Any, generator: torch.Generator | None = None) -> Loss:
        targets = batch.targets * (1 - self.smoothing) + self.smoothing / 2
        each = F.binary_cross_entropy_with_logits(asked(model, batch).float(), targets, reduction="none")
        if self.class_weights:
            each = each * torch.tensor(self.class_weights, device=each.device)
        return Loss(each.mean())

    def answers(self, outputs: Tensor) -> np.ndarray:
        """(batch, classes) raw outputs -> one probability a class, float64."""
        return outputs.double().sigmoid().cpu().numpy()

    def metrics(self, scores: np.ndarray, targets: np.ndarray) -> dict[str, float]:
        said, true = scores >= 0.5, targets.astype(bool)
        hits, both = (said & true).sum(0), said.sum(0) + true.sum(0)
        f1 = np.where(both > 0, 2 * hits / np.maximum(both, 1), 1.0)
        clipped = np.clip(scores, 1e-12, 1 - 1e-12)
        loss = -np.where(true, np.log(clipped), np.log(1 - clipped)).mean()
        return {"loss": float(loss), "macro_f1": float(f1.mean())}


@dataclass(frozen=True)
class ImageRegression:
    """One number a picture: squared error on the standardised number.

    mean, std: of the training part's numbers; answers come back in the person's own units
    """

    mean: float
    std: float

    name = "image-regression"
    primary = "mae"
    larger_is_better = False

    @property
    def outputs(self) -> int:
        return 1

    def loss(self, model: nn.Module, batch: Any, generator: torch.Generator | None = None) -> Loss:
        wanted = (batch.targets - self.mean) / self.std
        return Loss(F.mse_loss(asked(model, batch).float()[:, 0], wanted))

    def answers(self, outputs: Tensor) -> np.ndarray:
        """(batch, 1) raw outputs -> (batch, 1) numbers in the person's units, float64."""
        return (outputs.double() * self.std + self.mean).cpu().numpy()

    def metrics(self, scores: np.ndarray, targets: np.ndarray) -> dict[str, float]:
        error = scores[:, 0] - targets
        return {"loss": float(np.mean((error / self.std) ** 2)), "mae": float(np.abs(error).mean())}


ImageTask = ImageClassification | ImageTagging | ImageRegression


def image_task(
    kind: str,
    targets: np.ndarray,
    classes: tuple[str, ...],
    *,
    smoothing: float = 0.0,
    class_weights: tuple[float, ...] = (),
) -> ImageTask:
    """The task for a table's kind; `targets` are those of the training part."""
    if kind == "label":
        return ImageClassification(len(classes), smoothing, class_weights)
    if kind == "labels":
        return ImageTagging(len(classes), smoothing, class_weights)
    return ImageRegression(float(np.mean(targets)), float(np.std(targets)) or 1.0)
