"""The copy task: its sequences, runs that repeat, and a rule that can say each of the three."""

import pytest
import torch

from glassworks.labs import copy_task as lab


def test_a_sequence_shows_its_symbol_once_then_nothing_then_the_question():
    batch = next(lab.sequences(7, 0, size=200))
    assert batch.steps.shape == (200, 9, 10) and batch.lengths is None
    assert torch.equal(batch.steps.sum(2), torch.ones(200, 9))
    tokens = batch.steps.argmax(2)
    assert torch.equal(tokens[:, 0], batch.targets) and batch.targets.unique().tolist() == list(range(8))
    assert (tokens[:, 1:-1] == lab.BLANK).all() and (tokens[:, -1] == lab.MARK).all()


def test_batches_are_fresh_and_the_same_for_the_same_seed():
    first, second = (next(lab.sequences(3, seed)).targets for seed in (1, 1))
    stream = lab.sequences(3, 1)
    assert torch.equal(first, second) and torch.equal(next(stream).targets, first)
    assert not torch.equal(next(stream).targets, first)
    assert not torch.equal(next(lab.sequences(3, 2)).targets, first)


def test_a_short_gap_is_learned_and_the_shared_dice_are_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    assert lab.train_with("RNN, a rotation", 2, 0, steps=120) > 90
    assert torch.equal(torch.rand(3), expected)
    assert lab.train_with("GRU", 2, 0, steps=3) == lab.train_with("GRU", 2, 0, steps=3) < 60


def numbers_of(short, plain, opened):
    found = {"gaps": [5.0, 20.0, 60.0]}
    for gap in (5, 20, 60):
        found |= {f"accuracy: {way}, gap {gap}": [90.0] * 3 for way in lab.WAYS}
    found["accuracy: RNN, gap 5"] = [short - 1, short, short + 1]
    found["accuracy: RNN, gap 60"] = [plain - 1, plain, plain + 1]
    found["accuracy: LSTM, gate open, gap 60"] = [opened + 1, opened, opened - 1]
    return found


@pytest.mark.parametrize(
    ("short", "plain", "opened", "outcome"),
    [(99.0, 13.0, 95.0, "holds"), (99.0, 60.0, 20.0, "does not hold"), (20.0, 13.0, 95.0, "not shown"),
     (99.0, 13.0, 40.0, "not shown")],
)  # fmt: skip
def test_the_rule_can_say_each_of_the_three(short, plain, opened, outcome):
    assert lab.judge(numbers_of(short, plain, opened)).outcome == outcome
