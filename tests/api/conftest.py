"""One tiny training for each kind of data, shared by all tests of the verbs."""

import pytest

import glassworks as gw
from tests.api import pictures

SHORT = {"size": "tiny", "epochs": 3, "threads": 1, "quiet": True, "learning_rate": 0.01, "batch": 8}


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    root = pictures.class_folders(tmp_path_factory.mktemp("meine Bilder ü") / "daten")
    pictures.unusual(root / "rot")
    return root


@pytest.fixture(scope="session")
def run(folders, tmp_path_factory):
    """A run on class folders, its path with a space and a letter beyond ASCII."""
    out = tmp_path_factory.mktemp("läufe") / "erster lauf"
    return gw.train("cnn", data=str(folders), out=str(out), **SHORT)


@pytest.fixture(scope="session")
def second(folders, tmp_path_factory):
    out = tmp_path_factory.mktemp("läufe") / "zweiter"
    return gw.train("cnn", data=str(folders), out=str(out), seed=0, average=0.9, **SHORT)
