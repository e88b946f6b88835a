"""Cross-validation: every example is judged once, by a model that never saw it.

With few pictures, texts or series one test part is a handful, and its figure depends on which handful. So the
data is cut into folds, a model is trained for each on the rest, and the answers of all folds are judged
together: as many examples as there are, and an interval that says what they can show. The models themselves
differ; the one to use is trained afterwards with `train` or `finetune` on everything.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from glassworks.api.compare import save_answers
from glassworks.api.families import divided_by, require
from glassworks.api.requests import CrossValidateRequest, TrainRequest, command_of
from glassworks.api.resolve import data_part_of, recipe_for, system_of
from glassworks.api.train import train_request
from glassworks.core.errors import PersonError
from glassworks.core.files import only_one, write_json
from glassworks.core.page import Page
from glassworks.core.rows import PARTS, Answers, Table
from glassworks.data.splits import Splits, folds
from glassworks.judging.judgement import Judgement, judge
from glassworks.judging.metrics import READABLE
from glassworks.tasks.image import image_task
from glassworks.training.progress import Lines, Silent, readable_time
from glassworks.training.run_folder import place_for

RESULT, PAGE = "cross-validation.json", "cross-validation.html"


@dataclass(frozen=True)
class CrossValidation:
    """judgement: over all rows together; by_fold: the main figure of each fold; seconds: of training all;
    things: what was judged, "pictures"."""

    folder: Path
    judgement: Judgement
    by_fold: list[float]
    seconds: float
    things: str

    def as_json(self) -> dict[str, Any]:
        facts = {"schema": 1, "command": "cross-validate", "folder": str(self.folder)}
        return facts | {"by_fold": self.by_fold, "seconds": round(self.seconds, 1)} | self.judgement.as_json()


def cross_validate(system: str, data: str | None = None, **options: Any) -> CrossValidation:
    """Train and judge once a fold; the keywords are the options of `glassworks cross-validate --help`."""
    options.setdefault("workers", 0)  # scripts may lack a __main__ guard
    return cross_validate_request(CrossValidateRequest(system=system, data=data, **options))


def cross_validate_request(request: CrossValidateRequest) -> CrossValidation:
    """The same, from a whole request."""
    if request.resume:
        raise PersonError(
            "contradiction", expected="cross-validation without --resume", got="--resume",
            fix="leave it out: folds are short, and features and pictures are cached",
        )  # fmt: skip
    say = Silent() if request.quiet else Lines()
    asked = as_training(request)
    require("cross-validate", system_of(asked))
    family = divided_by(system_of(asked))
    folder = _free(request)
    table = family.open_data(data_part_of(asked))
    recipe = recipe_for(asked, table)
    if recipe.training.threshold:
        raise PersonError(
            "contradiction", expected="cross-validation without a threshold: each fold would choose its own",
            got=f"--threshold {recipe.training.threshold}", fix="leave it out; choose it in the run you use",
        )  # fmt: skip
    table, same = family.to_divide(recipe, table)
    parts = folds(table, request.folds, seed=recipe.seed, val=recipe.data.val, same=same)
    for part in parts:
        _require_enough(table, part)
    began = time.monotonic()
    answers: list[Answers] = []
    baselines: list[dict[str, Answers]] = []
    by_fold: list[float] = []
    with working_in(folder, "a cross-validation"):
        for number, part in enumerate(parts, 1):
            run = train_request(
                replace(asked, out=str(folder / f"fold-{number}"), overwrite=True, quiet=True, json=False),
                splits=part.to_json(table),
            )
            own, theirs = family.judged_part(run, "test")
            answers.append(own)
            baselines.append(theirs)
            by_fold.append(quick_figure(own))
            took = readable_time(time.monotonic() - began)
            judged = f"{len(own.names)} {recipe.input.things}"
            say.say(f"fold {number} of {request.folds}: {by_fold[-1]:.4g} on {judged}, {took}")
        seconds = time.monotonic() - began
        pooled = joined(answers)
        judgement = judge(
            pooled, baselines={name: joined([b[name] for b in baselines]) for name in baselines[0]}
        )
        result = CrossValidation(folder, judgement, by_fold, seconds, recipe.input.things)
        save_answers(folder / "answers.npz", pooled)
        write_json(folder / RESULT, result.as_json() | {"asked": command_of("cross-validate", request)})
        page_of(result, request, recipe.system).save(folder / PAGE)
    return result


@contextmanager
def working_in(folder: Path, what: str) -> Iterator[None]:
    """Hold a folder of several runs; a mistake that is told before the first of them leaves no folder."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / "work.lock"
    try:
        with only_one(lock, what):
            yield
    except PersonError as error:
        if error.code != "in-use" and [*folder.iterdir()] == [lock]:
            lock.unlink()
            folder.rmdir()
        raise


def _require_enough(table: Table, parts: Splits) -> None:
    for name in PARTS:
        if len(getattr(parts, name)) == 0:
            raise PersonError(
                "too-few-examples", expected="enough to learn from, to choose with and to judge by in a fold",
                got=f"{len(table)} in all, none of them left for {name} in a fold",
                fix="use fewer --folds, or add examples",
            )  # fmt: skip


def as_training(request: TrainRequest) -> TrainRequest:
    """The training that a request with more fields asks for."""
    return TrainRequest(**{field.name: getattr(request, field.name) for field in fields(TrainRequest)})


def joined(answers: list[Answers]) -> Answers:
    """The answers of all folds, as if one model had given them."""
    first = answers[0]
    groups = None
    if first.groups is not None:
        groups = tuple(group for one in answers for group in one.groups or ())
    return Answers(
        names=tuple(name for one in answers for name in one.names),
        kind=first.kind,
        targets=np.concatenate([one.targets for one in answers]),
        scores=np.concatenate([one.scores for one in answers]),
        classes=first.classes,
        groups=groups,
    )


def page_of(result: CrossValidation, request: CrossValidateRequest, system: str) -> Page:
    """The result as a page: figures beside baselines, and what each fold gave."""
    judged = result.judgement
    page = Page(
        f"{system}: {request.folds}-fold cross-validation",
        f"Each of {judged.n:,} {result.things} was judged once, by a model that never saw it. Ranges: 95 %.",
    )
    page.section("Verdict").text(f"{judged.verdict[:1].upper()}{judged.verdict[1:]}.")
    names = list(judged.metrics)[:4]
    rows = [["this model", *(judged.metrics[name].words(name) for name in names)]]
    rows += [[b, *(f[n].words(n) for n in names)] for b, f in judged.baselines.items()]
    page.section("Figures against baselines").table(["", *(READABLE[name] for name in names)], rows)
    page.section("Fold by fold").table(
        ["fold", READABLE[judged.main]], [[str(k), f"{v:.4g}"] for k, v in enumerate(result.by_fold, 1)]
    )
    page.text(f"Training and judging all folds took {readable_time(result.seconds)}.", "note")
    page.section("Command").code(command_of("cross-validate", request))
    return page


def quick_figure(answers: Answers) -> float:
    """The main figure of some answers, without an interval: accuracy, macro F1, or mean absolute error."""
    task = image_task(answers.kind, answers.targets, answers.classes)
    return task.metrics(answers.scores, answers.targets)[task.primary]


def _free(request: CrossValidateRequest) -> Path:
    """The folder of the folds. Raises PersonError where something else stands."""
    folder = place_for(request.out, f"crossval-{request.system or 'recipe'}", request.data or "sample")
    if folder.exists() and any(folder.iterdir()) and not (request.overwrite and (folder / "fold-1").is_dir()):
        raise PersonError(
            "folder-not-empty",
            expected="a new or empty folder for the folds",
            got=f"{folder} holds something",
            fix="choose another --out" + (", or add --overwrite" if (folder / "fold-1").is_dir() else ""),
        )
    return folder
