"""Weights are numbers only: abused safetensors files are refused in words, fast, without taking memory."""

import json
import re
import struct
import time
import tracemalloc

import pytest
import torch
from torch import nn

from glassworks.core.errors import PersonError
from glassworks.weights import store

FLOAT = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def raw(path, header: bytes | dict, body: bytes = bytes(8), *, claims: int | None = None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if claims is None else claims) + text + body)
    return path


def overlong(path):
    """A header that is truly 101 MB long (a sparse file)."""
    with path.open("wb") as file:
        file.write(struct.pack("<Q", 101 * 1024**2))
        file.truncate(8 + 101 * 1024**2 + 8)
    return path


ABUSES = {
    "header-over-100-MB": overlong,
    "header-claims-too-much": lambda p: raw(p, {"a": FLOAT}, claims=1 << 40),
    "header-claims-everything": lambda p: raw(p, {"a": FLOAT}, claims=2**64 - 1),
    "offsets-overlap": lambda p: raw(p, {"a": FLOAT, "b": FLOAT}),
    "offsets-out-of-range": lambda p: raw(p, {"a": FLOAT | {"data_offsets": [0, 800]}}),
    "offsets-negative": lambda p: raw(p, {"a": FLOAT | {"data_offsets": [-8, 0]}}),
    "offsets-backwards": lambda p: raw(p, {"a": FLOAT | {"data_offsets": [8, 0]}}),
    "offsets-no-numbers": lambda p: raw(p, {"a": FLOAT | {"data_offsets": ["0", None]}}),
    "offsets-one": lambda p: raw(p, {"a": FLOAT | {"data_offsets": [0]}}),
    "offsets-missing": lambda p: raw(p, {"a": {"dtype": "F32", "shape": [2]}}),
    "duplicate-keys": lambda p: raw(p, b'{"a":%b,"a":%b}' % ((json.dumps(FLOAT).encode(),) * 2)),
    "trailing-bytes": lambda p: raw(p, {"a": FLOAT}, bytes(9)),
    "gap": lambda p: raw(p, {"a": FLOAT | {"data_offsets": [4, 12]}}, bytes(12)),
    "wrong-dtype": lambda p: raw(p, {"a": FLOAT | {"dtype": "F64"}}),
    "unknown-dtype": lambda p: raw(p, {"a": FLOAT | {"dtype": "OBJECT"}}),
    "wrong-shape": lambda p: raw(p, {"a": FLOAT | {"shape": [3]}}),
    "shape-overflows": lambda p: raw(p, {"a": FLOAT | {"shape": [2**62, 2**62]}}),
    "shape-negative": lambda p: raw(p, {"a": FLOAT | {"shape": [-2]}}),
    "not-json": lambda p: raw(p, b"{not json"),
    "not-utf-8": lambda p: raw(p, b'{"\xff\xfe":1}'),
    "a-list": lambda p: raw(p, b"[1, 2]", b""),
    "deep-nesting": lambda p: raw(p, b"[" * 100_000),
    "tensor-is-a-word": lambda p: raw(p, {"a": "word"}),
    "empty": lambda p: (p.write_bytes(b"") and None) or p,
    "three-bytes": lambda p: p.write_bytes(b"abc") and p,
}


@pytest.mark.parametrize("abuse", ABUSES)
def test_abused_files_are_refused_fast_and_without_memory(tmp_path, abuse):
    """Header over 100 MB, overlapping or out-of-range offsets, duplicates, trailing bytes, wrong types."""
    path = ABUSES[abuse](tmp_path / "model.safetensors")
    tracemalloc.start()
    begun = time.process_time()
    try:
        with pytest.raises(PersonError) as told:
            store.read_tensors(path)
        assert time.process_time() - begun < 1
        assert tracemalloc.get_traced_memory()[1] < 200 * 1024**2
    finally:
        tracemalloc.stop()
    assert told.value.code == "bad-weights" and "model.safetensors" in told.value.got


def test_every_truncation_is_noticed(tmp_path):
    path = tmp_path / "model.safetensors"
    store.write_tensors(path, {"a": torch.arange(6.0), "b": torch.ones(2, 3)})
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(PersonError):
            store.read_tensors(path)


def test_what_is_written_is_read_bit_for_bit(tmp_path):
    tensors = {
        "a": torch.randn(3, 4).t(),
        "b": torch.arange(5),
        "c": torch.zeros(0, 2),
        "d": torch.tensor(3.0),
    }
    store.write_tensors(tmp_path / "t.safetensors", tensors)
    read = store.read_tensors(tmp_path / "t.safetensors")
    assert set(read) == set(tensors)
    for name, tensor in tensors.items():
        assert torch.equal(read[name], tensor) and read[name].dtype == tensor.dtype


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(2, 3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"head.weight": torch.zeros(3, 5)}, r"head.weight is \(3, 5\), not \(3, 2\)"),
        ({"head.bias": torch.zeros(3, dtype=torch.int64)}, "head.bias holds torch.int64"),
        ({"other": torch.zeros(1)}, "unknown other"),
        ({"head.bias": None}, "missing head.bias"),
    ],
)
def test_weights_that_do_not_fit_are_named(change, words):
    model = Model()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    tensors = {name: value for name, value in (before | change).items() if value is not None}
    with pytest.raises(PersonError, match=words):
        store.load_into(model, tensors, source="file")
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("number", [27, 28, 122])
def test_a_disk_that_fills_under_the_writer_is_told(tmp_path, monkeypatch, number):
    """The library hides the system's error in its text; a quota shows only when it is reached."""

    def full(_tensors, _path):
        raise store.SafetensorError(f"Error while serializing: I/O error: no room (os error {number})")

    path = tmp_path / "t.safetensors"
    path.write_bytes(b"old")
    monkeypatch.setattr(store, "save_file", full)
    with pytest.raises((PersonError, OSError), match=re.escape(str(path))):
        store.write_tensors(path, {"a": torch.zeros(2)})
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.safetensors"]
    assert path.read_bytes() == b"old"
