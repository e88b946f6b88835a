"""Texts with another text each: translations, other spellings, dates in another form."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from torch import nn

from glassworks.api.families.refusals import refuse_what_needs_labels
from glassworks.api.sequence_learner import SequenceLearner
from glassworks.api.translation import (
    PreparedTranslations,
    facts_of,
    other_pairs,
    prepare_translations,
)
from glassworks.api.translation_judge import judged_translations, quick_figures, sections_of
from glassworks.core.errors import PersonError
from glassworks.core.text_rows import TextTable
from glassworks.data.texts import open_texts
from glassworks.data.vocabulary import FILE as TOKENIZER
from glassworks.data.vocabulary import read_tokenizer
from glassworks.judging import card as cards
from glassworks.judging.translation import BASELINES
from glassworks.recipes.base import DataPart, Recipe, TextFacts
from glassworks.tasks.translation import Translation
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

SAMPLE = "sample:django-de"  # what `--data sample` is here: pairs of texts


class PairsOfTexts:
    """Another text for a text; see `Family` for what each method is asked."""

    data = "pairs of texts: CSV, TSV, JSONL or Parquet with two columns of texts (--text, --target)"
    instead: Mapping[str, str] = MappingProxyType(
        dict.fromkeys(
            ("compare", "cross-validate", "learning-curve"),
            "train several seeds (--seed 1), and read the intervals of glassworks evaluate",
        )
    )

    def open_data(self, data: DataPart) -> TextTable:
        where = SAMPLE if data.where == "sample" else data.where
        return open_texts(
            where, wanted="pairs", text=data.text, target=data.target, group=data.group, bad=data.bad
        )

    def facts(self, table: TextTable) -> TextFacts:
        return facts_of(table)

    def in_words(self, table: TextTable) -> str:
        return "pairs of texts"

    def prepare(
        self, recipe: Recipe, table: TextTable, *, splits: dict | None = None
    ) -> PreparedTranslations:
        refuse_what_needs_labels(
            recipe,
            expected="settings for pairs of texts, which have no classes",
            also={f"--labels {recipe.data.labels}": recipe.data.labels != "auto"},
        )
        return prepare_translations(recipe, table, splits=splits)

    def learner(self, *given: Any, **options: Any) -> SequenceLearner:
        return SequenceLearner(*given, **options)

    def validate(self, learner: "Learner", judged: nn.Module) -> dict[str, float]:
        own: Any = learner.prepared
        return quick_figures(judged, own, learner.runtime)

    def finish(self, folder: RunFolder, learner: "Learner", state: TrainingState, choices: list[str]) -> None:
        from glassworks.api.judge import REPORT, first_card, write_card, write_page

        assert state.best_model is not None
        load_into(state.model, state.best_model, source="the best model")
        own: Any = learner.prepared
        own.tokenizer.write(folder.path / TOKENIZER)
        found = judged_translations(state.model, own, own, own.splits.val, learner.runtime)
        card = first_card(folder, learner, found.judgement, [*choices, *own.notes])
        card["longest_answer"] = own.most
        write_card(folder.path, card)
        write_page(
            folder.path / REPORT, folder, learner.recipe, card, found.judgement, _no_picture,
            sections=sections_of(found), baselines=BASELINES,
        )  # fmt: skip

    def check_run(self, folder: Path, recipe: Recipe, card: dict) -> None:
        if card["kind"] != "pairs" or not isinstance(card.get("longest_answer"), int):
            raise _damaged(folder, f'{recipe.system} learns from pairs, the card says "{card["kind"]}"')
        if not (folder / TOKENIZER).is_file():
            raise _damaged(folder, f"no {TOKENIZER}")

    def task(self, run: "Run") -> Translation:
        return Translation(run.recipe.training.smoothing)

    def evaluate(self, run: "Run", request: "EvaluateRequest") -> "Evaluation":
        from glassworks.api.judge import Evaluation, file_card, write_page

        own: Any = run.data()
        part, other = request.part if request.data is None else request.data, own
        if request.data is not None:
            data = DataPart(where=request.data, text=request.text, target=request.target, group=request.group)
            other = other_pairs(run, self.open_data(data), read_tokenizer(run.path / TOKENIZER))
        rows = own.part(request.part) if request.data is None else other.splits.test
        found = judged_translations(run.model, own, other, rows, run.runtime)
        card = cards.with_judgement(run.card, found.judgement, part=part)
        report = file_card(run, card, part)
        write_page(
            report, run.folder, run.recipe, card, found.judgement, _no_picture, sections=sections_of(found),
            baselines=BASELINES,
        )  # fmt: skip
        return Evaluation(run.path, part, found.judgement, card["test_looks"], report)

    def predict(self, run: "Run", request: "PredictRequest") -> list[dict]:
        from glassworks.api.translation_answers import predict_texts

        return predict_texts(run, request)

    def explain(self, run: "Run", request: "ExplainRequest") -> list[dict]:
        from glassworks.api.translation_answers import explain_texts

        return explain_texts(run, request)

    def export(self, run: "Run", request: "ExportRequest") -> dict[str, Any]:
        from glassworks.api import sequence_shipments
        from glassworks.api.sequence_export import export_sequences

        return export_sequences(run, request, sequence_shipments.translator(run))

    def service(self, run: "Run", request: "ServeRequest", folder: Path) -> "Service":
        from glassworks.api import sequence_serve

        return sequence_serve.of_translator(run, request, folder)


FAMILY = PairsOfTexts()


def _no_picture(row: int) -> Any:
    """Texts have none."""


def _damaged(folder: Path, got: str) -> PersonError:
    return PersonError(
        "damaged-run", expected=f"card.json, recipe.yaml and {TOKENIZER} of one run", got=f"{folder}: {got}",
        fix="restore the files from a copy",
    )  # fmt: skip
