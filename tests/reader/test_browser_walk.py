"""A walk through the book in a browser: nothing from elsewhere, nothing broken, cut, pale or nameless."""

import pytest

from glassworks.reader.contents import contents
from tests.reader.walking import PHONE, SCHEMES, SIZES, watched

READY = contents().ready
PLAIN = ("/", "/glossary", "/timeline", "/references", "/search?q=gradient", "/search?q=zzzz", "/labs",
         "/studio", "/how-to-run", "/source/training/loop.py")  # fmt: skip

WRONG = """<!doctype html><html lang="en"><body style="margin:0; background:#fff; color:#000">
<div id="host"></div><script>
document.getElementById("host").attachShadow({ mode: "open" }).innerHTML = `
  <div style="width:300px; overflow:hidden"><div style="width:340px">held too tight</div></div>
  <div style="width:200px"><table style="width:320px"><tr><td>sits in a narrow box</td></tr></table></div>
  <table style="width:700px"><tr><td>sticks out</td></tr></table>
  <svg width="80" height="30"><text x="60" y="20">cut by the edge</text></svg>
  <svg width="80" height="30"><rect width="80" height="30" fill="#333"/>
    <text x="9" y="20" fill="#444">murky</text></svg>
  <p style="color:#999">grey</p><p style="opacity:.4">thin</p>
  <div style="background:#222"><p style="background:rgb(255 255 255 / .1); color:#666">on dark glass</p></div>
  <button style="height:30px; width:60px">low</button><button style="height:50px; width:50px"></button>
  <input type="text" style="height:50px"><a href="#x" style="display:inline-block">alone</a>
  <img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" width="9" height="9">`;
</script></body></html>"""
RIGHT = """<!doctype html><html lang="en"><body style="margin:0; background:#fff; color:#000">
<div id="host"></div><script>
document.getElementById("host").attachShadow({ mode: "open" }).innerHTML = `
  <div style="overflow-x:auto"><table style="width:700px"><tr><td>scrolls</td></tr></table></div>
  <svg width="80" height="30"><rect width="80" height="30" fill="#222"/>
    <text x="9" y="20" fill="#eee">clear</text></svg>
  <p style="color:#595959">grey, with <a href="#x">a link</a> in it</p>
  <button style="height:44px; width:60px">high</button>
  <button aria-label="sign" style="height:50px; width:50px"></button>
  <label style="display:block; height:50px"><input type="radio"> all of this</label>
  <label>name <input type="text" style="height:50px"></label>
  <button disabled style="height:50px; width:50px; color:#ccc">off</button>
  <span style="position:absolute; width:1px; height:1px; overflow:hidden">for ears, long</span>
  <details><summary style="height:50px; line-height:50px">fold</summary><b style="color:#eee">in</b></details>
  <img alt="a dot" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" width="9" height="9">`;
</script></body></html>"""


def test_the_eyes_see_what_is_wrong_inside_a_shadow_root(browser):
    """The test of the tests below: each fault is found, and what is right is left alone."""
    with watched(browser, "http://127.0.0.1", viewport=PHONE, color_scheme="light") as seen:
        seen.page.set_content(WRONG)
        found = "\n".join(seen.misshapen("390", "light"))
        for words in ("held too tight", "sits in a narrow box", "sticks out", "cut by the edge", "murky",
                      "the page is 700 wide", "grey", "thin", "on dark glass", "60x30", "alone"):  # fmt: skip
            assert words in found, words
        assert len(seen.nameless()) == 3  # the empty button, the field and the picture
        seen.page.set_content(RIGHT)
        assert seen.misshapen("390", "light") == [] and seen.nameless() == []


def test_the_watch_notices_requests_elsewhere_errors_and_violations(browser, book):
    with watched(browser, book) as seen:
        seen.open("/glossary")
        assert seen.clean() == []
        seen.page.evaluate("console.error('by hand')")
        seen.page.evaluate(
            "document.body.append(Object.assign(new Image(), { src: 'http://example.org/x.png' }))"
        )
        seen.page.evaluate("setTimeout(() => { throw new Error('thrown') }, 0)")
        seen.until("look.violations.length > 0")
        found = "\n".join(seen.clean())
        assert (
            "by hand" in found and "thrown" in found and "policy: img-src: http://example.org/x.png" in found
        )


@pytest.mark.parametrize("chapter", READY, ids=lambda chapter: chapter.name)
def test_a_chapter_with_every_widget_touched(browser, book, chapter):
    with watched(browser, book) as seen:
        seen.chapter(chapter)
        found = [f"untouched, {one}" for face in seen.faces() for one in seen.misshapen(*face)]
        figures = seen.look("moveFigures")
        assert figures["moved"] >= 5 and figures["stiff"] == []
        exercises = seen.look("answerExercises")
        assert exercises == {"answered": len(chapter.exercises), "silent": []}
        seen.look("touchOthers")
        seen.look("unfold")
        found += [f"touched, {one}" for face in seen.faces() for one in seen.misshapen(*face)]
        assert found == []
        assert seen.nameless() == []
        assert seen.clean() == []
        assert seen.asked > 20


@pytest.mark.long
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", SIZES)
@pytest.mark.parametrize("chapter", READY, ids=lambda chapter: chapter.name)
def test_a_chapter_opened_at_this_size_and_theme(browser, book, chapter, width, scheme):
    """The fast test turns one page round; here each face is opened anew, as a phone would."""
    with watched(browser, book, viewport=SIZES[width], color_scheme=scheme, has_touch=width == "390") as seen:
        seen.chapter(chapter)
        seen.look("unfold")
        assert seen.misshapen(width, scheme) == []
        assert seen.look("moveFigures")["stiff"] == []
        assert seen.misshapen(width, scheme) == []
        assert seen.clean() == []


def test_the_plain_pages(browser, book):
    with watched(browser, book) as seen:
        found = []
        for address in PLAIN:
            seen.open(address)
            seen.look("unfold")
            found += [f"{address} {one}" for face in seen.faces() for one in seen.misshapen(*face)]
            found += [f"{address} {one}" for one in seen.nameless()]
            found += [f"{address} {one}" for one in seen.clean()]
        assert found == []


def test_all_code_of_a_chapter_can_be_shown(browser, book):
    with watched(browser, book) as seen:
        seen.chapter(READY[0])
        assert seen.page.locator("#root .cm-editor:visible").count() == 0
        seen.page.get_by_role("link", name="Show all code").click()
        seen.page.wait_for_url("**show-code=true")
        seen.ready()
        code = seen.page.locator("#root .cm-editor:visible")
        code.first.wait_for()
        assert code.count() > 10 and "book.header(" in " ".join(code.all_inner_texts())
        assert not [
            one for one in seen.look("overflowing") if one.startswith("the page")
        ]  # editors are marimo's
        seen.page.get_by_role("link", name="Hide the code").click()
        seen.page.wait_for_url(f"**{READY[0].address}")
        assert seen.clean() == []


def test_previous_and_next_lead_through_the_chapters(browser, book):
    with watched(browser, book, java_script_enabled=False) as seen:
        seen.open(READY[0].address)
        for chapter in READY[1:]:
            seen.page.get_by_role("link", name=f"Next: {chapter.title}").click()
            seen.page.wait_for_url(f"**{chapter.address}")
        for chapter in READY[-2::-1]:
            seen.page.get_by_role("link", name=f"Previous: {chapter.title}").click()
            seen.page.wait_for_url(f"**{chapter.address}")


def test_without_javascript_a_chapter_can_be_read(browser, book):
    with watched(browser, book, java_script_enabled=False) as seen:
        for chapter in READY:
            seen.open(chapter.address)
            text = seen.page.locator("#waiting")
            assert text.get_by_role("heading", name=chapter.title, exact=True).is_visible()
            for objective in chapter.objectives:
                assert text.get_by_text(objective.text).first.is_visible()
            assert text.locator("h2 ~ p").first.is_visible()
            assert "needs JavaScript" in text.inner_text()


def test_a_theme_that_is_chosen_holds_on_every_page(browser, book):
    with watched(browser, book, color_scheme="light") as seen:
        dark = "getComputedStyle(document.body).backgroundColor"
        seen.open("/glossary")
        bright = seen.page.evaluate(dark)
        switch = seen.page.get_by_role("button", name="Theme")
        for _ in range(3):
            if seen.page.evaluate("document.documentElement.dataset.theme") != "dark":
                switch.click()
        assert seen.page.evaluate(dark) != bright
        seen.open("/timeline")
        assert seen.page.evaluate("document.documentElement.dataset.theme") == "dark"
        seen.chapter(READY[0])
        assert seen.page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert seen.misshapen("1280", "dark") == []
        box = seen.page.evaluate("getComputedStyle(look.boxes()[0]).backgroundColor")
        assert sum(int(part) for part in box[4:-1].split(",")[:3]) < 200, f"a light box in a dark page: {box}"
        with seen.page.expect_navigation():  # marimo takes its theme from the page: it is loaded again
            switch.click()
        seen.ready()
        assert seen.page.evaluate("document.documentElement.dataset.theme ?? 'system'") != "dark"
        assert seen.clean() == []
