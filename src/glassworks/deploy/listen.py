"""From an application to a process that listens, says so in one line, and stops as it was told to.

It binds to this machine alone unless a key is set. SIGTERM and Ctrl-C stop accepting, finish what is in and
end with 143 and 130, as shells expect; a model that hangs or cannot warm up ends it with 1. Should the whole
interpreter be stuck (a library that never lets go of it), a clock in C ends the process all the same.

Source: uvicorn's `server.py`, whose own signal handling ends with the signal instead of a code.
The first thing to change: `Settings` in `server.py`.
Command: glassworks serve RUN
"""

import contextlib
import errno
import faulthandler
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from glassworks.core.errors import PersonError
from glassworks.deploy.connections import protocol
from glassworks.deploy.server import Serving, Settings, application, missing_extra
from glassworks.deploy.service import Service

LAST_WORDS = 0.5  # seconds for answers under way to leave before a hung process ends
SWITCH = 0.0005  # seconds; at Python's 0.005 each send and recv may wait that long for the model thread
TICKS = 10  # uvicorn ticks ten times a second


def serve(service: Service, settings: Settings, say: Callable[[str], None] | None = None) -> int:
    """Serve until stopped; returns the exit code: 143 after SIGTERM, 130 after Ctrl-C, 1 after a failure.

    say: gets the one line with the address when the model is ready (default: print).
    Raises PersonError: missing-extra, key-needed, port-in-use, bad-address.
    """
    try:
        import uvicorn
    except ImportError as error:
        raise missing_extra() from error
    check_exposure(settings)
    listening = bind(settings.host, settings.port)
    serving = Serving(service, settings)
    config = uvicorn.Config(
        application(service, settings, serving), http=protocol(settings.patience, serving.refused_early),
        ws="none", lifespan="on",
        loop="asyncio", log_config=None, log_level="critical", access_log=False, server_header=False,
        proxy_headers=False, timeout_keep_alive=max(5, int(settings.patience)),
        timeout_graceful_shutdown=max(1, int(settings.drain)),
    )  # fmt: skip
    server = _server(config, settings.hang)
    address = url(settings.host, listening.getsockname()[1])
    line = f"serving {service.name} at {address} (Ctrl-C stops)"
    serving.on_ready = lambda: (say or _print)(line)
    serving.on_failure = lambda why: server.failed(why, hard=serving.batcher.hung)
    with listening, quick_switches():
        server.run(sockets=[listening])
    return server.code


def check_exposure(settings: Settings) -> None:
    """Others may reach the port only with a key. Raises PersonError("key-needed")."""
    if not settings.loopback and not settings.key:
        raise PersonError(
            "key-needed",
            expected="a key when others can reach the server",
            got=f"--host {settings.host} without one",
            fix="set a key, or leave out --host: then only this machine can ask",
        )


def bind(host: str, port: int) -> socket.socket:
    """A socket at that address. Raises PersonError port-in-use or bad-address."""
    if not 0 <= port <= 65_535:
        raise PersonError(
            "bad-value", expected="a port from 0 to 65535", got=f"{port}", fix="0 takes any free one"
        )
    name = host.strip("[]")
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    # Named as TCP, or asyncio would not turn off Nagle's waiting, and each answer would take 40 ms longer.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":  # on Windows the same flag would let two servers share a port
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((name, port))
    except OSError as error:
        listening.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            used = error.errno == errno.EADDRINUSE
            raise PersonError(
                "port-in-use",
                expected=f"port {port} to be free" if used else f"leave to listen on port {port}",
                got="another program on it" if used else "none",
                fix="choose another: --port 0 takes any free one",
            ) from error
        raise PersonError(
            "bad-address", expected="an address of this machine", got=host,
            fix="127.0.0.1 for this machine alone, 0.0.0.0 for all its networks",
        ) from error  # fmt: skip
    return listening


def url(host: str, port: int) -> str:
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host.strip("[]"), host.strip("[]"))
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


@contextlib.contextmanager
def quick_switches() -> Iterator[None]:
    """Let the event loop have the interpreter back sooner, while it is shared with the model thread."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _print(line: str) -> None:
    print(line, flush=True)


def _server(config: Any, hang: float) -> Any:
    from uvicorn import Server

    class Stoppable(Server):
        """Uvicorn's server with exit codes, and with a clock that does not need the interpreter."""

        code = 0

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            if threading.current_thread() is not threading.main_thread():
                yield
                return
            handled = (signal.SIGINT, signal.SIGTERM)
            before = {number: signal.signal(number, self.handle_exit) for number in handled}
            try:
                yield
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)
                faulthandler.cancel_dump_traceback_later()

        def handle_exit(self, number: int, frame: Any) -> None:
            self.force_exit = self.should_exit and number == signal.SIGINT  # the second Ctrl-C
            self.code = self.code or 128 + number
            self.should_exit = True

        async def on_tick(self, counter: int) -> bool:
            if counter % TICKS == 0 and _has_stderr():
                faulthandler.dump_traceback_later(hang + TICKS, exit=True)
            return await super().on_tick(counter)

        def failed(self, why: str, *, hard: bool) -> None:
            """End with 1; hard: without waiting for a thread that will not end."""
            print(f"the server ends: {why}", file=sys.stderr, flush=True)
            self.code, self.should_exit = 1, True
            if hard:
                threading.Timer(LAST_WORDS, os._exit, [1]).start()

    return Stoppable(config)


def _has_stderr() -> bool:
    try:
        return sys.stderr.fileno() >= 0
    except (AttributeError, OSError, ValueError):
        return False
