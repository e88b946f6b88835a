"""A server measured on the person's own model: what it bears, and what it does with ten times as much.

The server runs in a process of its own, as it would for others, and is stopped at the end.
"""

import os
import subprocess
import sys
import time
from dataclasses import fields
from typing import Any

from glassworks.api.requests import ServeRequest
from glassworks.api.run import load
from glassworks.api.serve import KEY, sample_of, settings_of
from glassworks.core.errors import PersonError
from glassworks.deploy.loadtest import overload

START = 300.0  # seconds that the start may take: engines are measured, a first forward may be slow


def measured(request: ServeRequest) -> dict[str, Any]:
    """{"capacity", "overload", "afterwards", "served_share"} of a server of this run."""
    (body, kind), key = sample_of(load(request.run, device="cpu")), settings_of(request).key
    words = [sys.executable, "-m", "glassworks", "serve", *_words(request)]
    environment = os.environ | ({KEY: key} if key else {})  # not among the words, which others can read
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        url = _address(server)
        return overload(url, request.load_test, body, key=key, kind=kind)
    finally:
        server.terminate()
        try:
            server.wait(timeout=15)
        except subprocess.TimeoutExpired:
            server.kill()


def _words(request: ServeRequest) -> list[str]:
    """The same server on a free port."""
    words = [request.run, "--port", "0"]
    for field in fields(ServeRequest):
        value = getattr(request, field.name)
        if field.name not in ("run", "port", "key", "load_test", "json") and value != field.default:
            words += [f"--{field.name.replace('_', '-')}", str(value)]
    return words


def _address(server: subprocess.Popen) -> str:
    """The address that the server prints when it is ready."""
    ends = time.monotonic() + START
    assert server.stdout is not None
    while time.monotonic() < ends:
        line = server.stdout.readline()
        if " at http" in line:
            return line.split(" at ")[1].split()[0]
        if not line:
            break
    raise PersonError(
        "no-server", expected="a server that becomes ready", got="it ended before that; see the lines above",
        fix="start it without --load-test to see why",
    )  # fmt: skip
