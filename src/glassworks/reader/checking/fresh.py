"""Children without fork: one fresh process waits with torch loaded, and does one answer.

Where there is no safe fork (Windows, macOS) a process is started ahead of the question, because loading torch
takes seconds. After its answer it ends and the next one is started. Costs more than a fork, works everywhere.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from glassworks.reader.checking import child


class Spares:
    """Keeps one process waiting; `start` takes it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.spare: subprocess.Popen | None = None
        self.closed = False

    def warm(self) -> None:
        """Have a process waiting."""
        with self.lock:
            if self.spare is None or self.spare.poll() is not None:
                self.spare = _fresh()

    def start(self, request: dict[str, Any]) -> "FreshJob":
        """A process at work on `request`."""
        with self.lock:
            process, self.spare = self.spare, None
        if process is None or process.poll() is not None:
            process = _fresh()
        folder = Path(tempfile.mkdtemp(prefix="glassworks-check-"))
        job = FreshJob(self, process, folder)
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps({**request, "folder": str(folder)}).encode() + b"\n")
            process.stdin.flush()  # it stays open: its end tells the child that the book has died
        except BaseException:
            job.end()
            raise
        return job

    def close(self) -> None:
        with self.lock:
            process, self.spare, self.closed = self.spare, None, True
        if process is not None:
            _end(process)


class FreshJob:
    """One process: rows and prints to read, `end()` kills what is left of it and gives its exit code."""

    def __init__(self, spares: Spares, process: subprocess.Popen, folder: Path):
        self.spares, self.process, self.folder = spares, process, folder
        self.rows: Any = process.stdout
        self.printed: Any = process.stderr

    def end(self) -> int:
        code = _end(self.process)
        shutil.rmtree(self.folder, ignore_errors=True)
        if not self.spares.closed:
            self.spares.warm()
        return code


def _fresh() -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-P", "-X", "utf8", "-m", child.__name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        env={**os.environ, **child.ENVIRONMENT},
        start_new_session=True,
    )


def _end(process: subprocess.Popen) -> int:
    """Kill the process and, where the system knows groups, what it started; its exit code."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.name == "nt":
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
    code = process.wait()
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    return code
