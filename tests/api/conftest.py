"""One tiny training for each kind of data, shared by all tests of the verbs."""

import pytest

import glassworks as gw
from glassworks.core.errors import PersonError
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


@pytest.fixture(scope="session")
def five(tmp_path_factory):
    """Twelve pictures of each of five colours."""
    root = tmp_path_factory.mktemp("fünf Farben") / "daten"
    return pictures.class_folders(root, names=tuple(pictures.COLOURS), count=12)


@pytest.fixture(scope="session")
def base(five, tmp_path_factory):
    """A small CNN with batch norm and dropout that knows the five: what the transfer tests start from."""
    out = tmp_path_factory.mktemp("grund") / "lauf"
    small = ("model.widths=[8,16]", "model.hidden=32")
    return gw.train("cnn", data=str(five), out=str(out), set=small, **SHORT)


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """refused(code, call) -> the error; the call must leave nothing behind where it was made."""
    monkeypatch.chdir(tmp_path)

    def check(code, call, left=()):
        before = sorted(p for p in tmp_path.rglob("*"))
        with pytest.raises(PersonError) as told:
            call()
        assert told.value.code == code, told.value
        assert sorted(p for p in tmp_path.rglob("*") if p.name not in left) == before
        return told.value

    return check
