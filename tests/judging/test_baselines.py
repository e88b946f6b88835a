"""Baselines are what they are called, see the training part alone, and say when they see less of it."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from glassworks.judging import baselines as module
from glassworks.judging.baselines import baselines, nearest, small_pictures
from glassworks.judging.metrics import figures

from .conftest import one_number, several_labels


def parts(digits):
    small, train, test = small_pictures(digits.pixels), digits.parts["train"], digits.parts["test"]
    return small[train], digits.targets[train], small[test]


def test_the_nearest_neighbour_is_that_of_scikit_learn(digits):
    train, targets, test = parts(digits)
    assert np.array_equal(
        targets[nearest(train, test)], KNeighborsClassifier(1).fit(train, targets).predict(test)
    )


def test_on_digits_the_neighbour_is_good_and_the_majority_is_at_chance(digits):
    train, targets, test = parts(digits)
    made = baselines(train, targets, test, digits.answers())
    assert list(made) == ["majority class", "nearest neighbour"]
    majority, neighbour = (figures(answers) for answers in made.values())
    assert majority["accuracy"] < 0.15
    assert majority["auroc"] == 0.5
    assert neighbour["accuracy"] > 0.93
    assert neighbour["calibration_error"] < 0.03  # its confidence was measured on training rows
    commonest = np.bincount(targets).argmax()
    assert (made["majority class"].scores.argmax(axis=1) == commonest).all()


def test_numbers_and_several_labels_have_baselines_of_their_own(digits):
    train, targets, test = parts(digits)
    number = baselines(train, targets.astype(float), test, one_number(digits.answers()))
    assert number["mean"].scores[0, 0] == pytest.approx(targets.mean())
    assert abs(figures(number["mean"])["r2"]) < 0.02
    assert figures(number["nearest neighbour"])["r2"] > 0.8
    labelled = several_labels(digits.answers(part="train")).targets
    labels = baselines(train, labelled, test, several_labels(digits.answers()))
    assert labels["label frequencies"].scores[0] == pytest.approx(labelled.mean(axis=0))
    assert figures(labels["nearest neighbour"])["micro_f1"] > 0.93


def test_a_large_training_part_is_thinned_and_the_name_says_so(digits, monkeypatch):
    monkeypatch.setattr(module, "MOST_ROWS", 300)
    train, targets, test = parts(digits)
    made = baselines(train, targets, test, digits.answers())
    assert "nearest neighbour (300 of 900 training rows)" in made
    again = baselines(train, targets, test, digits.answers())
    for name, answers in made.items():
        assert np.array_equal(answers.scores, again[name].scores)


@pytest.mark.parametrize("shape", [(2, 36, 48, 3), (2, 7, 30, 1), (3, 8, 8), (1, 101, 12, 3)])
def test_small_pictures_keep_the_mean_and_are_block_means(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    small = small_pictures(pixels)
    channels = shape[3] if len(shape) == 4 else 1
    assert small.shape == (shape[0], 12 * 12 * channels) and small.dtype == np.float32
    got = small.reshape(shape[0], 12, 12, channels)
    whole = pixels.reshape(shape[0], shape[1], shape[2], channels) / 255
    assert got.mean(axis=(1, 2)) == pytest.approx(whole.mean(axis=(1, 2)), abs=1e-5)
    if shape[1] % 12 == 0 and shape[2] % 12 == 0:
        blocks = whole.reshape(shape[0], 12, shape[1] // 12, 12, shape[2] // 12, channels).mean(axis=(2, 4))
        assert got == pytest.approx(blocks, abs=1e-5)
