"""The worked facts exactly, four ways to one gradient, and a rule that can say no."""

import numpy as np
import pytest
import torch

from glassworks.labs import manual_equals_tape as lab


def test_every_way_gives_the_worked_facts():
    paper = lab.facts()
    assert [row[1] for row in paper][:3] == [
        [64.0, -32.0, 1.32], [1.32, 1.6144, 1.885248], [64.0, 54.1696, 45.84914944, 38.806720086016],
    ]  # fmt: skip
    for what, right, ways in paper:
        assert set(ways) == set(lab.WAYS), what
        for way, found in ways.items():
            tolerance = 1e-6 if way == "torch float32" else 1e-12
            assert found == pytest.approx(right, rel=tolerance), (what, way)


def test_single_precision_gives_its_own_new_weight():
    assert lab.step_in_torch(2, 10, 1, 0.01, torch.float32)[2] == pytest.approx(1.31999993, abs=1e-8)
    assert lab.step_in_torch(2, 10, 1, 0.01, torch.float32)[2] != 1.32


def test_only_the_leaf_keeps_its_gradient():
    assert lab.only_the_leaf_keeps_its_gradient()


def test_the_gradient_of_a_mean_depends_on_how_many_there_are():
    assert lab.mean_square([2, 3])["tape"] == [11.5, 2.0, 3.0]
    assert lab.mean_square([2, 3, 4])["tape"][1:] == pytest.approx([4 / 3, 2.0, 8 / 3])


def test_the_formulas_agree_with_small_steps_of_the_loss():
    errors = np.array(lab.finite_differences(7, np.float64))
    best = int(errors.argmin())
    assert errors[best] < 1e-9 and 1e-7 < lab.WIDTHS[best] < 1e-3
    assert errors[0] > 100 * errors[best] and errors[-1] > 1000 * errors[best]  # the U


def test_the_quick_lab_holds(quick):
    result = quick("manual-equals-tape")
    assert result.outcome == "holds" and len(result.numbers["networks: tape"]) == 2 * 9


@pytest.mark.parametrize(
    ("name", "value", "outcome"),
    [
        ("networks: tape", 1e-9, "does not hold"),
        ("networks: torch float32", 1e-4, "does not hold"),
        ("facts: by hand", 0.01, "does not hold"),
        ("only the leaf keeps its gradient", 0.0, "does not hold"),
        ("finite differences: central, float64", 1e-3, "not shown"),
    ],
)
def test_the_rule_can_say_no(name, value, outcome, quick):
    numbers = dict(quick("manual-equals-tape").numbers)
    numbers[name] = [*numbers[name][:-1], value]
    assert lab.judge(numbers).outcome == outcome


def test_one_wrong_sign_in_the_formulas_is_found(monkeypatch):
    right = lab.gradients_by_hand

    def wrong(*given):
        first, *others = right(*given)
        return [-first, *others]

    monkeypatch.setattr(lab, "gradients_by_hand", wrong)
    assert lab._distances(*lab.network(8, 16, 0))[0] == pytest.approx(2.0)
