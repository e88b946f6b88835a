"""Judging a run that reads texts: answers beside baselines, doubtful labels, card and report."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from glassworks.api.judge import (
    ANSWERS,
    CANDIDATE_SHARE,
    DOUBTED,
    REPORT,
    SHOWN_SUSPECTS,
    Evaluation,
    answers_of,
    file_card,
    first_card,
    save_answers,
    with_classes_of,
    write_card,
    write_page,
)
from glassworks.api.run import BATCH, outputs_of_features
from glassworks.api.texts import TOKENIZER, PreparedTexts, numbers_of, prepare_texts, text_part
from glassworks.core.errors import PersonError
from glassworks.core.keyed import permutation
from glassworks.core.rows import Answers
from glassworks.core.text_rows import TextTable
from glassworks.data.sequence_batches import SequenceBatches
from glassworks.data.vocabulary import read_tokenizer
from glassworks.insight import unfamiliar
from glassworks.judging import card as cards
from glassworks.judging.decisions import Threshold, choose_threshold
from glassworks.judging.judgement import judge
from glassworks.judging.report import Suspect
from glassworks.judging.suspects import suspects
from glassworks.judging.texts import ABOUT, text_baselines
from glassworks.recipes.base import DataPart
from glassworks.training.run_folder import FAMILIAR, SPLITS, RunFolder, read_json
from glassworks.training.runtime import Runtime
from glassworks.training.state import TrainingState
from glassworks.transfer import lora
from glassworks.weights.store import load_into

if TYPE_CHECKING:
    from glassworks.api.learner import Learner
    from glassworks.api.requests import EvaluateRequest
    from glassworks.api.run import Run


@dataclass(frozen=True)
class Asked:
    """What a model said of some texts: features (rows, width) and raw outputs (rows, outputs), float32."""

    features: Tensor
    outputs: Tensor


def asked_of(model: nn.Module, batches: SequenceBatches, runtime: Runtime, *, size: int = BATCH) -> Asked:
    """What a model says of all rows of `batches`, in their order; its mode is put back."""
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode(), runtime.autocast():
            parts = [model.features(*b.given).float().cpu() for b in batches.plain(size)]  # type: ignore[operator]
    finally:
        model.train(was_training)
    features = batches.in_order(torch.cat(parts)) if parts else torch.empty(0)
    return Asked(features, outputs_of_features(model, features))


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
    scores = run.task.answers(asked_of(run.model, batches, run.runtime).outputs)
    answers = answers_of(table, rows, scores)
    threshold = Threshold.from_json(run.card["threshold"]) if run.card.get("threshold") else None
    judgement = judge(answers, baselines=baselines_of(own, table, rows, answers), threshold=threshold)
    card = cards.with_judgement(run.card, judgement, part=part)
    report = file_card(run, card, part)
    if report.name == REPORT:
        save_answers(run.path / ANSWERS, answers)
    doubted = _suspects(run, own) if request.data is None else []
    write_page(
        report, run.folder, run.recipe, card, judgement, None,
        doubted, texts=lambda row: table.texts[int(rows[row])], baselines=ABOUT,
    )  # fmt: skip
    return Evaluation(run.path, part, judgement, card["test_looks"], report)


def finish(folder: RunFolder, learner: "Learner", state: TrainingState, choices: list[str]) -> None:
    """At the end of training: judge the validation part, write tokenizer, card and report."""
    assert state.best_model is not None
    model, recipe, own = state.model, learner.recipe, learner.prepared
    assert isinstance(own, PreparedTexts)
    load_into(model, state.best_model, source="the best model")
    own.tokenizer.write(folder.path / TOKENIZER)
    rows = own.splits.val
    found = asked_of(model, own.batches("val", device=learner.runtime.device), learner.runtime)
    answers = answers_of(own.table, rows, own.task.answers(found.outputs))
    if len(own.splits.train) >= unfamiliar.FEWEST:
        unfamiliar.write(folder.path / FAMILIAR, _familiar(learner, model, found.features))
    if recipe.tune.method == "lora" and recipe.start_from:
        lora.write_peft(folder.path / "adapter", model, base=str(recipe.start_from))
    choices = [*choices, *own.notes]
    threshold = None
    if recipe.training.threshold:
        try:
            threshold = choose_threshold(answers, recipe.training.threshold)
        except PersonError as error:  # the model is good all the same
            choices = [*choices, f"no threshold was chosen: {error}"]
    judgement = judge(answers, baselines=baselines_of(own, own.table, rows, answers), threshold=threshold)
    card = first_card(folder, learner, judgement, choices, threshold)
    if own.table.kind == "number":
        card["number"] = {"mean": own.task.mean, "std": own.task.std}
    write_card(folder.path, card)
    write_page(
        folder.path / REPORT, folder, recipe, card, judgement, None,
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


def _familiar(learner: "Learner", model: nn.Module, held_out: Tensor) -> unfamiliar.Familiar:
    """What tells texts unlike the training data: features of some training rows, and how far is far."""
    own, seed = learner.prepared, learner.recipe.seed
    rows = own.splits.train
    drawn = np.sort(rows[permutation(len(rows), seed, "familiar")[: unfamiliar.MOST]])
    known = asked_of(model, own.batches_of(drawn, device=learner.runtime.device), learner.runtime)  # type: ignore[attr-defined]
    return unfamiliar.learn(known.features.numpy(), held_out.numpy(), seed=seed)


def _suspects(run: "Run", own: PreparedTexts) -> list[Suspect]:
    """Texts whose label is to be doubted, among all parts, with their text."""
    table = own.table
    if table.kind != "label" or len(table) < 20:
        return []
    rows = np.sort(permutation(len(table), "suspects")[:DOUBTED])
    found = asked_of(run.model, own.batches_of(rows, device=run.runtime.device), run.runtime)
    scores = run.task.answers(found.outputs)
    scores[np.isin(rows, own.splits.train)] = np.nan  # the model has learned these answers
    ranking = suspects(found.features.numpy(), table.targets[rows], scores)
    most = min(SHOWN_SUSPECTS, max(1, round(CANDIDATE_SHARE * len(rows))))
    names, classes = table.names, table.classes
    return [
        (names[rows[row]], classes[table.targets[rows[row]]], classes[suggested], float(score),
         table.texts[rows[row]])
        for row, score, suggested in zip(ranking.rows[:most], ranking.score, ranking.suggested)
        if score > 0
    ]  # fmt: skip
