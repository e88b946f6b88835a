"""Dropout: the share, the expectation, and nothing at all when answering."""

import pytest
import torch

from glassworks.blocks.dropout import Dropout


def test_the_share_is_silenced_and_the_mean_stays():
    torch.manual_seed(0)
    numbers = torch.ones(400, 500)
    dropped = Dropout(0.3)(numbers)
    assert float((dropped == 0).float().mean()) == pytest.approx(0.3, abs=0.005)
    assert dropped.unique().tolist() == pytest.approx([0.0, 1 / 0.7])
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.01)


def test_the_gradient_passes_where_the_number_passed():
    torch.manual_seed(0)
    numbers = torch.randn(50, requires_grad=True)
    dropped = Dropout(0.5)(numbers)
    dropped.sum().backward()
    assert torch.equal(numbers.grad != 0, dropped != 0)


def test_answering_drops_nothing_and_keeps_the_type():
    numbers = torch.randn(4, 5, dtype=torch.bfloat16)
    assert Dropout(0.5).eval()(numbers) is numbers
    assert Dropout(0.0)(numbers) is numbers
    assert Dropout(0.5)(numbers).dtype == torch.bfloat16


@pytest.mark.parametrize("share", [-0.1, 1.0, 2.0])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match="share"):
        Dropout(share)
