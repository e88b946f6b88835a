"""A person at the workbench in a browser: from dropped files to a downloaded model that predicts."""

import zipfile

import pytest
from playwright.sync_api import expect

import glassworks as gw
from tests.api.pictures import class_folders
from tests.reader.conftest import served
from tests.reader.walking import watched


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return class_folders(tmp_path_factory.mktemp("bilder") / "farben")


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """A book that was started in a folder of its own, so that its runs stand there."""
    place = tmp_path_factory.mktemp("ort")
    with served(place / "desk", cwd=place) as (address, _):
        yield address, place


def faults(seen, where):
    """What is cut, pale, too small or nameless at both sizes and in both themes."""
    found = [f"{where} {one}" for width, scheme in seen.faces() for one in seen.misshapen(width, scheme)]
    return found + [f"{where} {one}" for one in seen.nameless()]


def test_from_dropped_files_to_a_model_that_predicts(browser, mine, pictures, tmp_path):
    address, place = mine
    with watched(browser, address, accept_downloads=True) as seen:
        page = seen.page
        seen.open("/studio")
        expect(page.locator("#systems")).to_contain_text("Choose data first")
        wrong = faults(seen, "at the start:")

        page.locator("#folder-files").set_input_files(pictures)
        expect(page.locator("#seen")).to_contain_text("Nothing here stops training.")
        page.locator("input[value=cnn]").check()
        page.locator("#size").select_option("tiny")
        page.locator("#epochs").fill("2")
        page.locator("#name").fill("farben")
        page.locator("#name").blur()
        expect(page.locator("#command")).to_contain_text("--epochs 2")
        wrong += faults(seen, "before training:")
        page.locator("#train").click()

        expect(page.locator("#worth")).to_contain_text("validation examples")
        expect(page.locator("#one-drawn svg").first).to_be_visible()
        assert (place / "runs" / "farben" / "card.json").is_file()
        page.locator("#judge").click()
        expect(page.locator("#worth")).to_contain_text("test examples")
        one = next(iter(sorted(pictures.rglob("*.png"))))
        page.locator("#try-file").set_input_files(one)
        expect(page.locator("#tried")).to_contain_text("The model says")
        page.locator("#inside").click()
        expect(page.locator("#drawings img").first).to_be_visible()
        with page.expect_download() as download:
            page.locator("#model-zip").click()
        download.value.save_as(tmp_path / "model.zip")
        wrong += faults(seen, "with a model:")
        assert wrong == [] and seen.clean() == []

        page.reload()  # the address names the run
        expect(page.locator("#one-title")).to_have_text("farben")
        expect(page.locator("#runs button[aria-current]")).to_contain_text("cnn, accuracy")
    zipfile.ZipFile(tmp_path / "model.zip").extractall(tmp_path)
    assert gw.load(tmp_path / "my-model").predict(str(one))[0]["answer"] in ("rot", "grün")


def test_a_mistake_is_told_and_a_training_is_stopped_and_goes_on(browser, mine, pictures):
    address, _ = mine
    with watched(browser, address) as seen:
        page = seen.page
        seen.open("/studio")
        page.locator("#data").fill("nowhere")
        page.locator("#look").click()
        expect(page.locator("#seen")).to_contain_text("nowhere")
        expect(page.locator("#train")).to_be_disabled()
        page.locator("#browse").click()
        expect(page.locator("#browser")).to_contain_text("Take this folder")
        page.locator("#data").fill(str(pictures))
        page.locator("#look").click()
        expect(page.locator("#train")).to_be_enabled()
        page.locator("#size").select_option("tiny")
        page.locator("#epochs").fill("4000")
        page.locator("input[value=cnn]").check()
        page.locator("#train").click()
        expect(page.locator("#one-progress")).to_contain_text("of 4000")
        page.locator("#stop").click()
        expect(page.locator("#resume")).to_be_visible()
        expect(page.locator("#one-commands")).to_contain_text("--resume")
        page.locator("#resume").click()
        expect(page.locator("#one-state")).to_contain_text("training")
        page.locator("#stop").click()
        expect(page.locator("#resume")).to_be_visible()
