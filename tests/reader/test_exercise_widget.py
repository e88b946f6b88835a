"""The exercise on a page, without a browser: what is shown when, what is kept, what never leaves Python."""

import threading
import time

import pytest

pytest.importorskip("anywidget")

from glassworks.reader.checking import Checked
from glassworks.reader.checking.answer import rows_of
from glassworks.reader.exercises.kinds import (
    Choice,
    ChoiceExercise,
    Mistake,
    NumberExercise,
    PredictExercise,
    Row,
)
from glassworks.reader.exercises.widget import ExerciseWidget
from glassworks.reader.progress import Progress
from tests.reader.trial_exercises import EXERCISES, TEXTS

CODE = EXERCISES[0]
CHOICES = (
    Choice("`two`", True, "Yes."),
    Choice("one", False, "One is missing."),
    Choice("six", False, "No times."),
)
CHOICE = ChoiceExercise("trial.choice", "How **many**?", choices=CHOICES, **TEXTS)
NUMBER = NumberExercise(
    "trial.number", "What?", target=4, tolerance=0, unit="m", solution="2 + 2",
    mistakes=(Mistake(9, "Squared."), Mistake(3, "One short.")), **TEXTS,
)  # fmt: skip
REVEALS: list[int] = []


def reveal():
    REVEALS.append(1)
    return "<svg></svg>"


PREDICT = PredictExercise("trial.predict", "What then?", choices=CHOICES, reveal=reveal, **TEXTS)


def judged_here(exercise_id, answer, stop):
    rows = tuple(rows_of(CODE, answer))
    return Checked(rows, all(row.passed for row in rows), "printed <b>\n", 0.1)


@pytest.fixture
def progress(tmp_path):
    return Progress(tmp_path)


def say(widget, **content):
    """Send what the script would send, and wait for the answer."""
    widget.on_message(content, [])
    until = time.perf_counter() + 5
    while widget.state["busy"] and time.perf_counter() < until:
        time.sleep(0.005)
    assert not widget.state["busy"]
    return widget.state


def test_a_choice_is_answered_with_its_reason(progress):
    widget = ExerciseWidget(CHOICE, progress)
    assert widget.plan["question"] == "<p>How <strong>many</strong>?</p>"
    assert widget.plan["choices"][0] == "<code>two</code>"
    state = say(widget, check=1)
    assert state["rows"] == [{"name": "your answer", "passed": False, "reason": "<p>One is missing.</p>"}]
    assert not state["why"] and not state["further"] and not state["ever"]
    state = say(widget, check=0)
    assert state["passed"] and state["ever"] and state["why"] == "<p>Because.</p>" and state["further"]
    assert progress.of("trial.choice").tries == 2


def test_nothing_that_would_tell_the_answer_leaves_python_early(progress):
    for exercise in (CHOICE, NUMBER, PREDICT, CODE):
        widget = ExerciseWidget(exercise, progress, checker=judged_here)
        sent = str((widget.plan, widget.state))
        for secret in (
            "Yes.",
            "Because.",
            "Try three.",
            "Look.",
            "return 2 * x",
            "2 + 2",
            "Squared",
            "<svg>",
        ):
            assert secret not in sent
        assert not say(widget, solution=True)["solution"]


def test_hints_come_one_by_one_and_are_remembered(progress):
    widget = ExerciseWidget(CHOICE, progress)
    assert say(widget, hint=True)["hints"] == ["<p>Look.</p>"]
    assert (
        say(widget, hint=True)["hints"]
        == say(widget, hint=True)["hints"]
        == ["<p>Look.</p>", "<p>Count.</p>"]
    )
    assert len(ExerciseWidget(CHOICE, progress).state["hints"]) == 2


def test_the_solution_opens_after_three_different_tries_or_a_pass(progress):
    widget = ExerciseWidget(NUMBER, progress)
    for answer in ("9", "9", "half", "", "3"):  # the same again, and what is no number, do not count
        assert not say(widget, check=answer)["open"]
        assert not say(widget, solution=True)["solution"]
    assert say(widget, check="7")["open"]
    assert say(widget, solution=True)["solution"] == "<p>2 + 2</p>"
    passed = ExerciseWidget(CHOICE, progress)
    say(passed, check=0)
    assert "<code>two</code>" in say(passed, solution=True)["solution"]


def test_code_is_checked_in_a_thread_and_its_print_is_shown(progress):
    widget = ExerciseWidget(CODE, progress, checker=judged_here)
    state = say(widget, check="def double(x): return x * x")
    assert [row["passed"] for row in state["rows"]] == [False, False] and state["printed"] == "printed <b>\n"
    assert progress.of(CODE.id).best == 0.0
    state = say(widget, check=CODE.solution)
    assert state["passed"] and state["judged"] == 2
    assert "return 2 * x" in say(widget, solution=True)["solution"]


def test_the_page_stays_alive_while_code_runs_and_can_stop_it(progress):
    started, calls = threading.Event(), []

    def slow(exercise_id, answer, stop):
        calls.append(answer)
        started.set()
        assert stop.wait(5)
        return Checked((), False, stopped="Stopped by you after 0.1 s.")

    widget = ExerciseWidget(CODE, progress, checker=slow)
    widget.on_message({"check": "while True: pass"}, [])
    assert started.wait(5) and widget.state["busy"]
    widget.on_message({"check": "again"}, [])  # one at a time
    state = say(widget, stop=True)
    assert state["stopped"] == "Stopped by you after 0.1 s." and state["judged"] == 1
    assert progress.of(CODE.id).tries == 0  # not a try
    assert calls == ["while True: pass"]


def test_a_check_that_breaks_says_so_and_the_page_goes_on(progress):
    def broken(exercise_id, answer, stop):
        raise RuntimeError("boom <b>")

    widget = ExerciseWidget(CODE, progress, checker=broken)
    state = say(widget, check="x")
    assert "not your fault" in state["stopped"] and "&lt;b&gt;" in state["stopped"]
    assert say(widget, check="y")["judged"] == 2


def test_an_answer_and_its_state_come_back_after_a_reload(progress):
    widget = ExerciseWidget(CODE, progress, checker=judged_here)
    say(widget, draft="def double(x):\n    # half")
    assert ExerciseWidget(CODE, progress).plan["draft"] == "def double(x):\n    # half"
    say(widget, check=CODE.solution)
    again = ExerciseWidget(CODE, progress)
    assert again.plan["draft"] == CODE.solution and again.state["ever"] and again.state["why"]
    assert again.state["judged"] == 0 and again.state["rows"] == []


def test_a_prediction_is_made_before_anything_is_revealed(progress):
    REVEALS.clear()
    widget = ExerciseWidget(PREDICT, progress)
    say(widget, reveal=True)
    assert not REVEALS and not widget.state["reveal"]
    state = say(widget, check=2)
    assert state["reveal"] == "<svg></svg>" and state["rows"][0]["reason"] == "<p>No times.</p>"
    assert say(widget, check=0)["passed"] and len(REVEALS) == 1
    again = ExerciseWidget(PREDICT, progress)  # after a reload the page asks for it
    assert again.state["predicted"] and not again.state["reveal"]
    say(again, reveal=True)
    until = time.perf_counter() + 5
    while not again.state["reveal"] and time.perf_counter() < until:
        time.sleep(0.005)
    assert again.state["reveal"] == "<svg></svg>"


def test_code_that_may_not_run_here_does_not(progress):
    def never(exercise_id, answer, stop):
        raise AssertionError("ran")

    widget = ExerciseWidget(CODE, progress, allowed=False, checker=never)
    assert "others can reach it" in widget.plan["refused"]
    assert say(widget, check=CODE.solution)["judged"] == 0
    assert say(ExerciseWidget(CHOICE, progress, allowed=False), check=0)["passed"]


def test_it_works_without_progress_too():
    widget = ExerciseWidget(NUMBER)
    for answer in ("9", "3", "7"):
        say(widget, check=answer)
    assert widget.state["open"] and widget.state["tries"] == 3 and not widget.state["ever"]
    assert say(widget, check="4 m")["ever"] and say(widget, check="5")["ever"]


@pytest.mark.parametrize(
    "odd", [{}, {"check": None}, {"check": [1]}, {"check": 1.5}, {"draft": 3}, {"hint": 1}, {"x": 1}]
)
def test_a_message_that_makes_no_sense_changes_nothing(progress, odd):
    widget = ExerciseWidget(CHOICE, progress)
    before = widget.state
    say(widget, **odd)
    assert widget.state == before


def test_what_an_answer_says_cannot_become_markup(progress):
    def nasty(exercise_id, answer, stop):
        return Checked((Row("row", False, "got <img src=x onerror=alert(1)> `<b>`"),), False)

    widget = ExerciseWidget(CODE, progress, checker=nasty)
    reason = say(widget, check="x")["rows"][0]["reason"]
    assert "<img" not in reason and "<b>" not in reason


def test_the_script_is_one_module_with_one_render():
    script = ExerciseWidget._esm if isinstance(ExerciseWidget._esm, str) else str(ExerciseWidget._esm)
    assert script.count("function render(") == 1 and "export default" in script
