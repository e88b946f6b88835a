"""A queue of worker processes: in order, stopped when asked, told in words when they fail, found again."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

from glassworks.core.errors import PersonError
from glassworks.core.files import only_one
from glassworks.runs.manager import Runs

ENDLESS = {"to": 100_000, "pause": 0.01}


def until(condition, seconds=60):
    """Wait until a condition holds; long enough for a machine with neighbours."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.005)
    return found


def kinds(runs, id):
    return [event["kind"] for event in runs.events(id)]


def begun(runs, id):
    return until(lambda: "step" in kinds(runs, id))


def test_a_run_goes_from_start_to_done_and_can_be_found_again(runs):
    id = runs.start("count", {"to": 3}, chapter="part/one", label="three")
    assert runs.state(id) == "running" and runs.wait(id, 10) == "done"
    assert kinds(runs, id) == ["begun", "step", "step", "step", "done"]
    assert [event["number"] for event in runs.events(id, after=2)] == [3, 4, 5]
    assert runs.events(id)[-1]["counted"] == 3 and runs.events(id)[-1]["seconds"] >= 0
    facts = runs.facts(id)
    assert facts["request"] == {"to": 3} and facts["label"] == "three" and facts["state"] == "done"
    assert abs(facts["when"] - time.time()) < 30 and facts["place"] is None
    assert runs.latest("part/one") == id and runs.latest("part/two") is None and runs.ids() == [id]


def test_runs_wait_in_the_order_they_were_asked_for(runs):
    first = runs.start("count", ENDLESS, chapter="a")
    second, third, fourth = (runs.start("count", {"to": 1}, chapter="a") for _ in range(3))
    assert runs.queue() == [second, third, fourth] and runs.latest("a") == fourth
    assert runs.facts(third)["place"] == 2 and runs.state(fourth) == "waiting"
    runs.stop(third)  # one that waits is just taken out
    assert runs.state(third) == "stopped" and runs.queue() == [second, fourth]
    assert kinds(runs, third) == ["stopped"]
    runs.stop(first)
    assert runs.wait(fourth, 10) == "done" and runs.wait(second, 10) == "done"
    assert runs.events(second)[0]["when"] < runs.events(fourth)[0]["when"]
    assert runs.queue() == [] and runs.state(first) == "stopped"


def test_several_may_run_at_once(open_runs):
    runs = open_runs(most=2)
    ids = [runs.start("count", ENDLESS) for _ in range(3)]
    for id in ids[:2]:
        begun(runs, id)
    assert runs.running() == ids[:2] and runs.queue() == ids[2:]


def test_stopped_in_the_middle_and_resumed_as_the_same_run(runs):
    id = runs.start("count", {"to": 60, "pause": 0.01})
    begun(runs, id)
    asked = time.monotonic()
    runs.stop(id)
    runs.stop(id)
    assert runs.wait(id, 10) == "stopped" and time.monotonic() - asked < 2
    last = runs.events(id)[-1]
    assert last["kind"] == "stopped" and last["asked"] is True
    runs.stop(id)
    assert runs.state(id) == "stopped" and runs.events(id)[-1] == last
    runs.resume(id)
    assert runs.wait(id, 10) == "done"
    steps = [event["step"] for event in runs.events(id) if event["kind"] == "step"]
    assert sorted(set(steps)) == list(range(60)) and len(steps) <= 61  # the step at the cut may come twice
    assert [event["number"] for event in runs.events(id)] == list(range(1, len(runs.events(id)) + 1))
    with pytest.raises(PersonError) as told:
        runs.resume(id)
    assert told.value.code == "not-resumable"


def test_stopped_before_the_worker_was_ready(runs):
    id = runs.start("count", ENDLESS)
    runs.stop(id)
    assert runs.wait(id, 10) == "stopped" and runs.events(id)[-1]["asked"] is True


def test_a_mistake_of_the_person_is_told_in_words(runs):
    id = runs.start("fail", {})
    assert runs.wait(id, 10) == "failed"
    told = {key: runs.events(id)[-1][key] for key in ("kind", "code", "expected", "got", "fix")}
    assert told == {
        "kind": "failed", "code": "no-data", "expected": "some data", "got": "none", "fix": "bring some",
    }  # fmt: skip


def test_a_fault_of_ours_is_told_without_its_trace_which_stands_in_the_log(runs):
    id = runs.start("fault", {})
    assert runs.wait(id, 10) == "failed"
    last = runs.events(id)[-1]
    assert last["code"] == "fault" and "ZeroDivisionError" in last["got"] and "1 / 0" not in json.dumps(last)
    log = (runs.folder / id / "worker.log").read_text()
    assert "return {" in log and "ZeroDivisionError: division by zero" in log and "a library prints" in log


def test_a_job_that_the_worker_does_not_have(runs):
    id = runs.start("paint", {})
    assert runs.wait(id, 10) == "failed" and runs.events(id)[-1]["code"] == "no-such-job"
    with pytest.raises(ValueError, match="small letters"):
        runs.start("../count", {})


@pytest.mark.skipif(os.name == "nt", reason="no such signal")
def test_a_worker_that_vanishes_is_told_and_the_queue_goes_on(runs):
    id = runs.start("vanish", {})
    after = runs.start("count", {"to": 1})
    assert runs.wait(id, 10) == "failed" and runs.wait(after, 10) == "done"
    last = runs.events(id)[-1]
    assert last["code"] == "worker-died" and "signal 9" in last["got"] and "memory" in last["got"]


def test_a_worker_that_cannot_be_started(open_runs):
    runs = open_runs(worker="tests.runs.not_there")
    id = runs.start("count", {"to": 1})
    assert runs.wait(id, 10) == "failed" and runs.events(id)[-1]["code"] == "worker-died"


def test_resumed_by_a_worker_that_does_not_start_it_has_failed_and_not_stopped_again(open_runs, runs):
    id = runs.start("count", ENDLESS)
    begun(runs, id)
    runs.stop(id)
    assert runs.wait(id, 10) == "stopped"
    runs.close()
    other = open_runs(worker="tests.runs.not_there")
    other.resume(id)
    assert other.wait(id, 10) == "failed" and other.events(id)[-1]["code"] == "worker-died"


def test_a_run_whose_last_worker_still_saves_is_not_resumed_beside_it(runs):
    id = runs.start("fail", {})
    runs.wait(id, 10)
    with only_one(runs.folder / id / "worker.lock", "a run"):
        with pytest.raises(PersonError) as told:
            runs.resume(id)
        assert told.value.code == "in-use" and runs.state(id) == "failed" and runs.queue() == []
    runs.resume(id)
    assert runs.wait(id, 10) == "failed"


def test_a_folder_has_one_manager(open_runs, runs):
    with pytest.raises(PersonError) as told:
        open_runs()
    assert told.value.code == "in-use" and "folder of runs" in told.value.expected
    runs.close()
    open_runs().close()


def test_closing_lets_runs_save_and_marks_them_interrupted(open_runs, runs):
    running, waiting = runs.start("count", ENDLESS), runs.start("count", {"to": 2})
    begun(runs, running)
    closing = time.monotonic()
    runs.close()
    assert time.monotonic() - closing < 3
    with pytest.raises(PersonError):
        runs.start("count", {"to": 1})
    again = open_runs()
    assert again.state(running) == again.state(waiting) == "interrupted"
    assert again.events(running)[-1]["kind"] == "stopped" and again.events(running)[-1]["asked"] is False
    again.resume(waiting)
    assert again.wait(waiting, 10) == "done"


def test_what_an_earlier_manager_left_is_read_as_far_as_it_can_be(open_runs, runs):
    done, stopped, was_running, damaged = (runs.start("count", {"to": 1}) for _ in range(4))
    assert runs.wait(damaged, 10) == "done"
    runs.close()
    (runs.folder / stopped / "state.json").write_text('{"state": "stopped"}')
    (runs.folder / was_running / "state.json").write_text('{"state": "running"}')
    events = runs.folder / was_running / "events.jsonl"
    events.write_bytes(events.read_bytes()[:-20])  # killed while it wrote its last line
    (runs.folder / damaged / "request.json").write_text('{"job": "cou')
    (runs.folder / "0099-count").mkdir()
    (runs.folder / "notes.txt").write_text("mine")
    again = open_runs()
    assert again.ids() == [was_running, stopped, done]
    assert [again.state(id) for id in again.ids()] == ["interrupted", "stopped", "done"]
    assert again.start("count", {"to": 1}) == "0100-count"  # a folder that is there is never used again


def test_only_ids_of_its_own_runs_are_looked_up(runs):
    for id in ("", "..", "../runs", "0001-count", "0001-count/../../x"):
        with pytest.raises(PersonError) as told:
            runs.events(id)
        assert told.value.code == "no-such-run"


def test_a_spare_worker_is_ready_and_there_is_never_a_second(runs):
    runs.warm()
    spare = runs._spare
    runs.warm()
    assert runs._spare is spare
    id = runs.start("count", ENDLESS)
    assert runs._records[id].worker is spare and runs._spare is None
    begun(runs, id)
    runs.warm()
    assert runs._spare is None  # a new one would take the processor from the run
    runs.stop(id)
    runs.wait(id, 10)
    until(lambda: runs._spare is not None and runs._spare.alive)
    assert runs._spare is not spare


def test_a_spare_worker_that_was_killed_is_replaced(runs):
    runs.warm()
    runs._spare.kill()
    runs._spare.wait()
    assert runs.wait(runs.start("count", {"to": 1}), 10) == "done"


def test_closing_ends_the_spare_worker(runs):
    runs.warm()
    process = runs._spare.process
    runs.close()
    assert process.poll() is not None


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_spare_worker_uses_no_processor(runs):
    runs.warm()
    pid = runs._spare.process.pid

    def ticks():
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, words[11:13]))  # in user and in system mode

    until(lambda: os.getpriority(os.PRIO_PROCESS, pid) > os.getpriority(os.PRIO_PROCESS, 0))
    time.sleep(0.4)
    before = ticks()
    time.sleep(0.6)
    assert ticks() - before <= 1


def test_a_worker_leaves_a_core_to_the_book(monkeypatch):
    from glassworks.runs import process

    monkeypatch.setattr(process, "cores", lambda: 8)
    for wanted, expected in (("", 7), ("3", 3), ("16", 7), ("0", 7), ("many", 7), ("4,2", 4)):
        monkeypatch.setenv("OMP_NUM_THREADS", wanted)
        assert process.threads() == expected
    monkeypatch.setattr(process, "cores", lambda: 1)
    assert process.threads() == 1


def test_the_folder_may_have_any_name(open_runs):
    runs = open_runs("läufe mit leerzeichen")
    assert runs.wait(runs.start("count", {"to": 1}, chapter="ß", label="日本"), 10) == "done"
    assert isinstance(runs, Runs) and runs.facts(runs.latest("ß"))["label"] == "日本"
