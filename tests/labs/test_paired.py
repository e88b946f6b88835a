"""Student's intervals: equal to SciPy's, right as often as they say, and widened for many comparisons."""

import numpy as np
import pytest
from scipy import stats

from glassworks.labs.paired import difference, mean_interval, t_quantile


@pytest.mark.parametrize("degrees", [1, 2, 4, 9, 30, 200])
@pytest.mark.parametrize("share", [0.975, 0.995, 0.9977])
def test_the_quantile_equals_scipys(share, degrees):
    assert t_quantile(share, degrees) == pytest.approx(stats.t.ppf(share, degrees), rel=1e-4)


def test_the_interval_equals_scipys():
    values = [1.0, 4.0, 2.0, 8.0, 5.5]
    ends = stats.t.interval(0.95, 4, np.mean(values), stats.sem(values))
    found = mean_interval(values)
    assert (found.low, found.high) == pytest.approx(ends, rel=1e-4)


def test_the_interval_holds_the_true_mean_in_95_of_100_cases():
    draws = np.random.default_rng(0).normal(3.0, 2.0, (400, 5))
    found = [mean_interval(row) for row in draws]
    assert 0.92 <= np.mean([one.low <= 3.0 <= one.high for one in found]) <= 0.98


def test_what_the_seeds_share_cancels_in_a_difference():
    shared = np.array([0.0, 50.0, -30.0, 10.0, 80.0])
    found = difference(np.add(shared, [1.0, 1.1, 0.9, 1.0, 1.0]), shared)
    assert found.low > 0.9 and found.high < 1.1 and found.n == 5
    with pytest.raises(ValueError, match="as many"):
        difference([1.0], [1.0, 2.0])


def test_many_comparisons_widen_and_one_repetition_has_no_interval():
    one, many = mean_interval([1.0, 2.0, 3.0]), mean_interval([1.0, 2.0, 3.0], comparisons=10)
    assert many.low < one.low < one.high < many.high and one.value == 2.0
    assert (mean_interval([1.0]).low, mean_interval([1.0]).high) == (None, None)
