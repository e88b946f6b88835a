"""Which parts of a pretrained reader learn, how fast, and from when: the library's table for MiniLM's shape.

Nothing is loaded and nothing learns: the network is made without numbers, and `transfer.tuning` divides it as
a run of `glassworks finetune` would.
The first thing to change: `METHODS`.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from glassworks.models.sequence.bert import BERT, VARIANTS, BERTConfig
from glassworks.reader.draw import note, table
from glassworks.reader.figure import Choose, Figure, Slider
from glassworks.transfer.tuning import begin, tuning_of

METHODS = {
    "head: the head alone": "head", "last:2: the last two blocks too": "last:2",
    "gradual: one part after another": "gradual", "full: everything": "full", "lora: small additions": "lora",
}  # fmt: skip
RATE = 1e-4
HEADS, VOCABULARY, CONTEXT, CLASSES = 12, 30_522, 256, 2
# Sizes of the small stand-in, each another number, and what MiniLM has in their place.
TRUE_SIZE = {12: 384, 36: 1152, 48: 1536, 5: VOCABULARY, 3: CONTEXT, CLASSES: CLASSES, 8: 8}


@dataclass(frozen=True)
class Part:
    """A row: numbers of the part, how many learn, its rate by the head's, share of the run that it waits."""

    name: str
    count: int
    learning: int
    scale: float
    learns_from: float


@lru_cache(maxsize=1)
def _stand_in() -> BERTConfig:
    """MiniLM's parts in small: to make all of it takes a second, to count it needs the shapes alone."""
    shape = VARIANTS["minilm"] | {"vocabulary": 5, "context": 3, "width": 12, "head": "classes"}
    return BERTConfig(**shape, classes=CLASSES)


@lru_cache(maxsize=64)
def parts(method: str, decay: float) -> tuple[Part, ...]:
    """The parts from the input to the head."""
    model = BERT(_stand_in())
    found = begin(model, tuning_of(method, layer_decay=decay))
    sizes = {
        name: math.prod(TRUE_SIZE[one] for one in value.shape) for name, value in model.named_parameters()
    }
    added = {name for name in sizes if ".down" in name or ".up" in name}
    counts = {group.part: 0 for group in found}
    for name in sizes.keys() - added:
        counts[next(part for part in counts if name.startswith(f"{part}."))] += sizes[name]
    return tuple(
        Part(one.part, counts[one.part], sum(sizes[name] for name in one.names), one.scale, one.learns_from)
        for one in found
    )


class WhatLearns(Figure):
    title = "What learns, and how fast"
    says = (
        "A run that adapts MiniLM may teach the head alone, some parts, or all of them, and each part more "
        "slowly than the one above it. What is frozen cannot be forgotten, and cannot adapt."
    )
    controls = (
        Choose("method", "--tune", METHODS, "full: everything"),
        Slider("decay", "--layer-decay", 0.5, 1.0, step=0.1, value=0.9),
    )

    def draw(self, method: str, decay: float, **_: Any) -> str:
        found = parts(method, round(float(decay), 2))
        rows: list[list[Any]] = []
        for one in reversed(found):
            rate = (f"{RATE * one.scale:.1e}", "good") if one.learning else ("frozen", "")
            waits = [f"{100 * one.learns_from:.0f} %"] if method == "gradual" else []
            rows.append([one.name, f"{one.learning:,}", rate, *waits])
        learning, whole = sum(one.learning for one in found), sum(one.count for one in found)
        head = ["part", "learning", "rate", *(["waits"] if method == "gradual" else [])]
        told = (
            f"{learning:,} numbers learn; the model has {whole:,}. The head, the top row, learns at {RATE:g}."
        )
        waiting = " Each part waits for that share of the run." if method == "gradual" else ""
        return table(head, rows) + note(told + waiting)
