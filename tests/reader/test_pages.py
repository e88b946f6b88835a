"""The plain pages: whole HTML, links that lead somewhere, text that stays text, colours that can be read."""

import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from glassworks import labs
from glassworks.core import page as report
from glassworks.core.errors import PersonError
from glassworks.reader import contents as order
from glassworks.reader import pages, plain
from glassworks.reader.pages.index import Index
from glassworks.reader.pages.search import entries
from tests.reader.pages_help import Reading, doctored

ALL = ("foundations/what_a_model_is", "foundations/learning_by_hand", "foundations/the_training_loop")
STATIC = Path(order.__file__).parent / "static"
STYLE = (STATIC / "book.css").read_text(encoding="utf-8")


class Kept:
    """A reader's progress as home sees it."""

    def __init__(self, passed=(), last=None, trouble=""):
        self.done, self.place, self.trouble = set(passed), last, trouble

    def passed(self, exercise_id):
        return exercise_id in self.done

    def last(self):
        return self.place


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """The book as it is meant to be: the three first chapters are there."""
    return doctored(tmp_path_factory.mktemp("book"), ready=ALL)


@pytest.fixture
def site(book, monkeypatch):
    """Every page, as address -> page, in a book whose first three chapters are ready."""
    for module in ("frame", "home", "glossary", "references", "timeline", "labs", "how_to_run", "search"):
        monkeypatch.setattr(sys.modules[f"glassworks.reader.pages.{module}"], "contents", lambda: book)
    monkeypatch.setattr(plain, "path_of", lambda slug: Path("nowhere"))
    monkeypatch.setattr(plain, "passages", lambda slug: [])
    chapter = book.chapter(ALL[1])
    return {
        "/": pages.home(Kept()),
        "/glossary": pages.glossary(),
        "/timeline": pages.timeline(),
        "/timeline?domain=audio&used=1": pages.timeline("audio", True),
        "/references": pages.references(),
        "/labs": pages.labs(),
        "/studio": pages.studio(code=True),
        "/how-to-run": pages.how_to_run(Path("my folder"), device="device cpu"),
        "/search": pages.search(""),
        "/search?q=gradient": pages.search("gradient"),
        "/source/foundations/tape.py": pages.source_file("foundations/tape.py"),
        "/nowhere": pages.not_found("/nowhere"),
        chapter.address: "<!doctype html><html><body>"
        f"{pages.bar(chapter=chapter)}{pages.waiting(chapter, '<p>text</p>')}</body></html>",
    }


def test_every_page_is_whole_html_with_unique_ids_and_one_heading(site):
    for address, page in site.items():
        read = Reading(page)
        assert read.faults == [], address
        assert len(read.ids) == len(set(read.ids)), address
        if not address.startswith("/book/"):
            assert [tag for tag, _ in read.tags].count("h1") == 1, address
        assert page.isprintable() or "\n" in page


def test_every_link_inside_the_book_leads_somewhere(site, book):
    ids = {address: set(Reading(page).ids) for address, page in site.items()}
    known = {*ids, *(chapter.address for chapter in book.ready), "/api/progress"}
    known |= {f"/api/notebook/{chapter.slug}.ipynb" for chapter in book.ready}
    for address, page in site.items():
        for link in Reading(page).links:
            target = urlsplit(link["href"])
            if target.scheme:
                continue
            path = target.path or address
            assert path in {*known, address}, f"{address} leads to {link['href']}"
            if target.fragment and path in ids:
                assert target.fragment in ids[path], f"{address} leads to {link['href']}"


def test_links_to_elsewhere_say_nothing_of_where_they_come_from(site):
    for page in site.values():
        for link in Reading(page).links:
            if urlsplit(link["href"]).scheme:
                assert link["href"].startswith("https://") and link["rel"] == "noopener noreferrer"


def test_a_page_loads_nothing_from_elsewhere_and_runs_nothing_of_its_own(site):
    for address, page in site.items():
        read = Reading(page)
        assert all(one.startswith(("/static/", "data:")) for one in read.loads), address
        assert not any(name.startswith("on") for _, given in read.tags for name in given), address
        assert "<script>" not in page, address
    assert "http" not in re.sub(r"/\*.*?\*/", "", STYLE, flags=re.DOTALL)
    assert not re.search(r"https?://", (STATIC / "book.js").read_text(encoding="utf-8"))


def test_every_control_has_a_name(site):
    for address, page in site.items():
        read = Reading(page)
        labelled = {given.get("for") for tag, given in read.tags if tag == "label"}
        for tag, given in read.tags:
            if tag in ("input", "select") and given.get("type") != "checkbox":
                assert given.get("aria-label") or given.get("id") in labelled, (address, given)
        named = re.findall(r"<(?:button|summary|a)\b([^>]*)>(.*?)</(?:button|summary|a)>", page, re.DOTALL)
        for given, inside in named:
            assert "aria-label" in given or re.sub(r"<[^>]+>", "", inside).strip(), (address, given)


HOSTILE = '<b>"x"</b>&'


def test_text_of_the_contents_stays_text(tmp_path):
    toml = HOSTILE.replace('"', '\\"')
    book = doctored(
        tmp_path,
        ready=ALL,
        contents={
            'title = "Learning by hand"': f'title = "{toml}"',
            'title = "How deep?"': f'title = "{toml}"',
            'title = "Audio"': f'title = "{toml}"',
        },
        works={
            'title = "Deep residual learning for image recognition"': f'title = "{toml}"',
            'brought = "ResNet:': f'brought = "{toml}',
        },
        glossary={'term = "chain rule"': f'term = "{toml}"'},
    )
    passed = Kept(last=(ALL[1], HOSTILE), trouble=HOSTILE)
    made = [
        pages.home(passed, book=book),
        pages.glossary(book=book),
        pages.timeline(book=book),
        pages.references(book=book),
        pages.how_to_run(
            Path(HOSTILE), device=HOSTILE, book=book, address=lambda chapter: f"https://x/{HOSTILE}"
        ),
        pages.search(HOSTILE, found=Index(entries(book, lambda slug: [])).find(HOSTILE)),
        pages.waiting(book.chapter(ALL[1]), ""),
        pages.not_found(f"/{HOSTILE}"),
        pages.sorry(HOSTILE),
    ]
    for page in made:
        assert "<b>" not in page
        assert Reading(page).faults == []
    assert "&lt;b&gt;&quot;x&quot;" in made[0]


def test_home_offers_one_next_step(book):
    fresh = Reading(pages.home(Kept(), book=book)).text
    assert "Start here" in fresh and "What a model is" in fresh
    page = pages.home(Kept(last=(ALL[1], "the-chain-rule")), book=book)
    assert "Continue where you left off" in page and f'href="/book/{ALL[1]}/?at=the-chain-rule"' in page
    done = pages.home(Kept(passed=book.chapter(ALL[0]).exercises, last=(ALL[0], "")), book=book)
    assert "You have finished" in done and f'class="button" href="/book/{ALL[1]}/"' in done
    gone = pages.home(Kept(last=("foundations/of_another_version", "")), book=book)
    assert "Start here" in gone


def test_home_lists_every_chapter_and_counts_passed_exercises(book):
    chapter = book.chapter(ALL[0])
    page = pages.home(Kept(passed=chapter.exercises[:2]), book=book)
    read = Reading(page)
    assert all(one.title in read.text for one in book.chapters)
    assert f"2 of {len(chapter.exercises)} exercises passed" in read.text
    assert page.count('class="card later"') == len(book.chapters) - len(book.ready)
    cards = {given["href"] for given in read.links}
    assert {one.address for one in book.ready} <= cards
    assert '<li class="card later"' in page and not re.search(r'class="card later"[^>]*><h3><a', page)


def test_a_page_without_progress_can_be_made(book):
    assert "0 of" in pages.home(None, book=book)


def test_the_timeline_is_in_order_and_every_work_has_a_link_or_says_that_there_is_none(book):
    page = pages.timeline(book=book)
    years = [int(year) for year in re.findall(r'id="year-(\d+)"', page)]
    assert years == sorted(years)
    items = re.findall(r'<li id="([^"]+)"(.*?)</li>', page, re.DOTALL)
    assert [key for key, _ in items] == sorted(book.works, key=lambda key: (
        book.works[key].year, book.works[key].authors))  # fmt: skip
    for key, inside in items:
        assert ('href="https://' in inside) != ("There is no link" in inside), key


def test_every_work_of_the_timeline_is_a_point_that_touches_no_other(book):
    page = pages.timeline(book=book)
    rows = re.findall(
        r'<div class="row" data-domain="(\w+)".*?<div class="line"[^>]*>(.*?)</div></div>', page
    )
    assert len(rows) == len(order.DOMAINS)
    count = 0
    for domain, inside in rows:
        spots = [
            (float(left) * 6.6 + int(column), int(top))
            for left, column, top in re.findall(r"left:calc\(([\d.]+)% \+ (\d+)px\);top:(\d+)px", inside)
        ]
        count += len(spots)
        for number, (x, y) in enumerate(spots):
            assert 0 <= x <= 660, domain
            for across, down in spots[:number]:
                assert abs(x - across) >= 13 or abs(y - down) >= 13, (domain, x, y)
    assert count == len(book.works)


def test_the_timeline_can_be_narrowed_without_a_script(book):
    audio = re.findall(
        r'<li id="([^"]+)" data-domain="(\w+)" data-used="(\d)"', pages.timeline("audio", book=book)
    )
    assert audio and {domain for _, domain, _ in audio} == {"audio"}
    used = re.findall(r'data-used="(\d)"', pages.timeline(used=True, book=book))
    assert set(used) == {"1"} and len(used) < len(book.works)
    assert pages.timeline("no such domain", book=book) == pages.timeline(book=book)


def test_labs_show_the_verdict_of_the_recorded_run(book):
    page = Reading(pages.labs(book=book)).text
    for name in labs.names():
        result = labs.recorded(name)
        assert f"glassworks lab {name}" in page
        assert result is None or result.verdict in page


def test_a_damaged_result_of_one_lab_leaves_the_others_readable(book, monkeypatch):
    first, *others = labs.names()
    kept = labs.recorded

    def broken(name):
        if name == first:
            raise PersonError("damaged-result", expected="a result", got="<none>", fix="run the lab again")
        return kept(name)

    monkeypatch.setattr(labs, "recorded", broken)
    page = pages.labs(book=book)
    assert "got &lt;none&gt;; run the lab again" in page
    assert all(f'id="{name}"' in page for name in others)


def test_notebooks_are_linked_at_the_service_or_given_as_files(book):
    page = pages.how_to_run(
        Path("mine"), device="", book=book, address=lambda chapter: f"https://x/{chapter.name}"
    )
    assert 'href="https://x/learning_by_hand"' in page
    page = pages.how_to_run(Path("mine"), device="", book=book, address=lambda chapter: "")
    assert f'href="/api/notebook/{ALL[0]}.ipynb" download' in page


def test_how_to_run_without_a_reader_tells_no_folder_and_no_device(book):
    page = pages.how_to_run(None, book=book, address=lambda chapter: "")
    assert "Found here" not in page and "/api/" not in page


def test_a_source_page_numbers_every_line_and_closes_every_colour():
    page = pages.source_file("foundations/tape.py")
    file = order.HERE.parent / "foundations" / "tape.py"
    lines = file.read_text(encoding="utf-8").rstrip("\n").split("\n")
    assert page.count('class="code-line"') == len(lines)
    assert Reading(page).faults == []
    shown = re.search(r"<pre[^>]*>(.*)</pre>", page, re.DOTALL)
    assert shown is not None
    told = [Reading(f"<span {row}").text for row in shown[1].split('<span class="code-line" ')[1:]]
    for number, (line, given) in enumerate(zip(lines, told), start=1):
        assert given.partition(f"{number}")[2].rstrip("\n") == line


ELSEWHERE = ("../../pyproject.toml", "/etc/passwd", "reader/contents.toml", "", "core", "no.py", __file__)


@pytest.mark.parametrize("path", ELSEWHERE)
def test_nothing_but_the_packages_own_python_is_shown(path):
    with pytest.raises(PersonError) as told:
        pages.source_file(path)
    assert told.value.code == "no-such-file"


def test_a_chapter_to_come_is_named_where_its_address_is_typed():
    page = pages.not_found("/book/biology/medical_pictures/")
    assert "Medical pictures" in page and "still to come" in page
    assert "did you mean" in pages.not_found("/glosary").lower()


def colours(theme: int) -> dict[str, str]:
    """The palette of book.css; theme: 0 light, 1 dark."""
    found = re.findall(r"--([a-z]+): light-dark\((#\w{6}), (#\w{6})\)", STYLE)
    return {name: pair[theme] for name, *pair in found}


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_colour_of_text_can_be_read_on_every_ground(theme):
    palette = colours(theme)
    for text in ("ink", "soft", "accent", "good", "bad", "warn"):
        for ground in ("paper", "card"):
            assert contrast(palette[text], palette[ground]) >= 4.5, (text, ground)
    assert contrast(palette["ink"], palette["mark"]) >= 4.5
    assert contrast(palette["accent"], palette["mark"]) >= 4.5
    assert contrast(palette["card"], palette["accent"]) >= 4.5


def test_the_palette_is_that_of_the_reports():
    light, dark = re.findall(r":root \{(.*?)\}", report.STYLE, re.DOTALL)[:2]
    for theme, block in enumerate((light, dark)):
        stated = dict(re.findall(r"--([a-z]+): (#\w{6})", block))
        assert len(stated) >= 8
        assert {name: colours(theme)[name] for name in stated} == stated
