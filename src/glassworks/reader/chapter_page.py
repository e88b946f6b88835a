"""A chapter's page: what marimo serves, with the book around it and its text readable before any script runs.

marimo answers with a page that is empty until its scripts have loaded. On the way out this page gets the
bar of the book, the chapter as plain text (`plain.py`), the styles, and a nonce on each script; as soon as
marimo has drawn the first cell, `chapter.js` takes the plain text away. Nothing else of marimo's answers is
touched.

The first thing to change: `chapter.css`, how a chapter looks.
"""

import html
import re
from collections.abc import Callable
from functools import lru_cache

from glassworks.reader import plain
from glassworks.reader.contents import Chapter
from glassworks.reader.guard import Application, Message, Receive, Scope, Send

WORKER = re.compile(r"<script>\s*if \('serviceWorker' in navigator\).*?</script>", re.DOTALL)
CARDS = re.compile(r'<meta (?:property|name)="(?:og|twitter):[^>]*>\n?|<link rel="manifest"[^>]*>')
THEME = re.compile(r'"theme": "(?:system|light|dark)"')
HINDERING = (b"accept-encoding", b"if-none-match", b"range")  # a part of a page could not be dressed
HEAD = (
    # marimo's checker of data would try whether it may write code at run time; the policy says no, loudly
    "<script>globalThis.__zod_globalConfig = { jitless: true }</script>"
    '<link rel="stylesheet" href="/static/book.css"><link rel="stylesheet" href="/static/chapter.css">'
    '<script src="/static/book.js" defer></script><script src="/static/chapter.js" defer></script>'
)


class ChapterPages:
    """ASGI: marimo's chapters below /book/, dressed as pages of the book.

    find:  slug -> Chapter of one that can be opened, or None
    dress: (chapter, plain text as HTML) -> what stands in the body before marimo's own element
    """

    def __init__(
        self,
        marimo: Application,
        find: Callable[[str], Chapter | None],
        dress: Callable[[Chapter, str], str],
    ):
        self.marimo, self.find, self.dress = marimo, find, dress

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        slug, rest = split(scope["path"])
        chapter = self.find(slug)
        if scope["type"] != "http" or chapter is None or rest:
            await self.marimo(scope, receive, send)
            return
        wanted = [(name, value) for name, value in scope["headers"] if name not in HINDERING]
        start: Message = {}
        body: list[bytes] = []

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                body.append(message.get("body", b""))

        await self.marimo({**scope, "headers": wanted}, receive, collect)
        content = b"".join(body)
        headers = [(n, v) for n, v in start["headers"] if n.lower() not in (b"content-length", b"etag")]
        if start["status"] == 200:
            page = self.page(content.decode(), chapter, scope["nonce"], theme(scope))
            content = page.encode()
            headers = [(n, v) for n, v in headers if n.lower() != b"cache-control"]
            headers.append((b"cache-control", b"no-store"))  # the nonce is for one answer
        headers.append((b"content-length", str(len(content)).encode()))
        await send({**start, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def page(self, text: str, chapter: Chapter, nonce: str, theme: str) -> str:
        """marimo's page in the dress of the book."""
        text = CARDS.sub("", WORKER.sub("", text, count=1))
        text = THEME.sub(f'"theme": "{theme}"', text)
        lang = f'<html lang="en" data-theme="{theme}"' if theme != "system" else '<html lang="en"'
        text = text.replace('<html lang="en"', lang, 1).replace("</head>", f"{HEAD}</head>", 1)
        before = self.dress(chapter, _plain(chapter))
        text = text.replace('<div id="root"></div>', f'{before}<div id="root"></div>', 1)
        return text.replace("<script", f'<script nonce="{html.escape(nonce)}"')


def split(path: str) -> tuple[str, str]:
    """/book/part/name/rest -> (part/name, rest)."""
    words = path.removeprefix("/book/").split("/", 2)
    return "/".join(words[:2]), words[2] if len(words) > 2 else ""


def theme(scope: Scope) -> str:
    """The theme that the reader chose in the bar: "light", "dark" or "system"."""
    for name, value in scope["headers"]:
        if name == b"cookie":
            found = re.search(rb"(?:^|;\s*)theme=(light|dark)(?:;|$)", value)
            if found:
                return found[1].decode()
    return "system"


def _plain(chapter: Chapter) -> str:
    return _plain_at(chapter, plain.path_of(chapter.slug).stat().st_mtime_ns)


@lru_cache(maxsize=128)
def _plain_at(chapter: Chapter, changed: int) -> str:
    return plain.page(chapter)
