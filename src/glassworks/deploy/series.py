"""A reader of series as one ONNX file: numbers in the person's own units in, probabilities out.

The scale of the training part is inside the file: "series" float32 (batch, time, channels) and "lengths"
int64 (batch,) go in, any batch and any time, padded at the end. The recurrent layers are ONNX's own, which
know lengths. What is missing must be filled before, by the step before it, as in training.

The first thing to change: `SeriesAsShipped.forward`, what else leaves the model.

Axes: batch; time = steps; channels; answers = one a class, or 1 for a number; width of the features.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.export import Dim

from glassworks.core.files import writing
from glassworks.core.rows import Kind
from glassworks.deploy.formats import ANSWERS, FEATURES, OPSET, quiet, without_notes
from glassworks.deploy.subject import in_words, need

SERIES, LENGTHS = "series", "lengths"
Ask = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""series float32 (batch, time, channels), lengths int64 (batch,) -> answers and features, float32."""


@dataclass(frozen=True)
class SeriesSubject:
    """A reader of series as it is shipped.

    model: series, lengths -> scores, with `.features` and `.head`; in evaluation mode, on the processor
    mean, std: of each channel in training; number: mean and spread of the targets, for kind "number" alone
    """

    model: nn.Module
    mean: tuple[float, ...]
    std: tuple[float, ...]
    kind: Kind
    number: tuple[float, float] | None = None


class SeriesAsShipped(nn.Module):
    """Series in the person's units in, answers and features out."""

    mean: Tensor
    std: Tensor

    def __init__(self, subject: SeriesSubject):
        super().__init__()
        self.model, self.kind, self.number = subject.model, subject.kind, subject.number
        self.register_buffer("mean", torch.tensor(subject.mean, dtype=torch.float32))
        self.register_buffer("std", torch.tensor(subject.std, dtype=torch.float32))

    def forward(
        self, series: Float[Tensor, "batch time channels"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch answers"], Float[Tensor, "batch width"]]:
        scaled = (series - self.mean) / self.std
        features = self.model.features(scaled, lengths)  # type: ignore[operator]
        scores = self.model.head(features).float()  # type: ignore[operator]
        return in_words(scores, self.kind, self.number), features.float()


def series_to_onnx(subject: SeriesSubject, path: str | Path) -> Path:
    """Write the whole computation as ONNX. Raises PersonError("missing-extra") without onnx, onnxscript."""
    need("export", "onnx", "onnxscript")
    import onnx

    example = (torch.zeros(2, 12, len(subject.mean)), torch.tensor([12, 7]))
    batch, time = Dim("batch", min=1, max=65536), Dim("time", min=1, max=1_000_000)
    with quiet():
        program: Any = torch.onnx.export(
            SeriesAsShipped(subject).eval(), example, dynamo=True, input_names=[SERIES, LENGTHS],
            output_names=[ANSWERS, FEATURES], opset_version=OPSET, verbose=False,
            dynamic_shapes={SERIES: {0: batch, 1: time}, LENGTHS: {0: batch}},
        )  # fmt: skip
    network = without_notes(program.model_proto)
    onnx.checker.check_model(network)
    with writing(path) as aside:
        aside.write_bytes(network.SerializeToString())
    return Path(path)


def live(subject: SeriesSubject) -> Ask:
    """The live model as a function: what the file is compared with."""
    shipped = SeriesAsShipped(subject).eval()

    def ask(series: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with torch.inference_mode():
            answers, features = shipped(torch.from_numpy(series), torch.from_numpy(lengths))
        return answers.numpy(), features.numpy()

    return ask


def series_predictor(path: str | Path) -> Ask:
    """An ONNX file of series as a function, by onnxruntime alone."""
    need("export", "onnxruntime")
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def ask(series: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        answers, features = session.run([ANSWERS, FEATURES], {SERIES: series, LENGTHS: lengths})
        return answers, features

    return ask
