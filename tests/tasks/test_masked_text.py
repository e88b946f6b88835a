"""What is hidden of a text, how often, and that it can be asked again."""

import numpy as np
import pytest
import torch
from torch import nn

from glassworks.data.sequence_batches import SequenceBatch
from glassworks.tasks.masked_text import HIDDEN, REPLACED, SHARE, MaskedTexts, fixed_noise

WORDS = 1_000
TASK = MaskedTexts(mask=4, vocabulary=WORDS, untouched=(0, 1, 2, 3, 4))


def batch(rows=64, length=100):
    tokens = torch.randint(5, WORDS, (rows, length), generator=torch.Generator().manual_seed(1))
    tokens[:, 0], tokens[:, -1] = 2, 3
    return SequenceBatch(tokens, torch.full((rows,), length), torch.zeros(rows), np.arange(rows))


def asked(given, seed=3):
    noise = torch.rand(*given.inputs.shape, 3, generator=torch.Generator().manual_seed(seed))
    return TASK.ask(given.inputs, given.lengths, noise)


def test_shares_are_those_of_the_paper():
    given = batch(256)
    found = asked(given)
    ordinary = 256 * 98
    assert float(found.chosen.sum()) / ordinary == pytest.approx(SHARE, abs=0.01)
    seen = found.tokens[found.chosen]
    hidden, same = (seen == 4).float().mean(), (seen == found.answers).float().mean()
    assert float(hidden) == pytest.approx(HIDDEN, abs=0.02)
    assert float(same) == pytest.approx(1 - HIDDEN - REPLACED, abs=0.02)
    assert 1 - float(hidden) - float(same) == pytest.approx(REPLACED, abs=0.02)


def test_answers_are_what_stood_there_and_the_rest_is_untouched():
    given = batch()
    found = asked(given)
    assert torch.equal(found.answers, given.inputs[found.chosen])
    assert torch.equal(found.tokens[~found.chosen], given.inputs[~found.chosen])


def test_marks_and_what_fills_up_are_never_chosen_and_never_put_in_place():
    given = batch(32, 40)
    lengths = torch.arange(8, 40)
    tokens = given.inputs.clone()
    for row, length in enumerate(lengths):
        tokens[row, length - 1], tokens[row, length:] = 3, 9 if row % 2 else 0
    noise = torch.rand(32, 40, 3, generator=torch.Generator().manual_seed(3))
    found = TASK.ask(tokens, lengths, noise)
    assert not found.chosen[:, 0].any() and not (found.chosen & (tokens < 5)).any()
    beyond = torch.arange(40) >= lengths[:, None]
    assert not (found.chosen & beyond).any()
    put = found.tokens[found.chosen & (found.tokens != 4)]
    assert int(put.min()) >= 5


def test_every_text_is_asked_for_one_word_at_least():
    tokens = torch.tensor([[2, 9, 3], [2, 8, 3]])
    for seed in range(20):
        noise = torch.rand(2, 3, 3, generator=torch.Generator().manual_seed(seed))
        found = TASK.ask(tokens, torch.tensor([3, 3]), noise)
        assert found.chosen[:, 1].all() and int(found.chosen.sum()) == 2


def test_a_text_is_judged_alike_in_any_company_and_padding():
    rows = [np.arange(5, 25), np.arange(30, 60)]
    both, alone = fixed_noise(rows, 30), fixed_noise(rows[:1], 20)
    assert torch.equal(both[0, :20], alone[0])
    assert not torch.equal(both[0, :20], both[1, :20])
    assert not torch.equal(both, fixed_noise([row + 1 for row in rows], 30))


class Knows(nn.Module):
    """Says the right word everywhere, from the whole text that it was shown before."""

    def __init__(self, truth):
        super().__init__()
        self.truth = truth

    def forward(self, tokens, lengths, chosen):
        return 20.0 * nn.functional.one_hot(self.truth[chosen], WORDS)


def test_loss_counts_the_chosen_alone():
    given = batch()
    generator = torch.Generator().manual_seed(5)
    assert float(TASK.loss(Knows(given.inputs), given, generator).total) < 1e-4
    wrong = given.inputs.roll(1, 0)
    assert float(TASK.loss(Knows(wrong), given, torch.Generator().manual_seed(5)).total) > 15
