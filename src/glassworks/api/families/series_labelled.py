"""Series with a class or a number each: movements, heartbeats, machines, voices."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from torch import nn

from glassworks.api import series
from glassworks.api.families.labelled import FAMILY as PICTURES
from glassworks.api.sequence_learner import SequenceLearner, outputs_of_sequences
from glassworks.core.errors import PersonError
from glassworks.core.rows import Answers
from glassworks.core.series_rows import SeriesTable
from glassworks.data.labelled_series import open_labelled_series
from glassworks.recipes.base import DataPart, Recipe, SeriesFacts
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

SAMPLE = "sample:japanese-vowels"  # what `--data sample` is here


class LabelledSeries:
    """One answer a series; see `Family` for what each method is asked."""

    data = (
        "series with a class each: .ts files, a table with a row a moment (--group names the series) or a "
        "row a series, or class folders of tables"
    )
    instead: Mapping[str, str] = MappingProxyType({})

    def open_data(self, data: DataPart) -> SeriesTable:
        return open_labelled_series(
            SAMPLE if data.where == "sample" else data.where, target=data.target, time=data.time,
            group=data.group, labels=data.labels, bad=data.bad,
        )  # fmt: skip

    def facts(self, table: SeriesTable) -> SeriesFacts:
        return series.facts_of(table)

    def in_words(self, table: SeriesTable) -> str:
        return f"{len(table.classes)} classes" if table.kind != "number" else "a number"

    def prepare(
        self, recipe: Recipe, table: SeriesTable, *, splits: dict | None = None
    ) -> series.PreparedSeries:
        if recipe.teacher.run is not None:
            raise PersonError(
                "contradiction", expected="labels of people to learn series from", got="--teacher",
                fix="leave it out",
            )  # fmt: skip
        return series.prepare_series(recipe, table, splits=splits)

    def learner(self, *given: Any, **options: Any) -> SequenceLearner:
        return SequenceLearner(*given, **options)

    def validate(self, learner: "Learner", judged: nn.Module) -> dict[str, float]:
        own = learner.prepared
        outputs = outputs_of_sequences(judged, learner.val, learner.runtime)
        return own.task.metrics(own.task.answers(outputs), own.table.targets[own.splits.val])

    def finish(self, folder: RunFolder, learner: "Learner", state: TrainingState, choices: list[str]) -> None:
        from glassworks.api.series_judge import finish

        finish(folder, learner, state, choices)

    def check_run(self, folder: Path, recipe: Recipe, card: dict) -> None:
        PICTURES.check_run(folder, recipe, card)

    def task(self, run: "Run") -> ImageTask:
        return PICTURES.task(run)

    def evaluate(self, run: "Run", request: "EvaluateRequest") -> "Evaluation":
        from glassworks.api.series_judge import evaluate

        return evaluate(run, request)

    def to_divide(self, recipe: Recipe, table: SeriesTable) -> tuple[SeriesTable, Sequence[Sequence[int]]]:
        return table, series.identical(table.values)

    def judged_part(self, run: "Run", part: str) -> tuple[Answers, dict[str, Answers]]:
        from glassworks.api.series_judge import judged_part

        return judged_part(run, part)

    def predict(self, run: "Run", request: "PredictRequest") -> list[dict]:
        from glassworks.api.series_predict import predict_series

        return predict_series(run, request)

    def explain(self, run: "Run", request: "ExplainRequest") -> list[dict]:
        from glassworks.api.series_explain import explain_series

        return explain_series(run, request)

    def export(self, run: "Run", request: "ExportRequest") -> dict[str, Any]:
        from glassworks.api import sequence_shipments
        from glassworks.api.sequence_export import export_sequences

        return export_sequences(run, request, sequence_shipments.series(run))

    def service(self, run: "Run", request: "ServeRequest", folder: Path) -> "Service":
        from glassworks.api import sequence_serve

        return sequence_serve.of_series(run, request, folder)


FAMILY = LabelledSeries()
