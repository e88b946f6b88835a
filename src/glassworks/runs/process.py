"""A worker as its manager sees it: a process that hears one job, then perhaps "stop", by its standard input.

Nothing is shared but that pipe and files. When the manager is killed the system closes the pipe, and the
worker knows. It is started fresh, never forked, so that it works on every system and holds nothing of the
book's memory, sockets or locks; and with one thread fewer than there are cores, at low priority, so that the
book still answers while it works.

The first thing to change: `threads`, how many cores a run leaves to everything else.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from glassworks.core.processes import cores
from glassworks.runs.worker import STOP

THREADS = "OMP_NUM_THREADS"


class Worker:
    """Starts `python -m module`, which imports what it needs and waits.

    log: file for what it prints before it has a job
    """

    def __init__(self, module: str, log: Path):
        flags = 0
        if sys.platform == "win32":
            flags = (
                subprocess.BELOW_NORMAL_PRIORITY_CLASS
                | subprocess.CREATE_NEW_PROCESS_GROUP
                | subprocess.CREATE_NO_WINDOW
            )
        with log.open("wb") as printed:
            self.process = subprocess.Popen(
                # -P: files beside the reader's, such as an own random.py, are no modules of the worker
                [sys.executable, "-P", "-m", module],
                stdin=subprocess.PIPE,
                stdout=printed,
                stderr=printed,
                env=os.environ | {THREADS: str(threads())},
                start_new_session=True,  # Ctrl-C in the terminal is for the book, which then asks to stop
                creationflags=flags,
            )

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def give(self, job: dict[str, Any]) -> bool:
        """Hand over the job; False when the worker is gone."""
        return self._say(json.dumps(job))

    def ask_to_stop(self) -> None:
        """Ask it to finish the step, save and end. One that has just ended needs no asking."""
        self._say(STOP)

    def let_go(self) -> None:
        """Close its input: without a job it ends, with one it stops, as if its manager had been killed."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.close()
        except OSError:
            return  # it ended before; what was still to be sent has nobody to read it

    def wait(self) -> int:
        """Until it has ended; returns its exit code, negative for the signal that ended it."""
        code = self.process.wait()
        self.let_go()
        return code

    def kill(self) -> None:
        self.process.kill()

    def _say(self, line: str) -> bool:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except (OSError, ValueError):  # ValueError: closed on our side, because it has ended
            return False
        return self.alive


def threads() -> int:
    """Threads of torch in a worker: a core is left to the book, and what the person set is not exceeded."""
    most = max(1, cores() - 1)
    wanted = os.environ.get(THREADS, "").split(",")[0]
    return min(most, int(wanted)) if wanted.isdecimal() and int(wanted) else most
