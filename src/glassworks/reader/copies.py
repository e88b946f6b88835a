"""A chapter to change: a copy in the reader's folder, opened in marimo's editor on a port of its own.

The installed file is never touched. Editors are child processes of the book: it starts them, lists them, and
ends them when it ends. An editor runs any code, so it listens on this machine alone, behind a token, and only
where the book may run code at all.

Source: `marimo edit --help`.
The first thing to change: `MOST`, how many editors may be open.
"""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from glassworks.core.errors import PersonError
from glassworks.core.files import write_text
from glassworks.reader.contents import Chapter
from glassworks.reader.plain import path_of

MOST = 4
START = 20.0  # seconds an editor may take to answer
# Without this an editor shows a chapter whose cells have not run.
SETTINGS = '[tool.marimo.runtime]\nauto_instantiate = true\n\n[tool.marimo.display]\ntheme = "system"\n'


@dataclass(frozen=True)
class Editor:
    """An open editor. address: with its token, for this reader alone."""

    slug: str
    path: Path
    address: str
    process: subprocess.Popen

    @property
    def alive(self) -> bool:
        return self.process.poll() is None


class Copies:
    """The copies of one reader. folder: where they lie, "my_book" in the workspace."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._open: dict[str, Editor] = {}
        self._lock = threading.Lock()

    def copy(self, chapter: Chapter) -> Path:
        """The reader's copy of a chapter; made when there is none, never written over."""
        path = self.folder / f"{chapter.slug}.py"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path_of(chapter.slug), path)
        if not (self.folder / "pyproject.toml").exists():
            write_text(self.folder / "pyproject.toml", SETTINGS)
        return path

    def open(self, chapter: Chapter) -> Editor:
        """An editor on the copy of a chapter. Raises PersonError too-many-editors, editor-failed."""
        with self._lock:
            self._open = {slug: editor for slug, editor in self._open.items() if editor.alive}
            if chapter.slug in self._open:
                return self._open[chapter.slug]
            if len(self._open) >= MOST:
                raise PersonError(
                    "too-many-editors",
                    expected=f"at most {MOST} open copies",
                    got=", ".join(self._open),
                    fix="end one of them: Shutdown in the menu of its editor",
                )
            editor = _start(chapter.slug, self.copy(chapter))
            self._open[chapter.slug] = editor
            return editor

    def opened(self) -> list[Editor]:
        """The editors that are open."""
        with self._lock:
            return [editor for editor in self._open.values() if editor.alive]

    def close(self, slug: str = "") -> None:
        """End the editor of a chapter, or all of them. What was written in them is saved by the editor."""
        with self._lock:
            for name in [slug] if slug else list(self._open):
                editor = self._open.pop(name, None)
                if editor is not None and editor.alive:
                    editor.process.terminate()
                    try:
                        editor.process.wait(5)
                    except subprocess.TimeoutExpired:
                        editor.process.kill()


def _start(slug: str, path: Path) -> Editor:
    """marimo's editor on a free port of this machine; returns when it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_urlsafe(16)
    words = [
        sys.executable,
        "-m",
        "marimo",
        "--quiet",
        "edit",
        str(path),
        "--headless",
        "--skip-update-check",
    ]
    with tempfile.TemporaryDirectory() as folder:  # not on the command line, where others could read it
        secret = Path(folder) / "token"
        secret.touch(mode=0o600)
        secret.write_text(token, encoding="utf-8")
        words += ["--host", "127.0.0.1", "--port", str(port), "--token", "--token-password-file", str(secret)]
        process = subprocess.Popen(
            words,
            cwd=path.parents[1],
            env={**os.environ, "MARIMO_SKIP_UPDATE_CHECK": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _wait_for(process, port)
    return Editor(slug, path, f"http://127.0.0.1:{port}/?access_token={token}", process)


def _wait_for(process: subprocess.Popen, port: int) -> None:
    """Return when the port answers. Raises PersonError("editor-failed")."""
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    process.kill()
    raise PersonError(
        "editor-failed",
        expected=f"marimo's editor to answer within {START:g} seconds",
        got="no answer",
        fix="try `marimo edit` with that file in a terminal to see why",
    )
