"""From a table of labelled series to numbers that a model can train on: parts, scale, batches, task.

Each channel is scaled by the mean and spread of the training part alone, which travel with the run. A value
that is missing is taken over from the step before it; series longer than `--history` keep their last steps.
Both are counted before training, so that nothing changes in silence.

The first thing to change: `filled`, what stands where a value is missing.

Axes: length = time steps; channels = numbers a step.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from glassworks.api.prepare import require_agreement, task_of
from glassworks.core.errors import PersonError
from glassworks.core.rows import PARTS
from glassworks.core.series_rows import SeriesTable
from glassworks.data.sequence_batches import SequenceBatches
from glassworks.data.splits import Splits, data_digest, split
from glassworks.recipes.base import Recipe, SeriesFacts, SeriesPart


@dataclass(frozen=True)
class PreparedSeries:
    """Everything about labelled series that a run needs. The rows are those of `table`.

    sequences: scaled series, float32 (length, channels); how: with the scale that was used
    """

    table: SeriesTable
    splits: Splits
    how: SeriesPart
    sequences: list[np.ndarray]
    task: Any
    notes: tuple[str, ...]
    batch: int

    @property
    def digest(self) -> str:
        """SHA-256 of names, targets and values."""
        digest = hashlib.sha256(data_digest(self.table).encode())
        for row in np.argsort(np.array(self.table.names)):
            digest.update(np.ascontiguousarray(self.table.values[row], np.float64).tobytes())
        return digest.hexdigest()

    @property
    def names(self) -> tuple[str, ...]:
        return self.table.names

    @property
    def settled(self) -> dict[str, Any]:
        """What of the recipe follows from the data."""
        return {"input.mean": self.how.mean, "input.std": self.how.std}

    def part(self, name: str) -> np.ndarray:
        """Row numbers of "train", "val" or "test"."""
        return getattr(self.splits, name)

    def batches(self, name: str, *, seed: int = 0, device: torch.device | str = "cpu") -> SequenceBatches:
        """Padded batches of a part, by length."""
        return batches_of(
            self.sequences, self.table.targets, self.part(name), batch=self.batch, seed=seed, device=device
        )


def batches_of(
    sequences: Sequence[np.ndarray], targets: np.ndarray, rows: np.ndarray, **options: Any
) -> SequenceBatches:
    """Padded batches of some rows."""
    return SequenceBatches(sequences, targets, rows, **options)


def facts_of(table: SeriesTable) -> SeriesFacts:
    """What a recipe needs to know of labelled series."""
    given = table.parts.count("train")
    return SeriesFacts(
        kind=table.kind,
        outputs=1 if table.kind == "number" else len(table.classes),
        examples=max(1, given or round(0.7 * len(table))),
        channels=len(table.channels),
        length=max(len(values) for values in table.values),
    )


def prepare_series(recipe: Recipe, table: SeriesTable, *, splits: dict | None = None) -> PreparedSeries:
    """Divide, fill what is missing, and scale by the training part.

    splits: as recorded in a run, or None to make them now
    Raises PersonError where the recipe asks for the impossible, or there is too little to learn from.
    """
    how, batch = series_part(recipe), recipe.training.batch
    if how.channels != len(table.channels):
        raise other_channels(how, len(table.channels), table.where)
    if batch == "auto":
        raise PersonError(
            "contradiction", expected="a number for --batch: series of like length are put together by it",
            got="--batch auto", fix="leave it out, or say --batch 32",
        )  # fmt: skip
    if how.horizon:
        raise PersonError(
            "contradiction", expected=f"no horizon for {recipe.system}, which names a class",
            got=f"--horizon {how.horizon}", fix="leave it out; glassworks train forecaster continues series",
        )  # fmt: skip
    require_agreement(recipe, table)
    if splits is not None:
        parts = Splits.from_json(table, splits)
    else:
        parts = split(
            table, seed=recipe.seed, val=recipe.data.val, test=recipe.data.test, same=identical(table.values)
        )
        _require_enough(table, parts)
    if not how.mean:
        mean, std = measured([table.values[row] for row in parts.train])
        how = how.model_copy(update={"mean": mean, "std": std})
    return PreparedSeries(
        table=table,
        splits=parts,
        how=how,
        sequences=[scaled(values, how) for values in table.values],
        task=task_of(recipe, table, parts),
        notes=tuple(_notes(table, parts, how)),
        batch=batch,
    )


def series_part(recipe: Recipe) -> SeriesPart:
    """How series go in. Raises PersonError for a system that sees none."""
    if not isinstance(recipe.input, SeriesPart):
        raise PersonError(
            "other-input", expected="a system that sees series",
            got=f"{recipe.system}, which sees {recipe.input.in_words}", fix="see `glassworks list`",
        )  # fmt: skip
    return recipe.input


def _require_enough(table: SeriesTable, parts: Splits) -> None:
    for name in PARTS:
        if len(getattr(parts, name)) == 0:
            raise PersonError(
                "too-few-series",
                expected="enough series for a training, a validation and a test part (10 a class or more)",
                got=f"{len(table)} series, none of them left for {name}", fix="add series",
            )  # fmt: skip


def other_channels(how: SeriesPart, got: int, where: str) -> PersonError:
    return PersonError(
        "other-channels", expected=f"series of {how.channels} number(s) a step, as the model reads",
        got=f"{where}: {got}", fix="give the same columns as in training, in the same order",
    )  # fmt: skip


def measured(values: Sequence[np.ndarray]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel over all steps; a constant channel keeps its scale."""
    together = np.concatenate(values)  # (all steps, channels)
    mean, std = np.nanmean(together, 0), np.nanstd(together, 0)
    std = np.where(std > 1e-12 * np.maximum(1, np.abs(mean)), std, 1.0)
    return tuple(float(f"{number:.9g}") for number in mean), tuple(float(f"{number:.9g}") for number in std)


def filled(values: np.ndarray) -> np.ndarray:
    """What is missing takes over the step before it; at the beginning, the first step that is there."""
    missing = np.isnan(values)
    if not missing.any():
        return values
    steps = np.where(missing, 0, np.arange(len(values))[:, None])
    steps = np.maximum.accumulate(steps, 0)
    steps = np.maximum(steps, (~missing).argmax(0)[None])  # before the first value: that value
    return np.take_along_axis(values, steps, 0)


def scaled(values: np.ndarray, how: SeriesPart) -> np.ndarray:
    """A series as the model reads it: float32 (at most `history` steps, channels)."""
    whole = (filled(values) - np.array(how.mean)) / np.array(how.std)
    return whole[-how.history :].astype(np.float32)


def identical(values: Sequence[np.ndarray]) -> list[list[int]]:
    """Groups of rows with the same values, so that no series is learned from and judged on."""
    found: dict[bytes, list[int]] = {}
    for row, series in enumerate(values):
        found.setdefault(np.ascontiguousarray(series).tobytes(), []).append(row)
    return [rows for rows in found.values() if len(rows) > 1]


def _notes(table: SeriesTable, parts: Splits, how: SeriesPart) -> list[str]:
    """What a person should know before training: what was filled in, what is cut, what is there twice."""
    lengths = np.array([len(values) for values in table.values])
    notes = []
    missing = np.array([int(np.isnan(values).sum()) for values in table.values])
    if missing.any():
        total = sum(values.size for values in table.values)
        notes.append(
            f"{missing.sum():,} values of {total:,} are missing, in {_counted(missing > 0, parts)}: the step "
            "before each stands in for it"
        )
    if (long := lengths > how.history).any():
        notes.append(
            f"{_counted(long, parts)} longer than {how.history:,} steps (the longest has {lengths.max():,}): "
            "only the last steps are seen; --history sees more"
        )
    if copies := identical(table.values):
        notes.append(f"{sum(map(len, copies)):,} series occur more than once")
    return notes


def _counted(which: np.ndarray, parts: Splits) -> str:
    """ "12 series (train 9, val 1, test 2)"."""
    by_part = ", ".join(f"{name} {int(which[getattr(parts, name)].sum()):,}" for name in PARTS)
    return f"{int(which.sum()):,} series ({by_part})"
