"""Inside recurrent networks: gates as the cells compute them, gradients by lag, moments that decide."""

import numpy as np
import pytest
import torch

from glassworks.insight.recurrent import gradient_by_lag, moments, readings, saturation
from glassworks.models.sequence.gru import GRU
from glassworks.models.sequence.lstm import LSTM
from glassworks.models.sequence.rnn import RNN
from tests.models import ladder

KINDS = pytest.mark.parametrize("kind", [RNN, LSTM, GRU], ids=lambda kind: kind.__name__)


def steps(batch=2, time=6):
    return torch.randn(batch, time, 3, generator=torch.Generator().manual_seed(1))


@KINDS
def test_readings_are_what_the_layer_computes(kind):
    """The states of the last layer are its outputs, in the order of time, in both directions."""
    layer = ladder.seeded(lambda: kind(3, 5, 2, True)).eval()
    lengths = torch.tensor([6, 4])
    found = readings(layer, steps(), lengths)
    assert [(one.layer, one.backwards) for one in found] == [(0, False), (0, True), (1, False), (1, True)]
    outputs, _ = layer(steps(), lengths)
    together = torch.cat([one.states[0] for one in found[2:]], -1)
    for row, length in enumerate(lengths):
        torch.testing.assert_close(together[row, :length], outputs[row, :length], rtol=0, atol=1e-6)
    for one in found:
        assert tuple(one.gates) == kind.cell.GATES
        for name, values in one.gates.items():
            low = -1 if name == "candidate" else 0
            assert values.shape == (2, 6, 5) and values.min() >= low and values.max() <= 1


def test_saturation_counts_shut_and_open_gates():
    layer = LSTM(3, 4)
    with torch.no_grad():
        for part in layer.parameters():
            part.zero_()
        layer.cells[0].from_input.bias[4:8] = 10.0  # the forget gates
        layer.cells[0].from_input.bias[12:14] = -10.0  # two of the output gates
    found = saturation(readings(layer, steps(1))[0], 6)
    assert found["forget"] == (0.0, 1.0) and found["input"] == (0.0, 0.0)
    assert found["output"] == (0.5, 0.0) and found["candidate"] == (0.0, 0.0)


@KINDS
def test_gradient_by_lag_is_the_norm_of_the_jacobian(kind):
    """Against the Jacobian of torch.autograd.functional, for a state narrower than the probes."""
    layer = ladder.seeded(lambda: kind(3, 5, 1, dropout=0.0)).double()
    one = steps(1).double()
    jacobian = torch.autograd.functional.jacobian(lambda given: layer(given)[0][0, -1], one)  # (5, 1, 6, 3)
    expected = jacobian.square().sum((0, 1, 3)).sqrt().flip(0)
    np.testing.assert_allclose(gradient_by_lag(layer, one), expected.numpy(), rtol=1e-9)


def test_gradient_by_lag_of_a_wide_state_is_estimated_near_the_truth():
    layer = ladder.seeded(lambda: RNN(3, 40)).double()
    one = steps(1, 4).double()
    jacobian = torch.autograd.functional.jacobian(lambda given: layer(given)[0][0, -1], one)
    expected = jacobian.square().sum((0, 1, 3)).sqrt().flip(0).numpy()
    np.testing.assert_allclose(gradient_by_lag(layer, one, seed=3), expected, rtol=0.35)


def test_gradient_by_lag_shrinks_and_grows_with_the_state_matrix():
    """E5: what is forgotten depends on the weights; a larger matrix does not vanish."""
    layer = RNN(1, 4).double()
    cell = layer.cells[0]
    quiet = torch.zeros(1, 51, 1, dtype=torch.float64)
    for size in (0.5, 1.5):
        with torch.no_grad():
            for part in (cell.from_input.bias, cell.from_state.bias):
                part.zero_()
            cell.from_input.weight.fill_(1.0)
            cell.from_state.weight.copy_(size * torch.eye(4))
        norms = gradient_by_lag(layer, quiet)
        assert norms[50] / norms[0] == pytest.approx(size**50, rel=1e-9)


def test_moments_finds_the_stretch_that_decides():
    """An answer that reads steps 30 to 34 only: the heat is there, and hiding it lets the answer fall."""
    series = np.random.default_rng(0).normal(size=(60, 1)).astype(np.float32)
    series[30:35] = 3.0
    found = moments(lambda rows: rows[:, 30:35, 0].mean(1) / 3, series)
    hot = np.flatnonzero(found.heat > 0)
    assert hot.min() == 30 and hot.max() <= 35
    assert found.fell == pytest.approx(1.0) and found.elsewhere < 0.01
    assert "1.00" in found.words and "0.00" in found.words


def test_moments_of_a_single_step():
    found = moments(lambda rows: rows[:, 0, 0], np.ones((1, 1), np.float32))
    assert found.heat.tolist() == [1.0] and found.fell == 1.0
