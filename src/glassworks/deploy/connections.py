"""Connections that send their headers slowly, or without end, are cut; uvicorn alone would wait for ever.

Uvicorn hands a request on when its headers are complete and has no limit for the time until then, so a few
hundred idle sockets ("slow loris") could hold every file handle of the process. A subclass of its protocol
starts a clock when it begins to wait for a request and stops it when one is under way. What is not HTTP is
answered in the same JSON as every other error. And while the queue is full, a request for an answer is
refused before it is parsed: parsing costs as much as answering, and a flood would leave no time to answer.

Source: uvicorn's `h11_impl.py` and `httptools_impl.py`, which share the few names used here.
The first thing to change: `HEADER_BYTES`, should proxies before the server add long headers.
"""

import asyncio
import importlib.util
from collections.abc import Callable
from typing import Any

from glassworks.deploy.guard import SECURITY
from glassworks.deploy.refusals import Refusal, as_response

HEADER_BYTES = 65_536
PAUSE = 0.2  # seconds that a connection is not read after a refusal; Retry-After asks for at least one
ASKS, LENGTH, END = b"POST /predict", b"\r\ncontent-length:", b"\r\n\r\n"
PHRASES = {
    429: b"Too Many Requests",
    400: b"Bad Request",
    408: b"Request Timeout",
    431: b"Request Header Fields Too Large",
}


def protocol(seconds: float, refusal: Callable[[], Refusal | None] = lambda: None) -> type[asyncio.Protocol]:
    """Uvicorn's protocol (httptools where it is installed, else h11) with `seconds` for the headers.

    refusal: why no picture is taken now, or None; asked for every question that came in one piece
    """
    base: Any
    if importlib.util.find_spec("httptools") is not None:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

        base = HttpToolsProtocol
    else:
        from uvicorn.protocols.http.h11_impl import H11Protocol

        base = H11Protocol

    class Patient(base):
        """One connection. came: bytes since it began to wait for a request."""

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self.came = 0
            self.clock: asyncio.TimerHandle | None = self.loop.call_later(seconds, self.too_late)

        def connection_lost(self, error: Exception | None) -> None:
            self.stop_clock()
            super().connection_lost(error)

        def data_received(self, data: bytes) -> None:
            if self.waits() and not self.came and whole_question(data) and (full := refusal()) is not None:
                self._unset_keepalive_if_required()
                self.stop_clock()
                self.clock = self.loop.call_later(seconds, self.too_late)
                self.write(full)
                self.flow.pause_reading()  # who asks again at once waits a little
                self.loop.call_later(PAUSE, self.read_again)
                return
            if self.waits():
                self.came += len(data)
                if self.clock is None:  # a further request on a kept connection
                    self.clock = self.loop.call_later(seconds, self.too_late)
            super().data_received(data)
            if not self.waits():
                self.came = 0
                self.stop_clock()
            elif self.cycle is None and self.came > HEADER_BYTES:
                self.refuse("headers-too-large", f"headers of at most {HEADER_BYTES:,} bytes", "more")

        def read_again(self) -> None:
            if not self.transport.is_closing():
                self.flow.resume_reading()

        def waits(self) -> bool:
            """Whether no request is under way: none came yet, or the last one is answered."""
            return self.cycle is None or self.cycle.response_complete

        def stop_clock(self) -> None:
            if self.clock is not None:
                self.clock.cancel()
                self.clock = None

        def too_late(self) -> None:
            self.clock = None
            if not self.waits():
                return
            if self.cycle is None:
                self.refuse("body-too-slow", f"whole headers within {seconds:g} seconds", "a part of them")
            else:
                self.transport.close()  # the rest of a body that was refused, or half a further request

        def refuse(self, code: str, expected: str, got: str) -> None:
            error = Refusal(code, expected=expected, got=got, fix="send one plain HTTP request")
            if not self.transport.is_closing():
                self.write(error, (b"connection", b"close"))
                self.transport.close()

        def write(self, error: Refusal, *more: tuple[bytes, bytes]) -> None:
            """An error as a whole answer."""
            status, headers, body = as_response(error, [*more, *SECURITY])
            lines = [b"HTTP/1.1 %d %s" % (status, PHRASES[status]), *(b"%s: %s" % pair for pair in headers)]
            self.transport.write(b"\r\n".join([*lines, b"", body]))

        def send_400_response(self, message: str) -> None:
            """Uvicorn's answer to what is not HTTP; where a request before it is answered, it only closes."""
            if self.cycle is not None:
                self.transport.close()
                return
            self.refuse("invalid-request", "HTTP/1.1", "something that is not")

    return Patient


def whole_question(data: bytes) -> bool:
    """Whether these bytes are one request to POST /predict, all of it and nothing more."""
    if not data.startswith(ASKS):
        return False
    end = data.find(END)
    at = data[:end].lower().find(LENGTH) + len(LENGTH) if end > 0 else 0
    if at < len(LENGTH):  # no length: a body in chunks
        return False
    length = data[at:end].split(b"\r\n", 1)[0].strip()
    return length.isdigit() and int(length) == len(data) - end - len(END)
