"""How a worker's one job ends: told once, whatever happened."""

import signal
import threading

import pytest

from glassworks.core.errors import PersonError
from glassworks.runs import worker
from glassworks.runs.events import EventLog, EventReader
from glassworks.training.stopping import StopRequest


class Asked:
    """Stands for the thread that listens."""

    def __init__(self, asked=False, by_person=False):
        self.asked, self.by_person = threading.Event(), by_person
        if asked:
            self.asked.set()


@pytest.fixture
def do(tmp_path):
    """Do a job in this process; returns all events, the final one last. SIGTERM is as before afterwards."""
    before = signal.getsignal(signal.SIGTERM)

    def one(job, ears=None):
        worker._work({"toy": job}, {"job": "toy", "request": {}}, tmp_path, ears or Asked())
        return EventReader(tmp_path).after(0)

    yield one
    signal.signal(signal.SIGTERM, before)


def test_asked_to_stop_before_it_begins_it_does_not_begin(do):
    began = []
    events = do(lambda *_: began.append(1), Asked(asked=True, by_person=True))
    assert [event["kind"] for event in events] == ["begun", "stopped"] and not began
    assert events[-1]["asked"] is True


def test_a_job_outside_of_the_training_loop_is_stopped_where_it_stands(do):
    def job(request, folder, tell):
        worker.interrupt()
        for _ in range(10**9):
            pass

    assert do(job)[-1] | {"seconds": 0} == {
        "number": 2, "kind": "stopped", "step": 0, "asked": False, "seconds": 0,
    }  # fmt: skip


def test_the_training_loop_hears_the_request_by_itself(do):
    def job(request, folder, tell):
        with StopRequest() as stop:
            worker.interrupt()
            while not stop.requested:
                pass
            stop.finish(7)

    assert do(job)[-1]["step"] == 7


def test_a_request_that_comes_after_the_end_changes_nothing(do):
    events = do(lambda *_: {"answer": 42})
    worker.interrupt()
    for _ in range(1000):
        pass
    assert events[-1]["kind"] == "done" and events[-1]["answer"] == 42


def test_two_workers_are_never_on_one_run(do, tmp_path):
    def job(request, folder, tell):
        do(lambda *_: {})
        return {}

    last = do(job)[-1]
    assert last["kind"] == "failed" and last["code"] == "in-use"


def test_a_job_may_look_whether_it_is_to_stop(tmp_path):
    ears = Asked()
    tell = worker.Tell(EventLog(tmp_path), ears.asked)
    assert not tell.stopping
    ears.asked.set()
    assert tell.stopping


def test_a_job_that_is_not_there_names_those_that_are():
    with pytest.raises(PersonError) as told:
        worker.find({"train": 1, "lab": 2}, "trian")
    assert "train, lab" in told.value.expected
