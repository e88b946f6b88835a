"""Padding and masks: batches of unequal sequences, an answer that padding moves or not, and a rule."""

import pytest
import torch

from glassworks.labs import padding_and_masks as lab
from glassworks.labs.small_recurrent import Batch, digit_rows, reader_of


def test_rows_are_shown_once_to_four_times_and_the_rest_is_nothing():
    _, test = digit_rows(0)
    batch = lab.batch_of(test, 3, lengths=True, more=5)
    assert sorted(batch.lengths.unique().tolist()) == [8, 16, 24, 32] and batch.steps.shape[1:] == (37, 8)
    for row in range(20):
        length = int(batch.lengths[row])
        shown = batch.steps[row, :length].view(8, length // 8, 8)
        assert torch.equal(shown, test.steps[row][:, None].expand_as(shown))
        assert not batch.steps[row, length:].any()
    untold = lab.batch_of(test, 3, lengths=False, more=5)
    assert untold.lengths is None and torch.equal(untold.steps, batch.steps)


def test_both_readers_see_the_same_batches():
    training, _ = digit_rows(0)
    told, untold = (lab.in_order(training, 1, lengths=known) for known in (True, False))
    for _ in range(3):
        one, other = next(told), next(untold)
        assert torch.equal(one.steps, other.steps) and torch.equal(one.targets, other.targets)


def test_padding_moves_an_untrained_reader_s_answer_only_where_nobody_says_the_length():
    _, test = digit_rows(0)
    some = Batch(test.steps[:40], None, test.targets[:40])
    model = reader_of("LSTM", 8, lab.WIDTH, 10, 0, bidirectional=True)
    assert lab.change(model, some, 0, lengths=True) < 1e-6 < 1e-3 < lab.change(model, some, 0, lengths=False)


def numbers_of(told, untold, change):
    found = {}
    for how in ("as in training", "more"):
        found[f"accuracy: with lengths, {how}"] = [told + 0.2, told, told - 0.2]
        found[f"accuracy: without lengths, {how}"] = [untold - 0.2, untold, untold + 0.2]
    return found | {"change: with lengths": [0.0, change, 0.0], "change: without lengths": [0.5] * 3}


@pytest.mark.parametrize(
    ("told", "untold", "change", "outcome"),
    [(94.0, 90.0, 1e-7, "holds"), (90.0, 94.0, 1e-7, "does not hold"), (94.0, 90.0, 1e-3, "does not hold"),
     (94.0, 94.1, 1e-7, "not shown")],
)  # fmt: skip
def test_the_rule_can_say_each_of_the_three(told, untold, change, outcome):
    assert lab.judge(numbers_of(told, untold, change)).outcome == outcome
