"""Recall beside chance and a baseline: ranks, ties, guessing worked out, intervals, verdicts."""

import numpy as np
import pytest

from glassworks.judging.intervals import wilson
from glassworks.judging.retrieval import Labels, Ranking, guessed, judge_retrieval, lent_scores
from glassworks.tasks.image_text import ranks_of


def test_ranks_count_the_wrong_ones_before_the_best_right_one():
    scores = np.array([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0], [1.0, 1.0, 1.0]])
    fits = np.array([[1, 0, 0], [0, 1, 1], [1, 0, 0]], dtype=bool)
    assert ranks_of(scores, fits).tolist() == [0.0, 1.0, 1.0]  # of three equal scores half stand before


def test_guessing_is_what_many_blind_rankings_find():
    fits = np.zeros((6, 20), dtype=bool)
    fits[np.arange(6), np.arange(6)] = True
    fits[0, 7:10] = True
    dice = np.random.default_rng(3)
    for k in (1, 5):
        drawn = [(ranks_of(dice.random((6, 20)), fits) < k).mean() for _ in range(4000)]
        assert guessed(fits, k) == pytest.approx(np.mean(drawn), abs=0.01)
    assert guessed(np.eye(4, dtype=bool), 10) == 1.0


def ranking(found=40, pictures=60):
    """A model that finds the first `found` of its pictures, and a baseline that says the same of all."""
    fits = np.eye(pictures, dtype=bool)
    scores = np.random.default_rng(1).random((pictures, pictures))
    scores[np.arange(found), np.arange(found)] = 9.0
    return Ranking(fits, scores, np.zeros_like(scores))


def judged(**options):
    names = [f"{n}.png" for n in range(60)]
    return judge_retrieval(ranking(**options), names, [f"text {n}" for n in range(60)])


def test_figures_chance_and_intervals():
    found = judged()
    first = found.metrics["text_at_1"]
    assert first.value == pytest.approx(40 / 60, abs=0.05)
    assert (first.low, first.high) == wilson(round(first.value * 60), 60)
    assert found.baselines["chance"]["text_at_10"].value == pytest.approx(10 / 60)
    assert found.baselines["nearest picture"]["text_at_1"].value == 0.0  # equal scores find nothing by luck
    assert found.main == "text_at_10" and "above chance (16.7%)" in found.verdict
    assert list(found.metrics)[:2] == ["text_at_10", "picture_at_10"]
    miss = found.worst[0]
    assert (
        miss.row >= 40 and miss.given.startswith(f"text {miss.row} (place") and miss.said.startswith("text")
    )


def test_a_blind_model_is_not_called_better():
    found = judged(found=0)
    assert "not shown to be above chance" in found.verdict and found.against is not None
    assert not found.against.difference[found.main].excludes_zero


def test_few_candidates_are_judged_by_the_first_place():
    """Of ten texts everybody finds the right one among ten: that is no figure to speak of."""
    pictures, texts = 30, 10
    fits = np.arange(pictures)[:, None] % texts == np.arange(texts)
    found = judge_retrieval(
        Ranking(fits, fits + 0.0, np.zeros(fits.shape)), [str(n) for n in range(pictures)], list("abcdefghij")
    )
    assert found.main == "text_at_1" and found.metrics["text_at_1"].value == 1.0 and not found.worst


def test_labels_are_judged_beside_the_most_frequent_one():
    given = np.array([0, 0, 0, 1, 2])
    labels = Labels(
        given, said=np.array([0, 0, 1, 1, 2]), lent=np.array([0, 1, 1, 1, 1]), frequent=0, unread=("x",)
    )
    fits = np.eye(5, dtype=bool)
    found = judge_retrieval(Ranking(fits, fits + 0.0, fits * 0.0), list("abcde"), list("vwxyz"), labels)
    assert found.metrics["zero_shot_accuracy"].value == pytest.approx(0.8)
    assert found.baselines["chance"]["zero_shot_accuracy"].value == pytest.approx(0.6)
    assert found.baselines["nearest picture"]["zero_shot_accuracy"].value == pytest.approx(0.4)
    assert found.as_json()["metrics"]["zero_shot_accuracy"]["n"] == 5
    assert "1 label(s) that were asked for (x)" in found.notes[1]


def test_the_nearest_picture_lends_its_words():
    train = np.array([[0.0, 0.0], [1.0, 1.0]])
    scores = lent_scores(
        train, [["a red bird"], ["a tree", "a green tree"]], np.array([[0.1, 0.0], [0.9, 1.0]]),
        ["a small bird.", "the tree", "zzz"],
    )  # fmt: skip
    assert scores[0].argmax() == 0 and scores[1].argmax() == 1 and (scores[:, 2] == 0).all()


def test_what_does_not_belong_together_is_refused():
    with pytest.raises(ValueError, match="not of one size"):
        Ranking(np.eye(3, dtype=bool), np.zeros((3, 2)), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="needs a text"):
        Ranking(np.array([[True], [False]]), np.zeros((2, 1)), np.zeros((2, 1)))
    with pytest.raises(ValueError, match="finite"):
        Ranking(np.eye(2, dtype=bool), np.full((2, 2), np.nan), np.zeros((2, 2)))


def test_the_difference_to_a_baseline_that_knows_something_is_the_model_s_less_its():
    """The baseline finds 20 of 60, the model 40, on the same queries."""
    own = ranking()
    lent = np.random.default_rng(2).random((60, 60))
    lent[np.arange(20), np.arange(20)] = 9.0
    names = [f"{n}.png" for n in range(60)]
    found = judge_retrieval(Ranking(own.fits, own.scores, lent), names, names)
    assert found.against is not None and found.against.name == "nearest picture"
    apart, lower = found.against.difference["text_at_1"], found.baselines["nearest picture"]["text_at_1"]
    assert apart.value == pytest.approx(found.metrics["text_at_1"].value - lower.value) and apart.value > 0.2
    assert apart.excludes_zero and "better than the nearest picture" in found.verdict
