"""Judging a run that learned from labelled pictures: its answers beside a nearest neighbour, looked into."""

import numpy as np

from glassworks.api.inside import looked_at
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
from glassworks.api.prepare import Prepared, decode, open_data
from glassworks.api.requests import EvaluateRequest
from glassworks.api.run import Run, features_of, outputs_of, outputs_of_features
from glassworks.core.rows import Answers, PictureTable
from glassworks.data.batches import PictureBatches
from glassworks.judging.baselines import baselines, small_pictures
from glassworks.recipes.base import DataPart
from glassworks.training.run_folder import RunFolder
from glassworks.training.state import TrainingState
from glassworks.weights.store import load_into


def finish(folder: RunFolder, learner: Learner, state: TrainingState, choices: list[str]) -> None:
    """At the end of training: judge the validation part, write card and report; test stays unseen."""
    assert state.best_model is not None
    model, own = state.model, learner.prepared
    load_into(model, state.best_model, source="the best model")
    rows, pixels = own.splits.val, own.store.pixels
    seen = learner.features(model, rows)
    answers = answers_of(own.table, rows, learner.task.answers(outputs_of_features(model, seen)))
    keep_familiar(folder, learner, seen, lambda some: learner.features(model, some))
    report_training(
        folder, learner, choices, answers, baselines_of(own, pixels, rows, answers),
        picture=lambda row: pixels[rows[row]],
        looked=lambda found: looked_at(model, own.how, own.table, rows, pixels, found, answers),
    )  # fmt: skip


def evaluate(run: Run, request: EvaluateRequest) -> Evaluation:
    """Judge a run on a part of its own data, or on other pictures with the same classes."""
    own = run.data()
    if request.data is None:
        part: str = request.part
        rows, pixels, table = own.part(part), own.store.pixels, own.table
    else:
        data = DataPart(
            where=request.data, target=request.target, file=request.file, group=request.group,
            labels=request.labels,
        )  # fmt: skip
        table = with_classes_of(run, open_data(data))
        pixels = decode(run.input, table, workers=request.workers, bad="stop").pixels
        part, rows = request.data, np.arange(len(table))
    answers = answers_of(table, rows, scores_for(run, pixels, table, rows))
    return report_answers(
        run, part, answers, baselines_of(own, pixels, rows, answers),
        picture=lambda row: pixels[rows[row]], suspects=_suspects(run, own) if request.data is None else [],
        looked=lambda found: looked_at(run.model, run.input, table, rows, pixels, found, answers),
    )  # fmt: skip


def judged_part(run: Run, part: str) -> tuple[Answers, dict[str, Answers]]:
    """A run's answers on a part of its own data, and those of the baselines on the same rows."""
    own = run.data()
    rows = own.part(part)
    answers = answers_of(own.table, rows, scores_for(run, own.store.pixels, own.table, rows))
    return answers, baselines_of(own, own.store.pixels, rows, answers)


def baselines_of(own: Prepared, pixels: np.ndarray, rows: np.ndarray, answers: Answers) -> dict[str, Answers]:
    """Majority and nearest neighbour, fitted on the run's training part."""
    train = own.splits.train
    return baselines(
        small_pictures(own.store.pixels[train]),
        own.table.targets[train],
        small_pictures(pixels[rows]),
        answers,
    )


def scores_for(run: Run, pixels: np.ndarray, table: PictureTable, rows: np.ndarray) -> np.ndarray:
    """The model's answers for some rows, float64 (rows, outputs)."""
    batches = PictureBatches(pixels, table.targets, rows, run.input, device=run.runtime.device)
    return run.task.answers(outputs_of(run.model, batches, run.runtime))


def _suspects(run: Run, own: Prepared) -> list:
    """Pictures whose label is to be doubted."""
    table, pixels = own.table, own.store.pixels

    def ask(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        batches = PictureBatches(pixels, table.targets, rows, run.input, device=run.runtime.device)
        seen = features_of(run.model, batches, run.runtime)
        return scores_for(run, pixels, table, rows), seen.numpy()

    return doubted(table, own.splits.train, ask, lambda row: pixels[row])
