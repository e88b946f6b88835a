"""Exercises of the book: `find` one by its id, take those `of` a chapter, `prove` that one is sound.

Each chapter `part/slug` keeps its exercises in `exercises/<part>/<slug>.py` as a tuple `EXERCISES`; the id is
"slug.word". Modules are found by walking this package, so a new chapter needs no list to be kept.
"""

import functools
import importlib
import pkgutil
from typing import Any

from glassworks.core.errors import PersonError, did_you_mean
from glassworks.reader.exercises.kinds import (
    KINDS,
    Choice,
    ChoiceExercise,
    CodeExercise,
    Exercise,
    Mistake,
    NumberExercise,
    PredictExercise,
    Row,
    Wrong,
    judge,
)

__all__ = [
    "KINDS", "Choice", "ChoiceExercise", "CodeExercise", "Exercise", "Mistake", "NumberExercise",
    "PredictExercise", "Row", "Wrong", "everything", "find", "judge", "module_of", "of", "prove", "slugs",
]  # fmt: skip


@functools.cache
def slugs() -> tuple[str, ...]:
    """The chapters that have exercises, as "part/slug"."""
    found = []
    for part in pkgutil.iter_modules(__path__):
        if part.ispkg:
            package = importlib.import_module(f"{__name__}.{part.name}")
            found += [f"{part.name}/{module.name}" for module in pkgutil.iter_modules(package.__path__)]
    return tuple(sorted(found))


def of(slug: str) -> tuple[Exercise, ...]:
    """The exercises of chapter "part/slug", in order. Raises PersonError("no-exercises")."""
    if slug not in slugs():
        raise PersonError(
            "no-exercises",
            expected="a chapter with exercises, such as foundations/learning_by_hand",
            got=repr(slug),
            fix=did_you_mean(slug, slugs()),
        )
    module = importlib.import_module(f"{__name__}.{slug.replace('/', '.')}")
    stem, seen = slug.rpartition("/")[2], set()
    for exercise in module.EXERCISES:
        if exercise.id.partition(".")[0] != stem or exercise.id in seen:
            raise ValueError(f"{module.__name__}: expected ids {stem}.<word>, each once; got {exercise.id}")
        seen.add(exercise.id)
    return module.EXERCISES


def everything() -> tuple[Exercise, ...]:
    """All exercises of the book, chapter by chapter."""
    return tuple(exercise for slug in slugs() for exercise in of(slug))


def find(exercise_id: str) -> Exercise:
    """The exercise with this id, "slug.word". Raises PersonError("no-such-exercise") with the nearest one."""
    return _find(exercise_id)[1]


def module_of(exercise_id: str) -> str:
    """The name of the module that holds the exercise: what a child process imports."""
    return f"{__name__}.{_find(exercise_id)[0].replace('/', '.')}"


def prove(exercise: Exercise) -> list[str]:
    """What is unsound in an exercise; [] when all is well. The tests of every chapter call it.

    The reference passes; every wrong answer fails on its row with a reason; no hint holds the solution; the
    start does not pass. Code of an exercise of the book runs in the child process, as it does for a reader.
    """
    from glassworks.reader.exercises.proof import complaints

    return complaints(exercise)


def _find(exercise_id: str) -> tuple[str, Exercise]:
    stem = exercise_id.partition(".")[0]
    for slug in slugs():  # only the module that can hold it is imported
        if slug.rpartition("/")[2] == stem:
            for exercise in of(slug):
                if exercise.id == exercise_id:
                    return slug, exercise
    raise PersonError(
        "no-such-exercise",
        expected="the id of an exercise, such as learning_by_hand.gradient",
        got=repr(exercise_id),
        fix=did_you_mean(exercise_id, [exercise.id for exercise in everything()]),
    )


def __getattr__(name: str) -> Any:
    if name == "ExerciseWidget":  # needs anywidget, which the command line may not have
        return importlib.import_module(f"{__name__}.widget").ExerciseWidget
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
