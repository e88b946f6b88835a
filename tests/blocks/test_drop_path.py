"""Drop path: whole samples are silenced, the mean stays, and nothing happens when answering."""

import pytest
import torch

from glassworks.blocks.drop_path import DropPath


def test_whole_samples_are_silenced_and_the_mean_stays():
    torch.manual_seed(0)
    dropped = DropPath(0.2)(torch.ones(20_000, 2, 3))
    by_sample = dropped.flatten(1)
    assert torch.equal(by_sample.min(1).values, by_sample.max(1).values)  # all of a sample, or nothing
    assert float((by_sample[:, 0] == 0).float().mean()) == pytest.approx(0.2, abs=0.01)
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.015)


def test_answering_drops_nothing_and_keeps_the_type():
    branch = torch.randn(4, 5, dtype=torch.bfloat16)
    assert DropPath(0.5).eval()(branch) is branch
    assert DropPath(0.0)(branch) is branch
    assert DropPath(0.5)(branch).dtype == torch.bfloat16


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match="share"):
        DropPath(share)
