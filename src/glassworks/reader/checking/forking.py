"""Children by fork: a small server process has torch loaded, each answer gets a copy of it in milliseconds.

The server does nothing but fork, kill and count: requests come over a socket as JSON with the two open pipes
of the child beside them, so rows and prints go from the child straight to the book. It has a single thread,
because a fork copies no other. It ends when the book does, killed or not, and takes its children and
temporary folders along.

Source: the idea of a fork server, as in Python's multiprocessing, without its pickles. Linux only: on macOS
system libraries do not survive a fork, on Windows there is none (see `fresh`).
"""

import contextlib
import importlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from glassworks.reader.checking import child

START = 120.0  # seconds for the server to load torch, on the slowest disk
HEAD = 8  # digits of the length that stands before each message


class Forks:
    """The book's side: starts the server when it is first needed, and again if it has died."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.process: subprocess.Popen | None = None
        self.socket: socket.socket | None = None
        self.folder = ""
        self.jobs = 0

    def warm(self) -> None:
        """Start the server without waiting for it."""
        with self.lock:
            self._server()

    def start(self, request: dict[str, Any]) -> "ForkedJob":
        """A child at work on `request`. Raises OSError when there is no server to be had."""
        with self.lock:
            try:
                return self._start(request)
            except (OSError, EOFError):  # the server was killed since the last answer: one more try, afresh
                self._end()
                return self._start(request)

    def end(self, job: int) -> int:
        """Kill what is left of a job; its exit code, negative for a signal. OSError without a server."""
        with self.lock:
            if self.socket is None:
                raise OSError("the server of the checks has ended")
            send(self.socket, {"end": job})
            return int(receive(self.socket)[0]["code"])

    def close(self) -> None:
        with self.lock:
            self._end()

    def _start(self, request: dict[str, Any]) -> "ForkedJob":
        door = self._server()
        if not self.folder:
            self.folder = receive(door)[0]["folder"]  # its first message: it is ready
        self.jobs += 1
        rows_out, rows_in = os.pipe()
        print_out, print_in = os.pipe()
        try:
            send(door, {"run": self.jobs, **request}, [rows_in, print_in])
            receive(door)
        except BaseException:
            os.close(rows_out)
            os.close(print_out)
            raise
        finally:
            os.close(rows_in)
            os.close(print_in)
        return ForkedJob(self, self.jobs, os.fdopen(rows_out, "rb"), os.fdopen(print_out, "rb", buffering=0))

    def _server(self) -> socket.socket:
        if self.process is not None and self.process.poll() is not None:
            self._end()
        if self.socket is None:
            ours, theirs = socket.socketpair()
            ours.settimeout(START)
            name = f"{__package__}.forking"
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-X", "utf8", "-m", name, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**os.environ, **child.ENVIRONMENT},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C in the terminal is for the book, which then ends this
            )
            theirs.close()
            self.socket, self.folder = ours, ""
        return self.socket

    def _end(self) -> None:
        if self.socket is not None:
            self.socket.close()
        if self.process is not None:
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)  # the server does it, unless it was killed
        self.process, self.socket, self.folder = None, None, ""


class ForkedJob:
    """One child: rows and prints to read, `end()` kills what is left of it and gives its exit code."""

    def __init__(self, forks: Forks, number: int, rows: BinaryIO, printed: Any):
        self.forks, self.number, self.rows, self.printed = forks, number, rows, printed

    def end(self) -> int:
        return self.forks.end(self.number)


def send(door: socket.socket, message: dict[str, Any], files: list[int] | None = None) -> None:
    """One message: its length in eight digits, with which the open files travel, then JSON."""
    data = json.dumps(message).encode()
    head = f"{len(data):0{HEAD}}".encode()
    if files:
        socket.send_fds(door, [head], files)
    else:
        door.sendall(head)
    door.sendall(data)


def receive(door: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """The next message and the files that came with it. Raises EOFError when the other side has ended."""
    head, files, _, _ = socket.recv_fds(door, HEAD, 2)
    head += _exactly(door, HEAD - len(head)) if head else b""
    if not head:
        raise EOFError("the other side has ended")
    return json.loads(_exactly(door, int(head))), list(files)


def _exactly(door: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = door.recv(min(count - len(data), 1 << 16))
        if not piece:
            raise EOFError("the other side has ended")
        data += piece
    return data


class Server:
    """The server process: forks on "run", kills on "end", ends with the book."""

    def __init__(self, door: socket.socket, base: Path):
        self.door, self.base = door, base
        self.children: dict[int, int] = {}  # job -> process

    def serve(self) -> None:
        """Answer messages until the book is gone; then end every child."""
        try:
            send(self.door, {"folder": str(self.base)})
            while True:
                message, files = receive(self.door)
                if "run" in message:
                    self._fork(message, files)
                    send(self.door, {"started": message["run"]})
                else:
                    send(self.door, {"code": self._end(message["end"])})
        except (EOFError, ConnectionError):
            pass  # the book has ended
        finally:
            for job in list(self.children):
                self._end(job)

    def _fork(self, message: dict[str, Any], files: list[int]) -> None:
        # A broken module is told by the child, where it fails again and can say so.
        with contextlib.suppress(Exception):
            importlib.import_module(message["module"])  # once here, not in every child
        folder = self.base / str(message["run"])
        folder.mkdir()
        server = os.getpid()
        process = os.fork()
        if process == 0:
            try:
                self._become_child({**message, "folder": str(folder)}, files, server)
            finally:
                os._exit(70)
        self.children[message["run"]] = process
        for file in files:
            os.close(file)

    def _become_child(self, request: dict[str, Any], files: list[int], server: int) -> NoReturn:
        os.setsid()  # a group of its own, to be killed as one
        tell_kernel(PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server:
            os._exit(1)  # the server died before the line above
        self.door.close()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(files[1], 1)
        os.dup2(files[1], 2)
        os.close(files[1])
        child.run(request, files[0])

    def _end(self, job: int) -> int:
        process = self.children.pop(job)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)  # one that has ended by itself keeps its exit code
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)  # in case it had no group of its own yet
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        if not self.children:
            self._end_orphans()
        shutil.rmtree(self.base / str(job), ignore_errors=True)
        return code

    def _end_orphans(self) -> None:
        """Processes that an answer left behind in a group of their own have become children of this one."""
        ours = Path(f"/proc/self/task/{os.getpid()}/children")
        while ours.exists() and (left := ours.read_text(encoding="ascii").split()):
            for process in map(int, left):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)


PDEATHSIG, SUBREAPER = 1, 36  # from linux/prctl.h


def tell_kernel(option: int, value: int) -> None:
    """prctl(option, value): Linux alone knows it, and this module runs only there."""
    import ctypes

    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def main() -> None:
    tell_kernel(SUBREAPER, 1)
    child.preload()
    base = Path(
        tempfile.mkdtemp(prefix="glassworks-check-")
    )  # not before: loading may be cut short by a kill
    try:
        Server(socket.socket(fileno=int(sys.argv[1])), base).serve()
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
