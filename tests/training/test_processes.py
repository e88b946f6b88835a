"""Two processes under torchrun: each takes half of every batch, together they take the same steps."""

import os
import subprocess
import sys

import torch

from glassworks.data.batches import PictureBatches, measure_input
from glassworks.training.run_folder import RunFolder
from glassworks.weights.store import read_tensors

# Without batch norm and dropout two halves of a batch make the same step as the whole.
WORDS = ["--size", "tiny", "--threads", "1", "--side", "16", "--augment", "light", "--epochs", "2",
         "--set", "model.widths=[8,16]", "model.hidden=32", "model.batch_norm=false", "model.dropout=0",
         "training.batch=30"]  # fmt: skip


def run(*words):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *map(str, words)], capture_output=True, text=True, env=environment, timeout=200
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_two_processes_train_as_one(tmp_path, digits):
    train = ["glassworks", "train", "cnn", "--data", digits, *WORDS]
    run("-m", *train, "--out", tmp_path / "one")
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    said = run(*torchrun, *train, "--out", tmp_path / "two")
    assert "2 processes share" in said and said.count("run: ") == 1
    one, two = (read_tensors(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=1e-3, atol=1e-4)
    first, second = (RunFolder(tmp_path / name).history() for name in ("one", "two"))
    assert [row["examples"] for row in first] == [row["examples"] for row in second]
    for a, b in zip(first, second):
        assert abs(a["train_loss"] - b["train_loss"]) < 1e-4


def test_two_processes_take_every_example_once():
    import numpy as np

    pixels = np.zeros((17, 8, 8, 1), np.uint8)
    rows = np.arange(17)
    batches = PictureBatches(pixels, np.zeros(17, np.int64), rows, measure_input(pixels, rows))
    seen = [batches.training(0, 0, 17, rank, 2).rows for rank in (0, 1)]
    assert sorted(np.concatenate(seen)) == list(range(17))
    assert {len(part) for part in seen} == {8, 9}
