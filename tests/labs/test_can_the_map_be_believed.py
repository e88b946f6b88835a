"""Can the map be believed: runs repeat, ink and noise stay the same, and the rule can say each outcome."""

import numpy as np
import pytest
import torch

from glassworks.insight.attention import attention_of, drawn_from
from glassworks.labs import can_the_map_be_believed as lab
from glassworks.labs.digits import deal
from glassworks.labs.positions_and_order import answers, scaled, share_right


@pytest.fixture(scope="module")
def short():
    """A network of each kind after a few steps, and ten test pictures."""
    return {name: lab.trained(name, 1, steps=20) for name in lab.WAYS}, scaled(deal(1))[2].pictures[:10]


def test_the_same_seed_gives_the_same_network_and_leaves_the_shared_dice_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = lab.trained("ViT", 1, steps=3).state_dict()
    assert torch.equal(torch.rand(3), expected)
    again, other = (lab.trained("ViT", seed, steps=3).state_dict() for seed in (1, 2))
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    assert not torch.equal(first["head.weight"], other["head.weight"])


def test_a_convolutional_network_of_the_lab_learns():
    test = scaled(deal(0))[2]
    assert share_right(answers(lab.trained("CNN", 0), test.pictures), test.targets) > 0.9


def test_every_map_has_the_size_of_the_pictures_and_attention_is_that_of_the_last_block(short):
    networks, pictures = short
    for name, ways in lab.WAYS.items():
        said = answers(networks[name], pictures)
        for way in ways:
            heat = lab.map_of(networks[name], pictures, said, way)
            assert heat.shape == (10, 8, 8) and np.isfinite(heat).all(), (name, way)
    last = drawn_from(attention_of(networks["ViT"], pictures)[-1]).mean(1)  # (10, 4, 4)
    drawn = lab.map_of(networks["ViT"], pictures, answers(networks["ViT"], pictures), "attention")
    assert last.shape == (10, 4, 4)
    corners = last[:, ::3, ::3].numpy()  # bilinear enlarging keeps the corners
    assert np.allclose(drawn[:, ::7, ::7], corners, atol=1e-6)


def test_ink_and_noise_do_not_notice_that_the_weights_are_shuffled(short):
    networks, pictures = short
    for way in ("ink", "noise"):
        assert lab.looked(networks["ViT"], pictures, way, 0).alike == pytest.approx(1)
    assert abs(lab.looked(networks["CNN"], pictures, "occlusion", 0).alike) < 0.9


def numbers_of(attention: float, rollout: float) -> dict[str, list[float]]:
    wiggle = (-0.2, 0.0, 0.2)
    numbers = {
        f"{test}: {name}": [5.0 + small for small in wiggle] for name in lab._names() for test in lab.TESTS
    }
    for test in lab.TESTS:
        numbers[f"{test}: ViT attention"] = [attention + small for small in wiggle]
        numbers[f"{test}: ViT rollout"] = [rollout - small for small in wiggle]
    return numbers | {f"alike: {name}": [0.25] * 3 for name in lab._names()}


@pytest.mark.parametrize(
    ("attention", "rollout", "outcome"),
    [
        (3.0, 8.0, "holds"),
        (0.0, 8.0, "not shown"),
        (8.0, 0.0, "not shown"),
        (-3.0, 8.0, "does not hold"),
        (3.0, -8.0, "does not hold"),
    ],
)
def test_the_rule_can_say_each_of_the_three(attention, rollout, outcome):
    verdict = lab.judge(numbers_of(attention, rollout))
    assert verdict.outcome == outcome
    assert f"ViT attention deletion {attention:+.1f}" in verdict.sentence
    assert f"Rollout minus a map of the ink, which asks no network: {rollout - 5:+.1f}" in verdict.sentence
    assert "n = 3 seeds" in verdict.interval
