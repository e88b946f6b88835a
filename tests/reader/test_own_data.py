"""Own pictures: from dropped files to a model that answers the same elsewhere; mistakes get a sentence."""

import io
import runpy
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

import glassworks as gw
from glassworks.core.cache import cache_folder
from glassworks.core.errors import PersonError
from glassworks.core.keyed import generator
from glassworks.reader import own_folder
from glassworks.reader.desk import Desk
from glassworks.reader.downloads import routes
from glassworks.reader.handover import LINES
from glassworks.reader.own_data import PIECE, OwnData
from glassworks.reader.own_folder import OwnPictures
from glassworks.reader.own_names import safe_class_name, safe_file_name
from tests.runs.test_manager import until

CHAPTER = "foundations/the_training_loop"
SMALL = {"system": "cnn", "size": "tiny", "epochs": 4, "threads": 1, "side": 16,
         "set": ["model.widths=[8,16]", "model.hidden=16"]}  # fmt: skip


def picture(word, number, side=24, form="PNG"):
    """A picture of one colour with noise, as the bytes of a file."""
    noise = generator(number, word).integers(0, 60, (side, side, 3), dtype=np.uint8)
    noise[..., 0 if word == "red" else 2] += 150
    file = io.BytesIO()
    Image.fromarray(noise).save(file, form)
    return file.getvalue()


def bomb():
    """A PNG of a few hundred bytes that claims 400 million pixels."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


class Page:
    """What the script does, without a browser: sends files in pieces and hears the answers."""

    def __init__(self, desk, request=SMALL):
        self.widget, self.heard = OwnData(desk, CHAPTER, "train", request), []
        self.widget.send = lambda content, buffers=None: self.heard.append(content)
        self.say("here")

    def say(self, word, **more):
        self.widget.on_message({"do": word} | more, [])

    def send(self, key, name, content, piece=PIECE):
        """Why the file was refused, "" when it was not."""
        token, at = f"{name}-{len(self.heard)}", 0
        while True:
            part = content[at : at + piece]
            said = {"do": "piece", "token": token, "key": key, "name": name, "size": len(content), "at": at}
            self.widget.on_message(said, [part])
            if self.heard[-1].get("done"):
                return self.heard[-1]["refused"]
            at = self.heard[-1]["at"]

    def fill(self, words=("red", "blue"), count=10):
        """Two classes of pictures, as dropping a folder of class folders makes them."""
        for word in words:
            self.say("class", name=word)
            for number in range(count):
                assert self.send(self.heard_key(word), f"{word} {number}.png", picture(word, number)) == ""
        self.look()

    def heard_key(self, word):
        return next(said["key"] for said in reversed(self.heard) if said.get("class") == word)

    def look(self):
        self.say("look")
        until(lambda: "looked at" not in self.widget.missing, 20)

    def names(self):
        return {one["name"]: one["files"] for one in self.widget.classes}

    def train(self):
        self.say("train")
        assert not self.widget.trouble
        return until(lambda: self.widget.state in ("done", "failed", "stopped") and self.widget.state, 60)


@pytest.fixture
def page(tmp_path):
    desk = Desk(tmp_path / "book")
    page = Page(desk)
    yield page
    page.widget.close()
    desk.close()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A page whose model has learned red from blue."""
    desk = Desk(tmp_path_factory.mktemp("trained") / "book")
    page = Page(desk)
    page.fill()
    assert page.train() == "done", page.widget.drawn
    page.desk = desk
    yield page
    page.widget.close()
    desk.close()


# ---- from files to a model


def test_twenty_pictures_become_a_judged_model(trained):
    widget = trained.widget
    assert "4 held-out pictures" in widget.result and "baseline: majority class" in widget.result
    assert "given \\ said" in widget.result
    assert "learn from" in widget.understood and widget.missing == ""
    assert "held-out" in widget.spoken
    assert "svg" in widget.drawn and "still unseen" not in widget.drawn
    assert not widget.trouble


def test_the_parts_that_are_announced_are_those_of_the_run(trained):
    folder = trained.widget._folder(trained.desk.runs.ids()[0])
    rows = gw.load(folder).card["data"]["rows"]
    cells = [line.split("</td>")[0].split(">")[-1] for line in trained.widget.understood.split("<td")[1:]]
    announced = np.array([cells[start + 2 : start + 5] for start in (0, 5)], dtype=int).sum(0)
    assert announced.tolist() == [rows["train"], rows["val"], rows["test"]]


def test_the_downloaded_model_answers_the_same_elsewhere(trained, tmp_path):
    client = TestClient(Starlette(routes=routes(trained.desk)))
    answer = client.get(f"/api/own-data/{trained.widget.set_id}/model.zip")
    assert answer.status_code == 200 and "attachment" in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        archive.extractall(tmp_path)
        texts = [archive.read(name) for name in archive.namelist() if not name.endswith(".safetensors")]
    assert not any(str(trained.desk.folder).encode() in text for text in texts), "a path of this machine"
    (tmp_path / "new.png").write_bytes(picture("red", 99))
    here = gw.load(trained.widget._folder(trained.desk.runs.ids()[0]))
    there = gw.load(tmp_path / "my-model")
    ours, theirs = (run.predict(tmp_path / "new.png")[0] for run in (here, there))
    assert [a["class"] for a in ours["answers"]] == [a["class"] for a in theirs["answers"]]
    np.testing.assert_allclose(
        [a["probability"] for a in ours["answers"]], [a["probability"] for a in theirs["answers"]], atol=1e-6
    )
    assert ours["unfamiliar"] == theirs["unfamiliar"]


def test_the_ten_lines_on_the_page_run_beside_the_unpacked_folder(trained, tmp_path, monkeypatch, capsys):
    zipfile.ZipFile(trained.widget.handed["path"]).extractall(tmp_path)
    (tmp_path / "picture.jpg").write_bytes(picture("blue", 7))
    (tmp_path / "ask.py").write_text(LINES, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    runpy.run_path("ask.py")
    assert "picture.jpg" in capsys.readouterr().out
    assert len(LINES.splitlines()) == 10 and trained.widget.handed["lines"] == LINES
    assert LINES in (tmp_path / "my-model" / "README.txt").read_text(encoding="utf-8")


def test_one_more_picture_is_answered_and_not_kept(trained):
    before = trained.names()
    trained.widget.answer = ""
    assert trained.send("", "<b>new</b>.png", picture("red", 50)) == ""
    until(lambda: trained.widget.answer, 20)
    assert "The model says red" in trained.widget.answer
    assert "<b>new" not in trained.widget.answer
    incoming = trained.desk.folder / "own-data" / trained.widget.set_id / "incoming"
    until(lambda: not any(incoming.iterdir()), 5)
    assert trained.names() == before


def test_a_picture_unlike_all_others_is_called_none_of_these(trained):
    trained.widget.answer = ""
    checks = np.kron(np.indices((8, 8)).sum(0) % 2, np.ones((8, 8))).astype(np.uint8) * 255
    file = io.BytesIO()
    Image.fromarray(checks).save(file, "PNG")
    assert trained.send("", "checks.png", file.getvalue()) == ""
    until(lambda: trained.widget.answer, 20)
    assert "None of these?" in trained.widget.answer


def test_text_to_try_is_told_where_the_answer_would_stand(trained):
    trained.widget.answer = ""
    trained.send("", "notes.png", b"hello, no picture")
    until(lambda: trained.widget.answer, 20)
    assert "Text that begins" in trained.widget.answer and not trained.widget.trouble


def test_a_page_that_is_made_anew_shows_the_same_model_without_judging_again(trained):
    folder = trained.widget._folder(trained.desk.runs.ids()[0])
    looks = gw.load(folder).card["test_looks"]
    again = Page(trained.desk)
    until(lambda: again.widget.handed and again.widget.state == "done", 20)
    assert again.widget.result == trained.widget.result and again.names() == trained.names()
    assert gw.load(folder).card["test_looks"] == looks == 1
    again.widget.close()


def test_a_model_that_is_older_than_the_pictures_says_so(trained):
    key = trained.widget.classes[0]["key"]
    assert trained.send(key, "later.png", picture("red", 77)) == ""
    again = Page(trained.desk)
    until(lambda: again.widget.handed, 20)
    assert "Train again" in again.widget.result
    again.widget.close()
    trained.say("remove", key=key, file="later.png")
    assert "later.png" not in trained.names()["red"]


def test_no_other_file_can_be_downloaded(trained):
    client = TestClient(Starlette(routes=routes(trained.desk)))
    for id in ("..", "%2e%2e", "nobody-0000000000000", f"{trained.widget.set_id}x", "..%2f..%2fruns"):
        assert client.get(f"/api/own-data/{id}/model.zip").status_code == 404
    assert client.post(f"/api/own-data/{trained.widget.set_id}/model.zip").status_code == 405


def test_deleting_removes_copies_model_report_and_decoded_pixels(trained):
    own = OwnPictures.newest(trained.desk.folder, CHAPTER)
    digest = own_folder.sha256_of(own.classes()[0].files[0])
    entry = cache_folder() / "pictures" / "of-this-test"
    entry.mkdir(parents=True)
    (entry / "facts.json").write_text(f'{{"hashes": ["{digest}"]}}', encoding="utf-8")
    folder = trained.widget._folder(trained.desk.runs.ids()[0])
    trained.say("delete")
    until(lambda: trained.widget.set_id == "", 20)
    assert not own.folder.exists() and not folder.exists() and not entry.exists()
    assert trained.widget.state == "idle" and not trained.widget.handed
    trained.say("here")
    assert trained.names() == {"class 1": [], "class 2": []} and not trained.widget.trouble


# ---- while a run goes on


def test_deleting_during_training_stops_it_first_and_changes_are_refused_meanwhile(tmp_path):
    desk = Desk(tmp_path / "book")
    page = Page(desk, SMALL | {"epochs": 100_000, "patience": 0})
    page.fill(count=6)
    page.say("train")
    until(lambda: page.widget.state == "running" and "epoch" in page.widget.drawn, 60)
    key = page.widget.classes[0]["key"]
    assert "still learning" in page.send(key, "late.png", picture("red", 70))
    page.say("add")
    assert "still learning" in page.widget.trouble
    page.say("delete")
    until(lambda: page.widget.set_id == "", 30)
    assert desk.runs.state(desk.runs.ids()[0]) == "stopped"
    assert not any((desk.folder / "own-data").iterdir())
    page.widget.close()
    desk.close()


# ---- what is refused, each with a reason, and nothing lost


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("text.jpg", b"hello, no picture", "Text that begins"),
        ("empty.png", b"", "0 bytes"),
        ("phone.heic", b"\0\0\0\x18ftypheic" + b"\0" * 40, "HEIC"),
        ("cut.png", picture("red", 1)[:200], "truncated"),
        ("bomb.png", bomb(), "400 million"),
        ("page.jpg", b"<!doctype html><html>", "web page"),
    ],
)
def test_a_file_that_is_no_picture_is_refused_with_its_reason(page, name, content, reason):
    assert reason in page.send("1", name, content)
    page.look()
    assert page.widget.refused[0]["name"] == name and page.names()["class 1"] == []
    incoming = page.widget._own.folder / "incoming"
    assert not any(incoming.iterdir()), "what was refused is not kept"
    assert "1 file was refused" in page.widget.spoken


def test_a_file_of_many_pieces_arrives_whole(page):
    content = picture("red", 3, side=64)
    assert page.send("1", "a.png", content, piece=1000) == ""
    assert page.widget._own.classes()[0].files[0].read_bytes() == content


def test_pieces_out_of_order_are_refused(page):
    said = {"do": "piece", "token": "t", "key": "1", "name": "a.png", "size": 100, "at": 50}
    page.widget.on_message(said, [b"x" * 10])
    assert "drop the file again" in page.heard[-1]["refused"].lower()
    page.widget.on_message(said | {"at": "0", "size": None}, [b""])
    assert page.heard[-1]["done"] and page.heard[-1]["refused"]


def test_limits_of_size_number_and_sum_are_told(page, monkeypatch):
    said = {"do": "piece", "token": "t", "key": "1", "name": "a.png", "size": 21 * 1024**2, "at": 0}
    page.widget.on_message(said, [b""])
    assert "may have 20 MB" in page.heard[-1]["refused"]
    monkeypatch.setattr(own_folder, "MOST_FILES", 1)
    assert page.send("1", "a.png", picture("red", 1)) == ""
    assert "One more than the 1 pictures" in page.send("1", "b.png", picture("red", 2))
    monkeypatch.setattr(own_folder, "MOST_FILES", 500)
    monkeypatch.setattr(own_folder, "MOST_ALL", 2000)
    assert "MB in all" in page.send("1", "b.png", picture("red", 2))
    assert page.widget._own.contents()["class 1"] == ["a.png"]


def test_the_same_picture_twice_in_a_class_is_kept_once_and_in_two_classes_is_warned_of(page):
    page.fill(count=4)
    red, blue = (one["key"] for one in page.widget.classes)
    assert "there already as red 0.png" in page.send(red, "again.png", picture("red", 0))
    assert page.send(blue, "again.png", picture("red", 0)) == ""
    page.look()
    assert "copies under different labels" in page.widget.understood
    assert "fewer than 10 pictures" in page.widget.understood


@pytest.mark.parametrize(
    ("counts", "said"),
    [((0, 0), "at least two classes"), ((3, 0), "nothing to tell apart"), ((1, 1), "Too few pictures")],
)
def test_too_little_to_train_on_is_told_before_training(page, counts, said):
    for key, word, count in zip("12", ("red", "blue"), counts):
        for number in range(count):
            page.send(key, f"{number}.png", picture(word, number))
    page.look()
    assert said in page.widget.missing
    page.say("train")
    assert page.widget.trouble and page.widget.state == "idle"
    assert not page.widget.desk.runs.ids()


def test_a_class_without_pictures_among_full_ones_is_named(page):
    page.fill(count=4)
    page.say("add")
    page.look()
    assert '"class 3"' in page.widget.missing


# ---- names


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("cats/dogs", "cats-dogs"), ("  red \n panda ", "red panda"), ("été", "été"), ("🐈 cat", "🐈 cat"),
        ("..\\..\\x", "-..-x"), ("CON", "class CON"), ("thumbs.db", "class thumbs.db"),
        ("a\u202egpj", "agpj"), ("猫", "猫"), ("x" * 60, "x" * 60),
    ],
)  # fmt: skip
def test_a_class_is_named_as_every_disk_allows(given, safe):
    assert safe_class_name(given) == safe


@pytest.mark.parametrize("given", ["", "   ", "...", "///", "x" * 61])
def test_a_name_that_no_class_can_have_is_refused(page, given):
    with pytest.raises(PersonError, match="name"):
        safe_class_name(given)
    page.say("name", key="1", name=given)
    assert page.widget.trouble and page.heard[-1] == {"named": "1", "name": "class 1"}


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("../../etc/passwd.png", "passwd.png"), ("C:\\me\\photo.JPG", "photo.jpg"), ("été?.png", "été-.png"),
        ("", "picture"), ("nul.png", "picture nul.png"), (".hidden.png", "hidden.png"),
        ("ä" * 90 + ".png", "ä" * 58 + ".png"),
    ],
)  # fmt: skip
def test_a_file_is_named_as_every_disk_allows(given, safe):
    assert safe_file_name(given) == safe


def test_names_that_collide_get_a_number_and_a_missing_ending_is_added(page):
    for number, name in enumerate(["a.png", "A.png", "x/a.png"]):
        assert page.send("1", name, picture("red", number)) == ""
    assert page.send("1", "scan", picture("red", 9, form="JPEG")) == ""
    page.look()
    assert sorted(page.names()["class 1"]) == ["A-2.png", "a-3.png", "a.png", "scan.jpg"]


def test_two_classes_never_share_a_name(page):
    page.say("name", key="1", name="cat")
    page.say("name", key="2", name="CAT")
    assert "called &quot;cat&quot; already" in page.widget.trouble
    assert list(page.names()) == ["cat", "class 2"]
    page.say("name", key="2", name="dog")
    assert list(page.names()) == ["cat", "dog"] and not page.widget.trouble


def test_a_check_is_not_repeated_for_the_same_pictures_and_is_for_others(page, monkeypatch):
    page.fill(count=4)
    before = page.widget.understood
    monkeypatch.setattr("glassworks.reader.own_model.check", lambda folder: 1 / 0)
    again = Page(page.widget.desk)
    until(lambda: again.widget.understood, 10)
    assert again.widget.understood == before and not again.widget.trouble
    assert [len(one["thumbs"]) for one in again.widget.classes] == [4, 4]
    assert again.send(again.widget.classes[0]["key"], "more.png", picture("red", 40)) == ""
    again.say("look")
    until(lambda: "A fault of the book" in again.widget.trouble, 10)
    again.widget.close()


def test_a_renamed_class_keeps_its_pictures_and_two_rows_always_stay(page):
    page.send("1", "a.png", picture("red", 1))
    page.say("name", key="1", name="red")
    assert page.names()["red"] == ["a.png"]
    page.say("remove", key="1")
    assert len(page.names()) == 2 and "red" not in page.names()


# ---- pages


def test_nothing_is_written_or_started_before_the_reader_does_something(tmp_path):
    desk = Desk(tmp_path / "book")
    widget = OwnData(desk, CHAPTER, "train", SMALL)
    assert not (tmp_path / "book").exists()
    widget.close()


def test_a_request_that_cannot_be_asked_for_is_refused_when_the_chapter_is_made(tmp_path):
    with pytest.raises(PersonError, match="epochs"):
        OwnData(Desk(tmp_path), CHAPTER, "train", {"system": "cnn", "epoch": 3})


def test_two_pages_of_a_chapter_show_one_set_and_another_chapter_has_its_own(page, tmp_path):
    page.send("1", "a.png", picture("red", 1))
    other = Page(page.widget.desk)
    assert other.names()["class 1"] == ["a.png"]
    assert OwnPictures.newest(page.widget.desk.folder, "foundations/another") is None
    other.widget.close()


def test_a_message_that_makes_no_sense_changes_nothing(page):
    for said in ({}, {"do": "fly"}, {"do": "remove", "key": "99"}, {"do": "name"}, {"do": None}):
        page.widget.on_message(said, [])
    assert len(page.names()) == 2


def test_what_is_shown_is_escaped(page):
    page.say("name", key="1", name="a&b")
    page.send("1", "x&y.png", b"<script>")
    page.fill(("r<i>d", "blue"), count=4)
    assert "<i>" not in page.widget.understood and "<script>" not in page.widget.understood
