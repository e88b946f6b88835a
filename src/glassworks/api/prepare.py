"""From what the person typed to data a model can train on: table, parts, pixels, batches, task."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glassworks.core.errors import PersonError
from glassworks.core.keyed import permutation
from glassworks.core.rows import PictureInput, PictureTable, Table
from glassworks.data.batches import PictureBatches, measure_input
from glassworks.data.decode import open_picture
from glassworks.data.doors import open_pictures
from glassworks.data.splits import Splits, split
from glassworks.data.store import PictureStore, open_store
from glassworks.judging.decisions import check_rule, class_weights, positive_weights
from glassworks.recipes.base import DataPart, Facts, InputPart, Recipe
from glassworks.tasks.image import ImageTask, image_task

LOOKED_AT = 200  # pictures whose size and colour decide the working size
MOST_OUTPUTS = 10_000  # classes; more is a column that is not a label


class OfPictures:
    """What all kinds of prepared pictures share; the engine asks these of prepared texts and series too."""

    store: PictureStore
    splits: Splits
    how: PictureInput

    @property
    def table(self) -> PictureTable:
        return self.store.table

    @property
    def digest(self) -> str:
        """SHA-256 of the data."""
        return self.store.digest

    @property
    def names(self) -> tuple[str, ...]:
        """Of each example that a batch counts in its `rows`."""
        return self.table.names

    @property
    def settled(self) -> dict[str, Any]:
        """What of the recipe follows from the data."""
        return {"input.mean": self.how.mean, "input.std": self.how.std}

    def part(self, name: str) -> np.ndarray:
        """Row numbers of "train", "val" or "test"."""
        return getattr(self.splits, name)


@dataclass(frozen=True)
class Prepared(OfPictures):
    """Everything about the data that a run needs. The rows are those of `store.table`."""

    store: PictureStore
    splits: Splits
    how: PictureInput
    task: Any

    def batches(self, name: str, **options: Any) -> PictureBatches:
        targets = self.table.targets if self.table.kind != "none" else np.zeros(len(self.table), np.int64)
        return PictureBatches(self.store.pixels, targets, self.part(name), self.how, **options)


def open_data(data: DataPart) -> PictureTable:
    """The labelled table of a recipe. Raises PersonError when there is nothing to learn."""
    if data.labels == "none":
        raise PersonError(
            "no-labels", expected="pictures with a class, labels or a number each", got="--labels none",
            fix="leave it out; of systems that see pictures mae learns without labels",
        )  # fmt: skip
    table = open_pictures(
        data.where, target=data.target, file=data.file, group=data.group, labels=data.labels, bad=data.bad
    )
    if table.kind == "captions":
        raise PersonError(
            "captions",
            expected="pictures with a class, labels or a number each",
            got=f"{data.where}: {len(table)} pictures with captions",
            fix="glassworks train clip learns from captions; or name the column of a class with --target",
        )
    if table.kind == "none":
        raise PersonError(
            "no-labels",
            expected="pictures with a class, labels or a number each",
            got=f"{data.where}: {len(table)} pictures without any",
            fix="put each class into a folder of its own, or give a CSV with a file and a label column",
        )
    if len(table.classes) > MOST_OUTPUTS:
        raise PersonError(
            "too-many-classes",
            expected=f"at most {MOST_OUTPUTS:,} classes",
            got=f"{len(table.classes):,} for {len(table):,} pictures",
            fix="choose the label's column with --target, or --labels number for regression",
        )
    return table


def facts_of(table: PictureTable) -> Facts:
    """What the recipe needs to know, from a look at up to 200 pictures."""
    rows = np.sort(permutation(len(table), "facts")[:LOOKED_AT])
    grey, sides = True, []
    for row in rows:
        source = table.sources[int(row)]
        if isinstance(source, np.ndarray):
            grey &= source.ndim == 2 or source.shape[2] == 1
            sides.append(min(source.shape[:2]))
            continue
        try:
            picture = open_picture(source)
        except PersonError:
            continue  # damaged files are told, or left out, when all are decoded
        grey &= picture.mode == "L"
        sides.append(min(picture.size))
    sample = table.where.removeprefix("sample:") if table.where.startswith("sample") else ""
    return Facts(
        kind=table.kind,
        outputs=1 if table.kind == "number" else len(table.classes),
        channels=1 if grey else 3,
        side=int(np.median(sides)) if sides else 64,
        examples=max(1, round(0.7 * len(table))),
        mirrored=False if sample in ("sample", "digits", "opencv-digits") else None,
    )


def prepare(recipe: Recipe, table: PictureTable, *, splits: dict | None = None, task: Any = None) -> Prepared:
    """Decode, divide and measure.

    splits: as recorded in a run, or None to make them now
    task:   left out: the one that the table's targets ask for
    """
    require_agreement(recipe, table)
    store = decode(recipe.pictures, table, workers=recipe.hardware.workers, bad=recipe.data.bad)
    table = store.table
    if splits is None:
        parts = split(
            getattr(table, "labelled", None) or table,  # labels that are not learned from may still divide
            seed=recipe.seed, val=recipe.data.val, test=recipe.data.test, same=identical(store.pixels),
        )  # fmt: skip
        require_enough(table, parts)
    else:
        parts = Splits.from_json(table, splits)
    how = as_picture_input(recipe.pictures)
    if not how.mean:
        measured = measure_input(store.pixels, parts.train, recipe.pictures.fit)
        how = replace(how, mean=measured.mean, std=measured.std)
    return Prepared(store, parts, how, task or task_of(recipe, table, parts))


def decode(wanted: InputPart | PictureInput, table: PictureTable, *, workers: int, bad: str) -> PictureStore:
    """The pixels of a table at a model's size."""
    return open_store(
        table,
        height=wanted.height,
        width=wanted.width,
        channels=wanted.channels,
        fit=wanted.fit,
        resample=wanted.resample,
        crop=wanted.crop,
        workers=workers,
        bad=bad,
    )


def as_picture_input(part: InputPart) -> PictureInput:
    return PictureInput(
        part.height, part.width, part.channels, part.mean, part.std, part.fit, part.resample, part.crop
    )


def identical(pixels: np.ndarray) -> Sequence[Sequence[int]]:
    """Groups of rows with the same pixels, so that no picture is learned from and judged on."""
    found: dict[bytes, list[int]] = {}
    for row in range(len(pixels)):
        found.setdefault(pixels[row].tobytes(), []).append(row)
    return [rows for rows in found.values() if len(rows) > 1]


def task_of(recipe: Recipe, table: Table, parts: Splits) -> ImageTask:
    """The task, with class weights counted on the training part."""
    targets = table.targets[parts.train]
    weights: tuple[float, ...] = ()
    if recipe.training.class_weights == "balanced" and table.kind != "number":
        counted = (
            class_weights(targets, len(table.classes)) if table.kind == "label" else positive_weights(targets)
        )
        weights = tuple(round(float(weight), 6) for weight in counted)
    return image_task(
        table.kind, targets, table.classes, smoothing=recipe.training.smoothing, class_weights=weights
    )


def require_agreement(recipe: Recipe, table: Table) -> None:
    """What the recipe asks for must be possible with this data; told before anything is decoded."""
    outputs = 1 if table.kind == "number" else len(table.classes)
    said = recipe.model.get("classes", outputs)
    if said != outputs:
        raise PersonError(
            "contradiction",
            expected=f"a model with {outputs} outputs, as the data has {outputs} classes or a number",
            got=f"model.classes = {said}",
            fix="leave model.classes out: it follows from the data",
        )
    if recipe.training.threshold:
        check_rule(recipe.training.threshold, table.kind, len(table.classes))


def require_enough(table: PictureTable, parts: Splits) -> None:
    """A model needs something to learn from and something to be judged on."""
    for name, rows in (("train", parts.train), ("val", parts.val), ("test", parts.test)):
        if len(rows) == 0:
            raise PersonError(
                "too-few-pictures",
                expected="enough pictures for a training, a validation and a test part (10 a class or more)",
                got=f"{len(table)} pictures, none of them left for {name}",
                fix="add pictures, or see `glassworks check` for what it sees",
            )
