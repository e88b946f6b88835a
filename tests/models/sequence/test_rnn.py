"""RNN climbs the ladder: shapes, parity with torch.nn.RNN, laws, losses, learning, export, weights."""

import numpy as np
import pytest
import torch

from glassworks.insight.recurrent import gradient_by_lag
from glassworks.models.sequence.rnn import VARIANTS, RNNConfig, build
from tests.models import ladder
from tests.models.sequence import readers

# To change these on purpose: run `python -m tests.models.sequence.test_rnn`, paste what it prints, and say
# in the commit why the losses moved.
FIRST_LOSSES = [
    1.123581,
    1.122945,
    1.109409,
    1.207107,
    1.069236,
    1.157238,
    1.065242,
    1.130209,
    1.121501,
    1.057710,
]


def make(**changes):
    return build(RNNConfig(**changes))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_shape_and_gradient(variant, pooling):
    readers.shape_and_gradient(make, pooling=pooling, **VARIANTS[variant])


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_deterministic_in_evaluation_whatever_the_batch(pooling):
    readers.deterministic(make, pooling)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_parity(dtype):
    """The same weights in torch's parts with packed sequences give the same scores, fused and written out."""
    readers.parity("rnn", make, dtype)


def test_law_an_orthogonal_start_keeps_the_gradient():
    """E3: tanh bounds the state, not the gradient; an orthogonal matrix neither shrinks nor blows it up."""
    found = {}
    for start in ("uniform", "orthogonal"):
        model = ladder.seeded(lambda start=start: make(width=32, start=start, bidirectional=False)).double()
        quiet = torch.zeros(1, 50, 1, dtype=torch.float64)
        with torch.no_grad():
            for part in model.layer.cells[0].parameters():
                if part.ndim == 1:
                    part.zero_()
        found[start] = gradient_by_lag(model.layer, quiet, seed=1)
    assert found["orthogonal"][-1] == pytest.approx(found["orthogonal"][0], rel=0.5)
    assert found["uniform"][-1] < 1e-8 * found["uniform"][0]


def test_same_losses():
    """The first ten losses, to 1e-3: a change here is a change of the mathematics."""
    np.testing.assert_allclose(readers.first_losses(make), FIRST_LOSSES, rtol=1e-3)


def test_learns_an_order(tmp_path):
    """Two bumps whose order is the class; chance is one half."""
    run = readers.learns("rnn", tmp_path)
    assert run.card["metrics"]["accuracy"]["low"] > 0.6


@pytest.mark.long
def test_tiny_recipe_reaches_its_floor(tmp_path):
    run = readers.learns("rnn", tmp_path, epochs=40)
    assert run.evaluate().judgement.metrics["accuracy"].value >= 0.9


def test_exports(tmp_path):
    readers.exports(make, tmp_path, pooling="max")


def test_foreign_weights_load_and_go_back(tmp_path):
    readers.foreign_weights("rnn", make, tmp_path)


@readers.REFUSED
def test_impossible_configs_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        RNNConfig(**wrong)


def test_another_start_is_refused():
    with pytest.raises(ValueError, match="start is"):
        RNNConfig(start="zeros")


def test_series_with_other_channels_are_refused():
    with pytest.raises(ValueError, match=r"shape \(batch, time, 3\), got \(4, 12, 2\)"):
        make(channels=3)(readers.series(channels=2))


if __name__ == "__main__":
    print("FIRST_LOSSES = [" + ", ".join(f"{loss:.6f}" for loss in readers.first_losses(make)) + "]")
