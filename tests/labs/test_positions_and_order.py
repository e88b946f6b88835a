"""Positions and order: sisters that start alike, shuffles that lose nothing, and a rule that can say no."""

import pytest
import torch

from glassworks.blocks.patches import cut
from glassworks.labs import positions_and_order as lab
from glassworks.labs.digits import deal


@pytest.fixture(scope="module")
def parts():
    return lab.scaled(deal(0))


def test_sisters_begin_with_the_same_numbers_wherever_they_have_the_same_tensors():
    first = lab.started(3).state_dict()
    for changed in (
        {"positions": "none"},
        {"positions": "sine"},
        {"positions": "relative"},
        {"pooling": "class"},
    ):
        other = lab.started(3, **changed).state_dict()
        shared = set(first) & set(other) - {"positions"}
        assert len(shared) > 20 and all(torch.equal(first[name], other[name]) for name in shared)
    assert torch.equal(other["positions"][:, 1:], first["positions"])  # behind the class token's own row
    assert not torch.equal(lab.started(4).state_dict()["head.weight"], first["head.weight"])


def test_making_and_training_a_model_leaves_the_shared_dice_alone(parts):
    state = torch.get_rng_state()
    model = lab.started(0, positions="relative")
    lab.learn(model, parts[0], 0, steps=2)
    assert torch.equal(torch.get_rng_state(), state)
    again = lab.started(0, positions="relative")
    torch.rand(3)
    lab.learn(again, parts[0], 0, steps=2)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))


def test_a_shuffle_moves_whole_patches_and_loses_none(parts):
    pictures = parts[2].pictures[:5]
    orders = lab.own_orders(5, 0)
    moved = lab.shuffled(pictures, orders)
    assert moved.shape == pictures.shape and not torch.equal(moved, pictures)
    for row in range(5):
        assert torch.equal(cut(moved, 2)[row], cut(pictures, 2)[row, orders[row]])
        assert sorted(orders[row].tolist()) == list(range(16))
    assert len({tuple(order) for order in orders.tolist()}) == 5  # each picture its own way
    same = lab.shuffled(pictures, lab.one_order(0))
    assert torch.equal(cut(same, 2), cut(pictures, 2)[:, lab.one_order(0)[0]])
    assert torch.equal(lab.shuffled(pictures, torch.arange(16)[None]), pictures)


def test_without_positions_no_answer_changes_and_a_fixed_shuffle_trains_the_same_model(parts):
    """What NOTES says, so that the lab may leave that training out."""
    training, _, test = parts
    order = lab.one_order(1)
    models = [lab.started(1, positions="none") for _ in range(2)]
    mixed = lab.Part(lab.shuffled(training.pictures, order), training.targets)
    for model, part in zip(models, (training, mixed)):
        lab.learn(model, part, 1, steps=20)
    with torch.no_grad():
        first = models[0].eval()(test.pictures)
        torch.testing.assert_close(
            models[1].eval()(lab.shuffled(test.pictures, order)), first, atol=1e-3, rtol=1e-3
        )
        own = models[0](lab.shuffled(test.pictures, lab.own_orders(len(first), 1)))
    torch.testing.assert_close(own, first, atol=1e-5, rtol=1e-5)


def test_with_positions_answers_change_when_patches_move(parts):
    asked = lab.ask("learned", 0, steps=60)
    assert asked.changed > 20 and asked.shuffled < asked.ordered and asked.count == len(parts[2].targets)


def test_the_parts_share_the_scale_of_what_is_learned(parts):
    assert float(parts[0].pictures.mean()) == pytest.approx(0, abs=1e-5)
    assert float(parts[0].pictures.std()) == pytest.approx(1, abs=1e-5)
    assert abs(float(parts[2].pictures.mean())) > 1e-4  # not scaled by itself


@pytest.fixture
def numbers():
    base = [78.0, 76.0, 80.0, 77.0]
    found = {"changed: none": [0.0, 1.0, 0.0, 0.0]}
    for place, kind in enumerate(lab.KINDS):
        gain = 5.0 * place
        found[f"ordered: {kind}"] = [one + gain + 0.1 * number for number, one in enumerate(base)]
        found[f"shuffled: {kind}"] = [one - gain for one in base]
        found[f"fixed: {kind}"] = list(found[f"ordered: {kind}"])
    return found


def test_the_rule_can_say_each_of_the_three(numbers):
    assert lab.judge(numbers).outcome == "holds"
    assert lab.judge(numbers | {"changed: none": [0.0, 2.0, 0.0, 0.0]}).outcome == "does not hold"
    worse = [one - 9 for one in numbers["ordered: none"]]
    worse[0] += 0.1
    assert lab.judge(numbers | {"ordered: sine": worse}).outcome == "does not hold"
    unsure = [one + change for one, change in zip(numbers["ordered: none"], (9.0, -8.0, 7.0, -6.0))]
    assert lab.judge(numbers | {"ordered: relative": unsure}).outcome == "not shown"


def test_the_sentence_tells_changed_answers_as_they_are(numbers):
    assert "at most 1 answers of a seed change" in lab.judge(numbers).sentence
    assert "no answer changes" in lab.judge(numbers | {"changed: none": [0.0] * 4}).sentence
