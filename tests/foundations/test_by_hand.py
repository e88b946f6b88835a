"""The loop by hand reproduces the worked example and learns real handwritten digits."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from glassworks.foundations.by_hand import TwoLayers, accuracy, one_weight, split, standardise, train
from glassworks.foundations.tape import cross_entropy


def test_one_weight_shows_every_factor_of_the_chain_rule():
    step = one_weight(x=2, y=10, weight=1, rate=0.01, steps=1)[0]
    assert (step.prediction, step.loss, step.loss_by_prediction, step.prediction_by_weight) == (2, 64, -16, 2)
    assert step.gradient == -32 and step.new_weight == pytest.approx(1.32)


def test_one_weight_walks_to_the_optimum():
    history = one_weight(x=2, y=10, weight=1, rate=0.01, steps=4)
    assert [step.new_weight for step in history[:3]] == pytest.approx([1.32, 1.6144, 1.885248])
    assert [step.loss for step in history] == pytest.approx([64, 54.1696, 45.84914944, 38.80672008])
    assert one_weight(2, 10, 1, 0.01, 500)[-1].new_weight == pytest.approx(5)


def test_parts_are_disjoint_and_complete():
    parts = split(101, np.random.default_rng(0))
    assert sorted(np.concatenate(parts)) == list(range(101)) and all(len(part) for part in parts)
    with pytest.raises(ValueError, match="leave some for training"):
        split(10, np.random.default_rng(0), validation=0.6, test=0.4)


@pytest.fixture(scope="module")
def digits():
    pictures, targets = load_digits(return_X_y=True)
    parts = split(len(pictures), np.random.default_rng(0))
    mean, std = pictures[parts[0]].mean(), pictures[parts[0]].std()
    return [(standardise(pictures[part], mean, std), targets[part]) for part in parts]


def test_two_layers_learn_digits_to_ninety_per_cent(digits):
    """1,797 real digits, 15 epochs of plain SGD; the untouched test part, against 10 % by chance."""
    training, validation, test = digits
    model, history = train(*training, *validation, np.random.default_rng(0))
    assert accuracy(model, *test) >= 0.90
    assert history[-1].loss < 0.2 * history[0].loss and history[-1].accuracy > 0.9


def test_the_same_seed_gives_the_same_network(digits):
    training, validation, _ = digits
    small = (training[0][:200], training[1][:200], *validation)
    first, second, other = (train(*small, np.random.default_rng(seed), epochs=2) for seed in (1, 1, 2))
    assert first[1] == second[1] != other[1]
    assert all(
        (a.data == b.data).all() for a, b in zip(first[0].parameters(), second[0].parameters(), strict=True)
    )


def test_gradients_of_the_network_equal_torch(digits):
    rows, targets = digits[0][0][:16], digits[0][1][:16]
    model = TwoLayers(64, 8, 10, np.random.default_rng(3))
    cross_entropy(model(rows), targets).backward()
    theirs = [torch.tensor(p.data, requires_grad=True) for p in model.parameters()]
    hidden = torch.relu(torch.tensor(rows) @ theirs[0] + theirs[1])
    torch.nn.functional.cross_entropy(hidden @ theirs[2] + theirs[3], torch.tensor(targets)).backward()
    for ours, tensor in zip(model.parameters(), theirs):
        np.testing.assert_allclose(ours.grad, tensor.grad.numpy(), rtol=1e-10, atol=1e-12)


def test_mistakes_say_what_was_expected(digits):
    rows, targets = digits[0]
    with pytest.raises(ValueError, match="one target for each row"):
        train(rows, targets[:-1], rows, targets, np.random.default_rng(0))
    with pytest.raises(ValueError, match="positive standard deviation"):
        standardise(rows, 0.0, 0.0)
