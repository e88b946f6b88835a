"""The row types where `data`, `tasks` and `judging` meet: what a reader found, and how pictures go in.

Columns instead of a list of objects, so that 60,000 small pictures stay one array.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

Kind = Literal["label", "labels", "number", "captions", "none", "pairs", "text", "words", "forecast"]
PARTS = ("train", "val", "test")


class Table(Protocol):
    """What every table of rows has, of pictures, texts or series: see `PictureTable`."""

    @property
    def where(self) -> str: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def kind(self) -> Kind: ...

    @property
    def targets(self) -> np.ndarray: ...

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def parts(self) -> tuple[str, ...]: ...

    @property
    def groups(self) -> tuple[str, ...] | None: ...

    @property
    def damaged(self) -> "tuple[Damage, ...]": ...

    @property
    def notes(self) -> tuple[str, ...]: ...

    def __len__(self) -> int: ...

    def target_words(self) -> list[str]: ...


@dataclass(frozen=True)
class Damage:
    """A file that cannot be used. `reason` is a short stable word ("empty", "truncated-body", …)."""

    name: str
    reason: str
    detail: str


@dataclass(frozen=True)
class PictureTable:
    """Pictures and their targets, one row each, in the reader's order (sorted, the same on every machine).

    where:    what the person typed (a path, "sample", "torchvision:MNIST")
    names:    unique name of each row: the path below `where`, or "train/00017" for rows without a file
    sources:  where the pixels are: a Path, a uint8 array (height, width) or (height, width, channels),
              or a function that returns a PIL image
    kind:     "label" one class a picture, "labels" several, "number" regression, "captions" texts, "none"
    targets:  int64 (rows,) class indices; bool (rows, classes); float64 (rows,); or empty for "none".
              Of "captions": int64 (rows,), the class where one is known beside the text, else -1
    classes:  names in the order of the indices, fixed by the training part; empty for "number" and "none"
    parts:    "" where a split is still to be made, otherwise one of "train", "val", "test"
    groups:   rows that must stay together in a split (one patient, one film), or None
    damaged:  files that were left out, with reasons
    notes:    one sentence each on what the reader did without being asked (hidden files passed over, …)
    texts:    for "captions" what is said of each picture, one caption or more
    """

    where: str
    names: tuple[str, ...]
    sources: Sequence[Path | np.ndarray | Callable[[], Any]]
    kind: Kind
    targets: np.ndarray
    classes: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None
    damaged: tuple[Damage, ...] = ()
    notes: tuple[str, ...] = field(default=())
    texts: tuple[tuple[str, ...], ...] | None = None

    def __post_init__(self):
        if not self.parts:
            object.__setattr__(self, "parts", ("",) * len(self.names))
        for what, column in (
            ("sources", self.sources), ("parts", self.parts), ("groups", self.groups), ("texts", self.texts),
        ):  # fmt: skip
            if column is not None and len(column) != len(self.names):
                raise ValueError(f"{what} has {len(column)} rows, names has {len(self.names)}")
        if self.kind != "none" and len(self.targets) != len(self.names):
            raise ValueError(f"targets has {len(self.targets)} rows, names has {len(self.names)}")

    def __len__(self) -> int:
        return len(self.names)

    def target_words(self) -> list[str]:
        """The target of each row in words, for the digest of the data."""
        if self.texts is not None:
            return ["\1".join(texts) for texts in self.texts]
        return target_words(self.kind, self.targets, self.classes, len(self))

    def select(self, rows: Sequence[int] | np.ndarray) -> "PictureTable":
        """The table of some rows, in the order asked for; the classes stay the same."""
        rows = [int(row) for row in rows]
        return PictureTable(
            where=self.where,
            names=tuple(self.names[row] for row in rows),
            sources=[self.sources[row] for row in rows],
            kind=self.kind,
            targets=self.targets[rows] if self.kind != "none" else self.targets,
            classes=self.classes,
            parts=tuple(self.parts[row] for row in rows),
            groups=None if self.groups is None else tuple(self.groups[row] for row in rows),
            damaged=self.damaged,
            notes=self.notes,
            texts=None if self.texts is None else tuple(self.texts[row] for row in rows),
        )


def target_words(kind: Kind, targets: np.ndarray, classes: tuple[str, ...], rows: int) -> list[str]:
    """Targets in words: a class, several, a number, or "" where there are none."""
    if kind == "label":
        return [classes[index] for index in targets]
    if kind == "labels":
        return ["\1".join(classes[index] for index in row.nonzero()[0]) for row in targets]
    return [repr(float(value)) for value in targets] or [""] * rows


@dataclass(frozen=True)
class PictureInput:
    """How a picture becomes a model's input. It travels with the weights; a mismatch is refused.

    height, width: pixels that the model sees
    channels:      1 (grey) or 3 (red, green, blue)
    mean, std:     per channel, of values in 0 … 1; the model sees (value - mean) / std
    fit:           "stretch" to the size, "crop" the middle after scaling the short side, or "pad" the rest
    resample:      how pixels are joined when a picture is resized
    crop:          share of the shorter side that fit="crop" keeps: 0.875 is "resize to 256, cut out 224"
    """

    height: int
    width: int
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    fit: Literal["stretch", "crop", "pad"] = "stretch"
    resample: Literal["bilinear", "bicubic"] = "bilinear"
    crop: float = 1.0


@dataclass(frozen=True)
class Answers:
    """What a model said about known examples: the input of all judging.

    names:   (rows,) names of the examples
    kind:    as in `PictureTable`
    targets: as in `PictureTable`
    scores:  float64 (rows, classes): probabilities that sum to 1 ("label") or one for each class
             ("labels"); or (rows, 1) predicted numbers ("number")
    classes: names of the classes
    groups:  resampled together where given, because rows of a group are not independent
    """

    names: tuple[str, ...]
    kind: Kind
    targets: np.ndarray
    scores: np.ndarray
    classes: tuple[str, ...]
    groups: tuple[str, ...] | None = None
