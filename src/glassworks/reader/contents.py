"""What the book holds and in which order: the one source of truth that home, search and checks read.

Three files beside this one are read once: contents.toml (steps of the path, parts, chapters), works.toml
(papers and data) and glossary.toml (terms). Whether a chapter is ready is a fact about the folder, not a
flag: its file exists. Every reference between the three is checked here, so that a page can follow any of
them blindly.

The first thing to change: a block of contents.toml. Nothing here needs torch, the optional packages, or a
network.
"""

import datetime
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from glassworks.core.errors import PersonError, did_you_mean

HERE = Path(__file__).parent
CHAPTERS = HERE / "chapters"
DOMAINS = {
    "foundations": "Foundations",
    "image": "Image",
    "generative": "Generative",
    "language": "Sequence and language",
    "audio": "Audio",
    "video": "Video",
    "robotics": "Robotics",
    "reasoning": "Reasoning",
    "coding": "Coding",
    "security": "Cyber security",
    "biology": "Biology",
}


@dataclass(frozen=True)
class Objective:
    """What a reader can do afterwards, and the exercise that checks it."""

    text: str
    exercise_id: str


@dataclass(frozen=True)
class Chapter:
    """One chapter; slug is "part/name", equal to its file's place and its address. minutes: reading time."""

    slug: str
    part: str
    title: str
    minutes: int
    about: str
    needs: tuple[str, ...]
    objectives: tuple[Objective, ...]
    exercises: tuple[str, ...]
    works: tuple[str, ...]
    terms: tuple[str, ...]
    labs: tuple[str, ...]
    systems: tuple[str, ...]
    ready: bool
    checked: datetime.date | None

    @property
    def name(self) -> str:
        """The stem of its file."""
        return self.slug.partition("/")[2]

    @property
    def address(self) -> str:
        return f"/book/{self.slug}/"


@dataclass(frozen=True)
class Part:
    """A shelf of chapters. domain: its row in the timeline and in the catalogue."""

    name: str
    title: str
    domain: str
    about: str


@dataclass(frozen=True)
class Step:
    """A stop of the learning path: parts on the way, and parts that branch off beside it."""

    title: str
    parts: tuple[str, ...]
    beside: tuple[str, ...]


@dataclass(frozen=True)
class Work:
    """A paper or a data set. link: "" where there is none to give; licence: of data, "" for papers."""

    key: str
    authors: str
    year: int
    title: str
    venue: str
    domain: str
    brought: str
    link: str
    licence: str


@dataclass(frozen=True)
class Term:
    """An entry of the glossary. also: keys of related terms; chapter: where it is first met."""

    key: str
    term: str
    meaning: str
    also: tuple[str, ...]
    chapter: str


@dataclass(frozen=True)
class Contents:
    """The whole book in order: a chapter's place in `chapters` is its place in the book."""

    steps: tuple[Step, ...]
    parts: tuple[Part, ...]
    chapters: tuple[Chapter, ...]
    works: Mapping[str, Work]
    terms: Mapping[str, Term]

    @cached_property
    def by_slug(self) -> dict[str, Chapter]:
        return {chapter.slug: chapter for chapter in self.chapters}

    @cached_property
    def by_part(self) -> dict[str, Part]:
        return {part.name: part for part in self.parts}

    @property
    def ready(self) -> tuple[Chapter, ...]:
        """The chapters that can be opened, in order."""
        return tuple(chapter for chapter in self.chapters if chapter.ready)

    def of_part(self, part: str) -> tuple[Chapter, ...]:
        return tuple(chapter for chapter in self.chapters if chapter.part == part)

    def chapter(self, slug: str) -> Chapter:
        """The chapter "part/name". Raises PersonError("no-such-chapter") with the nearest one."""
        if slug not in self.by_slug:
            raise PersonError(
                "no-such-chapter",
                expected="a chapter of the book",
                got=f'"{slug}"',
                fix=did_you_mean(slug, self.by_slug),
            )
        return self.by_slug[slug]

    def neighbours(self, slug: str) -> tuple[Chapter | None, Chapter | None]:
        """The chapters that can be opened before and after this one."""
        place = self.chapters.index(self.chapter(slug))
        before = [chapter for chapter in self.chapters[:place] if chapter.ready]
        after = [chapter for chapter in self.chapters[place + 1 :] if chapter.ready]
        return before[-1] if before else None, after[0] if after else None

    def chapters_with(self, work: str) -> tuple[Chapter, ...]:
        """The chapters that depend on a work."""
        return tuple(chapter for chapter in self.chapters if work in chapter.works)


@lru_cache(maxsize=1)
def contents() -> Contents:
    """The contents of the installed book, read and checked once."""
    return load(HERE)


def chapter(slug: str) -> Chapter:
    """The chapter "part/name". Raises PersonError("no-such-chapter") with the nearest one."""
    return contents().chapter(slug)


def load(folder: Path) -> Contents:
    """Read contents.toml, works.toml and glossary.toml of a folder. Raises PersonError("bad-contents")."""
    order = _read(folder / "contents.toml")
    book = Contents(
        steps=tuple(_step(row) for row in order["step"]),
        parts=tuple(_made(Part, row) for row in order["part"]),
        chapters=tuple(_chapter(row, folder) for row in order["chapter"]),
        works={key: _work(key, row) for key, row in _read(folder / "works.toml").items()},
        terms={key: _term(key, row) for key, row in _read(folder / "glossary.toml").items()},
    )
    _check(book)
    return book


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise _bad(f"{path.name} as TOML", str(error), path.name) from error


def _made(kind: Any, row: Mapping[str, Any]) -> Any:
    """A row of the file as its dataclass; lists become tuples."""
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    try:
        return kind(**values)
    except TypeError as error:  # a field that is missing or misspelt
        raise _bad(f"the fields of {kind.__name__}", f"{dict(row)}: {error}", "the block") from error


def _step(row: Mapping[str, Any]) -> Step:
    return _made(Step, {"beside": (), **row})


def _chapter(row: Mapping[str, Any], folder: Path) -> Chapter:
    lists = ("needs", "objectives", "exercises", "works", "terms", "labs", "systems")
    part, _, name = str(row.get("slug", "")).partition("/")
    if not part or not name.isidentifier():
        raise _bad('a slug "part/name" with underscores', f"{row.get('slug')!r}", "contents.toml")
    objectives = tuple(Objective(goal["text"], goal["exercise"]) for goal in row.get("objectives", ()))
    ready = (folder / "chapters" / part / f"{name}.py").is_file()
    empty = dict.fromkeys(lists, ())
    return _made(
        Chapter, {**empty, "checked": None, **row, "part": part, "objectives": objectives, "ready": ready}
    )


def _work(key: str, row: Mapping[str, Any]) -> Work:
    """arxiv, doi and url are three ways to write one link; only one is kept."""
    rest = {name: value for name, value in row.items() if name not in ("arxiv", "doi", "url")}
    link = row.get("url", "")
    if "arxiv" in row:
        link = f"https://arxiv.org/abs/{row['arxiv']}"
    elif "doi" in row:
        link = f"https://doi.org/{row['doi']}"
    return _made(Work, {"licence": "", **rest, "key": key, "link": link})


def _term(key: str, row: Mapping[str, Any]) -> Term:
    return _made(Term, {"also": (), "chapter": "", **row, "key": key})


def _check(book: Contents) -> None:
    """Every name that one block uses for another exists, is unique, and comes in time."""
    _unique("a slug used once", (chapter.slug for chapter in book.chapters))
    _unique("a file name used once (exercise ids begin with it)", (chapter.name for chapter in book.chapters))
    _unique("an exercise id used once", (id for chapter in book.chapters for id in chapter.exercises))
    _unique("a part on one step", (name for step in book.steps for name in (*step.parts, *step.beside)))
    on_path = [name for step in book.steps for name in (*step.parts, *step.beside)]
    _known("a part on a step", [part.name for part in book.parts], on_path)
    _known("a part that is described", on_path, book.by_part)
    _known("a part's domain", [part.domain for part in book.parts], DOMAINS)
    _known("a work's domain", [work.domain for work in book.works.values()], DOMAINS)
    for term in book.terms.values():
        _known(f"a term beside {term.key}", term.also, book.terms)
        _known(f"the first chapter of {term.key}", filter(None, [term.chapter]), book.by_slug)
    seen: set[str] = set()
    for chapter in book.chapters:
        _known(f"the part of {chapter.slug}", [chapter.part], book.by_part)
        _known(f"what {chapter.slug} needs, earlier in the file", chapter.needs, seen)
        _known(f"a work of {chapter.slug}", chapter.works, book.works)
        _known(f"a term of {chapter.slug}", chapter.terms, book.terms)
        checked_by = [objective.exercise_id for objective in chapter.objectives]
        _known(f"the exercise of an objective of {chapter.slug}", checked_by, chapter.exercises)
        starts = {id.partition(".")[0] for id in chapter.exercises}
        _known(f"the beginning of exercise ids of {chapter.slug}", starts, [chapter.name])
        seen.add(chapter.slug)
    reading = [chapter.part for chapter in book.chapters]
    shelves = [part.name for part in book.parts]
    if reading != sorted(reading, key=shelves.index):
        raise _bad(
            "chapters in the order of the parts", "a chapter between those of another part", "contents.toml"
        )
    if shelves != sorted(shelves, key=on_path.index):
        raise _bad("parts in the order of the steps", f"{shelves}", "contents.toml")


def _unique(what: str, names: Iterable[str]) -> None:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise _bad(what, f'"{twice[0]}" more than once', "contents.toml")


def _known(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    known = known if isinstance(known, (dict, set)) else set(known)
    for name in names:
        if name not in known:
            raise _bad(
                what, f'"{name}"; {did_you_mean(name, known) if known else "there are none"}', "that block"
            )


def _bad(expected: str, got: str, where: str) -> PersonError:
    return PersonError("bad-contents", expected=expected, got=got, fix=f"correct {where}")
