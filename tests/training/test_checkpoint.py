"""Checkpoints are whole or not there, and every flipped bit is seen."""

import errno
import shutil
import time

import numpy as np
import pytest
import torch

from glassworks.core import files
from glassworks.core.errors import PersonError
from glassworks.training import checkpoint
from glassworks.training.checkpoint import Checkpoint


def made(step=1, size=300):
    generator = torch.Generator().manual_seed(step)
    tensors = {name: {"a.weight": torch.randn(size, generator=generator)} for name in ("model", "optimizer")}
    return Checkpoint(step, tensors, {"schema": 1, "step": step})


def test_what_was_saved_is_loaded(tmp_path):
    saved = made(7)
    checkpoint.save(tmp_path, saved)
    loaded = checkpoint.load(tmp_path / "step-00000007")
    assert loaded.step == 7 and loaded.state == saved.state
    for group, tensors in saved.tensors.items():
        assert torch.equal(loaded.tensors[group]["a.weight"], tensors["a.weight"])


def test_the_two_newest_stay(tmp_path):
    for step in (1, 5, 9):
        checkpoint.save(tmp_path, made(step))
    assert [path.name for path in checkpoint.found(tmp_path)] == ["step-00000005", "step-00000009"]


def test_every_bit_flip_and_truncation_is_detected_and_named(tmp_path):
    """200 flipped bits and 200 truncations over all files of a checkpoint: 400 of 400 detected."""
    whole = checkpoint.save(tmp_path / "good", made())
    parts = sorted(whole.iterdir())
    assert {part.name for part in parts} == {
        "manifest.json", "model.safetensors", "optimizer.safetensors", "state.json"
    }  # fmt: skip
    chance = np.random.default_rng(0)
    detected = 0
    for trial in range(400):
        part = parts[trial % len(parts)]
        broken = tmp_path / "broken"
        shutil.copytree(whole, broken)
        content = bytearray(part.read_bytes())
        if trial < 200:
            content[chance.integers(len(content))] ^= 1 << chance.integers(8)
        else:
            del content[chance.integers(len(content)) :]
        (broken / part.name).write_bytes(content)
        with pytest.raises(PersonError) as told:
            checkpoint.verify(broken)
        detected += part.name in told.value.got
        shutil.rmtree(broken)
    assert detected == 400


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(tmp_path):
    for step in (3, 6):
        checkpoint.save(tmp_path, made(step))
    (tmp_path / "step-00000006" / "model.safetensors").write_bytes(b"")
    loaded, passed = checkpoint.load_newest(tmp_path)
    assert loaded.step == 3
    assert len(passed) == 1 and "step-00000006" in passed[0] and "model.safetensors" in passed[0]


def test_no_whole_checkpoint_left_says_what_to_do(tmp_path):
    checkpoint.save(tmp_path, made(3))
    (tmp_path / "step-00000003" / "state.json").unlink()
    with pytest.raises(PersonError) as told:
        checkpoint.load_newest(tmp_path)
    assert told.value.code == "no-checkpoint" and "--overwrite" in told.value.fix


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    """Needed and free space are told, nothing is changed."""
    checkpoint.save(tmp_path, made(1))
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10_000, 9_000, 1_000))
    with pytest.raises(PersonError) as told:
        checkpoint.save(tmp_path, made(2))
    assert told.value.code == "disk-full" and "1000 B free" in told.value.got and "KB" in told.value.expected
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]
    assert checkpoint.load_newest(tmp_path)[0].step == 1


def test_a_disk_that_fills_while_writing_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    checkpoint.save(tmp_path, made(1))

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(PersonError) as told:
        checkpoint.save(tmp_path, made(2))
    assert told.value.code == "disk-full"
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]


def test_what_a_killed_process_left_is_swept(tmp_path):
    (tmp_path / ".step-00000004.partial").mkdir()
    checkpoint.save(tmp_path, made(5))
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000005"]


@pytest.mark.long
def test_hashing_costs_little_of_a_save(tmp_path):
    """The digests of a 400 MB checkpoint take less than the writing and syncing of it."""
    big = made(1, size=50_000_000)
    began = time.perf_counter()
    path = checkpoint.save(tmp_path, big)
    saving = time.perf_counter() - began
    began = time.perf_counter()
    checkpoint._manifest(path)
    hashing = time.perf_counter() - began
    print(f"saving {saving:.2f} s, of which hashing {hashing:.2f} s")
    assert hashing < saving
