"""Stopped or killed from outside: nothing is lost, and the run goes on as if nothing had happened."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from glassworks.training import checkpoint
from tests.training.test_resume import bits

SETTINGS = ["--size", "tiny", "--threads", "1", "--side", "16", "--augment", "photo", "--epochs", "4",
            "--set", "model.widths=[8,16]", "model.hidden=32", "training.save_steps=1"]  # fmt: skip


def command(*words):
    return [sys.executable, "-m", "glassworks", *map(str, words)]


def begin(*words):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command(*words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )


def wait_for_step(run, process, step):
    """Until the run has saved this step, or the process has ended."""
    while process.poll() is None:
        saved = checkpoint.found(run / "checkpoints")
        if saved and int(saved[-1].name.split("-")[1]) >= step:
            return
        time.sleep(0.005)


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory, digits):
    run = tmp_path_factory.mktemp("uninterrupted") / "run"
    done = begin("train", "cnn", "--data", digits, "--out", run, *SETTINGS)
    assert done.wait(timeout=120) == 0, done.stdout.read()
    return run


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_asked_to_stop_finishes_the_step_saves_and_leaves(number, code, tmp_path, digits, uninterrupted):
    """SIGTERM exits 143, Ctrl-C 130, within a step and 10 s; resumed in a new process: the same bits."""
    run = tmp_path / "run"
    process = begin("train", "cnn", "--data", digits, "--out", run, *SETTINGS)
    wait_for_step(run, process, 6)
    asked = time.monotonic()
    process.send_signal(number)
    assert process.wait(timeout=20) == code
    assert time.monotonic() - asked < 10
    assert "--resume continues" in process.stdout.read()
    saved = checkpoint.found(run / "checkpoints")[-1]
    assert checkpoint.is_whole(saved) and bits(run) != bits(uninterrupted)
    again = begin("train", "--resume", run)
    assert again.wait(timeout=60) == 0
    assert bits(run) == bits(uninterrupted)


def storm(run, digits, kills, chance):
    """Kill a run at random moments, restart it each time, until it ends by itself."""
    lost = 0
    for kill in range(kills + 1):
        words = (
            ["--resume", run]
            if (run / "recipe.yaml").exists()
            else ["cnn", "--data", digits, "--out", run, *SETTINGS]
        )
        process = begin("train", *words)
        if kill == kills:
            assert process.wait(timeout=120) == 0, process.stdout.read()
            break
        saved = checkpoint.found(run / "checkpoints")
        begun_at = int(saved[-1].name.split("-")[1]) if saved else 0
        wait_for_step(run, process, begun_at + chance.randint(1, 3))
        time.sleep(chance.random() * 0.02)  # any moment of a step, of a save
        process.kill()
        process.wait()
        if checkpoint.found(run / "checkpoints"):
            newest, passed = checkpoint.load_newest(run / "checkpoints")
            assert not passed
            lost += newest.step < begun_at
    assert lost == 0


def test_killed_three_times_gives_the_same_bits(tmp_path, digits, uninterrupted):
    storm(tmp_path / "run", digits, 3, random.Random(1))
    assert bits(tmp_path / "run") == bits(uninterrupted)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_kill_storm(tmp_path, digits, uninterrupted):
    """Killed at 20 random moments, also while saving: always a whole checkpoint, and the same bits."""
    for seed in (2, 3):
        run = tmp_path / f"run{seed}"
        storm(run, digits, 10, random.Random(seed))
        assert bits(run) == bits(uninterrupted)


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_real_full_disk(tmp_path, digits):
    """A disk of 10 MB: needed and free space are told, exit 2, the checkpoint before it is whole."""
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=10m", "tmpfs", str(small)], check=False
    ).returncode:
        pytest.skip("this system does not let tests mount a disk")
    try:
        words = ["train", "cnn", "--data", digits, "--out", small / "run", "--side", "16", "--epochs", "3",
                 "--set", "model.hidden=1024", "training.save_steps=1", "--json"]  # fmt: skip
        done = subprocess.run(command(*words), capture_output=True, text=True, check=False)
        assert done.returncode == 2, done.stderr
        assert json.loads(done.stdout)["error"]["code"] == "disk-full"
        assert checkpoint.found(small / "run" / "checkpoints")
        assert all(checkpoint.is_whole(path) for path in checkpoint.found(small / "run" / "checkpoints"))
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_run_that_is_being_trained_is_not_resumed_beside(tmp_path, digits):
    """Two processes in one run folder would mix their steps; a killed one leaves nothing to clean up."""
    run = tmp_path / "run"
    first = begin("train", "cnn", "--data", digits, "--out", run, *SETTINGS, "--epochs", "2000")
    wait_for_step(run, first, 3)
    second = begin("train", "--resume", run)
    assert second.wait(timeout=60) == 2
    assert "in-use" in second.stdout.read()
    first.kill()
    first.wait()
    at = int(checkpoint.found(run / "checkpoints")[-1].name.split("-")[1])
    third = begin("train", "--resume", run)
    wait_for_step(run, third, at + 1)
    third.terminate()
    assert third.wait(timeout=60) == 143
