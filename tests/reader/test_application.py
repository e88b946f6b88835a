"""The book as a server: pages answer, chapters can be read without scripts, nothing comes from elsewhere."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from html.parser import HTMLParser

import pytest
from starlette.testclient import TestClient

from glassworks.cli import main
from glassworks.reader import plain
from glassworks.reader.application import Book
from glassworks.reader.contents import contents
from glassworks.reader.desk import Desk
from tests.reader.conftest import served

READY = [chapter.slug for chapter in contents().ready]
PAGES = ["/", "/glossary", "/timeline", "/references", "/search?q=gradient", "/labs", "/how-to-run"]
PAGES += ["/studio"]


def fetched(address: str, body: bytes | None = None, **headers: str):
    """(status, headers, text) of an address."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    method = given.pop("method", None)
    request = urllib.request.Request(address, body, given, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


class Words(HTMLParser):
    """The text of a page outside of scripts and styles, and the links in it."""

    def __init__(self, page: str):
        super().__init__()
        self.text, self.links, self.silent = "", [], 0
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.silent += tag in ("script", "style")
        for name, value in attributes:
            if name in ("href", "src", "action") and value:
                self.links.append(value)

    def handle_endtag(self, tag):
        self.silent -= tag in ("script", "style")

    def handle_data(self, data):
        if not self.silent:
            self.text += data


@pytest.mark.parametrize("path", PAGES)
def test_every_page_answers(book, path):
    code, headers, text = fetched(book + path)
    assert code == 200 and "Secrets of AI Models" in text
    assert headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/studio", "/how-to-run", "/source/foundations/tape.py"])
def test_a_page_that_imports_waits_for_what_is_being_imported(path, tmp_path):
    """Two threads in the middle of the same imports can lock each other out, and the page was an error."""
    book = Book(Desk(tmp_path))
    book.imported.clear()
    answers: list[int] = []
    client = TestClient(book.site)
    asking = threading.Thread(target=lambda: answers.append(client.get(path).status_code))
    asking.start()
    asking.join(0.3)
    assert answers == [] and asking.is_alive()
    book.imported.set()
    asking.join(60)
    assert answers == [200]


def test_home_lists_every_chapter(book):
    text = Words(fetched(f"{book}/")[2]).text
    assert all(chapter.title in text for chapter in contents().chapters)
    assert len(contents().chapters) >= 60


@pytest.mark.parametrize("slug", READY)
def test_a_chapter_is_readable_without_any_script(book, slug):
    chapter = contents().chapter(slug)
    code, _, page = fetched(book + chapter.address)
    text = " ".join(Words(page).text.split())
    assert code == 200 and chapter.title in text
    assert all(objective.text in text for objective in chapter.objectives)
    first = next(cell for cell in plain.cells(slug) if cell.kind == "text")
    words = re.sub(r"[*_`$#]|\$.*?\$", "", first.text.split("\n\n")[1]).split()[:6]
    assert all(word in text for word in words)


@pytest.mark.parametrize("slug", READY)
def test_scripts_carry_the_nonce_and_come_from_the_book(book, slug):
    _, headers, page = fetched(book + contents().chapter(slug).address)
    nonce = re.search(r"'nonce-([^']+)'", headers["content-security-policy"])
    assert nonce and page.count(f'<script nonce="{nonce[1]}"') == page.count("<script")
    assert "serviceWorker" not in page
    assert not re.findall(
        r"""(?:src|href)=["']https?://""", page.partition('<div id="root">')[0].partition("<body")[0]
    )


def test_every_internal_link_leads_somewhere(book):
    """Pages and chapters: each link inside the book resolves, fragments included."""
    addresses = PAGES + [contents().chapter(slug).address for slug in READY]
    pages = {path: fetched(book + path)[2] for path in addresses}
    links = {link for page in pages.values() for link in Words(page).links if link.startswith("/")}
    broken = []
    for link in sorted(links):
        target, _, fragment = link.partition("#")
        if target not in pages:
            code, _, pages[target] = fetched(book + target)
            if code != 200:
                broken.append(link)
        if fragment and not re.search(rf"""id=["']?{re.escape(fragment)}["' >]""", pages[target]):
            broken.append(link)
    assert not broken


def test_what_is_not_there_is_told_kindly(book):
    planned = next(chapter for chapter in contents().chapters if not chapter.ready)
    code, _, text = fetched(book + planned.address)
    assert code == 404 and "still to come" in text
    assert fetched(f"{book}/nowhere")[0] == 404
    assert fetched(f"{book}/book/foundations/_setup/")[0] == 404


def test_assets_are_kept_by_the_browser_and_pages_are_not(book):
    page = fetched(book + contents().ready[0].address)[2]
    asset = re.search(r'src="(/marimo/assets/[^"]+)"', page)
    assert asset and "immutable" in fetched(book + asset[1])[1]["cache-control"]
    assert fetched(f"{book}/")[1]["cache-control"] == "no-store"


def test_progress_is_taken_along_and_brought_back(book):
    _, headers, text = fetched(f"{book}/api/progress")
    assert "attachment" in headers["content-disposition"]
    saved = json.loads(text)
    merged = json.dumps(saved).encode()
    assert fetched(f"{book}/api/progress", merged)[0] == 200
    assert fetched(f"{book}/api/progress", b"no json")[0] == 400
    host = book.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.putrequest("POST", "/api/progress")
    connection.putheader("Content-Length", "3000000")  # refused before a byte of it is read
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_the_place_of_a_reader_is_remembered(book):
    slug = READY[-1]
    body = json.dumps({"slug": slug, "anchor": "somewhere"}).encode()
    assert fetched(f"{book}/api/position", body)[0] == 204
    assert contents().chapter(slug).title in fetched(f"{book}/")[2].partition("The learning path")[0]
    for wrong in (b"[]", b"{", b'{"slug": "../../etc"}', b'{"slug": 3}'):
        assert fetched(f"{book}/api/position", wrong)[0] == 400


def test_a_notebook_is_handed_out(book):
    _, _, text = fetched(f"{book}/api/notebook/{READY[0]}.ipynb")
    assert json.loads(text)["nbformat"] == 4
    assert fetched(f"{book}/api/notebook/../secret.ipynb")[0] == 404


def test_a_theme_that_was_chosen_reaches_the_chapter(book):
    address = book + contents().ready[0].address
    assert '"theme": "system"' in fetched(address)[2]
    dark = fetched(address, cookie="a=b; theme=dark")[2]
    assert '"theme": "dark"' in dark and 'data-theme="dark"' in dark
    assert '"theme": "system"' in fetched(address, cookie="theme=<script>")[2]


def children(process: subprocess.Popen) -> list[int]:
    found = subprocess.run(["ps", "--ppid", str(process.pid), "-o", "pid="], capture_output=True, text=True)
    return [int(pid) for pid in found.stdout.split()]


def started(address: str) -> str:
    for _ in range(300):
        try:
            return json.loads(fetched(f"{address}/api/health")[2])["started"]
        except (OSError, ValueError):
            time.sleep(0.1)
    raise AssertionError("the book does not answer")


@pytest.mark.skipif(os.name != "posix", reason="kills by signal")
def test_a_server_that_dies_is_started_again_with_progress_whole(tmp_path):
    with served(tmp_path) as (address, process):
        before = started(address)
        slug = json.dumps({"slug": READY[0], "anchor": "here"}).encode()
        assert fetched(f"{address}/api/position", slug)[0] == 204
        for pid in children(process):
            os.kill(pid, signal.SIGKILL)
        assert started(address) != before
        assert contents().ready[0].title in fetched(f"{address}/")[2].partition("The learning path")[0]
        assert process.poll() is None


@pytest.mark.skipif(os.name != "posix", reason="kills by signal")
def test_the_server_ends_when_its_keeper_is_killed(tmp_path):
    with served(tmp_path) as (address, process):
        started(address)
        pids = children(process)
        process.kill()
        for _ in range(200):
            if not any(_alive(pid) for pid in pids):
                break
            time.sleep(0.1)
        assert pids and not any(_alive(pid) for pid in pids)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:  # noqa: PTH123
        return file.read().rpartition(")")[2].split()[0] != "Z"


def test_another_address_needs_the_key_that_is_printed(tmp_path):
    with served(tmp_path, "--host", "0.0.0.0", "--key", "opens") as (address, _):
        assert fetched(f"{address}/")[0] == 403
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with opener.open(f"{address}/?key=opens", timeout=30) as answer:
            assert answer.status == 200 and "key=" not in answer.url
        with opener.open(f"{address}/glossary", timeout=30) as answer:
            assert answer.status == 200
        with pytest.raises(urllib.error.HTTPError) as refused:  # code only when it was allowed
            opener.open(f"{address}/api/copies", timeout=30)
        assert refused.value.code == 403


def test_the_book_answers_before_torch_is_loaded():
    code = "import sys, glassworks.reader.application; sys.exit(bool({'torch', 'marimo'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--port", "99999"], "bad-value"),
        (["--host", "192.0.2.1", "--port", "0"], "bad-address"),
        (["--folder", __file__], "not-a-folder"),
        (["--folder", f"{__file__}/inside"], "cannot-write"),
        (["learning-by"], "learning_by_hand"),
        (["lstm"], "no-such-chapter"),
        (["sound_as_a_picture"], "not-written-yet"),
        (["export"], "--to"),
    ],
)
def test_a_mistake_on_the_command_line_is_told(words, code, capsys):
    assert main(["book", "--no-browser", *words]) == 2
    assert code in capsys.readouterr().err


def test_the_book_is_listed_with_progress(tmp_path, capsys):
    assert main(["book", "list", "--folder", str(tmp_path), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["chapters"]
    assert len(rows) == len(contents().chapters) and sum(row["ready"] for row in rows) == len(READY)
