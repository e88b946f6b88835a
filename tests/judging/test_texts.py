"""The baselines of texts: fitted on the training rows alone, strong where words decide, blind to order."""

import numpy as np
import pytest

from glassworks.core.rows import Answers
from glassworks.judging import texts
from glassworks.judging.texts import counted_words, text_baselines
from tests.api.reviews import reviews

NAME = "TF-IDF with logistic regression"


def asked(kind, targets, classes=("bad", "good")):
    targets = np.asarray(targets)
    return Answers(tuple(map(str, range(len(targets)))), kind, targets, np.zeros((len(targets), 1)), classes)


def test_classes_are_told_by_their_words_and_the_majority_by_none():
    train, right = reviews(300)
    judged, true = reviews(100, seed=1)
    found = text_baselines(train, np.array(right), judged, asked("label", true))
    assert list(found) == ["majority class", NAME]
    accuracy = (found[NAME].scores.argmax(1) == true).mean()
    np.testing.assert_allclose(found[NAME].scores.sum(1), 1)
    assert accuracy > 0.8  # pairs of words know "not warm"
    share = np.bincount(right) / len(right)
    np.testing.assert_allclose(found["majority class"].scores[0], share)


def test_it_is_scikit_learn_s_own_on_the_same_counts():
    """The figure beside a model is what a person gets with these two lines."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    (train, right), (judged, true) = reviews(80), reviews(20, seed=1)
    counter = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), token_pattern=texts.PATTERN)
    model = LogisticRegression(C=4.0, max_iter=1_000).fit(counter.fit_transform(train), right)
    expected = model.predict_proba(counter.transform(judged))
    np.testing.assert_allclose(counted_words(train, np.array(right), judged, asked("label", true)), expected)


def test_several_labels_and_numbers():
    train, right = reviews(200)
    both = np.stack([np.array(right) == 1, np.ones(200, bool), np.zeros(200, bool)], 1)
    classes = ("good", "text", "never")
    scores = counted_words(train, both, train[:20], asked("labels", both[:20], classes))
    assert scores.shape == (20, 3) and (scores[:, 1] == 1).all() and (scores[:, 2] == 0).all()
    assert ((scores[:, 0] > 0.5) == both[:20, 0]).mean() > 0.9
    numbers = np.where(np.array(right) == 1, 4.0, -4.0)
    told = counted_words(train, numbers, train[:20], asked("number", numbers[:20], ()))
    assert told.shape == (20, 1) and (np.sign(told[:, 0]) == np.sign(numbers[:20])).mean() > 0.9


def test_a_class_without_training_rows_is_never_said():
    train, right = reviews(50)
    classes = ("bad", "good", "rare")
    scores = counted_words(train, np.array(right), train[:5], asked("label", [2] * 5, classes))
    assert scores.shape == (5, 3) and (scores[:, 2] == 0).all()
    only = counted_words(train, np.ones(50, np.int64), train[:5], asked("label", [1] * 5))
    assert (only == [0, 1]).all()


def test_single_words_are_counted_by_letters():
    """Languages, or writing without spaces."""
    train = ["straße", "größe", "füße", "maß", "house", "mouse", "the", "then"] * 5
    targets = np.array([0, 0, 0, 0, 1, 1, 1, 1] * 5)
    scores = counted_words(train, targets, ["groß", "these"], asked("label", [0, 1]))
    assert scores.argmax(1).tolist() == [0, 1]


def test_texts_without_words_have_no_such_baseline():
    found = text_baselines(["...  ...", "! ! !"] * 5, np.array([0, 1] * 5), ["??? ?"], asked("label", [0]))
    assert list(found) == ["majority class"]


def test_large_data_says_how_much_was_counted(monkeypatch):
    monkeypatch.setattr(texts, "MOST_ROWS", 50)
    train, right = reviews(80)
    found = text_baselines(train, np.array(right), train[:5], asked("label", right[:5]))
    assert list(found)[1] == f"{NAME}, 50 of 80 training rows"


@pytest.mark.parametrize("kind", ["label", "number"])
def test_nothing_of_the_judged_rows_is_learned(kind):
    """Other judged texts leave the answer to one text as it is."""
    train, right = reviews(60)
    targets = np.array(right, np.float64 if kind == "number" else np.int64)
    alone = counted_words(train, targets, ["the film is warm"], asked(kind, targets[:1]))
    beside = counted_words(train, targets, ["the film is warm", "dull dull"], asked(kind, targets[:2]))
    np.testing.assert_allclose(alone[0], beside[0])
