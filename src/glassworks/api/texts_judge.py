"""Judging a run that reads texts: answers beside baselines, doubtful labels, card and report."""

from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from glassworks.api.judge import Evaluation
from glassworks.api.labelled_judge import (
    answers_of,
    doubted,
    keep_familiar,
    report_answers,
    report_training,
    with_classes_of,
)
from glassworks.api.run import outputs_of_features
from glassworks.api.sequence_learner import features_of_sequences
from glassworks.api.texts import TOKENIZER, PreparedTexts, numbers_of, prepare_texts, text_part
from glassworks.core.rows import Answers
from glassworks.core.text_rows import TextTable
from glassworks.data.sequence_batches import SequenceBatches
from glassworks.data.vocabulary import read_tokenizer
from glassworks.judging.report import Suspect
from glassworks.judging.texts import ABOUT, text_baselines
from glassworks.recipes.base import DataPart
from glassworks.training.run_folder import SPLITS, RunFolder, read_json
from glassworks.training.state import TrainingState
from glassworks.weights.store import load_into

if TYPE_CHECKING:
    from glassworks.api.learner import Learner
    from glassworks.api.requests import EvaluateRequest
    from glassworks.api.run import Run


def texts_of(run: "Run") -> PreparedTexts:
    """The run's own texts, divided as recorded and read with its own tokenizer."""
    from glassworks.api.families import family_of

    if run.published:
        run.data()  # refuses, with what to do
    table = family_of(run.recipe.system).open_data(run.recipe.data)
    return prepare_texts(
        run.recipe, table, splits=read_json(run.path / SPLITS), tokenizer=read_tokenizer(run.path / TOKENIZER)
    )


def batches_for(run: "Run", texts: Any, targets: np.ndarray | None = None) -> SequenceBatches:
    """Other texts as the run's model reads them."""
    tokenizer = read_tokenizer(run.path / TOKENIZER)
    sequences, _ = numbers_of(texts, tokenizer, text_part(run.recipe))
    rows = np.arange(len(sequences))
    targets = np.zeros(len(sequences), np.int64) if targets is None else targets
    return SequenceBatches(sequences, targets, rows, padding=tokenizer.padding, device=run.runtime.device)


def asked_of(run: "Run", batches: SequenceBatches) -> tuple[np.ndarray, np.ndarray]:
    """The model's answers for all rows of `batches`, float64 (rows, outputs), and what its head sees of them,
    (rows, width), in their order.
    """
    seen = features_of_sequences(run.model, batches, run.runtime)
    return run.task.answers(outputs_of_features(run.model, seen)), seen.numpy()


def evaluate(run: "Run", request: "EvaluateRequest") -> Evaluation:
    """Judge a run on a part of its own data, or on other data with the same classes."""
    own = texts_of(run)
    if request.data is None:
        part: str = request.part
        rows, table = own.part(part), own.table
        batches = own.batches(part, device=run.runtime.device)
    else:
        part, table = request.data, _other(run, request)
        rows, batches = np.arange(len(table)), batches_for(run, table.texts)
    answers = answers_of(table, rows, asked_of(run, batches)[0])
    return report_answers(
        run, part, answers, baselines_of(own, table, rows, answers), baselines=ABOUT,
        suspects=_suspects(run, own) if request.data is None else [],
        texts=lambda row: table.texts[int(rows[row])],
    )  # fmt: skip


def judged_part(run: "Run", part: str) -> tuple[Answers, dict[str, Answers]]:
    """A run's answers on a part of its own data, and those of the baselines on the same rows."""
    own = texts_of(run)
    rows = own.part(part)
    scores, _ = asked_of(run, own.batches(part, device=run.runtime.device))
    answers = answers_of(own.table, rows, scores)
    return answers, baselines_of(own, own.table, rows, answers)


def finish(folder: RunFolder, learner: "Learner", state: TrainingState, choices: list[str]) -> None:
    """At the end of training: judge the validation part, write tokenizer, card and report."""
    assert state.best_model is not None
    model, own = state.model, learner.prepared
    assert isinstance(own, PreparedTexts)
    load_into(model, state.best_model, source="the best model")
    own.tokenizer.write(folder.path / TOKENIZER)

    def features(rows: np.ndarray) -> Tensor:
        batches = own.batches_of(rows, device=learner.runtime.device)
        return features_of_sequences(model, batches, learner.runtime)

    rows = own.splits.val
    seen = features(rows)
    answers = answers_of(own.table, rows, own.task.answers(outputs_of_features(model, seen)))
    keep_familiar(folder, learner, seen, features)
    report_training(
        folder, learner, [*choices, *own.notes], answers, baselines_of(own, own.table, rows, answers),
        texts=lambda row: own.table.texts[rows[row]], baselines=ABOUT,
    )  # fmt: skip


def baselines_of(
    own: PreparedTexts, table: TextTable, rows: np.ndarray, answers: Answers
) -> dict[str, Answers]:
    """The most frequent answer and counted words, fitted on the run's training part."""
    train = own.splits.train
    return text_baselines(
        [own.table.texts[row] for row in train],
        own.table.targets[train],
        [table.texts[int(row)] for row in rows],
        answers,
    )


def _other(run: "Run", request: "EvaluateRequest") -> TextTable:
    """Other labelled texts in the numbering of the run's classes."""
    from glassworks.api.families import family_of

    data = DataPart(
        where=str(request.data), target=request.target, text=request.text, group=request.group,
        labels=request.labels,
    )  # fmt: skip
    table = family_of(run.recipe.system).open_data(data)
    return with_classes_of(run, table)


def _suspects(run: "Run", own: PreparedTexts) -> list[Suspect]:
    """Texts whose label is to be doubted."""

    def ask(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return asked_of(run, own.batches_of(rows, device=run.runtime.device))

    return doubted(own.table, own.splits.train, ask, lambda row: own.table.texts[row])
