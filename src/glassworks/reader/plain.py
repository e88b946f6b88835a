"""A chapter as text: what its file says, without running it.

The server shows this before any script has run, search is built from it, and a reader without JavaScript
reads it. It comes from the chapter's syntax tree: Markdown as it is written, figures and exercises by the
words that their own files give them. Nothing is imported, so it costs milliseconds.

The first thing to change: `_said`, if a chapter gets a new kind of cell.
"""

import ast
import html
import inspect
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import markdown

from glassworks.reader import matter
from glassworks.reader.contents import CHAPTERS, Chapter
from glassworks.reader.parsing import parsed

PACKAGE = Path(__file__).parents[1]
EXTENSIONS = ["tables", "fenced_code", "sane_lists", "pymdownx.arithmatex"]
SETTINGS = {"pymdownx.arithmatex": {"generic": True}}


@dataclass(frozen=True)
class Cell:
    """One cell of a chapter. kind: "text", "figure", "exercise", or the name of the call that fills it.

    text: Markdown for text, otherwise what the figure or exercise says of itself
    """

    name: str
    kind: str
    title: str
    text: str


@dataclass(frozen=True)
class Passage:
    """A piece of a chapter that search finds: the heading it stands under, and its words."""

    heading: str
    text: str


def path_of(slug: str) -> Path:
    return CHAPTERS / f"{slug}.py"


def cells(slug: str) -> tuple[Cell, ...]:
    """The cells of a chapter in the order of the page."""
    path = path_of(slug)
    return _cells(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=128)
def _cells(path: Path, changed: int) -> tuple[Cell, ...]:
    tree = parsed(path.read_text(encoding="utf-8"))
    places = _imported(tree)
    found = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            cell = _said(node, places, path)
            if cell is not None:
                found.append(cell)
    return tuple(found)


def page(chapter: Chapter) -> str:
    """The chapter as HTML, for `<main class="chapter-plain">`."""
    parts = [matter.header(chapter)]
    for cell in cells(chapter.slug):
        if cell.kind == "text":
            parts.append(in_html(cell.text))
        elif cell.kind in ("figure", "exercise"):
            label = {"figure": "Figure", "exercise": "Exercise"}[cell.kind]
            said = in_html(cell.text) if cell.text else ""
            title = f": {html.escape(cell.title)}" if cell.title else ""
            parts.append(f'<section class="waiting"><p><strong>{label}{title}</strong></p>{said}</section>')
    return "\n".join(parts)


def passages(slug: str) -> list[Passage]:
    """The chapter's text in pieces, one a heading, for search."""
    found: list[Passage] = []
    heading, lines = "", []
    for cell in cells(slug):
        if cell.kind in ("figure", "exercise"):
            lines.append(f"{cell.title} {cell.text}")
        for line in cell.text.splitlines() if cell.kind == "text" else ():
            if line.startswith("#"):
                if lines:
                    found.append(Passage(heading, " ".join(lines)))
                heading, lines = line.lstrip("# ").strip(), []
            else:
                lines.append(line.strip())
    return [*found, Passage(heading, " ".join(lines))] if lines else found


def in_html(text: str) -> str:
    """Markdown of a chapter as HTML; mathematics stays as it is written, in spans of its own."""
    return markdown.markdown(text, extensions=EXTENSIONS, extension_configs=SETTINGS)


def _said(cell: ast.FunctionDef, places: dict[str, Path], path: Path) -> Cell | None:
    """What a cell shows, from the last call in it."""
    calls = [node for node in ast.walk(cell) if isinstance(node, ast.Call)]
    for call in calls:
        called = ast.unparse(call.func)
        first = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else ""
        if called == "mo.md" and isinstance(first, str):
            return Cell(cell.name, "text", "", inspect.cleandoc(first))
        if called == "book.exercise":
            return Cell(cell.name, "exercise", "", _question(str(first), path))
        if called in places:
            title, says = _figure(places[called], called)
            return Cell(cell.name, "figure", title, says)
    for call in calls:
        called = ast.unparse(call.func)
        if called.startswith("book."):
            return Cell(cell.name, called.removeprefix("book."), "", "")
    return None


def _imported(tree: ast.Module) -> dict[str, Path]:
    """Where the figure classes that a chapter imports are written, by name."""
    places: dict[str, Path] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("glassworks.reader.figures."):
            file = PACKAGE.joinpath(*str(node.module).split(".")[1:]).with_suffix(".py")
            places |= {alias.asname or alias.name: file for alias in node.names}
    return places


def _figure(path: Path, name: str) -> tuple[str, str]:
    """Title and sentence of a figure class, as its file writes them."""
    for node in parsed(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            said = _strings(node)
            return said.get("title", ""), said.get("says", "")
    return "", ""


def _question(exercise_id: str, path: Path) -> str:
    """The question of an exercise, as its file writes it."""
    file = CHAPTERS.parent / "exercises" / path.parent.name / path.name
    if not file.is_file():
        return ""
    for node in ast.walk(parsed(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            given = {word.arg: word.value for word in node.keywords}
            given |= dict(zip(("id", "question"), node.args))
            constants = {
                name: value.value for name, value in given.items() if isinstance(value, ast.Constant) and name
            }
            if constants.get("id") == exercise_id:
                return str(constants.get("question", ""))
    return ""


def _strings(node: ast.ClassDef) -> dict[str, str]:
    """The string constants that a class sets."""
    return {
        target.id: str(statement.value.value)
        for statement in node.body
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
