"""The cache: a place, a limit, the longest unused go first, and `clear`."""

import os
from pathlib import Path

import pytest

from glassworks.core import cache
from glassworks.core.errors import PersonError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GLASSWORKS_CACHE", str(tmp_path))
    monkeypatch.delenv("GLASSWORKS_CACHE_GB", raising=False)
    for age, name in enumerate(("old", "middle", "new")):
        entry = tmp_path / "pictures" / name
        entry.mkdir(parents=True)
        (entry / "body").write_bytes(bytes(1000))
        os.utime(entry, (1000 + age, 1000 + age))
    return tmp_path


def test_longest_unused_goes_first(folder, monkeypatch):
    cache.touch(folder / "pictures" / "old")
    monkeypatch.setenv("GLASSWORKS_CACHE_GB", str(2000 / 1024**3))
    removed = cache.keep_within_limit()
    assert [entry.name for entry in removed] == ["middle"]
    assert sorted(entry.name for entry in cache.entries()) == ["new", "old"]


def test_what_is_in_use_stays(folder, monkeypatch):
    monkeypatch.setenv("GLASSWORKS_CACHE_GB", "0")
    cache.keep_within_limit(besides=folder / "pictures" / "old")
    assert [entry.name for entry in cache.entries()] == ["old"]


def test_below_the_limit_nothing_goes(folder):
    assert cache.keep_within_limit() == [] and len(cache.entries()) == 3


def test_clear_empties_it_and_says_how_much(folder):
    assert "3 entries, 2.9 KB" in cache.clear()
    assert cache.entries() == [] and "0 entries" in cache.clear()


def test_a_limit_that_is_no_number_is_told(folder, monkeypatch):
    monkeypatch.setenv("GLASSWORKS_CACHE_GB", "plenty")
    with pytest.raises(PersonError, match="plenty"):
        cache.keep_within_limit()


def test_an_empty_variable_is_as_good_as_none(monkeypatch):
    monkeypatch.delenv("GLASSWORKS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setattr("sys.platform", "linux")
    assert cache.cache_folder() == Path.home() / ".cache" / "glassworks"


def test_without_a_home_the_person_is_asked_for_a_place(monkeypatch):
    monkeypatch.delenv("GLASSWORKS_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("sys.platform", "linux")

    def nowhere():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    with pytest.raises(PersonError, match="GLASSWORKS_CACHE"):
        cache.cache_folder()
