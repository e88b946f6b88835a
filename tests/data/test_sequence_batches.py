"""Batches of sequences: each row once an epoch, like lengths together, the same order after a resume."""

import numpy as np
import pytest
import torch

from glassworks.data.sequence_batches import SequenceBatches
from glassworks.training.loop import next_boundary


def some(count=103, batch=8, **options):
    drawn = np.random.default_rng(1)
    texts = [drawn.integers(1, 50, drawn.integers(1, 40)) for _ in range(count)]
    return texts, SequenceBatches(texts, np.arange(count), np.arange(count), batch=batch, **options)


def cut(count, batch):
    position = 0
    while position < count:
        end = next_boundary(position, count, batch)
        yield position, end
        position = end


@pytest.mark.parametrize(("count", "batch"), [(103, 8), (1, 8), (8, 8), (9, 8), (500, 3)])
def test_an_epoch_holds_every_row_once(count, batch):
    _, batches = some(count, batch)
    seen = np.concatenate([batches.training(2, *place).rows for place in cut(count, batch)])
    assert sorted(seen) == list(range(count))


def test_like_lengths_share_a_batch():
    texts, batches = some(800, 8)
    lengths = np.array([len(text) for text in texts])
    padded = sum(batches.training(0, *place).inputs.numel() for place in cut(800, 8))
    drawn = np.random.default_rng(0).permutation(800).reshape(-1, 8)
    assert padded < 1.1 * lengths.sum() < (lengths[drawn].max(axis=1) * 8).sum() / 1.3


def test_orders_differ_by_epoch_and_seed_alone():
    _, one = some(seed=5)
    _, again = some(seed=5)
    _, other = some(seed=6)
    assert np.array_equal(one.order(3), again.order(3))
    assert not np.array_equal(one.order(3), one.order(4))
    assert not np.array_equal(one.order(3), other.order(3))


def test_padding_and_lengths():
    texts, batches = some(padding=7)
    batch = batches.training(0, 0, 6)
    for row, length, tokens in zip(batch.rows, batch.lengths, batch.inputs, strict=True):
        assert tokens[:length].tolist() == texts[row].tolist() and (tokens[length:] == 7).all()
    part = batch.part(1, 3)
    assert len(part) == 2 and part.inputs.shape[1] == int(part.lengths.max())


def test_answers_come_back_in_the_order_of_the_rows():
    texts, batches = some()
    found = torch.cat([batch.inputs.float().sum(dim=1) for batch in batches.plain(10)])
    wanted = torch.tensor([float(text.sum()) for text in texts])
    assert torch.equal(batches.in_order(found), wanted)


def test_processes_share_a_batch():
    _, batches = some()
    whole = batches.training(0, 0, 9).rows
    halves = [batches.training(0, 0, 9, rank, 2).rows for rank in (0, 1)]
    assert sorted(np.concatenate(halves)) == sorted(whole)


def test_series_are_padded_with_nothing():
    series = [np.ones((length, 3), np.float32) for length in (2, 5)]
    batch = SequenceBatches(series, np.zeros(2), np.arange(2)).load(np.arange(2))
    assert batch.inputs.shape == (2, 5, 3) and batch.inputs[0, 2:].abs().sum() == 0
    assert batch.targets.dtype == torch.float32
