"""Proof that an exercise is sound: its reference passes, its wrong answers fail where they should.

An exercise with a reference answer that fails, or a wrong one that passes, is worse than none: the reader
doubts what was understood. So the tests of every chapter run this for each of its exercises.
"""

from collections.abc import Callable

from glassworks.core.errors import PersonError
from glassworks.reader.exercises.kinds import (
    ChoiceExercise,
    CodeExercise,
    Exercise,
    NumberExercise,
    PredictExercise,
    Row,
    judge,
)

LONG_LINE = 12  # characters from which a line of the solution counts as giving it away


def complaints(exercise: Exercise) -> list[str]:
    """Sentences on what is unsound; [] when all is well."""
    if isinstance(exercise, CodeExercise):
        found = _code(exercise, _judge_of(exercise))
    elif isinstance(exercise, NumberExercise):
        found = _number(exercise)
    else:
        found = _choice(exercise)
    return [f"{exercise.id}: {text}" for text in found]


def _choice(exercise: ChoiceExercise | PredictExercise) -> list[str]:
    found = []
    for place, choice in enumerate(exercise.choices):
        row = judge(exercise, place)[0]
        if row.passed != choice.right or row.reason != choice.reason:
            found.append(f"choice {place} is not judged as it says")
    for nothing in (None, "", -1, len(exercise.choices)):
        if judge(exercise, nothing)[0].passed:
            found.append(f"{nothing!r} passes")
    right = next(choice.text for choice in exercise.choices if choice.right)
    if len(right) >= LONG_LINE:
        found += _told([right], exercise.hints)
    if isinstance(exercise, PredictExercise) and not str(exercise.reveal()).strip():
        found.append("the reveal shows nothing")
    return found


def _number(exercise: NumberExercise) -> list[str]:
    found = []
    target, slack = exercise.target, exercise.tolerance
    for text in (repr(target), f"{target!r} {exercise.unit}", repr(target).replace(".", ",")):
        if not judge(exercise, text)[0].passed:
            found.append(f"the reference {text!r} does not pass")
    for mistake in exercise.mistakes:
        row = judge(exercise, repr(mistake.value))[0]
        if row.passed or row.reason != mistake.reason:
            found.append(f"the mistake {mistake.value:g} is answered with another reason: {row.reason}")
    for text in ("", "half", repr(target + 3 * slack + 1), repr(-target - 3 * slack - 1), "1/0"):
        row = judge(exercise, text)[0]
        if row.passed or not row.reason.strip():
            found.append(f"{text!r} passes or fails without a reason")
    digits = f"{target:.12g}"
    if len(digits) > 1:
        found += [f"a hint holds the answer {digits}" for hint in exercise.hints if digits in hint.split()]
    return found


def _code(exercise: CodeExercise, judged: Callable[[str], list[Row]]) -> list[str]:
    rows = judged(exercise.solution)
    found = [] if _passes(rows) else [f"the reference fails on {_failed(rows)}"]
    if _passes(judged(exercise.start)):
        found.append("the start passes without any work")
    for number, wrong in enumerate(exercise.wrong, 1):
        rows = judged(wrong.answer)
        named = [row for row in rows if row.name == wrong.row]
        if not named:
            found.append(f"wrong answer {number}: no row {wrong.row!r}, only {[row.name for row in rows]}")
        elif named[0].passed:
            found.append(f"wrong answer {number}: row {wrong.row!r} passes; failed: {_failed(rows)}")
        elif not named[0].reason.strip():
            found.append(f"wrong answer {number}: row {wrong.row!r} fails without a reason")
    lines = {line.strip() for line in exercise.solution.splitlines()}
    lines -= {line.strip() for line in exercise.start.splitlines()}
    return found + _told([line for line in lines if len(line) >= LONG_LINE], exercise.hints)


def _judge_of(exercise: CodeExercise) -> Callable[[str], list[Row]]:
    """Through the child process for an exercise of the book, in this process for one that is not in it."""
    from glassworks.reader import exercises
    from glassworks.reader.checking import check
    from glassworks.reader.checking.answer import rows_of

    try:
        known = exercises.find(exercise.id) is exercise
    except PersonError:
        known = False
    if not known:
        return lambda answer: rows_of(exercise, answer)
    return lambda answer: list(check(exercise.id, answer).rows)


def _told(secrets: list[str], hints: tuple[str, ...]) -> list[str]:
    told = ["".join(hint.split()) for hint in hints]
    return [
        f"a hint holds {secret!r}" for secret in secrets if any("".join(secret.split()) in t for t in told)
    ]


def _passes(rows: list[Row]) -> bool:
    return bool(rows) and all(row.passed for row in rows)


def _failed(rows: list[Row]) -> str:
    return "; ".join(f"{row.name!r} ({row.reason})" for row in rows if not row.passed) or "no row"
