"""The lab on a page: recorded without a manager, run again through one, both side by side, mistakes told."""

import html
import time

import pytest

from glassworks import labs
from glassworks.core.errors import PersonError
from glassworks.reader.lab_view import LabView

NAME = "manual-equals-tape"


class ToyRuns:
    """As many of a manager's manners as a lab view uses; a test writes the events."""

    def __init__(self):
        self.asked, self.told, self.states, self.stopped = [], [], [], []

    def start(self, job, request, *, chapter="", label=""):
        self.asked.append((job, request, chapter, label))
        self.told.append([])
        self.states.append("running")
        return str(len(self.asked) - 1)

    def latest(self, chapter):
        mine = [place for place, asked in enumerate(self.asked) if asked[2] == chapter]
        return str(mine[-1]) if mine else None

    def state(self, run):
        return self.states[int(run)]

    def events(self, run, after=0):
        return [event for event in self.told[int(run)] if event["number"] > after]

    def stop(self, run):
        self.stopped.append(run)

    def tell(self, kind, **facts):
        self.told[-1].append({"number": len(self.told[-1]) + 1, "kind": kind} | facts)


@pytest.fixture(scope="module")
def measured():
    """The result of a run as an event carries it."""
    return labs.run(NAME, quick=True, seeds=1, say=lambda sentence: None).as_json()


@pytest.fixture
def toy():
    return ToyRuns()


@pytest.fixture
def view(toy):
    made = LabView(NAME, lambda: toy)
    yield made
    made.close()


def until(true, seconds=5.0):
    ends = time.monotonic() + seconds
    while not true() and time.monotonic() < ends:
        time.sleep(0.02)
    assert true()


def test_without_a_manager_it_shows_the_recorded_result_and_the_command():
    view = LabView(labs.find(NAME))
    kept = labs.recorded(NAME)
    assert view.plan["claim"] == kept.claim and view.plan["command"] == f"glassworks lab {NAME}"
    assert not view.plan["runs"] and view.state == "idle"
    assert "Recorded" in view.drawn and kept.machine.cpu in view.drawn and kept.date in view.drawn
    assert view.drawn.count("<svg") == len(kept.charts) and view.drawn.count("<table") == len(kept.tables)
    view.on_message({"do": "start"}, [])
    assert view.state == "idle"


def test_every_lab_can_be_shown_and_an_unknown_one_is_told():
    for name in labs.names():
        assert labs.recorded(name).verdict.split(":")[0][:30] in html.unescape(LabView(name).drawn)
    with pytest.raises(PersonError, match="did you mean"):
        LabView("manual-equal-tape")


def test_a_run_is_asked_for_followed_and_shown_beside_the_recorded_one(view, toy, measured):
    view.on_message({"do": "quick"}, [])
    assert toy.asked == [("lab", {"name": NAME, "quick": True}, view.place, f"lab {NAME}, quick")]
    view.on_message({"do": "start"}, [])
    assert len(toy.asked) == 1  # one at a time
    toy.tell("begun")
    toy.tell("say", text="6 worked facts by 4 ways")
    until(lambda: "6 worked facts" in view.status)
    assert view.state == "running" and "Yours" not in view.drawn
    toy.tell("done", result=measured)
    toy.states[-1] = "done"
    until(lambda: view.state == "done")
    assert "Recorded" in view.drawn and "Yours, quick" in view.drawn and view.spoken == "Done."


def test_after_a_reload_the_latest_run_is_found(toy, measured):
    first = LabView(NAME, lambda: toy)
    first.start()
    toy.tell("done", result=measured)
    toy.states[-1] = "done"
    first.close()
    second = LabView(NAME, lambda: toy)
    assert "Yours" not in second.drawn
    second.on_message({"do": "here"}, [])
    assert second.state == "done" and "Yours" in second.drawn
    second.close()


def test_stop_is_asked_once_and_shown(view, toy):
    view.start()
    view.on_message({"do": "stop"}, [])
    assert toy.stopped == ["0"] and view.state == "stopping"
    toy.tell("stopped", step=0, asked=True)
    toy.states[-1] = "stopped"
    view.refresh()
    view.on_message({"do": "stop"}, [])
    assert view.state == "stopped" and toy.stopped == ["0"]


def test_a_failure_is_told_in_three_parts_and_the_next_run_forgets_it(view, toy):
    view.start()
    toy.tell("failed", code="x", expected="room", got="<none>", fix="free some")
    toy.states[-1] = "failed"
    view.refresh()
    assert view.state == "failed" and "&lt;none&gt;" in view.drawn and "free some" in view.drawn
    view.start()
    assert "free some" not in view.drawn


def test_a_result_that_cannot_be_read_is_told_and_not_shown(view, toy):
    view.start()
    toy.tell("done", result={"schema": 1, "name": NAME})
    toy.states[-1] = "done"
    until(lambda: view.state == "failed")
    assert "run the lab again" in view.drawn and "Yours" not in view.drawn


def test_a_refusal_of_the_manager_is_shown(view, toy, monkeypatch):
    def refuse(*_, **__):
        raise PersonError("closed", expected="an open book", got="one that ends", fix="start it again")

    monkeypatch.setattr(toy, "start", refuse)
    view.on_message({"do": "start"}, [])
    assert view.state == "failed" and "start it again" in view.drawn
