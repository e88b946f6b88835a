"""What stands before and after every chapter: objectives, summary, terms, timeline and references.

All of it comes from contents.toml, works.toml and glossary.toml, so a number of minutes or a year is written
once. The same HTML is used by the running chapter, by its plain text, and by the static site.

The first thing to change: `header`, what a reader sees first.
"""

from glassworks.reader.contents import Chapter, Objective, Work, contents
from glassworks.reader.markup import escaped, outside, prose


def header(chapter: Chapter, passed: frozenset[str] = frozenset()) -> str:
    """Title, time, what is needed, and the objectives, each with the exercise that checks it.

    passed: ids of the exercises that this reader has passed
    """
    book = contents()
    needs = [book.chapter(slug) for slug in chapter.needs]
    links = ", ".join(_link(need) for need in needs)
    part = book.by_part[chapter.part].title
    facts = f"{escaped(part)} · about {chapter.minutes} minutes"
    facts += f" · builds on {links}" if links else " · builds on nothing but a little Python"
    rows = "".join(_objective(one, one.exercise_id in passed) for one in chapter.objectives)
    return (
        f'<div class="objectives"><h1>{escaped(chapter.title)}</h1>'
        f'<p class="facts">{facts}</p><p class="about">{escaped(chapter.about)}</p>'
        f"<h2>What you will be able to do</h2><ul>{rows}</ul></div>"
    )


def _link(chapter: Chapter) -> str:
    """A chapter by its title; one that is to come cannot be opened, and says so."""
    if not chapter.ready:
        return f"{escaped(chapter.title)} (to come)"
    return f'<a href="{chapter.address}">{escaped(chapter.title)}</a>'


def summary(chapter: Chapter, passed: frozenset[str] = frozenset()) -> str:
    """How far this reader came, and the one next step."""
    done = sum(one in passed for one in chapter.exercises)
    _, following = contents().neighbours(chapter.slug)
    counted = f"{done} of {len(chapter.exercises)} exercises of this chapter are passed."
    if following:
        step = f'Next: <a href="{following.address}">{escaped(following.title)}</a>, '
        step += f"about {following.minutes} minutes. {escaped(following.about)}"
    else:
        step = 'This is the last chapter that is ready. <a href="/">The path</a> shows what is to come.'
    return f'<div class="next"><p class="counted">{counted}</p><p>{step}</p></div>'


def terms(chapter: Chapter) -> str:
    """The terms of a chapter with their meanings."""
    known = contents().terms
    rows = "".join(
        f'<dt><a href="/glossary#{key}">{escaped(known[key].term)}</a></dt>'
        f"<dd>{prose(known[key].meaning)}</dd>"
        for key in chapter.terms
    )
    return f'<div class="terms"><h2>Terms</h2><dl>{rows}</dl></div>'


def timeline(chapter: Chapter) -> str:
    """The works of a chapter in the order of their years, each with what it brought."""
    rows = "".join(
        f"<li><b>{work.year}</b> {escaped(work.title)}: {escaped(work.brought)}</li>"
        for work in sorted(_works(chapter), key=lambda work: work.year)
    )
    link = '<a href="/timeline">the whole timeline</a>'
    return f'<div class="works"><h2>How it came about</h2><ol class="years">{rows}</ol><p>{link}</p></div>'


def references(chapter: Chapter) -> str:
    """The works of a chapter by author, with links to them."""
    rows = "".join(
        f"<li>{cited(work)}</li>" for work in sorted(_works(chapter), key=lambda work: work.authors)
    )
    return f'<div class="works"><h2>References</h2><ul>{rows}</ul></div>'


def _objective(goal: Objective, passed: bool) -> str:
    sign = f'<b class="good"{"" if passed else " hidden"}>done: </b>'
    return f'<li data-exercise="{goal.exercise_id}">{sign}{escaped(goal.text)}</li>'


def _works(chapter: Chapter) -> list[Work]:
    return [contents().works[key] for key in chapter.works]


def cited(work: Work) -> str:
    """Authors, year, title with its link, venue; data also says its licence."""
    title = outside(work.link, work.title) if work.link else f"<cite>{escaped(work.title)}</cite>"
    venue = f" {escaped(work.venue)}." if work.venue else ""
    licence = f" Licence: {escaped(work.licence)}." if work.licence else ""
    return f"{escaped(work.authors)} ({work.year}). {title}.{venue}{licence}"
