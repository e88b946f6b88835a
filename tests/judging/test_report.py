"""The report is one safe file without network, and tells what the judgement found."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from glassworks.core.rows import Answers
from glassworks.judging.decisions import choose_threshold
from glassworks.judging.judgement import judge
from glassworks.judging.report import write_report

from .conftest import one_number, several_labels, two_classes

RUN = {
    "system": "cnn",
    "data": "photos",
    "looks": 2,
    "parameters": 4810,
    "recipe": "size: tiny",
    "environment": {"python": "3.12"},
    "command": "glassworks train cnn --data photos",
}
HISTORY = [
    {"step": step, "epoch": step // 4, "train_loss": 2 / step, "val_loss": 2.1 / step, "val_accuracy": 0.5}
    for step in range(1, 9)
]


class Balanced(HTMLParser):
    """Fails on a tag that is closed out of order."""

    def __init__(self):
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        if tag not in ("meta", "img", "br", "path", "polyline"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def text_of(path) -> str:
    text = path.read_text(encoding="utf-8")
    reader = Balanced()
    reader.feed(text)
    assert reader.open == [] and "script" not in reader.seen
    assert not re.search(r'(src|href)="(?!data:)', text)  # nothing is loaded from elsewhere
    assert "nan" not in re.sub(r"data:image[^\"]*", "", text).lower().split()
    return text


def test_a_report_shows_verdict_baselines_mistakes_suspects_and_origin(digits, tmp_path):
    answers, rows = digits.answers(model="brief"), digits.parts["test"]
    judgement = judge(answers, baselines={"longer": digits.answers()}, resamples=50)
    asked: list[int] = []

    def picture(row: int) -> np.ndarray:
        asked.append(row)
        return digits.pixels[rows[row]]

    path = write_report(
        tmp_path / "ein Bericht.html",
        judgement,
        run=RUN,
        history=HISTORY,
        pictures=picture,
        suspects=[("7/a.png", "7", "1", 0.93, digits.pixels[0])],
        findings=[("warn", "2 pictures occur twice")],
    )
    text = text_of(path)
    assert asked == [mistake.row for mistake in judgement.worst]
    assert text.count("<img") == len(judgement.worst) + 1
    for part in (judgement.verdict[1:], "pictures of your own data", "looks at the test part", "given 7"):
        assert part in text, part
    for part in ("glassworks train cnn --data photos", "size: tiny", "3.12", "occur twice", "4,810"):
        assert part in text, part
    assert text.count("<svg") == 3  # loss, accuracy, calibration; no learning rate was recorded


def test_names_from_the_data_cannot_become_markup(digits, tmp_path):
    evil = '<script>alert("x")</script>'
    answers = two_classes(digits.answers(model="brief"), 8)
    answers = Answers(
        tuple(f"{evil}{row}" for row in range(len(answers.names))),
        "label",
        answers.targets,
        answers.scores,
        (evil, "8"),
    )
    judgement = judge(answers, baselines={evil: answers}, resamples=50)
    suspects = [(evil, evil, evil, 0.5, digits.pixels[0]), (evil, evil, evil, 0.5, None)]
    path = write_report(
        tmp_path / "r.html",
        judgement,
        run={"system": evil, "x": evil, "command": evil, "environment": {evil: evil}},
        pictures=lambda row: digits.pixels[row],
        suspects=suspects,
        findings=[("", evil)],
    )
    text_of(path)


@pytest.mark.parametrize("kind", ["two", "labels", "number"])
def test_every_kind_has_a_report(digits, tmp_path, kind):
    make = {"two": lambda a: two_classes(a, 8), "labels": several_labels, "number": one_number}[kind]
    answers, validation = make(digits.answers(model="brief")), make(digits.answers("val", "brief"))
    threshold = None if kind == "number" else choose_threshold(validation)
    judgement = judge(answers, baselines={}, resamples=50, threshold=threshold)
    text = text_of(write_report(tmp_path / "r.html", judgement, run={"system": "cnn"}))
    assert ("Decision threshold" in text) == (kind != "number")
    assert ("largest errors" in text) == (kind == "number")
    assert "pictures of your own data" not in text  # none are embedded here


def test_many_classes_are_listed_as_the_most_confused_pairs(tmp_path):
    targets = np.repeat(np.arange(40), 5)
    told = np.where(targets == 7, 9, targets)
    scores = np.full((200, 40), 0.1 / 39)
    scores[np.arange(200), told] = 0.9
    scores /= scores.sum(axis=1, keepdims=True)
    classes = tuple(f"kind {number}" for number in range(40))
    answers = Answers(tuple(map(str, range(200))), "label", targets, scores, classes)
    judgement = judge(answers, baselines={}, resamples=50)
    text = text_of(write_report(tmp_path / "r.html", judgement, run={}))
    assert "most confused pairs of 40 classes" in text
    assert re.search(r"kind 7</td><td[^>]*>kind 9</td><td[^>]*>5</td><td[^>]*>100%", text)


def test_a_model_without_mistakes_is_not_praised_too_much(tmp_path):
    answers = Answers(
        tuple(map(str, range(20))), "label", np.arange(20) % 2, np.eye(2)[np.arange(20) % 2], ("a", "b")
    )
    judgement = judge(answers, baselines={}, resamples=50)
    text = text_of(write_report(tmp_path / "r.html", judgement, run={}))
    assert "That is no promise" in text and "83.9 to 100.0" in text
