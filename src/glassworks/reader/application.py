"""The book as one web application: home and its pages, chapters through marimo, a guard around it all.

Chapters are marimo notebooks in run mode: one directory of them, and an allow-list from contents.toml.
Everything a page loads comes from here; marimo's own front-end is served once for all chapters, to be kept
by the browser.

The first thing to change: `routes`, to add a page.
"""

import contextlib
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from glassworks.core.errors import PersonError
from glassworks.reader import checking, downloads, hosted, pages
from glassworks.reader.chapter_page import ChapterPages, split
from glassworks.reader.contents import CHAPTERS, Chapter, contents
from glassworks.reader.desk import Desk, open_desk
from glassworks.reader.guard import Door, Guard, Receive, Scope, Send
from glassworks.reader.studio import routes as studio

HERE = Path(__file__).parent
SESSION_SECONDS = 30  # a closed tab's kernel is kept so long, in case only its connection was lost
HEAD_START = 0.5  # seconds that the first page has for itself before torch is imported
LATER = 10.0  # seconds before the process that checks answers is started: the first page needs the cores
LARGEST_BODY = 2_000_000  # bytes of a request to /api
YEAR = "public, max-age=31536000, immutable"


class Book:
    """The application without its guard: chapters below /book/, everything else from `site`."""

    def __init__(self, desk: Desk):
        self.desk, self.started = desk, f"{time.time():.3f}"
        self.imported = threading.Event()
        self.imported.set()
        self.site = Starlette(
            routes=routes(self),
            lifespan=self.running,
            exception_handlers={404: _not_found, PersonError: _told, HTTPException: _refused},
        )
        self.chapters = ChapterPages(chapters_of_marimo(), ready, self.dress)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        inside = scope["type"] in ("http", "websocket") and scope["path"].startswith("/book/")
        if inside and ready(split(scope["path"])[0]) is not None:
            if scope["type"] == "websocket":
                # Its kernel imports what the warm-up imports; two that are in the middle of torch both fail.
                await run_in_threadpool(self.imported.wait)
            return await self.chapters(scope, receive, send)
        return await self.site(scope, receive, send)

    @contextlib.asynccontextmanager
    async def running(self, site: Any) -> AsyncIterator[None]:
        """What takes seconds begins at once in the background; what was started ends with the book."""
        self.imported.clear()
        threading.Thread(target=self._warm, daemon=True, name="warm-up").start()
        yield
        self.desk.close()
        checking.close()

    def _warm(self) -> None:
        time.sleep(HEAD_START)
        try:
            import torch  # noqa: F401  the first chapter needs it

            from glassworks.reader import book  # noqa: F401
            from glassworks.reader.figures import lite0
        finally:
            self.imported.set()
        pages.index()
        with contextlib.suppress(PersonError):  # its package may be missing; the chapter says so
            lite0.classifier()
        time.sleep(LATER)
        if self.desk.code:
            checking.warm()

    def dress(self, chapter: Chapter, text: str) -> str:
        """What stands around a chapter: the bar, and its text until marimo has drawn the first cell."""
        tools = pages.tools(chapter, hosted=hosted.address(chapter), code=self.desk.code)
        return pages.bar(chapter=chapter) + tools + pages.waiting(chapter, text)


def application(desk: Desk, door: Door) -> Guard:
    """The whole book behind its guard. desk: this reader's; door: who may come in."""
    return Guard(Book(open_desk(desk)), door)


def ready(slug: str) -> Chapter | None:
    """The chapter that can be opened under that slug."""
    chapter = contents().by_slug.get(slug)
    return chapter if chapter is not None and chapter.ready else None


def chapters_of_marimo() -> Any:
    """marimo's part: run mode, source readable, nothing from elsewhere, only chapters of the contents."""
    import marimo

    builder = marimo.create_asgi_app(
        quiet=True, include_code=True, session_ttl=SESSION_SECONDS, asset_url="/marimo"
    )
    return builder.with_dynamic_directory(
        path="/book",
        directory=str(CHAPTERS),
        validate_callback=lambda path, scope: ready(split(path)[0]) is not None,
    ).build()


def routes(book: Book) -> list[Route | Mount]:
    """Everything but the chapters. A page is a function from a request to HTML."""
    import marimo

    frontend = Path(marimo.__file__).parent / "_static"
    return [
        Route("/", _page(lambda request: pages.home(book.desk.progress))),
        Route("/glossary", _page(lambda request: pages.glossary())),
        Route("/timeline", _page(_timeline)),
        Route("/references", _page(lambda request: pages.references())),
        Route("/search", _page(lambda request: pages.search(request.query_params.get("q", "")[:200]))),
        Route("/labs", _page(lambda request: pages.labs())),
        Route("/studio", _page(lambda request: pages.studio(code=book.desk.code), book.imported)),
        Route("/how-to-run", _page(lambda request: pages.how_to_run(book.desk.folder), book.imported)),
        Route(
            "/source/{path:path}",
            _page(lambda request: pages.source_file(request.path_params["path"]), book.imported),
        ),
        Route("/api/health", lambda request: JSONResponse({"started": book.started})),
        Route("/api/progress", book_progress(book), methods=["GET", "POST"]),
        Route("/api/position", position(book), methods=["POST"]),
        Route("/api/passed/{slug:path}", passed(book)),
        Route("/api/copies", copies(book), methods=["GET", "POST", "DELETE"]),
        Route("/api/notebook/{slug:path}.ipynb", notebook),
        *downloads.routes(book.desk),
        *studio.routes(book.desk, book.imported),
        Mount("/static", Kept(directory=HERE / "static", age="no-cache")),
        Mount("/marimo", Kept(directory=frontend, age=YEAR)),
        Mount("/book", _no_chapter),
    ]


def book_progress(book: Book) -> Callable[[Request], Any]:
    """GET: progress as a file to take along. POST: merge such a file; nothing that was passed is lost."""

    async def answer(request: Request) -> Response:
        if request.method == "GET":
            name = {"Content-Disposition": 'attachment; filename="secrets-of-ai-models-progress.json"'}
            return Response(book.desk.progress.export(), media_type="application/json", headers=name)
        await run_in_threadpool(book.desk.progress.merge, await body_of(request))
        return JSONResponse({"merged": True})

    return answer


def position(book: Book) -> Callable[[Request], Any]:
    """POST {"slug", "anchor"}: how far the reader came."""

    async def answer(request: Request) -> Response:
        said = await said_in(request)
        if ready(str(said.get("slug"))) is None:
            raise HTTPException(400, "expected the slug of a chapter")
        anchor = str(said.get("anchor", ""))[:200]
        await run_in_threadpool(book.desk.progress.position, said["slug"], anchor)
        return Response(status_code=204)

    return answer


def passed(book: Book) -> Callable[[Request], Any]:
    """GET: the exercises of a chapter that are passed, for marks on a page that is open already."""

    async def answer(request: Request) -> Response:
        chapter = ready(request.path_params["slug"])
        if chapter is None:
            raise HTTPException(404)
        done = [one for one in chapter.exercises if book.desk.progress.passed(one)]
        return JSONResponse({"passed": done, "of": len(chapter.exercises)})

    return answer


def copies(book: Book) -> Callable[[Request], Any]:
    """POST {"slug"}: open a copy of that chapter in an editor; GET: the open ones; DELETE: close one."""

    async def answer(request: Request) -> Response:
        if not book.desk.code:
            raise HTTPException(403, "this book does not run code for others; start it with --allow-code")
        if request.method == "GET":
            opened = [{"slug": one.slug, "address": one.address} for one in book.desk.copies.opened()]
            return JSONResponse({"opened": opened})
        said = await said_in(request)
        chapter = ready(str(said.get("slug")))
        if chapter is None:
            raise HTTPException(400, "expected the slug of a chapter that is ready")
        if request.method == "DELETE":
            await run_in_threadpool(book.desk.copies.close, chapter.slug)
            return Response(status_code=204)
        editor = await run_in_threadpool(book.desk.copies.open, chapter)
        return JSONResponse({"address": editor.address, "path": str(editor.path)})

    return answer


async def notebook(request: Request) -> Response:
    """GET: a chapter as a notebook for another place."""
    chapter = ready(request.path_params["slug"])
    if chapter is None:
        raise HTTPException(404)
    text = await run_in_threadpool(hosted.as_text, chapter.slug)
    name = {"Content-Disposition": f'attachment; filename="{chapter.name}.ipynb"'}
    return Response(text, media_type="application/x-ipynb+json", headers=name)


async def said_in(request: Request) -> dict[str, Any]:
    """A small JSON object from the body."""
    try:
        said = json.loads(await body_of(request))
    except ValueError as error:
        raise HTTPException(400, "expected JSON") from error
    if not isinstance(said, dict):
        raise HTTPException(400, "expected a JSON object")
    return said


async def body_of(request: Request) -> bytes:
    """The body of a request, refused when it is larger than any honest one."""
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > LARGEST_BODY:
        raise HTTPException(413, f"expected at most {LARGEST_BODY:,} bytes")
    return await request.body()


class Kept(StaticFiles):
    """Files with a word on how long a browser may keep them."""

    def __init__(self, *, directory: Path, age: str):
        super().__init__(directory=directory)
        self.age = age

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = self.age
        return response


def _page(make: Callable[[Request], str], after: threading.Event | None = None) -> Callable[[Request], Any]:
    """after: waited for by pages that import when they are asked for; two threads in the middle of the same
    imports can lock each other out."""

    def made(request: Request) -> str:
        if after is not None:
            after.wait()
        return make(request)

    async def answer(request: Request) -> Response:
        return HTMLResponse(await run_in_threadpool(made, request), headers={"cache-control": "no-store"})

    return answer


def _timeline(request: Request) -> str:
    asked = request.query_params
    return pages.timeline(asked.get("domain", ""), used=asked.get("used") == "1")


async def _no_chapter(scope: Scope, receive: Receive, send: Send) -> None:
    raise HTTPException(404)


async def _not_found(request: Request, error: Exception) -> Response:
    return HTMLResponse(pages.not_found(request.url.path), status_code=404)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return HTMLResponse(pages.sorry(error.detail), status_code=error.status_code)


async def _told(request: Request, error: Exception) -> Response:
    return HTMLResponse(pages.sorry(str(error)), status_code=400)
