"""The process that runs one answer and writes its rows, one line of JSON each, while they come.

    {"begun": true}
    {"row": ["the gradient", true, "As expected: `16`."]}
    {"done": true}

It comes to life in two ways: forked from a server that has torch loaded (`forking`), or as a fresh process
that waits with torch loaded for its one request (`fresh`; this module's `main`). Lines, never pickles, leave
it; a line "done" that is missing means that the answer ended the process.
"""

import contextlib
import importlib
import io
import json
import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, NoReturn

ENVIRONMENT = {
    # one thread before a fork, or the child waits for threads that it does not have; one answer, one core
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    # a GPU's driver maps more addresses than the limit on memory allows, and no exercise needs one
    "CUDA_VISIBLE_DEVICES": "",
}


def preload() -> None:
    """Import what every answer needs, without starting a thread."""
    import torch

    torch.set_num_threads(1)
    # The first optimiser of a process makes torch load its compiler, a second that no answer should wait for.
    torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    importlib.import_module("glassworks.reader.checking.answer")
    importlib.import_module("glassworks.reader.exercises.compare")


def run(request: dict[str, Any], results: int) -> NoReturn:
    """Judge the answer of `request` and end the process; lines go to the open file `results`.

    request: module and id of the exercise, answer (text), folder (to work in), limits
    """
    owner = os.getpid()

    def send(**line: Any) -> None:
        if os.getpid() != owner:  # a process that the answer forked has come back here
            os._exit(1)
        data = json.dumps(line).encode() + b"\n"
        while data:
            data = data[os.write(results, data) :]

    with contextlib.suppress(OSError):  # the answer may have closed every file: then nothing can be told
        _judge(request, send)
        with contextlib.suppress(ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        send(done=True)
    os.chdir(os.sep)
    shutil.rmtree(request["folder"], ignore_errors=True)  # should the book be gone by now
    os._exit(0)  # no thread of the answer is waited for


def _judge(request: dict[str, Any], send: Any) -> None:
    from glassworks.reader.checking.answer import judged
    from glassworks.reader.checking.limits import Limits, impose

    sys.stdin = io.TextIOWrapper(io.BytesIO())
    sys.stdout, sys.stderr = _printing(1), _printing(2)
    os.chdir(request["folder"])
    os.environ["TMPDIR"] = os.environ["TEMP"] = os.environ["TMP"] = request["folder"]
    tempfile.tempdir = None
    try:
        module = importlib.import_module(request["module"])
        exercise = next(item for item in module.EXERCISES if item.id == request["id"])
        send(begun=True)  # from here on the clock runs; loading torch is not the answer's time
        impose(Limits(**request["limits"]))
        for row in judged(exercise, request["answer"]):
            send(row=[row.name, row.passed, row.reason])
    except Exception as error:  # the exercise itself is broken; the reader is told that it is not their fault
        send(broken=f"{type(error).__name__}: {error}"[:500])


def _printing(file: int) -> io.TextIOWrapper:
    """What `print` writes to; by lines, so that an answer that is stopped has shown what it printed."""
    raw = io.FileIO(file, "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), "utf-8", "replace", line_buffering=True)


def main() -> NoReturn:
    """A fresh process: load torch, wait for one request on stdin; rows go to stdout, prints to stderr."""
    results = os.dup(1)
    os.dup2(2, 1)  # what the answer prints comes on stderr, so that stdout is for rows alone
    preload()
    line = sys.stdin.buffer.readline()
    if not line:
        os._exit(0)  # the book has ended without a question
    request = json.loads(line)
    inlet = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    threading.Thread(target=_end_with_the_book, args=(inlet, request["folder"]), daemon=True).start()
    run(request, results)


def _end_with_the_book(inlet: int, folder: str) -> None:
    """Wait until the book closes the pipe, which it does when it dies; then leave nothing behind."""
    os.read(inlet, 1)
    shutil.rmtree(Path(folder), ignore_errors=True)
    os._exit(1)


if __name__ == "__main__":
    main()
