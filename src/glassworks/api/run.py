"""A finished (or half finished) run, loaded: its recipe, its model, its answers."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from glassworks.api.prepare import Prepared, as_picture_input, open_data, prepare
from glassworks.core.errors import PersonError
from glassworks.core.rows import PictureInput
from glassworks.judging.card import check_card
from glassworks.recipes.base import Recipe, build_model, read
from glassworks.tasks.image import ImageClassification, ImageRegression, ImageTagging, ImageTask
from glassworks.training.run_folder import CARD, MODEL, RECIPE, SPLITS, RunFolder, open_run, read_json
from glassworks.training.runtime import Runtime, machine
from glassworks.weights.store import load_into, read_tensors

if TYPE_CHECKING:
    from glassworks.api.judge import Evaluation

BATCH = 256  # pictures a forward pass takes when nothing is learned


@dataclass
class Run:
    """A run on disk with its model in memory.

    card: what card.json says; model: in evaluation mode, on `runtime.device`
    """

    path: Path
    recipe: Recipe
    card: dict
    model: nn.Module
    runtime: Runtime

    @property
    def folder(self) -> RunFolder:
        return RunFolder(self.path)

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.card["classes"])

    @property
    def input(self) -> PictureInput:
        return as_picture_input(self.recipe.input)

    @property
    def task(self) -> ImageTask:
        """The task for answers; a number's mean and spread come from the card."""
        kind = self.card["kind"]
        if kind == "label":
            return ImageClassification(len(self.classes))
        if kind == "labels":
            return ImageTagging(len(self.classes))
        return ImageRegression(**self.card["number"])

    def data(self) -> Prepared:
        """The run's own data, divided as recorded."""
        own = prepare(self.recipe, open_data(self.recipe.data), splits=read_json(self.path / SPLITS))
        if own.table.kind != self.card["kind"]:
            raise _disagree(self.path, f'kind "{self.card["kind"]}", the data are of kind "{own.table.kind}"')
        return own

    def evaluate(self, **options) -> "Evaluation":
        """Judge the run; see `glassworks.evaluate`."""
        from glassworks.api.judge import evaluate

        return evaluate(str(self.path), **options)

    def predict(self, *inputs: str, **options) -> list[dict]:
        """Answers for files; see `glassworks.predict`."""
        from glassworks.api.predict import predict

        return predict(self, *inputs, **options)


def load(path: str | Path, *, device: str = "auto") -> Run:
    """Load a run. Raises PersonError when it is not one, is not finished, or is damaged."""
    folder = open_run(path)
    recipe = read(folder / RECIPE)
    card = read_json(folder / CARD)
    check_card(card, str(folder / CARD))
    if card["kind"] != "number" and recipe.model.get("classes") != len(card["classes"]):
        raise _disagree(folder, f"{len(card['classes'])} classes, the model {recipe.model.get('classes')}")
    runtime = machine(device, recipe.hardware.precision if recipe.hardware.precision == "bf16" else "fp32")
    model = build_model(recipe)
    load_into(model, read_tensors(folder / MODEL), source=str(folder / MODEL))
    return Run(folder, recipe, card, model.to(runtime.device).eval(), runtime)


def _disagree(folder: Path, what: str) -> PersonError:
    return PersonError(
        "damaged-run",
        expected="card.json, recipe.yaml and data of one run",
        got=f"{folder}: the card says {what}",
        fix="restore the files from a copy",
    )


def scores_of(
    model: nn.Module, task: ImageTask, batches, runtime: Runtime, *, size: int = BATCH
) -> np.ndarray:
    """Answers for all pictures of `batches`, float64 (rows, outputs); the model's mode is put back."""
    return task.answers(outputs_of(model, batches, runtime, size=size))


def outputs_of(model: nn.Module, batches, runtime: Runtime, *, size: int = BATCH, features: bool = False):
    """Raw outputs (rows, outputs), or what the last layer sees (rows, width), float32 on the CPU."""
    was_training = model.training
    model.eval()
    ask = model.features if features else model
    try:
        with torch.inference_mode(), runtime.autocast():
            parts = [ask(batch.inputs).float().cpu() for batch in batches.plain(size)]  # type: ignore[operator]
    finally:
        model.train(was_training)
    return torch.cat(parts) if parts else torch.empty(0)
