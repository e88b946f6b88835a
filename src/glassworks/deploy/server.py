"""A model over HTTP: inputs in, JSON out, refused early and politely when there is too much of it.

A request passes the guard (who, how much, how slowly), its inputs wait in the batcher, and one thread
decodes and computes; /ready says yes only after a real input went all the way through. Stopping finishes
what is in; a model that hangs ends the process, because whoever started it can start it anew and a thread
cannot be mended from outside.

Source: the readiness and drain rules of Kubernetes' probes; LitServe and Clipper for batching at the door.
The first thing to change: `Settings.most` (throughput) and `Settings.queue` (how long people may wait).
Command: glassworks serve RUN
"""

import asyncio
import contextlib
import functools
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from glassworks.core.errors import PersonError, did_you_mean
from glassworks.deploy.batcher import Batcher, Closed, Expired, Full, Steps, whole_seconds
from glassworks.deploy.guard import Guard, Limits, Message, Receive, Send
from glassworks.deploy.meters import Meters
from glassworks.deploy.openapi import completed
from glassworks.deploy.refusals import Refusal, as_response, internal, status_of
from glassworks.deploy.server_page import policy
from glassworks.deploy.service import Service

if TYPE_CHECKING:
    from fastapi import FastAPI

log = logging.getLogger("glassworks.serve")
WARM_UP_SECONDS = 600.0  # a first forward may compile
TOP, MOST_TOP = 5, 1000
LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")


@dataclass(frozen=True)
class Settings:
    """How a model is served.

    host, port: where to listen; port 0 is any free one
    key:        what clients must send; needed when others can reach the port
    queue:      requests that may wait; most: inputs in one forward and in one request
    deadline:   seconds an answer may take; hang: seconds a forward may take before the process ends
    body_limit: bytes of a request; patience: seconds for headers, and for a body, to arrive
    drain:      seconds to finish what is in when stopped
    hosts:      names in the Host header; none given: this machine's own when only it can reach the port
    """

    host: str = "127.0.0.1"
    port: int = 8000
    key: str | None = None
    queue: int = 64
    most: int = 32
    deadline: float = 30.0
    hang: float = 60.0
    body_limit: int = 10_000_000
    patience: float = 10.0
    drain: float = 10.0
    hosts: tuple[str, ...] = ()

    def __post_init__(self):
        numbers = (
            self.queue,
            self.most,
            self.deadline,
            self.hang,
            self.body_limit,
            self.patience,
            self.drain,
        )
        if min(numbers) <= 0 or not 0 <= self.port <= 65_535:
            raise PersonError(
                "bad-setting",
                expected="positive limits, and a port from 0 to 65535",
                got=f"{self}".replace(repr(self.key), "…") if self.key else f"{self}",
                fix="leave out what need not be changed",
            )

    @property
    def loopback(self) -> bool:
        return self.host in LOOPBACK

    def limits(self) -> Limits:
        names = frozenset(name.lower() for name in (*self.hosts, *(LOOPBACK if self.loopback else ())))
        return Limits(self.body_limit, self.patience, self.key, names or None)


@dataclass(frozen=True)
class Item:
    """One input of a request, as it waits."""

    body: bytes
    top: int = TOP
    explain: bool = False


class Serving:
    """A service and what is around it while it runs. state: "warming", "ready", "failed" or "stopping"."""

    def __init__(self, service: Service, settings: Settings):
        self.service, self.settings, self.state = service, settings, "warming"
        self.on_ready: Callable[[], None] = lambda: None
        self.on_failure: Callable[[str], None] = lambda why: None
        steps = Steps(
            prepare=lambda item: service.decode(item.body),
            forward=lambda prepared: service.engine(service.join(prepared)),
            finish=self._finish,
            slow=lambda item: item.explain,
        )
        self.batcher = Batcher(
            steps, room=settings.queue, most=settings.most, deadline=settings.deadline,
            hang=WARM_UP_SECONDS, on_hang=self._hung, observe=self._observe,
        )  # fmt: skip
        self.meters = Meters(self.batcher)

    @contextlib.asynccontextmanager
    async def running(self, application: Any = None) -> AsyncIterator[None]:
        """The application's life: live at once, ready after the warm-up, drained at the end."""
        await self.batcher.start()
        warming = asyncio.create_task(self._warm_up())
        try:
            yield
        finally:
            self.state = "stopping"
            warming.cancel()
            await self.batcher.stop(self.settings.drain)

    async def _warm_up(self) -> None:
        """An input goes all the way through, alone and in the largest batch."""
        sample = Item(self.service.door.sample())
        try:
            for items in (1, min(self.settings.most, self.settings.queue)):
                for answer in self.batcher.submit([sample] * items, WARM_UP_SECONDS):
                    await answer
        except Exception as error:
            log.exception("the warm-up failed")
            self._fail(f"the warm-up failed: {type(error).__name__}")
            return
        self.batcher.hang = self.settings.hang
        self.state = "ready"
        self.on_ready()

    def _hung(self) -> None:
        self._fail(f"the model gave no sign of life for {self.batcher.hang:g} seconds")

    def _fail(self, why: str) -> None:
        self.state = "failed"
        self.on_failure(why)

    def _observe(self, items: int, seconds: float) -> None:
        self.meters.batch(items, seconds)

    def _finish(self, item: Item, row: Any) -> str:
        """The answer for one input as JSON text, so that an answer which is none fails alone."""
        answer = self.service.words(row)
        if isinstance(answer.get("answers"), list):
            answer = answer | {"answers": answer["answers"][: item.top]}
        if item.explain and self.service.explain is not None:
            answer = answer | self.service.explain(item.body)
        return json.dumps(answer, ensure_ascii=False, allow_nan=False)

    def refused(self) -> Refusal | None:
        """Why nothing is taken now, or None."""
        if self.state == "ready":
            return None
        stopping = self.state == "stopping"
        got = {"warming": "a model that is warming up", "failed": "a model that failed"}.get(self.state, "")
        return Refusal(
            "stopping" if stopping else "not-ready",
            expected="a model that is ready",
            got="a server that is being stopped" if stopping else got,
            fix="wait until /ready answers 200",
            retry=1,
        )

    def refused_early(self) -> Refusal | None:
        """The refusal for a request that came while the queue is full, counted; None when there is room."""
        if self.state != "ready" or not self.batcher.full():
            return None
        self.meters.request("/predict", 429, 0.0)
        error = self.as_error(self.batcher.refuse())
        return error if isinstance(error, Refusal) else None

    def as_error(self, error: BaseException) -> PersonError:
        """What a client is told of any failure."""
        if isinstance(error, PersonError):
            return error
        if isinstance(error, Full):
            return Refusal(
                "busy", expected="room in the queue", got=f"{self.settings.queue} that wait already",
                fix="come back after Retry-After seconds", retry=whole_seconds(error.seconds),
            )  # fmt: skip
        if isinstance(error, Expired):
            return Refusal(
                "expired", expected=f"an answer within {self.settings.deadline:g} seconds", got="none yet",
                fix="try again when the server is less busy",
            )  # fmt: skip
        if isinstance(error, Closed):
            return self.refused() or Refusal(
                "stopping", expected="a running model", got="one that stops", fix="wait for /ready", retry=1
            )
        log.error("the model failed on an input", exc_info=error)
        return Refusal(
            "model-failed", expected="an answer of the model", got="a failure on this input",
            fix="try another input; the server's log says where it failed",
        )  # fmt: skip


class Predict:
    """POST /predict as a plain ASGI endpoint: this path is walked thousands of times a second."""

    def __init__(self, serving: Serving):
        self.serving, self.reading = serving, 0
        self.head = f'{{"schema": 1, "model": {json.dumps(serving.service.name, ensure_ascii=False)}, '

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        serving = self.serving
        if (refused := serving.refused()) is not None:
            raise refused
        if serving.batcher.full() or self.reading >= serving.settings.queue:
            raise serving.as_error(serving.batcher.refuse())  # before the body is read
        top, explain = _parameters(scope["query_string"])
        if explain and serving.service.explain is None:
            raise Refusal(
                "no-explanation", expected="a model that explains its answers", got="one that does not",
                fix="ask without explain=1",
            )  # fmt: skip
        body = await self._body(receive)
        if body is None:
            return
        started = time.perf_counter()
        kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
        bodies = serving.service.door.items_in(
            body, kind.decode("latin-1"), min(serving.settings.most, serving.settings.queue)
        )
        try:
            answers = serving.batcher.submit([Item(one, top, explain) for one in bodies])
        except (Full, Closed) as error:
            raise serving.as_error(error) from None
        if await _finished(answers, receive):
            status, headers, text = self._answer(answers, started)
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": text})

    async def _body(self, receive: Receive) -> bytes | None:
        """The whole body (the guard bounds it), or None when the client left."""
        self.reading += 1
        try:
            parts: list[bytes] = []
            while True:
                message: Message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                parts.append(message.get("body", b""))
                if not message.get("more_body", False):
                    return parts[0] if len(parts) == 1 else b"".join(parts)
        finally:
            self.reading -= 1

    def _answer(
        self, answers: Sequence["asyncio.Future[str]"], started: float
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        texts, errors = [], []
        for answer in answers:
            if (failure := answer.exception()) is None:
                texts.append(answer.result())
            else:
                errors.append(self.serving.as_error(failure))
                texts.append(json.dumps(errors[-1].as_json(), ensure_ascii=False))
        if len(errors) == len(answers):  # nothing to tell but the error; of several, the gravest
            return as_response(max(errors, key=status_of))
        milliseconds = round(1000 * (time.perf_counter() - started), 2)
        text = f'{self.head}"milliseconds": {milliseconds}, "predictions": [{", ".join(texts)}]}}'.encode()
        length = (b"content-length", str(len(text)).encode())
        return 200, [(b"content-type", b"application/json"), length], text


@functools.lru_cache(maxsize=256)
def _parameters(query: bytes) -> tuple[int, bool]:
    """(top, explain) of a query string; most clients send the same one again and again."""
    try:
        given = dict(parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=10))
    except (UnicodeDecodeError, ValueError):
        raise _bad_parameter("top=N and explain=1", "a query that cannot be read") from None
    top, explain = given.pop("top", str(TOP)), given.pop("explain", "0")
    if given:
        raise _bad_parameter("top=N and explain=1", "another parameter")
    if not (top.isascii() and top.isdigit() and len(top) <= 4 and 1 <= int(top) <= MOST_TOP):
        raise _bad_parameter(f"top from 1 to {MOST_TOP}", "another value")
    if explain not in ("0", "1", "true", "false"):
        raise _bad_parameter("explain=1 or explain=0", "another value")
    return int(top), explain in ("1", "true")


async def _finished(answers: Sequence["asyncio.Future[str]"], receive: Receive) -> bool:
    """Wait for all answers; False, with all of them given up, when the client leaves before."""
    listening = asyncio.ensure_future(_until_gone(receive, answers))
    try:
        for answer in answers:
            with contextlib.suppress(Exception):  # each is looked at when the answer is written
                await answer
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise  # the server stops; otherwise it was the client that left
    finally:
        listening.cancel()
        for answer in answers:
            answer.cancel()  # of no effect on one that is done
    return not any(answer.cancelled() for answer in answers)


async def _until_gone(receive: Receive, answers: Sequence["asyncio.Future[str]"]) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
    for answer in answers:
        answer.cancel()


def _bad_parameter(expected: str, got: str) -> Refusal:
    return Refusal("bad-parameter", expected=expected, got=got, fix="for example /predict?top=3&explain=1")


def application(service: Service, settings: Settings, serving: Serving | None = None) -> "FastAPI":
    """The ASGI application of a service: FastAPI's routes inside the guard."""
    try:
        from fastapi import FastAPI
        from fastapi.openapi.utils import get_openapi
        from starlette.exceptions import HTTPException
        from starlette.responses import HTMLResponse, JSONResponse, Response
        from starlette.routing import Route
    except ImportError as error:
        raise missing_extra() from error
    serving = serving or Serving(service, settings)
    predict = Predict(serving)

    class Guarded(FastAPI):
        """FastAPI inside the guard; POST /predict goes past its routing, which costs as much as the model."""

        async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
            await guard(scope, receive, send)

        async def inner(self, scope: Any, receive: Receive, send: Send) -> None:
            if scope.get("path") == "/predict" and scope.get("method") == "POST":
                await predict(scope, receive, send)
            else:
                await super().__call__(scope, receive, send)

    app = Guarded(
        title=f"Glassworks: {service.name}", version="1", docs_url=None, redoc_url=None,
        lifespan=serving.running, redirect_slashes=False,
    )  # fmt: skip
    guard = Guard(app.inner, settings.limits(), serving.meters.request)
    app.state.serving = serving
    app.router.routes.append(Route("/predict", predict, methods=["POST"]))  # known to the router: 405
    explains, keyed = service.explain is not None, bool(settings.key)
    door = service.door
    page_text = door.page(service.name, explains=explains, keyed=keyed, limit=settings.body_limit)
    page_policy = policy(page_text)

    @app.get("/", response_class=HTMLResponse, summary="The page for people")
    async def root() -> Response:
        return HTMLResponse(page_text, headers={"content-security-policy": page_policy})

    @app.get("/health", summary="Whether the process lives")
    async def health() -> Response:
        return JSONResponse({"status": "live"})

    @app.get("/ready", summary="Whether inputs are taken: a warm-up went through",
             responses={503: {"description": "not ready"}})  # fmt: skip
    async def ready() -> Response:
        if (refused := serving.refused()) is not None:
            raise refused
        return JSONResponse({"status": "ready"})

    @app.get("/about", summary="What the model is and how good it was")
    async def about() -> Response:
        limits = {"body_bytes": settings.body_limit, door.things: settings.most, "seconds": settings.deadline}
        facts = {"schema": 1, "name": service.name, "explain": explains, "limits": limits}
        return JSONResponse(service.about | facts)

    @app.get("/metrics", summary="Counts and times for Prometheus; no inputs")
    async def metrics() -> Response:
        return Response(serving.meters.text(), media_type=serving.meters.kind)

    @app.exception_handler(HTTPException)
    async def from_framework(request: Any, error: Any) -> Response:
        return _as_answer(_of_framework(error.status_code, request.url.path, known), Response)

    @app.exception_handler(PersonError)
    async def refused(request: Any, error: Any) -> Response:
        return _as_answer(error, Response)

    @app.exception_handler(Exception)
    async def failed(request: Any, error: Any) -> Response:
        return _as_answer(internal(), Response)

    known = [route.path for route in app.routes if hasattr(route, "path")]

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            plain = get_openapi(title=app.title, version=app.version, routes=app.routes)
            app.openapi_schema = completed(plain, door, keyed=keyed, most=settings.most)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]
    return app


def _of_framework(status: int, path: str, known: Sequence[str]) -> Refusal:
    """FastAPI's own refusals in our form."""
    if status == 405:
        return Refusal("wrong-method", expected="the method this address takes", got="another",
                       fix="POST to /predict, GET elsewhere; see /openapi.json")  # fmt: skip
    if status == 404:
        fix = did_you_mean(path, known) if len(path) < 100 else "see /openapi.json"
        return Refusal("not-found", expected="a known address", got="another", fix=fix)
    return Refusal("invalid-request", expected="a request of this service", got="another",
                   fix="see /openapi.json")  # fmt: skip


def _as_answer(error: PersonError, kind: Any) -> Any:
    status, headers, body = as_response(error)
    return kind(body, status_code=status, headers={name.decode(): value.decode() for name, value in headers})


def missing_extra() -> PersonError:
    return PersonError(
        "missing-extra",
        expected="the packages that serve a model (fastapi, uvicorn, prometheus-client)",
        got="an installation without them",
        fix='pip install "glassworks[serve]"',
    )
