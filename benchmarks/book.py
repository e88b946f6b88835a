"""The book as its reader meets it: how fast it opens, answers, trains, recovers, and what staying costs.

The book is started as a person starts it, and headless Chromium reads it. Times of figures are taken on the
page, from the input to the changed drawing. What the tests can say with yes or no is not repeated here. Wall
time all over: it wants a quiet machine. Linux, because memory and threads are read from /proc.

python benchmarks/book.py [--quick] [--only start,figures] [--browser PROGRAM]
"""

import base64
import contextlib
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from common import Spread, arguments, report

PATIENCE = 120.0  # seconds for anything
LAUNCH = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
          "--disable-sync"]  # fmt: skip
WIDE = {"width": 1280, "height": 800}
TRAINING, BY_HAND = "foundations/the_training_loop", "foundations/learning_by_hand"
STEP, FULL = "learning_by_hand.step", "def step(x, y, weight, rate):\n    return weight\n\n"
HOSTILE = {"endless loop": "while True:\n    pass", "10 GB": "hold = bytearray(10**10)", "exit()": "exit()",
           "100 MB printed": "for _ in range(100):\n    print('x' * 10**6)"}  # fmt: skip

SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Row:
    """What was measured for a check: its number, the goal in words, every single figure, the most allowed.

    listed: whether it stands in the table; the rest is kept in the JSON file
    """

    number: int
    what: str
    goal: str
    figures: list[float]
    most: float
    unit: str = "s"
    listed: bool = True

    @property
    def held(self) -> bool:
        """By the median; the spread stands beside it."""
        return Spread.of(self.figures).median <= self.most

    def cells(self) -> list[str]:
        return [str(self.number), self.what, self.goal, f"{Spread.of(self.figures)} {self.unit}",
                "held" if self.held else "**missed**"]  # fmt: skip


class Book:
    """A book that is served from a folder of its own."""

    def __init__(self, folder: Path):
        words = ["-m", "glassworks", "book", "--no-browser", "--port", "0", "--folder", str(folder)]
        self.folder, self.began = folder, time.perf_counter()
        self.keeper = subprocess.Popen(
            [sys.executable, *words],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        assert self.keeper.stdout is not None
        found = re.search(r"http://\S+?(?=/)(?<!:/)", self.keeper.stdout.readline())
        assert found, "the book did not say where it is"
        self.address = found[0]

    def home(self) -> str:
        """The first page, as soon as it answers."""
        with urllib.request.urlopen(f"{self.address}/", timeout=PATIENCE) as answer:
            return str(answer.read().decode())

    def started(self) -> str:
        with urllib.request.urlopen(f"{self.address}/api/health", timeout=PATIENCE) as answer:
            return str(json.load(answer)["started"])

    @property
    def server(self) -> int:
        """The process that serves, a child of the keeper."""
        children = Path(f"/proc/{self.keeper.pid}/task/{self.keeper.pid}/children").read_text().split()
        return int(children[0])

    def resident(self) -> float:
        """MB of the server's memory."""
        return (
            int(Path(f"/proc/{self.server}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
        )

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.server}/task").iterdir()))

    def close(self) -> None:
        self.keeper.terminate()
        self.keeper.wait(20)


@contextlib.contextmanager
def opened() -> Iterator[Book]:
    with tempfile.TemporaryDirectory() as folder:
        book = Book(Path(folder))
        try:
            yield book
        finally:
            book.close()


class Reader:
    """Chromium without a past, reading a book."""

    def __init__(self, chromium: Any, book: Book, address: str = "", **settings: Any):
        self.context = chromium.new_context(viewport=WIDE, **settings)
        self.context.set_default_timeout(1000 * PATIENCE)
        self.context.add_init_script(SCRIPT)
        self.address, self.page = address or book.address, self.context.new_page()

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *error: object) -> None:
        self.context.close()

    def ask(self, expression: str, *given: Any) -> Any:
        """The value of a JavaScript expression; `given` is its `it`."""
        return self.page.evaluate(f"async (it) => await ({expression})", given[0] if given else None)

    def until(self, expression: str) -> None:
        self.ask(f"bench.until(() => {expression})")

    def go(self, slug: str) -> None:
        self.page.goto(f"{self.address}/book/{slug}/")
        self.until("bench.ready()")

    def first_figure_reacts(self) -> None:
        """From wherever the page is to a drawing that has followed its control."""
        self.until("bench.figures().length > 0 && bench.figures()[0].querySelector('.drawing').innerHTML")
        while self.ask("bench.react(bench.figures()[0], Math.floor(performance.now()))") is None:
            pass


def slowest(rows: list[Row], what: str) -> Iterator[Row]:
    """All rows, and one for the table: that with the largest median."""
    yield from (replace(row, listed=False) for row in rows)
    worst = max(rows, key=lambda row: Spread.of(row.figures).median)
    yield replace(worst, what=f"{what} (slowest of {len(rows)}: {worst.what})")


def chapters() -> list[str]:
    from glassworks.reader.contents import contents

    return [chapter.slug for chapter in contents().ready]


def start(chromium: Any, repeats: int) -> Iterator[Row]:
    """Rows 1 and 2: the home page, the first figure in a cold browser, and the chapter after it."""
    from glassworks.reader.contents import contents

    home, first, following = [], [], []
    for _ in range(repeats):
        with opened() as book:
            text = book.home()
            home.append(time.perf_counter() - book.began)
            assert all(chapter.title in text for chapter in contents().chapters)
        with opened() as book, Reader(chromium, book) as reader:
            reader.page.goto(book.address)
            reader.page.locator(f"main a[href='/book/{chapters()[0]}/']").first.click()
            reader.first_figure_reacts()
            first.append(time.perf_counter() - book.began)
            reader.until("bench.ready()")
            reader.page.wait_for_timeout(1500)  # a reader reads first
            begin = time.perf_counter()
            reader.page.locator("a[rel=next]").first.click()
            reader.page.wait_for_url(f"**/{chapters()[1]}/**", wait_until="commit")
            reader.first_figure_reacts()
            following.append(time.perf_counter() - begin)
    yield Row(1, f"launch to home, {len(contents().chapters)} chapters listed", "2 s", home, 2)
    yield Row(2, "launch, click the first chapter, its figure reacts, cold browser", "6 s", first, 6)
    yield Row(2, "next chapter, its figure reacts", "2.5 s", following, 2.5)


def reading(chromium: Any, repeats: int) -> Iterator[Row]:
    """Rows 3 and 5: the text without JavaScript, and what the second and later chapters weigh."""
    with opened() as book:
        book.home()
        for slug in chapters():
            times = []
            for _ in range(repeats):
                with Reader(chromium, book, java_script_enabled=False) as reader:
                    begin = time.perf_counter()
                    reader.page.goto(f"{book.address}/book/{slug}/", wait_until="domcontentloaded")
                    reader.page.locator("#waiting h2 ~ p").first.wait_for()
                    times.append(time.perf_counter() - begin)
            yield Row(3, f"readable without JavaScript: {slug}", "0.6 s", times, 0.6)
        weights: dict[str, list[float]] = {slug: [] for slug in chapters()[1:]}
        for _ in range(min(repeats, 3)):
            _weights(chromium, book, weights)
        for slug, megabytes in weights.items():
            yield Row(5, f"bytes of a later chapter: {slug}", "0.3 MB", megabytes, 0.3, "MB")


class Relay:
    """Stands between browser and book and counts the bytes that the book sends, websockets included."""

    def __init__(self, port: int):
        self.port, self.count = port, 0
        self.listening = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._take, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}"

    def _take(self) -> None:
        with contextlib.suppress(OSError):  # closed: nobody comes any more
            while True:
                near, _ = self.listening.accept()
                far = socket.create_connection(("127.0.0.1", self.port))
                for pair in ((near, far, False), (far, near, True)):
                    threading.Thread(target=self._pass, args=pair, daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):  # one side has hung up
            while piece := source.recv(65536):
                self.count += len(piece) * counted
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)


def _weights(chromium: Any, book: Book, weights: dict[str, list[float]]) -> None:
    """MB over the wire for each later chapter; what the browser has kept weighs nothing."""
    relay = Relay(int(book.address.rpartition(":")[2]))
    with Reader(chromium, book, relay.address) as reader:
        reader.go(chapters()[0])
        reader.page.wait_for_timeout(3000)
        for slug, megabytes in weights.items():
            before = relay.count
            reader.go(slug)
            reader.page.wait_for_timeout(3000)
            megabytes.append((relay.count - before) / 1e6)
    relay.listening.close()


def figures(chromium: Any, repeats: int) -> Iterator[Row]:
    """Row 6: every figure, 20 moves, with nothing else going on and beside a run."""
    moves = 4 * repeats
    with opened() as book:
        for beside, goal in (("idle", 100.0), ("while a run trains", 200.0)):
            rows = []
            with Reader(chromium, book) as reader, Reader(chromium, book) as trainer:
                if beside != "idle":
                    trainer.go(TRAINING)
                for slug in chapters():
                    reader.go(slug)
                    reader.page.wait_for_timeout(3000)  # figures that measure first have done so
                    for place in range(reader.ask("bench.figures().length")):
                        if beside != "idle":
                            _keep_training(trainer)
                        told = reader.ask("bench.reactions(it[0], it[1])", [place, moves])
                        times = [one for one in told["times"] if one is not None]
                        if times:
                            rows.append(Row(6, told["title"], f"{goal:g} ms", times, goal, "ms"))
            yield from slowest(rows, f"input to changed figure, {beside}")


def _keep_training(trainer: Reader) -> None:
    """A run of twenty epochs goes on in the other tab; it is started again when it has ended."""
    trainer.ask(
        """(async () => {
        const box = bench.training(), go = bench.button(box, "Train");
        if (!go) return;
        const epochs = [...box.querySelectorAll("input")].find((e) => e.max === "20");
        epochs.value = 20;
        epochs.dispatchEvent(new Event("change"));
        go.click();
        await bench.until(() => box.querySelector("progress"));
        await new Promise((done) => setTimeout(done, 1500));
        })()"""
    )


def training(chromium: Any, repeats: int) -> Iterator[Row]:
    """Row 7: the first point, Stop, and coming back after a reload with every point."""
    first, stopping, again = [], [], []
    with opened() as book, Reader(chromium, book) as reader:
        for _ in range(repeats):
            reader.go(TRAINING)
            reader.ask("bench.training().scrollIntoView()")
            reader.page.wait_for_timeout(6000)  # the reader comes near, reads, and a worker gets ready
            had = reader.ask("bench.points()")
            begin = time.perf_counter()
            _keep_training_begins(reader)
            reader.until("bench.training().querySelector('progress')")
            reader.until(f"bench.points() > 0 && bench.points() !== {had}")
            first.append(time.perf_counter() - begin)
            told = reader.ask("bench.points()")
            begin = time.perf_counter()
            reader.page.reload(wait_until="commit")
            reader.until(f"bench.training() && bench.points() >= {told}")
            again.append(time.perf_counter() - begin)
            reader.until("bench.ready()")
            begin = time.perf_counter()
            reader.ask("bench.button(bench.training(), 'Stop').click()")
            reader.until("/Stopped/.test(bench.training().querySelector('.state').textContent)")
            stopping.append(time.perf_counter() - begin)
    yield Row(7, "Train to the first point", "2 s", first, 2)
    yield Row(7, "Stop to stopped", "0.5 s", stopping, 0.5)
    yield Row(7, "reload to attached again, all points there", "3 s", again, 3)


def _keep_training_begins(reader: Reader) -> None:
    reader.ask(
        """(() => {
        const box = bench.training(), epochs = [...box.querySelectorAll("input")].find((e) => e.max === "20");
        epochs.value = 20;
        epochs.dispatchEvent(new Event("change"));
        bench.button(box, "Train").click();
        })()"""
    )


def checks(chromium: Any, repeats: int) -> Iterator[Row]:
    """Rows 11 and 12: reference answers of all code exercises, and answers that would break a book."""
    from glassworks.reader import exercises
    from glassworks.reader.contents import contents
    from glassworks.reader.exercises.kinds import CodeExercise

    rows = []
    with opened() as book, Reader(chromium, book) as reader:
        for slug in chapters():
            reader.go(slug)
            for place, one in enumerate(contents().chapter(slug).exercises):
                found = exercises.find(one)
                if not isinstance(found, CodeExercise):
                    continue
                told = [_check(reader, place, found.solution) for _ in range(repeats + 1)]
                assert all(answer["said"].startswith("Passed") for answer in told), told
                rows.append(Row(11, one, "1 s", [answer["seconds"] for answer in told[1:]], 1))
        yield from slowest(rows, "check of a right answer, warm")
        reader.go(BY_HAND)
        place = contents().chapter(BY_HAND).exercises.index(STEP)
        for name, line in HOSTILE.items():
            told = [_check(reader, place, FULL + line) for _ in range(min(repeats, 3))]
            print(f"{name}: {told[0]['said']}")
            book.started()  # still alive
            yield Row(12, f"{name} to a plain message", "12 s", [answer["seconds"] for answer in told], 12)


def _check(reader: Reader, place: int, answer: str) -> dict[str, Any]:
    """{"seconds", "said"} of an answer to the exercise that stands at that place of the page."""
    told: dict[str, Any] = reader.ask("bench.check(it[0], it[1])", [place, answer])
    return told


def staying(chromium: Any, repeats: int) -> Iterator[Row]:
    """Row 14: 50 reloads of one chapter and ten tabs, then the time after which closed tabs are forgotten."""
    from glassworks.reader.application import SESSION_SECONDS

    reloads, tabs = 10 * repeats, 2 * repeats
    with opened() as book:
        with Reader(chromium, book) as reader:
            reader.go(TRAINING)
            reader.page.wait_for_timeout(8000)
            memory, threads = book.resident(), book.threads()
            grown = []
            for number in range(reloads):
                reader.page.reload()
                reader.until("bench.ready()")
                if (number + 1) % 10 == 0:
                    grown.append(book.resident() - memory)
                    print(f"{number + 1} reloads: {grown[-1]:+.0f} MB, {book.threads() - threads:+d} threads")
            pages = [reader.context.new_page() for _ in range(tabs)]
            for page in pages:
                page.goto(f"{book.address}/book/{TRAINING}/")
                page.evaluate("bench.until(() => bench.ready())")
            open_tabs, most = book.resident() - memory, book.threads() - threads
        time.sleep(SESSION_SECONDS + 15)
        left, kept = book.threads() - threads, book.resident() - memory
    print(f"{tabs} tabs: {open_tabs:+.0f} MB, {most:+d} threads; later {kept:+.0f} MB, {left:+d}")
    yield Row(14, f"growth over {reloads} reloads", "100 MB", [grown[-1]], 100, "MB")
    yield Row(14, f"growth with {tabs} tabs more", "100 MB", [open_tabs], 100, "MB")
    yield Row(14, "growth after the session time", "100 MB", [kept], 100, "MB")
    yield Row(14, "threads more than at the start, after the session time", "5", [left], 5, "threads")


def dying(chromium: Any, repeats: int) -> Iterator[Row]:
    """Row 15: the server is killed while a run goes on."""
    times = []
    for _ in range(repeats):
        with opened() as book, Reader(chromium, book) as reader:
            reader.go(TRAINING)
            _keep_training(reader)
            before = book.started()
            begin = time.perf_counter()
            os.kill(book.server, signal.SIGKILL)
            while _still(book, before):
                time.sleep(0.01)
            times.append(time.perf_counter() - begin)
            reader.go(TRAINING)
            reader.until("/Interrupted/.test(bench.training().querySelector('.state').textContent)")
            assert json.loads((book.folder / "progress.json").read_text(encoding="utf-8"))
    yield Row(15, "server killed during a run, until it answers again; run interrupted", "2 s", times, 2)


def _still(book: Book, before: str) -> bool:
    try:
        return book.started() == before
    except OSError:
        return True


def own_data(chromium: Any, repeats: int) -> Iterator[Row]:
    """Row 20: twenty pictures in two classes to a downloaded model that answers the same."""
    import glassworks as gw

    times = []
    for _ in range(min(repeats, 3)):
        with opened() as book, Reader(chromium, book, accept_downloads=True) as reader:
            reader.go(TRAINING)
            begin = time.perf_counter()
            reader.ask("bench.button(bench.own(), 'Add a class').click()")
            reader.until("bench.classes().length === 3")
            for place, word in enumerate(("red", "blue")):
                pictures = [_picture(word, number) for number in range(10)]
                reader.ask("bench.drop(it[0], it[1])", [place, pictures])
                reader.until(f"bench.classes()[{place}].textContent.includes('10 pictures')")
            reader.ask("bench.classes()[2].querySelector('.aside').click()")
            reader.until("bench.button(bench.own(), 'Train') && !bench.button(bench.own(), 'Train').disabled")
            reader.ask("bench.button(bench.own(), 'Train').click()")
            reader.until("bench.own().querySelector('a.download')")
            with reader.page.expect_download() as download:
                reader.ask("bench.own().querySelector('a.download').click()")
            download.value.save_as(book.folder / "model.zip")
            times.append(time.perf_counter() - begin)
            reader.ask("bench.drop(-1, it)", [_picture("blue", 77)])
            reader.until("bench.own().querySelector('.answer').textContent.includes('The model says')")
            said = reader.ask("bench.own().querySelector('.answer').textContent")
            with zipfile.ZipFile(book.folder / "model.zip") as archive:
                archive.extractall(book.folder / "elsewhere")
            (book.folder / "one.png").write_bytes(base64.b64decode(_picture("blue", 77)[1]))
            row = gw.load(book.folder / "elsewhere" / "my-model").predict(book.folder / "one.png")[0]
            assert f"The model says {row['answer']}" in said, (row, said)
            assert f"{row['answers'][0]['probability']:.0%}" in said, (row, said)
    yield Row(20, "20 own pictures to a downloaded model; it answers the same", "90 s", times, 90)


def _picture(word: str, number: int) -> list[str]:
    """[name, base64 of a PNG] of a noisy coloured square."""
    noise = np.random.default_rng([number, len(word)]).integers(0, 60, (24, 24, 3), dtype=np.uint8)
    noise[..., 0 if word == "red" else 2] += 150
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    return [f"{word} {number}.png", base64.b64encode(file.getvalue()).decode()]


PARTS: dict[str, Callable[[Any, int], Iterator[Row]]] = {
    "start": start, "reading": reading, "figures": figures, "training": training, "checks": checks,
    "staying": staying, "dying": dying, "own-data": own_data,
}  # fmt: skip


def main() -> None:
    flags: dict[str, dict[str, Any]] = {
        "only": {"default": ",".join(PARTS)}, "browser": {"default": ""},
        "repeats": {"type": int, "default": 5},
    }  # fmt: skip
    given = arguments(str(__doc__), **flags)
    program = given.browser or next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if program is None:
        sys.exit("this needs Chromium: install it, or name it with --browser")
    from playwright.sync_api import sync_playwright

    rows: list[Row] = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=LAUNCH)
        for name in given.only.split(","):
            for row in PARTS[name](chromium, 1 if given.quick else given.repeats):
                print("  ".join(row.cells()), flush=True)
                rows.append(row)
        chromium.close()
    facts = [asdict(row) for row in rows]
    head = ["check", "what", "goal", "median (smallest–largest)", "reached"]
    report("book", head, [row.cells() for row in rows if row.listed], {"rows": facts}, quick=given.quick)


if __name__ == "__main__":
    main()
