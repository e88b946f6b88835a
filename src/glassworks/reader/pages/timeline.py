"""The timeline: works from 1986 to today as points in rows by domain, and as a list grouped by year.

The list is the page: it needs no script, and a phone shows it alone. The drawing above it is made of links
into the list; book.js lets the pointer and the arrow keys walk over them and shows each work beside the
drawing. Most works are recent, so the years from 2012 on are drawn wider than those before, as the scale
says.

The first thing to change: `WIDE_FROM` and `EARLY_SHARE`, how the width is shared out.
"""

from collections import defaultdict
from itertools import groupby

from glassworks.reader.contents import DOMAINS, Contents, Work, contents
from glassworks.reader.markup import escaped
from glassworks.reader.matter import cited
from glassworks.reader.pages.frame import frame, several
from glassworks.reader.pages.references import described

FIRST, LAST = 1986, 2026
WIDE_FROM, EARLY_SHARE = 2012, 0.3  # years before take this share of the width
TICKS = (1986, 1990, 1995, 2000, 2005, *range(2012, LAST + 1, 2))
ACROSS = 2  # points of one wide year side by side, then the next line
DOT = 15  # pixels from one point to the next
NARROWEST = 660  # pixels of the scale on the narrowest screen that shows the drawing


def timeline(domain: str = "", used: bool = False, *, book: Contents | None = None) -> str:
    """The page. domain: only this one ("" or unknown: all); used: only works that chapters depend on."""
    book = book or contents()
    domain = domain if domain in DOMAINS else ""
    every = sorted(book.works.values(), key=lambda work: (work.year, work.authors))
    needed = {key for chapter in book.chapters for key in chapter.works}
    works = [
        work for work in every if (not domain or work.domain == domain) and (not used or work.key in needed)
    ]
    body = (
        f'<h1>Timeline</h1><p class="lead">How the field got here, {FIRST} to today:'
        f" {several(len(every), 'work')} in"
        f" {len(DOMAINS)} domains.</p>{_choice(domain, used)}{_drawing(works, needed)}"
        f'<section class="years" aria-label="Works by year">{_list(works, book, needed)}</section>'
    )
    return frame("Timeline", body, active="timeline", wide=True)


def _choice(domain: str, used: bool) -> str:
    options = "".join(
        f'<option value="{name}"{" selected" if name == domain else ""}>{title}</option>'
        for name, title in {"": "All domains", **DOMAINS}.items()
    )
    return (
        '<form class="choice" action="/timeline" data-timeline><label for="domain">Domain</label>'
        f'<select id="domain" name="domain">{options}</select>'
        f'<label class="check"><input type="checkbox" name="used" value="1"{" checked" if used else ""}>'
        " only works that chapters depend on</label>"
        '<button type="submit">Show</button><span role="status" class="note"></span></form>'
    )


def _drawing(works: list[Work], needed: set[str]) -> str:
    rows = "".join(
        _row(name, [work for work in works if work.domain == name], needed)
        for name in DOMAINS
        if any(work.domain == name for work in works)
    )
    ticks = "".join(f'<span style="left:{across(year):.2f}%">{year}</span>' for year in TICKS)
    return (
        '<div class="chart"><p class="note" id="chart-help">Each point is a work; filled ones are used in'
        " chapters. The years from"
        f" {WIDE_FROM} on are drawn wider.</p>"
        f'<div class="scale" aria-hidden="true"><div>{ticks}</div></div>{rows}'
        '<div class="told" role="status"><p class="note">Choose a point to read about a work.</p></div></div>'
    )


def _row(domain: str, works: list[Work], needed: set[str]) -> str:
    points, tallest = [], 0
    for work, (column, line) in zip(works, _places([work.year for work in works])):
        tallest = max(tallest, line)
        kind = "point used" if work.key in needed else "point"
        name = escaped(f"{work.year}: {work.title}, {work.authors}")
        points.append(
            f'<a class="{kind}" href="#{escaped(work.key)}" aria-label="{name}" title="{name}"'
            f' data-work="{escaped(work.key)}" style="left:calc({across(work.year):.2f}% + {column * DOT}px);'
            f'top:{line * DOT + 5}px"></a>'
        )
    height = (tallest + 1) * DOT + 10
    return (
        f'<div class="row" data-domain="{domain}" role="group" aria-label="{DOMAINS[domain]}">'
        f'<span class="name" aria-hidden="true">{DOMAINS[domain]}</span>'
        f'<div class="line" style="height:{height}px">{"".join(points)}</div></div>'
    )


def _places(years: list[int]) -> list[tuple[int, int]]:
    """For each year its (column, line): the first line where the point touches no other one."""
    taken: dict[int, list[float]] = defaultdict(list)
    found = []
    for year in years:
        at = across(year) / 100 * NARROWEST
        columns = range(ACROSS if year >= WIDE_FROM else 1)
        spots = ((column, line) for line in range(len(years)) for column in columns)
        column, line = next(
            spot
            for spot in spots
            if all(abs(at + spot[0] * DOT - other) >= DOT - 1 for other in taken[spot[1]])
        )
        taken[line].append(at + column * DOT)
        found.append((column, line))
    return found


def across(year: int) -> float:
    """Where a year begins on the scale, in percent of the width; earlier years stand at its left end."""
    year = max(FIRST, year)
    if year < WIDE_FROM:
        return 100 * EARLY_SHARE * (year - FIRST) / (WIDE_FROM - FIRST)
    return 100 * (EARLY_SHARE + (1 - EARLY_SHARE) * (year - WIDE_FROM) / (LAST + 1 - WIDE_FROM))


def _list(works: list[Work], book: Contents, needed: set[str]) -> str:
    if not works:
        return "<p>No work fits this choice.</p>"
    return "".join(
        f'<section data-group><h2 id="year-{year}">{year}</h2><ul class="references">'
        + "".join(_item(work, book, needed) for work in group)
        + "</ul></section>"
        for year, group in groupby(works, lambda work: work.year)
    )


def _item(work: Work, book: Contents, needed: set[str]) -> str:
    link = "" if work.link else '<p class="note">There is no link to give for this entry.</p>'
    return (
        f'<li id="{escaped(work.key)}" data-domain="{work.domain}" data-used="{int(work.key in needed)}">'
        f'<span class="tag">{DOMAINS[work.domain]}</span> {cited(work)}{described(work, book)}{link}</li>'
    )
