"""A forecaster as one ONNX file: the last steps in the person's own units in, quantiles of what follows out.

Scales, the continuation of the season and the network are all inside. "series" float32 (batch, history,
channels), padded at the end, and "lengths" int64 (batch,) go in; "quantiles" float32 (batch, horizon, wanted,
quantiles) comes out. What is missing must be filled before, by the value before it, as in training.

The first thing to change: `ForecastAsShipped.forward`, what else leaves the model.

Axes: batch; history = steps seen; channels = numbers a step; horizon = steps ahead; wanted; quantiles.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.export import Dim

from glassworks.core.files import writing
from glassworks.deploy.formats import OPSET, quiet, without_notes
from glassworks.deploy.subject import need

SERIES, LENGTHS, QUANTILES = "series", "lengths", "quantiles"
Ask = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""float32 (batch, history, channels), lengths int64 (batch,) -> (batch, horizon, wanted, quantiles)."""


class ForecastAsShipped(nn.Module):
    """A `models.sequence.forecaster.Forecaster` with its scales: mean, std of each channel in training."""

    mean: Tensor
    std: Tensor

    def __init__(self, model: nn.Module, mean: tuple[float, ...], std: tuple[float, ...], wanted: int):
        super().__init__()
        self.model, self.wanted = model, wanted
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32))

    def forward(
        self, series: Float[Tensor, "batch history channels"], lengths: Int[Tensor, "batch"]
    ) -> Float[Tensor, "batch horizon wanted quantiles"]:
        said = self.model.forecast((series - self.mean) / self.std, lengths)  # type: ignore[operator]
        return said * self.std[: self.wanted, None] + self.mean[: self.wanted, None]


def forecast_to_onnx(shipped: ForecastAsShipped, history: int, path: str | Path) -> Path:
    """Write the whole computation. Raises PersonError("missing-extra") without onnx and onnxscript."""
    need("export", "onnx", "onnxscript")
    import onnx

    example = (torch.zeros(2, history, len(shipped.mean)), torch.tensor([history, max(1, history - 1)]))
    batch = Dim("batch", min=1, max=65536)
    with quiet():
        program: Any = torch.onnx.export(
            shipped.eval(), example, dynamo=True, input_names=[SERIES, LENGTHS], output_names=[QUANTILES],
            opset_version=OPSET, verbose=False, dynamic_shapes={SERIES: {0: batch}, LENGTHS: {0: batch}},
        )  # fmt: skip
    network = without_notes(program.model_proto)
    onnx.checker.check_model(network)
    with writing(path) as aside:
        aside.write_bytes(network.SerializeToString())
    return Path(path)


def live(shipped: ForecastAsShipped) -> Ask:
    """The live model as a function: what the file is compared with."""
    shipped = shipped.eval()

    def ask(series: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return shipped(torch.from_numpy(series), torch.from_numpy(lengths)).numpy()

    return ask


def forecast_predictor(path: str | Path) -> Ask:
    """An ONNX file of a forecaster as a function, by onnxruntime alone."""
    need("export", "onnxruntime")
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def ask(series: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        return session.run([QUANTILES], {SERIES: series, LENGTHS: lengths})[0]

    return ask
