"""Norm in a Transformer: runs that repeat, two starts that differ alone, a rule with three ends."""

import numpy as np
import pytest
import torch

from glassworks.labs import norm_in_a_transformer as lab


def test_the_answer_is_the_source_from_behind_and_the_decoder_gets_it_one_place_late():
    source, said, answer = lab.pairs(torch.Generator().manual_seed(0), 5)
    assert torch.equal(answer.flip(1), source) and torch.equal(said[:, 1:], answer[:, :-1])
    assert bool((said[:, 0] == lab.START).all()) and lab.START < int(source.min()) == lab.FIRST
    assert source.shape == (5, lab.PLACES)


def test_the_warm_up_changes_the_first_steps_and_nothing_after_them():
    rises = [lab.rate_at(step, True) for step in range(1, lab.STEPS + 1)]
    stands = [lab.rate_at(step, False) for step in range(1, lab.STEPS + 1)]
    assert rises[lab.WARMUP - 1] == 1 == max(rises) and stands[: lab.WARMUP] == [1.0] * lab.WARMUP
    assert rises[lab.WARMUP - 1 :] == stands[lab.WARMUP - 1 :] and rises[0] == pytest.approx(1 / lab.WARMUP)
    assert lab.rate_at(4 * lab.WARMUP, True) == pytest.approx(0.5)
    assert pytest.approx(2.8e-3, rel=0.01) == 32**-0.5 * 4000**-0.5


def test_the_norm_moves_no_number_of_the_start():
    pre, post = (dict(lab.model_of(norm, 2, 1).named_parameters()) for norm in lab.NORMS)
    assert set(pre) - set(post) == {f"{side}.norm.{kind}" for side in ("encoder", "decoder")
                                    for kind in ("weight", "bias")}  # fmt: skip
    assert all(torch.equal(pre[name], post[name]) for name in post)


def test_the_same_seed_gives_the_same_run_and_leaves_the_shared_dice_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = lab.train_with("post", 1, 1, warm=True, steps=10)
    assert torch.equal(torch.rand(3), expected)
    assert first == lab.train_with("post", 1, 1, warm=True, steps=10)
    assert first != lab.train_with("post", 1, 1, warm=False, steps=10)
    assert first != lab.train_with("post", 1, 2, warm=True, steps=10)
    assert [step for step, _ in first.curve] == [float(step) for step in range(1, 11)]


def test_it_learns_with_two_blocks():
    """A floor far above chance, after a third of the lab's steps."""
    found = lab.train_with("pre", 1, 0, warm=True, steps=120)
    assert 100 * found.accuracy > 3 * lab.CHANCE and found.loss < np.log(lab.SYMBOLS) - 0.5


def numbers_of(post, warm_post, pre=96.0, warm_pre=97.0):
    """Accuracies at 12 blocks; 99 in every case at 2."""
    wiggle = (-0.3, 0.0, 0.3)
    found = {"depths": [2.0, 6.0, 12.0]}
    for (norm, warm), value in {("pre", False): pre, ("pre", True): warm_pre,
                                ("post", False): post, ("post", True): warm_post}.items():  # fmt: skip
        found[f"accuracy: {lab.way(norm, 2, warm)}"] = [99.0] * 3
        found[f"accuracy: {lab.way(norm, 12, warm)}"] = [value + (small if warm else 0) for small in wiggle]
    return found


@pytest.mark.parametrize(
    ("post", "warm_post", "pre", "warm_pre", "outcome"),
    [
        (9.0, 60.0, 96.0, 97.0, "holds"),
        (60.0, 9.0, 96.0, 97.0, "does not hold"),
        (9.0, 9.2, 96.0, 97.0, "not shown"),
        (9.0, 60.0, 9.0, 60.0, "not shown"),  # pre-norm needs it as much
    ],
)
def test_the_rule_can_say_each_of_the_three(post, warm_post, pre, warm_pre, outcome):
    numbers = numbers_of(post, warm_post, pre, warm_pre)
    assert lab.judge(numbers).outcome == outcome
