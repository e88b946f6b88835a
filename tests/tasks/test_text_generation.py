"""Windows of a stream, and surprise that is the same however the stream is read."""

import numpy as np
import pytest
import torch

from glassworks.models.sequence.text_lstm import TextLSTMConfig, build
from glassworks.tasks.text_generation import IGNORED, TextGeneration, Windows, surprise

STREAM = np.arange(100, dtype=np.int64)


def test_an_epoch_holds_every_token_once_and_each_target_is_the_token_after():
    windows = Windows(STREAM, 10, seed=4)
    batch = windows.training(0, 0, len(windows))
    assert sorted(batch.inputs.flatten().tolist()) == list(range(100))
    assert torch.equal((batch.inputs + 1) % 100, batch.targets)  # a ring: the last leads to the first
    other = windows.training(1, 0, len(windows))
    assert set(other.inputs[:, 0].tolist()) != set(batch.inputs[:, 0].tolist())  # cut at other places
    again = Windows(STREAM, 10, seed=4).training(0, 3, 7)
    assert torch.equal(again.inputs, batch.inputs[3:7])
    halves = [windows.training(0, 0, 8, rank, 2).rows for rank in (0, 1)]
    assert sorted(np.concatenate(halves)) == sorted(windows.training(0, 0, 8).rows)


def test_starts_of_texts_are_never_to_be_guessed():
    batch = Windows(np.array([2, 5, 6, 3, 2, 7, 8, 3]), 8, ignored=(2,)).load(np.array([0]))
    assert batch.targets.tolist() == [[5, 6, 3, IGNORED, 7, 8, 3, IGNORED]]


def test_the_loss_is_the_mean_over_what_is_to_be_guessed():
    model = build(TextLSTMConfig(vocabulary=9, embedding=4, width=4))
    batch = Windows(np.array([2, 5, 6, 3, 2, 7, 8, 3]), 4, ignored=(2,)).load(np.array([0, 1]))
    loss = TextGeneration().loss(model, batch).total
    chances = model(batch.inputs)[0].log_softmax(-1)
    wanted = [(0, 0, 5), (0, 1, 6), (0, 2, 3), (1, 0, 7), (1, 1, 8), (1, 2, 3)]
    expected = -torch.stack([chances[place] for place in wanted]).mean()
    torch.testing.assert_close(loss, expected)


def test_surprise_reads_all_before_each_token():
    """In one lane it is the model's own chance after the whole text; in several, nearly that."""
    torch.manual_seed(0)
    model = build(TextLSTMConfig(vocabulary=12, embedding=8, width=16)).eval()
    stream = np.random.default_rng(0).integers(0, 12, 1_500)

    def step(tokens, state):
        with torch.no_grad():
            return model(tokens, state=state)

    nats, right = surprise(step, stream, vocabulary=12, context=64, lanes=1)
    with torch.no_grad():
        logits = model(torch.from_numpy(stream)[None])[0][0, :-1]
    expected = torch.nn.functional.cross_entropy(logits, torch.from_numpy(stream[1:]), reduction="none")
    np.testing.assert_allclose(nats, expected.numpy(), rtol=1e-4, atol=1e-5)
    assert np.array_equal(right, (logits.argmax(-1) == torch.from_numpy(stream[1:])).numpy())
    beside, _ = surprise(step, stream, vocabulary=12, context=64, lanes=8)
    assert beside.shape == nats.shape
    np.testing.assert_allclose(beside, nats, atol=1e-3)  # 64 tokens of warming up


@pytest.mark.parametrize("tokens", [2, 3, 129, 1_000])
def test_every_token_is_judged_once_whatever_the_length(tokens):
    def step(known, state):
        wanted = (known + 1) % 7
        return torch.nn.functional.one_hot(wanted, 7) * 50.0, None

    stream = np.arange(tokens) % 7
    nats, right = surprise(step, stream, vocabulary=7, context=16)
    assert len(nats) == tokens - 1 and right.all() and np.abs(nats).max() < 1e-6
