"""The worker's side of a run: a process of its own that takes one job, tells events, and ends.

It is started before there is a job, imports what takes long, and waits on its standard input without using
the processor. Then one line brings the job, a line "stop" asks it to stop, and the end of the input means
that whoever started it is gone, which is the same as being asked. To stop is to finish the step and to save:
the request goes the way of SIGTERM, which the training loop listens to, on every system.

The first thing to change: PATIENCE, where one step of a job takes longer than two minutes.
"""

import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from glassworks.core.errors import PersonError
from glassworks.core.files import only_one
from glassworks.runs.events import Event, EventLog
from glassworks.training.stopping import Stopped

T = TypeVar("T")
LOG = "worker.log"
LOCK = "worker.lock"  # held while a worker works on the run
STOP = "stop"
PATIENCE = 120.0  # seconds after which a job that does not stop is ended without saving
NICENESS = 10  # the book and the person's other programs come first
FIRST_TO_GO = "500"  # when memory runs out, Linux ends the worker before the book


class Tell:
    """Takes the events of one job: `tell({"kind": "say", "text": …})` adds the seconds since its start.

    stopping: whether the job was asked to stop; one that trains is stopped by itself, others may look here
    """

    def __init__(self, log: EventLog, asked: threading.Event):
        self.log, self.asked, self.began = log, asked, time.monotonic()

    def __call__(self, event: Event) -> None:
        self.log.append(event | {"seconds": round(time.monotonic() - self.began, 3)})

    @property
    def stopping(self) -> bool:
        return self.asked.is_set()


Job = Callable[[dict[str, Any], Path, Tell], dict[str, Any]]


def serve(jobs: dict[str, Job], warm: Callable[[], None] = lambda: None) -> None:
    """Be a worker: do the one job that comes by standard input, then end the process.

    jobs: by name, each called with (request, folder of the run, tell); what it returns becomes the fields of
        the event "done". It finds in the folder what an earlier attempt left, and goes on from there.
    warm: imports what the jobs need, before there is one
    """
    signal.signal(signal.SIGTERM, lambda number, frame: None)  # a stop before the job is seen in `_outcome`
    _step_back()
    ears = Ears()
    ears.start()
    warm()
    line = ears.job.get()
    if not line:
        return  # nobody is left who could bring a job
    told = json.loads(line)
    folder = Path(told["folder"])
    with (folder / LOG).open("ab") as log:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(log.fileno(), stream.fileno())
    _work(jobs, told, folder, ears)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)  # all is written, and taking torch apart would keep the next run waiting for a second


class Ears(threading.Thread):
    """Listens to standard input while the main thread works.

    job: receives the line with the job, or nothing (b"") when the input ended before one came
    asked: whether to stop; by_person: whether somebody asked, or the input just ended
    """

    def __init__(self) -> None:
        super().__init__(daemon=True, name="ears")
        self.job: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.asked, self.by_person = threading.Event(), False

    def run(self) -> None:
        # The file itself and not sys.stdin: a thread inside its lock would hold up the end of the process.
        with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as lines:
            first = lines.readline()
            self.job.put(first if first.endswith(b"\n") else b"")
            if first.endswith(b"\n"):
                self.by_person = lines.readline().strip() == STOP.encode()
                self._stop()

    def _stop(self) -> None:
        self.asked.set()
        interrupt()
        time.sleep(PATIENCE)
        os._exit(1)  # still here: the job does not listen, and nobody may be left to end it


def _step_back() -> None:
    """Let the book and the person's other programs come first. (On Windows the manager asks for this.)"""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    score = Path("/proc/self/oom_score_adj")
    if score.exists():
        score.write_text(FIRST_TO_GO, encoding="ascii")


def interrupt() -> None:
    """Have SIGTERM's handler run in the main thread, and wake that thread where the system can."""
    if hasattr(signal, "pthread_kill"):
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGTERM)
    else:
        signal.raise_signal(signal.SIGTERM)  # Windows: Python passes it on to the main thread


def _work(jobs: dict[str, Job], told: dict[str, Any], folder: Path, ears: Ears) -> None:
    """Do the job and tell how it ended: exactly one final event, unless the process is killed."""
    with only_one(folder / LOCK, "a run"):
        log = EventLog(folder)
        tell = Tell(log, ears.asked)
        tell({"kind": "begun", "job": told["job"], "when": round(time.time(), 3)})
        final = _outcome(jobs, told, folder, tell, ears)
        tell(final)
        log.close()


def _outcome(jobs: dict[str, Job], told: dict[str, Any], folder: Path, tell: Tell, ears: Ears) -> Event:
    """The final event of the job."""
    working = True

    def stop(number: int, _frame: FrameType | None) -> None:
        if working:  # outside of the training loop, which listens by itself while it runs
            raise Stopped(number, 0)

    try:
        signal.signal(signal.SIGTERM, stop)
        if ears.asked.is_set():  # before there was anybody to hear it
            raise Stopped(signal.SIGTERM, 0)
        result = find(jobs, told["job"])(told["request"], folder, tell)
        working = False
        return {"kind": "done"} | result
    except Stopped as stopped:
        working = False
        return {"kind": "stopped", "step": stopped.step, "asked": ears.by_person}
    except PersonError as error:
        working = False
        return failure(error)
    except Exception as error:
        working = False
        traceback.print_exc()
        return failure(fault(error, folder))


def find(jobs: Mapping[str, T], name: str) -> T:
    """The job of this name, or what belongs to it. Raises PersonError("no-such-job")."""
    if name not in jobs:
        raise PersonError(
            "no-such-job", expected=f"a job of this worker ({', '.join(jobs)})", got=f'"{name}"',
            fix="ask for one of these",
        )  # fmt: skip
    return jobs[name]


def failure(error: PersonError) -> Event:
    """The final event of a job that could not go on."""
    return {"kind": "failed"} | error.as_json()["error"]


def fault(error: Exception, folder: Path) -> PersonError:
    """What a person reads of a fault that is ours; the trace stands in the log alone."""
    return PersonError(
        "fault",
        expected="a run that ends by itself",
        got=f"a fault of Glassworks, not of yours ({type(error).__name__})",
        fix=f"start it again; if it comes back, report the last lines of {folder / LOG}",
    )
