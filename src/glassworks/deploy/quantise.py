"""Eight bits instead of thirty-two: a quarter of the size, and several times the speed where it pays.

Each weight and each map becomes a whole number from 0 to 255 times a scale. The scales of the weights are
read off (one a filter), those of the maps are measured on some training pictures: their smallest and largest
value, or the percentile that leaves out the rarest. Scaling the pixels at the door and the probabilities at
the end stay in float. Several ways are tried, from the whole network to one whose first and last layer stay
in float, and the fastest that still answers rightly is taken; when none does, the figures say so.

Paper: Jacob et al. 2018, "Quantization and training of neural networks for efficient integer-arithmetic-only
inference" (1712.05877); percentiles: Wu et al. 2020, "Integer quantization for deep learning inference"
(2004.09602). Networks with swish and squeeze-and-excite (EfficientNet-B0) lose much; ReLU ones little.
What was checked here was checked on this processor: one without VNNI instructions (before 2019) adds such
products in 16 bits, which may overflow, so check again where the file is to run.
The first thing to change: PERCENTILE.
"""

import contextlib
import io
import logging
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from glassworks.core.files import writing
from glassworks.deploy.formats import PIXELS, onnx_predictor
from glassworks.deploy.subject import Subject, eager, in_batches, need
from glassworks.deploy.timing import latencies
from glassworks.deploy.verify import Apart, how_far

MOST_PICTURES, FEWEST_PICTURES = 200, 32  # more than 200 change the scales little
MOST_PIXELS = 3_200_000  # of all calibration pictures: 64 of 224 x 224
AT_ONCE = 4  # pictures whose maps are held in memory together
PERCENTILE = 99.99
Scales = Literal["minmax", "percentile", "dynamic"]
Ends = Literal["none", "first", "both"]
LAYERS = ("Conv", "Gemm", "MatMul")
# Beside layers with weights, what stands between them, so that whole numbers stay whole numbers.
AROUND = ("Add", "MaxPool", "AveragePool", "GlobalAveragePool", "Relu", "Clip", "Concat", "Reshape",
          "Flatten", "Transpose", "Mul", "ReduceMean", "Squeeze")  # fmt: skip


@dataclass(frozen=True)
class Way:
    """One way to quantise.

    scales: "minmax" or "percentile" of the maps, or "dynamic": measured anew for each picture, which pays
            for dense layers only (ResNet-18 took 5 times as long as in float)
    ends:   which of the first and the last layer with weights stay in float
    """

    scales: Scales
    ends: Ends = "none"

    def __str__(self) -> str:
        scales = {"minmax": "static, smallest to largest", "percentile": "static, percentile"}
        ends = {"none": "", "first": ", first layer in float", "both": ", first and last layer in float"}
        return scales.get(self.scales, self.scales) + ends[self.ends]


# The first layer sees few channels: whole numbers make it slower in small networks, faster in large ones.
SCALES: tuple[Scales, ...] = ("percentile", "minmax")
ENDS: tuple[Ends, ...] = ("none", "first", "both")
DYNAMIC = Way("dynamic")


def quantise(network: str | Path, path: str | Path, way: Way, calibration: np.ndarray) -> Path:
    """Write the int8 form of an ONNX file; returns `path`.

    calibration: training pixels, uint8 (pictures, height, width, channels); at most 200 are used
    Raises PersonError("missing-extra") without onnx and onnxruntime.
    """
    need("export", "onnx", "onnxruntime")
    import onnx

    with tempfile.TemporaryDirectory(prefix="glassworks-") as name, _quiet():
        folder = Path(name)
        prepared, result = folder / "prepared.onnx", folder / "int8.onnx"
        _prepare(network, prepared)
        kept = nodes_in_float(onnx.load(prepared), way.ends)
        if way.scales == "dynamic":
            _dynamic(prepared, result, kept)
        else:
            _static(prepared, result, kept, way, calibration[: pictures_used(calibration)])
        with writing(path) as aside:
            aside.write_bytes(result.read_bytes())
    return Path(path)


@dataclass(frozen=True)
class Candidate:
    """An int8 file: the way it was made, and how far from the live model it is on calibration pictures."""

    way: Way
    path: Path
    apart: Apart
    latency: float  # seconds for one picture


def candidates(
    subject: Subject, network: str | Path, folder: str | Path, calibration: np.ndarray
) -> list[Candidate]:
    """Int8 files of an ONNX file, fastest first; of equal layers, the scales that change answers less.

    calibration: training pixels; the choice looks at no held-out picture
    """
    pixels = calibration[: pictures_used(calibration)]
    live = in_batches(eager(subject), pixels)

    def made(way: Way) -> tuple[Way, Path, Apart]:
        path = quantise(network, Path(folder) / f"int8-{way.scales}-{way.ends}.onnx", way, pixels)
        return way, path, how_far(subject, live, in_batches(onnx_predictor(path), pixels))

    whole = max((made(Way(scales)) for scales in SCALES), key=lambda row: _closeness(row[2]))
    rows = [whole, *(made(Way(whole[0].scales, ends)) for ends in ENDS[1:])]
    if not has_convolutions(network):
        rows.append(made(DYNAMIC))
    times = latencies({str(way): onnx_predictor(path) for way, path, _ in rows}, pixels[:1])
    return sorted(
        (Candidate(*row, times[str(row[0])].median) for row in rows), key=lambda candidate: candidate.latency
    )


def pictures_used(calibration: np.ndarray) -> int:
    """How many calibration pictures are looked at: fewer large ones, since each gives many numbers."""
    each = calibration.shape[1] * calibration.shape[2]
    return min(len(calibration), MOST_PICTURES, max(FEWEST_PICTURES, MOST_PIXELS // each))


def has_convolutions(network: str | Path) -> bool:
    import onnx

    return any(node.op_type == "Conv" for node in onnx.load(network).graph.node)


def _closeness(apart: Apart) -> tuple[float, float]:
    return apart.agrees, -apart.answers


def nodes_in_float(network: Any, ends: str) -> list[str]:
    """Names of the nodes that keep float: before the first layer with weights, after the last, and ends."""
    nodes = list(network.graph.node)
    places = [place for place, node in enumerate(nodes) if node.op_type in LAYERS]
    if not places:
        return [node.name for node in nodes]
    first, last = places[0] + (ends != "none"), places[-1] - (ends == "both")
    return [node.name for place, node in enumerate(nodes) if not first <= place <= last]


def _prepare(network: str | Path, prepared: Path) -> None:
    """Known shapes, and norms and cuts joined with their layers, which quantises better."""
    from onnxruntime.quantization.shape_inference import quant_pre_process

    quant_pre_process(str(network), str(prepared), skip_symbolic_shape=True)


def _static(prepared: Path, result: Path, kept: list[str], way: Way, calibration: np.ndarray) -> None:
    from onnxruntime import quantization as q

    method = q.CalibrationMethod.Percentile if way.scales == "percentile" else q.CalibrationMethod.MinMax
    reader = _reader(calibration)
    q.quantize_static(
        str(prepared),
        str(result),
        reader,
        quant_format=q.QuantFormat.QDQ,
        op_types_to_quantize=[*LAYERS, *AROUND],
        per_channel=True,
        activation_type=q.QuantType.QUInt8,
        weight_type=q.QuantType.QInt8,
        nodes_to_exclude=kept,
        calibrate_method=method,
        extra_options={"CalibPercentile": PERCENTILE, "CalibStridedMinMax": AT_ONCE},
    )


def _dynamic(prepared: Path, result: Path, kept: list[str]) -> None:
    from onnxruntime import quantization as q

    q.quantize_dynamic(
        str(prepared), str(result), op_types_to_quantize=list(LAYERS), per_channel=True,
        weight_type=q.QuantType.QInt8, nodes_to_exclude=kept,
    )  # fmt: skip


def _reader(calibration: np.ndarray) -> Any:
    """Pictures in strides of AT_ONCE, each stride one batch; a rest that fills no stride is repeated."""
    from onnxruntime.quantization import CalibrationDataReader

    count = -(-len(calibration) // AT_ONCE) * AT_ONCE
    pictures = np.resize(calibration, (count, *calibration.shape[1:]))

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.batches: Iterator[np.ndarray] = iter(())

        def __len__(self) -> int:
            return len(pictures)

        def set_range(self, start_index: int, end_index: int) -> None:
            self.batches = iter([pictures[start_index:end_index]])

        def get_next(self) -> dict[str, np.ndarray] | None:
            batch = next(self.batches, None)
            return None if batch is None else {PIXELS: batch}

    return Reader()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """onnxruntime's advice goes to the root logger, and its percentiles are printed; errors are raised."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            root.setLevel(level)
