"""The head that begins where the features lead it: the same answer as logistic regression, and as it was."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch import nn

from glassworks.transfer.head_start import start_head


def fitted(requires_grad=True):
    digits = load_digits()
    features = torch.tensor(digits.data[:600] / 16, dtype=torch.float32)
    targets = torch.tensor(digits.target[:600])
    torch.manual_seed(1)
    head = nn.Linear(64, 10).requires_grad_(requires_grad)
    ends = start_head(head, lambda: nn.functional.cross_entropy(head(features), targets), len(targets))
    return head, features, targets, ends


def test_it_is_logistic_regression():
    head, features, targets, _ = fitted()
    theirs = LogisticRegression(C=1.0, max_iter=5000, tol=1e-8).fit(features.numpy(), targets.numpy())
    ours = head(features).softmax(1).detach().numpy()
    np.testing.assert_allclose(ours, theirs.predict_proba(features.numpy()), atol=2e-3)


def test_the_loss_falls_from_that_of_a_head_that_knows_nothing():
    _, _, _, (before, after) = fitted()
    assert abs(before - np.log(10)) < 1e-5 and after < 0.3


def test_what_learned_before_learns_afterwards_and_no_gradient_is_left():
    for learns in (True, False):
        head, *_ = fitted(learns)
        assert all(p.requires_grad is learns and p.grad is None for p in head.parameters())


def test_the_same_data_give_the_same_head():
    first, second = fitted()[0], fitted()[0]
    assert torch.equal(first.weight, second.weight) and torch.equal(first.bias, second.bias)
