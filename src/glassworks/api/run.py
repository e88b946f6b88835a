"""A finished (or half finished) run, loaded: its recipe, its model, its answers."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from glassworks import catalogue
from glassworks.api.families import family_of
from glassworks.api.prepare import Prepared, as_picture_input
from glassworks.api.pretrained import pretrained
from glassworks.core.errors import PersonError
from glassworks.core.rows import PictureInput
from glassworks.insight import unfamiliar
from glassworks.judging.card import check_card
from glassworks.recipes.base import TIMM, InputPart, Recipe, TrainingPart, build_model, read, require_system
from glassworks.tasks.image import ImageTask
from glassworks.training.run_folder import (
    CARD,
    FAMILIAR,
    MODEL,
    RECIPE,
    SPLITS,
    RunFolder,
    open_run,
    read_json,
)
from glassworks.training.runtime import Runtime, machine
from glassworks.transfer import lora
from glassworks.weights.published import imagenet_classes
from glassworks.weights.store import load_into, read_tensors

if TYPE_CHECKING:
    from glassworks.api.judge import Evaluation

BATCH = 256  # pictures a forward pass takes at most when nothing is learned


@dataclass
class Run:
    """A run on disk with its model in memory.

    card: what card.json says; model: in evaluation mode, on `runtime.device`
    familiar: what tells pictures unlike the training data, None for published weights
    published: whether these are published weights, whose path is a name only
    own: the run as it was trained, where this one is fitted to another picture size (`api.sizes.at_side`)
    """

    path: Path
    recipe: Recipe
    card: dict
    model: nn.Module
    runtime: Runtime
    familiar: unfamiliar.Familiar | None = None
    published: bool = False
    own: "Run | None" = None

    @property
    def folder(self) -> RunFolder:
        return RunFolder(self.path)

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.card["classes"])

    @property
    def input(self) -> PictureInput:
        return as_picture_input(self.recipe.pictures)

    @property
    def task(self) -> Any:
        """The task that turns the model's outputs into answers."""
        return family_of(self.recipe.system).task(self)

    def data(self) -> Prepared:
        """The run's own data, divided as recorded. Raises PersonError for published weights, without any."""
        if self.published:
            raise PersonError(
                "no-data",
                expected="a run, which knows the pictures it was trained and judged on",
                got=f"published weights of {self.recipe.system}",
                fix="make a run with `glassworks finetune`: it knows its pictures",
            )
        family = family_of(self.recipe.system)
        table = family.open_data(self.recipe.data)
        own = family.prepare(self.recipe, table, splits=read_json(self.path / SPLITS))
        if own.table.kind != self.card["kind"]:
            raise _disagree(self.path, f'kind "{self.card["kind"]}", the data are of kind "{own.table.kind}"')
        return own

    def evaluate(self, **options) -> "Evaluation":
        """Judge the run; see `glassworks.evaluate`."""
        from glassworks.api.judge import evaluate

        return evaluate(str(self.path), **({"side": self.input.height} if self.own else {}) | options)

    def explain(self, *inputs: str, **options) -> list[dict]:
        """Draw what the model looks at; see `glassworks.explain`."""
        from glassworks.api.explain import explain

        return explain(self, *inputs, **options)

    def predict(self, *inputs: str, **options) -> list[dict]:
        """Answers for files; see `glassworks.predict`."""
        from glassworks.api.predict import predict

        return predict(self, *inputs, **options)


def load(path: str | Path, *, device: str = "auto") -> Run:
    """Load a run, or published weights as SYSTEM:NAME (efficientnet:imagenet).

    Raises PersonError when it is not one, is not finished, or is damaged.
    """
    if (named := published_name(str(path))) is not None:
        return _published(str(path), *named, device)
    folder = open_run(path)
    recipe = read(folder / RECIPE)
    card = read_json(folder / CARD)
    check_card(card, str(folder / CARD))
    family_of(recipe.system).check_run(folder, recipe, card)
    runtime = machine(device, recipe.hardware.precision if recipe.hardware.precision == "bf16" else "fp32")
    model = load_model(folder, recipe).to(runtime.device)
    familiar = unfamiliar.read(folder / FAMILIAR) if (folder / FAMILIAR).is_file() else None
    return Run(folder, recipe, card, model, runtime, familiar)


def require_captions(verb: str, run: Run) -> None:
    """Refuse what needs texts for a run that learned none. Raises PersonError("other-task")."""
    if run.card["kind"] != "captions":
        raise PersonError(
            "other-task", expected=f"for `{verb}` a run that learned from captions",
            got=f"{run.path}, a run of {run.recipe.system}",
            fix="train clip on pictures with captions, and use that run",
        )  # fmt: skip


def load_model(folder: Path, recipe: Recipe) -> nn.Module:
    """The best model of a run, on the CPU, in evaluation mode; adapters are merged into plain layers."""
    model = build_model(recipe)
    if recipe.tune.method == "lora":
        lora.add_adapters(model, recipe.tune.rank, recipe.tune.alpha)
    load_into(model, read_tensors(folder / MODEL), source=str(folder / MODEL))
    return (lora.merge_adapters(model) if recipe.tune.method == "lora" else model).eval()


def published_name(text: str) -> tuple[str, str] | None:
    """(system, name) of published weights that are written as a run: efficientnet:imagenet."""
    system, colon, name = text.rpartition(":")
    entry = catalogue.find(system) if not system.startswith(TIMM) else require_system(system)
    return (system, name) if colon and entry is not None and name in entry.weights else None


def _published(text: str, system: str, name: str, device: str) -> Run:
    """Published weights as a run without data: it can answer, explain, be exported and served."""
    weights = pretrained(system, name)
    assert weights.input is not None and weights.model is not None
    recipe = Recipe(
        system=system, variant=str(weights.variant), size="paper", start_from=name, input=weights.input,
        model=weights.model, training=TrainingPart(epochs=1),
    )  # fmt: skip
    pictures = isinstance(recipe.input, InputPart)
    model = build_model(recipe)
    load_into(model, weights.tensors(model.config), source=text)
    card = {
        "schema": 1, "system": system, "variant": recipe.variant, "kind": "label" if pictures else "none",
        "classes": list(imagenet_classes()) if pictures else [], "started_from": weights.origin,
        "metrics": {},
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
    }  # fmt: skip
    runtime = machine(device)
    place = Path(text.replace(":", "-"))
    return Run(place, recipe, card, model.to(runtime.device).eval(), runtime, published=True)


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


def outputs_of(model: nn.Module, batches, runtime: Runtime, *, size: int = BATCH) -> torch.Tensor:
    """Raw outputs (rows, outputs), float32 on the CPU."""
    return _asked(model, model, batches, runtime, size)


def features_of(model: nn.Module, batches, runtime: Runtime, *, size: int = BATCH) -> torch.Tensor:
    """What the head sees (rows, width), float32 on the CPU: `model.head` makes the raw outputs of it."""
    return _asked(model, model.features, batches, runtime, size)  # type: ignore[arg-type]


def outputs_of_features(model: nn.Module, features: torch.Tensor) -> torch.Tensor:
    """Raw outputs (rows, outputs) of what the head sees, float32 on the CPU."""
    head: Any = model.head
    where = next(head.parameters()).device
    with torch.inference_mode():
        return head(features.to(where)).float().cpu()


def _asked(model: nn.Module, ask: Callable, batches, runtime: Runtime, size: int) -> torch.Tensor:
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode(), runtime.autocast():
            parts = [ask(batch.inputs).float().cpu() for batch in batches.plain(size)]
    finally:
        model.train(was_training)
    return torch.cat(parts) if parts else torch.empty(0)
