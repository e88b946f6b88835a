"""Which parts of EfficientNet-Lite0 learn, how fast, and from when: what `glassworks finetune` would do.

The parts are those of the library (`transfer/parts.py`), the plan that of `transfer/tuning.py`. The network
is made without a start and without weights, so nothing is loaded.
The first thing to change: `METHODS`.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import torch

from glassworks.models.vision.efficientnet import VARIANTS, EfficientNet, EfficientNetConfig
from glassworks.reader.draw import note, table
from glassworks.reader.figure import Choose, Figure, Slider
from glassworks.transfer.tuning import begin, tuning_of

METHODS = {
    "head: the head alone": "head", "last:2: two parts before it too": "last:2",
    "gradual: one part after another": "gradual", "full: everything": "full", "lora: small additions": "lora",
}  # fmt: skip
RATE, CLASSES = 1e-4, 5


class Part(NamedTuple):
    """A row: numbers of the part, how many of its own or of its additions learn, rate, share that it "
    "waits."""

    name: str
    numbers: int
    learning: int
    scale: float
    learns_from: float


@lru_cache(maxsize=64)
def parts(method: str, decay: float) -> tuple[Part, ...]:
    """The parts from the picture to the head, for five classes."""
    with torch.device("meta"):
        model = EfficientNet(EfficientNetConfig(**VARIANTS["lite0"], classes=CLASSES))
    plain = {name: value.numel() for name, value in model.named_parameters()}
    model.to_empty(device="cpu")  # a plan for adapters tries each layer with numbers; any will do
    for value in model.parameters():
        value.data.fill_(1.0)
    groups = begin(model, tuning_of(method, layer_decay=decay))
    found = []
    for one in groups:
        numbers = sum(size for name, size in plain.items() if name.startswith(f"{one.part}."))
        found.append(Part(one.part, numbers, one.learning, one.scale, one.learns_from))
    return tuple(found)


class PartsThatLearn(Figure):
    title = "What learns, how fast, and from when"
    says = (
        "With a new head for five classes 6,405 numbers learn, of more than three million. Other ways let "
        "more of the network learn, from the head down, slower towards the picture, or by small additions."
    )
    controls = (
        Choose("method", "--tune", METHODS),
        Slider("decay", "--layer-decay", 0.5, 1.0, step=0.05, value=0.85),
    )

    def draw(self, method: str, decay: float, **_: Any) -> str:
        found = parts(method, round(float(decay), 2))
        waits = method == "gradual"
        rows: list[list[Any]] = []
        for one in reversed(found):
            rate = (f"{RATE * one.scale:.1e}", "good") if one.learning else ("frozen", "")
            more = [f"{100 * one.learns_from:.0f} %"] if waits else []
            rows.append([one.name, f"{one.learning:,}", rate, *more])
        learning, whole = sum(one.learning for one in found), sum(one.numbers for one in found)
        told = f"{learning:,} numbers learn; the network has {whole:,}. The head learns at {RATE:g}."
        head = ["part", "learning", "rate", *(["waits"] if waits else [])]
        waiting = " Each part waits for that share of the run." if waits else ""
        return table(head, rows) + note(told + waiting)
