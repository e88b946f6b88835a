"""Patch size: tokens and costs as derived, runs that repeat, and a rule that can say each of the three."""

import pytest
import torch

from glassworks.labs import patch_size as lab


def test_half_the_patch_is_four_times_the_tokens_and_sixteen_times_the_maps():
    costs = {patch: lab.cost_of(patch) for patch in lab.PATCHES}
    assert [costs[patch].tokens for patch in lab.PATCHES] == [1, 4, 16, 64]
    blocks, width = lab.SHAPE["depth"], lab.SHAPE["dimension"]
    for one in costs.values():
        assert one.in_maps == blocks * 2 * one.tokens**2 * width
        assert one.map_numbers == blocks * 4 * one.tokens**2


def test_the_same_seed_gives_the_same_run_and_leaves_the_shared_dice_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = lab.train_with(4, 1, steps=5)
    assert torch.equal(torch.rand(3), expected)
    again, other = lab.train_with(4, 1, steps=5), lab.train_with(4, 2, steps=5)
    assert (first.accuracy, first.loss) == (again.accuracy, again.loss)
    assert first.loss != other.loss


def test_a_short_run_learns():
    run = lab.train_with(4, 0, steps=120)
    assert run.accuracy > 0.8 and run.seconds > 0 and 0 < run.loss < 1


def numbers_of(*means):
    wiggle = (-0.1, 0.0, 0.1)
    found = {
        f"accuracy: {patch}": [mean + small for small in wiggle] for patch, mean in zip(lab.PATCHES, means)
    }
    products = {f"products: {patch}": [4.0**place] for place, patch in enumerate(lab.PATCHES)}
    return found | products


@pytest.mark.parametrize(
    ("means", "outcome", "best"),
    [
        ((80.0, 85.0, 90.0, 95.0), "holds", "patches of 1"),
        ((80.0, 85.0, 90.0, 88.0), "does not hold", "patches of 2"),
        ((80.0, 85.0, 90.0, 89.99), "not shown", "patches of 2"),
    ],
)
def test_the_rule_can_say_each_of_the_three(means, outcome, best):
    numbers = numbers_of(*means)
    numbers["accuracy: 1"].reverse()  # so that its gains differ from seed to seed
    verdict = lab.judge(numbers)
    assert verdict.outcome == outcome
    assert best in verdict.sentence and "from 8 to 4 +5.0" in verdict.sentence
    assert "4.0 times the multiply-adds" in verdict.sentence
