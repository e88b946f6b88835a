"""A module of exercises outside of the book, for tests of the checker: the child imports it by its name."""

from glassworks.reader.exercises import compare
from glassworks.reader.exercises.kinds import CodeExercise, Row, Wrong

TEXTS = {"hints": ("Look.", "Count."), "why": "Because.", "further": "Try three."}
WRONG = (
    Wrong("def double(x):\n    return x * x", "three"),
    Wrong("def double(x)", "the code can be read"),
    Wrong("def triple(x): ...", "the code runs"),
)
GIVEN = {"start": "def double(x):\n    ...", "name": "double", "wrong": WRONG, **TEXTS}
GIVEN["solution"] = "def double(x):\n    return 2 * x"


def check(double):
    yield compare.same("three", double(3), 6, usual=[(9, "That is the square.")])
    yield compare.same("five", double(5), 10)


def broken(double):
    return [Row("no reason", True, "")]


EXERCISES = (
    CodeExercise("trial_exercises.double", "Double it.", check=check, **GIVEN),
    CodeExercise("trial_exercises.broken", "Double it.", check=broken, **GIVEN),
)
