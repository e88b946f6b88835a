"""Texts that are continued, a token at a time: what a language model learns from, and what it writes."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from torch import nn

from glassworks.api.families.refusals import refuse_what_needs_labels
from glassworks.api.language import PreparedLanguage, facts_of, prepare_language
from glassworks.api.sequence_learner import SequenceLearner
from glassworks.api.texts import TOKENIZER
from glassworks.core.errors import PersonError
from glassworks.core.text_rows import TextTable
from glassworks.data.texts import open_texts
from glassworks.judging import card as cards
from glassworks.judging.language import BASELINES
from glassworks.recipes.base import DataPart, Recipe, TextFacts
from glassworks.tasks.text_generation import TextGeneration
from glassworks.training.run_folder import RunFolder
from glassworks.training.state import TrainingState
from glassworks.weights.store import load_into

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

SAMPLE = "sample:austen"  # what `--data sample` is here
BITS = "judge each with glassworks evaluate: bits per character compare models of any tokens"


class ContinuedTexts:
    """A text goes on; see `Family` for what each method is asked."""

    data = "texts without labels: a .txt file, a folder of them, or a table with a column of texts"
    writes = True
    instead: Mapping[str, str] = MappingProxyType(
        dict.fromkeys(("compare", "cross-validate", "learning-curve"), BITS)
    )

    def open_data(self, data: DataPart) -> TextTable:
        where = SAMPLE if data.where == "sample" else data.where
        return open_texts(where, wanted="none", text=data.text, group=data.group, bad=data.bad)

    def facts(self, table: TextTable) -> TextFacts:
        return facts_of(table)

    def in_words(self, table: TextTable) -> str:
        return f"{sum(map(len, table.texts)):,} characters in stretches of text"

    def prepare(self, recipe: Recipe, table: TextTable, *, splits: dict | None = None) -> PreparedLanguage:
        refuse_what_needs_labels(
            recipe,
            expected=f"settings for {recipe.system}, which learns from texts without labels",
            fix="leave them out (finetune: --tune full)",
        )
        return prepare_language(recipe, table, splits=splits)

    def learner(self, *given: Any, **options: Any) -> SequenceLearner:
        return SequenceLearner(*given, **options)

    def validate(self, learner: "Learner", judged: nn.Module) -> dict[str, float]:
        from glassworks.api.language_judge import quick_figures

        return quick_figures(judged, learner.prepared, learner.runtime)  # type: ignore[arg-type]

    def finish(self, folder: RunFolder, learner: "Learner", state: TrainingState, choices: list[str]) -> None:
        from glassworks.api.judge import REPORT, first_card, write_card, write_page
        from glassworks.api.language_judge import judged, sections_of

        assert state.best_model is not None
        load_into(state.model, state.best_model, source="the best model")
        own: Any = learner.prepared
        own.tokenizer.write(folder.path / TOKENIZER)
        found = judged(state.model, own, "val", learner.runtime)
        card = first_card(folder, learner, found.judgement, [*choices, *own.notes])
        write_card(folder.path, card)
        write_page(
            folder.path / REPORT, folder, learner.recipe, card, found.judgement, None,
            sections=sections_of(state.model, found, own, learner.runtime), baselines=BASELINES,
        )  # fmt: skip

    def check_run(self, folder: Path, recipe: Recipe, card: dict) -> None:
        if card["kind"] != "text" or not (folder / TOKENIZER).is_file():
            raise PersonError(
                "damaged-run",
                expected=f"card.json, recipe.yaml and {TOKENIZER} of one run",
                got=f'{folder}: {recipe.system} continues texts, the card says "{card["kind"]}"'
                if card["kind"] != "text" else f"{folder} without {TOKENIZER}",
                fix="restore the files from a copy",
            )  # fmt: skip

    def task(self, run: "Run") -> TextGeneration:
        return TextGeneration()

    def evaluate(self, run: "Run", request: "EvaluateRequest") -> "Evaluation":
        from glassworks.api.judge import Evaluation, file_card, write_page
        from glassworks.api.language_judge import judged, sections_of

        own: Any = run.data()
        part, other = request.part if request.data is None else request.data, None
        if request.data is not None:
            other = self.open_data(DataPart(where=request.data, text=request.text, group=request.group))
        found = judged(run.model, own, part, run.runtime, other)
        card = cards.with_judgement(run.card, found.judgement, part=part)
        report = file_card(run, card, part)
        write_page(
            report, run.folder, run.recipe, card, found.judgement, None,
            sections=sections_of(run.model, found, own, run.runtime), baselines=BASELINES,
        )  # fmt: skip
        return Evaluation(run.path, part, found.judgement, card["test_looks"], report)

    def predict(self, run: "Run", request: "PredictRequest") -> list[dict]:
        from glassworks.api.language_answers import predict_next

        return predict_next(run, request)

    def explain(self, run: "Run", request: "ExplainRequest") -> list[dict]:
        from glassworks.api.language_answers import explain_surprise

        return explain_surprise(run, request)

    def export(self, run: "Run", request: "ExportRequest") -> dict[str, Any]:
        from glassworks.api import sequence_shipments
        from glassworks.api.sequence_export import export_sequences

        return export_sequences(run, request, sequence_shipments.writer(run))

    def service(self, run: "Run", request: "ServeRequest", folder: Path) -> "Service":
        from glassworks.api import sequence_serve

        return sequence_serve.of_writer(run, request, folder)


FAMILY = ContinuedTexts()
