"""Gradient by lag: equal to autograd, exact in the linear case, and a rule that can say each of the three."""

import numpy as np
import pytest
import torch

from glassworks.core.keyed import seed_for
from glassworks.labs import gradient_by_lag as lab
from glassworks.labs.small_recurrent import LAYERS, layer_of, turning


@pytest.mark.parametrize("way", ["RNN", "LSTM, gate open", "GRU"])
def test_what_is_left_equals_the_whole_matrix_of_derivatives(way):
    found = lab.left_by_lag(way, 3, steps=6)
    dice = torch.Generator().manual_seed(seed_for(3, "random steps"))
    given = torch.randn(1, 6, lab.INPUTS, generator=dice, dtype=torch.float64)
    layer = lab.WAYS[way](3).double()
    jacobian = torch.autograd.functional.jacobian(lambda steps: layer(steps)[0][0, -1], given)
    sizes = jacobian[:, 0].square().sum((0, 2)).sqrt().flip(0)  # (time,) from the last step back
    np.testing.assert_allclose(found, (sizes / sizes[0]).numpy(), rtol=1e-9)


def test_without_tanh_what_is_left_is_a_power():
    assert lab.linear_law(1.5, 50) == pytest.approx(6.376e8, rel=1e-4)
    assert lab.linear_law(1.0, 50) == 1 and lab.linear_law(0.5, 3) == 0.125


def test_a_plain_network_s_gradient_is_about_a_thousandth_of_a_million_millionth_after_50_words():
    """About 1e-15 at the usual start; with recurrent weights of 1.5 times a rotation it does not vanish."""
    plain, large = (
        np.log10([lab.left_by_lag(way, seed)[-1] for seed in range(4)]) for way in (lab.PLAIN, lab.LARGE)
    )
    assert -17.5 < plain.mean() < -14 and large.mean() > -2


def test_starts_change_what_they_say_and_nothing_else():
    usual, turned = layer_of("RNN", 3, 8, 1), turning(layer_of("RNN", 3, 8, 1), 1.5, 1)
    weight = turned.cells[0].from_state.weight
    torch.testing.assert_close(weight @ weight.T, 2.25 * torch.eye(8))
    assert torch.equal(usual.cells[0].from_input.weight, turned.cells[0].from_input.weight)
    for kind, gate in (("LSTM", 1), ("GRU", 1)):
        layer = lab.open_gates(layer_of(kind, 3, 8, 1), 5.0)
        bias = (layer.cells[0].from_input.bias + layer.cells[0].from_state.bias).view(-1, 8)
        assert torch.equal(bias[gate], torch.full((8,), 5.0)) and (bias[0] != 5.0).all()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    for kind in LAYERS:
        layer_of(kind, 3, 8, 1)
    assert torch.equal(torch.rand(3), expected)


def numbers_of(plain, opened):
    wiggle = np.linspace(-0.2, 0.2, 10)
    found = {f"left: {way}": (wiggle - 10).tolist() for way in lab.WAYS}
    found[f"left: {lab.PLAIN}"] = (plain + wiggle).tolist()
    found[f"left: {lab.OPENED}"] = (opened - wiggle).tolist()
    return found


@pytest.mark.parametrize(
    ("plain", "opened", "outcome"),
    [(-15.0, -0.2, "holds"), (-3.0, -0.2, "does not hold"), (-15.0, -14.0, "does not hold"),
     (-6.0, -0.2, "not shown"), (-15.0, -12.0, "not shown")],
)  # fmt: skip
def test_the_rule_can_say_each_of_the_three(plain, opened, outcome):
    assert lab.judge(numbers_of(plain, opened)).outcome == outcome
