"""The addresses of the workbench: JSON for its script, and the files of a run.

    GET  /api/studio/start                what there is to begin with: systems, samples, drops, runs
    GET  /api/studio/folders?path=        a folder of this machine
    POST /api/studio/drops?name=          a place for a drop; PUT …/ID?name= a file; GET, DELETE …/ID
    POST /api/studio/look                 what the checker sees
    POST /api/studio/command, /train      what a choice means in a terminal; begin it
    GET  /api/studio/runs, …/ID           the shelf; one run with its curves
    POST /api/studio/runs/ID/stop, resume, judge, export, ask, inside
    GET  /api/studio/runs/ID/files/…, model.zip, export.zip

All of them refuse where the book was opened for others without running their code. A mistake of the person is
{"error": HTML, "code"} with status 400. What answers loads torch and is imported when it is first asked, so
that the book's first page need not wait. The first thing to change: `routes`.
"""

import mimetypes
import threading
from collections.abc import Awaitable, Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from glassworks.core.errors import PersonError
from glassworks.reader.desk import Desk
from glassworks.reader.studio.drops import Drops

PLACE = "/api/studio"
MOST_BODY = 50 * 1024**2  # bytes of an input to try
SHOWN, DRAWINGS = ("report.html", "card.md", "recipe.yaml"), "explain/"  # of a run, for a page to show
Handler = Callable[[Request], Awaitable[Response]]


class Bench:
    """A reader's workbench. imported: waited for before torch is loaded here, because two that are in the
    middle of loading it both fail."""

    def __init__(self, desk: Desk, imported: threading.Event):
        self.desk, self.imported, self.drops = desk, imported, Drops(desk.folder)

    @cached_property
    def answers(self) -> Any:
        """The module that answers."""
        self.imported.wait()
        from glassworks.reader.studio import answers

        return answers

    @cached_property
    def shelf(self) -> Any:
        self.imported.wait()
        from glassworks.reader.studio.shelf import Shelf

        return Shelf(self.desk)

    def delete(self, id: str) -> dict[str, Any]:
        """Remove the copies of a drop."""
        self.drops.delete(id)
        return {}

    def run(self, request: Request) -> Any:
        """The run that an address names. Raises PersonError("no-such-run")."""
        return self.shelf.find(request.path_params["id"])


def routes(desk: Desk, imported: threading.Event) -> list[Route]:
    """All addresses, for a reader's desk."""
    bench = Bench(desk, imported)

    def here(path: str, work: Callable[[Request, Any], Any], method: str = "GET") -> Route:
        return Route(PLACE + path, handler(bench, work), methods=[method])

    return [
        here("/start", lambda request, said: bench.answers.start(bench.shelf, bench.drops)),
        here("/folders", lambda request, said: bench.answers.folder(request.query_params.get("path", ""))),
        here("/drops", lambda request, said: {"id": bench.drops.begin(named(request))}, "POST"),
        Route(f"{PLACE}/drops/{{id}}", dropped(bench), methods=["PUT"]),
        here("/drops/{id}", lambda request, said: bench.answers.drop(bench.drops.find(id_in(request)))),
        here("/drops/{id}", lambda request, said: bench.delete(id_in(request)), "DELETE"),
        here("/look", lambda request, said: bench.answers.look(said), "POST"),
        here("/command", lambda request, said: bench.answers.command(bench.shelf, said), "POST"),
        here("/train", lambda request, said: bench.answers.train(bench.shelf, said), "POST"),
        here("/runs", lambda request, said: {"runs": [run.as_json() for run in bench.shelf.runs()]}),
        here("/runs/{id}", lambda request, said: bench.answers.shown(bench.shelf, bench.run(request))),
        *(
            here(f"/runs/{{id}}/{do}", doing(bench, do), "POST")
            for do in ("stop", "resume", "judge", "export")
        ),
        *(
            Route(f"{PLACE}/runs/{{id}}/{do}", asking(bench, do), methods=["POST"])
            for do in ("ask", "inside")
        ),
        Route(f"{PLACE}/runs/{{id}}/files/{{name:path}}", file_of(bench)),
        Route(f"{PLACE}/runs/{{id}}/model.zip", zipped(bench, "packed", "model")),
        Route(f"{PLACE}/runs/{{id}}/export.zip", zipped(bench, "exported", "export")),
    ]


def handler(bench: Bench, work: Callable[[Request, Any], Any]) -> Handler:
    """JSON from a function of the request and of the JSON in its body."""

    async def answer(request: Request) -> Response:
        from glassworks.reader.application import said_in

        require_code(bench)
        has_body = request.method == "POST" and request.headers.get("content-length", "0") != "0"
        said = await said_in(request) if has_body else {}
        try:
            return JSONResponse(await run_in_threadpool(work, request, said))
        except PersonError as error:
            return mistake(error)

    return answer


def doing(bench: Bench, do: str) -> Callable[[Request, Any], Any]:
    """Do something with a run: a function of `answers`."""
    return lambda request, said: getattr(bench.answers, do)(bench.shelf, bench.run(request))


def dropped(bench: Bench) -> Handler:
    """PUT: one file of a drop."""

    async def answer(request: Request) -> Response:
        require_code(bench)
        length = request.headers.get("content-length", "")
        try:
            size = int(length) if length.isdigit() else -1
            await bench.drops.take(id_in(request), named(request), size, request.stream())
        except PersonError as error:
            return mistake(error)
        except OSError as error:
            told = PersonError(
                "disk",
                expected="a disk that takes the file",
                got=str(error.strerror),
                fix="see what it lacks",
            )
            return mistake(told)
        return Response(status_code=204)

    return answer


def asking(bench: Bench, do: str) -> Handler:
    """POST: a file for a run, or a text where no ?name= is given."""

    async def answer(request: Request) -> Response:
        require_code(bench)
        length = request.headers.get("content-length", "")
        if not length.isdigit() or int(length) > MOST_BODY:
            raise HTTPException(413, f"expected at most {MOST_BODY:,} bytes")
        body, name = await request.body(), named(request)

        def work() -> dict[str, Any]:
            return getattr(bench.answers, do)(bench.run(request), body, name)

        try:
            return JSONResponse(await run_in_threadpool(work))
        except PersonError as error:
            return mistake(error)

    return answer


def file_of(bench: Bench) -> Handler:
    """GET: a file of a run that a page may show."""

    async def answer(request: Request) -> Response:
        require_code(bench)
        try:
            run = await run_in_threadpool(bench.run, request)
        except PersonError as error:
            return mistake(error)
        place = run.path.resolve()
        path = (place / request.path_params["name"]).resolve()
        inside = path.relative_to(place).as_posix() if path.is_relative_to(place) else ""
        if not path.is_file() or not (inside in SHOWN or inside.startswith(DRAWINGS)):
            raise HTTPException(404, "there is no such file")
        kind = mimetypes.guess_type(path.name)[0] or ""
        kind = kind if kind.startswith(("text/html", "image/")) else "text/plain; charset=utf-8"
        return FileResponse(path, media_type=kind, headers={"cache-control": "no-store"})

    return answer


def zipped(bench: Bench, make: str, word: str) -> Handler:
    """GET: a run as one zip file, made by a function of `answers`."""

    async def answer(request: Request) -> Response:
        require_code(bench)

        def work() -> tuple[str, Path]:
            run = bench.run(request)
            into = bench.desk.folder / "studio" / "taken" / f"{run.id}-{word}.zip"
            return run.name, getattr(bench.answers, make)(run, into)

        try:
            name, path = await run_in_threadpool(work)
        except PersonError as error:
            return mistake(error)
        kept = {"cache-control": "no-store"}
        return FileResponse(path, media_type="application/zip", filename=f"{name}-{word}.zip", headers=kept)

    return answer


def id_in(request: Request) -> str:
    return str(request.path_params["id"])


def named(request: Request) -> str:
    """?name=, for a file or a drop."""
    return request.query_params.get("name", "")[:1000]


def require_code(bench: Bench) -> None:
    """Refuse where the book was opened for others."""
    if not bench.desk.code:
        raise HTTPException(403, "this book was opened for others; the workbench is for its own machine")


def mistake(error: PersonError) -> Response:
    """A mistake of the person, as the page shows it."""
    from glassworks.reader.studio.looking import told

    return JSONResponse({"error": told(error), "code": error.code}, status_code=400)
