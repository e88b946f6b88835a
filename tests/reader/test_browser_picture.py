"""A reader's own picture in a figure: made small by the browser, moved over by the pointer, in no address."""

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from glassworks.reader.contents import contents
from tests.reader.walking import watched

CHAPTER = contents().chapter("image/how_a_network_sees")
FIGURE = "Nine products and one sum"


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A large picture: left half white, right half black."""
    pixels = np.zeros((600, 900, 3), np.uint8)
    pixels[:, :450] = 255
    path = tmp_path_factory.mktemp("eigene") / "halb ü.png"
    Image.fromarray(pixels).save(path)
    return path


def test_a_picture_of_the_readers_is_shown_pointed_at_and_taken_away(browser, book, own, tmp_path):
    with watched(browser, book) as seen:
        seen.chapter(CHAPTER)
        box = seen.box(FIGURE).first
        drawing = box.locator(".drawing")
        before = drawing.inner_html()
        box.locator("input[type=file]").set_input_files(own)
        away = box.get_by_role("button", name="Take it away")
        expect(away).to_be_visible()
        waiting = box.locator(".drawing.busy")  # until then each answer puts another drawing in its place
        expect(waiting).to_have_count(0)
        area = drawing.locator("[data-across]").first
        area.scroll_into_view_if_needed()
        size = area.bounding_box()
        for share, brightness in ((0.2, "255"), (0.8, "0")):  # in the white half, then in the black one
            seen.page.mouse.move(size["x"] + share * size["width"], size["y"] + 0.5 * size["height"])
            seen.page.mouse.down()
            seen.page.mouse.up()
            expect(waiting).to_have_count(0)
            expect(drawing.locator("table.heat, table").first).to_contain_text(brightness)
        assert "base64" not in seen.page.url and len(seen.page.url) < 500

        damaged = tmp_path / "damaged.png"
        damaged.write_bytes(own.read_bytes()[:200])
        box.locator("input[type=file]").set_input_files(damaged)
        expect(box).to_contain_text("cannot read this file as a picture")
        away.click()
        expect(away).to_be_hidden()
        assert drawing.inner_html() != "" and before != ""
        assert seen.clean() == []
