"""The frame of every page: head, bar, footer, and the few pieces of HTML that pages share.

A page is a string; whatever comes from a file or a person goes through `escaped` or `prose` on its way into
it. Chapters are drawn by marimo and get only the bar from here. Nothing is loaded from another host, and
every page says all it has to say without JavaScript: book.js adds the theme, filters and the drawing of the
timeline.

The first thing to change: `PLACES`, the pages that the bar leads to.
"""

from collections.abc import Iterable

from glassworks import __version__
from glassworks.core.errors import did_you_mean
from glassworks.reader.contents import Chapter, Contents, contents
from glassworks.reader.markup import escaped

TITLE = "Secrets of AI Models"
PLACES = (
    ("path", "/", "Path"),
    ("studio", "/studio", "Workbench"),
    ("glossary", "/glossary", "Glossary"),
    ("timeline", "/timeline", "Timeline"),
    ("references", "/references", "References"),
    ("labs", "/labs", "Labs"),
    ("how-to-run", "/how-to-run", "How to run"),
)
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E"
    "%3Ccircle cx='16' cy='16' r='12' fill='none' stroke='%230b6e7f' stroke-width='5'/%3E"
    "%3Ccircle cx='16' cy='16' r='4' fill='%230b6e7f'/%3E%3C/svg%3E"
)
DRAWN = 'viewBox="0 0 20 20" width="20" height="20" fill="none" stroke="currentColor" stroke-width="1.8"'
HALF = (
    f'<svg {DRAWN} aria-hidden="true"><circle cx="10" cy="10" r="7.5"/>'
    '<path d="M10 2.5a7.5 7.5 0 0 1 0 15z" fill="currentColor"/></svg>'
)
LENS = (
    f'<svg {DRAWN} aria-hidden="true"><circle cx="8.5" cy="8.5" r="5.5"/><path d="M12.8 12.8 18 18"/></svg>'
)


def frame(title: str, body: str, *, active: str = "", wide: bool = False) -> str:
    """A whole page. active: the place of the bar it belongs to; wide: more than one column of text."""
    whole = TITLE if title == TITLE else f"{title} · {TITLE}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escaped(whole)}</title><link rel="icon" href="{ICON}">'
        '<link rel="stylesheet" href="/static/book.css"><script src="/static/book.js"></script></head>\n'
        f'<body><a class="skip" href="#content">Skip to the text</a>\n{bar(active)}\n'
        f'<main id="content"{" class=wide" if wide else ""}'
        f' tabindex="-1">\n{body}\n</main>\n{_footer()}\n</body></html>\n'
    )


def bar(active: str = "", chapter: Chapter | None = None) -> str:
    """The slim bar above every page; above a chapter it also leads to those before and after it."""
    steps, label = "", "Menu"
    if chapter is not None:
        before, after = contents().neighbours(chapter.slug)
        label = "Contents"
        steps = (
            f'<nav class="steps" aria-label="Chapters">{_step(before, "prev")}{_step(after, "next")}</nav>'
        )
    kind = "bar in-chapter" if chapter is not None else "bar"
    return (
        f'<header class="{kind}"><a class="home" href="/" aria-label="{TITLE}"><span'
        f' class="long">{TITLE}</span><span'
        ' class="short">Book</span></a>'
        f'<nav class="places" aria-label="Pages">{_places(active)}</nav>{steps}'
        f'<details class="menu"><summary>{label}</summary><div class="panel">'
        f'<nav aria-label="Pages of the book">{_places(active)}</nav>{_ready(chapter)}</div></details>'
        '<form class="find" role="search" action="/search"><input type="search" name="q" maxlength="200"'
        f' aria-label="Search the book" placeholder="Search"></form>'
        f'<a class="find-page" href="/search" aria-label="Search the book">{LENS}</a>'
        f'<button class="theme" type="button" hidden>{HALF}<span>Theme: system</span></button></header>'
    )


def waiting(chapter: Chapter, text: str) -> str:
    """The chapter as plain text, shown until the running one has been drawn. text: HTML of the chapter."""
    return (
        f'<main id="waiting" class="chapter-plain" aria-label="{escaped(chapter.title)}">'
        '<p class="loading" role="status">This is the text of the chapter. Its figures and exercises appear'
        " when it has started, which needs JavaScript.</p>"
        f"{text}</main>"
    )


def not_found(path: str) -> str:
    """The page for an address that leads nowhere; a chapter that is still to come is named."""
    book = contents()
    slug = path.removeprefix("/book/").strip("/")
    if slug in book.by_slug:
        said = f"<p>The chapter <strong>{escaped(book.by_slug[slug].title)}</strong> is still to come.</p>"
    else:
        known = (
            [chapter.slug for chapter in book.ready] if path.startswith("/book/") else [p[1] for p in PLACES]
        )
        near = did_you_mean(slug if path.startswith("/book/") else path, known)
        hint = f"<p>{escaped(near[0].upper() + near[1:])}</p>" if near.startswith("did") else ""
        said = f"<p>There is nothing at <code>{escaped(path[:200])}</code>.</p>{hint}"
    more = '<p><a class="button" href="/">To the learning path</a></p>'
    return frame("Not found", f"<h1>Nothing here</h1>{said}{more}")


def sorry(text: str) -> str:
    """The page for a request that was refused, with the reason."""
    return frame(
        "Refused", f'<h1>That did not work</h1><p>{escaped(text)}</p><p><a href="/">To the path</a></p>'
    )


def place_of(chapter: Chapter) -> str:
    """Where a link to a chapter leads: to the chapter, or to its card while it is still to come."""
    return chapter.address if chapter.ready else f"/#{anchor(chapter.slug)}"


def chapter_links(chapters: Iterable[Chapter], *, tell: bool = True) -> str:
    """Links to chapters, side by side. tell: whether those to come say so."""
    links = (
        f'<a href="{escaped(place_of(chapter))}">{escaped(chapter.title)}'
        f"{' (to come)' if tell and not chapter.ready else ''}</a>"
        for chapter in chapters
    )
    return ", ".join(links)


def anchor(slug: str) -> str:
    """A slug as the id of an element."""
    return slug.replace("/", "-")


def several(number: int, noun: str) -> str:
    """ "1 chapter", "2 chapters" """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _places(active: str) -> str:
    return "".join(
        f'<a href="{address}"{" aria-current=page" if name == active else ""}>{title}</a>'
        for name, address, title in PLACES
    )


def _step(chapter: Chapter | None, kind: str) -> str:
    word, sign = {"prev": ("Previous", "‹"), "next": ("Next", "›")}[kind]
    if chapter is None:
        return ""
    title = escaped(f"{word}: {chapter.title}")
    inside = f'<span aria-hidden="true">{sign}</span>', f'<span class="word">{word}</span>'
    ordered = inside if kind == "prev" else inside[::-1]
    named = f'aria-label="{title}" title="{title}"'
    return f'<a rel="{kind}" href="{chapter.address}" {named}>{"".join(ordered)}</a>'


def _ready(current: Chapter | None, book: Contents | None = None) -> str:
    """The chapters that can be opened, in order."""
    book = book or contents()
    rows = "".join(
        f'<li><a href="{chapter.address}"{" aria-current=page" if chapter == current else ""}>'
        f"{escaped(chapter.title)}</a></li>"
        for chapter in book.ready
    )
    return f'<nav aria-label="Chapters to read"><ol>{rows}</ol></nav>' if rows else ""


def _footer() -> str:
    return (
        "<footer><p>Secrets of AI Models, the book of Glassworks "
        f"{escaped(__version__)}, licence Apache-2.0. This page is served by your own machine: it loads"
        " nothing from elsewhere and sends nothing anywhere.</p>"
        "<p>Made with marimo (running chapters), KaTeX (mathematics), anywidget (figures), Starlette and"
        " uvicorn (server), PyTorch (everything that learns).</p>"
        '<nav aria-label="Foot of the page"><a href="/how-to-run">How to run this</a>'
        '<a href="/references">References</a></nav></footer>'
    )
