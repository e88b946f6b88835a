"""Weights balance, and thresholds keep the rule they were asked for."""

import json

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score
from sklearn.utils.class_weight import compute_class_weight

from glassworks.core.errors import PersonError
from glassworks.core.rows import Answers
from glassworks.judging.decisions import (
    Threshold,
    choose_threshold,
    class_weights,
    positive_weights,
)
from glassworks.judging.metrics import figures

from .conftest import one_number, several_labels, two_classes


def test_class_weights_equal_those_of_scikit_learn():
    targets = np.array([0] * 50 + [1] * 5 + [3] * 20)
    expected = compute_class_weight("balanced", classes=np.array([0, 1, 3]), y=targets)
    weights = class_weights(targets, 4)
    assert weights[[0, 1, 3]] == pytest.approx(expected)
    assert weights[2] == 1 and weights[targets].mean() == pytest.approx(1)


def test_positive_weights_are_the_ratio_of_absent_to_present():
    targets = np.array([[True, False, False]] * 2 + [[False, True, False]] * 8)
    assert positive_weights(targets) == pytest.approx([4.0, 0.25, 1.0])


def test_the_f1_threshold_is_the_best_of_all_thresholds(digits):
    answers = two_classes(digits.answers("val", "brief"), 8)
    chosen = choose_threshold(answers, "f1")
    tried = [
        f1_score(answers.targets, answers.scores[:, 1] >= cut) for cut in np.unique(answers.scores[:, 1])
    ]
    assert chosen.f1[0] == pytest.approx(max(tried))
    told = answers.scores[:, 1] >= chosen.cut
    assert f1_score(answers.targets, told) == pytest.approx(chosen.f1[0])
    assert precision_score(answers.targets, told) == pytest.approx(chosen.precision[0])


def test_a_recall_rule_is_kept_by_the_highest_threshold_that_can(digits):
    answers = two_classes(digits.answers("val", "brief"), 8)
    y, p = answers.targets, answers.scores[:, 1]
    chosen = choose_threshold(answers, "recall=0.95")
    assert recall_score(y, p >= chosen.cut) >= 0.95
    assert recall_score(y, p >= np.min(p[p > chosen.cut]) + 1e-9) < 0.95
    assert chosen.recall[0] == pytest.approx(recall_score(y, p >= chosen.cut))


def test_a_precision_rule_is_kept_or_refused_with_what_can_be_had(digits):
    answers = two_classes(digits.answers("val", "longer"), 8)
    chosen = choose_threshold(answers, "precision=0.9")
    assert precision_score(answers.targets, answers.scores[:, 1] >= chosen.cut) >= 0.9
    guess = np.full((4, 2), 0.5)
    poor = Answers(tuple("abcd"), "label", np.array([0, 0, 0, 1]), guess, ("no", "yes"))
    with pytest.raises(PersonError, match=r"at most 25\.0%") as caught:
        choose_threshold(poor, "precision=0.9")
    assert "precision=0.25" in caught.value.fix


def test_each_label_has_its_own_threshold_and_f1_rises(digits):
    answers = several_labels(digits.answers("val", "brief"))
    chosen = choose_threshold(answers, "f1")
    assert len(chosen.value) == 3
    assert figures(answers, threshold=chosen.cut)["macro_f1"] >= figures(answers)["macro_f1"]
    never = answers.targets.copy()
    never[:, 1] = False
    without = choose_threshold(Answers(answers.names, "labels", never, answers.scores, answers.classes), "f1")
    assert without.value[1] == 0.5 and "large" in without.notes[0]


@pytest.mark.parametrize("rule", ["f2", "recall", "recall=x", "precision=1.5", "f1=0.5"])
def test_an_unknown_rule_is_refused_with_the_nearest_one(digits, rule):
    with pytest.raises(PersonError) as caught:
        choose_threshold(two_classes(digits.answers(), 8), rule)
    assert caught.value.code == "unknown-threshold-rule"
    assert f'"{rule}"' in caught.value.got


def test_ten_classes_and_numbers_have_no_threshold(digits):
    for answers, got in ((digits.answers(), "10 classes"), (one_number(digits.answers()), "numbers")):
        with pytest.raises(PersonError) as caught:
            choose_threshold(answers)
        assert caught.value.got == got


def test_a_threshold_comes_back_from_a_card_as_it_was(digits):
    for answers in (two_classes(digits.answers("val"), 8), several_labels(digits.answers("val"))):
        chosen = choose_threshold(answers)
        assert Threshold.from_json(json.loads(json.dumps(chosen.as_json()))) == chosen


def test_the_curve_shows_the_trade_and_stays_small(digits):
    curve = np.array(choose_threshold(two_classes(digits.answers("val", "brief"), 8)).curve)
    assert len(curve) <= 100 and (np.diff(curve[:, 0]) > 0).all() and (np.diff(curve[:, 2]) <= 0).all()
    assert curve[0, 2] == 1
