"""A reader at work in a browser: keyboard, exercises, addresses, training, a dying server, own pictures."""

import base64
import os
import re
import signal
import subprocess
import zipfile
from dataclasses import dataclass

import pytest
from playwright.sync_api import expect

import glassworks as gw
from glassworks.reader import exercises
from glassworks.reader.contents import contents
from tests.reader.conftest import served
from tests.reader.test_own_data import picture
from tests.reader.walking import context, watch, watched

CHAPTER, TRAINING = (
    contents().chapter("foundations/learning_by_hand"),
    contents().chapter("foundations/the_training_loop"),
)
FIGURE, NUMBER, CODE = "One weight takes a step", "learning_by_hand.gradient", "learning_by_hand.step"


@dataclass(frozen=True)
class Mine:
    """A book on a desk that no other test writes on. process: its keeper."""

    address: str
    process: subprocess.Popen


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    with served(tmp_path_factory.mktemp("desk")) as (address, process):
        yield Mine(address, process)


def exercise(seen, id):
    """The box of an exercise; they stand on the page in the order of contents.toml."""
    return seen.page.locator("section.box.exercise").nth(CHAPTER.exercises.index(id))


def press(seen, key, until, most=400):
    """Press a key until an expression about `at`, what has the focus, is true; the focus is seen."""
    for _ in range(most):
        seen.page.keyboard.press(key)
        shown, happened = seen.page.evaluate(
            f"(() => {{ const at = look.focused(); return [look.focusShown(), !!at && !!({until})] }})()"
        )
        assert shown, f"the focus is not to be seen on {seen.page.evaluate('look.told(look.focused())')}"
        if happened:
            return
        if seen.page.evaluate("look.focused().matches('textarea')"):
            seen.page.keyboard.press("Escape")  # then Tab leaves the field
    raise AssertionError(f"{key} never comes to {until}")


def test_the_whole_way_by_keyboard_alone(browser, mine):
    with watched(browser, mine.address) as seen:
        page = seen.page
        seen.open("/")
        press(seen, "Tab", f"at.matches('main a') && at.getAttribute('href') === '{CHAPTER.address}'")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{CHAPTER.address}*")
        seen.ready()

        press(seen, "Tab", "at.type === 'range'")
        drawing = seen.box(FIGURE).locator(".drawing")
        before = drawing.inner_html()
        page.keyboard.press("ArrowRight")
        expect(drawing).not_to_have_text("")
        seen.until(f"look.figures()[0].querySelector('.drawing').innerHTML !== {before!r}")

        press(seen, "Tab", "at.matches('input[type=text]') && at.closest('.exercise')")
        page.keyboard.type("18")
        press(seen, "Tab", "at.textContent === 'Check'")
        page.keyboard.press("Enter")
        answered = exercise(seen, NUMBER).locator("[aria-live=polite]")
        expect(answered).to_contain_text("The size is right, the sign is not.")
        assert seen.page.evaluate("look.focused().closest('[aria-live]') !== null")  # read aloud, and seen

        press(seen, "Tab", "at.matches('textarea')")
        code = exercise(seen, CODE)
        page.keyboard.press("Control+a")
        page.keyboard.type("def step(x, y, weight, rate): return 0.0")
        page.keyboard.press("Control+Enter")
        expect(code.locator("[aria-live=polite]")).to_contain_text("Not yet")
        expect(code.locator(".fails .reason").first).not_to_be_empty()

        following = contents().neighbours(CHAPTER.slug)[1]
        press(seen, "Tab", f"at.matches('.next a') && at.getAttribute('href') === '{following.address}'")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{following.address}")
        assert seen.clean() == []


def test_an_exercise_gives_reasons_and_is_kept_over_a_reload(browser, mine):
    with watched(browser, mine.address) as seen:
        seen.chapter(CHAPTER)
        number, code = exercise(seen, NUMBER), exercise(seen, CODE)
        number.get_by_role("textbox").fill("-9")
        number.get_by_role("button", name="Check").click()
        expect(number.locator(".reason")).to_contain_text("A factor 2 is missing")
        expect(number.get_by_role("heading", name="Why")).to_have_count(0)
        number.get_by_role("textbox").fill("-18")
        number.get_by_role("button", name="Check").click()
        expect(number.locator(".verdict")).to_have_text("Passed.")
        expect(number.get_by_role("heading", name="Why")).to_be_visible()

        wanted = exercises.find(CODE)
        code.get_by_role("textbox").fill(wanted.wrong[0].answer)
        code.get_by_role("button", name="Check").click()
        expect(code.locator(".fails").filter(has_text=wanted.wrong[0].row)).to_be_visible()
        code.get_by_role("textbox").fill(wanted.solution)
        code.get_by_role("textbox").press("Control+Enter")
        expect(code.locator(".verdict")).to_have_text("Passed.")

        seen.page.reload()
        seen.ready()
        for box in (number, code):
            expect(box.locator(".badge")).to_be_visible()
            expect(box.get_by_role("heading", name="Why")).to_be_visible()
        expect(number.get_by_role("textbox")).to_have_value("-18")
        expect(code.get_by_role("textbox")).to_have_value(wanted.solution)
        expect(seen.page.locator("#root .next .counted")).to_contain_text(f"2 of {len(CHAPTER.exercises)}")
        assert seen.clean() == []

        seen.open("/")
        expect(seen.page.locator("main .card").filter(has_text=CHAPTER.title).first).to_contain_text(
            re.compile(rf"2 of {len(CHAPTER.exercises)}")
        )


def test_the_address_holds_the_state_of_a_figure(browser, mine):
    with watched(browser, mine.address) as seen:
        seen.chapter(CHAPTER)
        seen.box(FIGURE).get_by_role("slider").first.press("End")
        seen.until("location.hash.length > 1 && !look.figures()[0].querySelector('.busy')")
        seen.page.wait_for_timeout(500)
        address = seen.page.url.removeprefix(mine.address)
        drawn = seen.box(FIGURE).locator(".drawing").inner_html()
        value = seen.box(FIGURE).get_by_role("slider").first.input_value()
    with watched(browser, mine.address) as seen:  # somebody else, who got the address
        seen.chapter(CHAPTER)
        fresh = seen.box(FIGURE).locator(".drawing").inner_html()
        assert fresh != drawn
        seen.open("/")
        seen.open(address)
        seen.ready()
        seen.until(f"look.figures()[0].querySelector('.drawing').innerHTML === {drawn!r}")
        expect(seen.box(FIGURE).get_by_role("slider").first).to_have_value(value)


def test_a_control_that_is_moved_there_and_back_leaves_a_figure_alive(browser, mine):
    """Values that Python has already bring no answer, so nobody may wait for one."""
    with watched(browser, mine.address) as seen:
        seen.chapter(CHAPTER)
        box = seen.box(FIGURE)
        box.get_by_role("slider").first.evaluate(THERE_AND_BACK)
        expect(box.locator(".drawing.busy")).to_have_count(0)
        before = box.locator(".drawing").inner_html()
        box.get_by_role("slider").first.press("Home")
        seen.until(f"look.figures()[0].querySelector('.drawing').innerHTML !== {before!r}")


THERE_AND_BACK = """(slider) => {
  const start = slider.value;
  for (const value of [start, slider.max, slider.min, slider.max]) {
    slider.value = value;
    slider.dispatchEvent(new Event("input"));
  }
}"""


def test_training_is_followed_left_stopped_and_resumed(browser, mine):
    with context(browser) as reader:
        first, second = watch(reader, mine.address), watch(reader, mine.address)
        first.chapter(TRAINING)
        box = first.page.locator("section.box.training:not(.own)")
        box.get_by_label("epochs").fill("20")
        box.get_by_role("button", name="Train", exact=True).click()
        expect(box.locator("svg.chart").first).to_be_visible()
        first.until(f"{POINTS}(0) > 0")
        told = first.page.evaluate(f"{POINTS}(0)")

        first.page.reload()
        first.ready()
        first.until(f"{POINTS}(0) >= {told}")  # all of them, not only those since
        second.chapter(TRAINING)
        beside = second.page.locator("section.box.training:not(.own)")
        expect(beside.get_by_role("button", name="Stop")).to_be_visible()
        beside.get_by_role("button", name="Stop").click()
        expect(beside.locator(".state")).to_contain_text("Stopped")
        first.page.bring_to_front()
        expect(box.locator(".state")).to_contain_text("Stopped")

        told = first.page.evaluate(f"{POINTS}(0)")
        box.get_by_role("button", name="Resume").click()
        first.until(f"{POINTS}(0) > {told}")
        first.page.evaluate(
            "look.boxes('.training:not(.own)')[0].querySelectorAll('.buttons button')[2].click()"
        )
        expect(box.locator(".state")).to_contain_text(re.compile("Stopped|Done"))
        assert first.clean() == [] and second.clean() == []


POINTS = """(() => {
  const box = look.boxes(".training:not(.own)")[0];
  const lines = [...box.querySelectorAll("polyline")];
  return lines.reduce((most, line) => Math.max(most, line.points.numberOfItems), 0);
})"""


@pytest.mark.skipif(os.name != "posix", reason="kills by signal")
def test_a_page_says_that_the_book_was_started_again(browser, mine):
    with watched(browser, mine.address) as seen:
        seen.chapter(CHAPTER)
        found = subprocess.run(
            ["ps", "--ppid", str(mine.process.pid), "-o", "pid="], capture_output=True, text=True, check=True
        )
        os.kill(int(found.stdout.split()[0]), signal.SIGKILL)
        note = seen.page.locator(".book-note")
        expect(note).to_contain_text("The book was started again.")
        note.get_by_role("button", name="Load the page again").click()
        expect(note).to_have_count(0)
        seen.ready()
        assert seen.look("moveFigures")["stiff"] == []


DROP = """(button, files) => {
  const data = new DataTransfer();
  for (const [name, text] of files) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    data.items.add(new File([bytes], name, { type: "image/png" }));
  }
  button.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


NO_PICTURE = ["notes.png", base64.b64encode(b"nothing").decode()]


def files(word, numbers):
    """Pictures as [name, base64]."""
    return [[f"{word} {number}.png", base64.b64encode(picture(word, number)).decode()] for number in numbers]


def test_own_pictures_become_a_model_that_answers_the_same_elsewhere(browser, mine, tmp_path):
    with watched(browser, mine.address, accept_downloads=True) as seen:
        seen.chapter(TRAINING)
        own = seen.page.locator("section.box.own")
        own.get_by_role("button", name="Add a class").click()
        expect(own.locator(".class")).to_have_count(3)
        own.get_by_role("button", name="Remove this class").last.click()
        for place, word in enumerate(("red", "blue")):
            row = own.locator(".class").nth(place)
            row.get_by_role("textbox").fill(word)
            row.get_by_role("textbox").press("Enter")
            row.locator("button.drop").evaluate(DROP, [*files(word, range(10)), NO_PICTURE])
            expect(row).to_contain_text("10 pictures")
        expect(own.locator(".refused")).to_contain_text("notes.png")
        train = own.get_by_role("button", name="Train", exact=True)
        expect(train).to_be_enabled()
        train.click()
        expect(own.locator("a.download")).to_be_visible()
        with seen.page.expect_download() as download:
            own.locator("a.download").click()
        download.value.save_as(tmp_path / "model.zip")
        own.locator("button.drop").last.evaluate(DROP, files("blue", [77]))
        expect(own.locator(".answer")).to_contain_text("The model says")
        said = own.locator(".answer").inner_text()
        assert seen.clean() == []
    with zipfile.ZipFile(tmp_path / "model.zip") as archive:
        archive.extractall(tmp_path)
    (tmp_path / "one.png").write_bytes(picture("blue", 77))
    row = gw.load(tmp_path / "my-model").predict(tmp_path / "one.png")[0]
    assert f"The model says {row['answer']}" in said
    assert f"{row['answers'][0]['probability']:.0%}" in said
