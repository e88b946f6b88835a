"""GRU against LSTM: exact sizes, equal order of pictures, times in turns, and a rule with three answers."""

import pytest
import torch

from glassworks.labs import gru_against_lstm as lab
from glassworks.labs.digits import deal
from glassworks.labs.small_recurrent import reader_of


def test_a_gru_has_exactly_three_quarters_of_the_numbers():
    assert (lab.numbers_of("GRU", 128, 256), lab.numbers_of("LSTM", 128, 256)) == (296_448, 395_264)
    assert lab.numbers_of("GRU") / lab.numbers_of("LSTM") == 0.75


def test_a_picture_comes_two_squares_at_a_time_in_reading_order():
    training, test = lab.squares(0)
    assert training.steps.shape[1:] == (32, 2) and test.steps.shape[1:] == (32, 2)
    first, _, _ = deal(0)
    pixels = training.steps[0].flatten()
    assert torch.equal(pixels.argsort(stable=True), first.pictures[0].flatten().argsort(stable=True))
    assert float(training.steps.mean()) == pytest.approx(0, abs=1e-4)


def test_both_kinds_see_the_same_pictures_in_the_same_order():
    training, _ = lab.squares(0)
    one, other = (lab.in_order(training, 3) for _ in range(2))
    assert all(torch.equal(next(one).steps, next(other).steps) for _ in range(5))


def test_the_written_out_loop_and_the_kernel_give_the_same_answer_and_are_both_timed():
    training, _ = lab.squares(0)
    for kind in lab.KINDS:
        model = reader_of(kind, lab.STEP, lab.WIDTH, 10, 0).eval()
        fused = model(training.steps[:4]).detach()
        model.layer.fused = False
        torch.testing.assert_close(model(training.steps[:4]).detach(), fused, rtol=1e-4, atol=1e-5)
    times = lab.times_of(0, fused=False, count=1)
    assert set(times) == set(lab.KINDS) and min(times.values()) > 0


def numbers_of(gru, time):
    found = {"accuracy: LSTM": [90.0, 90.2, 90.4], "accuracy: GRU": [gru + 0.1, gru, gru - 0.1]}
    found |= {f"milliseconds: LSTM, {way}": [10.0] * 3 for way in lab.WAYS}
    found |= {f"milliseconds: GRU, {way}": [10 * time, 10.1 * time, 9.9 * time] for way in lab.WAYS}
    return found | {"size: LSTM": [4.0], "size: GRU": [3.0]}


@pytest.mark.parametrize(
    ("gru", "time", "outcome"),
    [(90.0, 0.75, "holds"), (80.0, 0.75, "does not hold"), (90.0, 2.0, "does not hold"),
     (88.2, 0.75, "not shown"), (90.0, 1.0, "not shown")],
)  # fmt: skip
def test_the_rule_can_say_each_of_the_three(gru, time, outcome):
    verdict = lab.judge(numbers_of(gru, time))
    assert verdict.outcome == outcome and "With 0.75 of its numbers" in verdict.sentence
