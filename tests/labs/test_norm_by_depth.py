"""Norm by depth: looks at real gradients, runs that repeat, and a rule that can say each of the three."""

import pytest
import torch
import torch.nn.functional as F

from glassworks.labs import norm_by_depth as lab
from glassworks.labs import small_vit


def test_the_first_look_is_autograds_gradient_of_each_block():
    before, _ = lab.two_looks("post", 2, 0, steps=0)
    training, _ = small_vit.parts_of(0)
    model = small_vit.model_of(2, 0, norm="post")
    F.cross_entropy(model(training.pictures[:64]), training.targets[:64]).backward()
    for block, size in zip(model.blocks, before.gradients):
        squares = sum(float(p.grad.square().sum()) for p in block.parameters())
        assert squares**0.5 == pytest.approx(size, rel=1e-5)


def test_no_steps_change_nothing_and_some_steps_do():
    before, after = lab.two_looks("pre", 2, 0, steps=0)
    assert before == after
    again, moved = lab.two_looks("pre", 2, 0, steps=2)
    assert again == before != moved


def test_the_norm_moves_no_number_of_the_start():
    pre, post = (dict(small_vit.model_of(3, 1, norm=norm).named_parameters()) for norm in lab.NORMS)
    assert set(pre) - set(post) == {"norm.weight", "norm.bias"}  # the last norm that pre-norm needs
    assert all(torch.equal(pre[name], post[name]) for name in post)


def test_the_same_seed_gives_the_same_run_and_leaves_the_shared_dice_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = lab.train_with("pre", 2, 1, slow=True, steps=4)
    assert torch.equal(torch.rand(3), expected)
    assert (
        first
        == lab.train_with("pre", 2, 1, slow=True, steps=4)
        != lab.train_with("pre", 2, 2, slow=True, steps=4)
    )


def test_a_slow_start_rises_and_both_end_at_nothing():
    assert small_vit.rate_at(0.01, slow=True) < 0.06 < 0.99 < small_vit.rate_at(0.01, slow=False)
    for slow in (True, False):
        assert small_vit.rate_at(1.0, slow) == pytest.approx(0, abs=1e-12)
    assert small_vit.rate_at(0.5, True) == small_vit.rate_at(0.5, False)


def numbers_of(shallow, deep):
    """Accuracies of post-norm at 4 and 16 blocks; pre-norm has 90 at both."""
    wiggle = (-0.1, 0.0, 0.1)
    found = {"depths": [4.0, 8.0, 16.0]}
    for way, post in (("4 blocks", shallow), ("16 blocks", deep), ("16 blocks, slow start", 80.0)):
        found[f"accuracy: pre, {way}"] = [90.0] * 3
        found[f"accuracy: post, {way}"] = [post + small for small in wiggle]
    for norm, after in (("pre", 0.2), ("post", 1e-6)):
        found[f"first block before: {norm}, 16 blocks"] = [0.1] * 3
        found[f"first block after: {norm}, 16 blocks"] = [after] * 3
    return found


@pytest.mark.parametrize(
    ("shallow", "deep", "outcome"),
    [
        (89.0, 20.0, "holds"),
        (89.0, 95.0, "does not hold"),
        (20.0, 20.0, "not shown"),
        (85.0, 90.0, "not shown"),
    ],
)
def test_the_rule_can_say_each_of_the_three(shallow, deep, outcome):
    numbers = numbers_of(shallow, deep)
    numbers["accuracy: post, 16 blocks"].reverse()
    verdict = lab.judge(numbers)
    assert verdict.outcome == outcome
    assert "1e-05 times what it was with post-norm, and 2 times" in verdict.sentence
