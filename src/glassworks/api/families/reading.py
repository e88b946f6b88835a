"""Texts for a model that reads both ways: with labels it tells classes apart, without it guesses words."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from torch import nn

from glassworks.api import reading, texts
from glassworks.api.families.refusals import refuse_what_needs_labels
from glassworks.api.families.texts_labelled import FAMILY as LABELLED
from glassworks.api.pretrained_texts import given_tokenizer
from glassworks.api.reading_learner import GuessingLearner, ReadingLearner
from glassworks.api.sequence_learner import SequenceLearner
from glassworks.core.errors import PersonError
from glassworks.core.rows import Answers
from glassworks.core.text_rows import TextTable
from glassworks.data.texts import open_texts
from glassworks.recipes.base import DataPart, Recipe, TextFacts
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

NO_LABELS = {"no-texts", "no-class-folders"}  # what the door says of texts without labels
EITHER = "; or --labels none, to learn the language of the texts by guessing hidden words"


class Reading:
    """Labels where there are any, hidden words where there are none; see `Family` for what is asked."""

    data = (
        "texts with labels: a CSV, TSV, JSONL or Parquet table, folders of .txt files by class; or texts "
        "without (--labels none): a folder of .txt files, a table, sample:austen"
    )
    instead: Mapping[str, str] = MappingProxyType(dict(LABELLED.instead))

    def open_data(self, data: DataPart) -> TextTable:
        if data.labels == "none":
            return open_texts(data.where, wanted="none", text=data.text, group=data.group, bad=data.bad)
        try:
            return LABELLED.open_data(data)
        except PersonError as error:
            if error.code == "which-column":
                error.fix += EITHER
                raise
            if error.code not in NO_LABELS or data.target is not None:
                raise
        table = open_texts(data.where, wanted="none", text=data.text, group=data.group, bad=data.bad)
        told = "no labels: it learns by guessing words that are hidden"
        return replace(table, notes=(*table.notes, told))

    def facts(self, table: TextTable) -> TextFacts:
        facts = texts.facts_of(table)
        return replace(facts, outputs=0) if table.kind == "none" else facts

    def in_words(self, table: TextTable) -> str:
        return "blocks of text" if table.kind == "none" else LABELLED.in_words(table)

    def prepare(self, recipe: Recipe, table: TextTable, *, splits: dict | None = None) -> Any:
        _require_head(recipe, table)
        if table.kind == "none":
            refuse_what_needs_labels(
                recipe,
                expected="settings for texts without labels, from which the whole model learns",
                fix="leave them out (finetune: --tune full), or name a --target",
                also={"--batch auto": recipe.training.batch == "auto"},
            )
            return reading.prepare_reading(recipe, table, splits=splits)
        given = given_tokenizer(recipe.system, recipe.start_from)
        return texts.prepare_texts(recipe, table, splits=splits, tokenizer=given)

    def learner(self, recipe: Recipe, prepared: Any, *given: Any, **options: Any) -> SequenceLearner:
        kind = GuessingLearner if prepared.table.kind == "none" else ReadingLearner
        return kind(recipe, prepared, *given, **options)

    def validate(self, learner: "Learner", judged: nn.Module) -> dict[str, float]:
        if learner.prepared.table.kind == "none":
            from glassworks.api.reading_judge import quick

            return quick(learner, judged)
        if learner.on_features:
            from glassworks.api.run import scores_of

            scores = scores_of(learner.asked(judged), learner.task, learner.val, learner.runtime)
            return learner.task.metrics(scores, learner.prepared.table.targets[learner.val.rows])
        return LABELLED.validate(learner, judged)

    def finish(self, folder: RunFolder, learner: "Learner", state: TrainingState, choices: list[str]) -> None:
        if learner.prepared.table.kind == "none":
            from glassworks.api.reading_judge import finish

            finish(folder, learner, state, choices)
        else:
            LABELLED.finish(folder, learner, state, choices)

    def check_run(self, folder: Path, recipe: Recipe, card: dict) -> None:
        if card["kind"] != "none":
            LABELLED.check_run(folder, recipe, card)
        if recipe.model["head"] != ("words" if card["kind"] == "none" else "classes"):
            raise PersonError(
                "damaged-run", expected="card.json and recipe.yaml of one run",
                got=f'{folder}: a head for {recipe.model["head"]}, and a card of kind "{card["kind"]}"',
                fix="restore the files from a copy",
            )  # fmt: skip

    def task(self, run: "Run") -> Any:
        if run.card["kind"] == "none":
            from glassworks.api.reading_judge import task_of

            return task_of(run)
        return LABELLED.task(run)

    def evaluate(self, run: "Run", request: "EvaluateRequest") -> "Evaluation":
        if run.card["kind"] == "none":
            from glassworks.api.reading_judge import evaluate

            return evaluate(run, request)
        return LABELLED.evaluate(run, request)

    def to_divide(self, recipe: Recipe, table: TextTable) -> tuple[TextTable, Sequence[Sequence[int]]]:
        if table.kind == "none":
            raise PersonError(
                "other-kind", expected="texts with labels to divide evenly", got="texts without labels",
                fix="name the column of labels with --target",
            )  # fmt: skip
        return LABELLED.to_divide(recipe, table)

    def judged_part(self, run: "Run", part: str) -> tuple[Answers, dict[str, Answers]]:
        return LABELLED.judged_part(run, part)

    def predict(self, run: "Run", request: "PredictRequest") -> list[dict]:
        if run.recipe.model["head"] == "none":
            raise PersonError(
                "other-task", expected="a run that tells classes apart or guesses hidden words",
                got=f"{run.path}, weights without a head",
                fix="glassworks embed or search with them, or teach them: glassworks finetune bert",
            )  # fmt: skip
        if run.card["kind"] == "none":
            from glassworks.api.reading_predict import predict_words

            return predict_words(run, request)
        return LABELLED.predict(run, request)

    def explain(self, run: "Run", request: "ExplainRequest") -> list[dict]:
        if run.card["kind"] == "none" or request.methods == ("attention",):
            from glassworks.api.reading_explain import explain_reading

            return explain_reading(run, request)
        return LABELLED.explain(run, request)

    def export(self, run: "Run", request: "ExportRequest") -> dict[str, Any]:
        _require_classes("export", run)
        return LABELLED.export(run, request)

    def service(self, run: "Run", request: "ServeRequest", folder: Path) -> "Service":
        from glassworks.api import sequence_serve

        _require_classes("serve", run)
        return sequence_serve.of_texts(run, request, folder)


FAMILY = Reading()


def _require_classes(verb: str, run: "Run") -> None:
    """Only what answers for a text is shipped; a reader of hidden words is a beginning for others."""
    if run.card["kind"] == "none":
        raise PersonError(
            "other-task", expected=f"a run with classes or a number for `glassworks {verb}`",
            got=f"{run.path}, which guesses hidden words",
            fix="teach it your labels: glassworks finetune bert --from RUN --data TABLE.csv",
        )  # fmt: skip


def _require_head(recipe: Recipe, table: TextTable) -> None:
    """A head that fits the data; told before anything is read."""
    wanted = "words" if table.kind == "none" else "classes"
    if recipe.model["head"] != wanted:
        raise PersonError(
            "contradiction", expected=f"model.head={wanted}, as the data has it",
            got=f"model.head={recipe.model['head']}", fix="leave model.head out: it follows from the data",
        )  # fmt: skip
