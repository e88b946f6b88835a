"""Judging a run: answers on held-out data, baselines, suspects, report and card; and runs side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile

import numpy as np
from torch import Tensor, nn

from glassworks.api.families import family_of, require
from glassworks.api.inside import Looked, looked_at
from glassworks.api.learner import Learner
from glassworks.api.prepare import Prepared, decode, open_data
from glassworks.api.requests import EvaluateRequest
from glassworks.api.run import Run, features_of, load, outputs_of, outputs_of_features
from glassworks.api.sizes import at_side, other_size
from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.files import write_json, write_text, writing
from glassworks.core.keyed import permutation
from glassworks.core.rows import Answers, PictureTable, Table
from glassworks.core.series_rows import SeriesTable
from glassworks.core.text_rows import TextTable
from glassworks.data.batches import PictureBatches
from glassworks.insight import unfamiliar
from glassworks.judging import card as cards
from glassworks.judging.baselines import baselines, small_pictures
from glassworks.judging.compare import Comparison
from glassworks.judging.compare import compare as compare_answers
from glassworks.judging.decisions import Threshold, choose_threshold
from glassworks.judging.judgement import Judgement, judge
from glassworks.judging.report import Suspect, write_report
from glassworks.judging.suspects import suspects
from glassworks.recipes.base import DataPart, Recipe, read
from glassworks.training.progress import readable_time
from glassworks.training.run_folder import (
    ADAPTER,
    CARD,
    FAMILIAR,
    RECIPE,
    RunFolder,
    open_run,
    read_json,
    slug,
)
from glassworks.training.state import TrainingState
from glassworks.transfer import lora
from glassworks.weights.store import load_into

Labelled = TypeVar("Labelled", PictureTable, TextTable, SeriesTable)

ANSWERS, REPORT = "answers.npz", "report.html"
DOUBTED = 10_000  # rows among which label errors are looked for; more are drawn from
SHOWN_SUSPECTS = 24
CANDIDATE_SHARE = 0.1  # of the rows that stand at the head of the list of suspects


@dataclass(frozen=True)
class Evaluation:
    """run: folder; part: what was judged; looks: how often the test part was; report: the page."""

    run: Path
    part: str
    judgement: Judgement
    looks: int
    report: Path

    def as_json(self) -> dict:
        return {
            "schema": 1,
            "command": "evaluate",
            "run": str(self.run),
            "part": self.part,
            "test_looks": self.looks,
            "report": str(self.report),
        } | self.judgement.as_json()


def evaluate(run: str | Path, **options: Any) -> Evaluation:
    """Judge a run; the keywords are the options of `glassworks evaluate --help`.

    Writes report.html, card.json and card.md into the run, and answers.npz for the test part.
    """
    return evaluate_request(EvaluateRequest(run=str(run), **options))


def evaluate_request(request: EvaluateRequest) -> Evaluation:
    """The same, from a whole request."""
    run = at_side(load(request.run, device=request.device), request.side)
    return family_of(run.recipe.system).evaluate(run, request)


def evaluate_labelled(run: Run, request: EvaluateRequest) -> Evaluation:
    """The same for a run that learned from labelled pictures."""
    own = run.data()
    if request.data is None:
        part: str = request.part
        rows, store, table = own.part(part), own.store, own.table
    else:
        data = DataPart(
            where=request.data,
            target=request.target,
            file=request.file,
            group=request.group,
            labels=request.labels,
        )
        table = with_classes_of(run, open_data(data))
        store = decode(run.input, table, workers=request.workers, bad="stop")
        part, rows = request.data, np.arange(len(table))
    answers = answers_of(table, rows, scores_for(run, store.pixels, table, rows))
    threshold = Threshold.from_json(run.card["threshold"]) if run.card.get("threshold") else None
    judgement = judge(answers, baselines=baselines_of(own, store.pixels, rows, answers), threshold=threshold)
    card = cards.with_judgement(run.card, judgement, part=part)
    report = file_card(run, card, part)
    if report.name == REPORT:
        save_answers(run.path / ANSWERS, answers)
    doubted = _suspects(run, own) if request.data is None else []
    looked = looked_at(run.model, run.input, table, rows, store.pixels, judgement, answers)
    write_page(
        report, run.folder, run.recipe, card, judgement, lambda row: store.pixels[rows[row]], doubted, looked
    )
    return Evaluation(run.path, part, judgement, card["test_looks"], report)


def file_card(run: Run, card: dict, part: str) -> Path:
    """Where the report of a part goes; writes the card where these are the run's own figures.

    Other data, other parts and other picture sizes stand in reports of their own. A look at the test part is
    counted at any size.
    """
    if part == "test":
        write_card(run.path, run.own.card | {"test_looks": card["test_looks"]} if run.own else card)
    about = "" if part == "test" else f"-{slug(part)}"
    place = run.path / REPORT
    return place.with_stem(place.stem + about + other_size(run))


def judged_part(run: Run, part: str = "test") -> tuple[Answers, dict[str, Answers]]:
    """A run's answers on a part of its own data, and those of the baselines on the same rows."""
    own = run.data()
    rows = own.part(part)
    answers = answers_of(own.table, rows, scores_for(run, own.store.pixels, own.table, rows))
    return answers, baselines_of(own, own.store.pixels, rows, answers)


def finish(folder: RunFolder, learner: Learner, state: TrainingState, choices: list[str]) -> None:
    """At the end of training: judge the validation part, write card and report; test stays unseen."""
    assert state.best_model is not None
    model, recipe, prepared = state.model, learner.recipe, learner.prepared
    load_into(model, state.best_model, source="the best model")
    rows = prepared.splits.val
    seen = learner.features(model, rows)
    scores = learner.task.answers(outputs_of_features(model, seen))
    answers = answers_of(prepared.table, rows, scores)
    if len(prepared.splits.train) >= unfamiliar.FEWEST:
        unfamiliar.write(folder.path / FAMILIAR, _familiar(learner, model, seen))
    if recipe.tune.method == "lora" and recipe.start_from:
        lora.write_peft(folder.path / ADAPTER, model, base=str(recipe.start_from))
    threshold = None
    if recipe.training.threshold:
        try:
            threshold = choose_threshold(answers, recipe.training.threshold)
        except PersonError as error:  # the model is good all the same
            choices = [*choices, f"no threshold was chosen: {error}"]
    judgement = judge(
        answers, baselines=baselines_of(prepared, prepared.store.pixels, rows, answers), threshold=threshold
    )
    card = first_card(folder, learner, judgement, choices, threshold)
    if prepared.table.kind == "number":
        card["number"] = {"mean": prepared.task.mean, "std": prepared.task.std}
    write_card(folder.path, card)
    pixels = prepared.store.pixels
    looked = looked_at(model, prepared.how, prepared.table, rows, pixels, judgement, answers)
    write_page(
        folder.path / REPORT, folder, recipe, card, judgement, lambda row: pixels[rows[row]], looked=looked
    )


def first_card(
    folder: RunFolder,
    learner: Learner,
    judgement: Judgement,
    choices: list[str],
    threshold: Threshold | None = None,
) -> dict:
    """The card of a run whose training has ended, with the judgement of its validation part."""
    recipe, prepared = learner.recipe, learner.prepared
    card = cards.card(
        system=recipe.system,
        variant=recipe.variant,
        model=recipe.model,
        kind=prepared.table.kind,
        classes=prepared.table.classes,
        seen=recipe.input.model_dump(mode="json"),
        sees=recipe.input.in_words,
        data={
            "source": recipe.data.where,
            "digest": prepared.digest,
            "rows": {part: len(prepared.part(part)) for part in ("train", "val", "test")},
        },
        parameters=sum(p.numel() for p in learner.model.parameters()),
        started_from=learner.origin,
        threshold=threshold.as_json() if threshold else None,
        judgement=judgement,
        part="val",
        command=read_json(folder.path / "environment.json")["command"],
    )
    return card | {"choices": choices, "parts": learner.parts()}


def _familiar(learner: Learner, model: nn.Module, held_out: Tensor) -> unfamiliar.Familiar:
    """What tells pictures unlike the training data: features of some training rows, and how far is far."""
    rows = learner.prepared.splits.train
    drawn = np.sort(rows[permutation(len(rows), learner.recipe.seed, "familiar")[: unfamiliar.MOST]])
    known = learner.features(model, drawn)
    return unfamiliar.learn(known.numpy(), held_out.numpy(), seed=learner.recipe.seed)


def write_card(path: Path, card: dict) -> None:
    """The card, for programs and for people."""
    write_json(path / CARD, card)
    write_text(path / "card.md", cards.card_text(card))


def write_page(
    page: Path,
    folder: RunFolder,
    recipe: Recipe,
    card: dict,
    judgement: Judgement,
    picture: Callable[[int], np.ndarray] | None,
    suspects: Sequence[Suspect] = (),
    looked: Looked = (),
    **more: Any,
) -> None:
    """The report of a run. `picture`: the uint8 picture of a judged row, if any; more: of `write_report`."""
    facts = {
        "system": recipe.system,
        "variant": recipe.variant,
        "size": recipe.size,
        "data": recipe.data.where,
        "judged": card["judged"]["part"],
        "rows": card["data"]["rows"],
        "parameters": card["parameters"],
        "training time": readable_time(folder.seconds()),
        "looks": card["test_looks"],
        "recipe": (folder.path / RECIPE).read_text(encoding="utf-8"),
        "environment": read_json(folder.path / "environment.json"),
        "command": card["command"],
        "parts": card.get("parts", []),
    }
    notes = [("", sentence) for sentence in card.get("choices", [])]
    notes += [("warn", sentence) for sentence in folder.notes()]
    write_report(
        page,
        judgement,
        run=facts,
        history=folder.history(),
        pictures=picture,
        suspects=suspects,
        findings=notes,
        looked=looked,
        **more,
    )


def answers_of(table: Table, rows: np.ndarray, scores: np.ndarray) -> Answers:
    return Answers(
        names=tuple(table.names[row] for row in rows),
        kind=table.kind,
        targets=table.targets[rows],
        scores=scores,
        classes=table.classes,
        groups=None if table.groups is None else tuple(table.groups[row] for row in rows),
    )


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


def _suspects(run: Run, own: Prepared) -> list[Suspect]:
    """Rows whose label is to be doubted, among all parts: (name, given, suggested, score, picture)."""
    table = own.table
    if table.kind != "label" or len(table) < 20:
        return []
    rows = np.sort(permutation(len(table), "suspects")[:DOUBTED])
    scores = scores_for(run, own.store.pixels, table, rows)
    batches = PictureBatches(own.store.pixels, table.targets, rows, run.input, device=run.runtime.device)
    seen = features_of(run.model, batches, run.runtime).numpy()
    scores[np.isin(rows, own.splits.train)] = np.nan  # the model has learned these answers
    ranking = suspects(seen, table.targets[rows], scores)
    most = min(SHOWN_SUSPECTS, max(1, round(CANDIDATE_SHARE * len(rows))))
    return [
        (
            table.names[rows[row]],
            table.classes[table.targets[rows[row]]],
            table.classes[suggested],
            float(score),
            own.store.pixels[rows[row]],
        )
        for row, score, suggested in zip(ranking.rows[:most], ranking.score, ranking.suggested)
        if score > 0
    ]


def save_answers(path: Path, answers: Answers) -> None:
    """Answers as plain arrays, for `compare`."""
    columns = {"names": np.array(answers.names), "targets": answers.targets, "scores": answers.scores}
    columns |= {"classes": np.array(answers.classes), "kind": np.array(answers.kind)}
    if answers.groups is not None:
        columns["groups"] = np.array(answers.groups)
    with writing(path) as aside, aside.open("wb") as file:
        np.savez_compressed(file, **columns)  # type: ignore[arg-type]


def read_answers(run: str | Path) -> Answers:
    """The recorded answers to a run's test part. Raises PersonError when it was never judged."""
    folder = open_run(run)
    require("compare", read(folder / RECIPE).system)
    path = folder / ANSWERS
    if not path.is_file():
        raise PersonError(
            "not-judged",
            expected=f"a run that was judged on its test part ({ANSWERS})",
            got=f"{folder}, which was not",
            fix=f"glassworks evaluate {folder}",
        )
    try:
        with np.load(path, allow_pickle=False) as kept:
            return Answers(
                names=tuple(kept["names"].tolist()),
                kind=str(kept["kind"]),  # type: ignore[arg-type]
                targets=kept["targets"],
                scores=kept["scores"],
                classes=tuple(kept["classes"].tolist()),
                groups=tuple(kept["groups"].tolist()) if "groups" in kept else None,
            )
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise PersonError(
            "damaged-run", expected=f"{path} as it was written", got=f"it cannot be read ({error})",
            fix=f"glassworks evaluate {folder} writes it again",
        ) from error  # fmt: skip


def compare(*runs: str | Path) -> Comparison:
    """Runs on the same test rows, each against the first."""
    if len(runs) < 2:
        raise PersonError(
            "too-few-runs", expected="two run folders or more", got=str(len(runs)),
            fix="glassworks compare RUN RUN",
        )  # fmt: skip
    return compare_answers({str(run): read_answers(run) for run in runs})
