"""Judging a run, on its own held-out data or on other data: the card and the report of every judgement."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glassworks.api.families import family_of
from glassworks.api.inside import Looked
from glassworks.api.learner import Learner
from glassworks.api.requests import EvaluateRequest
from glassworks.api.run import Run, load
from glassworks.api.sizes import at_side, other_size
from glassworks.core.files import write_json, write_text
from glassworks.judging import card as cards
from glassworks.judging.decisions import Threshold
from glassworks.judging.judgement import Judgement
from glassworks.judging.report import Suspect, write_report
from glassworks.recipes.base import Recipe
from glassworks.training.progress import readable_time
from glassworks.training.run_folder import CARD, RECIPE, RunFolder, read_json, slug

REPORT = "report.html"


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
    picture: Callable[[int], np.ndarray] | None = None,
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
