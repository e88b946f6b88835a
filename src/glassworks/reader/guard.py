"""The door of the book: only pages of the book itself, on this machine or with the key, may talk to it.

A chapter runs code, and marimo's run mode answers whoever asks: a page of another site, open in the
reader's browser, could open a session and press *Check* on code of its own. So every request and every
websocket is checked here, before anything else sees it: the name it asked for (DNS rebinding), the page
that it comes from, and the key where others can reach the port. What goes out carries a policy that keeps
the page from loading anything from elsewhere.

Source: the Fetch standard's Sec-Fetch headers; OWASP's sheets on cross-site websocket hijacking and on CSP.
The first thing to change: nothing, without a test that replays the attack.
"""

import hashlib
import hmac
import html
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

COOKIE = "glassworks-book"
DROPPED = (b"access-control-", b"content-security-policy", b"x-frame-options", b"server")
SAME = (b"same-origin", b"none")  # what Sec-Fetch-Site says of the book's own pages, and of a typed address
POLICY = (
    "default-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; "
    "script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; media-src 'self' data: blob:; worker-src 'self' blob:; "
    "manifest-src 'self'; frame-src 'none'"
)


@dataclass(frozen=True)
class Door:
    """hosts: names by which the book may be asked for, without port, lower case; key: or None for none."""

    hosts: frozenset[str] = frozenset({"127.0.0.1", "localhost", "[::1]"})
    key: str | None = None
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def pass_word(self) -> str:
        """What the cookie holds once the key was shown: not the key, and of no use after a restart."""
        return hmac.new(self.secret, (self.key or "").encode(), hashlib.sha256).hexdigest()


class Guard:
    """ASGI middleware, outside of every other layer. Refusals are a short page or text with status 403."""

    def __init__(self, app: Application, door: Door):
        self.app, self.door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        headers = dict(scope["headers"])
        reason = self.refused(scope, headers)
        if reason and scope["type"] == "websocket":
            await receive()  # the request to connect; closing before accepting answers with 403
            return await send({"type": "websocket.close", "code": 1008})
        if reason:
            return await _page(send, 403, reason)
        if scope["type"] == "http" and self.door.key is not None and self._shown_key(scope):
            return await self._let_in(scope, send)
        if self.door.key is not None and not self._has_pass(headers):
            if scope["type"] == "websocket":
                await receive()
                return await send({"type": "websocket.close", "code": 1008})
            return await _page(send, 403, "open the book by the link that was printed when it started")
        scope = {**scope, "nonce": secrets.token_urlsafe(16)}

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": _secured(message.get("headers", []), scope["nonce"])}
            await send(message)

        return await self.app(scope, receive, guarded)

    def refused(self, scope: Scope, headers: dict[bytes, bytes]) -> str:
        """Why this request is not for us, or "" when it is."""
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if _without_port(host) not in self.door.hosts:
            return "this book does not answer to that name; use the address that was printed when it started"
        origin = headers.get(b"origin")
        if scope["type"] == "websocket" and origin is None:
            return "a websocket needs to say which page it belongs to"
        if origin is not None and origin.decode("latin-1").lower().partition("://")[2] != host:
            return "this request comes from a page of another site"
        site, mode = headers.get(b"sec-fetch-site"), headers.get(b"sec-fetch-mode")
        foreign = site is not None and site not in SAME
        if foreign and not (mode == b"navigate" and scope.get("method") == "GET"):
            return "this request comes from a page of another site"
        return ""

    def _shown_key(self, scope: Scope) -> bool:
        given = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("key", "")
        digests = (hashlib.sha256(word.encode()).digest() for word in (given, self.door.key or ""))
        return bool(given) and hmac.compare_digest(*digests)

    def _has_pass(self, headers: dict[bytes, bytes]) -> bool:
        try:
            cookie = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1")).get(COOKIE)
        except CookieError:
            return False
        return cookie is not None and hmac.compare_digest(cookie.value, self.door.pass_word())

    async def _let_in(self, scope: Scope, send: Send) -> None:
        """Exchange the key in the address for a cookie, and the address for one without the key."""
        rest = [
            (name, value)
            for name, value in parse_qsl(scope["query_string"].decode("latin-1"))
            if name != "key"
        ]
        target = "/" + scope["path"].lstrip("/") + ("?" + urlencode(rest) if rest else "")
        cookie = f"{COOKIE}={self.door.pass_word()}; Path=/; HttpOnly; SameSite=Strict"
        headers = [
            (b"location", target.encode("latin-1", "replace")),
            (b"set-cookie", cookie.encode()),
            (b"referrer-policy", b"no-referrer"),
            (b"cache-control", b"no-store"),
            (b"content-length", b"0"),
        ]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def _secured(headers: Headers, nonce: str) -> Headers:
    """The answer's headers without what opens doors, and with what closes them."""
    kept = [(name, value) for name, value in headers if not name.lower().startswith(DROPPED)]
    return [
        *kept,
        (b"content-security-policy", POLICY.format(nonce=nonce).encode()),
        (b"x-frame-options", b"DENY"),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"same-origin"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
    ]


async def _page(send: Send, status: int, reason: str) -> None:
    body = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Not from here</title>'
        f"<p>Secrets of AI Models: {html.escape(reason)}.</p></html>"
    ).encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _without_port(host: str) -> str:
    name, _, port = host.rpartition(":")
    return name if name and port.isdigit() else host
