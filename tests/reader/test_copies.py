"""A copy to change: in the reader's folder, in an editor behind a token that ends with the book."""

import hashlib
import json
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from glassworks.core.errors import PersonError
from glassworks.reader import copies as module
from glassworks.reader.contents import contents
from glassworks.reader.copies import MOST, Copies, Editor
from glassworks.reader.plain import CHAPTERS, path_of
from tests.reader.conftest import served

CHAPTER = contents().ready[0]
SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def asked(address: str, method: str = "GET", **said: str):
    """(status, text, final address), by somebody new who keeps cookies."""
    body = json.dumps(said).encode() if said else None
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.build_opener(urllib.request.HTTPCookieProcessor()).open(
            request, timeout=60
        ) as answer:
            return answer.status, answer.read().decode(), answer.url
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.url


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """(address of the book, folder, what it said of the editor that it opened)."""
    folder = tmp_path_factory.mktemp("desk")
    with served(folder) as (book, _):
        code, said, _ = asked(f"{book}/api/copies", "POST", slug=CHAPTER.slug)
        assert code == 200, said
        yield book, folder, json.loads(said)


def test_the_editor_answers_to_its_token_alone(opened):
    _, _, said = opened
    parts = urlsplit(said["address"])
    assert parts.hostname == "127.0.0.1" and parts.query.startswith("access_token=")
    bare = f"{parts.scheme}://{parts.netloc}/"
    code, page, _ = asked(said["address"])
    assert code == 200 and "marimo-filename" in page and CHAPTER.name in page
    for wrong in (bare, f"{bare}?access_token=wrong"):
        _, page, url = asked(wrong)
        assert "login" in url and "marimo-filename" not in page
    assert asked(f"{bare}api/status")[0] in (401, 403, 404)
    assert asked(f"{bare}api/kernel/save", "POST", contents="x")[0] in (401, 403)


def test_the_copy_lies_in_the_readers_folder_and_the_chapter_is_as_it_was(opened):
    _, folder, said = opened
    path = Path(said["path"])
    assert path.is_relative_to(folder / "my_book") and digest(path) == digest(path_of(CHAPTER.slug))
    assert path != path_of(CHAPTER.slug) and not list(CHAPTERS.rglob("pyproject.toml"))
    settings = tomllib.loads((folder / "my_book" / "pyproject.toml").read_text(encoding="utf-8"))
    assert settings["tool"]["marimo"]["runtime"]["auto_instantiate"] is True  # else nothing runs on opening


def test_a_copy_that_is_open_is_opened_once_listed_and_closed(opened):
    book, _, said = opened
    code, again, _ = asked(f"{book}/api/copies", "POST", slug=CHAPTER.slug)
    assert code == 200 and json.loads(again) == said
    listed = json.loads(asked(f"{book}/api/copies")[1])["opened"]
    assert listed == [{"slug": CHAPTER.slug, "address": said["address"]}]
    assert asked(f"{book}/api/copies", "DELETE", slug=CHAPTER.slug)[0] == 204
    assert json.loads(asked(f"{book}/api/copies")[1])["opened"] == []
    with pytest.raises(OSError):
        urllib.request.urlopen(said["address"], timeout=10)


@pytest.mark.parametrize("slug", ["../../etc/passwd", "foundations/nothing", "", "image/convolution"])
def test_only_chapters_that_are_ready_are_copied(opened, slug):
    book, folder, _ = opened
    before = sorted(folder.rglob("*.py"))
    assert asked(f"{book}/api/copies", "POST", slug=slug)[0] == 400
    assert sorted(folder.rglob("*.py")) == before


def test_an_editor_ends_with_the_book(tmp_path):
    with served(tmp_path) as (book, _):
        address = json.loads(asked(f"{book}/api/copies", "POST", slug=CHAPTER.slug)[1])["address"]
        assert asked(address)[0] == 200
    with pytest.raises(OSError):
        urllib.request.urlopen(address, timeout=10)


# ---- without a server


def test_a_copy_is_never_written_over(tmp_path):
    copies, installed = Copies(tmp_path), digest(path_of(CHAPTER.slug))
    path = copies.copy(CHAPTER)
    path.write_text("# my own words", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text("# my own settings", encoding="utf-8")
    assert copies.copy(CHAPTER) == path
    assert path.read_text(encoding="utf-8") == "# my own words"
    assert (tmp_path / "pyproject.toml").read_text(encoding="utf-8") == "# my own settings"
    assert digest(path_of(CHAPTER.slug)) == installed


@pytest.fixture
def sleeping(monkeypatch):
    """Editors that are processes which do nothing; all are ended afterwards."""
    started = []

    def start(slug, path):
        process = subprocess.Popen(SLEEPER)
        started.append(process)
        return Editor(slug, path, f"http://127.0.0.1:1/?access_token={slug}", process)

    monkeypatch.setattr(module, "_start", start)
    yield started
    for process in started:
        process.kill()
        process.wait(10)


def test_there_are_only_so_many_editors_and_a_dead_one_makes_room(tmp_path, sleeping):
    copies = Copies(tmp_path)
    names = [replace(CHAPTER, slug=f"foundations/{n}") for n in range(MOST + 1)]
    copies.copy = lambda chapter: tmp_path / "copy.py"
    editors = [copies.open(chapter) for chapter in names[:MOST]]
    assert len({editor.process.pid for editor in editors}) == MOST == len(copies.opened())
    with pytest.raises(PersonError) as told:
        copies.open(names[MOST])
    assert told.value.code == "too-many-editors"
    editors[0].process.kill()
    editors[0].process.wait(10)
    assert copies.open(names[MOST]).alive and len(copies.opened()) == MOST


def test_closing_ends_one_or_all(tmp_path, sleeping):
    copies = Copies(tmp_path)
    names = [replace(CHAPTER, slug=f"foundations/{n}") for n in range(3)]
    copies.copy = lambda chapter: tmp_path / "copy.py"
    for chapter in names:
        copies.open(chapter)
    copies.close("foundations/1")
    assert [one.slug for one in copies.opened()] == ["foundations/0", "foundations/2"]
    copies.close()
    assert copies.opened() == [] and all(process.poll() is not None for process in sleeping)
    copies.close("foundations/1")  # twice does no harm


def test_an_editor_that_does_not_start_is_told():
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    with pytest.raises(PersonError) as told:
        module._wait_for(process, 9)
    process.wait(10)
    assert told.value.code == "editor-failed"
