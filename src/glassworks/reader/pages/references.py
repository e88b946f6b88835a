"""The references: every work of works.toml by domain and author, with its link and its chapters.

The first thing to change: works.toml.
"""

from glassworks.reader.contents import DOMAINS, Contents, Work, contents
from glassworks.reader.markup import escaped, prose
from glassworks.reader.matter import cited
from glassworks.reader.pages.frame import chapter_links, frame, several


def references(*, book: Contents | None = None) -> str:
    """The page of all works; each has its key as id."""
    book = book or contents()
    present = [name for name in DOMAINS if any(work.domain == name for work in book.works.values())]
    jumps = "".join(f'<a href="#domain-{name}">{DOMAINS[name]}</a>' for name in present)
    groups = "".join(
        f'<section><h2 id="domain-{name}">{DOMAINS[name]}</h2><ul class="references">'
        + "".join(_row(work, book) for work in _sorted(book, name))
        + "</ul></section>"
        for name in present
    )
    body = (
        f'<h1>References</h1><p class="lead">{several(len(book.works), "work")}: what the chapters depend'
        " on, and the landmarks around it. Links lead to the papers and data themselves, on other"
        " sites.</p><nav"
        f' class="letters" aria-label="Domains">{jumps}</nav>{groups}'
    )
    return frame("References", body, active="references")


def described(work: Work, book: Contents) -> str:
    """What a work brought, and the chapters that depend on it."""
    chapters = chapter_links(book.chapters_with(work.key))
    used = f'<p class="note">Used in {chapters}</p>' if chapters else ""
    return f"<p>{prose(work.brought)}</p>{used}"


def _row(work: Work, book: Contents) -> str:
    return f'<li id="{escaped(work.key)}">{cited(work)}{described(work, book)}</li>'


def _sorted(book: Contents, domain: str) -> list[Work]:
    """By the family name of the first author, then by year."""
    works = [work for work in book.works.values() if work.domain == domain]
    return sorted(works, key=lambda work: (_family(work), work.year, work.title))


def _family(work: Work) -> str:
    return work.authors.split(",")[0].split()[-1].casefold()
