"""Every figure agrees with scikit-learn, weighted or not, and no class without rows turns into NaN."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn import metrics as reference

from glassworks.core.errors import PersonError
from glassworks.core.rows import Answers
from glassworks.judging.metrics import calibration_bins, confusion, figures, per_class, said

from .conftest import one_number, several_labels, two_classes

CLOSE = {"rel": 1e-12, "abs": 1e-12}


def some_weights(rows: int) -> list[np.ndarray | None]:
    dice = np.random.default_rng(1)
    return [None, dice.integers(0, 4, rows).astype(float), dice.random(rows)]


@pytest.mark.parametrize("which", range(3))
def test_figures_of_ten_classes_equal_those_of_scikit_learn(digits, which):
    answers = digits.answers(model="brief")
    weights, y, p = some_weights(len(answers.names))[which], answers.targets, answers.scores
    got, told, kept = figures(answers, weights), p.argmax(axis=1), {"sample_weight": weights}
    assert got["accuracy"] == pytest.approx(reference.accuracy_score(y, told, **kept), **CLOSE)
    assert got["balanced_accuracy"] == pytest.approx(
        reference.balanced_accuracy_score(y, told, **kept), **CLOSE
    )
    assert got["macro_f1"] == pytest.approx(reference.f1_score(y, told, average="macro", **kept), **CLOSE)
    assert got["log_loss"] == pytest.approx(reference.log_loss(y, p, **kept), **CLOSE)
    areas = [reference.roc_auc_score(y == c, p[:, c], **kept) for c in range(10)]
    assert got["auroc"] == pytest.approx(np.mean(areas), **CLOSE)
    if weights is None:
        assert got["auroc"] == pytest.approx(reference.roc_auc_score(y, p, multi_class="ovr"), **CLOSE)


@pytest.mark.parametrize("which", range(3))
def test_figures_of_two_classes_equal_those_of_scikit_learn(digits, which):
    answers = two_classes(digits.answers(model="brief"), 8)
    # Rounded scores tie, and ties are where areas under curves go wrong.
    scores = answers.scores.round(1)
    answers = Answers(answers.names, "label", answers.targets, scores, answers.classes)
    weights, y, p = some_weights(len(y := answers.targets))[which], answers.targets, scores[:, 1]
    got, kept = figures(answers, weights, threshold=0.3), {"sample_weight": weights}
    told = (p >= 0.3).astype(int)
    assert got["auroc"] == pytest.approx(reference.roc_auc_score(y, p, **kept), **CLOSE)
    assert got["accuracy"] == pytest.approx(reference.accuracy_score(y, told, **kept), **CLOSE)
    assert got["macro_f1"] == pytest.approx(reference.f1_score(y, told, average="macro", **kept), **CLOSE)
    assert got["log_loss"] == pytest.approx(reference.log_loss(y, scores, **kept), **CLOSE)


@pytest.mark.parametrize("which", range(3))
def test_figures_of_several_labels_equal_those_of_scikit_learn(digits, which):
    answers = several_labels(digits.answers(model="brief"))
    scores = answers.scores.round(2)  # ties
    answers = Answers(answers.names, "labels", answers.targets, scores, answers.classes)
    weights, y = some_weights(len(answers.names))[which], answers.targets
    cut = np.array([0.3, 0.5, 0.6])
    got, told, kept = figures(answers, weights, threshold=cut), scores >= cut, {"sample_weight": weights}
    expected = {
        "mean_average_precision": reference.average_precision_score(y, scores, average="macro", **kept),
        "macro_auroc": reference.roc_auc_score(y, scores, average="macro", **kept),
        "micro_f1": reference.f1_score(y, told, average="micro", **kept),
        "macro_f1": reference.f1_score(y, told, average="macro", **kept),
        "subset_accuracy": reference.accuracy_score(y, told, **kept),
    }
    assert got == pytest.approx(expected, **CLOSE)


@pytest.mark.parametrize("which", range(3))
def test_figures_of_numbers_equal_those_of_scikit_learn(digits, which):
    answers = one_number(digits.answers(model="brief"))
    weights, y, told = some_weights(len(answers.names))[which], answers.targets, answers.scores[:, 0]
    kept = {"sample_weight": weights}
    expected = {
        "mae": reference.mean_absolute_error(y, told, **kept),
        "rmse": reference.root_mean_squared_error(y, told, **kept),
        "r2": reference.r2_score(y, told, **kept),
        "median_absolute_error": reference.median_absolute_error(y, told, **kept),
    }
    assert figures(answers, weights) == pytest.approx(expected, **CLOSE)


@pytest.mark.parametrize("told", [[3.0, 3.0, 3.0], [3.0, 3.0, 4.0]])
def test_constant_numbers_have_the_r2_of_scikit_learn(told):
    answers = Answers(("a", "b", "c"), "number", np.full(3, 3.0), np.array(told)[:, None], ())
    assert figures(answers)["r2"] == reference.r2_score([3, 3, 3], told)


@pytest.mark.parametrize("rows", [1, 2, 5, 8])
def test_the_median_error_of_an_even_count_lies_between_the_two_in_the_middle(rows):
    told = np.array([3.0, 1.0, 8.0, 2.0, 9.0, 5.0, 4.0, 7.0])[:rows, None]
    answers = Answers(tuple(map(str, range(rows))), "number", np.zeros(rows), told, ())
    assert figures(answers)["median_absolute_error"] == np.median(told)


def test_calibration_error_equals_the_definition_written_as_a_loop(digits):
    answers = digits.answers(model="brief")
    sure, right = answers.scores.max(axis=1), answers.scores.argmax(axis=1) == answers.targets
    error = 0.0
    for number in range(15):
        inside = (sure >= number / 15) & (sure < (number + 1) / 15)
        if inside.any():
            error += inside.mean() * abs(sure[inside].mean() - right[inside].mean())
    assert figures(answers)["calibration_error"] == pytest.approx(error, abs=1e-12)
    bins = calibration_bins(answers)
    assert sum(row["n"] for row in bins) == len(sure)
    again = sum(row["n"] * abs(row["confidence"] - row["share"]) for row in bins) / len(sure)
    assert again == pytest.approx(error, abs=1e-12)


def test_confusion_and_class_rows_equal_those_of_scikit_learn(digits):
    answers = digits.answers(model="brief")
    y, told = answers.targets, said(answers)
    assert np.array_equal(confusion(answers), reference.confusion_matrix(y, told))
    expected = reference.precision_recall_fscore_support(y, told, zero_division=0)
    rows = per_class(answers)
    for place, key in enumerate(("precision", "recall", "f1", "support")):
        assert [row[key] for row in rows] == pytest.approx(list(expected[place]), **CLOSE)


@pytest.mark.parametrize("kind", ["label", "two", "labels"])
def test_a_class_without_rows_leaves_every_figure_finite(digits, kind):
    """A class that does not occur in the test part is left out of means instead of turning them into NaN."""
    whole = digits.answers()
    if kind == "label":
        rows = np.flatnonzero(whole.targets != 3)
        answers = whole
    else:
        answers = two_classes(whole, 3) if kind == "two" else several_labels(whole)
        rows = np.flatnonzero((answers.targets if kind == "two" else answers.targets[:, 0]) == 0)
    names = tuple(answers.names[row] for row in rows)
    part = Answers(names, answers.kind, answers.targets[rows], answers.scores[rows], answers.classes)
    got = figures(part)
    assert all(np.isfinite(value) for value in got.values())
    assert ("auroc" in got) == (kind == "label")  # one class alone has no AUROC, and no figure is invented
    if kind == "label":
        told, y = part.scores.argmax(axis=1), part.targets
        assert got["balanced_accuracy"] == pytest.approx(
            np.mean([(told[y == c] == c).mean() for c in range(10) if c != 3]), **CLOSE
        )
        assert got["macro_f1"] == pytest.approx(reference.f1_score(y, told, average="macro"), **CLOSE)
        assert per_class(part)[3]["recall"] is None


def test_scores_that_are_not_finite_are_refused_with_the_row_and_a_way_out(digits):
    answers = digits.answers()
    answers.scores[5, 2] = np.nan
    with pytest.raises(PersonError, match="learning rate") as caught:
        figures(answers)
    assert answers.names[5] in caught.value.got


def test_no_rows_are_refused_rather_than_judged():
    empty = Answers((), "label", np.zeros(0, np.int64), np.zeros((0, 2)), ("a", "b"))
    with pytest.raises(PersonError, match="at least one example"):
        figures(empty)


def test_judging_answers_without_loading_torch():
    names = ("baselines", "card", "compare", "decisions", "report", "suspects")
    code = "import sys; " + "; ".join(f"import glassworks.judging.{name}" for name in names)
    code += "; print([m for m in ('torch', 'sklearn', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
