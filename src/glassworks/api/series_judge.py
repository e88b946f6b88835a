"""Judging a run that names classes of series: answers on held-out series, baselines, report and card."""

from collections.abc import Sequence
from typing import cast

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
from glassworks.api.learner import Learner
from glassworks.api.requests import EvaluateRequest
from glassworks.api.run import Run, outputs_of_features
from glassworks.api.sequence_learner import features_of_sequences
from glassworks.api.series import PreparedSeries, batches_of, other_channels, scaled, series_part
from glassworks.core.rows import Answers
from glassworks.core.series_rows import SeriesTable
from glassworks.data.labelled_series import open_labelled_series
from glassworks.insight.series_drawing import picture_of
from glassworks.judging.report import Section, Suspect
from glassworks.judging.series import ABOUT, series_baselines
from glassworks.training.run_folder import RunFolder
from glassworks.training.state import TrainingState
from glassworks.weights.store import load_into

SHOWN = 3  # series of each class that the report draws
MOST_SHOWN = 12  # classes


def finish(folder: RunFolder, learner: Learner, state: TrainingState, choices: list[str]) -> None:
    """At the end of training: judge the validation part, write card and report; test stays unseen."""
    assert state.best_model is not None
    model, own = state.model, cast(PreparedSeries, learner.prepared)
    load_into(model, state.best_model, source="the best model")

    def features(rows: np.ndarray) -> Tensor:
        batches = batches_of(own.sequences, own.table.targets, rows, device=learner.runtime.device)
        return features_of_sequences(model, batches, learner.runtime)

    rows = own.splits.val
    seen = features(rows)
    answers = answers_of(own.table, rows, own.task.answers(outputs_of_features(model, seen)))
    keep_familiar(folder, learner, seen, features)
    report_training(
        folder, learner, [*own.notes, *choices], answers,
        _baselines(own, [own.sequences[row] for row in rows], answers),
        picture=lambda row: _drawn(own.table, int(rows[row])), sections=_sections(own), baselines=ABOUT,
        more={"channels": list(own.table.channels)},
    )  # fmt: skip


def judged_part(run: Run, part: str) -> tuple[Answers, dict[str, Answers]]:
    """A run's answers on a part of its own data, and those of the baselines on the same rows."""
    own = cast(PreparedSeries, run.data())
    rows = own.part(part)
    asked = [own.sequences[row] for row in rows]
    answers = answers_of(own.table, rows, asked_of(run, asked)[0])
    return answers, _baselines(own, asked, answers)


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
    asked = [sequences[row] for row in rows]
    answers = answers_of(table, rows, asked_of(run, asked)[0])
    return report_answers(
        run, part, answers, _baselines(own, asked, answers),
        picture=lambda row: _drawn(table, int(rows[row])), sections=_sections(own), baselines=ABOUT,
        suspects=_suspects(run, own) if request.data is None else [],
    )  # fmt: skip


def asked_of(run: Run, sequences: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The model's answers for scaled series, float64 (rows, outputs), and what its head sees of them."""
    rows = np.arange(len(sequences))
    batches = batches_of(sequences, np.zeros(len(rows), np.int64), rows, device=run.runtime.device)
    seen = features_of_sequences(run.model, batches, run.runtime)
    return run.task.answers(outputs_of_features(run.model, seen)), seen.numpy()


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
    """Series whose label is to be doubted."""

    def ask(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return asked_of(run, [own.sequences[row] for row in rows])

    return doubted(own.table, own.splits.train, ask, lambda row: _drawn(own.table, row))
