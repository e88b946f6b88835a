"""Texts with a class, labels or a number each: reviews, messages, sentences."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from torch import nn

from glassworks.api import texts
from glassworks.api.families.labelled import FAMILY as PICTURES
from glassworks.api.sequence_learner import SequenceLearner, outputs_of_sequences
from glassworks.core.errors import PersonError
from glassworks.core.rows import Answers
from glassworks.core.text_rows import TextTable
from glassworks.data.texts import open_texts
from glassworks.recipes.base import DataPart, Recipe, TextFacts
from glassworks.tasks.image import ImageTask
from glassworks.training.run_folder import RunFolder
from glassworks.training.state import TrainingState

if TYPE_CHECKING:
    from glassworks.api.judge import Evaluation
    from glassworks.api.learner import Learner
    from glassworks.api.requests import (
        EvaluateRequest,
        ExplainRequest,
        ExportRequest,
        PredictRequest,
        ServeRequest,
    )
    from glassworks.api.run import Run
    from glassworks.deploy.service import Service

SAMPLE = "sample:movie-reviews"  # what `--data sample` is here
MOST_CLASSES = 1_000  # more is a column that is not a label


class LabelledTexts:
    """One answer a text; see `Family` for what each method is asked."""

    data = (
        "texts with labels: CSV, TSV, JSONL or Parquet with a text and a label column, folders of .txt files"
    )
    instead: Mapping[str, str] = MappingProxyType({})

    def open_data(self, data: DataPart) -> TextTable:
        table = open_texts(
            SAMPLE if data.where == "sample" else data.where, wanted="targets", text=data.text,
            target=data.target, group=data.group, labels=data.labels, bad=data.bad,
        )  # fmt: skip
        if len(table.classes) > MOST_CLASSES:
            raise PersonError(
                "too-many-classes",
                expected=f"at most {MOST_CLASSES:,} classes",
                got=f"{len(table.classes):,} for {len(table):,} texts",
                fix="choose the label's column with --target, or --labels number for a number",
            )
        return table

    def facts(self, table: TextTable) -> TextFacts:
        return texts.facts_of(table)

    def in_words(self, table: TextTable) -> str:
        return f"{len(table.classes)} classes" if table.kind != "number" else "a number"

    def prepare(self, recipe: Recipe, table: TextTable, *, splits: dict | None = None) -> texts.PreparedTexts:
        _refuse_what_pictures_have(recipe)
        return texts.prepare_texts(recipe, table, splits=splits)

    def learner(self, *given: Any, **options: Any) -> SequenceLearner:
        return SequenceLearner(*given, **options)

    def validate(self, learner: "Learner", judged: nn.Module) -> dict[str, float]:
        outputs = outputs_of_sequences(judged, learner.val, learner.runtime)
        own = learner.prepared
        return own.task.metrics(own.task.answers(outputs), own.table.targets[own.splits.val])

    def finish(self, folder: RunFolder, learner: "Learner", state: TrainingState, choices: list[str]) -> None:
        from glassworks.api.texts_judge import finish

        finish(folder, learner, state, choices)

    def check_run(self, folder: Path, recipe: Recipe, card: dict) -> None:
        PICTURES.check_run(folder, recipe, card)
        if not (folder / texts.TOKENIZER).is_file():
            raise PersonError(
                "damaged-run", expected=f"card.json, recipe.yaml and {texts.TOKENIZER} of one run",
                got=f"{folder} without {texts.TOKENIZER}", fix="restore the file from a copy",
            )  # fmt: skip

    def task(self, run: "Run") -> ImageTask:
        return PICTURES.task(run)

    def evaluate(self, run: "Run", request: "EvaluateRequest") -> "Evaluation":
        from glassworks.api.texts_judge import evaluate

        return evaluate(run, request)

    def to_divide(self, recipe: Recipe, table: TextTable) -> tuple[TextTable, Sequence[Sequence[int]]]:
        return table, texts.same_texts(table.texts)

    def judged_part(self, run: "Run", part: str) -> tuple[Answers, dict[str, Answers]]:
        from glassworks.api.texts_judge import judged_part

        return judged_part(run, part)

    def predict(self, run: "Run", request: "PredictRequest") -> list[dict]:
        from glassworks.api.texts_predict import predict_texts

        return predict_texts(run, request)

    def explain(self, run: "Run", request: "ExplainRequest") -> list[dict]:
        from glassworks.api.texts_explain import explain_texts

        return explain_texts(run, request)

    def export(self, run: "Run", request: "ExportRequest") -> dict[str, Any]:
        from glassworks.api import sequence_shipments
        from glassworks.api.sequence_export import export_sequences

        return export_sequences(run, request, sequence_shipments.texts(run))

    def service(self, run: "Run", request: "ServeRequest", folder: Path) -> "Service":
        from glassworks.api import sequence_serve

        return sequence_serve.of_texts(run, request, folder)


FAMILY = LabelledTexts()


def _refuse_what_pictures_have(recipe: Recipe) -> None:
    """Told before anything is read: a teacher's answers are asked for with pictures only."""
    if recipe.teacher.run is not None:
        raise PersonError(
            "contradiction", expected="labels of people to learn texts from", got="--teacher",
            fix="leave it out; label texts with glassworks predict RUN --out, and train on that table",
        )  # fmt: skip
