"""What judging has in common where each example has a label: of pictures, of texts, of series.

Answers become figures beside baselines, a card, kept answers for `compare` and a report; and rows are looked
for whose label is to be doubted. What an answer comes from is the business of the families' own files.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from torch import Tensor

from glassworks.api.compare import ANSWERS, save_answers
from glassworks.api.inside import Looked
from glassworks.api.judge import REPORT, Evaluation, file_card, first_card, write_card, write_page
from glassworks.api.learner import Learner
from glassworks.api.run import Run
from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.keyed import permutation
from glassworks.core.rows import Answers, PictureTable, Table
from glassworks.core.series_rows import SeriesTable
from glassworks.core.text_rows import TextTable
from glassworks.insight import unfamiliar
from glassworks.judging import card as cards
from glassworks.judging.decisions import Threshold, choose_threshold
from glassworks.judging.judgement import Judgement, judge
from glassworks.judging.report import Suspect
from glassworks.judging.suspects import suspects
from glassworks.training.run_folder import ADAPTER, FAMILIAR, RunFolder
from glassworks.transfer import lora

Labelled = TypeVar("Labelled", PictureTable, TextTable, SeriesTable)
LookedAt = Callable[[Judgement], Looked]  # drawings for the report, of rows that a judgement names

DOUBTED = 10_000  # rows among which label errors are looked for; more are drawn from
FEWEST_DOUBTED = 20  # fewer rows say nothing about each other
SHOWN_SUSPECTS = 24
CANDIDATE_SHARE = 0.1  # of the rows that stand at the head of the list of suspects


def report_training(
    folder: RunFolder,
    learner: Learner,
    choices: list[str],
    answers: Answers,
    compared: dict[str, Answers],
    *,
    looked: LookedAt | None = None,
    more: Mapping[str, Any] | None = None,
    **page: Any,
) -> None:
    """At the end of training: figures of the validation part, card and report; test stays unseen.

    compared: answers of the baselines; more: facts that the card keeps besides; page: of `write_page`
    """
    recipe, prepared = learner.recipe, learner.prepared
    if recipe.tune.method == "lora" and recipe.start_from:
        lora.write_peft(folder.path / ADAPTER, learner.model, base=str(recipe.start_from))
    threshold = None
    if recipe.training.threshold:
        try:
            threshold = choose_threshold(answers, recipe.training.threshold)
        except PersonError as error:  # the model is good all the same
            choices = [*choices, f"no threshold was chosen: {error}"]
    judgement = judge(answers, baselines=compared, threshold=threshold)
    card = first_card(folder, learner, judgement, choices, threshold) | dict(more or {})
    if prepared.table.kind == "number":
        card["number"] = {"mean": prepared.task.mean, "std": prepared.task.std}
    write_card(folder.path, card)
    drawn = looked(judgement) if looked else ()
    write_page(folder.path / REPORT, folder, recipe, card, judgement, looked=drawn, **page)


def report_answers(
    run: Run,
    part: str,
    answers: Answers,
    compared: dict[str, Answers],
    *,
    looked: LookedAt | None = None,
    **page: Any,
) -> Evaluation:
    """Figures of a part or of other data, its card, the answers where they are the run's own, its report.

    compared: answers of the baselines; page: of `write_page`
    """
    threshold = Threshold.from_json(run.card["threshold"]) if run.card.get("threshold") else None
    judgement = judge(answers, baselines=compared, threshold=threshold)
    card = cards.with_judgement(run.card, judgement, part=part)
    report = file_card(run, card, part)
    if report.name == REPORT:
        save_answers(run.path / ANSWERS, answers)
    drawn = looked(judgement) if looked else ()
    write_page(report, run.folder, run.recipe, card, judgement, looked=drawn, **page)
    return Evaluation(run.path, part, judgement, card["test_looks"], report)


def answers_of(table: Table, rows: np.ndarray, scores: np.ndarray) -> Answers:
    return Answers(
        names=tuple(table.names[row] for row in rows),
        kind=table.kind,
        targets=table.targets[rows],
        scores=scores,
        classes=table.classes,
        groups=None if table.groups is None else tuple(table.groups[row] for row in rows),
    )


def with_classes_of(run: Run, table: Labelled) -> Labelled:
    """Other data in the numbering of the run's classes. Raises PersonError for what the model cannot say."""
    if table.kind != run.card["kind"]:
        raise PersonError(
            "other-kind",
            expected=f'data of the kind that the run learned ("{run.card["kind"]}")',
            got=f'"{table.kind}"',
            fix="choose the target's column with --target, its kind with --labels",
        )
    unknown = [name for name in table.classes if name not in run.classes]
    if unknown:
        raise PersonError(
            "unknown-class",
            expected=f"classes that the model knows ({', '.join(run.classes[:12])})",
            got=", ".join(unknown[:6]),
            fix=did_you_mean(unknown[0], run.classes),
        )
    places = [run.classes.index(name) for name in table.classes]
    targets = table.targets
    if table.kind == "label":
        targets = np.array(places)[targets]
    elif table.kind == "labels":
        targets = np.zeros((len(table), len(run.classes)), bool)
        targets[:, places] = table.targets
    return replace(table, targets=targets, classes=run.classes)


def keep_familiar(
    folder: RunFolder, learner: Learner, held_out: Tensor, features: Callable[[np.ndarray], Tensor]
) -> None:
    """Write what tells examples unlike the training data: features of some training rows, and how far is far.

    held_out: features of the validation part; features: of rows of the data, (rows, width)
    """
    rows = learner.prepared.splits.train
    if len(rows) < unfamiliar.FEWEST:
        return
    drawn = np.sort(rows[permutation(len(rows), learner.recipe.seed, "familiar")[: unfamiliar.MOST]])
    found = unfamiliar.learn(features(drawn).numpy(), held_out.numpy(), seed=learner.recipe.seed)
    unfamiliar.write(folder.path / FAMILIAR, found)


def doubted(
    table: Table,
    train: np.ndarray,
    ask: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    shown: Callable[[int], Any],
) -> list[Suspect]:
    """Rows whose label is to be doubted, among all parts: (name, given, suggested, score, what is shown).

    train: rows that the model learned; ask: rows -> (answers (rows, outputs), features (rows, width));
    shown: the picture or the text of a row
    """
    if table.kind != "label" or len(table) < FEWEST_DOUBTED:
        return []
    rows = np.sort(permutation(len(table), "suspects")[:DOUBTED])
    scores, features = ask(rows)
    scores[np.isin(rows, train)] = np.nan  # the model has learned these answers
    targets = table.targets[rows]
    ranking = suspects(features, targets, scores)
    most = min(SHOWN_SUSPECTS, max(1, round(CANDIDATE_SHARE * len(rows))))
    return [
        (table.names[rows[row]], table.classes[targets[row]], table.classes[suggested], float(score),
         shown(int(rows[row])))
        for row, score, suggested in zip(ranking.rows[:most], ranking.score, ranking.suggested)
        if score > 0
    ]  # fmt: skip
