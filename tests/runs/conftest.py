"""Managers of toy workers, closed at the end; a worker finds the tests' modules by PYTHONPATH."""

from pathlib import Path

import pytest

from glassworks.runs.manager import Runs

ROOT = Path(__file__).parents[2]


@pytest.fixture
def open_runs(tmp_path, monkeypatch):
    """A function that opens a manager of toys on a folder below tmp_path."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    opened = []

    def open_one(name="runs", worker="tests.runs.toy_worker", most=1):
        opened.append(Runs(tmp_path / name, worker, most))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close(patience=5)


@pytest.fixture
def runs(open_runs):
    return open_runs()
