"""From the verb to an open page: a port, a server that is started again should it die, and a browser.

A chapter is a thread of the server, so a crash in one (a library in C, memory that runs out) takes the
server with it. Therefore this process only holds the port and looks after another one, which serves: while
that one is started anew, requests wait in the port's queue, and the page says afterwards what happened.

The first thing to change: `TRIES`, how often a server that dies at once is started again.
"""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import webbrowser
from dataclasses import asdict, dataclass
from pathlib import Path

from glassworks.core.errors import PersonError, did_you_mean
from glassworks.reader.contents import contents
from glassworks.reader.progress import workspace

TRIES, WITHIN = 5, 60.0  # so many deaths within so many seconds end the book
LOOPBACK = ("127.0.0.1", "localhost", "::1")
EXTRA = ("marimo", "anywidget", "starlette", "uvicorn", "markdown", "pygments")


@dataclass(frozen=True)
class Service:
    """What the serving process is told. descriptor: of the socket it inherits, -1 to bind the port itself."""

    host: str
    port: int
    descriptor: int
    folder: str
    key: str | None
    code: bool


def open_book(chapter: str | None = None, *, port: int = 8400, folder: str | None = None) -> int:
    """Serve the book on this machine and open it in a browser, at home or at a chapter, until Ctrl-C.

    folder: where progress is kept; else $GLASSWORKS_BOOK, or the system's place for a person's data
    """
    require_extra()
    place = Path(folder).expanduser().resolve() if folder else workspace()
    return launch(
        address_of(chapter), host="127.0.0.1", port=port, browser=True, key=None, code=True, folder=place
    )


def address_of(chapter: str | None) -> str:
    """The page of a chapter by its slug or by the last part of it; home for None.

    Raises PersonError no-such-chapter or not-written-yet.
    """
    if chapter is None:
        return "/"
    wanted = chapter.strip("/").replace("-", "_")
    named = {one.name: one for one in contents().chapters}
    found = named.get(wanted) or contents().by_slug.get(wanted)
    ready = [one.name for one in contents().ready]
    if found is None:
        near = did_you_mean(wanted.rpartition("/")[2], named)
        raise PersonError(
            "no-such-chapter",
            expected=f"a chapter of the book, for example {ready[0]}",
            got=f'"{chapter}"',
            fix=near if near.startswith("did") else "glassworks book list shows all of them",
        )
    if not found.ready:
        raise PersonError(
            "not-written-yet",
            expected=f"a chapter that is ready: {', '.join(ready)}",
            got=f'"{found.title}", which is to come',
            fix="glassworks book list shows what there is",
        )
    return found.address


def launch(
    address: str, *, host: str, port: int, browser: bool, key: str | None, code: bool, folder: Path
) -> int:
    """Serve the book until Ctrl-C or SIGTERM; returns the exit code.

    address: the page to open first; key: needed where others can reach the port; code: whether answers with
    code run there. Raises PersonError missing-extra, not-a-folder, cannot-write, port-in-use, bad-address.
    """
    require_extra()
    if folder.exists() and not folder.is_dir():
        raise PersonError(
            "not-a-folder", expected="a folder for progress and runs", got=f"{folder}, which is a file",
            fix="choose another with --folder",
        )  # fmt: skip
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PersonError(
            "cannot-write", expected="a folder that can be made, for progress and runs",
            got=f"{folder}: {error.strerror}", fix="choose another with --folder",
        ) from error  # fmt: skip
    loopback = host in LOOPBACK
    if not loopback and not key:
        key = secrets.token_urlsafe(12)
    listening = _bind(host, port)
    port = listening.getsockname()[1]
    inherits = os.name == "posix"
    service = Service(
        host, port, listening.fileno() if inherits else -1, str(folder), key, code if not loopback else True
    )
    if not inherits:
        listening.close()
    here = f"http://{'127.0.0.1' if host in ('0.0.0.0', 'localhost') else host}:{port}"
    link = f"{here}{address}" + (f"?key={key}" if key else "")
    keeper = Keeper(service, pass_on=listening if inherits else None)
    print(f"Secrets of AI Models: {link}  (Ctrl-C stops)", flush=True)
    if browser:
        threading.Thread(target=_open, args=(f"{here}/api/health", link, key), daemon=True).start()
    return keeper.run()


class Keeper:
    """Starts the server, starts it again when it dies, and ends it when it is asked to."""

    def __init__(self, service: Service, pass_on: socket.socket | None):
        self.service, self.pass_on = service, pass_on
        self.child: subprocess.Popen | None = None
        self.asked = 0

    def run(self) -> int:
        before = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        deaths: list[float] = []
        try:
            while not self.asked:
                self.child = self._start()
                code = self.child.wait()
                if self.asked or code == 0:
                    break
                now = time.monotonic()
                deaths = [*(death for death in deaths if now - death < WITHIN), now]
                if len(deaths) >= TRIES:
                    print("glassworks: the book's server does not stay alive; see above", file=sys.stderr)
                    return 1
                print("glassworks: the book's server died and is started again", file=sys.stderr, flush=True)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            if self.pass_on is not None:
                self.pass_on.close()
        return 128 + self.asked if self.asked else 0

    def _start(self) -> subprocess.Popen:
        words = [sys.executable, "-m", "glassworks.reader.serving", json.dumps(asdict(self.service))]
        kept = [self.service.descriptor] if self.service.descriptor >= 0 else []
        # Each page is a thread, and glibc gives threads heaps of their own that never shrink: two are enough.
        environment = {"MALLOC_ARENA_MAX": "2"} | os.environ
        # stdin is a pipe whose end tells the server that its keeper is gone.
        return subprocess.Popen(
            words, stdin=subprocess.PIPE, pass_fds=kept, start_new_session=True, env=environment
        )

    def _ask(self, number: int, frame: object) -> None:
        self.asked = self.asked or number
        if self.child is not None:
            with contextlib.suppress(ProcessLookupError):
                self.child.terminate()


def require_extra() -> None:
    """Raises PersonError("missing-extra") when a package of the book is not installed."""
    import importlib.util

    missing = [name for name in EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        raise PersonError(
            "missing-extra",
            expected="the packages of the book",
            got=f"no {', '.join(missing)}",
            fix='pip install "glassworks[book]"',
        )


def _bind(host: str, port: int) -> socket.socket:
    from glassworks.deploy.listen import bind

    listening = bind(host, port)
    listening.listen(128)
    listening.set_inheritable(True)
    return listening


def _open(health: str, link: str, key: str | None) -> None:
    """Open the browser as soon as the server answers."""
    for _ in range(100):
        with contextlib.suppress(OSError):
            if key is None:
                urllib.request.urlopen(health, timeout=5).close()  # this book's own address
            webbrowser.open(link)
            return
        time.sleep(0.1)
