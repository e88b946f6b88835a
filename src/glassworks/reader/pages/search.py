"""The search page: one field, the best entries of chapters, terms and works, each with the words marked.

The index is built from the chapters' own text when somebody first searches, and again when a chapter's file
has changed. It works as an ordinary form, without a script.

The first thing to change: `entries`, what can be found.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Protocol
from urllib.parse import quote_plus, urlencode

from glassworks.reader import plain
from glassworks.reader.contents import DOMAINS, Contents, contents
from glassworks.reader.markup import escaped
from glassworks.reader.pages.frame import frame, place_of, several
from glassworks.reader.pages.index import MOST, Entry, Found, Index, excerpt


class Passage(Protocol):
    """A piece of a chapter: the heading it stands under, and its words."""

    @property
    def heading(self) -> str: ...
    @property
    def text(self) -> str: ...


Passages = Callable[[str], Iterable[Passage]]


def search(query: str = "", *, found: Found | None = None) -> str:
    """The page for a query. found: what another index found; None asks the book's own."""
    query = query.strip()
    found = found or index().find(query)
    body = (
        '<h1>Search</h1><form class="search" role="search" action="/search"><label for="q">Words</label>'
        f'<input id="q" type="search" name="q" value="{escaped(query)}" maxlength="200">'
        f'<button type="submit">Search</button></form>{_answer(query, found)}'
    )
    return frame(f"Search: {query}" if query else "Search", body, active="search")


def index() -> Index:
    """The index of the installed book, as its files are now."""
    files = [plain.path_of(chapter.slug) for chapter in contents().ready]
    return _index(tuple(file.stat().st_mtime_ns for file in files if file.is_file()))


@lru_cache(maxsize=1)
def _index(changed: tuple[int, ...]) -> Index:
    return Index(entries(contents(), plain.passages))


def entries(book: Contents, passages: Passages) -> list[Entry]:
    """Everything that can be found. passages: slug of a chapter that is ready -> its text in pieces."""
    found = []
    for chapter in book.chapters:
        goals = " ".join(goal.text for goal in chapter.objectives)
        part = book.by_part[chapter.part].title
        kind = "Chapter" if chapter.ready else "Chapter to come"
        found.append(Entry(kind, chapter.title, part, f"{chapter.about} {goals}".strip(), place_of(chapter)))
        for passage in passages(chapter.slug) if chapter.ready else ():
            heading = _without_marks(passage.heading)
            at = f"?{urlencode({'at': heading_id(heading)})}" if heading else ""
            text = _without_marks(passage.text)
            found.append(Entry(chapter.title, heading or chapter.title, "", text, chapter.address + at))
    for term in book.terms.values():
        found.append(Entry("Term", term.term, "", _without_marks(term.meaning), f"/glossary#{term.key}"))
    for work in book.works.values():
        about = f"{work.authors}, {work.year}. {work.brought}"
        found.append(Entry("Work", work.title, DOMAINS[work.domain], about, f"/references#{work.key}"))
    return found


def heading_id(heading: str) -> str:
    """The id that a heading gets in a running chapter (Python-Markdown's rule)."""
    letters = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", letters).strip().lower())


def _without_marks(text: str) -> str:
    """Text as it is read: no signs of Markdown."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"\s+", " ", re.sub(r"[#>|]+", " ", re.sub(r"[*`$]+", "", text))).strip()


def _answer(query: str, found: Found) -> str:
    if not query:
        return "<p>Chapters, terms and papers are searched. The beginning of a word is enough.</p>"
    nearest = ""
    if found.nearest:
        link = f'<a href="/search?q={quote_plus(found.nearest)}">{escaped(found.nearest)}</a>'
        nearest = f"<p>Did you mean {link}?</p>"
    if not found.entries:
        return (
            f'<p role="status">Nothing in the book holds “{escaped(query)}”.</p>{nearest}'
            "<p>The book is in English; a shorter or more common word may help. The "
            '<a href="/glossary">glossary</a> lists the terms, the <a href="/">path</a> all chapters.</p>'
        )
    said = f"{several(len(found.entries), 'result')}, best first."
    if len(found.entries) == MOST:
        said = f"The {MOST} best results. More words find fewer."
    if not found.whole:
        said = "Nothing holds all of these words. The following hold some of them."
    rows = "".join(_row(entry, found.words) for entry in found.entries)
    return f'<p role="status">{said}</p>{nearest}<ol class="results">{rows}</ol>'


def _row(entry: Entry, words: tuple[str, ...]) -> str:
    place = f"{entry.kind} · {entry.heading}" if entry.heading else entry.kind
    text = _marked(entry.text, words, 190)
    return (
        f'<li><a href="{escaped(entry.address)}">{_marked(entry.title, words, 300)}</a>'
        f'<p class="note">{escaped(place)}</p><p>{text}</p></li>'
    )


def _marked(text: str, words: tuple[str, ...], length: int) -> str:
    pieces = excerpt(text, words, length)
    return "".join(f"<mark>{escaped(piece)}</mark>" if hit else escaped(piece) for piece, hit in pieces)
