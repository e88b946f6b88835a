"""Exercises cannot be made without reasons, numbers are read as people write them, slips are named."""

import re

import pytest

from glassworks.core.errors import PersonError
from glassworks.reader import exercises
from glassworks.reader.exercises import compare
from glassworks.reader.exercises.kinds import (
    Choice,
    ChoiceExercise,
    CodeExercise,
    Mistake,
    NumberExercise,
    PredictExercise,
    Row,
    Wrong,
    judge,
)
from glassworks.reader.exercises.numbers import explain_number, read_number
from glassworks.reader.exercises.text import markup

TEXTS = {"hints": ("Look at the axes.", "Count the rows."), "why": "Because.", "further": "Try three."}
CHOICES = (
    Choice("two", True, "Yes."),
    Choice("one", False, "One is missing."),
    Choice("six", False, "Times, not plus."),
)


def choice(**changes):
    return ChoiceExercise("trial.choice", "How many?", **{"choices": CHOICES, **TEXTS, **changes})


def number(**changes):
    mistakes = (Mistake(9.0, "That is the square."), Mistake(-32.0, "The factor x is missing."))
    given = {"target": 4.0, "tolerance": 0.01, "mistakes": mistakes, "solution": "2 + 2", **TEXTS}
    return NumberExercise("trial.number", "What is it?", **{**given, **changes})


def code(**changes):
    def check(double):
        yield compare.same("three", double(3), 6, usual=[(9, "That is the square.")])

    wrong = (
        Wrong("def double(x):\n    return x * x", "three"),
        Wrong("def double(x)", "the code can be read"),
        Wrong("def triple(x): ...", "the code runs"),
    )
    given = {"start": "def double(x):\n    ...", "name": "double", "check": check, "wrong": wrong, **TEXTS}
    return CodeExercise(
        "trial.code", "Double it.", **{"solution": "def double(x):\n    return 2 * x", **given, **changes}
    )


@pytest.mark.parametrize(
    ("make", "changes", "told"),
    [
        (choice, {"choices": (*CHOICES[1:], Choice("no", False, "No."))}, "exactly one right choice"),
        (choice, {"choices": (*CHOICES, Choice("three", True, "Also."))}, "exactly one right choice"),
        (choice, {"choices": CHOICES[:2]}, "two wrong choices"),
        (choice, {"choices": (*CHOICES[:2], Choice("six", False, " "))}, "a reason of its own"),
        (choice, {"choices": (*CHOICES, Choice("six", False, "Else."))}, "different texts"),
        (choice, {"hints": ("one",)}, "two hints"),
        (choice, {"hints": ("same", "same")}, "two different hints"),
        (choice, {"why": " "}, "`why`"),
        (choice, {"further": ""}, "`further`"),
        (choice, {"minutes": 0}, "minutes"),
        (number, {"mistakes": (Mistake(4.005, "Near."), Mistake(1, "Far."))}, "outside of the tolerance"),
        (number, {"mistakes": (Mistake(1, "Far."),)}, "two known mistakes"),
        (number, {"target": float("nan")}, "finite"),
        (number, {"target": 0.5, "tolerance": 0}, "tolerance above 0"),
        (number, {"solution": ""}, "solution"),
        (code, {"wrong": (Wrong("x", "three"),) * 2}, "three wrong answers"),
        (code, {"wrong": (Wrong("x", "three"),) * 3}, "differ from each other"),
        (code, {"name": "not a name"}, "name that code can define"),
        (code, {"solution": "def other(): ..."}, "defines double"),
    ],
)
def test_an_unsound_exercise_cannot_be_made(make, changes, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        make(**changes)


def test_an_id_has_the_form_chapter_dot_word():
    with pytest.raises(ValueError, match=r"learning_by_hand\.gradient"):
        ChoiceExercise("Trial", "How many?", choices=CHOICES, **TEXTS)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.5", (0.5,)), (" 1/2 ", (0.5,)), ("5e-3", (0.005,)), ("0,5", (0.5,)), ("-.5", (-0.5,)),
        ("−3", (-3.0,)), ("1,000", (1000.0, 1.0)), ("1,234,567", (1234567.0,)), ("1 000 000", (1e6,)),
        ("50 %", (0.5,)), ("3.", (3.0,)), ("1_000", (1000.0,)),
        ("10^-3", (0.001,)), ("5*10^3", (5000.0,)), ("2·10**2", (200.0,)),
        ("-1/4", (-0.25,)), ("1,5/3", (0.5,)), ("+7", (7.0,)), ("1e3", (1000.0,)),
    ],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(text, values):
    got, complaint = read_number(text)
    assert complaint == "" and got == pytest.approx(values)


@pytest.mark.parametrize(
    "text", ["", "half", "1/0", "nan", "inf", "1.2.3", "--3", "3 apples", "__import__('os')", "9" * 99]
)
def test_words_are_refused_kindly(text):
    values, complaint = read_number(text)
    assert values == () and complaint.endswith(".")
    assert "`0.5`" in complaint or "number" in complaint


def test_a_unit_may_stand_behind_the_number():
    assert read_number("5 pixels", "pixels")[0] == read_number("5 pixel", "pixels")[0] == (5.0,)
    assert read_number("50%", "%")[0] == (50.0,)
    assert "in pixels" in read_number("5 metres", "pixels")[1]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("4", "right"), ("4,009", "right"), ("9", "square"), ("-32.001", "factor x"), ("-4", "size is right"),
        ("8", "Twice"), ("2", "Half"), ("40", "10 times too large"), ("0.04", "100 times too small"),
        ("16", "square"), ("0.25", "upside down"), ("4.02", "Close"), ("700", "too large"),
        ("1.3", "too small"),
    ],
)  # fmt: skip
def test_a_wrong_number_is_told_its_slip(answer, told):
    row = judge(number(), answer)[0]
    assert told in row.reason
    assert row.passed == (told == "right")


def test_a_count_that_misses_one_is_off_by_one():
    assert "Off by one" in explain_number(65, 64, 0)
    assert "whole number" in explain_number(63.5, 64, 0)
    assert "Not this number" in explain_number(3, 0, 0.1)  # a target of zero divides nothing


def test_each_choice_answers_with_its_own_reason():
    assert judge(choice(), 0) == [Row("your answer", True, "Yes.")]
    assert judge(choice(), "one") == [Row("your answer", False, "One is missing.")]
    for nothing in (None, "", "none of these", 3, -1, True, 1.0):
        row = judge(choice(), nothing)[0]
        assert not row.passed and "Choose one" in row.reason


def test_a_sound_exercise_is_proved_and_an_unsound_one_is_not():
    assert exercises.prove(choice()) == exercises.prove(number()) == exercises.prove(code()) == []
    seen = PredictExercise("trial.see", "What?", choices=CHOICES, reveal=lambda: "<p>this</p>", **TEXTS)
    assert exercises.prove(seen) == []
    broken = code(solution="def double(x):\n    return 3 * x")
    assert "reference fails" in exercises.prove(broken)[0]
    told = code(hints=("Write `return 2 * x` there.", "Count."))
    assert "a hint holds" in exercises.prove(told)[0]
    easy = code(start="def double(x):\n    return x + x")
    assert "start passes" in exercises.prove(easy)[0]
    astray = code(wrong=(*code().wrong[:2], Wrong("def double(x): return x + x", "three")))
    assert "row 'three' passes" in exercises.prove(astray)[0]
    unnamed = code(wrong=(*code().wrong[:2], Wrong("def double(x): return x", "no such row")))
    assert "no row 'no such row'" in exercises.prove(unnamed)[0]
    empty = PredictExercise("trial.see", "What?", choices=CHOICES, reveal=lambda: "", **TEXTS)
    assert "shows nothing" in exercises.prove(empty)[0]


def test_an_exercise_is_found_by_its_id_or_the_nearest_is_named():
    first = exercises.everything()[0]
    assert exercises.find(first.id) is first
    slug = next(slug for slug in exercises.slugs() if first in exercises.of(slug))
    assert exercises.module_of(first.id).endswith(slug.replace("/", "."))
    with pytest.raises(PersonError, match=f'did you mean "{first.id}"'):
        exercises.find(first.id + "x")
    with pytest.raises(PersonError, match="did you mean"):
        exercises.of(slug + "x")


def test_comparing_names_the_usual_mistake():
    torch = pytest.importorskip("torch")
    right = torch.arange(6.0).reshape(2, 3)
    same = compare.same("it", right.tolist(), right)
    assert same.passed and "[3.0, 4.0, 5.0]" in same.reason
    assert "(3, 3)" in compare.same("it", torch.eye(3), torch.eye(3)).reason
    assert "transposed" in compare.same("it", right.T, right).reason
    assert "another order" in compare.same("it", torch.zeros(4, 2, 3), torch.zeros(2, 3, 4)).reason
    assert "off by one" in compare.same("it", torch.zeros(2, 4), right).reason
    assert "another shape" in compare.same("it", torch.zeros(6), right).reason
    assert "`return`" in compare.same("it", None, right).reason
    assert "called" in compare.same("it", print, right).reason
    assert "nan" in compare.same("it", right * float("nan"), right).reason
    assert "[0, 1] expected 1; got 9" in compare.same("it", [[0, 9, 2], [3, 4, 5]], right).reason
    assert (
        compare.same("it", right + 1, right, usual=[(right + 1, "One too much.")]).reason == "One too much."
    )
    assert not compare.same("it", "2", 2).passed and not compare.same("it", 1, True).passed
    assert compare.same("it", None, None).passed


def test_a_change_in_place_is_seen():
    torch = pytest.importorskip("torch")
    assert "in place" in compare.unchanged("it", lambda x: x.add_(1), torch.ones(2)).reason
    assert compare.unchanged("it", lambda x: x + 1, torch.ones(2)).passed


def test_texts_are_marked_up_and_nothing_gets_through():
    assert markup("a `b<c` **d** *e*\nf") == "<p>a <code>b&lt;c</code> <strong>d</strong> <em>e</em> f</p>"
    assert markup("- one\n- two\n  more\n\nend") == "<ul><li>one</li><li>two more</li></ul><p>end</p>"
    assert markup("1. one\n2. two") == "<ol><li>one</li><li>two</li></ol>"
    assert "<code>x = 1 &lt; 2\n  ^</code>" in markup("line:\n\n```\nx = 1 < 2\n  ^\n```")
    assert markup("2 * 3 * 4 and a*b*c") == "<p>2 * 3 * 4 and a*b*c</p>"
    assert '<a href="/glossary#loss">loss</a>' in markup("[loss](/glossary#loss)")
    for attack in (
        "<img src=x onerror=alert(1)>",
        "<b>x</b> `y` <i>",
        "[x](javascript:alert(1))",
        "`</code><b>`",
        "[x](//evil.example)",
    ):
        assert not re.search(r"<(?!/?(p|code|a)\b)|href=\"(?:javascript|//)", markup(attack)), attack
