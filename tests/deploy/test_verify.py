"""A file that answers otherwise is refused with figures, and nothing of it is left behind."""

import dataclasses

import numpy as np
import pytest

from glassworks.core.errors import PersonError
from glassworks.deploy import bundle, formats, quantise
from glassworks.deploy.subject import Subject, eager
from glassworks.deploy.verify import HeldOut, how_far, verify


def few(held: HeldOut, count: int) -> HeldOut:
    return HeldOut(held.pixels[:count], held.targets[:count], held.names[:count])


def changed(subject: Subject, wrong: int, of: int):
    """The live model, but `wrong` of the first `of` answers it gives are turned round."""
    live, seen = eager(subject), [0]
    turned = set(range(0, of, of // wrong)) if wrong else set()

    def predict(pixels):
        answers, features = live(pixels)
        for row in range(len(answers)):
            if seen[0] in turned:
                answers[row] = answers[row][::-1]
            seen[0] += 1
        return answers, features

    return predict


def test_the_live_model_agrees_with_itself(digits):
    found = verify(digits.subject, eager(digits.subject), digits.held, size_bytes=1, exact=True)
    assert found.passed and found.apart.difference == 0 and found.drop.value == 0
    assert found.before == found.after > 0.8
    assert 0 < found.times[1]["file"] < found.times[32]["file"] and found.times[1]["eager"] > 0


def test_a_difference_beyond_rounding_fails_a_float_file(digits):
    live = eager(digits.subject)
    slightly = lambda pixels: (live(pixels)[0] * np.float32(1.0001), live(pixels)[1])  # noqa: E731
    found = verify(digits.subject, slightly, few(digits.held, 40), size_bytes=1, exact=True)
    assert not found.passed and "rounding explains" in found.reason and found.apart.agrees == 1


def test_features_that_differ_fail_a_float_file(digits):
    live = eager(digits.subject)
    found = verify(
        digits.subject,
        lambda p: (live(p)[0], live(p)[1] + 0.01),
        few(digits.held, 40),
        size_bytes=1,
        exact=True,
    )
    assert not found.passed and found.reason.startswith("features differ")


def test_answers_that_are_not_numbers_are_refused(digits):
    live = eager(digits.subject)
    with pytest.raises(PersonError, match="not finite") as refused:
        verify(
            digits.subject,
            lambda p: (live(p)[0] * np.nan, live(p)[1]),
            few(digits.held, 30),
            size_bytes=1,
            exact=False,
        )
    assert refused.value.code == "export-refused"


@pytest.mark.parametrize(
    ("n", "wrong", "passes", "words"),
    [
        (28, 0, True, "not shown to be harmless beyond them"),
        (28, 1, False, "not shown to be harmless, a fall of more than 1 is not excluded"),
        (10, 0, False, "show nothing"),
        (300, 0, True, "which excludes more than 1"),
        (300, 5, False, "not shown to be harmless"),
    ],
)
def test_with_few_pictures_eight_bits_pass_only_where_harm_is_excluded(digits, n, wrong, passes, words):
    predict = changed(digits.subject, wrong, n)
    found = verify(digits.subject, predict, few(digits.held, n), size_bytes=1, exact=False)
    assert (found.passed, words in found.reason) == (passes, True), found.reason
    assert found.n == n and found.drop.n == n


@pytest.mark.parametrize(("wrong", "passes"), [(4, True), (40, False)])
def test_with_a_thousand_pictures_one_point_is_the_limit(digits, wrong, passes):
    rows = np.resize(np.arange(len(digits.held.names)), 1000)
    many = HeldOut(
        digits.held.pixels[rows], digits.held.targets[rows], tuple(f"{row}" for row in range(1000))
    )
    found = verify(digits.subject, changed(digits.subject, wrong, 1000), many, size_bytes=1, exact=False)
    assert found.passed is passes, found.reason


def test_pictures_that_belong_together_count_once(digits):
    held = few(digits.held, 60)
    grouped = dataclasses.replace(held, groups=tuple(f"patient {row // 5}" for row in range(60)))
    found = verify(digits.subject, eager(digits.subject), grouped, size_bytes=1, exact=False)
    assert not found.passed and found.reason.startswith("12 held-out")


def test_the_threshold_of_the_card_decides(digits):
    subject = Subject(
        digits.subject.model, digits.subject.how, "labels", digits.subject.classes, None,
        {"threshold": {"value": [0.2] * 10}},
    )  # fmt: skip
    low = np.full((2, 10), 0.3, np.float32)
    features = np.zeros((2, 4), np.float32)
    assert how_far(subject, (low, features), (low + 0.1, features)).agrees == 1
    assert how_far(subject, (low, features), (low - 0.15, features)).agrees == 0


def test_a_refused_export_leaves_nothing_behind(digits, tmp_path, monkeypatch):
    def spoiled(subject, path):
        broken = dataclasses.replace(subject, how=dataclasses.replace(subject.how, mean=(0.9,)))
        return formats_to_onnx(broken, path)

    formats_to_onnx = formats.to_onnx
    monkeypatch.setattr(formats, "to_onnx", spoiled)
    with pytest.raises(PersonError) as refused:
        bundle.export(digits.subject, "onnx", tmp_path / "out", digits.held)
    assert refused.value.code == "export-refused" and "largest difference" in refused.value.got
    assert list(tmp_path.iterdir()) == []


def test_an_int8_file_that_answers_otherwise_is_refused_with_its_figures(digits, tmp_path, monkeypatch):
    black = np.zeros_like(digits.training[:40])  # scales measured on black pictures fit no digit
    with pytest.raises(PersonError, match="accuracy falls by") as refused:
        bundle.export(digits.subject, "int8", tmp_path / "out", digits.held, black)
    assert "--data" in refused.value.fix and "equal decisions" in refused.value.got
    assert list(tmp_path.iterdir()) == []
    assert quantise.MOST_PICTURES == 200
