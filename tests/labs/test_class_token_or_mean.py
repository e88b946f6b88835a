"""Class token or mean: a fair start, a rate that validation chooses, and a rule that can say no."""

import pytest

from glassworks.labs import class_token_or_mean as lab


def test_the_rate_is_chosen_on_the_validation_part_and_never_on_the_test_part():
    runs = {
        1e-3: lab.Trained(0.90, 0.99), 3e-3: lab.Trained(0.93, 0.80), 1e-2: lab.Trained(0.93, 0.99),
    }  # fmt: skip
    assert lab.best_rate(runs) == 3e-3


def test_both_ways_learn_and_the_same_seed_repeats_itself():
    first = lab.train_with("class", 3e-3, 0, steps=8)
    assert first == lab.train_with("class", 3e-3, 0, steps=8)
    for pooling in lab.WAYS:
        assert lab.train_with(pooling, 3e-3, 0, steps=60).test > 0.3  # chance is 0.1


@pytest.fixture
def numbers():
    base = [95.0, 94.0, 96.0, 95.5, 94.5]
    found = {}
    for pooling in lab.WAYS:
        found[f"{pooling}: chosen rate"] = [1e-2] * 5
        found[f"{pooling}: test"] = list(base)
        for rate in lab.RATES:
            found[f"{pooling}: test at {rate:g}"] = list(base)
    found["mean: test"] = [one + 0.1 * place for place, one in enumerate(base)]
    return found


def test_the_rule_can_say_each_of_the_three(numbers):
    assert lab.judge(numbers).outcome == "holds"
    base = numbers["class: test"]
    far = [one - 8 + 0.1 * place for place, one in enumerate(base)]
    assert lab.judge(numbers | {"mean: test": far}).outcome == "does not hold"
    better = [one + 8 + 0.1 * place for place, one in enumerate(base)]
    assert lab.judge(numbers | {"mean: test": better}).outcome == "does not hold"  # "as well as", both ways
    unsure = [one + change for one, change in zip(base, (5.0, -5.0, 4.0, -4.0, 3.0))]
    assert lab.judge(numbers | {"mean: test": unsure}).outcome == "not shown"


def test_the_same_rate_is_told_beside_it(numbers):
    numbers |= {"mean: test at 0.001": [one - 3 for one in numbers["class: test at 0.001"]]}
    sentence = lab.judge(numbers).sentence
    assert "-3.0 (-3.0 to -3.0) at 0.001" in sentence and "+0.0 (+0.0 to +0.0) at 0.01" in sentence


def test_the_table_has_each_rate_and_each_its_own(quick):
    rows = quick("class-token-or-mean").tables[0].rows
    assert [row[0] for row in rows] == ["0.001", "0.003", "0.01", "each its own"]
