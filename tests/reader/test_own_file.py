"""The panel for one file of the reader's own: it arrives, is understood, and teaches a model."""

import csv
import json
import threading
import zipfile

import pytest

from glassworks.reader import own_panel
from glassworks.reader.desk import Desk
from glassworks.reader.own_file import ASKS, OneFile, OwnFile
from glassworks.reader.own_set import MODEL
from glassworks.recipes.base import require_system

GOOD = ("a wonderful film", "bright and funny", "I loved it", "splendid acting", "warm and clever")
BAD = ("a dreadful film", "dull and slow", "I hated it", "poor acting", "cold and stupid")


def table(path, names=("text", "label"), rows=40):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for number in range(rows):
            words, label = (GOOD, "good") if number % 2 else (BAD, "bad")
            writer.writerow([f"{words[number % 5]} number {number}", label])
    return path


@pytest.fixture
def panel(tmp_path, monkeypatch):
    """A panel whose work in threads is done at once, and what it sent to the page."""
    desk = Desk(tmp_path / "ws")
    made = OwnFile(desk, "sequence/good_or_bad", "train", {"system": "sentiment", "size": "tiny"})
    made.said = []
    monkeypatch.setattr(made, "send", made.said.append)
    monkeypatch.setattr(OwnFile, "_soon", lambda self, work: work())
    yield made
    made.close()


def drop(panel, path, key="file", name=None, piece=700):
    content = path.read_bytes()
    for at in range(0, max(1, len(content)), piece):
        said = {"do": "piece", "token": "t", "key": key, "name": name or path.name, "at": at}
        panel.on_message(said | {"size": len(content)}, [content[at : at + piece]])
    panel.on_message({"do": "look"}, [])
    return panel.said[-1]


def test_a_file_arrives_in_pieces_and_is_understood(panel, tmp_path):
    answer = drop(panel, table(tmp_path / "reviews.csv"))
    assert answer == {"token": "t", "done": True, "refused": ""}
    assert panel.file["name"] == "reviews.csv" and panel.missing == ""
    assert "good" in panel.understood and "40 rows" in panel.understood


def test_another_file_takes_the_place_of_the_first(panel, tmp_path):
    drop(panel, table(tmp_path / "one.csv"))
    drop(panel, table(tmp_path / "two.csv", rows=60))
    own = OneFile.newest(panel.desk.folder, panel.chapter)
    assert [one.name for one in (own.folder / "data").iterdir()] == ["two.csv"]
    assert "60 rows" in panel.understood


def test_columns_are_named_where_they_cannot_be_found(panel, tmp_path):
    drop(panel, table(tmp_path / "odd.csv", names=("first", "second")))
    panel.on_message({"do": "column", "name": "text", "value": "first"}, [])
    panel.on_message({"do": "column", "name": "target", "value": "second"}, [])
    assert panel.columns == {"text": "first", "target": "second"} and panel.missing == ""
    assert panel._asked() | {"data": ""} == {"data": "", "text": "first", "target": "second"}
    panel.on_message({"do": "column", "name": "target", "value": "third"}, [])
    assert "Choose one of: first, second" in panel.missing
    panel.on_message({"do": "column", "name": "where", "value": "x"}, [])
    assert "where" not in panel.columns


def test_a_removed_file_leaves_nothing(panel, tmp_path):
    drop(panel, table(tmp_path / "reviews.csv"))
    panel.on_message({"do": "remove"}, [])
    assert panel.file == {} and panel.missing.startswith("Drop a table")
    panel.on_message({"do": "delete"}, [])
    assert panel.set_id == "" and OneFile.newest(panel.desk.folder, panel.chapter) is None


@pytest.mark.parametrize(
    ("name", "content"),
    [("empty.csv", b""), ("one.csv", b"text,label\n"), ("binary.csv", bytes(range(256)) * 9),
     ("noise.txt", b"\x00" * 900), ("../../x.csv", b"a,b\n1,2\n"), ("broken.zip", b"PK\x03\x04 nothing")],
)  # fmt: skip
def test_what_cannot_be_used_is_told_and_nothing_trains(panel, tmp_path, name, content):
    path = tmp_path / "given"
    path.write_bytes(content)
    drop(panel, path, name=name)
    assert panel.missing and "Traceback" not in panel.understood + panel.trouble
    panel.on_message({"do": "train"}, [])
    assert panel.state == "idle" and panel.trouble
    own = OneFile.newest(panel.desk.folder, panel.chapter)
    assert all(one.parent == own.folder / "data" for one in [own.file] if one)


def test_a_file_that_is_too_large_is_refused_before_it_travels(panel):
    said = {"do": "piece", "token": "t", "key": "file", "name": "all.csv", "size": 10**9, "at": 0}
    panel.on_message(said, [b""])
    assert "20 MB" in panel.said[-1]["refused"]


def test_asking_before_there_is_a_model_is_told(panel, tmp_path):
    drop(panel, table(tmp_path / "reviews.csv"))
    panel.on_message({"do": "ask", "text": "a wonderful film"}, [])
    assert "no model" in panel.trouble


def test_every_task_without_classes_of_pictures_has_words():
    for system in ("sentiment", "bert", "forecaster", "lstm", "text_lstm", "seq2seq", "word2vec", "mae"):
        assert require_system(system).task in ASKS


@pytest.mark.long
def test_from_a_dropped_table_to_a_model_that_answers(tmp_path):
    desk = Desk(tmp_path / "ws")
    request = {"system": "sentiment", "size": "tiny", "epochs": 8}
    panel = OwnFile(desk, "sequence/good_or_bad", "train", request)
    panel.said = []
    panel.send = panel.said.append
    drop(panel, table(tmp_path / "reviews.csv", rows=120))
    wait_until(lambda: panel.missing == "")
    panel.on_message({"do": "train"}, [])
    panel.on_message({"do": "here"}, [])
    wait_until(lambda: panel.handed, seconds=240, every=lambda: panel.on_message({"do": "here"}, []))
    assert "held-out data" in panel.spoken and "accuracy" in panel.result
    own = OneFile.newest(desk.folder, panel.chapter)
    with zipfile.ZipFile(own.folder / MODEL) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "away")
        card = json.loads(archive.read("my-model/card.json"))
    assert "my-model/tokenizer.json" in names and str(tmp_path) not in json.dumps(card)
    from glassworks.api.run import load

    assert load(tmp_path / "away" / "my-model").predict("I loved it")[0]["answer"] in ("good", "bad")
    panel.on_message({"do": "ask", "text": "I loved it"}, [])
    wait_until(lambda: panel.answer)
    assert "The model says" in panel.answer
    panel.close()


def wait_until(done, seconds=60.0, every=lambda: None):
    gone = threading.Event()
    for _ in range(int(seconds * 4)):
        if done():
            return
        every()
        gone.wait(0.25)
    raise AssertionError("it did not happen in time")


def test_pieces_are_small():
    assert own_panel.PIECE <= 2**18
