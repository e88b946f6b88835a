"""Guesses of hidden patches are judged against the best fill, with intervals over pictures or groups."""

import numpy as np
import pytest

from glassworks.core.errors import PersonError
from glassworks.judging.masked import FIGURE, judge_guesses

NAMES = [f"{n}.png" for n in range(200)]


def errors(mean, seed=0, count=200):
    return np.random.default_rng(seed).normal(mean, 0.1, count)


def test_a_better_model_is_called_better_than_the_best_fill_with_an_interval():
    fills = {"flat": errors(0.9, 1), "near": errors(1.1, 2)}
    found = judge_guesses(NAMES, errors(0.45), fills)
    interval, against = found.metrics[FIGURE], found.against
    assert interval.low < float(errors(0.45).mean()) < interval.high and interval.high - interval.low < 0.04
    assert against.name == "flat" and against.difference[FIGURE].excludes_zero
    assert "49% of its error less" in found.verdict and found.kind == "none" and found.n == 200
    assert found.worst[0].row == int(errors(0.45).argmax())
    assert found.as_json()["metrics"][FIGURE]["n"] == 200


def test_no_difference_is_not_called_one_and_worse_is_called_worse():
    assert "not shown" in judge_guesses(NAMES, errors(0.9, 5), {"flat": errors(0.9, 1)}).verdict
    assert "more than the best fill" in judge_guesses(NAMES, errors(1.2), {"flat": errors(0.9, 1)}).verdict


def test_groups_are_resampled_whole_and_one_alone_has_no_interval():
    own = np.repeat(errors(0.5, 3, 20), 10)  # ten equal pictures of each of twenty films
    films = [str(row // 10) for row in range(200)]
    alone, together = (judge_guesses(NAMES, own, {"flat": own + 1}, groups=g) for g in (None, films))
    width = [j.metrics[FIGURE].high - j.metrics[FIGURE].low for j in (alone, together)]
    assert width[1] > 2 * width[0] and together.units == 20 and "only 20" in together.verdict
    one = judge_guesses(["a"], np.array([0.5]), {"flat": np.array([0.9])})
    assert one.metrics[FIGURE].low is None


def test_nothing_to_judge_is_told():
    for bad in (np.empty(0), np.array([np.nan])):
        with pytest.raises(PersonError, match="finite error"):
            judge_guesses(["a"][: len(bad)], bad, {"flat": bad})
