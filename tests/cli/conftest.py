"""A small run and its data, made through the command line once, and a way to ask in this process."""

import json

import pytest

from glassworks.cli import main
from tests.api import pictures

SHORT = ["--size", "tiny", "--epochs", "2", "--threads", "1", "--quiet"]


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    return pictures.class_folders(tmp_path_factory.mktemp("cli data") / "d", count=10)


@pytest.fixture(scope="session")
def run(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("cli runs") / "one"
    assert main(["train", "cnn", "--data", str(data), "--out", str(out), *SHORT]) == 0
    return out


@pytest.fixture
def ask(capsys, monkeypatch):
    """ask("list", "--json") -> (exit code, what was printed as JSON or text, what was complained)."""

    monkeypatch.setenv("COLUMNS", "110")  # as wide as where nobody looks
    monkeypatch.setattr("glassworks.training.runtime.busy_cores", lambda: 0.0)  # it watches for 0.15 s

    def say(*words):
        capsys.readouterr()
        code = main([str(word) for word in words])
        out, complaint = capsys.readouterr()
        return code, json.loads(out) if "--json" in words and out else out, complaint

    return say
