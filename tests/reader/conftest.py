"""A book that is served for real, on a folder of its own, and a browser to read it with if there is one."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.reader.browsers import MISSING, chromium

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync")  # fmt: skip


@contextmanager
def served(folder: Path, *words: str, cwd: Path | None = None) -> Iterator[tuple[str, subprocess.Popen]]:
    """(address, process) of `glassworks book` on that folder, started in `cwd`; it is ended afterwards."""
    command = [sys.executable, "-m", "glassworks", "book", "--no-browser", "--port", "0"]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [*command, "--folder", str(folder), *words],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=cwd,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"(http://\S+?)/(\S*)", line)
        assert found, f"no address in {line!r}"
        yield found[1], process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


@pytest.fixture(scope="session")
def book(tmp_path_factory) -> Iterator[str]:
    """The address of a book, without a slash at its end."""
    with served(tmp_path_factory.mktemp("reader")) as (address, _):
        yield address


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium; tests that use it are skipped where there is none.

    It ends with its file: while it lives, an event loop runs in this thread, and tests with loops of their
    own fail.
    """
    program = chromium()
    if program is None:
        pytest.skip(MISSING)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield launched
        launched.close()
