"""Pinned .pth files: the digest is checked before a byte is read as a pickle, and only tensors come out."""

import os

import pytest
import torch

from glassworks.core.errors import PersonError
from glassworks.core.files import sha256_of
from glassworks.weights import convert
from glassworks.weights.convert import read_pinned


class RunsWhenRead:
    def __reduce__(self):
        return exec, ("open('MARK', 'w').close()",)


def saved(path, content, **options):
    torch.save(content, path, **options)
    return path, sha256_of(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pinned_file_is_read(tmp_path, zipped):
    tensors = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)).state_dict()
    path, digest = saved(tmp_path / "w.pth", tensors, _use_new_zipfile_serialization=zipped)
    read = read_pinned(path, digest)
    assert list(read) == list(tensors)
    assert all(torch.equal(read[name], tensors[name]) for name in tensors)


def test_a_file_with_another_digest_is_not_opened(tmp_path, monkeypatch):
    path, digest = saved(tmp_path / "w.pth", {"a": torch.zeros(2)})
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    monkeypatch.setattr(convert.torch, "load", lambda *a, **k: pytest.fail("it was opened"))
    with pytest.raises(PersonError) as error:
        read_pinned(path, digest)
    assert error.value.code == "digest-differs" and digest in error.value.expected


def test_even_a_pinned_file_cannot_run_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for zipped in (True, False):
        path, digest = saved("w.pth", {"a": RunsWhenRead()}, _use_new_zipfile_serialization=zipped)
        with pytest.raises(PersonError) as error:
            read_pinned(path, digest)
        assert error.value.code == "bad-weights"
    assert not os.path.lexists("MARK")


@pytest.mark.parametrize(
    "content",
    [[torch.zeros(2)], torch.zeros(2), {}, {"model": {"a": torch.zeros(2)}}, {"a": 3}, {1: torch.zeros(2)}],
    ids=["list", "tensor", "empty", "nested", "number", "unnamed"],
)
def test_anything_but_a_flat_table_of_tensors_is_refused(tmp_path, content):
    path, digest = saved(tmp_path / "w.pth", content)
    with pytest.raises(PersonError) as error:
        read_pinned(path, digest)
    assert error.value.code == "bad-weights"


def test_text_and_a_missing_file_are_told(tmp_path):
    path = tmp_path / "w.pth"
    with pytest.raises(PersonError) as error:
        read_pinned(path, "0" * 64)
    assert error.value.code == "weights-missing"
    path.write_text("no weights")
    with pytest.raises(PersonError) as error:
        read_pinned(path, sha256_of(path))
    assert error.value.code == "bad-weights"
