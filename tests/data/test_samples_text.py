"""Samples of texts and series: written as a person's data would lie, and read back as they were."""

import shutil
from datetime import datetime

import numpy as np
import pytest

from glassworks.core.errors import PersonError
from glassworks.core.series_rows import SeriesTable
from glassworks.core.text_rows import TextTable
from glassworks.data import samples
from glassworks.data.doors import open_pictures
from glassworks.data.sample import Sample
from glassworks.data.samples import SAMPLES, fetch, sample_table, write_folders
from glassworks.data.texts import open_texts

TEXTS = ["One, two “three”.", 'A "quoted" text\nof two lines', "ünï"]
NONE = np.empty(0, dtype=np.int64)


@pytest.fixture
def known(monkeypatch):
    """Make a table a sample of its own."""

    def put(table) -> str:
        monkeypatch.setitem(
            samples.SAMPLES, "mine", Sample("mine", "w", "s", "l", (), lambda: table, "texts")
        )
        return "mine"

    return put


@pytest.mark.parametrize("wanted", ["targets", "pairs", "none"])
def test_written_texts_are_read_back_as_they_were(tmp_path, known, wanted):
    table = {
        "targets": TextTable("x", ("a", "b", "c"), TEXTS, "label", np.array([1, 0, 1]), ("no", "yes"),
                             parts=("train", "train", "test")),
        "pairs": TextTable("x", ("a", "b", "c"), TEXTS, "pairs", NONE, answers=("1", "2 x", "3")),
        "none": TextTable("x", ("a", "b", "c"), TEXTS, "none", NONE),
    }[wanted]  # fmt: skip
    folder = write_folders(known(table), tmp_path / "out")
    names = {"text": "text", "target": "translation" if wanted == "pairs" else "label"}
    back = open_texts(folder, wanted=wanted, **(names if wanted != "none" else {}))
    assert list(back.texts) == TEXTS and back.answers == table.answers
    assert np.array_equal(back.targets, table.targets) and back.parts == table.parts


def test_written_series_hold_every_step(tmp_path, known):
    values = [np.array([[1.0, 2.5], [np.nan, 3.0]]), np.array([[4.0, 5.0]])]
    times = [
        np.array(["2024-01-01", "2024-01-02"], "datetime64[s]"),
        np.array(["2024-01-01"], "datetime64[s]"),
    ]
    table = SeriesTable("x", ("p", "q"), values, ("u", "v"), "forecast", NONE, times=times)
    lines = (
        (write_folders(known(table), tmp_path / "out") / "mine.csv").read_text(encoding="utf-8").splitlines()
    )
    assert lines[0] == "series,time,u,v" and len(lines) == 4
    assert (
        lines[2] == "p,2024-01-02T00:00:00,,3" and datetime.fromisoformat(lines[1].split(",")[1]).year == 2024
    )


def test_samples_of_other_data_are_refused_with_the_reason(known):
    known(TextTable("x", ("a",), ["t"], "none", NONE))
    with pytest.raises(PersonError) as caught:
        open_pictures("sample:mine")
    assert caught.value.code == "other-sample"
    with pytest.raises(PersonError) as caught:
        open_texts("sample:mine")
    assert caught.value.code == "no-texts"
    assert len(open_texts("sample:mine", wanted="none")) == 1


def test_all_samples_say_what_they_are_and_pin_what_they_fetch():
    for name, sample in SAMPLES.items():
        assert sample.sees in ("pictures", "texts", "series") and sample.packages, name
        for package in sample.packages:
            pinned = len(package.sha256) == 64 and bool(package.version)
            assert package.kind == "debian" or pinned or not package.fetchable, name


COUNTS = {
    "movie-reviews": (10_072, 2), "movie-ratings": (10_605, 0), "amazon-reviews": (2_985, 2),
    "tweets": (3_432, 2), "brown": (500, 15), "django-de": (775, 0), "django-fr": (791, 0),
}  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(COUNTS))
def test_samples_of_packages_are_whole(name):
    """Rows and classes as they were counted; fetched where they are not here."""
    if SAMPLES[name].packages[0].kind == "npm" and shutil.which("npm") is None:
        pytest.skip("needs npm")
    fetch(name)
    table = sample_table(name)
    assert (len(table), len(table.classes)) == COUNTS[name] and len(set(table.names)) == len(table)
    assert all(text.strip() for text in table.texts)


@pytest.mark.long
@pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs Debian's package tools")
def test_samples_of_debian_are_whole():
    for name in ("austen", "bible", "words-languages"):
        fetch(name)
    austen, bible, words = (sample_table(name) for name in ("austen", "bible", "words-languages"))
    assert len(austen) == 6 and 4_000_000 < sum(map(len, austen.texts)) < 4_100_000
    assert "It is a truth universally acknowledged" in austen.texts[austen.names.index("pride-and-prejudice")]
    assert len(bible) == 66 and sum(text.count("\n") for text in bible.texts) == 31_102
    assert bible.texts[0].startswith("In the beginning God created the heaven and the earth.\n")
    assert np.bincount(words.targets).tolist() == [2000] * 5 and len(set(words.texts)) == 10_000
