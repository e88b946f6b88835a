"""The book as plain files: what is written, what is refused, and that any web server shows it."""

import getpass
import http.server
import re
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from glassworks.core.errors import PersonError
from glassworks.reader import static_site
from glassworks.reader.contents import contents
from glassworks.reader.progress import Progress
from tests.reader.test_application import Words
from tests.reader.walking import PHONE, WIDE, watched

READY = contents().ready
BROKEN = """import marimo
app = marimo.App()


@app.cell
def header():
    raise ValueError("by hand")
"""
SECRET = "an answer that only its reader knows"


@pytest.fixture
def quick(monkeypatch):
    """Chapters that need no run: a page as marimo writes it, with one link."""
    made = []

    def page(chapter, aside):
        made.append(chapter.slug)
        return (
            f'<!doctype html><html lang="en"><body><a href="/glossary#loss">{chapter.title}</a></body></html>'
        )

    monkeypatch.setattr(static_site, "_chapter", page)
    monkeypatch.setattr(static_site, "_assets", lambda site: None)
    return made


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_a_folder_with_something_else_in_it_is_refused_and_left_alone(tmp_path, quick):
    place = tmp_path / "mine"
    place.mkdir()
    (place / "thesis.txt").write_text("years of work", encoding="utf-8")
    (place / "index.html").write_text("a page of mine", encoding="utf-8")
    before = files(place)
    with pytest.raises(PersonError, match="something else"):
        list(static_site.write(place))
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with pytest.raises(PersonError):
        list(static_site.write(tmp_path / "file"))
    assert files(place) == before and quick == []
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "mine"]


def test_a_site_of_ours_is_written_anew_and_keeps_nothing_old(tmp_path, quick):
    place = tmp_path / "deep" / "site"
    list(static_site.write(place))
    (place / "old.html").write_text("of last year", encoding="utf-8")
    lines = list(static_site.write(place))
    assert not (place / "old.html").exists() and quick == 2 * [chapter.slug for chapter in READY]
    for chapter in READY:
        assert (place / chapter.address.strip("/") / "index.html").is_file() and chapter.address in lines
    for page in ("", "glossary", "timeline", "references", "labs", "how-to-run"):
        assert (place / page / "index.html").is_file()
    (tmp_path / "empty").mkdir()
    list(static_site.write(tmp_path / "empty"))


def test_a_chapter_that_fails_leaves_the_site_of_before(tmp_path, quick, monkeypatch):
    list(static_site.write(tmp_path / "site"))
    before = files(tmp_path / "site")

    def fails(chapter, aside):
        raise PersonError("export-failed", expected="a run", got="an error", fix="mend it")

    monkeypatch.setattr(static_site, "_chapter", fails)
    with pytest.raises(PersonError):
        list(static_site.write(tmp_path / "site"))
    assert files(tmp_path / "site") == before and [one.name for one in tmp_path.iterdir()] == ["site"]


def test_a_chapter_that_does_not_run_or_does_not_end_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(static_site.plain, "path_of", lambda slug: tmp_path / "broken.py")
    (tmp_path / "broken.py").write_text(BROKEN, encoding="utf-8")
    with pytest.raises(PersonError) as told:
        static_site._chapter(READY[0], tmp_path)
    assert told.value.code == "export-failed" and READY[0].slug in told.value.expected

    def never(words, timeout, **settings):
        raise subprocess.TimeoutExpired(words, timeout)

    monkeypatch.setattr(static_site.subprocess, "run", never)
    with pytest.raises(PersonError, match="within 300 seconds"):
        static_site._chapter(READY[0], tmp_path)


def test_links_are_relative_and_lead_to_pages_that_are_written(tmp_path, quick):
    site = tmp_path / "site"
    list(static_site.write(site))
    broken, seen = [], 0
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "<html data-static" in text
        for link in Words(text).links:
            parts = urlsplit(link)
            if parts.scheme or not parts.path or "static" in parts.path or parts.path.endswith("/search"):
                continue  # search needs a server; its field and its lens are hidden, see below
            target = (page.parent / parts.path).resolve()
            seen += 1
            wanted = target / "index.html" if not target.suffix or target.is_dir() else target
            inside = target.is_relative_to(site.resolve())
            if link.startswith("/") or not inside or not wanted.is_file():
                broken.append(f"{page.relative_to(site)}: {link}")
    assert seen > 100 and sorted(set(broken)) == []


# ---- the whole site, as any web server shows it


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site that was written by the command of a reader who has passed an exercise."""
    place = tmp_path_factory.mktemp("export")
    progress = Progress(place / "reader")
    progress.tried(READY[0].exercises[0], True, SECRET)
    words = ["book", "export", "--to", str(place / "below" / "a folder")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLASSWORKS_BOOK", str(place / "reader"))
        subprocess.run(
            [sys.executable, "-m", "glassworks", *words], check=True, timeout=900, stdout=subprocess.DEVNULL
        )
    return place / "below" / "a folder"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):  # a browser that leaves closes its connections
        pass


@pytest.fixture(scope="module")
def shown(site):
    """The address of the site below a server of files that knows nothing of Glassworks."""
    server = Server(("127.0.0.1", 0), partial(Quiet, directory=site.parents[1]))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/below/a%20folder"
    server.shutdown()
    server.server_close()


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_every_page_is_whole_in_a_browser(browser, shown):
    with watched(browser, shown) as seen:
        for chapter in READY:
            seen.page.set_viewport_size(WIDE)
            seen.chapter(chapter)
            figures = seen.look("figures().map((one) => one.querySelector('.drawing').innerHTML.length)")
            assert len(figures) >= 5 and min(figures) > 50
            assert seen.page.locator("section.box.exercise").count() == len(chapter.exercises)
            assert seen.page.locator("section.box.exercise .told").count() == len(chapter.exercises)
            seen.look("unfold")
            assert [one for face in seen.faces() for one in seen.misshapen(*face)] == []
            assert seen.nameless() == []
        for page in (
            "/",
            "/glossary/",
            "/timeline/",
            "/references/",
            "/labs/",
            "/how-to-run/",
            "/source/training/loop.py/",
        ):
            seen.open(page)
            assert seen.page.locator("h1").first.is_visible()
            assert seen.page.locator("[role=search]:visible, a.find-page:visible").count() == 0
            seen.page.set_viewport_size(PHONE)
            assert seen.misshapen("390", "light") == []
        assert seen.clean() == []


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_reader_finds_the_way_through_the_files(browser, shown):
    with watched(browser, shown) as seen:
        seen.open("/")
        seen.page.locator(f"main a[href$='{READY[0].address}']").first.click()
        seen.ready()
        for chapter in READY[1:]:
            seen.page.locator("header").get_by_role("link", name=f"Next: {chapter.title}").click()
            seen.page.wait_for_url(f"**{chapter.address}")
            seen.ready()
        assert seen.clean() == []


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_every_link_and_asset_of_the_site_is_there(site, shown):
    broken, known = [], {}
    for page in site.rglob("*.html"):
        if page.is_relative_to(site / "marimo"):
            continue
        here = f"{shown}/{page.relative_to(site).as_posix()}"
        for link in Words(page.read_text(encoding="utf-8")).links:
            address = urljoin(here, link).partition("#")[0]
            if address.startswith("http://127.0.0.1") and address not in known:
                try:
                    known[address] = urllib.request.urlopen(address, timeout=30).status
                except urllib.error.HTTPError as error:
                    known[address] = error.code
                if known[address] != 200 and not address.endswith("/search"):
                    broken.append(f"{page.relative_to(site)}: {link}")
    assert len(known) > 40 and broken == []


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_nothing_of_this_machine_or_of_a_reader_is_in_any_file(site):
    """Paths, names of the machine and its person, and what a reader did stay here."""
    package, temporary = str(Path(static_site.__file__).parents[3]), f"{tempfile.gettempdir()}/"
    places = {package, sys.prefix, sys.base_prefix, temporary, str(site.parents[1]), SECRET, "/.book-"}
    names = [name for name in (getpass.getuser(), socket.gethostname()) if len(name) > 5]
    found = []
    for path in site.rglob("*"):
        if not path.is_file() or path.is_relative_to(site / "marimo"):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{path.relative_to(site)}: {one}" for one in (*places, *names) if one in text]
        assert not re.search(r'<b class=\\?"good\\?">done', text) and "cdn.jsdelivr" not in text
    assert found == []
