"""Rows of texts: what a reader of texts found, and what tasks and judging take."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glassworks.core.rows import Damage, Kind, target_words


@dataclass(frozen=True)
class TextTable:
    """Texts and their targets, one row each, in the reader's order (the same on every machine).

    where:   what the person typed (a path, "sample:NAME", "hf:org/name")
    names:   unique name of each row: the file below `where`, or "line 17"
    texts:   the text of each row
    kind:    "label" one class a text, "labels" several, "number", "pairs" another text for each, "none"
    targets: int64 (rows,) class indices; bool (rows, classes); float64 (rows,); empty for "pairs" and "none"
    classes: names in the order of the indices, fixed by the training part; empty where there are none
    answers: for "pairs" the other text of each row, such as its translation
    parts, groups, damaged, notes: as in `core.rows.PictureTable`
    """

    where: str
    names: tuple[str, ...]
    texts: Sequence[str]
    kind: Kind
    targets: np.ndarray
    classes: tuple[str, ...] = ()
    answers: tuple[str, ...] | None = None
    parts: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None
    damaged: tuple[Damage, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self):
        if not self.parts:
            object.__setattr__(self, "parts", ("",) * len(self.names))
        columns: dict[str, Any] = {"texts": self.texts, "parts": self.parts, "groups": self.groups}
        columns |= {"answers": self.answers}
        if self.kind not in ("pairs", "none"):
            columns["targets"] = self.targets
        for what, column in columns.items():
            if column is not None and len(column) != len(self.names):
                raise ValueError(f"{what} has {len(column)} rows, names has {len(self.names)}")

    def __len__(self) -> int:
        return len(self.names)

    def target_words(self) -> list[str]:
        """The target of each row and its text in words, for the digest of the data."""
        targets = self.answers or target_words(self.kind, self.targets, self.classes, len(self))
        return [f"{text}\2{target}" for text, target in zip(self.texts, targets, strict=True)]

    def select(self, rows: Sequence[int] | np.ndarray) -> "TextTable":
        """The table of some rows, in the order asked for; the classes stay the same."""
        rows = [int(row) for row in rows]
        with_targets = self.kind not in ("pairs", "none")
        return replace(
            self,
            names=tuple(self.names[row] for row in rows),
            texts=[self.texts[row] for row in rows],
            targets=self.targets[rows] if with_targets else self.targets,
            answers=None if self.answers is None else tuple(self.answers[row] for row in rows),
            parts=tuple(self.parts[row] for row in rows),
            groups=None if self.groups is None else tuple(self.groups[row] for row in rows),
        )
