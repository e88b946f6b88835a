"""GELU against ReLU: silent units are counted as they are, and the rule can say each of the three."""

import pytest
import torch

from glassworks.labs import gelu_against_relu as lab
from glassworks.labs.small_vit import model_of, parts_of


def test_a_unit_is_silent_when_no_token_of_any_picture_lifts_it():
    training, _ = parts_of(0, 100)
    model = model_of(2, 0, activation="relu")
    assert lab.silent_units(model, training.pictures) < 0.1
    with torch.no_grad():
        model.blocks[0].mlp.widen.bias[:32] = -100.0  # 32 of 2 x 128 units
    before = lab.silent_units(model, training.pictures)
    assert before == pytest.approx(32 / 256, abs=0.02)
    assert not any(module._forward_hooks for module in model.modules())


def test_a_silent_unit_has_no_gradient_with_relu_and_some_with_gelu():
    training, _ = parts_of(0, 100)
    for activation in ("relu", "gelu"):
        model = model_of(1, 0, activation=activation)
        layer = model.blocks[0].mlp.widen
        with torch.no_grad():
            layer.bias[0] = -3.0
            layer.weight[0] *= 0.1  # below 0 for all, yet not far out
        torch.nn.functional.cross_entropy(model(training.pictures), training.targets).backward()
        moved = float(layer.weight.grad[0].abs().sum())
        assert (moved == 0) == (activation == "relu")


def test_only_the_activation_differs():
    gelu, relu = (model_of(2, 3, activation=name).state_dict() for name in ("gelu", "relu"))
    assert all(torch.equal(gelu[name], relu[name]) for name in gelu)


@pytest.mark.parametrize(("gain", "outcome"), [(1.0, "holds"), (-1.0, "does not hold"), (0.0, "not shown")])
def test_the_rule_can_say_each_of_the_three(gain, outcome):
    wiggle = (-0.1, 0.0, 0.1)
    numbers = {}
    for name, mean in (("gelu", 90.0 + gain), ("gelu-tanh", 90.0 + gain), ("relu", 90.0)):
        numbers[f"accuracy: {name}"] = [mean + small * (name == "relu") for small in wiggle]
        numbers[f"loss: {name}"], numbers[f"silent: {name}"] = [0.3] * 3, [2.0] * 3
    verdict = lab.judge(numbers)
    assert verdict.outcome == outcome and f"by {gain:+.1f} (" in verdict.sentence
