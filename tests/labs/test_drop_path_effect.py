"""DropPath's effect: the branches are counted one by one, and a missed schedule is noticed."""

import pytest
import torch

from glassworks.blocks.drop_path import shares
from glassworks.labs import drop_path_effect as lab
from glassworks.labs.small_vit import model_of, parts_of


def test_every_branch_of_every_picture_is_counted_and_the_survival_rate_is_the_schedule():
    _, skips = lab.train_with(0.4, 0, steps=12)
    assert skips.seen == [12 * 64 * 2] * lab.DEPTH
    found = [gone / seen for gone, seen in zip(skips.skipped, skips.seen)]
    assert skips.skipped[0] == 0 and found == pytest.approx(shares(0.4, lab.DEPTH), abs=0.05)


def test_without_drop_path_nothing_is_skipped_and_answering_counts_nothing():
    training, _ = parts_of(0, 20)
    model = model_of(2, 0, drop_path=0.9)
    skips = lab.Skips(model)
    with torch.no_grad():
        assert torch.equal(model.eval()(training.pictures), model(training.pictures))
    assert skips.seen == [0, 0]
    assert lab.train_with(0.0, 0, steps=1)[1].skipped == [0] * lab.DEPTH


def numbers_of(gain, skipped=None):
    wiggle = (-0.1, 0.0, 0.1)
    numbers = {}
    for most in lab.MOSTS:
        numbers[f"accuracy: {most:g}"] = [70.0 + (gain if most else small) for small in wiggle]
        numbers[f"gap: {most:g}"] = [20.0] * 3
        numbers[f"seen: {most:g}"] = [10_000.0] * lab.DEPTH
        numbers[f"skipped: {most:g}"] = [10_000.0 * share for share in shares(most, lab.DEPTH)]
    if skipped is not None:
        numbers["skipped: 0.2"][-1] = skipped
    return numbers


@pytest.mark.parametrize(("gain", "outcome"), [(1.0, "holds"), (-1.0, "does not hold"), (0.0, "not shown")])
def test_the_rule_can_say_each_of_the_three(gain, outcome):
    assert lab.judge(numbers_of(gain)).outcome == outcome


def test_a_block_that_misses_its_schedule_refutes_the_claim():
    assert lab.judge(numbers_of(1.0, skipped=2100.0)).outcome == "holds"  # 2.5 standard errors
    assert lab.judge(numbers_of(1.0, skipped=2500.0)).outcome == "does not hold"
    first = numbers_of(1.0)
    first["skipped: 0.2"][0] = 1.0  # the first block skips none
    assert lab.judge(first).outcome == "does not hold"
