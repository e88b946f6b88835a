"""Raw or scaled: where mean and spread come from, what a leak would know, and a rule."""

import numpy as np
import pytest

from glassworks.judging.forecasting import BASELINES
from glassworks.labs import raw_or_scaled as lab
from glassworks.labs.small_series import climbing, co2, cut, steady, windows_of


def test_windows_lie_whole_on_their_side_of_the_cut():
    values = np.arange(lab.LENGTH, dtype=float)
    training, test = cut(values, lab.TRAIN, lab.HISTORY, lab.HORIZON)
    assert training.following.max() == lab.TRAIN - 1 and test.following.min() == lab.TRAIN
    assert test.following.max() == lab.LENGTH - 1 and len(test.seen) == 61
    assert np.array_equal(windows_of(values[:5], 2, 1).following[:, 0], [2, 3, 4])


def test_only_two_ways_change_when_the_future_does():
    values = climbing(0, lab.LENGTH)
    other = values.copy()
    other[lab.TRAIN :] += 50
    for way in lab.WAYS:
        before, after = (
            lab.measures(way, one, cut(one, lab.TRAIN, lab.HISTORY, lab.HORIZON)[1])
            for one in (values, other)
        )
        same = all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
        assert same == (way not in (lab.WHOLE, lab.FUTURE)), way


def test_the_simple_forecasts_are_those_of_the_judging():
    values = steady(1, lab.LENGTH)
    for name in lab.SIMPLE:
        errors = [
            np.abs(
                values[at : at + lab.HORIZON] - BASELINES[name](values[:at, None], lab.HORIZON, 12)[:, 0]
            ).mean()
            for at in range(lab.TRAIN, lab.LENGTH - lab.HORIZON + 1)
        ]
        assert lab.simple(name, values) == pytest.approx(np.mean(errors) / lab.unit(values))


def test_an_untrained_forecaster_on_its_own_window_is_the_last_value():
    values = co2()
    assert lab.error(lab.OWN, values, 0, steps=0) == pytest.approx(lab.simple("last value", values), rel=1e-4)


def numbers_of(raw, honest, whole):
    found = {f"{series}: {way}": [1.0, 1.0, 1.0] for series in lab.SERIES for way in (*lab.WAYS, *lab.SIMPLE)}
    for series in ("steady", "climbing"):
        found[f"{series}: {lab.RAW}"] = [raw, raw + 0.01, raw - 0.01]
        found[f"{series}: {lab.HONEST}"] = [honest, honest - 0.01, honest + 0.01]
        found[f"{series}: {lab.WHOLE}"] = [whole, whole + 0.01, whole - 0.01]
    return found


@pytest.mark.parametrize(
    ("raw", "honest", "whole", "outcome"),
    [(60, 2, 1, "holds"), (2, 60, 1, "does not hold"), (60, 2, 3, "does not hold"), (60, 2, 2, "not shown")],
)
def test_the_rule_can_say_each_of_the_three(raw, honest, whole, outcome):
    assert lab.judge(numbers_of(raw, honest, whole)).outcome == outcome
