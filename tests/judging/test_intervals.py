"""Intervals hold the truth as often as they say, never claim certainty, and cost little."""

import time

import numpy as np
import pytest

from glassworks.core.errors import PersonError
from glassworks.core.rows import Answers
from glassworks.judging.intervals import (
    aligned,
    differences,
    distributions,
    intervals,
    paired_proportions,
    wilson,
)
from glassworks.judging.metrics import figures

from .conftest import one_number, several_labels, two_classes


def simulated(dice: np.random.Generator, rows: int, skill: float = 1.5, groups: int = 0) -> Answers:
    """Three classes whose scores are known to be right with a fixed probability; grouped rows share luck."""
    targets = dice.integers(3, size=rows)
    luck = np.repeat(dice.normal(size=max(groups, 1)), -(-rows // max(groups, 1)))[:rows] if groups else 0.0
    logits = dice.normal(size=(rows, 3))
    logits[np.arange(rows), targets] += skill + luck
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    names = tuple(str(row) for row in range(rows))
    members = tuple(str(row // -(-rows // groups)) for row in range(rows)) if groups else None
    return Answers(names, "label", targets, scores, ("a", "b", "c"), members)


def coverage(groups: int, names: tuple[str, ...], rows: int) -> dict[str, float]:
    truth = figures(simulated(np.random.default_rng(99), 200_000, groups=20_000 if groups else 0))
    dice, held = np.random.default_rng(7), dict.fromkeys(names, 0)
    for repetition in range(300):
        found = intervals(simulated(dice, rows, groups=groups), seed=repetition, resamples=300)
        for name in names:
            held[name] += found[name].low <= truth[name] <= found[name].high
    return {name: count / 300 for name, count in held.items()}


def test_the_95_percent_interval_holds_the_truth_in_90_to_98_percent_of_300_repetitions():
    names = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "log_loss")
    shares = coverage(0, names, rows=150)
    assert all(0.90 <= share <= 0.98 for share in shares.values()), shares


def test_with_grouped_rows_the_interval_still_holds_the_truth():
    """Rows of a group are drawn together; drawn one by one they would claim far too much."""
    shares = coverage(60, ("accuracy", "macro_f1", "log_loss"), rows=600)
    assert all(0.90 <= share <= 0.98 for share in shares.values()), shares
    answers = simulated(np.random.default_rng(1), 600, groups=60)
    alone = Answers(answers.names, "label", answers.targets, answers.scores, answers.classes)
    grouped, single = intervals(answers)["accuracy"], intervals(alone)["accuracy"]
    assert grouped.high - grouped.low > 1.2 * (single.high - single.low)


def test_the_interval_of_a_difference_holds_the_true_difference():
    better, worse = 1.5, 1.0
    big = np.random.default_rng(5)
    truth = figures(simulated(big, 200_000, better))["accuracy"]
    truth -= figures(simulated(big, 200_000, worse))["accuracy"]
    dice, held = np.random.default_rng(8), 0
    for _ in range(300):
        first = simulated(dice, 120, better)
        noise = simulated(dice, 120, worse)  # other luck, brought to the same truth by turning the classes
        turn = (np.arange(3)[None] - first.targets[:, None] + noise.targets[:, None]) % 3
        scores = np.take_along_axis(noise.scores, turn, axis=1)
        second = Answers(first.names, "label", first.targets, scores, first.classes)
        found = differences(first, second, resamples=20)["accuracy"]
        held += found.low <= truth <= found.high
    assert 0.90 <= held / 300 <= 0.98


def test_a_model_without_a_mistake_is_never_claimed_to_be_perfect():
    """With no error in n rows the interval of each share still reaches below 1; with none right, above 0."""
    targets = np.arange(30) % 3
    names = tuple(str(row) for row in range(30))
    perfect = Answers(names, "label", targets, np.eye(3)[targets], ("a", "b", "c"))
    found = intervals(perfect, resamples=100)
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "auroc"):
        assert found[name].value == found[name].high == 1
        assert found[name].low < 0.95, name
    assert found["accuracy"].low == pytest.approx(0.8865, abs=1e-4)  # Wilson, 30 of 30
    assert found["calibration_error"].high > 0
    grouped = Answers(
        names, "label", targets, perfect.scores, perfect.classes, tuple(str(r % 5) for r in range(30))
    )
    assert intervals(grouped, resamples=100)["accuracy"].low < 0.6  # five groups, not thirty rows
    wrong = Answers(names, "label", (targets + 1) % 3, perfect.scores, ("a", "b", "c"))
    assert intervals(wrong, resamples=100)["accuracy"].high > 0.05


def test_equal_answers_are_not_claimed_to_be_equally_good_for_certain():
    answers = simulated(np.random.default_rng(0), 30)
    found = differences(answers, answers, resamples=100)
    for name in ("accuracy", "macro_f1"):
        assert found[name].value == 0
        assert found[name].low < -0.03 and found[name].high > 0.03
        assert not found[name].excludes_zero


def test_a_resample_is_the_figure_of_rows_drawn_again(digits):
    """The weighted figure of a column of counts equals the figure of the rows repeated that often."""
    for answers in (digits.answers(), several_labels(digits.answers()), one_number(digits.answers())):
        dice = np.random.default_rng(3)
        drawn = dice.integers(len(answers.names), size=len(answers.names))
        repeated = Answers(
            tuple(str(place) for place in range(len(drawn))),
            answers.kind,
            answers.targets[drawn],
            answers.scores[drawn],
            answers.classes,
        )
        counts = np.bincount(drawn, minlength=len(drawn)).astype(float)
        assert figures(answers, counts) == pytest.approx(figures(repeated), rel=1e-10, abs=1e-12)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another(digits):
    answers = digits.answers(model="brief")
    first, again, other = (intervals(answers, seed=seed, resamples=200) for seed in (1, 1, 2))
    assert first == again
    assert first["macro_f1"] != other["macro_f1"]
    assert first["macro_f1"].value == other["macro_f1"].value


@pytest.mark.parametrize("kind", ["label", "two", "labels", "number"])
def test_every_interval_holds_its_own_figure(digits, kind):
    make = {"label": lambda a: a, "two": lambda a: two_classes(a, 8), "labels": several_labels}
    answers = make.get(kind, one_number)(digits.answers())
    for name, interval in intervals(answers, resamples=200).items():
        assert interval.low <= interval.value <= interval.high, name
        assert interval.low < interval.high, name
        assert set(interval.as_json()) == {"value", "low", "high", "n"}


def test_the_calibration_error_of_an_honest_model_may_be_nearly_nothing():
    """Resamples of a calibrated model look worse than it is; the interval must reach below them."""
    dice = np.random.default_rng(0)
    scores = dice.dirichlet(np.ones(3), size=300)
    targets = (dice.random((300, 1)) > scores.cumsum(axis=1)).sum(axis=1)
    answers = Answers(tuple(map(str, range(300))), "label", targets, scores, ("a", "b", "c"))
    found, drawn = intervals(answers)["calibration_error"], distributions(answers)["calibration_error"]
    assert drawn.mean() > found.value + 0.01
    assert 0 <= found.low < found.value - 0.01 and found.value < found.high < np.quantile(drawn, 0.975)


def test_one_row_has_no_interval_of_its_error():
    answers = Answers(("a",), "number", np.array([2.0]), np.array([[3.0]]), ())
    found = intervals(answers, resamples=50)["mae"]
    assert found.value == 1 and found.low is None and found.high is None
    assert "too few rows" in found.words("mae")


def test_ten_thousand_rows_of_ten_classes_take_less_than_three_seconds():
    dice = np.random.default_rng(0)
    targets, logits = dice.integers(10, size=10_000), dice.normal(size=(10_000, 10))
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    answers = Answers(tuple(map(str, range(10_000))), "label", targets, scores, tuple("abcdefghij"))
    start = time.process_time()
    assert len(distributions(answers)["auroc"]) == 1000
    assert time.process_time() - start < 3


def test_rows_are_matched_by_name_and_others_are_refused(digits):
    answers = digits.answers()
    order = np.arange(len(answers.names))[::-1]
    turned = Answers(
        tuple(answers.names[row] for row in order),
        "label",
        answers.targets[order],
        answers.scores[order],
        answers.classes,
    )
    assert differences(answers, turned, resamples=50)["log_loss"].value == 0
    renamed = Answers(
        ("other", *answers.names[1:]), "label", answers.targets, answers.scores, answers.classes
    )
    with pytest.raises(PersonError) as caught:
        aligned(renamed, answers)
    assert caught.value.code == "different-rows"
    assert f"{len(order) - 1} are shared" in caught.value.got
    targets = answers.targets.copy()
    targets[4] = (targets[4] + 1) % 10
    with pytest.raises(PersonError, match="another label for") as caught:
        aligned(Answers(answers.names, "label", targets, answers.scores, answers.classes), answers)
    assert answers.names[4] in caught.value.got


def test_the_rules_for_shares_equal_published_values():
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=1e-4)  # Newcombe 1998, table I
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    low, high = paired_proportions(0, 0, 50)
    assert low == -high and high == pytest.approx(1.96 / 52, abs=1e-3)
