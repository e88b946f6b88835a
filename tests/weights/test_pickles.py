"""Pickles run code when they are read. Ten kinds of them are put wherever a file is taken: none may run.

Every payload makes a file called MARK when it is unpickled (the first test proves that it would).
"""

import io
import os
import pickle
import shutil
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from glassworks.cli import main
from glassworks.core.errors import PersonError
from glassworks.data.doors import open_pictures
from glassworks.recipes.base import read
from glassworks.training import checkpoint
from glassworks.weights import store
from tests.api import pictures

SHORT = ["--size", "tiny", "--epochs", "2", "--threads", "1", "--quiet"]
COMMAND = "open('MARK', 'w').close()"


class Reduce:
    def __reduce__(self):
        return exec, (COMMAND,)


class Build:
    """Runs when its state is set (the BUILD instruction)."""

    def __getstate__(self):
        return {"state": Reduce()}

    def __setstate__(self, state):
        self.__dict__.update(state)


class Nested(dict):
    def __reduce__(self):
        return dict, ([("weights", Reduce())],)


def torch_file(content, **options) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


def object_array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([Reduce(), Reduce()], dtype=object), allow_pickle=True)
    return buffer.getvalue()


def npz(**columns) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in columns.items():
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def zipped(**files) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return buffer.getvalue()


def payloads() -> dict[str, bytes]:
    plain = pickle.dumps(Reduce())
    return {
        "reduce": plain,
        "text-protocol": pickle.dumps(Reduce(), protocol=0),
        "build": pickle.dumps(Build()),
        "nested": pickle.dumps({"model": [Nested()]}),
        "torch-zip": torch_file({"weight": torch.zeros(2), "x": Reduce()}),
        "torch-legacy": torch_file({"x": Reduce()}, _use_new_zipfile_serialization=False),
        "distributed-metadata": zipped(_dot_metadata=plain, __0_0_dot_distcp=plain),
        "object-array": object_array(),
        "npz-of-objects": npz(images=object_array(), labels=object_array()),
        "behind-a-safetensors-header": struct.pack("<Q", 2) + b"{}" + plain,
        "config-instantiator": b"_target_: builtins.exec\n_args_: [\"open('MARK', 'w').close()\"]\n",
    }


PAYLOADS = payloads()
ENDINGS = (".pt", ".pth", ".pkl", ".bin", ".ckpt", ".safetensors", ".npz", ".npy", ".zip", ".csv", ".jsonl",
           ".png", ".yaml", ".mat", "")  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("pickles")
    data = pictures.class_folders(root / "d", count=8)
    assert main(["train", "lenet", "--data", str(data), "--out", str(root / "run"), *SHORT]) == 0
    return root / "run"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("glassworks.training.runtime.busy_cores", lambda: 0.0)  # it watches for 0.15 s
    yield tmp_path
    assert not os.path.lexists("MARK"), "a payload has run"


def test_the_payloads_would_run_when_unpickled(place):
    for name in ("reduce", "text-protocol", "build", "nested"):
        pickle.loads(PAYLOADS[name])  # noqa: S301 - the proof that the test can fail
        Path("MARK").unlink()
    for name in ("torch-zip", "torch-legacy"):
        torch.load(io.BytesIO(PAYLOADS[name]), weights_only=False)
        Path("MARK").unlink()
    np.load(io.BytesIO(PAYLOADS["object-array"]), allow_pickle=True)
    Path("MARK").unlink()


@pytest.mark.parametrize("kind", PAYLOADS)
def test_no_reader_unpickles(place, kind):
    for ending in ENDINGS:
        path = place / f"file{ending}"
        path.write_bytes(PAYLOADS[kind])
        for door in (open_pictures, store.read_tensors, read):
            with pytest.raises(PersonError):
                door(path)
        folder = place / f"folder{ending}"
        folder.mkdir()
        shutil.move(path, folder / path.name)
        for door in (open_pictures, checkpoint.load, checkpoint.load_newest):
            with pytest.raises(PersonError):
                door(folder)


@pytest.mark.parametrize("kind", PAYLOADS)
def test_no_command_unpickles(place, run, kind, capsys):
    body = PAYLOADS[kind]
    for ending in (".pt", ".npz", ".safetensors", ".png"):
        path = place / f"file{ending}"
        path.write_bytes(body)
        words = [["check", path, "--workers", "0"], ["train", "lenet", "--data", path],
                 ["train", "--recipe", path],
                 ["train", "lenet", "--data", run.parent / "d", "--from", path, "--out", "new", *SHORT],
                 ["predict", run, path], ["predict", path, path], ["evaluate", run, "--data", path],
                 ["evaluate", path]]  # fmt: skip
        for line in words:
            assert main([str(word) for word in line]) == 2, line


@pytest.mark.parametrize("kind", PAYLOADS)
def test_no_file_of_a_run_is_unpickled(place, run, kind, capsys):
    for name in (
        "model.safetensors",
        "card.json",
        "splits.json",
        "recipe.yaml",
        "environment.json",
        "answers.npz",
    ):
        broken = shutil.copytree(run, place / "broken")
        (broken / name).write_bytes(PAYLOADS[kind])
        codes = [main([verb, str(broken), *more]) for verb, *more in (["evaluate"], ["compare", str(run)])]
        codes.append(main(["predict", str(broken), str(run.parent / "d")]))
        assert set(codes) <= {0, 2} and 2 in codes, name
        shutil.rmtree(broken)
    broken = shutil.copytree(run, place / "broken")
    for file in (broken / "checkpoints").rglob("*.*"):
        if file.is_file():
            file.write_bytes(PAYLOADS[kind])
    assert main(["train", "--resume", str(broken), "--quiet"]) == 2


def test_no_source_file_has_a_door_for_pickles():
    import glassworks

    doors = (
        "import pickle",
        "pickle.load",
        "allow_pickle=True",
        "joblib.load",
        "unsafe_load",
        "import shelve",
        "import marshal",
    )
    for file in Path(glassworks.__file__).parent.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        for word in doors:
            assert word not in text, f"{file.name}: {word}"
        loads = [
            line for line in text.splitlines() if "torch.load(" in line and "weights_only=True" not in line
        ]
        assert not loads, f"{file.name}: {loads}"
