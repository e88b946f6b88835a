"""Judging a run that names classes of series: answers on held-out series, baselines, report and card."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import nn

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
from glassworks.api.learner import Learner
from glassworks.api.requests import EvaluateRequest
from glassworks.api.run import Run, outputs_of_features
from glassworks.api.sequence_learner import BATCH
from glassworks.api.series import PreparedSeries, batches_of, other_channels, scaled, series_part
from glassworks.core.errors import PersonError
from glassworks.core.keyed import permutation
from glassworks.core.rows import Answers
from glassworks.core.series_rows import SeriesTable
from glassworks.data.labelled_series import open_labelled_series
from glassworks.insight import unfamiliar
from glassworks.insight.series_drawing import picture_of
from glassworks.judging import card as cards
from glassworks.judging.decisions import Threshold, choose_threshold
from glassworks.judging.judgement import judge
from glassworks.judging.report import Section, Suspect
from glassworks.judging.series import ABOUT, series_baselines
from glassworks.judging.suspects import suspects
from glassworks.training.run_folder import FAMILIAR, RunFolder
from glassworks.training.runtime import Runtime
from glassworks.training.state import TrainingState
from glassworks.weights.store import load_into

SHOWN = 3  # series of each class that the report draws
MOST_SHOWN = 12  # classes


def finish(folder: RunFolder, learner: Learner, state: TrainingState, choices: list[str]) -> None:
    """At the end of training: judge the validation part, write card and report; test stays unseen."""
    assert state.best_model is not None
    recipe, own = learner.recipe, cast(PreparedSeries, learner.prepared)
    load_into(state.model, state.best_model, source="the best model")
    held_out = features_of_sequences(state.model, learner.val, learner.runtime)
    answers = answers_of(
        own.table, own.splits.val, own.task.answers(outputs_of_features(state.model, held_out))
    )
    if len(own.splits.train) >= unfamiliar.FEWEST:
        known = features_of_sequences(state.model, learner.train, learner.runtime).numpy()
        drawn = np.sort(permutation(len(known), recipe.seed, "familiar")[: unfamiliar.MOST])
        found = unfamiliar.learn(known[drawn], held_out.numpy(), seed=recipe.seed)
        unfamiliar.write(folder.path / FAMILIAR, found)
    threshold = None
    if recipe.training.threshold:
        try:
            threshold = choose_threshold(answers, recipe.training.threshold)
        except PersonError as error:  # the model is good all the same
            choices = [*choices, f"no threshold was chosen: {error}"]
    compared = _baselines(own, [own.sequences[row] for row in own.splits.val], answers)
    judgement = judge(answers, baselines=compared, threshold=threshold)
    card = first_card(folder, learner, judgement, [*own.notes, *choices], threshold)
    card["channels"] = list(own.table.channels)
    if own.table.kind == "number":
        card["number"] = {"mean": own.task.mean, "std": own.task.std}
    write_card(folder.path, card)
    rows = own.splits.val
    write_page(
        folder.path / REPORT, folder, recipe, card, judgement, lambda row: _drawn(own.table, rows[row]),
        sections=_sections(own), baselines=ABOUT,
    )  # fmt: skip


def evaluate(run: Run, request: EvaluateRequest) -> Evaluation:
    """Judge a run on a part of its own data, or on other series."""
    own = cast(PreparedSeries, run.data())
    if request.data is None:
        part: str = request.part
        table, sequences, rows = own.table, own.sequences, own.part(part)
    else:
        table = with_classes_of(run, _opened(run, request))
        sequences = [scaled(values, own.how) for values in table.values]
        part, rows = request.data, np.arange(len(table))
    answers = answers_of(table, rows, asked_of(run, [sequences[row] for row in rows])[0])
    threshold = Threshold.from_json(run.card["threshold"]) if run.card.get("threshold") else None
    compared = _baselines(own, [sequences[row] for row in rows], answers)
    judgement = judge(answers, baselines=compared, threshold=threshold)
    card = cards.with_judgement(run.card, judgement, part=part)
    report = file_card(run, card, part)
    if report.name == REPORT:
        save_answers(run.path / ANSWERS, answers)
    doubted = _suspects(run, own) if request.data is None else []
    write_page(
        report, run.folder, run.recipe, card, judgement, lambda row: _drawn(table, rows[row]), doubted,
        sections=_sections(own), baselines=ABOUT,
    )  # fmt: skip
    return Evaluation(run.path, part, judgement, card["test_looks"], report)


def asked_of(run: Run, sequences: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The model's answers for scaled series, float64 (rows, outputs), and what its head sees of them."""
    rows = np.arange(len(sequences))
    batches = batches_of(sequences, np.zeros(len(rows), np.int64), rows, device=run.runtime.device)
    seen = features_of_sequences(run.model, batches, run.runtime)
    return run.task.answers(outputs_of_features(run.model, seen)), seen.numpy()


def features_of_sequences(model: nn.Module, batches: Any, runtime: Runtime) -> torch.Tensor:
    """What the head sees (rows, width), float32 on the CPU, in the order of the batches' rows.

    batches: `data.sequence_batches.SequenceBatches`
    """
    ask: Any = model.features
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode(), runtime.autocast():
            parts = [ask(*batch.given).float().cpu() for batch in batches.plain(BATCH)]
    finally:
        model.train(was_training)
    return batches.in_order(torch.cat(parts)) if parts else torch.empty(0)


def _opened(run: Run, request: EvaluateRequest) -> SeriesTable:
    """Other series, with the channels that the model reads."""
    table = open_labelled_series(
        str(request.data), target=request.target, time=request.time, group=request.group,
        labels=request.labels,
    )  # fmt: skip
    how = series_part(run.recipe)
    if len(table.channels) != how.channels:
        raise other_channels(how, len(table.channels), table.where)
    return table


def _baselines(own: PreparedSeries, asked: Sequence[np.ndarray], answers: Answers) -> dict[str, Answers]:
    """Majority and nearest neighbour, fitted on the run's training part."""
    train = own.splits.train
    return series_baselines([own.sequences[row] for row in train], own.table.targets[train], asked, answers)


def _drawn(table: SeriesTable, row: int) -> np.ndarray:
    return picture_of(table.values[row])


def _sections(own: PreparedSeries) -> list[Section]:
    """Some training series of each class, so that a reader sees what is told apart."""
    table, rows = own.table, own.splits.train
    if table.kind == "number":
        some = [int(row) for row in rows[: 2 * SHOWN]]
        shown = [(picture_of(table.values[row]), f"{table.targets[row]:.4g}") for row in some]
    else:
        shown = []
        for number, name in enumerate(table.classes[:MOST_SHOWN]):
            mine = [int(row) for row in rows if table.targets[row] == number][:SHOWN]
            shown += [(picture_of(table.values[row]), f"{name}: {table.names[row]}") for row in mine]
    left = len(table.classes) - MOST_SHOWN
    words = "From the training part; a line for each channel, time from left to right."
    words += f" {left} more classes are not drawn." if left > 0 else ""
    return [("The series", words, shown)]


def _suspects(run: Run, own: PreparedSeries) -> list[Suspect]:
    """Series whose label is to be doubted, among all parts: (name, given, suggested, score, picture)."""
    table = own.table
    if table.kind != "label" or len(table) < 20:
        return []
    rows = np.sort(permutation(len(table), "suspects")[:DOUBTED])
    scores, seen = asked_of(run, [own.sequences[row] for row in rows])
    scores[np.isin(rows, own.splits.train)] = np.nan  # the model has learned these answers
    ranking = suspects(seen, table.targets[rows], scores)
    most = min(SHOWN_SUSPECTS, max(1, round(CANDIDATE_SHARE * len(rows))))
    return [
        (table.names[rows[row]], table.classes[table.targets[rows[row]]], table.classes[suggested],
         float(score), _drawn(table, rows[row]))
        for row, score, suggested in zip(ranking.rows[:most], ranking.score, ranking.suggested)
        if score > 0
    ]  # fmt: skip
