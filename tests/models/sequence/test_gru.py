"""GRU climbs the ladder: shapes, parity with torch.nn.GRU, laws, losses, learning, export, weights."""

import numpy as np
import pytest
import torch

from glassworks.models.sequence.gru import VARIANTS, GRUConfig, build
from tests.models.sequence import readers

# To change these on purpose: run `python -m tests.models.sequence.test_gru`, paste what it prints, and say
# in the commit why the losses moved.
FIRST_LOSSES = [
    1.102487,
    1.098639,
    1.081135,
    1.164787,
    1.069702,
    1.141452,
    1.070273,
    1.140002,
    1.100261,
    1.084637,
]


def make(**changes):
    return build(GRUConfig(**changes))


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
    readers.parity("gru", make, dtype)


def test_same_losses():
    """The first ten losses, to 1e-3: a change here is a change of the mathematics."""
    np.testing.assert_allclose(readers.first_losses(make), FIRST_LOSSES, rtol=1e-3)


def test_learns_an_order(tmp_path):
    """Two bumps whose order is the class; chance is one half."""
    run = readers.learns("gru", tmp_path)
    assert run.card["metrics"]["accuracy"]["low"] > 0.6


@pytest.mark.long
def test_tiny_recipe_reaches_its_floor(tmp_path):
    run = readers.learns("gru", tmp_path, epochs=40)
    assert run.evaluate().judgement.metrics["accuracy"].value >= 0.9


def test_exports(tmp_path):
    readers.exports(make, tmp_path, pooling="last", bidirectional=False)


def test_foreign_weights_load_and_go_back(tmp_path):
    readers.foreign_weights("gru", make, tmp_path)


@readers.REFUSED
def test_impossible_configs_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        GRUConfig(**wrong)


def test_series_with_other_channels_are_refused():
    with pytest.raises(ValueError, match=r"shape \(batch, time, 3\), got \(4, 12, 2\)"):
        make(channels=3)(readers.series(channels=2))


if __name__ == "__main__":
    print("FIRST_LOSSES = [" + ", ".join(f"{loss:.6f}" for loss in readers.first_losses(make)) + "]")
