"""The learning path as a drawing: stations on a line, side stations beside it, each ring filled as far as
one is.

It is made from contents.toml, so it cannot disagree with the chapters below it. Two drawings of the same
path are on the page, a lying one for screens and a standing one for phones; the style sheet shows one of
them, and what is not shown is not reached by the keyboard either. Each station is a link to its chapters.

The first thing to change: `RADIUS` and the distances beside it.
"""

import math
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from glassworks.reader.contents import Contents
from glassworks.reader.markup import escaped
from glassworks.reader.pages.frame import several

RADIUS, SMALL = 22, 15  # of a station and of one beside the path, in units of the drawing
WIDTH, HEIGHT, LINE = 1120, 226, 132  # of the lying drawing, and how far down its line is
ROW, LEFT = 62, 34  # of the standing one


@dataclass(frozen=True)
class Station:
    """One stop. share: of its chapters' exercises passed, 0 to 1; open: whether any chapter can be read."""

    title: str
    part: str
    share: float
    open: bool
    chapters: int
    beside: bool
    number: int


def stations(book: Contents, done: Callable[[str], float]) -> list[Station]:
    """The stops in the order of the path; one beside it follows the one that it branches off from.

    done: slug of a chapter -> share that the reader has done
    """
    found = []
    for number, step in enumerate(book.steps, start=1):
        found.append(_station(book, done, step.title, step.parts, number, beside=False))
        for name in step.beside:
            found.append(_station(book, done, book.by_part[name].title, (name,), number, beside=True))
    return found


def drawing(stops: list[Station]) -> str:
    """Both drawings."""
    return _lying(stops) + _standing(stops)


def _station(
    book: Contents,
    done: Callable[[str], float],
    title: str,
    parts: tuple[str, ...],
    number: int,
    *,
    beside: bool,
) -> Station:
    chapters = [chapter for name in parts for chapter in book.of_part(name)]
    share = sum(done(chapter.slug) for chapter in chapters if chapter.ready) / max(1, len(chapters))
    opened = any(chapter.ready for chapter in chapters)
    return Station(title, parts[0], share, opened, len(chapters), beside, number)


def _lying(stops: list[Station]) -> str:
    main = [stop for stop in stops if not stop.beside]
    gap = WIDTH / len(main)
    across = {stop.number: gap * (place + 0.5) for place, stop in enumerate(main)}
    first, last = across[main[0].number], across[main[-1].number]
    marks = [f'<path class="rail" d="M{first:.0f} {LINE}H{last:.0f}"/>']
    for stop in stops:
        x, y = across[stop.number], LINE
        lines = textwrap.wrap(stop.title, 14 if not stop.beside else 24)
        if stop.beside:
            y = LINE - 84
            x += gap * 0.36
            marks.append(
                f'<path class="branch" d="M{across[stop.number]:.0f} {LINE - RADIUS}V{y}H{x - SMALL:.0f}"/>'
            )
            words = _words(lines, x + SMALL + 9, y + 5, "start")
        else:
            words = _words(lines, x, y + RADIUS + 24, "middle")
        if stop.beside:
            area = _area(x - 26, y - 26, 190, 52)
        else:
            area = _area(x - gap / 2 + 4, y - RADIUS - 4, gap - 8, 108)
        marks.append(_link(stop, area + _ring(stop, x, y) + words))
    return _svg("lying", WIDTH, HEIGHT, marks)


def _standing(stops: list[Station]) -> str:
    height = ROW * len(stops)
    down = {place: ROW * (place + 0.5) for place in range(len(stops))}
    on_line = [y for (place, y), stop in zip(down.items(), stops) if not stop.beside]
    marks = [f'<path class="rail" d="M{LEFT} {on_line[0]:.0f}V{on_line[-1]:.0f}"/>']
    for (_, y), stop in zip(down.items(), stops):
        x, radius = (LEFT + 46, SMALL) if stop.beside else (LEFT, RADIUS)
        if stop.beside:
            marks.append(f'<path class="branch" d="M{LEFT} {y - ROW + RADIUS:.0f}V{y:.0f}H{x - SMALL}"/>')
        words = _words(textwrap.wrap(stop.title, 27), x + radius + 12, y + 6, "start")
        area = _area(x - 28, y - 28, 352 - x, 56)
        marks.append(_link(stop, area + _ring(stop, x, y) + words))
    return _svg("standing", 340, height, marks)


def _svg(kind: str, width: float, height: float, marks: list[str]) -> str:
    return (
        f'<svg class="path {kind}" viewBox="0 0 {width:.0f} {height:.0f}" role="group" '
        f'aria-label="The learning path">{"".join(marks)}</svg>'
    )


def _area(x: float, y: float, width: float, height: float) -> str:
    """The part of the drawing that can be clicked, and is framed when it has the focus."""
    return f'<rect class="area" x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}"/>'


def _link(stop: Station, inside: str) -> str:
    state = f"{stop.share:.0%} done" if stop.open else "to come"
    name = f"{stop.title}: {several(stop.chapters, 'chapter')}, {state}"
    kind = "stop open" if stop.open else "stop"
    return f'<a class="{kind}" href="#part-{escaped(stop.part)}" aria-label="{escaped(name)}">{inside}</a>'


def _ring(stop: Station, x: float, y: float) -> str:
    """A circle whose rim is filled clockwise from the top by the share, with the stop's number."""
    radius = SMALL if stop.beside else RADIUS
    around = 2 * math.pi * radius
    marks = f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>'
    if stop.share > 0:
        marks += (
            f'<circle class="done" cx="{x:.1f}" cy="{y:.1f}" r="{radius}" transform="rotate(-90 {x:.1f}'
            f' {y:.1f})"'
            f' stroke-dasharray="{around * stop.share:.1f} {around:.1f}"/>'
        )
    if not stop.beside:
        marks += f'<text class="number" x="{x:.1f}" y="{y + 6:.1f}" text-anchor="middle">{stop.number}</text>'
    return marks


def _words(lines: list[str], x: float, y: float, at: str) -> str:
    if at == "start":
        y -= 10 * (len(lines) - 1)
    spans = "".join(
        f'<tspan x="{x:.1f}" y="{y + 20 * number:.1f}">{escaped(line)}</tspan>'
        for number, line in enumerate(lines)
    )
    return f'<text class="name" text-anchor="{at}">{spans}</text>'
