"""The book as plain files: any web server shows them, without Python, without a network.

Each chapter is run once and written out with its figures in their first state; marimo's front-end, which
its own export would fetch from elsewhere, is put beside the pages. What needs a running book (exercises,
training, moving a figure) says so. Links are made relative, so the site may stand in any folder.

Source: `marimo export html`.
The first thing to change: `PAGES`, what else is written out.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from glassworks.core.errors import PersonError
from glassworks.core.files import write_json, write_text
from glassworks.reader import chapter_page, pages, plain
from glassworks.reader.contents import Chapter, contents
from glassworks.reader.progress import Progress

MARK = "glassworks-book.json"  # says that a folder was written by us and may be written anew
CDN = re.compile(r"https://cdn\.jsdelivr\.net/npm/@marimo-team/frontend@[^/]+/dist")
LINKS = re.compile(r"""((?:href|src|action)=\\?["'])/(?!/)([^"'\\]*)""")
PLACES = re.compile(r'"(filename|cwd)": "[^"]*"')
PATIENCE = 300  # seconds for a chapter to run


def write(folder: Path) -> Iterator[str]:
    """Write the site into `folder`; yields a line for each page. The folder changes only when all is well.

    Raises PersonError not-empty for a folder that is not ours, export-failed for a chapter that does not run.
    """
    _require_ours(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".book-", dir=folder.parent) as aside:
        site = Path(aside) / "site"
        for name, make in _pages(Path(aside)).items():
            _save(site, name, make())
            yield name
        for chapter in contents().ready:
            _save(site, chapter.address, _chapter(chapter, Path(aside)))
            yield chapter.address
        for file in sorted(set(_linked_sources(site))):
            _save(site, f"/source/{file}/", pages.source_file(file))
        _assets(site)
        write_json(site / MARK, {"schema": 1, "written by": "glassworks book export"})
        if folder.exists():
            shutil.rmtree(folder)
        site.replace(folder)
    yield f"written to {folder}; any web server shows it: python -m http.server --directory {folder}"


def _pages(aside: Path) -> dict[str, Callable[[], str]]:
    """The pages that are not chapters. Nobody's progress is shown."""
    nobody = Progress(aside / "nobody")
    return {
        "/": lambda: pages.home(nobody),
        "/glossary/": pages.glossary,
        "/timeline/": pages.timeline,
        "/references/": pages.references,
        "/labs/": pages.labs,
        "/studio/": lambda: pages.studio(code=False),  # it trains, which a page of files cannot
        "/how-to-run/": lambda: pages.how_to_run(None),
    }


def _chapter(chapter: Chapter, aside: Path) -> str:
    """A chapter that has run, in the dress of the book."""
    out = aside / "chapter.html"
    copy = aside / f"{chapter.name}.py"  # marimo leaves a record beside the file that it runs
    shutil.copyfile(plain.path_of(chapter.slug), copy)
    words = [sys.executable, "-m", "marimo", "--quiet", "export", "html", "--no-include-code", "--force"]
    words += [copy.name, "-o", out.name]
    environment = os.environ | {
        "GLASSWORKS_BOOK": "nobody",  # below `aside`; relative, because pages name it
        "MARIMO_SKIP_UPDATE_CHECK": "1",
        "OMP_NUM_THREADS": "1",  # the runs are small: beside busy neighbours, threads that wait cost minutes
    }
    try:
        done = subprocess.run(
            words, cwd=aside, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise _failed(chapter, f"nothing within {PATIENCE} seconds") from error
    if done.returncode or not out.is_file():
        raise _failed(chapter, (done.stderr.strip().splitlines() or ["no page"])[-1])
    text = CDN.sub("/marimo", out.read_text(encoding="utf-8"))
    text = PLACES.sub(r'"\1": ""', text)
    before = pages.bar(chapter=chapter) + pages.waiting(chapter, plain.page(chapter))
    text = chapter_page.CARDS.sub("", text)
    return text.replace("</head>", f"{chapter_page.HEAD}</head>", 1).replace(
        '<div id="root"></div>', f'{before}<div id="root"></div>', 1
    )


def _failed(chapter: Chapter, got: str) -> PersonError:
    path = plain.path_of(chapter.slug)
    return PersonError(
        "export-failed",
        expected=f"the chapter {chapter.slug} to run",
        got=got,
        fix=f"run it by itself: python {path.name}",
    )


def _save(site: Path, address: str, text: str) -> None:
    """Write a page as index.html of its address, marked as static, with links that are relative to it."""
    words = [word for word in address.split("/") if word]
    up = "../" * len(words) or "./"
    text = text.replace("<html", "<html data-static", 1)
    text = LINKS.sub(lambda found: f"{found[1]}{up}{found[2]}", text)
    text = text.replace("/marimo/assets", f"{up}marimo/assets") if "marimo" in text else text
    write_text(site.joinpath(*words, "index.html"), text)


def _linked_sources(site: Path) -> Iterator[str]:
    """The source files that chapters link to."""
    for page in site.glob("book/**/index.html"):
        yield from re.findall(r"source/([a-z_/]+\.py)", page.read_text(encoding="utf-8"))


def _assets(site: Path) -> None:
    """marimo's front-end and our own styles and scripts."""
    import marimo

    shutil.copytree(Path(marimo.__file__).parent / "_static", site / "marimo")
    shutil.copytree(Path(__file__).parent / "static", site / "static")


def _require_ours(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / MARK).is_file())):
        raise PersonError(
            "not-empty",
            expected="a new or empty folder, or one that was written by `glassworks book export`",
            got=f"{folder}, which holds something else",
            fix="choose another folder with --to",
        )
