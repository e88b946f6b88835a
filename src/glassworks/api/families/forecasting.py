"""Series that go on: what a forecaster learns from its past, and how it is judged on what came."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from glassworks.api.families.refusals import refuse_what_needs_labels
from glassworks.api.forecast import PreparedSeries, config_in, facts_of, prepare_series, widened
from glassworks.api.forecast_judge import judged_part, other_windows, sections_of, series_facts
from glassworks.api.sequence_learner import SequenceLearner, outputs_of_sequences
from glassworks.core.errors import PersonError
from glassworks.core.series_rows import SeriesTable
from glassworks.data.series import open_series
from glassworks.judging import card as cards
from glassworks.judging.forecasting import ABOUT
from glassworks.recipes.base import DataPart, Recipe, SeriesFacts
from glassworks.tasks.forecasting import Forecasting, pinball
from glassworks.training.run_folder import MODEL, RunFolder
from glassworks.training.state import TrainingState
from glassworks.weights.store import load_into, write_tensors

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

WIDENED = (
    "intervals were widened {factor:.2f} times, to hold what they promise on the validation part; coverage "
    "there is therefore no test of them"
)
LIMIT = "It knows the past of the series alone: what never happened in it is not in its intervals either."


class SeriesToContinue:
    """What comes next, with intervals; see `Family` for what each method is asked."""

    data = (
        "series to continue: CSV, TSV, JSONL or Parquet with a time and numbers (--time, --target, --group)"
    )
    answers_alone = True  # `predict RUN` without files continues the run's own series
    instead: Mapping[str, str] = MappingProxyType(
        dict.fromkeys(
            ("compare", "cross-validate", "learning-curve"),
            "evaluate is a rolling back-test already: read its MASE for each run, on the same --horizon",
        )
    )

    def open_data(self, data: DataPart) -> SeriesTable:
        return open_series(data.where, time=data.time, target=data.target, group=data.group, bad=data.bad)

    def facts(self, table: SeriesTable) -> SeriesFacts:
        return facts_of(table)

    def in_words(self, table: SeriesTable) -> str:
        steps = sum(len(values) for values in table.values)
        many = f"{len(table)} series, " if len(table) > 1 else ""
        return f"{many}{steps:,} steps, windows"

    def prepare(self, recipe: Recipe, table: SeriesTable, *, splits: dict | None = None) -> PreparedSeries:
        refuse_what_needs_labels(
            recipe, expected=f"settings for {recipe.system}, which says numbers and learns whole"
        )
        return prepare_series(recipe, table, splits=splits)

    def learner(self, *given: Any, **options: Any) -> SequenceLearner:
        return SequenceLearner(*given, **options)

    def validate(self, learner: "Learner", judged: nn.Module) -> dict[str, float]:
        own: Any = learner.prepared
        batches: Any = learner.val
        outputs = outputs_of_sequences(judged, batches, learner.runtime)
        truth = batches.targets[torch.from_numpy(own.part("val"))].cpu()
        return {"loss": float(pinball(own.task.unfolded(outputs), truth, own.task.quantiles))}

    def finish(self, folder: RunFolder, learner: "Learner", state: TrainingState, choices: list[str]) -> None:
        from glassworks.api.judge import REPORT, first_card, write_card, write_page

        assert state.best_model is not None
        load_into(state.model, state.best_model, source="the best model")
        own: Any = learner.prepared
        if (factor := widened(state.model, own, learner.runtime)) > 1:
            write_tensors(folder.path / MODEL, state.model.state_dict())
            choices = [*choices, WIDENED.format(factor=factor)]
        found = judged_part(state.model, own, own.part("val"), learner.runtime)
        card = first_card(folder, learner, found.judgement, [*choices, *own.notes, *own.windows.notes])
        card["series"] = series_facts(own)
        card["limits"] = [LIMIT, *card["limits"]]
        write_card(folder.path, card)
        write_page(
            folder.path / REPORT, folder, learner.recipe, card, found.judgement, None,
            sections=sections_of(state.model, found, learner.runtime), baselines=ABOUT,
        )  # fmt: skip

    def check_run(self, folder: Path, recipe: Recipe, card: dict) -> None:
        facts = card.get("series")
        whole = isinstance(facts, dict) and {"channels", "wanted", "step"} <= facts.keys()
        if card["kind"] != "forecast" or not whole or not getattr(recipe.input, "mean", ()):
            raise PersonError(
                "damaged-run", expected="card.json and recipe.yaml of one run of a forecaster",
                got=f'{folder}: the card is of kind "{card["kind"]}", or its series or scales are missing',
                fix="restore the files from a copy",
            )  # fmt: skip

    def task(self, run: "Run") -> Forecasting:
        config = config_in(run.recipe)
        return Forecasting(config.horizon, config.wanted, config.quantiles)

    def evaluate(self, run: "Run", request: "EvaluateRequest") -> "Evaluation":
        from glassworks.api.judge import Evaluation, file_card, write_page

        own: Any = run.data()
        part, other = request.part if request.data is None else request.data, own
        if request.data is not None:
            other = other_windows(run, own, self.open_data(_named(run, request.data, request)))
        rows = own.part(request.part) if request.data is None else other.part("test")
        found = judged_part(run.model, other, rows, run.runtime, past=own)
        card = cards.with_judgement(run.card, found.judgement, part=part)
        report = file_card(run, card, part)
        write_page(
            report, run.folder, run.recipe, card, found.judgement, None,
            sections=sections_of(run.model, found, run.runtime), baselines=ABOUT,
        )  # fmt: skip
        return Evaluation(run.path, part, found.judgement, card["test_looks"], report)

    def predict(self, run: "Run", request: "PredictRequest") -> list[dict]:
        from glassworks.api.forecast_predict import predict_series

        return predict_series(run, request)

    def export(self, run: "Run", request: "ExportRequest") -> dict[str, Any]:
        from glassworks.api import sequence_shipments
        from glassworks.api.sequence_export import export_sequences

        return export_sequences(run, request, sequence_shipments.forecast(run))

    def explain(self, run: "Run", request: "ExplainRequest") -> list[dict]:
        from glassworks.api.forecast_explain import explain_series

        return explain_series(run, request)

    def service(self, run: "Run", request: "ServeRequest", folder: Path) -> "Service":
        from glassworks.api import sequence_serve

        return sequence_serve.of_forecaster(run, request, folder)


FAMILY = SeriesToContinue()


def _named(run: "Run", where: str, request: Any) -> DataPart:
    """Other data, its columns named as the run's own were where nothing else is said."""
    own = run.recipe.data
    return DataPart(
        where=where,
        time=getattr(request, "time", None) or own.time,
        target=getattr(request, "target", None) or own.target or ",".join(_wanted(run)),
        group=getattr(request, "group", None) or own.group,
    )


def _wanted(run: "Run") -> list[str]:
    facts = run.card["series"]
    return facts["channels"][: facts["wanted"]]
