"""Which engine answers fastest here: no fixed choice wins, so they are measured and the best is taken.

The same weights run in several ways: PyTorch as it is; with norms folded into the filters and channels last
in memory; in bf16; compiled; in onnxruntime; in eight bits. Which one is fastest depends on the network, the
batch and the processor, and a wrong fixed choice was measured to cost up to fourteen times. Those in float
must agree with the live model up to rounding, bf16 and int8 below an error that is stated and printed.
The first thing to change: MOST_ERROR.

Folding: a norm in evaluation is a multiplication and an addition for each filter, which the filter before it
can do by itself (Jacob et al. 2018, 1712.05877, section 3.2).
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from glassworks.deploy.formats import NETWORK, onnx_predictor, to_onnx
from glassworks.deploy.quantise import candidates as int8_candidates
from glassworks.deploy.subject import AsShipped, Predict, Subject, eager, in_batches
from glassworks.deploy.timing import Latency, latencies
from glassworks.deploy.verify import Apart, how_far

MOST_ERROR = (
    0.05  # largest difference of a probability that bf16 and int8 may make (of a number: in deviations)
)
LEAST_AGREEMENT = 0.99  # share of equal decisions
EAGER = "eager"


@dataclass(frozen=True)
class Engine:
    """A way to answer: pixels, uint8 (batch, height, width, channels) -> answers, features.

    exact: in float, so that only rounding may differ; apart: from the live model on the calibration pictures
    """

    name: str
    predict: Predict
    exact: bool
    apart: Apart

    def __call__(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.predict(pixels)

    def left_out(self, most_error: float = MOST_ERROR) -> str:
        """Why it may not be chosen, or an empty word."""
        apart = self.apart
        if self.exact:
            return (
                "" if apart.by_rounding else f"differs by {apart.difference:.2g}, more than rounding explains"
            )
        if apart.agrees < LEAST_AGREEMENT:
            return f"only {100 * apart.agrees:.1f} % of decisions are the same"
        return "" if apart.answers <= most_error else f"error {apart.answers:.2g}, above {most_error:g}"


@dataclass(frozen=True)
class Row:
    """One line of the table: an engine, its time for a batch, its error, and why it was left out."""

    name: str
    latency: Latency
    error: float
    agrees: float
    left_out: str


@dataclass(frozen=True)
class Chosen:
    """The engine that was chosen for a batch size on this machine, and what it was chosen from."""

    engine: Engine
    batch: int
    threads: int
    rows: tuple[Row, ...]

    @property
    def reason(self) -> str:
        """One sentence: what was chosen and how it compares with PyTorch as it is."""
        times = {row.name: row.latency.median for row in self.rows}
        own = times[self.engine.name]
        gain = times[EAGER] / own
        return (
            f"{self.engine.name}: {1e3 * own:.3g} ms for a batch of {self.batch} on {self.threads} "
            f"thread{'s' if self.threads > 1 else ''}, {gain:.1f} times as fast as eager; "
            f"largest difference of an answer {self.engine.apart.answers:.2g}"
        )

    def as_text(self) -> list[list[str]]:
        """A table, head first, fastest first."""
        head = ["engine", f"batch of {self.batch}", "largest error", "equal decisions", "left out because"]
        rows = sorted(self.rows, key=lambda row: row.latency.median)
        return [head] + [
            [row.name, str(row.latency), f"{row.error:.2g}", f"{100 * row.agrees:.1f} %", row.left_out or "–"]
            for row in rows
        ]


def candidates(
    subject: Subject,
    folder: str | Path,
    calibration: np.ndarray,
    *,
    int8: bool = True,
    compiled: bool = False,
) -> dict[str, Engine]:
    """Every way to answer that works here, each compared with the live model on the calibration pictures.

    folder: where the ONNX files go, to stay as long as the engines are used; calibration: training pixels
    int8: also eight bits, which take seconds to make
    compiled: also torch.compile, which costs tens of seconds to minutes
    Without the packages of "export" the engines of onnxruntime are left out.
    """
    live = eager(subject)
    made: dict[str, tuple[Predict, bool]] = {EAGER: (live, True), **_torch_engines(subject, compiled)}
    made |= _onnx_engines(subject, Path(folder), calibration, int8)
    truth = in_batches(live, calibration)
    engines = {}
    for name, (predict, exact) in made.items():
        apart = how_far(subject, truth, in_batches(predict, calibration))
        engines[name] = Engine(name, predict, exact, apart)
    return engines


def choose(
    engines: Mapping[str, Engine],
    pixels: np.ndarray,
    batch: int,
    *,
    most_error: float = MOST_ERROR,
    seconds: float = 2.0,
) -> Chosen:
    """Time every engine in turn on a batch and take the fastest whose error is small enough.

    pixels: some pictures, repeated up to `batch`; seconds: to spend on all engines together
    """
    block = np.resize(pixels, (batch, *pixels.shape[1:]))
    times = latencies(engines, block, seconds)
    rows = tuple(
        Row(name, times[name], engine.apart.answers, engine.apart.agrees, engine.left_out(most_error))
        for name, engine in engines.items()
    )
    allowed = [row for row in rows if not row.left_out]
    best = min(allowed, key=lambda row: row.latency.median)
    return Chosen(engines[best.name], batch, torch.get_num_threads(), rows)


# ---- the engines


def _torch_engines(subject: Subject, compiled: bool) -> dict[str, tuple[Predict, bool]]:
    folded = fold_norms(subject.model, _pictures(subject)).to(memory_format=torch.channels_last)
    half = copy.deepcopy(folded).to(torch.bfloat16)
    made: dict[str, tuple[Predict, bool]] = {
        "eager, folded, channels last": (_of_module(AsShipped(subject, folded).eval()), True),
        "eager bf16": (_of_module(AsShipped(subject, half, torch.bfloat16).eval()), False),
    }
    if compiled:
        shipped = torch.compile(AsShipped(subject, copy.deepcopy(folded)).eval(), dynamic=False)
        made["compiled"] = (_of_module(shipped), True)
    return made


def _onnx_engines(
    subject: Subject, folder: Path, calibration: np.ndarray, int8: bool
) -> dict[str, tuple[Predict, bool]]:
    import importlib.util

    if any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxscript", "onnxruntime")):
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    network = to_onnx(subject, folder / NETWORK)
    made: dict[str, tuple[Predict, bool]] = {"onnxruntime": (onnx_predictor(network), True)}
    for candidate in int8_candidates(subject, network, folder, calibration) if int8 else ():
        made[f"onnxruntime int8, {candidate.way}"] = (onnx_predictor(candidate.path), False)
    return made


def _of_module(module: Callable[[Tensor], Any]) -> Predict:
    def predict(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with torch.inference_mode():
            answers, features = module(torch.from_numpy(np.ascontiguousarray(pixels)))
        return answers.numpy(), features.numpy()

    return predict


def _pictures(subject: Subject) -> Tensor:
    height, width, channels = subject.pixel_shape
    return torch.linspace(-2, 2, 2 * channels * height * width).reshape(2, channels, height, width)


# ---- norms folded into the filters before them


def fold_norms(model: nn.Module, pictures: Tensor) -> nn.Module:
    """A copy in which each norm that directly follows a filter has become part of it.

    Which norm follows which filter is seen by sending `pictures` (float, as the model takes them) through.
    A copy that does not agree with the model, because a filter's output was used twice, is given up for a
    plain copy.
    """
    folded = copy.deepcopy(model).eval()
    for filter_name, norm_name in _pairs(folded, pictures):
        kernel, norm = folded.get_submodule(filter_name), folded.get_submodule(norm_name)
        fused = fuse_conv_bn_eval(kernel, norm)  # type: ignore[type-var, arg-type]
        _put(folded, filter_name, fused)
        _put(folded, norm_name, nn.Identity())
    with torch.inference_mode():
        before, after = model(pictures), folded(pictures)
    close = (before - after).abs().max() <= 1e-4 * max(1.0, float(before.abs().max()))
    return folded if close else copy.deepcopy(model).eval()


def _pairs(model: nn.Module, pictures: Tensor) -> list[tuple[str, str]]:
    """(filter, norm) names where the norm's input is the very tensor that the filter gave, each used once."""
    made: list[tuple[str, Tensor]] = []
    taken: list[tuple[str, Tensor]] = []
    handles = []
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            handles.append(
                module.register_forward_hook(lambda _m, _i, output, name=name: made.append((name, output)))
            )
        elif type(module) is nn.BatchNorm2d:  # a kind of its own may do more than scale
            handles.append(
                module.register_forward_pre_hook(
                    lambda _m, inputs, name=name: taken.append((name, inputs[0]))
                )
            )
    try:
        with torch.no_grad():
            model(pictures)
    finally:
        for handle in handles:
            handle.remove()
    once = {name for names in (made, taken) for name, _ in names if [n for n, _ in names].count(name) == 1}
    return [
        (filter_name, norm_name)
        for norm_name, given in taken
        for filter_name, output in made
        if output is given and {filter_name, norm_name} <= once
    ]


def _put(model: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(model.get_submodule(parent), own, module)
