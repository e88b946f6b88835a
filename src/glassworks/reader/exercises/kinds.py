"""The four kinds of exercise: choose, give a number, predict, write code; each wrong answer has its reason.

An exercise that only says right or wrong teaches little and drives people away (the randomised study of
VPAL, Harvard 2017, on questions with and without explanations). So a wrong choice, a known wrong number and
a failed row of code all carry a sentence that says what went wrong; an exercise without one cannot be made.
Texts are Markdown with `code` in backticks. The first thing to change: `MINUTES`, how long one may take.
"""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY, dataclass
from typing import Any

from glassworks.reader.exercises.numbers import explain_number, known_number, read_number

ID = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
MINUTES = range(1, 11)
ANSWER = "your answer"  # the name of the row of a choice or a number


@dataclass(frozen=True)
class Row:
    """One line of a result: what was looked at, whether it holds, and why."""

    name: str
    passed: bool
    reason: str


@dataclass(frozen=True)
class Choice:
    """One of the answers to choose from; `reason` says why it is right, or what is wrong in it."""

    text: str
    right: bool
    reason: str


@dataclass(frozen=True)
class Mistake:
    """A wrong number that people come to, and how they come to it."""

    value: float
    reason: str


@dataclass(frozen=True)
class Wrong:
    """An answer in code that must fail on the row of that name; the tests of the book run it."""

    answer: str
    row: str


@dataclass(frozen=True)
class ChoiceExercise:
    """Choose one: exactly one right choice, at least two wrong ones with a reason each."""

    id: str
    question: str
    _: KW_ONLY
    choices: tuple[Choice, ...]
    hints: tuple[str, str]
    why: str
    further: str
    minutes: int = 3

    def __post_init__(self) -> None:
        _check_common(self)
        _check_choices(self.id, self.choices)


@dataclass(frozen=True)
class NumberExercise:
    """Give a number: right within `tolerance` (same unit as `target`); at least two known mistakes.

    solution: the way to the number, shown after a pass or three honest tries
    """

    id: str
    question: str
    _: KW_ONLY
    target: float
    tolerance: float
    unit: str = ""
    mistakes: tuple[Mistake, ...]
    hints: tuple[str, str]
    why: str
    further: str
    solution: str
    minutes: int = 3

    def __post_init__(self) -> None:
        _check_common(self)
        _need(self.id, bool(self.solution.strip()), "a solution that shows the way to the number")
        _need(self.id, math.isfinite(self.target), "a finite target")
        fine = math.isfinite(self.tolerance) and self.tolerance >= 0
        _need(self.id, fine and (self.tolerance > 0 or self.target == round(self.target)),
              "a tolerance above 0, or 0 for a whole number")  # fmt: skip
        _need(self.id, len(self.mistakes) >= 2, "at least two known mistakes")
        for mistake in self.mistakes:
            _need(self.id, bool(mistake.reason.strip()), f"a reason for the mistake {mistake.value:g}")
            _need(self.id, abs(mistake.value - self.target) > self.tolerance,
                  f"mistakes outside of the tolerance around the target, not {mistake.value:g}")  # fmt: skip
        values = [mistake.value for mistake in self.mistakes]
        _need(self.id, len(set(values)) == len(values), "each mistake once")


@dataclass(frozen=True)
class PredictExercise:
    """Predict, then see: the answer is locked before `reveal()` (HTML) shows what happens, and the reason."""

    id: str
    question: str
    _: KW_ONLY
    choices: tuple[Choice, ...]
    reveal: Callable[[], str]
    hints: tuple[str, str]
    why: str
    further: str
    minutes: int = 4

    def __post_init__(self) -> None:
        _check_common(self)
        _check_choices(self.id, self.choices)
        _need(self.id, callable(self.reveal), "a reveal that can be called and gives HTML")


@dataclass(frozen=True)
class CodeExercise:
    """Write code that defines `name`; `check(thing)` looks at it in a child process and returns rows.

    start: what the editor holds at first; solution: the reference answer
    wrong: at least three answers, each with the row that must fail
    check: a function (or generator) that gives rows; it compares with the library on two or three random
    shapes, looks for the usual mistakes by name and says which; `exercises.compare` has helpers for it
    An answer that cannot be read fails on the row "the code can be read", one that stops on "the code runs".
    """

    id: str
    question: str
    _: KW_ONLY
    start: str
    name: str
    check: Callable[[Any], Iterable[Row]]
    solution: str
    wrong: tuple[Wrong, ...]
    hints: tuple[str, str]
    why: str
    further: str
    minutes: int = 8

    def __post_init__(self) -> None:
        _check_common(self)
        _need(self.id, self.name.isidentifier(), f"a name that code can define, not {self.name!r}")
        _need(self.id, bool(self.start.strip()), "a start for the editor")
        _need(self.id, callable(self.check), "a check that can be called")
        _need(self.id, self.name in self.solution, f"a solution that defines {self.name}")
        _need(self.id, len(self.wrong) >= 3, "at least three wrong answers with the row each must fail")
        _need(self.id, all(w.answer.strip() and w.row.strip() for w in self.wrong),
              "wrong answers that hold code and name a row")  # fmt: skip
        answers = {self.solution.strip(), *(w.answer.strip() for w in self.wrong)}
        _need(self.id, len(answers) == len(self.wrong) + 1, "wrong answers that differ from each other")


Exercise = ChoiceExercise | NumberExercise | PredictExercise | CodeExercise
KINDS = {ChoiceExercise: "choice", NumberExercise: "number", PredictExercise: "predict", CodeExercise: "code"}


def judge(exercise: Exercise, answer: Any) -> list[Row]:
    """The rows of an answer to a number, choice or prediction; code goes to `checking.check`.

    answer: the place of the choice (0 is the first) or its text; a number or its text
    """
    if isinstance(exercise, NumberExercise):
        return [judge_number(exercise, answer)]
    if isinstance(exercise, CodeExercise):
        raise TypeError(f"{exercise.id}: code is checked in a child process; use checking.check")
    return [judge_choice(exercise, answer)]


def judge_choice(exercise: ChoiceExercise | PredictExercise, answer: Any) -> Row:
    """One row with the reason of the choice that was taken; no choice, or none of these, is told so."""
    texts = [choice.text for choice in exercise.choices]
    if isinstance(answer, str) and answer in texts:
        answer = texts.index(answer)
    if isinstance(answer, bool) or not isinstance(answer, int) or not 0 <= answer < len(texts):
        return Row(ANSWER, False, "Choose one of the answers first.")
    choice = exercise.choices[answer]
    return Row(ANSWER, choice.right, choice.reason)


def judge_number(exercise: NumberExercise, answer: Any) -> Row:
    """One row: right within the tolerance, a known mistake, a usual slip, or which way to look."""
    text = answer if isinstance(answer, str) else f"{answer}"
    values, complaint = read_number(text, exercise.unit)
    if complaint:
        return Row(ANSWER, False, complaint)
    unit = f" {exercise.unit}" if exercise.unit else ""
    for value in values:
        if known_number(value, exercise.target, exercise.tolerance):
            return Row(ANSWER, True, f"{value:.12g}{unit} is right.")
    by_distance = sorted(
        (abs(value - mistake.value), place)
        for value in values
        for place, mistake in enumerate(exercise.mistakes)
        if known_number(value, mistake.value, exercise.tolerance)
    )
    if by_distance:
        return Row(ANSWER, False, exercise.mistakes[by_distance[0][1]].reason)
    return Row(ANSWER, False, explain_number(values[0], exercise.target, exercise.tolerance))


def _check_common(exercise: Any) -> None:
    name = exercise.id
    if not ID.fullmatch(name):
        raise ValueError(f'exercise id: expected a form such as "learning_by_hand.gradient"; got {name!r}')
    for field in ("question", "why", "further"):
        _need(name, bool(getattr(exercise, field).strip()), f"a text for `{field}`")
    hints = exercise.hints
    _need(name, isinstance(hints, tuple) and len(hints) == 2, "two hints")
    _need(name, all(hint.strip() for hint in hints) and hints[0] != hints[1], "two different hints")
    _need(name, exercise.minutes in MINUTES, f"{MINUTES[0]} to {MINUTES[-1]} minutes")


def _check_choices(name: str, choices: tuple[Choice, ...]) -> None:
    _need(name, sum(choice.right for choice in choices) == 1, "exactly one right choice")
    _need(name, len(choices) >= 3, "at least two wrong choices")
    texts = {choice.text.strip() for choice in choices}
    _need(name, len(texts) == len(choices) and "" not in texts, "choices with different texts")
    reasons = {choice.reason.strip() for choice in choices}
    _need(name, len(reasons) == len(choices) and "" not in reasons, "a reason of its own for each choice")


def _need(name: str, holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"exercise {name}: expected {what}")
