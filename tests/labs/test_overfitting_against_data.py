"""Overfitting against data: disjoint parts, nested examples, an honest rule, and runs under a second."""

import pytest
import torch

from glassworks.labs import overfitting_against_data as lab


def test_ten_digits_are_learned_by_heart_and_a_thousand_are_understood():
    few, many = lab.train_on(10, "large", 0), lab.train_on(1000, "large", 0)
    assert few.training[-1].accuracy == 1.0 and few.gap > 30
    assert many.test[-1].accuracy > 0.95 and many.gap < 6
    assert many.steps[-1] == few.steps[-1] == lab.STEPS and len(many.watched) == len(many.steps)


def test_the_same_seed_gives_the_same_run_whatever_else_draws():
    first = lab.train_on(50, "small", 2, steps=50)
    torch.rand(3)
    assert first == lab.train_on(50, "small", 2, steps=50) != lab.train_on(50, "small", 3, steps=50)


def test_fewer_examples_are_a_part_of_more_and_no_part_shares_a_picture():
    def rows(part, scale):  # undo the scaling: pictures are whole numbers of sixteenths
        mean, std = scale
        return {tuple(row) for row in ((part.pictures * std + mean) * 16).round().int().tolist()}

    everything = lab.digits().pictures.flatten(1)
    found = {}
    for count in (20, 100):
        order = torch.from_numpy(lab.permutation(len(everything), 0, "overfitting"))
        chosen = everything[order[lab.TEST + lab.WATCHED :][:count]]
        scale = chosen.mean(), chosen.std()
        found[count] = [rows(part, scale) for part in lab._parts(count, 0)]
    assert found[20][0] < found[100][0] and found[20][2] == found[100][2]
    learn, watched, test = found[100]
    assert (len(learn), len(watched), len(test)) == (100, 297, 500)
    assert not learn & watched and not learn & test and not watched & test


def test_what_is_held_back_is_not_learned_from_and_chooses_the_stop():
    run = lab.train_on(100, "small", 0, held=0.2)
    assert len(run.held) == len(run.steps)
    assert run.held[run.stop].loss == min(look.loss for look in run.held)
    half = lab.train_on(40, "large", 0, held=0.5)
    assert half.training[-1].accuracy == 1.0 > 0.95 > half.held[-1].accuracy
    assert lab.train_on(100, "small", 0).stop == len(run.steps) - 1


@pytest.mark.parametrize("count", [9, 1001])
def test_too_few_or_too_many_examples_are_told(count):
    with pytest.raises(ValueError, match="10 to 1,000"):
        lab.train_on(count)


@pytest.fixture
def numbers():
    falling = [-20.0, -21.0, -19.0, -20.5]
    beside = {name: [-2.0, -2.1, -1.9, -2.0] for name in lab.BESIDE}
    return {"slope: small": falling, "slope: large": falling} | beside


def test_the_rule_can_say_each_of_the_three(numbers):
    assert lab.judge(numbers).outcome == "holds"
    assert lab.judge(numbers | {"slope: large": [9.0, 10.0, 11.0, 9.0]}).outcome == "does not hold"
    assert lab.judge(numbers | {"slope: small": [-20.0, 15.0, -5.0, 10.0]}).outcome == "not shown"


def test_the_larger_model_is_told_as_it_was_measured(numbers):
    assert "-2.0 (-2.1 to -1.9) points: narrower" in lab.judge(numbers).sentence
    wider, unsure = numbers | {lab.LARGER: [2.0, 2.1, 1.9]}, numbers | {lab.LARGER: [2.0, -2.0, 0.1]}
    assert "points: wider" in lab.judge(wider).sentence
    assert "no difference is shown" in lab.judge(unsure).sentence


def test_the_slope_is_that_of_a_line_through_the_gaps():
    def run(gap):
        look = lab.Look(0.1, 1.0), lab.Look(0.5, 1.0 - gap / 100)
        return lab.Trained((10,), look[:1], look[1:], look[1:])

    runs = {
        (kind, count): [(run(gap), run(gap))]
        for kind in lab.WIDTHS
        for count, gap in ((10, 30.0), (100, 20.0), (1000, 10.0))
    }
    assert lab._numbers(runs)["slope: small"] == [pytest.approx(-10.0)]
