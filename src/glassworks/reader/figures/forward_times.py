"""How long one forward pass takes here: by batch size and precision, on every device of this machine.

Nothing is measured when the page loads. On a press each combination runs for a short moment in a thread and
the table fills; a time is a median with its quartiles, since a machine that does other things as well gives
another number each time. The same lines of code serve every device: the model and its input are made there.
First thing to change: `SIZES`, the batches that are tried.
Source: devices as `training/runtime.py` finds them.
"""

import itertools
import platform
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from glassworks.models.vision import cnn, efficientnet
from glassworks.reader import draw
from glassworks.reader.figure import Button, Choose, Figure

VARIANTS = {"cnn": "two-layer", "lite0": "lite0"}
SIZES = {"cnn": (1, 16, 256), "lite0": (1, 4)}
PRECISIONS = ("fp32", "bf16")
MOMENT = 0.2  # seconds that one combination may run
FEWEST, MOST = 3, 40  # passes that are timed
SETTLE = 2  # passes before the clock: the first ones fetch memory and choose kernels


@dataclass(frozen=True)
class Timing:
    """device, batch and precision of a pass; median, low, high: milliseconds, low and high its quartiles."""

    device: str
    batch: int
    precision: str
    median: float
    low: float
    high: float

    @property
    def a_picture(self) -> float:
        """Milliseconds for one picture."""
        return self.median / self.batch


# What a cloud server (AMD EPYC, one thread, 22 November 2026) gave for the CNN: shown before anybody has
# pressed the button.
WHERE = "Recorded on one core of a cloud server (AMD EPYC)."
RECORDED = (
    Timing("cpu", 1, "fp32", 0.188, 0.187, 0.190),
    Timing("cpu", 1, "bf16", 0.339, 0.329, 0.399),
    Timing("cpu", 16, "fp32", 1.402, 1.384, 1.438),
    Timing("cpu", 16, "bf16", 1.240, 1.221, 1.262),
    Timing("cpu", 256, "fp32", 20.88, 20.71, 21.09),
    Timing("cpu", 256, "bf16", 15.77, 15.62, 15.91),
)


def devices() -> tuple[str, ...]:
    """The devices of this machine: the processor, and an accelerator if there is one."""
    found = ["cpu"]
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return tuple(found)


def facts() -> str:
    """What this machine has, in a sentence."""
    threads = torch.get_num_threads()
    parts = [f"a processor ({platform.machine()}, {threads} thread{'s' if threads > 1 else ''} used)"]
    if torch.cuda.is_available():
        parts.append(f"a GPU ({torch.cuda.get_device_name()})")
    if torch.backends.mps.is_available():
        parts.append("an Apple GPU (mps)")
    extra = "" if len(parts) > 1 else "; no GPU is here, and none is needed"
    return f"This machine has {' and '.join(parts)}{extra}. PyTorch {torch.__version__}."


def measured(device: str, name: str, batch: int, precision: str) -> Timing:
    """Time forward passes of a model on a device for a short moment."""
    model, inputs = made(device, name, batch)
    times: list[float] = []
    with torch.inference_mode(), torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bf16"):
        for _ in range(SETTLE):
            model(inputs)
        wait = _waiting(device)
        wait()
        end = time.perf_counter() + MOMENT
        while len(times) < FEWEST or (len(times) < MOST and time.perf_counter() < end):
            begun = time.perf_counter()
            model(inputs)
            wait()
            times.append(1000 * (time.perf_counter() - begun))
    low, median, high = statistics.quantiles(times, n=4)
    return Timing(device, batch, precision, median, low, high)


def made(device: str, name: str, batch: int) -> tuple[nn.Module, torch.Tensor]:
    """A model with random numbers, and a batch of noise, both on the device."""
    module: Any = {"cnn": cnn, "lite0": efficientnet}[name]
    settings: Any = {"cnn": cnn.CNNConfig, "lite0": efficientnet.EfficientNetConfig}[name]
    config = settings(**module.VARIANTS[VARIANTS[name]])
    model = module.build(config)
    inputs = torch.zeros(batch, config.channels, config.height, config.width, device=device)
    return model.to(device).eval(), inputs


def _waiting(device: str) -> Callable[[], None]:
    """A GPU answers before it is done; this waits until it is."""
    if device == "cuda":
        return torch.cuda.synchronize
    if device == "mps":
        return torch.mps.synchronize
    return lambda: None


class ForwardTimes(Figure):
    title = "How long one pass takes"
    says = "One processor core is quick enough to learn on; what a batch or bf16 saves, only measuring tells."
    controls = (
        Choose("name", "model", {"CNN, 32 × 32": "cnn", "EfficientNet-Lite0, 224 × 224": "lite0"}),
        Button("press", "Measure on this machine"),
    )

    def __init__(self, key: str = ""):
        self.found: dict[str, tuple[Timing, ...]] = {}
        self.pressed, self.busy = 0, ""
        self.refused: list[str] = []  # combinations that this machine cannot do, with its words
        self.thread: threading.Thread | None = None
        super().__init__(key)

    def draw(self, name: str, press: int) -> str:
        if press > self.pressed and not self.busy:
            self._begin(name, press)
        rows = self.found.get(name, ())
        shown = rows or (RECORDED if name == "cnn" else ())
        parts = [draw.note(facts())]
        if shown:
            parts.append(_table(shown))
        if not rows and shown:
            parts.append(draw.note(f"{WHERE} Press the button for this machine."))
        elif not shown:
            parts.append(draw.text("Not measured yet. Press the button."))
        parts += [draw.text(words, "warn") for words in self.refused]
        if self.busy:
            parts.append(draw.text("Measuring …", "warn"))
        return "".join(parts)

    def wait(self) -> None:
        """Return once what was begun is measured."""
        if self.thread is not None:
            self.thread.join()

    def _begin(self, name: str, press: int) -> None:
        self.pressed, self.busy, self.refused = press, name, []
        self.found[name] = ()
        self.thread = threading.Thread(target=self._measure, args=(name,))
        self.thread.start()

    def _measure(self, name: str) -> None:
        combinations = itertools.product(devices(), SIZES[name], PRECISIONS)
        for device, batch, precision in combinations:
            try:
                self.found[name] = (*self.found[name], measured(device, name, batch, precision))
            except RuntimeError as error:  # an old GPU without bf16, or memory that does not suffice
                self.refused.append(f"{device}, batch {batch}, {precision}: {error}"[:200])
            self._show()
        self.busy = ""
        self._show()

    def _show(self) -> None:
        self.drawn = self.draw(**{**self.arguments(self.values), "press": self.pressed})


def _table(rows: tuple[Timing, ...]) -> str:
    head = ("device", "batch", "precision", "a pass, ms", "middle half, ms", "a picture, ms")
    body = [
        [
            t.device,
            t.batch,
            t.precision,
            f"{t.median:.2f}",
            f"{t.low:.2f} to {t.high:.2f}",
            f"{t.a_picture:.3f}",
        ]
        for t in rows
    ]
    return draw.table(head, body)
