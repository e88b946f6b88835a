"""Readers of texts and of series as files: numbers and their lengths in, answers out, of any batch.

What is shipped answers in words a person can use: a reader of series takes their own units, with the scale of
the training part inside the file; a forecaster gives quantiles in those units; a reader of texts takes the
numbers of its tokenizer, which travels beside it. All take (inputs, lengths), padded at the end, lengths
int64 (batch,). The recurrent layers are ONNX's own, which know lengths.

The first thing to change: `forward` of the three modules, what else leaves a model.

Axes: batch; time = steps or tokens; channels = numbers a step; answers = one a class, or 1 for a number;
width of the features; horizon = steps ahead; wanted = channels that are forecast; quantiles.
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

SERIES, TOKENS, LENGTHS, QUANTILES = "series", "tokens", "lengths", "quantiles"
MOST_STEPS = 1_000_000
Ask = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, ...]]
"""inputs (batch, time[, channels]), lengths int64 (batch,) -> the outputs in order, float32 (batch, …)."""


@dataclass(frozen=True)
class Shipped:
    """A reader of sequences as it is shipped.

    module:  inputs, lengths -> a tensor for each name of `outputs`
    example: inputs and lengths to trace it with; inputs: what the file calls them
    longest: steps or tokens that it takes; None: exactly those of the example
    """

    module: nn.Module
    example: tuple[Tensor, Tensor]
    inputs: str
    outputs: tuple[str, ...]
    longest: int | None

    def to_onnx(self, path: str | Path) -> Path:
        """Write the whole computation as ONNX. Raises PersonError("missing-extra")."""
        batch = Dim("batch", min=1, max=65536)
        sizes: dict[int, Any] = {0: batch}
        if self.longest is not None:
            least = 2 if self.inputs == TOKENS else 1  # attention over one token is another graph
            sizes[1] = Dim("time", min=least, max=self.longest)
        return write_network(
            self.module, self.example, path, inputs=(self.inputs, LENGTHS), outputs=self.outputs,
            sizes=(sizes, {0: batch}),
        )  # fmt: skip

    def live(self) -> Ask:
        """The live model as a function: what a file is compared with."""

        def ask(inputs: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, ...]:
            with torch.inference_mode():
                said = self.module(torch.from_numpy(inputs), torch.from_numpy(lengths))
            return tuple(tensor.numpy() for tensor in said)

        return ask

    def predictor(self, path: str | Path, threads: int | None = None) -> Ask:
        """An ONNX file as a function, by onnxruntime alone. threads: as torch has, unless named."""
        session = session_of(path, threads)

        def ask(inputs: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, ...]:
            return tuple(session.run(None, {self.inputs: inputs, LENGTHS: lengths}))

        return ask


class SeriesAsShipped(nn.Module):
    """Series in the person's units in, answers and features out."""

    mean: Tensor
    std: Tensor

    def __init__(
        self, model: nn.Module, kind: Kind, mean: tuple[float, ...], std: tuple[float, ...],
        number: tuple[float, float] | None = None,
    ):  # fmt: skip
        """mean, std: of each channel in training; number: of the targets, for kind "number" alone."""
        super().__init__()
        self.model, self.kind, self.number = model, kind, number
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32))

    def forward(
        self, series: Float[Tensor, "batch time channels"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch answers"], Float[Tensor, "batch width"]]:
        features = self.model.features((series - self.mean) / self.std, lengths)  # type: ignore[operator]
        scores = self.model.head(features).float()  # type: ignore[operator]
        return in_words(scores, self.kind, self.number), features.float()


class TextsAsShipped(nn.Module):
    """Numbers of tokens in, answers and features out."""

    def __init__(self, model: nn.Module, kind: Kind, number: tuple[float, float] | None = None):
        super().__init__()
        self.model, self.kind, self.number = model, kind, number

    def forward(
        self, tokens: Int[Tensor, "batch time"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch answers"], Float[Tensor, "batch width"]]:
        features = self.model.features(tokens, lengths)  # type: ignore[operator]
        scores = self.model.head(features).float()  # type: ignore[operator]
        return in_words(scores, self.kind, self.number), features.float()


class ForecastAsShipped(nn.Module):
    """A `models.sequence.forecaster.Forecaster`: the last steps in the person's units in, quantiles out."""

    mean: Tensor
    std: Tensor

    def __init__(self, model: nn.Module, mean: tuple[float, ...], std: tuple[float, ...], wanted: int):
        super().__init__()
        self.model, self.wanted = model, wanted
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32))

    def forward(
        self, series: Float[Tensor, "batch history channels"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch horizon wanted quantiles"]]:
        said = self.model.forecast((series - self.mean) / self.std, lengths)  # type: ignore[operator]
        return (said * self.std[: self.wanted, None] + self.mean[: self.wanted, None],)


def shipped_series(
    model: nn.Module, kind: Kind, mean: tuple[float, ...], std: tuple[float, ...],
    number: tuple[float, float] | None = None,
) -> Shipped:  # fmt: skip
    """A reader of labelled series, which may be of any length."""
    example = torch.zeros(2, 12, len(mean)), torch.tensor([12, 7])
    module = SeriesAsShipped(model, kind, mean, std, number).eval()
    return Shipped(module, example, SERIES, (ANSWERS, FEATURES), MOST_STEPS)


def shipped_texts(
    model: nn.Module, kind: Kind, context: int, number: tuple[float, float] | None = None
) -> Shipped:
    """A reader of texts of 2 to `context` tokens, padding included."""
    length = min(8, context)
    example = torch.ones(2, length, dtype=torch.long), torch.tensor([length, max(1, length - 3)])
    return Shipped(TextsAsShipped(model, kind, number).eval(), example, TOKENS, (ANSWERS, FEATURES), context)


def shipped_forecaster(
    model: nn.Module, history: int, mean: tuple[float, ...], std: tuple[float, ...], wanted: int
) -> Shipped:
    """A forecaster, whose input is always `history` steps long, filled up at the end."""
    example = torch.zeros(2, history, len(mean)), torch.tensor([history, max(1, history - 1)])
    module = ForecastAsShipped(model, mean, std, wanted).eval()
    return Shipped(module, example, SERIES, (QUANTILES,), None)


def write_network(
    module: nn.Module, example: tuple[Tensor, ...], path: str | Path, *, inputs: tuple[str, ...],
    outputs: tuple[str, ...], sizes: tuple[Any, ...],
) -> Path:  # fmt: skip
    """Write a module as ONNX. sizes: of each input the axes that may be of any size, as `torch.export.Dim`.

    Raises PersonError("missing-extra") without onnx, onnxscript.
    """
    need("export", "onnx", "onnxscript")
    import onnx

    with quiet():
        program: Any = torch.onnx.export(
            module, example, dynamo=True, input_names=list(inputs), output_names=list(outputs),
            opset_version=OPSET, verbose=False, dynamic_shapes=sizes,
        )  # fmt: skip
    network = without_notes(program.model_proto)
    onnx.checker.check_model(network)
    with writing(path) as aside:
        aside.write_bytes(network.SerializeToString())
    return Path(path)


def session_of(path: str | Path, threads: int | None = None) -> Any:
    """An ONNX file in onnxruntime. threads: as torch has, unless named."""
    need("export", "onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or torch.get_num_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def padded(
    rows: list[np.ndarray], padding: float, *, length: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Sequences (time[, channels]) as one batch, filled up at the end, and their lengths, int64.

    length: of the batch; left out: that of the longest
    """
    lengths = np.array([len(row) for row in rows], np.int64)
    batch = np.full((len(rows), length or int(lengths.max()), *rows[0].shape[1:]), padding, rows[0].dtype)
    for place, row in enumerate(rows):
        batch[place, : len(row)] = row
    return batch, lengths
