"""The door of the server: who may ask, from where, how much and how slowly, before anything is parsed.

It stands outside of every other layer. A body is counted while it arrives, so that one over the limit is cut
off instead of stored; a page of another site gets nothing out of a server on this machine; and whatever
fails inside leaves as the same short JSON, with the trace in the log alone.

Source: OWASP's cheat sheets on REST security and on HTTP headers; DNS rebinding (the Host check): Jackson et
al. 2007. Slow headers never get this far: `connections.py` cuts them.
The first thing to change: `Limits.body`, for larger pictures.
"""

import asyncio
import hashlib
import hmac
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from glassworks.core.errors import PersonError
from glassworks.deploy.refusals import Header, Refusal, as_response, internal

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

log = logging.getLogger("glassworks.serve")
OPEN = ("/", "/health", "/ready")  # answered without a key: nothing about the model is in them
SECURITY: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
NOTHING = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")


@dataclass(frozen=True)
class Limits:
    """body: bytes; patience: seconds for a body to arrive; key: or None; hosts: names in the Host header,
    without port, or None for any."""

    body: int = 10_000_000
    patience: float = 10.0
    key: str | None = None
    hosts: frozenset[str] | None = None


class Guard:
    """ASGI middleware; see the module. observe: called with (path, status, seconds) after each answer."""

    def __init__(
        self,
        app: Application,
        limits: Limits,
        observe: Callable[[str, int, float], None] = lambda path, status, seconds: None,
    ):
        self.app, self.limits, self.observe = app, limits, observe
        self.digest = None if limits.key is None else hashlib.sha256(limits.key.encode()).digest()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1000})
        started, status, body = time.perf_counter(), 0, Body(receive, self.limits)

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _secured(message.get("headers", []))
            await send(message)

        try:
            self._check(scope["path"], dict(scope["headers"]))
            await self.app(scope, body.receive, guarded)
        except PersonError as error:
            if not status:
                await _answer(guarded, error)
        except Exception:
            log.exception("a request to %s failed", scope["path"] if scope["path"] in OPEN else "the server")
            if not status:
                await _answer(guarded, internal())
        finally:
            body.stop()
            self.observe(scope["path"], status, time.perf_counter() - started)
        return None

    def _check(self, path: str, headers: dict[bytes, bytes]) -> None:
        """Raises Refusal for what may not come in, before a byte of the body is read."""
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if self.limits.hosts is not None and _without_port(host) not in self.limits.hosts:
            raise Refusal(
                "unknown-host",
                expected="one of the names this server answers to in the Host header",
                got="another name" if host else "none",
                fix="ask by the address that was printed at the start, or start with that host name allowed",
            )
        origin = headers.get(b"origin")
        if origin is not None and origin.decode("latin-1").lower().partition("://")[2] != host:
            raise Refusal(
                "foreign-origin",
                expected="a request from this server's own page, or from a program",
                got="one that a page of another site sent through a browser",
                fix="ask from a program of your own, without a browser between",
            )
        if self.digest is not None and path not in OPEN:
            self._check_key(headers)
        self._check_length(headers.get(b"content-length"))

    def _check_key(self, headers: dict[bytes, bytes]) -> None:
        given = headers.get(b"x-api-key")
        scheme, _, word = headers.get(b"authorization", b"").partition(b" ")
        if given is None and scheme.lower() == b"bearer":
            given = word.strip()
        same = hmac.compare_digest(hashlib.sha256(given or b"").digest(), self.digest or b"")
        if not given or not same:
            raise Refusal(
                "key-wrong" if given else "key-missing",
                expected="the server's key as `Authorization: Bearer KEY` or `X-API-Key: KEY`",
                got="another key" if given else "no key",
                fix="send the key that the server was started with",
            )

    def _check_length(self, length: bytes | None) -> None:
        if length is None:
            return
        if not length.isdigit() or len(length) > 15:
            raise Refusal(
                "bad-length", expected="Content-Length in bytes", got="something else", fix="send the number"
            )
        if int(length) > self.limits.body:
            raise too_large(self.limits.body, f"{int(length):,} bytes")


class Body:
    """Counts and times the body while it arrives; afterwards it only passes on that the client left.

    One timer a request that cancels the task, because asyncio's own `timeout` costs five times as much.
    """

    def __init__(self, receive: Receive, limits: Limits):
        self.inner, self.limits = receive, limits
        self.came, self.late, self.task = 0, False, asyncio.current_task()
        self.clock: asyncio.TimerHandle | None = None
        self.whole = False

    async def receive(self) -> Message:
        if self.whole:
            return await self.inner()
        if self.clock is None:
            self.clock = asyncio.get_running_loop().call_later(self.limits.patience, self._too_late)
        try:
            message = await self.inner()
        except asyncio.CancelledError:
            if not self.late or self.task is None or self.task.uncancel():
                raise
            raise Refusal(
                "body-too-slow",
                expected=f"the whole body within {self.limits.patience:g} seconds",
                got=f"{self.came:,} bytes until then",
                fix="send smaller pictures, or over a faster connection",
            ) from None
        if message["type"] == "http.request":
            self.came += len(message.get("body", b""))
            if self.came > self.limits.body:
                raise too_large(self.limits.body, f"more than {self.limits.body:,} bytes")
            self.whole = not message.get("more_body", False)
        else:
            self.whole = True  # the client left
        if self.whole:
            self.stop()
        return message

    def stop(self) -> None:
        if self.clock is not None:
            self.clock.cancel()

    def _too_late(self) -> None:
        self.late = True
        if self.task is not None:
            self.task.cancel()


def too_large(limit: int, got: str) -> Refusal:
    return Refusal(
        "body-too-large", expected=f"a body of at most {limit:,} bytes", got=got,
        fix="make the picture smaller before sending, or send fewer at once",
    )  # fmt: skip


def _without_port(host: str) -> str:
    name, _, port = host.rpartition(":")
    return name if name and port.isdigit() else host


def _secured(headers: list[Header]) -> list[Header]:
    policy = any(name == NOTHING[0] for name, _ in headers)
    return [*headers, *SECURITY] if policy else [*headers, NOTHING, *SECURITY]


async def _answer(send: Send, error: PersonError) -> None:
    status, headers, body = as_response(error)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
