"""Samples: real pictures from installed packages; a missing package says how to get it."""

import shutil

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from glassworks.core.errors import PersonError
from glassworks.data import packages
from glassworks.data.doors import open_pictures
from glassworks.data.folders import read_folder
from glassworks.data.samples import SAMPLES, fetch, sample_table, write_folders
from glassworks.data.store import open_store


def test_digits_are_scikit_learns_enlarged():
    table = sample_table("digits")
    assert len(table) == 1797 and table.classes == tuple("0123456789")
    assert np.array_equal(table.targets, load_digits().target)
    assert table.sources[0].shape == (32, 32) and table.sources[0].dtype == np.uint8
    small = np.asarray(Image.fromarray(table.sources[7]).resize((8, 8), Image.Resampling.BOX)) / 255 * 16
    assert np.abs(small - load_digits().images[7]).mean() < 1.0


def test_faces_are_half_faces():
    table = sample_table("faces")
    assert table.classes == ("face", "other") and np.bincount(table.targets).tolist() == [100, 100]
    assert table.sources[0].shape == (25, 25) and table.sources[0].max() > 100


def test_written_folders_are_read_back_as_they_were(tmp_path):
    table = sample_table("faces")
    back = read_folder(write_folders("faces", tmp_path / "faces"))
    assert back.classes == table.classes and np.array_equal(back.targets, table.targets)
    assert np.array_equal(np.asarray(Image.open(back.sources[150])), table.sources[150])


def test_a_folder_with_files_is_never_overwritten(tmp_path):
    (tmp_path / "mine.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(PersonError) as caught:
        write_folders("faces", tmp_path)
    assert caught.value.code == "folder-not-empty"
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.txt"]


def test_an_unknown_sample_gets_the_nearest_name():
    with pytest.raises(PersonError, match="fashion-mnist"):
        sample_table("fashion-mnst")


def test_every_sample_says_what_it_is_and_how_to_get_it():
    assert {"digits", "faces", "fashion-mnist", "opencv-digits", "stamps"} <= set(SAMPLES)
    for name, sample in SAMPLES.items():
        assert sample.name == name and sample.what and sample.size and sample.licence
        assert sample.package in sample.how and "\n" not in sample.how
    assert "GPL-2" in SAMPLES["stamps"].licence


def test_a_missing_package_is_told_with_one_line(monkeypatch):
    monkeypatch.setattr(packages, "found", lambda package: None)
    with pytest.raises(PersonError) as caught:
        sample_table("faces")
    assert caught.value.code == "sample-missing" and caught.value.fix == "pip install scikit-image"
    with pytest.raises(PersonError) as caught:
        sample_table("fashion-mnist")
    assert "glassworks samples fetch fashion-mnist" in caught.value.fix
    monkeypatch.setattr(packages.shutil, "which", lambda tool: None)
    with pytest.raises(PersonError) as caught:
        fetch("fashion-mnist")
    assert caught.value.code == "cannot-fetch"


def test_a_failed_fetch_leaves_nothing_behind(cache, monkeypatch):
    def fails(package, folder):
        (folder / "half.deb").write_bytes(b"half")
        raise packages.cannot_fetch(package, "apt-get said: no network")

    monkeypatch.setattr(packages, "found", lambda package: None)
    monkeypatch.setattr(packages, "_download", fails)
    with pytest.raises(PersonError):
        fetch("stamps")
    assert list((cache / "samples").iterdir()) == []


@pytest.mark.long
@pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs Debian's package tools")
def test_fashion_mnist_is_whole():
    """60,000 + 10,000 pictures of 28 x 28, 6,000 and 1,000 of each class."""
    fetch("fashion-mnist")
    table = open_pictures("sample:fashion-mnist")
    parts = np.array(table.parts)
    assert np.bincount(table.targets[parts == "train"]).tolist() == [6000] * 10
    assert np.bincount(table.targets[parts == "test"]).tolist() == [1000] * 10
    assert table.sources[0].shape == (28, 28) and table.classes[9] == "Ankle boot"
    assert open_store(table, height=28, width=28, channels=1).pixels.shape == (70_000, 28, 28, 1)


@pytest.mark.long
@pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs Debian's package tools")
def test_the_other_debian_samples_are_whole():
    fetch("opencv-digits")
    digits = sample_table("opencv-digits")
    assert np.bincount(digits.targets).tolist() == [500] * 10 and digits.sources[0].shape == (20, 20)
    fetch("stamps")
    stamps = sample_table("stamps")
    assert dict(zip(stamps.classes, np.bincount(stamps.targets).tolist())) == {
        "bird": 35, "flower": 25, "fruit": 26, "mammal": 65, "vegetable": 18, "vehicle": 19,
    }  # fmt: skip
    corner = open_store(stamps, height=64, width=64, channels=3).pixels[:, 0, 0]
    assert (corner == 255).mean() > 0.5  # cut-outs lie on white
