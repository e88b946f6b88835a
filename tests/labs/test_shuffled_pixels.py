"""Shuffled pixels: one order for all, nothing lost, a law for who cannot mind, and a rule that can say no."""

import pytest
import torch

from glassworks.labs import shuffled_pixels as lab
from glassworks.models.vision import vit


def test_one_order_for_all_pictures_that_can_be_undone():
    part, _ = lab.pair.parts("digits", 20, 500, 0)
    order = lab.order_of(0)
    moved = lab.shuffled(part, order)
    assert not torch.equal(moved.pictures, part.pictures) and torch.equal(moved.targets, part.targets)
    assert torch.equal(lab.shuffled(moved, order.argsort()).pictures, part.pictures)
    assert not torch.equal(order, lab.order_of(1)) and torch.equal(order, lab.order_of(0))


@torch.no_grad()
def test_a_dense_network_with_shuffled_columns_gives_the_same_answers():
    part, _ = lab.pair.parts("digits", 20, 500, 0)
    order, model = lab.order_of(0), lab.built("MLP", 0)
    before = model(part.pictures)
    model[1].weight.copy_(model[1].weight[:, order])
    assert torch.allclose(model(lab.shuffled(part, order).pictures), before, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize(("patch", "blind"), [(1, True), (2, False)])
def test_a_vit_of_single_squares_with_shuffled_positions_gives_the_same_answers_and_one_of_patches_does_not(
    patch, blind
):
    part, _ = lab.pair.parts("digits", 20, 500, 0)
    order = lab.order_of(0)
    torch.manual_seed(0)
    model = vit.build(
        vit.ViTConfig(height=8, width=8, channels=1, patch=patch, dimension=16, depth=1, pooling="mean",
                      classes=10, block={"heads": 2})
    ).eval()  # fmt: skip
    before = model(part.pictures)
    if blind:
        model.positions.copy_(model.positions[:, order])
    after = model(lab.shuffled(part, order).pictures)
    assert torch.allclose(after, before, atol=1e-5) == blind


def test_the_mlp_costs_about_as_much_as_the_others():
    layers = [layer for layer in lab.built("MLP", 0) if isinstance(layer, torch.nn.Linear)]
    products = sum(layer.weight.numel() for layer in layers)
    assert products == pytest.approx(lab.pair.cost_of("vit")[0], rel=0.02)


def numbers(mlp=0.0, cnn=6.0, vit=3.0, wiggle=1.0):
    found = {}
    for kind, lost in (("MLP", mlp), ("CNN", cnn), ("ViT", vit)):
        ordered = [95.0, 96.0, 94.0, 95.5]
        found[f"in order: {kind}"] = ordered
        found[f"shuffled: {kind}"] = [
            one - lost - wiggle * (0.2 if kind != "CNN" else -0.2) * change
            for one, change in zip(ordered, (1, -1, 0.5, -0.5))
        ]
    return found


def test_the_rule_can_say_each_of_the_three():
    assert lab.judge(numbers()).outcome == "holds"
    assert lab.judge(numbers(mlp=4)).outcome == "does not hold"  # the MLP minds
    assert lab.judge(numbers(vit=-3)).outcome == "does not hold"  # the ViT gains
    assert lab.judge(numbers(cnn=-3)).outcome == "does not hold"
    assert lab.judge(numbers(vit=0.1)).outcome == "not shown"
    assert lab.judge(numbers(mlp=1.95)).outcome == "not shown"  # not surely within the margin
    assert lab.judge(numbers(wiggle=50)).outcome == "not shown"


def test_what_is_lost_is_the_difference_seed_by_seed():
    found = numbers(cnn=6.0, wiggle=0)
    assert lab.lost(found, "CNN") == pytest.approx([6.0] * 4)
    sentence = lab.judge(numbers()).sentence
    assert "the CNN +6.0" in sentence and "The CNN's loss minus the ViT's: +3.0" in sentence
