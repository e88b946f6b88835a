"""Only pages of the book itself may talk to it: every door is tried, and the attack on marimo is replayed."""

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
import websockets
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute

from glassworks.reader.contents import contents
from glassworks.reader.guard import COOKIE, POLICY, Door, Guard

HOME = b"127.0.0.1:8400"


async def asked(guard: Guard, *, path: str = "/", kind: str = "http", query: bytes = b"", **headers: str):
    """(status, headers) of one request; a websocket that is let in has status 101, one that is not 403."""
    given = {"host": HOME.decode(), **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": kind,
        "path": path,
        "method": "GET",
        "query_string": query,
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }
    sent = []

    async def receive():
        return {"type": f"{kind}.connect" if kind == "websocket" else "http.request", "body": b""}

    async def send(message):
        sent.append(message)

    await guard(scope, receive, send)
    first = sent[0]
    if kind == "websocket":
        return (101 if first["type"] == "websocket.accept" else 403), {}
    return first["status"], {name.decode(): value.decode() for name, value in first["headers"]}


async def inner(scope, receive, send):
    """An application that lets everybody in and says so to other sites."""
    if scope["type"] == "websocket":
        return await send({"type": "websocket.accept"})
    headers = [(b"access-control-allow-origin", b"*"), (b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    return await send({"type": "http.response.body", "body": b"in"})


def status(guard: Guard | None = None, **asking) -> int:
    return asyncio.run(asked(guard or Guard(inner, Door()), **asking))[0]


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "evil.example:8400", "origin": "http://evil.example:8400"},
        {"host": ""},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://localhost:8400"},
        {"origin": "http://127.0.0.1:8400", "sec_fetch_site": "cross-site"},
        {"origin": "http://127.0.0.1:8400", "sec_fetch_site": "same-site"},
    ],
)
def test_a_foreign_name_or_page_is_refused(kind, headers):
    assert status(kind=kind, **headers) == 403


def test_a_websocket_that_does_not_say_where_it_comes_from_is_refused():
    assert status(kind="websocket") == 403


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_the_books_own_page_comes_in(kind):
    own = {"origin": "http://127.0.0.1:8400", "sec_fetch_site": "same-origin"}
    assert status(kind=kind, **own) in (200, 101)


def test_a_link_from_elsewhere_opens_a_page_but_fetches_nothing():
    assert status(sec_fetch_site="cross-site", sec_fetch_mode="navigate") == 200
    assert status(sec_fetch_site="cross-site", sec_fetch_mode="no-cors") == 403


def test_what_goes_out_opens_no_doors():
    _, headers = asyncio.run(asked(Guard(inner, Door())))
    assert not [name for name in headers if name.startswith("access-control-")]
    assert headers["x-frame-options"] == "DENY"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "connect-src 'self'" in policy and "nonce-" in policy
    assert "http:" not in POLICY and "*" not in POLICY and "unsafe-eval" not in POLICY


def test_another_address_needs_the_key_once_and_a_cookie_after():
    guard = Guard(inner, Door(key="right"))
    assert status(guard) == 403
    assert status(guard, query=b"key=wrong") == 403
    assert status(guard, kind="websocket", origin="http://127.0.0.1:8400") == 403
    code, headers = asyncio.run(asked(guard, path="/book/", query=b"key=right&at=x"))
    assert (code, headers["location"]) == (303, "/book/?at=x")
    cookie = headers["set-cookie"]
    assert "SameSite=Strict" in cookie and "HttpOnly" in cookie and "right" not in cookie
    word = cookie.partition(";")[0]
    assert status(guard, cookie=word) == 200
    assert status(guard, cookie=f"{COOKIE}=right") == 403
    assert status(Guard(inner, Door(key="right")), cookie=word) == 403  # of an earlier start


def test_a_key_in_the_address_never_leads_to_another_site():
    guard = Guard(inner, Door(key="right"))
    code, headers = asyncio.run(asked(guard, path="//evil.example/", query=b"key=right"))
    assert code == 303 and headers["location"] == "/evil.example/"


def test_cookies_that_are_none_are_no_error():
    assert status(Guard(inner, Door(key="right")), cookie="a=b; \x01=;;;") == 403


# ---- the attack: a page of another site opens a session of a chapter and types into it


UNGUARDED = """
import os, sys, threading, uvicorn
from glassworks.reader import application
chapters = application.chapters_of_marimo()
server = uvicorn.Server(uvicorn.Config(chapters, port=int(sys.argv[1]), log_level="error", lifespan="off"))
threading.Thread(target=server.run, daemon=True).start()
while not server.started: threading.Event().wait(0.05)
print("started", flush=True)
sys.stdin.read()
os._exit(0)  # kernels of marimo are threads that do not end by themselves
"""


@contextlib.contextmanager
def marimo_alone() -> Iterator[str]:
    """The chapters as marimo serves them, without the guard; for this test only."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-c", UNGUARDED, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdin is not None
    try:
        assert process.stdout.readline().strip() == "started"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stdin.close()
        process.wait(20)


async def session(place: str, origin: str) -> str:
    """What a script of `origin` gets from the websocket of a chapter: its first message, or the status."""
    target = f"ws{place.removeprefix('http')}ws?session_id=s_abcdef"
    try:
        async with websockets.connect(target, origin=origin, open_timeout=20) as connection:
            return json.loads(await asyncio.wait_for(connection.recv(), 30))["op"]
    except websockets.InvalidStatus as refused:
        return str(refused.response.status_code)


def answered(place: str, origin: str, body: bytes | None = None) -> int:
    headers = {"Origin": origin, "Content-Type": "application/json"}
    request = urllib.request.Request(place, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


EVIL = "http://evil.example"


def test_the_attack_succeeds_on_marimo_alone():
    """Why there is a guard; when this fails, marimo has closed the door itself."""
    with marimo_alone() as home:
        place = home + contents().ready[0].address
        assert answered(place, EVIL) == 200
        assert asyncio.run(session(place, EVIL)) != "403"


def test_the_attack_on_the_book_is_refused(book):
    place = book + contents().ready[0].address
    assert answered(place, book) == 200  # the chapter's application exists
    assert answered(place, EVIL) == 403
    assert asyncio.run(session(place, EVIL)) == "403"
    for path in ("api/kernel/set_ui_element_value", "api/kernel/set_model_value", "api/kernel/run"):
        assert answered(place + path, EVIL, b"{}") == 403
    assert asyncio.run(session(place, book)) != "403"


def test_what_run_mode_must_not_do_is_refused_to_the_books_own_page_too(book):
    place = book + contents().ready[0].address
    assert answered(place, book) == 200
    for path in ("run", "save", "install_missing_packages", "interrupt", "shutdown", "save_user_config"):
        assert answered(f"{place}api/kernel/{path}", book, b"{}") in (401, 403, 404, 405, 422)
    for path in ("../../../../pyproject.toml", "%2e%2e/%2e%2e/contents.toml", "..%5ccontents"):
        assert answered(f"{book}/book/{path}", book) == 404
        assert answered(f"{book}/static/{path}", book) == 404
        assert answered(f"{book}/source/{path}", book) in (400, 404)


def test_every_kind_of_request_passes_the_guard():
    """Nothing is mounted outside of it: the application is the guard."""
    app = Starlette(
        routes=[Route("/x", lambda request: PlainTextResponse("x")), WebSocketRoute("/w", lambda s: None)]
    )
    guard = Guard(app, Door())
    assert status(guard, path="/x") == 200
    assert status(guard, path="/x", host="evil.example") == 403
    assert status(guard, path="/w", kind="websocket", origin=EVIL) == 403
