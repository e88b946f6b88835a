"""What a forecast is made of: sums that add up, and importances that find what was put in."""

import numpy as np
import torch

from glassworks.insight.forecast import components, gradient_by_lag, hidden_stretches, straight, worse_without


def test_components_add_up_and_are_what_was_put_in():
    steps = np.arange(120)
    trend, season = 0.5 * steps, np.tile([3.0, -1.0, -2.0, 0.0], 30)
    found = components(trend + season, 4)
    known = np.isfinite(found.trend)
    assert known.sum() == 116
    np.testing.assert_allclose(found.trend[known], trend[known], atol=1e-9)
    np.testing.assert_allclose(found.season, season, atol=1e-9)
    np.testing.assert_allclose(found.rest[known], 0.0, atol=1e-9)
    assert (components(trend, 0).season == 0).all()


def test_the_gradient_finds_the_lags_that_count():
    def ask(windows):
        return (3 * windows[:, -1, :1] - 2 * windows[:, -4, :1]).expand(-1, 5)[..., None]

    found = gradient_by_lag(ask, torch.randn(6, 10, 2))
    assert np.flatnonzero(found[:, 0]).tolist() == [0, 3] and (found[:, 1] == 0).all()
    np.testing.assert_allclose(found[[0, 3], 0], [3.0, 2.0], rtol=1e-6)


def test_stretches_cover_the_past_once_the_latest_first():
    stretches = hidden_stretches(20)
    assert stretches[0][1] == 20 and stretches[-1][0] == 0
    assert sorted(step for a, b in stretches for step in range(a, b)) == list(range(20))
    assert len(hidden_stretches(3)) == 3


def test_a_straight_line_joins_what_stands_beside_it():
    line = straight(torch.tensor([[[0.0], [9.0], [9.0], [3.0]]]), 1, 3)
    torch.testing.assert_close(line[0, :, 0], torch.tensor([0.0, 1.0, 2.0, 3.0]))
    assert straight(torch.tensor([[[5.0], [9.0]]]), 1, 2)[0, 1, 0] == 5.0


def test_hiding_what_counts_makes_it_worse_and_hiding_the_rest_does_not():
    windows = torch.randn(50, 16, 3, generator=torch.Generator().manual_seed(0))
    truth = windows[:, -1:, 1:2]
    whole, stretches, channels = worse_without(lambda w: w[:, -1:, 1:2], windows, truth)
    assert whole == 0.0 and stretches[0][2] > 0.5 and all(grown == 0.0 for *_, grown in stretches[1:])
    assert channels[1] > 0.5 and channels[0] == channels[2] == 0.0
