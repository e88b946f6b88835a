"""Features computed once: the same head, the same batches, less time; and a rule that can say no."""

import pytest
import torch

from glassworks.core.errors import PersonError
from glassworks.labs import caching_features as lab
from glassworks.labs.small_lite0 import lite0, pictures


@pytest.fixture(scope="module")
def body():
    try:
        return lite0(lab.SIDE)
    except PersonError:
        pytest.skip("the published weights are not installed")


def test_both_ways_give_the_same_head_up_to_rounding(body):
    part = pictures("digits").take(slice(0, 48))
    asked, kept = (way(body, part, 2, 0, lab.RATE) for way in (lab.every_epoch, lab.once))
    assert kept.weight.abs().sum() > 0
    torch.testing.assert_close(asked.weight, kept.weight, atol=1e-5, rtol=1e-3)
    assert not torch.equal(kept.weight, lab.once(body, part, 2, 1, lab.RATE).weight)


def numbers(other=0.0, times=(4.0, 0.25)):
    jitter = (0.0, 0.02, -0.02, 0.01)
    return {
        lab.WAYS[0]: [times[0] + one for one in jitter], lab.WAYS[1]: [times[1]] * 4, "apart": [1e-6] * 4,
        "other answers": [0.0, 0.0, 0.0, other], "other answers when wild": [9.0] * 4,
        "accuracy": [80.0] * 4, "epochs": [20.0] * 4,
    }  # fmt: skip


def test_the_rule_can_say_each_of_the_three():
    assert lab.judge(numbers()).outcome == "holds"
    assert lab.judge(numbers(other=1.0)).outcome == "does not hold"
    assert lab.judge(numbers(times=(4.0, 2.0))).outcome == "does not hold"
    unsure = numbers() | {lab.WAYS[0]: [1.0, 9.0, 0.5, 8.0]}
    assert lab.judge(unsure).outcome == "not shown"


def test_the_quick_run_has_a_row_a_seed(quick, body):
    result = quick("caching-features")
    assert [row[0] for row in result.tables[0].rows] == ["0", "1"]
    assert result.numbers["other answers"] == [0.0, 0.0]
