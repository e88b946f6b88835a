"""The home page: what this is, where to go on, the learning path, and every chapter as a card.

The page knows the contents and the reader's progress and nothing else. A chapter that is not written yet is
shown as what it is, to come: no link, the same sentence, readable.

The first thing to change: `_card`, what is said about a chapter.
"""

from typing import Protocol
from urllib.parse import urlencode

from glassworks.reader.contents import Chapter, Contents, Part, contents
from glassworks.reader.markup import escaped
from glassworks.reader.pages import path
from glassworks.reader.pages.frame import TITLE, anchor, chapter_links, frame, several

LEAD = (
    "How models see, write, hear and decide, in chapters that run: move the figures, change the code, train"
    " on your own data. Everything happens on this machine."
)


class Read(Protocol):
    """What home asks of a reader's progress. trouble: a sentence when it cannot be kept as it should."""

    trouble: str

    def passed(self, exercise_id: str) -> bool: ...

    def last(self) -> tuple[str, str] | None:
        """The chapter and the heading where the reader was last."""


def home(progress: Read | None = None, *, book: Contents | None = None) -> str:
    """The home page. progress: of this reader; None for a page without one, such as the static site."""
    book = book or contents()
    passed = {
        exercise
        for chapter in book.ready
        for exercise in chapter.exercises
        if progress is not None and progress.passed(exercise)
    }
    stops = path.stations(book, lambda slug: _share(book.chapter(slug), passed))
    shelves = "\n".join(_shelf(part, book, passed) for part in book.parts)
    ready = len(book.ready)
    count = f"{several(len(book.chapters), 'chapter')}; {ready} can be read, the others are to come."
    trouble = escaped(progress.trouble) if progress is not None else ""
    notice = f'<p class="notice" role="status">{trouble}</p>' if trouble else ""
    body = (
        f'{notice}<div class="opening"><div><h1>{TITLE}</h1><p class="lead">{LEAD}</p></div>'
        f"{_continue(book, progress, passed)}</div>"
        '<section class="way" aria-labelledby="way"><h2 id="way">The learning path</h2><p'
        f' class="note">{count}</p>'
        f"{path.drawing(stops)}</section>\n{shelves}"
    )
    return frame(TITLE, body, active="path", wide=True)


def _share(chapter: Chapter, passed: set[str]) -> float:
    """The share of a chapter's exercises that are passed."""
    return sum(one in passed for one in chapter.exercises) / max(1, len(chapter.exercises))


def _continue(book: Contents, progress: Read | None, passed: set[str]) -> str:
    """One clear next step: back to where the reader was, or to the first chapter."""
    last = progress.last() if progress is not None else None
    slug, heading = last or ("", "")
    here = book.by_slug.get(slug)
    if here is None or not here.ready:
        return _next_step("Start here", next(iter(book.ready), None), "")
    _, following = book.neighbours(here.slug)
    if here.exercises and _share(here, passed) == 1 and following is not None:
        return _next_step(f"You have finished “{here.title}”. Next", following, "")
    return _next_step("Continue where you left off", here, heading)


def _next_step(said: str, chapter: Chapter | None, heading: str) -> str:
    if chapter is None:
        return '<p class="next-step">The first chapter is still to come.</p>'
    at = f"?{urlencode({'at': heading})}" if heading else ""
    return (
        f'<p class="next-step"><span>{escaped(said)}:</span> '
        f'<a class="button" href="{escaped(chapter.address + at)}">{escaped(chapter.title)}</a> '
        f"<span>{several(chapter.minutes, 'minute')}. {escaped(chapter.about)}</span></p>"
    )


def _shelf(part: Part, book: Contents, passed: set[str]) -> str:
    cards = "".join(_card(chapter, book, passed) for chapter in book.of_part(part.name))
    name = escaped(part.name)
    return (
        f'<section class="shelf" id="part-{name}" aria-labelledby="title-{name}">'
        f'<h2 id="title-{name}">{escaped(part.title)}</h2><p class="note">{escaped(part.about)}</p>'
        f'<ol class="cards">{cards}</ol></section>'
    )


def _card(chapter: Chapter, book: Contents, passed: set[str]) -> str:
    title = escaped(chapter.title)
    if chapter.ready:
        title = f'<a href="{escaped(chapter.address)}">{title}</a>'
    needs = chapter_links((book.chapter(slug) for slug in chapter.needs), tell=False)
    builds = f'<p class="needs">Builds on {needs}</p>' if needs else ""
    minutes = several(chapter.minutes, "minute")
    state = _progress(chapter, passed) if chapter.ready else '<span class="to-come">to come</span>'
    kind = "card" if chapter.ready else "card later"
    return (
        f'<li class="{kind}" id="{escaped(anchor(chapter.slug))}"><h3>{title}</h3>'
        f'<p class="facts">{minutes} · {state}</p><p>{escaped(chapter.about)}</p>{builds}</li>'
    )


def _progress(chapter: Chapter, passed: set[str]) -> str:
    if not chapter.exercises:
        return "ready"
    done = sum(one in passed for one in chapter.exercises)
    said = f"{done} of {several(len(chapter.exercises), 'exercise')} passed"
    meter = f'<progress value="{done}" max="{len(chapter.exercises)}" aria-label="{said}"></progress>'
    return f'<span class="{"good" if done == len(chapter.exercises) else "count"}">{said}</span>{meter}'
