"""The book's worker: tells training as events, stops within a step, and never loses what was learned."""

import subprocess
import sys
import time

import numpy as np
import pytest

from glassworks.api.requests import TrainRequest
from glassworks.api.train import train_request
from glassworks.core.errors import PersonError
from glassworks.reader import worker
from glassworks.runs.manager import Runs
from glassworks.training import checkpoint
from tests.runs.conftest import ROOT
from tests.runs.test_manager import until
from tests.training.test_resume import bits


@pytest.fixture(scope="module")
def request_of(tmp_path_factory):
    """A small CNN on 200 digits with everything random on: 300 steps, about two seconds."""
    from glassworks.data.samples import sample_table

    table = sample_table("digits")
    path = tmp_path_factory.mktemp("digits") / "digits.npz"
    np.savez(path, images=np.stack(table.sources[:200]), labels=table.targets[:200])
    return {
        "system": "cnn", "data": str(path), "size": "tiny", "epochs": 60, "batch": 32, "threads": 1,
        "side": 16, "augment": "photo", "average": 0.99, "set": ["model.widths=[8,16]", "model.hidden=32"],
    }  # fmt: skip


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, request_of):
    """Digests of the run that nobody stopped, made in this process."""
    out = tmp_path_factory.mktemp("whole") / "run"
    fields = request_of | {"set": tuple(request_of["set"])}
    return bits(train_request(TrainRequest(**fields, out=str(out), quiet=True)).path)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    opened = Runs(tmp_path_factory.mktemp("book") / "runs")
    opened.warm()
    yield opened
    opened.close()


def first(runs, id, *kinds):
    """The first event of one of these kinds."""
    return until(lambda: next((e for e in runs.events(id) if e["kind"] in kinds), None), 30)


def test_trained_stopped_and_resumed_gives_the_same_bits(runs, request_of, uninterrupted):
    asked = time.monotonic()
    id = runs.start("train", request_of, chapter="part/one")
    first(runs, id, "evaluated")
    asked = time.monotonic()
    runs.stop(id)
    saving = first(runs, id, "saving", "done")
    assert time.monotonic() - asked < 0.5 and saving["kind"] == "saving"
    assert runs.wait(id, 20) == "stopped"
    stopped = runs.events(id)[-1]
    saved = checkpoint.found(runs.folder / id / "run" / "checkpoints")[-1]
    assert saved.name.endswith(f"{stopped['step']:08d}") and stopped["step"] - saving["step"] in (0, 1)
    runs.resume(id)
    assert runs.wait(id, 60) == "done"
    assert bits(runs.folder / id / "run") == uninterrupted
    _check_events(runs.events(id), runs.folder / id / "run")


def _check_events(events, run):
    """Every evaluation is told once, progress at most ten times a second, and the end with its figures."""
    assert [event["number"] for event in events] == list(range(1, len(events) + 1))
    evaluated = [event["epoch"] for event in events if event["kind"] == "evaluated"]
    assert evaluated == list(range(1, 61))
    beginnings = [place for place, event in enumerate(events) if event["kind"] == "begun"]
    assert len(beginnings) == 2
    for part in (events[: beginnings[1]], events[beginnings[1] : -1]):
        seconds = [event["seconds"] for event in part if event["kind"] == "step"]
        gaps = np.diff(seconds)
        assert seconds and (gaps[:-1] >= 0.09).all()  # the very last step is told in any case
    step = next(event for event in events if event["kind"] == "step")
    assert {"step", "epoch", "epochs", "loss", "examples_per_second", "seconds_left", "share"} <= step.keys()
    done = events[-1]
    assert done["run"] == str(run) and done["judged"]["part"] == "val"
    assert {"value", "low", "high", "n"} <= done["metrics"]["accuracy"].keys() and done["baselines"]


MANAGER = """
import json, sys, time
from glassworks.runs.manager import Runs
runs = Runs(sys.argv[1])
id = runs.start("train", json.loads(sys.argv[2]), chapter="part/one")
print(id, flush=True)
time.sleep(120)
"""


def test_killed_with_the_book_it_saves_ends_and_is_resumed_to_the_same_bits(
    tmp_path, request_of, uninterrupted
):
    """kill -9 of the manager: the worker notices, and the next manager finds the run interrupted."""
    import json

    folder = tmp_path / "runs"
    book = subprocess.Popen(
        [sys.executable, "-c", MANAGER, str(folder), json.dumps(request_of)],
        stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    id = book.stdout.readline().strip()
    events = folder / id / "events.jsonl"
    until(lambda: events.exists() and b'"evaluated"' in events.read_bytes(), 30)
    book.kill()
    book.wait()
    runs = Runs(folder)
    assert runs.state(id) == "interrupted" and runs.latest("part/one") == id
    last = until(lambda: next((e for e in runs.events(id) if e["kind"] in ("stopped", "done")), None), 20)
    assert last["kind"] == "stopped" and last["asked"] is False and 0 < last["step"] < 300
    assert checkpoint.is_whole(checkpoint.found(folder / id / "run" / "checkpoints")[-1])
    until(lambda: _resumed(runs, id), 10)
    assert runs.wait(id, 60) == "done"
    runs.close()
    assert bits(folder / id / "run") == uninterrupted


def _resumed(runs, id):
    """Resume a run; False while the worker of the killed book still holds it."""
    try:
        runs.resume(id)
    except PersonError as told:
        assert told.code == "in-use"
        return False
    return True


def test_a_setting_that_does_not_exist_is_told_in_words(tmp_path):
    for name in ("epoch", "out", "resume"):
        with pytest.raises(PersonError) as told:
            worker.train({"system": "cnn", name: 3}, tmp_path, lambda event: None)
        assert told.value.code == "unknown-setting" and name in told.value.got
    assert not list(tmp_path.iterdir())


class Heard:
    """Takes events as `Tell` does."""

    def __init__(self):
        self.events, self.stopping = [], False

    def __call__(self, event):
        self.events.append(event)


def test_steps_are_told_ten_times_a_second_at_most_and_the_last_one_always(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(worker.time, "monotonic", lambda: now[0])
    heard = Heard()
    progress = worker.Progress(heard)
    for step in range(1000):
        progress.step({"step": step, "share": (step + 1) / 1000})
        progress.evaluated({"step": step})
        now[0] += 0.001
    steps = [event["step"] for event in heard.events if event["kind"] == "step"]
    assert steps[0] == 0 and steps[-1] == 999 and 10 <= len(steps) <= 12
    assert sum(event["kind"] == "evaluated" for event in heard.events) == 1000


def test_that_it_saves_is_told_once(monkeypatch):
    heard = Heard()
    progress = worker.Progress(heard)
    for step in range(3):
        heard.stopping = step > 0
        progress.step({"step": step, "share": 0.1})
    assert [event["step"] for event in heard.events if event["kind"] == "saving"] == [1]


def test_a_lab_says_what_it_does_and_its_result_is_told(monkeypatch, tmp_path):
    from glassworks import labs

    class Result:
        def as_json(self):
            return {"outcome": "holds"}

    def run(name, *, quick, say, threads):
        say(f"{name} {quick}")
        return Result()

    monkeypatch.setattr(labs, "run", run)
    heard = Heard()
    assert worker.lab({"name": "a-lab", "quick": True}, tmp_path, heard) == {"result": {"outcome": "holds"}}
    assert heard.events == [{"kind": "say", "text": "a-lab True"}]


ALONE = """
import runpy, sys
runpy.run_module("glassworks.reader.worker", run_name="__main__")
before = set(sys.modules)
import torch
torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], fused=True).step()
import glassworks.api.judge, glassworks.api.train
print(len(set(sys.modules) - before))
"""


def test_a_worker_without_a_job_imports_what_takes_long_and_ends_by_itself():
    done = subprocess.run(
        [sys.executable, "-c", ALONE], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0 and int(done.stdout) < 20, done.stderr
