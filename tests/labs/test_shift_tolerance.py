"""Shift tolerance: pictures that only move, halvings that do what they say, and a rule that can say no."""

import pytest
import torch
import torch.nn.functional as F

from glassworks.labs import shift_tolerance as lab
from glassworks.labs.digits import digits


def test_a_move_takes_no_ink_away_and_no_further_move_is_allowed():
    test = lab.canvas().pictures[:50]
    rim = (lab.CANVAS - lab.LARGE) // 2
    assert test.shape[1:] == (1, 32, 32) and rim >= lab.FURTHEST + 4
    for down, right in lab.DIRECTIONS:
        far = lab.moved(test, down * lab.FURTHEST, right * lab.FURTHEST)
        torch.testing.assert_close(far.sum((1, 2, 3)), test.sum((1, 2, 3)))
        assert torch.equal(lab.moved(far, -down * lab.FURTHEST, -right * lab.FURTHEST), test)
    assert lab.moved(test, 0, 1)[0, 0, 12, 13] == test[0, 0, 12, 12]
    with pytest.raises(ValueError, match="so that no ink leaves"):
        lab.moved(test, 0, rim + 1)


def test_parts_are_disjoint_scaled_by_the_first_and_change_with_the_seed():
    training, test = lab.parts(3)
    assert len(test.targets) == lab.TEST and len(training.targets) + lab.TEST == len(digits().targets)
    assert abs(float(training.pictures.mean())) < 1e-4 and float(training.pictures.std()) == pytest.approx(
        1, abs=1e-3
    )
    assert abs(float(test.pictures.mean())) > 1e-5
    rows = [
        {tuple(row) for row in part.pictures[:, 0, 8:24, 8:24].flatten(1).tolist()}
        for part in (training, test)
    ]
    assert not rows[0] & rows[1]
    assert not torch.equal(lab.parts(3)[1].targets, lab.parts(4)[1].targets)


@pytest.mark.parametrize("down", ["stride", "mean", "max", "blurred"])
def test_every_way_halves_twice_with_the_same_filters(down):
    model = lab.network(down).eval()
    before_head = model[:-2](torch.zeros(2, 1, 32, 32))
    assert before_head.shape == (2, 32, 8, 8)
    plain = lab.network("max")
    assert [p.shape for p in model.parameters()] == [p.shape for p in plain.parameters()]
    start = [lab.built(arm, 5) for arm in lab.ARMS if arm.head == "places"]
    assert all(
        torch.equal(a, b) for one in start[1:] for a, b in zip(start[0].parameters(), one.parameters())
    )


def test_the_blur_is_a_mean_and_blurred_pooling_is_the_papers():
    """Zhang 2019: the largest at every place, then 1 2 1 in both directions at every second place."""
    maps = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(lab.Blur(3)(torch.ones(2, 3, 8, 8)), torch.ones(2, 3, 4, 4))
    row = torch.tensor([0.25, 0.5, 0.25])
    dense = F.max_pool2d(F.pad(maps, (0, 1, 0, 1)), 2, stride=1)
    padded = F.pad(dense, (1, 1, 1, 1), mode="reflect")
    slow = F.conv2d(padded.reshape(6, 1, 10, 10), (row[:, None] * row)[None, None], stride=2).reshape(
        2, 3, 4, 4
    )
    torch.testing.assert_close(lab.halving("blurred", 3)(maps), slow)


def test_a_head_over_means_does_not_mind_a_move_by_all_strides():
    model = lab.network("max", "mean").eval()
    pictures = torch.zeros(4, 1, 32, 32)
    pictures[:, :, 9:19, 9:19] = torch.rand(4, 1, 10, 10, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        stay, four, one = (model(lab.moved(pictures, 0, right)) for right in (0, 4, 1))
    torch.testing.assert_close(four, stay, atol=1e-5, rtol=1e-5)
    assert float((one - stay).abs().max()) > 1e-3


def test_judged_counts_answers_that_stay_and_right_answers():
    test = lab.parts(0)[1]

    def stubborn(pictures):
        return F.one_hot(torch.full((len(pictures),), 3), 10).float()

    found = lab.judged(stubborn, test)
    assert set(found.kept) == {100.0} and len(found.kept) == lab.FURTHEST
    share = 100 * float((test.targets == 3).double().mean())
    assert found.accuracy == pytest.approx([share] * (lab.FURTHEST + 1))

    def where(pictures):  # says in which column the ink's weight lies
        ink = pictures - pictures.amin()
        middle = (ink.sum((1, 2)) * torch.arange(32.0)).sum(1) / ink.sum((1, 2, 3))
        return -(middle[:, None] - torch.arange(10.0, 20.0)).abs()

    assert lab.judged(where, test).kept[0] == pytest.approx(
        50, abs=3
    )  # left and right change, up and down not


def test_the_same_seed_gives_the_same_network_whatever_else_draws():
    lab.trained.cache_clear()
    first = lab.trained(lab.PLAIN, 0, 3)
    lab.trained.cache_clear()
    torch.rand(3)
    again, other = lab.trained(lab.PLAIN, 0, 3), lab.trained(lab.PLAIN, 1, 3)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters()))
    assert not all(torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters()))


@pytest.fixture
def numbers():
    kept = dict(zip(lab.ARMS, (43.0, 51.0, 54.0, 66.0, 80.0, 98.0, 95.0)))
    found = {}
    for arm, value in kept.items():
        for name in ("kept", *(f"kept {d}" for d in lab.DISTANCES), *(f"accuracy {d}" for d in range(5))):
            found[f"{name}: {arm.name}"] = [value, value + 0.5, value - 0.4, value + 0.1]
    return found


def test_the_rule_can_say_each_of_the_three(numbers):
    assert lab.judge(numbers).outcome == "holds"
    worse = numbers | {"kept: mean pooling": [30.0, 30.5, 29.6, 30.1]}
    immune = numbers | {"kept: max pooling, blurred": [100.0] * 4}
    unsure = numbers | {"kept: max pooling": [70.0, 20.0, 60.0, 30.0]}
    assert lab.judge(worse).outcome == lab.judge(immune).outcome == "does not hold"
    assert lab.judge(unsure).outcome == "not shown"
    assert "mean pooling 51.0 %, +8.0 (" in lab.judge(numbers).sentence
    assert "n = 4 seeds, 95 % for all six at once" in lab.judge(numbers).interval
