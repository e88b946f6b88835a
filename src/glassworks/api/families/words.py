"""Words that get vectors from plain text: what word2vec learns from, and what it can be asked afterwards."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from glassworks.api.families.refusals import refuse_what_needs_labels
from glassworks.api.sequence_learner import SequenceLearner
from glassworks.api.words import (
    PreparedWords,
    facts_of,
    is_word,
    numbers_of,
    open_data,
    passages_of,
    prepare_words,
)
from glassworks.core.errors import PersonError
from glassworks.core.text_rows import TextTable
from glassworks.data.vocabulary import FILE as TOKENIZER
from glassworks.data.vocabulary import cut
from glassworks.judging import card as cards
from glassworks.judging.words import BASELINES
from glassworks.recipes.base import DataPart, Recipe, TextFacts
from glassworks.tasks.word_embedding import WordEmbedding, noise_ends
from glassworks.training.run_folder import RunFolder
from glassworks.training.state import TrainingState
from glassworks.weights.store import load_into

if TYPE_CHECKING:
    from glassworks.api.judge import Evaluation
    from glassworks.api.learner import Learner
    from glassworks.api.requests import EvaluateRequest, ExplainRequest, PredictRequest
    from glassworks.api.run import Run

VECTORS = "write its vectors into a file: glassworks predict RUN --out vectors.txt (or .npz)"
FIGURES = "judge each with glassworks evaluate, and read the figures side by side"


class WordVectors:
    """A place in a space for each word; see `Family` for what each method is asked."""

    data = "texts without labels: a .txt file, a folder of them, or a table with a column of texts"
    answers_alone = True  # `predict RUN --out vectors.txt` names no word
    instead: Mapping[str, str] = MappingProxyType(
        dict.fromkeys(("export", "serve"), VECTORS)
        | dict.fromkeys(("compare", "cross-validate", "learning-curve"), FIGURES)
    )

    def open_data(self, data: DataPart) -> TextTable:
        return open_data(data)

    def facts(self, table: TextTable) -> TextFacts:
        return facts_of(table)

    def in_words(self, table: TextTable) -> str:
        return "passages of text"

    def prepare(self, recipe: Recipe, table: TextTable, *, splits: dict | None = None) -> PreparedWords:
        refuse_what_needs_labels(
            recipe,
            expected=f"settings for {recipe.system}, which learns each word of its own texts from nothing",
            fix="leave them out: a shelf of books takes a minute or two",
            also={"--from": recipe.start_from is not None},
        )
        return prepare_words(recipe, table, splits=splits)

    def learner(self, *given: Any, **options: Any) -> SequenceLearner:
        return SequenceLearner(*given, **options)

    def validate(self, learner: "Learner", judged: nn.Module) -> dict[str, float]:
        from glassworks.api.words_judge import quick_figures

        own: Any = learner.prepared
        return quick_figures(judged, own, learner.val)  # type: ignore[arg-type]

    def finish(self, folder: RunFolder, learner: "Learner", state: TrainingState, choices: list[str]) -> None:
        from glassworks.api.judge import REPORT, first_card, write_card, write_page
        from glassworks.api.words_judge import judged_words, sections_of

        assert state.best_model is not None
        load_into(state.model, state.best_model, source="the best model")
        own: Any = learner.prepared
        own.tokenizer.write(folder.path / TOKENIZER)
        model: Any = state.model.eval()
        found = judged_words(model, own, own.passages, own.splits.val, learner.runtime)
        card = first_card(folder, learner, found.judgement, [*choices, *own.notes])
        write_card(folder.path, card)
        write_page(
            folder.path / REPORT, folder, learner.recipe, card, found.judgement, None,
            sections=sections_of(found, own), baselines=BASELINES,
        )  # fmt: skip

    def check_run(self, folder: Path, recipe: Recipe, card: dict) -> None:
        if card["kind"] != "words" or not (folder / TOKENIZER).is_file():
            raise PersonError(
                "damaged-run",
                expected=f"card.json, recipe.yaml and {TOKENIZER} of one run",
                got=f'{folder}: {recipe.system} learns words, the card says "{card["kind"]}"'
                if card["kind"] != "words" else f"{folder} without {TOKENIZER}",
                fix="restore the files from a copy",
            )  # fmt: skip

    def task(self, run: "Run") -> WordEmbedding:
        config: Any = run.model.config
        return WordEmbedding(config, noise_ends(np.ones(config.vocabulary), config.power))

    def evaluate(self, run: "Run", request: "EvaluateRequest") -> "Evaluation":
        from glassworks.api.judge import Evaluation, file_card, write_page
        from glassworks.api.words_judge import judged_words, sections_of

        own: Any = run.data()
        part: str = request.data or request.part
        passages, rows = own.passages, own.part(request.part)
        if request.data is not None:
            passages = _others(request, own, run.recipe)
            rows = np.arange(len(passages))
        found = judged_words(run.model, own, passages, rows, run.runtime)  # type: ignore[arg-type]
        card = cards.with_judgement(run.card, found.judgement, part=part)
        report = file_card(run, card, part)
        write_page(
            report, run.folder, run.recipe, card, found.judgement, None,
            sections=sections_of(found, own), baselines=BASELINES,
        )  # fmt: skip
        return Evaluation(run.path, part, found.judgement, card["test_looks"], report)

    def predict(self, run: "Run", request: "PredictRequest") -> list[dict]:
        from glassworks.api.words_answers import predict_words

        return predict_words(run, request)

    def explain(self, run: "Run", request: "ExplainRequest") -> list[dict]:
        from glassworks.api.words_answers import explain_words

        return explain_words(run, request)


FAMILY = WordVectors()


def _others(request: "EvaluateRequest", own: PreparedWords, recipe: Recipe) -> list[np.ndarray]:
    """Passages of other texts, in the numbers of the run's words."""
    asked = DataPart(where=str(request.data), text=request.text, group=request.group)
    table = passages_of(open_data(asked), recipe.input.context)  # type: ignore[union-attr]
    tokenizer = own.tokenizer
    said = (filter(is_word, cut(text, "word", tokenizer.lower)) for text in table.texts)
    return [numbers_of(words, tokenizer) for words in said]
