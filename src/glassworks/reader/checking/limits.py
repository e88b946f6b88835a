"""What an answer may use: time, computing, memory, files, processes; set inside the child before it runs.

Linux has all of them. macOS does not enforce a limit on memory, so a thread watches it there. Windows has no
`resource`: wall time and the number of processes hold, memory only if psutil is installed; `not_limited`
says it in words. The first thing to change: the numbers of `Limits`.
"""

import importlib
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OUT_OF_MEMORY = 86  # the exit code of a child that the memory watch ended
OPENING = frozenset(
    ("os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile", "os.system", "subprocess.Popen")
)


@dataclass(frozen=True)
class Limits:
    """wall, cpu: seconds; memory: bytes above what the child has at its start; file_size: bytes;
    files: open at once; processes: others that an answer may start, which may start none;
    printed: bytes kept from the beginning, and again from the end, of what is printed."""

    wall: float = 8.0
    cpu: int = 6
    memory: int = 2 * 2**30
    files: int = 256
    file_size: int = 200_000_000
    processes: int = 4
    printed: int = 4096


def impose(limits: Limits) -> None:
    """Set the limits on this process and its children. Called once, in the child."""
    _limit_processes(limits.processes)
    if os.name == "nt":
        _watch_memory(limits.memory)
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = int(used.ru_utime + used.ru_stime) + limits.cpu
    _lower(resource.RLIMIT_CPU, cpu)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, limits.files)
    _lower(resource.RLIMIT_FSIZE, limits.file_size)
    if sys.platform == "linux":
        _lower(resource.RLIMIT_AS, _mapped() + limits.memory)
    else:
        _watch_memory(limits.memory)


def not_limited() -> str:
    """What does not hold on this system, in one sentence; empty where all limits hold."""
    if os.name != "nt":
        return ""
    if _measure() is None:
        return "On Windows an answer's memory is not limited (psutil is not installed), only its time."
    return "On Windows an answer's computing time and open files are not limited, only its time on the clock."


def _lower(kind: int, value: int) -> None:
    """Lower the soft and the hard limit; one that is lower already stays."""
    import resource

    soft, hard = resource.getrlimit(kind)
    low = [value, *(limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY)]
    resource.setrlimit(kind, (min(low), hard if kind == resource.RLIMIT_CPU else min(low)))


def _mapped() -> int:
    """Bytes of address space that this process has (Linux)."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _limit_processes(most: int) -> None:
    """Refuse to start more than `most` processes from here, and any from those.

    RLIMIT_NPROC counts all processes of the person, wherever they come from, and root has none: a hook on
    Python's own ways to start one is exact on every system.
    """
    started, owner = 0, os.getpid()

    def hook(event: str, details: tuple[Any, ...]) -> None:
        nonlocal started
        if event in OPENING:
            started += 1
            if started > most or os.getpid() != owner:
                raise RuntimeError(f"an answer may start {most} other processes at most, and these none")

    sys.addaudithook(hook)


def _watch_memory(most: int) -> None:
    """End this process when it has grown by more than `most` bytes, looking twenty times a second."""
    measure = _measure()
    if measure is None:
        return
    start = measure()

    def watch() -> None:
        while measure() - start <= most:
            time.sleep(0.05)
        os._exit(OUT_OF_MEMORY)

    threading.Thread(target=watch, daemon=True, name="memory").start()


def _measure() -> Callable[[], int] | None:
    """A function that gives the bytes that this process holds, None where nothing can tell."""
    if os.name != "nt":
        import resource

        unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, the others kilobytes
        return lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    try:
        psutil = importlib.import_module("psutil")
    except ImportError:
        return None
    process = psutil.Process()
    return lambda: process.memory_info().rss
