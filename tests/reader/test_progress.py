"""A pass is never lost: not by threads, other books, a kill, a damaged file, a full or read-only folder."""

import errno
import json
import multiprocessing
import subprocess
import sys
import threading
import time

import pytest

from glassworks.core.errors import PersonError
from glassworks.reader import progress as module
from glassworks.reader.progress import Item, Progress, workspace


def test_a_pass_is_never_taken_back(tmp_path):
    progress = Progress(tmp_path)
    assert progress.of("a.b") == Item() and not progress.passed("a.b")
    progress.tried("a.b", False, "1", share=0.5)
    first = progress.tried("a.b", True, "2")
    after = progress.tried("a.b", False, "3", share=0.1)
    assert after.passed and after.first_pass == first.first_pass
    assert (after.best, after.tries, after.honest) == (1.0, 3, 2)
    kept = json.loads(progress.path.read_text())
    kept["items"]["a.b"]["first_pass"] = "2020-01-01T00:00:00+00:00"
    progress.path.write_text(json.dumps(kept))
    assert progress.tried("a.b", True, "2").first_pass.startswith("2020")


def test_only_answers_that_differ_count_as_honest(tmp_path):
    progress = Progress(tmp_path)
    for answer in ("x = 1", "x  =  1\n", "x = 2"):
        item = progress.tried("a.b", False, answer)
    assert (item.tries, item.honest) == (3, 2)


def test_everything_comes_back_in_a_new_process_of_the_book(tmp_path):
    progress = Progress(tmp_path)
    progress.draft("a.b", "def f():\n    return 'é'")
    progress.hinted("a.b", 2)
    progress.hinted("a.b", 1)
    progress.position("part/one", "idea")
    progress.position("part/two", "summary")
    progress.position("part/one", "mathematics")
    for run in ("r1", "r2", "r1"):
        progress.run("part/one", run)
    again = Progress(tmp_path)
    assert again.of("a.b") == Item(hints=2, draft="def f():\n    return 'é'")
    assert again.last() == ("part/one", "mathematics") and again.place("part/two") == "summary"
    assert again.runs("part/one") == ("r2", "r1")
    assert Progress(tmp_path / "other").last() is None


def test_the_share_of_a_chapter_counts_its_exercises(tmp_path, monkeypatch):
    from types import SimpleNamespace

    from glassworks.reader import contents

    fake = {"part/one": SimpleNamespace(exercises=("a.b", "a.c")), "part/two": SimpleNamespace(exercises=())}
    monkeypatch.setattr(contents, "chapter", fake.__getitem__)
    progress = Progress(tmp_path)
    progress.tried("a.c", True, "1")
    assert progress.chapter("part/one") == 0.5 and progress.chapter("part/two") == 0.0


def test_two_hundred_writes_from_eight_threads_lose_nothing(tmp_path):
    books = Progress(tmp_path), Progress(tmp_path)  # two books on one folder

    def work(number):
        for step in range(25):
            books[number % 2].tried(f"a.x{number}", step == 24, str(step))
            books[number % 2].tried("a.shared", False, f"{number} {step}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fresh = Progress(tmp_path)
    assert all(fresh.of(f"a.x{n}").tries == 25 and fresh.passed(f"a.x{n}") for n in range(8))
    assert fresh.of("a.shared").tries == 200
    assert not books[0].trouble and not books[1].trouble


def _add(folder, name):
    for step in range(20):
        Progress(folder).tried("a.shared", False, f"{name} {step}")


def test_two_processes_add_to_each_other(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_add, args=(tmp_path, name)) for name in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert Progress(tmp_path).of("a.shared").tries == 40


def test_a_process_killed_while_it_writes_leaves_a_whole_file(tmp_path):
    program = (
        "import sys; from glassworks.reader.progress import Progress\n"
        "p = Progress(sys.argv[1]); p.tried('a.b', True, '1'); print('go', flush=True)\n"
        "while True: p.draft('a.b', p.of('a.b').draft[-9000:] + 'x' * 50)\n"
    )
    for pause in (0.02, 0.05, 0.08):
        worker = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE)
        assert worker.stdout.readline() == b"go\n"
        time.sleep(pause)
        worker.kill()
        worker.wait()
        worker.stdout.close()
        assert json.loads((tmp_path / "progress.json").read_text())["items"]["a.b"]["first_pass"]
        progress = Progress(tmp_path)
        assert progress.tried("a.c", True, "1").passed and not progress.trouble


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"items": 3, "version": 1}',
        b'{"items": {"a": 1}}',
        b'{"version": 1, "x": NaN}',
        b'{"version": 1, "x": "\\ud800"}',
    ],
)
def test_a_damaged_file_is_put_aside_and_a_fresh_one_begun(tmp_path, damage):
    path = tmp_path / "progress.json"
    path.write_bytes(damage)
    progress = Progress(tmp_path)
    assert not progress.passed("a.b")  # looking changes nothing
    assert path.read_bytes() == damage
    progress.tried("a.b", True, "1")
    assert (tmp_path / "progress.damaged-1.json").read_bytes() == damage
    assert "progress.damaged-1.json" in progress.trouble
    assert Progress(tmp_path).passed("a.b")
    path.write_bytes(damage)  # again, while the book is open: what it knows goes on
    progress.tried("a.c", True, "1")
    assert (tmp_path / "progress.damaged-2.json").exists()
    assert Progress(tmp_path).passed("a.b") and Progress(tmp_path).passed("a.c")


def test_a_folder_that_cannot_be_written_works_in_memory_and_says_so_once(tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("in the way of the folder")
    progress = Progress(blocked / "book")
    for answer in "123":
        progress.tried("a.b", answer == "2", answer)
    progress.draft("a.b", "kept")
    assert progress.of("a.b").passed and progress.of("a.b").tries == 3 and progress.of("a.b").draft == "kept"
    assert "cannot be saved" in progress.trouble and len(caplog.records) == 1
    blocked.unlink()  # the disk is back
    progress.tried("a.c", True, "1")
    assert Progress(blocked / "book").passed("a.b") and Progress(blocked / "book").of("a.b").tries == 3


def test_what_a_read_only_folder_holds_is_still_known(tmp_path, monkeypatch):
    Progress(tmp_path).tried("a.b", True, "1")

    def refuse(path, content):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(module, "only_one", refuse)
    progress = Progress(tmp_path)
    progress.tried("a.c", True, "1")
    assert progress.passed("a.b") and progress.passed("a.c") and "Read-only" in progress.trouble


def test_an_export_is_merged_without_loss(tmp_path):
    here, there = Progress(tmp_path / "here"), Progress(tmp_path / "there")
    here.tried("a.b", True, "1")
    there.tried("a.b", False, "2")
    there.tried("a.b", False, "3")
    there.tried("a.c", True, "1")
    there.draft("a.c", "newer")
    there.run("part/one", "r9")
    there.position("part/one", "idea")
    for _ in range(2):  # twice is the same as once
        here.merge(there.export())
    assert (
        here.passed("a.b") and here.passed("a.c") and here.of("a.b").tries == 2 and here.of("a.b").honest == 2
    )
    assert here.of("a.c").draft == "newer" and here.runs("part/one") == ("r9",)
    assert here.last() == ("part/one", "idea")
    before = here.export()
    for nonsense in (b"", b"{}", b"[1]", b'{"items": []}', b"\x00" * 10):
        with pytest.raises(PersonError, match="a progress file that this book has exported"):
            here.merge(nonsense)
    assert here.export() == before


def test_keys_of_a_newer_version_are_kept(tmp_path):
    newer = {"version": 7, "badges": ["gold"], "items": {"a.b": {"tries": 2, "mood": "good"}}, "chapters": {}}
    (tmp_path / "progress.json").write_text(json.dumps(newer))
    progress = Progress(tmp_path)
    progress.tried("a.b", True, "1")
    kept = json.loads((tmp_path / "progress.json").read_text())
    assert kept["version"] == 7 and kept["badges"] == ["gold"]
    assert kept["items"]["a.b"]["mood"] == "good" and kept["items"]["a.b"]["tries"] == 3
    other = Progress(tmp_path / "other")
    other.merge(progress.export())
    assert json.loads(other.export())["badges"] == ["gold"]
    assert json.loads(other.export())["items"]["a.b"]["mood"] == "good"


def test_values_of_a_wrong_type_are_read_as_nothing(tmp_path):
    odd = {"tries": "many", "best": None, "wrong": [1, "x"], "draft": 3, "first_pass": 5, "hints": -1}
    (tmp_path / "progress.json").write_text(
        json.dumps({"version": 1, "items": {"a.b": odd}, "chapters": {"part/one": {"at": 3, "runs": "x"}}})
    )
    progress = Progress(tmp_path)
    assert (
        progress.of("a.b") == Item(honest=1) and progress.last() is None and progress.runs("part/one") == ()
    )
    assert progress.tried("a.b", True, "1").tries == 1


def test_an_id_from_outside_is_refused_before_it_is_written(tmp_path):
    progress = Progress(tmp_path)
    for key in ("", "../../etc", "a b", "x" * 200, None):
        with pytest.raises(PersonError, match="an id such as"):
            progress.position(key, "idea")
    assert not (tmp_path / "progress.json").exists()
    progress.position("part/one", "\ud800" + "x" * 900)
    assert len(progress.place("part/one")) == 200


def test_another_book_that_holds_the_lock_is_waited_for(tmp_path, monkeypatch):
    from glassworks.core.files import only_one

    monkeypatch.setattr(module, "PATIENCE", 0.1)
    progress = Progress(tmp_path)
    progress.tried("a.b", True, "1")
    with only_one(tmp_path / "progress.lock", "progress"):
        progress.tried("a.c", True, "1")
    assert "cannot be saved" in progress.trouble and progress.passed("a.c")
    Progress(tmp_path).tried("a.e", True, "1")
    progress.tried("a.d", True, "1")
    assert all(Progress(tmp_path).passed(f"a.{word}") for word in "bcde")


def test_the_workspace_is_the_persons_own_or_the_one_that_was_named(tmp_path, monkeypatch):
    monkeypatch.setenv("GLASSWORKS_BOOK", str(tmp_path))
    assert workspace() == tmp_path
    monkeypatch.delenv("GLASSWORKS_BOOK")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    if sys.platform == "linux":
        assert workspace() == tmp_path / "data" / "glassworks" / "book"


def test_reading_costs_next_to_nothing(tmp_path):
    progress = Progress(tmp_path)
    for number in range(60):
        progress.tried(f"a.x{number}", True, "1")
    start = time.perf_counter()
    for number in range(600):
        progress.passed(f"a.x{number % 60}")
    assert time.perf_counter() - start < 0.5
