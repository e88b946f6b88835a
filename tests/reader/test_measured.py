"""Figures that measure while one looks: what is known is drawn at once, and the newest values win."""

import threading

import marimo
import pytest

from glassworks.reader.figure import Slider
from glassworks.reader.figures.measured import Measured, Turns


class Squares(Measured):
    """Measures the square of each number up to `most`; `gate` holds the measuring back."""

    title = "Squares"
    controls = (Slider("most", "most", 0, 9, step=1, value=2),)

    def __init__(self, gate: threading.Event | None = None):
        self.gate, self.entered, self.measured = gate, threading.Event(), []
        super().__init__()

    def runs(self, most, **_):
        return list(range(most + 1))

    def measure(self, run):
        if self.gate is not None:
            self.entered.set()
            assert self.gate.wait(10)
        if run == 7:
            raise ArithmeticError("7 <is> odd")
        self.measured.append(run)
        return run * run

    def show(self, known, most, **_):
        return f"<p>{most}: {sorted(known.values())}</p>"


@pytest.fixture
def in_a_page(monkeypatch):
    """As in the book, where the page comes first."""

    class Facts:
        mode = "run"

    monkeypatch.setattr(marimo, "app_meta", Facts)


def test_the_first_state_is_whole_where_nothing_can_follow():
    assert Squares().drawn == "<p>2: [0, 1, 4]</p>"


def test_a_script_measures_nothing(monkeypatch):
    monkeypatch.setattr(marimo, "app_meta", lambda: type("Facts", (), {"mode": "script"}))
    figure = Squares()
    assert figure.measured == [] and "0 of 3" in figure.drawn


def test_in_the_book_the_page_comes_first_and_the_runs_follow(in_a_page):
    gate = threading.Event()
    figure = Squares(gate)
    assert "[]" in figure.drawn and "0 of 3 runs" in figure.drawn
    gate.set()
    assert figure.wait() == "<p>2: [0, 1, 4]</p>"


def test_a_run_that_is_at_once_there_is_not_overwritten_by_the_waiting_state(in_a_page):
    for _ in range(50):
        assert Squares().wait() == "<p>2: [0, 1, 4]</p>"


def test_a_move_is_drawn_at_once_and_completed_later():
    figure = Squares()
    figure.gate = threading.Event()
    first = figure.set(most=4)
    assert "<p>4: [0, 1, 4]</p>" in first and "3 of 5 runs" in first
    figure.gate.set()
    assert figure.wait() == "<p>4: [0, 1, 4, 9, 16]</p>"
    assert figure.measured == [0, 1, 2, 3, 4]  # nothing twice


def test_only_the_newest_values_are_worked_for():
    figure = Squares()
    figure.gate = threading.Event()
    figure.set(most=9)
    assert figure.entered.wait(10)
    figure.set(most=3)
    figure.gate.set()
    assert figure.wait() == "<p>3: [0, 1, 4, 9]</p>"
    assert len(figure.measured) <= 5  # one run may have been under way


def test_going_back_to_what_is_known_ends_the_wait():
    figure = Squares()
    figure.gate = threading.Event()
    figure.set(most=5)
    assert figure.entered.wait(10)
    assert figure.set(most=1) == "<p>1: [0, 1]</p>"
    figure.gate.set()
    assert figure.wait() == "<p>1: [0, 1]</p>"


def test_a_run_that_fails_is_told_and_escaped():
    figure = Squares()
    figure.set(most=8)
    drawn = figure.wait()
    assert 'class="bad"' in drawn and "7 &lt;is&gt; odd" in drawn
    figure.set(most=3)
    assert figure.wait() == "<p>3: [0, 1, 4, 9]</p>"  # and the figure goes on


def test_of_those_that_wait_the_one_that_was_moved_last_goes_first():
    turns, order = Turns(), []
    waits = {rank: threading.Thread(target=lambda rank=rank: go(rank)) for rank in (-2.0, 1.0, -1.0, 2.0)}

    def go(rank):
        with turns.take(rank):
            order.append(rank)

    with turns.take(0.0):
        for thread in waits.values():
            thread.start()
        while len(turns._waiting) < 4:
            threading.Event().wait(0.005)
    for thread in waits.values():
        thread.join(10)
    assert order == [2.0, 1.0, -1.0, -2.0]
