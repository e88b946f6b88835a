"""The book's side of a check: queue, clock, rows as they come, and in plain words how it ended.

At most two answers run at a time, the others wait. A check returns within its wall time whatever the answer
does, because the answer's process is killed from outside. Safe for many threads; blocks the calling one.
The first thing to change: `AT_ONCE`, on a machine with many cores and many readers.
"""

import atexit
import contextlib
import functools
import json
import signal
import sys
import threading
import time
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, Protocol

from glassworks.core.errors import PersonError
from glassworks.reader import exercises
from glassworks.reader.checking.limits import OUT_OF_MEMORY, Limits
from glassworks.reader.exercises.kinds import CodeExercise, Row, judge

AT_ONCE = 2
LONGEST = 50_000  # characters of an answer
MOST_ROWS, LONGEST_REASON = 60, 4000
LOADING = 120.0  # seconds for a fresh process to load torch, on the slowest disk


@dataclass(frozen=True)
class Checked:
    """rows: in the order of the check; printed: what the answer printed, cut in the middle; seconds: on the
    clock, without waiting in the queue; stopped: why the answer did not come to its end, None if it did."""

    rows: tuple[Row, ...]
    passed: bool
    printed: str = ""
    seconds: float = 0.0
    stopped: str | None = None


class Job(Protocol):
    """A child at work: two streams to read until they end, and `end()` to kill what is left of it."""

    rows: BinaryIO
    printed: BinaryIO

    def end(self) -> int: ...


class Source(Protocol):
    """Where children come from: `forking.Forks` or `fresh.Spares`."""

    def warm(self) -> None: ...
    def start(self, request: dict[str, Any]) -> Any: ...
    def close(self) -> None: ...


class Checker:
    """Judges answers in child processes.

    forks: None chooses: a fork server on Linux, fresh processes elsewhere
    """

    def __init__(self, limits: Limits | None = None, at_once: int = AT_ONCE, forks: bool | None = None):
        self.limits = limits or Limits()
        self.turns = threading.BoundedSemaphore(at_once)
        self.source = _source(sys.platform == "linux" if forks is None else forks)

    def warm(self) -> None:
        """Begin to load torch for the first check; returns at once."""
        self.source.warm()

    def close(self) -> None:
        """End the processes; a later check starts new ones."""
        self.source.close()

    def check(self, exercise_id: str, answer: Any, stop: threading.Event | None = None) -> Checked:
        """Judge an answer to any exercise of the book; code runs in a child.

        answer: the code; or a number, or the place or text of a choice
        stop: set it from another thread to end the check early
        Raises PersonError for an unknown exercise.
        """
        exercise = exercises.find(exercise_id)
        if not isinstance(exercise, CodeExercise):
            rows = tuple(judge(exercise, answer))
            return Checked(rows, all(row.passed for row in rows))
        return self.run(exercises.module_of(exercise_id), exercise_id, answer, stop)

    def run(self, module: str, exercise_id: str, answer: str, stop: threading.Event | None = None) -> Checked:
        """Like `check`, for the code exercise with this id in the tuple EXERCISES of `module`."""
        if not isinstance(answer, str) or len(answer) > LONGEST:
            raise PersonError(
                "answer-too-long",
                expected=f"code of at most {LONGEST:,} characters",
                got=f"{len(answer):,} characters" if isinstance(answer, str) else type(answer).__name__,
                fix="keep only what the exercise asks for",
            )
        stop = stop or threading.Event()
        while not self.turns.acquire(timeout=0.2):
            if stop.is_set():
                return Checked((), False, stopped="Stopped before it began.")
        try:
            return self._supervise(
                {"module": module, "id": exercise_id, "answer": answer, "limits": asdict(self.limits)}, stop
            )
        finally:
            self.turns.release()

    def _supervise(self, request: dict[str, Any], stop: threading.Event) -> Checked:
        try:
            job: Job = self.source.start(request)
        except (OSError, EOFError) as error:
            return Checked(
                (), False, stopped=f"No process could be started for the check: {error}. Try again."
            )
        lines, printed = Lines(job.rows), Printed(job.printed, self.limits.printed)
        while not lines.over.wait(0.1) and not stop.is_set():
            if lines.seconds() > (self.limits.wall if lines.begun else LOADING):
                break
        seconds, late = lines.seconds(), not lines.over.is_set()
        try:
            code = job.end()
        except (OSError, EOFError):
            code = None
        lines.close()
        printed.close()
        stopped = lines.broken
        if not stopped and not lines.done:
            stopped = ended(code, late, stop.is_set(), seconds, self.limits)
        passed = not stopped and bool(lines.rows) and all(row.passed for row in lines.rows)
        return Checked(tuple(lines.rows), passed, printed.text(), seconds, stopped or None)


def ended(code: int | None, late: bool, by_person: bool, seconds: float, limits: Limits) -> str:
    """Why an answer did not come to its end, in words. code: of the process, negative for a signal."""
    if by_person and late:
        return f"Stopped by you after {seconds:.1f} s."
    if late:
        return f"Stopped after {limits.wall:g} s: it was still running. Is there a loop that never ends?"
    if code is None:
        return "The process that checks answers was ended from outside. Check again."
    name = _signal_name(code)
    if name == "SIGXCPU":
        return f"Stopped after {limits.cpu} s of computing. Is there a loop that never ends, or a slow one?"
    if code == OUT_OF_MEMORY:
        size = limits.memory / 2**30
        return f"Stopped: it took more than {size:.3g} GB of memory. How large is what it makes?"
    if name == "SIGKILL":
        return (
            "The answer's process ended without a result, most likely because the machine ran out of memory."
        )
    if name or code > 255:
        told = f" ({name})" if name else ""
        return (
            f"Python itself crashed{told}: no line can be named. Look at calls into C, or endless recursion."
        )
    return (
        f"The answer ended the program (exit code {code}) before the check was done. Leave out what ends it."
    )


class Lines:
    """Reads the rows of a child in a thread of its own. `over` is set when it is done or its pipe ends."""

    def __init__(self, stream: BinaryIO):
        self.stream = stream
        self.rows: list[Row] = []
        self.begun, self.done, self.broken = False, False, ""
        self.since = time.perf_counter()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._read, daemon=True, name="check-rows")
        self.thread.start()

    def seconds(self) -> float:
        """How long the answer has been running; before that, how long it has been waited for."""
        return time.perf_counter() - self.since

    def close(self) -> None:
        _close(self.thread, self.stream)

    def _read(self) -> None:
        try:
            while not self.done and (line := self.stream.readline(1 << 20)):
                self._take(line)
        except (OSError, ValueError) as error:
            self.broken = f"The rows of the check could not be read: {error}."
        finally:
            self.over.set()

    def _take(self, line: bytes) -> None:
        match json.loads(line):
            case {"begun": True}:
                self.begun, self.since = True, time.perf_counter()
            case {"done": True}:
                self.done = True
            case {"row": [str(name), bool(passed), str(reason)]} if len(self.rows) < MOST_ROWS:
                self.rows.append(Row(_plain(name), passed, _plain(reason[:LONGEST_REASON])))
            case {"broken": str(why)}:
                self.broken = f"This exercise is broken, which is not your fault: {_plain(why)}"


class Printed:
    """Reads what a child prints in a thread of its own; keeps `most` bytes of the beginning and the end."""

    def __init__(self, stream: BinaryIO, most: int):
        self.stream, self.most = stream, most
        self.head, self.tail, self.count = b"", b"", 0
        self.thread = threading.Thread(target=self._read, daemon=True, name="check-prints")
        self.thread.start()

    def close(self) -> None:
        _close(self.thread, self.stream)

    def text(self) -> str:
        """What was printed, with the number of bytes that were left out in the middle."""
        left_out = self.count - len(self.head) - len(self.tail)
        between = f"\n… {left_out:,} bytes left out …\n" if left_out else ""
        return self.head.decode(errors="replace") + between + self.tail.decode(errors="replace")

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # closed under the reader: what came is kept
            while piece := self.stream.read(1 << 16):
                self.count += len(piece)
                room = self.most - len(self.head)
                self.head += piece[:room]
                self.tail = (self.tail + piece[room:])[-self.most :] if room < len(piece) else self.tail


def _close(thread: threading.Thread, stream: BinaryIO) -> None:
    """Wait for the reader, then close. A process that escaped may hold the pipe: its reader is left to it."""
    thread.join(2)
    if not thread.is_alive():
        stream.close()


def _plain(text: str) -> str:
    """Text that can be sent as UTF-8: halves of characters become question marks."""
    return text.encode("utf-8", "replace").decode()


def _signal_name(code: int) -> str:
    try:
        return signal.Signals(-code).name if code < 0 else ""
    except ValueError:
        return f"signal {-code}"


def _source(forks: bool) -> Source:
    if forks:
        from glassworks.reader.checking.forking import Forks

        return Forks()
    from glassworks.reader.checking.fresh import Spares

    return Spares()


@functools.cache
def shared() -> Checker:
    """The checker that all pages of this process use; it ends with the process."""
    checker = Checker()
    atexit.register(checker.close)
    return checker


def check(exercise_id: str, answer: Any, stop: threading.Event | None = None) -> Checked:
    """`Checker.check` of the shared checker."""
    return shared().check(exercise_id, answer, stop)


def warm() -> None:
    """Load torch for the first check, in the background."""
    shared().warm()


def close() -> None:
    """End the shared checker's processes."""
    shared().close()
