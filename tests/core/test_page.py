"""Pages are valid, self-contained, and show names as text whatever they hold."""

from html.parser import HTMLParser

import numpy as np

from glassworks.core.charts import bar_chart, line_chart
from glassworks.core.page import Page

EMPTY = {"meta", "br", "img", "path", "rect", "polyline"}
NASTY = "<script>alert('x')</script>\" onerror=\"x"


class Reader(HTMLParser):
    """Checks that every tag is closed in order, and collects links."""

    def __init__(self):
        super().__init__()
        self.open, self.links, self.tags = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href")]
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(text):
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    return reader


def nasty_page():
    pixels = np.zeros((8, 8, 3), np.uint8)
    page = Page(NASTY, NASTY).section(NASTY)
    page.table([NASTY, "n"], [[NASTY, 0.5], [(NASTY, "bad"), 1.0]])
    page.tiles([(NASTY, NASTY, NASTY)])
    page.pictures([(pixels, NASTY), (np.zeros((99, 200), np.uint8), "large")])
    page.html(bar_chart([(NASTY, 1.0)])).html(line_chart({NASTY: [(0, 1), (1, 2)]}, across=NASTY))
    return page.section("last")


def test_every_tag_is_closed_and_names_stay_text():
    reader = read(nasty_page().render())
    assert "script" not in reader.tags and "img" in reader.tags


def test_a_page_needs_nothing_from_outside():
    text = nasty_page().render()
    links = read(text).links
    assert links and all(link.startswith("data:image/") for link in links)
    assert "@import" not in text and "url(" not in text


def test_charts_take_what_is_not_finite_or_nothing():
    read(Page("x").html(line_chart({"a": [(0, float("nan"))]}, across="step")).render())
    read(Page("x").html(line_chart({"a": [(0, 1.0), (1, float("inf"))]}, across="step")).render())
    read(Page("x").html(bar_chart([])).html(bar_chart([("a", 0.0)])).render())


def test_pages_are_saved_whole(tmp_path):
    path = Page("Größe").save(tmp_path / "page.html")
    assert "Größe" in path.read_text(encoding="utf-8")
