"""Pictures with a class, labels or a number each: what most systems learn from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from torch import nn

from glassworks.api import prepare
from glassworks.core.errors import PersonError
from glassworks.core.rows import Answers, PictureTable
from glassworks.recipes.base import DataPart, Facts, Recipe
from glassworks.tasks.image import ImageClassification, ImageRegression, ImageTagging, ImageTask
from glassworks.training.run_folder import RunFolder
from glassworks.training.state import TrainingState

if TYPE_CHECKING:
    from glassworks.api.judge import Evaluation
    from glassworks.api.learner import Learner
    from glassworks.api.requests import EvaluateRequest, ExplainRequest, PredictRequest
    from glassworks.api.run import Run


class LabelledPictures:
    """One answer a picture; see `Family` for what each method is asked."""

    data = "pictures: class folders, CSV or JSONL, IDX, .npz, archives, torchvision:NAME, hf:org/name"
    instead: Mapping[str, str] = MappingProxyType({})

    def open_data(self, data: DataPart) -> PictureTable:
        return prepare.open_data(data)

    def facts(self, table: PictureTable) -> Facts:
        return prepare.facts_of(table)

    def in_words(self, table: PictureTable) -> str:
        return f"{len(table.classes)} classes" if table.kind != "number" else "a number"

    def prepare(self, recipe: Recipe, table: PictureTable, *, splits: dict | None = None) -> prepare.Prepared:
        return prepare.prepare(recipe, table, splits=splits)

    def learner(self, *given: Any, **options: Any) -> "Learner":
        from glassworks.api.learner import Learner

        return Learner(*given, **options)

    def validate(self, learner: "Learner", judged: nn.Module) -> dict[str, float]:
        from glassworks.api.run import scores_of

        scores = scores_of(learner.asked(judged), learner.task, learner.val, learner.runtime)
        return learner.task.metrics(scores, learner.prepared.table.targets[learner.val.rows])

    def finish(self, folder: RunFolder, learner: "Learner", state: TrainingState, choices: list[str]) -> None:
        from glassworks.api.pictures_judge import finish

        finish(folder, learner, state, choices)

    def check_run(self, folder: Path, recipe: Recipe, card: dict) -> None:
        outputs = recipe.model.get("classes")
        if card["kind"] == "none" or (card["kind"] != "number" and outputs != len(card["classes"])):
            raise PersonError(
                "damaged-run",
                expected="card.json, recipe.yaml and data of one run",
                got=f"{folder}: the card says {len(card['classes'])} classes, the model {outputs}",
                fix="restore the files from a copy",
            )

    def task(self, run: "Run") -> ImageTask:
        """The task for answers; a number's mean and spread come from the card."""
        kind = run.card["kind"]
        if kind == "label":
            return ImageClassification(len(run.classes))
        if kind == "labels":
            return ImageTagging(len(run.classes))
        return ImageRegression(**run.card["number"])

    def evaluate(self, run: "Run", request: "EvaluateRequest") -> "Evaluation":
        from glassworks.api.pictures_judge import evaluate

        return evaluate(run, request)

    def to_divide(self, recipe: Recipe, table: PictureTable) -> tuple[PictureTable, Sequence[Sequence[int]]]:
        how, workers = recipe.pictures, recipe.hardware.workers
        store = prepare.decode(how, table, workers=workers, bad=recipe.data.bad)
        return store.table, prepare.identical(store.pixels)

    def judged_part(self, run: "Run", part: str) -> tuple[Answers, dict[str, Answers]]:
        from glassworks.api.pictures_judge import judged_part

        return judged_part(run, part)

    def predict(self, run: "Run", request: "PredictRequest") -> list[dict]:
        from glassworks.api.predict import predict_labelled

        return predict_labelled(run, request)

    def explain(self, run: "Run", request: "ExplainRequest") -> list[dict]:
        from glassworks.api.explain import explain_pictures

        return explain_pictures(run, request)


FAMILY = LabelledPictures()
