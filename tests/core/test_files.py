"""Files are whole or not there; errors survive the border of a process."""

import os
import pickle
import subprocess
import sys

import pytest

from glassworks.core import files
from glassworks.core.errors import PersonError, did_you_mean

KILLED = """
import os, signal, sys
from glassworks.core.files import writing
with writing(sys.argv[1]) as aside:
    aside.write_bytes(b"new" * int(sys.argv[2]))
    if sys.argv[3] == "inside":
        os.kill(os.getpid(), signal.SIGKILL)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is of POSIX")
@pytest.mark.parametrize(("place", "left"), [("inside", b"old"), ("after", b"new" * 1000)])
def test_a_kill_leaves_the_old_file_or_the_new_one(tmp_path, place, left):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), "1000", place], timeout=60)
    assert done.returncode == -9
    assert path.read_bytes() == left


def test_an_error_while_writing_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    files.write_text(tmp_path / "a", "old")
    with pytest.raises(RuntimeError), files.writing(tmp_path / "a") as aside:
        aside.write_text("half")
        raise RuntimeError
    assert (tmp_path / "a").read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_nan_is_not_written_as_json(tmp_path):
    with pytest.raises(ValueError):
        files.write_json(tmp_path / "a.json", {"value": float("nan")})
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_told_with_the_free_space(tmp_path):
    with pytest.raises(PersonError) as told:
        files.require_space(tmp_path / "big", 1 << 60)
    assert told.value.code == "disk-full" and "free" in told.value.got


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 B"), (1536, "1.5 KB"), (5 * 1024**3, "5.0 GB"), (2**45, "32.0 TB")]
)
def test_sizes_as_a_person_reads_them(count, words):
    assert files.readable_size(count) == words


def test_errors_cross_process_borders_whole():
    error = PersonError("code", expected="a", got="b", fix="c")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - as multiprocessing does it
    assert type(again) is PersonError and again.as_json() == error.as_json() and str(again) == str(error)


def test_the_nearest_word_is_suggested_whatever_its_case():
    assert did_you_mean("TRIAN", ["train", "test"]) == 'did you mean "train"?'
    assert did_you_mean("zzz", ["train", "test"]) == "choose one of: train, test"
