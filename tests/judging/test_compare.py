"""Comparing runs: paired, exact, on the same rows only."""

import json

import numpy as np
import pytest
from scipy.stats import binomtest

from glassworks.core.errors import PersonError
from glassworks.core.rows import Answers
from glassworks.judging.compare import compare, mcnemar

from .conftest import one_number


@pytest.mark.parametrize("pair", [(0, 0), (0, 6), (3, 9), (40, 41), (5000, 5200)])
def test_mcnemar_equals_the_exact_binomial_test(pair):
    expected = binomtest(min(pair), sum(pair)).pvalue if sum(pair) else 1.0
    assert mcnemar(*pair) == pytest.approx(expected, rel=1e-8)


def test_the_better_run_is_found_with_a_paired_interval(digits):
    found = compare({"brief": digits.answers(model="brief"), "longer": digits.answers()})
    assert found.first == "brief"
    difference = found.differences["longer"]["accuracy"]
    assert difference.low > 0 and found.p_values["longer"] < 0.01
    assert found.verdict.startswith("better than brief in accuracy: longer (+")
    told = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert told["runs"]["longer"]["mcnemar_p"] == found.p_values["longer"]
    assert set(told["runs"]["brief"]["metrics"]["accuracy"]) == {"value", "low", "high", "n"}
    table = found.as_text()
    assert [row[0] for row in table] == ["run", "brief", "longer"]
    assert len({len(row) for row in table}) == 1


def test_equal_runs_show_no_difference(digits):
    found = compare({"one": digits.answers(), "two": digits.answers()}, resamples=100)
    assert found.verdict.startswith("no difference to one in accuracy is shown for two")
    assert found.p_values["two"] == 1.0


def test_rows_in_another_order_are_matched_by_name(digits):
    answers = digits.answers()
    turned = Answers(
        answers.names[::-1], "label", answers.targets[::-1], answers.scores[::-1], answers.classes
    )
    found = compare({"one": answers, "two": turned}, resamples=100)
    assert all(interval.value == 0 for interval in found.differences["two"].values())


def test_numbers_are_compared_by_error_where_less_is_better(digits):
    brief, longer = one_number(digits.answers(model="brief")), one_number(digits.answers())
    found = compare({"brief": brief, "longer": longer}, resamples=200)
    assert found.main == "mae" and found.differences["longer"]["mae"].value < 0
    assert found.verdict.startswith("better than brief in mean absolute error: longer (−")
    assert found.p_values == {}


def test_runs_on_other_rows_are_refused_with_how_many_are_shared(digits):
    test, validation = digits.answers(), digits.answers("val")
    mixed = tuple(np.random.default_rng(0).permutation(test.names + validation.names)[: len(test.names)])
    shared = len(set(mixed) & set(test.names))
    other = Answers(mixed, "label", test.targets, test.scores, test.classes)
    with pytest.raises(PersonError) as caught:
        compare({"one": test, "two": other})
    assert caught.value.code == "different-rows" and f"{shared} are shared" in caught.value.got


def test_one_run_alone_is_refused(digits):
    with pytest.raises(PersonError, match="two runs or more"):
        compare({"one": digits.answers()})
