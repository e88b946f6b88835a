"""What a chapter says to the book: everything in its cells beyond text comes from here.

    from glassworks.reader import book

    book.header("foundations/learning_by_hand")
    book.source(one_weight)
    book.exercise("learning_by_hand.gradient")

The same calls work in the book, as a script, and in a notebook elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from glassworks import labs
from glassworks.reader import exercises, matter
from glassworks.reader.contents import Chapter, chapter
from glassworks.reader.desk import desk
from glassworks.reader.exercises.widget import ExerciseWidget
from glassworks.reader.figure import Control
from glassworks.reader.lab_view import LabView
from glassworks.reader.own_data import OwnData
from glassworks.reader.own_file import OwnFile
from glassworks.reader.source import source
from glassworks.reader.training_panel import TrainingPanel

__all__ = [
    "exercise",
    "glossary",
    "header",
    "lab",
    "own_data",
    "references",
    "source",
    "summary",
    "timeline",
    "training",
]


@dataclass(frozen=True)
class Shown:
    """A piece of a page as HTML."""

    markup: str

    def _repr_html_(self) -> str:
        return self.markup


def header(slug: str) -> Shown:
    """Title, time, needs and objectives of a chapter; objectives that are reached say so."""
    found = chapter(slug)
    return Shown(matter.header(found, _passed(found)))


def summary(slug: str) -> Shown:
    """How many exercises are passed, and the chapter that comes next."""
    found = chapter(slug)
    return Shown(matter.summary(found, _passed(found)))


def glossary(slug: str) -> Shown:
    """The terms of a chapter with their meanings."""
    return Shown(matter.terms(chapter(slug)))


def timeline(slug: str) -> Shown:
    """The works that a chapter depends on, by year."""
    return Shown(matter.timeline(chapter(slug)))


def references(slug: str) -> Shown:
    """The works that a chapter depends on, with links."""
    return Shown(matter.references(chapter(slug)))


def exercise(exercise_id: str) -> ExerciseWidget:
    """An exercise that checks itself, with what the reader wrote before.

    Raises PersonError("no-such-exercise") with the nearest one.
    """
    here = desk()
    return ExerciseWidget(exercises.find(exercise_id), here.progress, allowed=here.code)


def training(
    slug: str, request: dict[str, Any], settings: Sequence[Control] = (), job: str = "train"
) -> TrainingPanel:
    """A panel that trains with the workbench when the reader says so; it survives a reload.

    request: the options of `glassworks train`, by name; settings: controls whose values are added to it
    """
    here = desk()
    return TrainingPanel(
        lambda: here.runs,
        slug,
        job,
        request,
        settings=settings,
        started=lambda id: here.progress.run(slug, id),
    )


def own_data(slug: str, request: dict[str, Any], job: str = "train") -> OwnData:
    """The same with the reader's own pictures, which stay on this machine."""
    return OwnData(desk(), slug, job, request)


def own_file(slug: str, request: dict[str, Any], job: str = "train") -> OwnFile:
    """The same with one file of the reader's: a table, a text, or an archive."""
    return OwnFile(desk(), slug, job, request)


def lab(name: str) -> LabView:
    """A claim of the book, tested: the recorded result, and a button that runs it again."""
    here = desk()
    return LabView(labs.find(name), lambda: here.runs)


def _passed(found: Chapter) -> frozenset[str]:
    return frozenset(one for one in found.exercises if desk().progress.passed(one))
