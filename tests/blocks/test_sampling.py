"""Choosing a token: what may be drawn, how often, and that one number decides."""

import numpy as np
import pytest
import torch

from glassworks.blocks.sampling import Sampling, chances, drawn

LOGITS = torch.log(torch.tensor([[0.5, 0.25, 0.15, 0.1]], dtype=torch.float64))


def test_temperature_sharpens_and_flattens():
    plain = chances(LOGITS, Sampling())
    torch.testing.assert_close(plain, LOGITS.exp())
    torch.testing.assert_close(
        chances(LOGITS, Sampling(temperature=0.5)), LOGITS.exp() ** 2 / (LOGITS.exp() ** 2).sum()
    )
    assert float(chances(LOGITS, Sampling(temperature=100.0)).std()) < 0.01
    assert chances(LOGITS, Sampling(temperature=0)).tolist() == [[1, 0, 0, 0]]
    assert chances(LOGITS.float(), Sampling(temperature=1e-30)).tolist() == [[1, 0, 0, 0]]


def test_top_k_and_top_p_cut_the_tail_and_share_out_the_rest():
    assert chances(LOGITS, Sampling(top_k=2))[0].tolist() == pytest.approx([2 / 3, 1 / 3, 0, 0])
    assert chances(LOGITS, Sampling(top_p=0.75))[0].tolist() == pytest.approx([2 / 3, 1 / 3, 0, 0])
    assert chances(LOGITS, Sampling(top_p=0.76))[0].tolist() == pytest.approx([5 / 9, 2.5 / 9, 1.5 / 9, 0])
    assert chances(LOGITS, Sampling(top_p=0.01))[0].tolist() == [1, 0, 0, 0]  # the likeliest always stays
    assert chances(LOGITS, Sampling(top_k=99))[0].tolist() == pytest.approx([0.5, 0.25, 0.15, 0.1])


def test_a_token_is_drawn_as_often_as_its_chance():
    numbers = torch.from_numpy(np.linspace(0, 1, 10_000, endpoint=False))
    found = drawn(LOGITS.expand(10_000, -1), Sampling(), numbers)
    assert torch.bincount(found).tolist() == pytest.approx([5000, 2500, 1500, 1000], abs=1)
    assert drawn(LOGITS, Sampling(), torch.tensor([1 - 1e-9])).tolist() == [3]
    assert drawn(LOGITS, Sampling(top_k=2), torch.tensor([1 - 1e-9])).tolist() == [1]
    assert drawn(LOGITS, Sampling(temperature=0), torch.tensor([0.99])).tolist() == [0]


def test_a_token_without_a_chance_is_never_drawn():
    logits = LOGITS.clone()
    logits[0, 0] = -torch.inf
    found = drawn(logits.expand(100, -1), Sampling(), torch.arange(100) / 100)
    assert found.min() == 1


@pytest.mark.parametrize(
    "wrong",
    [{"temperature": -1.0}, {"temperature": float("nan")}, {"top_k": -1}, {"top_p": 0.0}, {"top_p": 1.1}],
)
def test_impossible_ways_to_choose_are_refused(wrong):
    with pytest.raises(ValueError, match=r"is 0 or more|above 0"):
        Sampling(**wrong)
