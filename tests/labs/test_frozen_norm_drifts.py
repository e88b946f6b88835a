"""Frozen batch norm: what stays bit for bit, what moves, and a rule that can say no."""

import pytest
import torch

from glassworks.core.errors import PersonError
from glassworks.labs import frozen_norm_drifts as lab
from glassworks.labs.small_lite0 import as_seen, dealt, lite0, pictures


@pytest.fixture(scope="module", autouse=True)
def weights():
    try:
        lite0(32)
    except PersonError:
        pytest.skip("the published weights are not installed")


def tensors(model):
    return {name: value.clone() for name, value in model.state_dict().items() if not name.startswith("head.")}


def changed(before, model):
    return {name for name, value in tensors(model).items() if not torch.equal(value, before[name])}


@pytest.mark.parametrize("mode", lab.MODES)
def test_the_kept_body_is_bit_identical_and_the_others_move_their_norms_alone(mode):
    """T19: weights and running figures of a frozen backbone stay bit for bit."""
    part = pictures("digits").take(slice(0, 40))
    before = tensors(lab.body())
    moved = changed(before, lab.learned(part, mode, 8, 0, 24))
    if mode == "kept":
        assert not moved
        return
    norms = {name for name in before if "running" in name or "tracked" in name}
    assert moved == norms and len(norms) == 3 * 49


def test_the_head_learns_and_two_runs_are_alike_whatever_else_draws():
    part = pictures("digits").take(slice(0, 40))
    first = lab.learned(part, "left", 8, 0, 16)
    state = torch.get_rng_state()
    again = lab.learned(part, "left", 8, 0, 16)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first.head.weight, again.head.weight) and first.head.weight.abs().sum() > 0


def test_parts_are_disjoint_balanced_and_nested():
    everything = pictures("digits")
    learn, judge = dealt(everything, 5, 60, 3, "scratch against transfer")
    more, same = dealt(everything, 50, 60, 3, "scratch against transfer")
    assert torch.equal(judge, same) and set(learn.tolist()) < set(more.tolist())
    assert not set(more.tolist()) & set(judge.tolist())
    assert everything.targets[learn].bincount().tolist() == [5] * 10
    with pytest.raises(ValueError, match="expected 1060 pictures of class"):
        dealt(everything, 1000, 60, 3, "x")
    assert float(as_seen(torch.ones(1, 3, 8, 8), 16).max()) == 1.0
    assert as_seen(torch.zeros(1, 3, 8, 8), 16).shape == (1, 3, 16, 16)


def test_the_rule_can_say_each_of_the_three():
    def judged(drift, *losses):
        numbers = {}
        for batch in lab.BATCHES:
            for mode in lab.MODES:
                for what in lab.WHAT:
                    numbers[lab.key(mode, batch, what)] = [50.0] * 4
                numbers[lab.key(mode, batch, "drift")] = [drift] * 4
            numbers[lab.key("norms", batch, "accuracy")] = [50.0 - loss for loss in losses]
        return lab.judge(numbers).outcome

    assert judged(100.0, 5.0, 5.2, 5.1, 4.9) == "holds"
    assert judged(0.0, 5.0, 5.2, 5.1, 4.9) == "does not hold"
    assert judged(0.0, 0.1, 0.2, 0.0, 0.1) == "does not hold"
    assert judged(100.0, -4.0, -4.2, -4.1, -3.9) == "does not hold"
    assert judged(100.0, 9.0, -8.0, 7.0, -5.0) == "not shown"


def test_the_quick_run_tells_every_mode(quick):
    rows = quick("frozen-norm-drifts").tables[0].rows
    assert [row[1] for row in rows] == 2 * list(lab.TOLD.values())
    assert all(row[4] == ("0" if row[1] == lab.TOLD["kept"] else "100") for row in rows)
