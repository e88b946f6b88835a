"""The three tasks of pictures: losses equal torch's own, answers can be read, figures are exact."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import f1_score, log_loss

from glassworks.tasks.image import ImageClassification, ImageRegression, ImageTagging, image_task


def batch(targets, outputs):
    return SimpleNamespace(inputs=outputs, targets=targets)


def same(outputs):
    """A model that hands its input on."""
    return outputs


@pytest.fixture
def outputs():
    return torch.randn(12, 4, generator=torch.Generator().manual_seed(2)) * 3


def test_cross_entropy_of_uniform_scores_is_the_logarithm_of_the_classes():
    for classes, expected in ((10, 2.302585), (1000, 6.907755)):
        task = ImageClassification(classes)
        loss = task.loss(same, batch(torch.zeros(3, dtype=torch.long), torch.zeros(3, classes)))
        assert float(loss.total) == pytest.approx(expected, rel=1e-6) == pytest.approx(math.log(classes))


def test_classification_loss_is_torchs(outputs):
    targets = torch.arange(12) % 4
    for smoothing in (0.0, 0.1):
        loss = ImageClassification(4, smoothing).loss(same, batch(targets, outputs)).total
        torch.testing.assert_close(loss, F.cross_entropy(outputs, targets, label_smoothing=smoothing))


def test_class_weights_weigh_each_picture_and_batches_add_up(outputs):
    """A plain mean: two halves of a batch average to the whole, which torch's weighted mean does not give."""
    targets = torch.arange(12) % 4
    task = ImageClassification(4, class_weights=(1.0, 2.0, 0.5, 0.0))
    whole = task.loss(same, batch(targets, outputs)).total
    halves = [task.loss(same, batch(targets[part], outputs[part])).total for part in (slice(6), slice(6, 12))]
    torch.testing.assert_close(whole, (halves[0] + halves[1]) / 2)
    each = F.cross_entropy(outputs, targets, reduction="none")
    torch.testing.assert_close(whole, (each * torch.tensor([1.0, 2.0, 0.5, 0.0])[targets]).mean())


def test_classification_answers_and_figures(outputs):
    task, targets = ImageClassification(4), np.arange(12) % 4
    scores = task.answers(outputs)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores.sum(1), 1)
    figures = task.metrics(scores, targets)
    assert figures["loss"] == pytest.approx(log_loss(targets, scores, labels=range(4)))
    assert figures["accuracy"] == (scores.argmax(1) == targets).mean()


def test_tagging_loss_answers_and_figures(outputs):
    task = ImageTagging(4)
    targets = (torch.rand(12, 4, generator=torch.Generator().manual_seed(1)) < 0.4).float()
    loss = task.loss(same, batch(targets, outputs)).total
    torch.testing.assert_close(loss, F.binary_cross_entropy_with_logits(outputs, targets))
    scores = task.answers(outputs)
    figures = task.metrics(scores, targets.numpy())
    expected = f1_score(targets.numpy(), scores >= 0.5, average="macro", zero_division=1.0)
    assert figures["macro_f1"] == pytest.approx(expected)


def test_regression_speaks_the_persons_units():
    task = ImageRegression(mean=100.0, std=20.0)
    told = task.answers(torch.tensor([[0.0], [1.0], [-0.5]]))
    np.testing.assert_allclose(told[:, 0], [100, 120, 90])
    assert task.metrics(told, np.array([100.0, 110.0, 90.0])) == {
        "loss": pytest.approx((0.5**2) / 3),
        "mae": pytest.approx(10 / 3),
    }
    loss = task.loss(same, batch(torch.tensor([100.0, 120.0]), torch.tensor([[0.0], [0.0]]))).total
    assert float(loss) == pytest.approx(0.5)


def test_the_task_follows_the_kind_of_the_targets():
    assert image_task("label", np.array([0, 1]), ("a", "b")).outputs == 2
    assert isinstance(image_task("labels", np.zeros((2, 3), bool), ("a", "b", "c")), ImageTagging)
    assert image_task("number", np.array([4.0, 4.0]), ()) == ImageRegression(4.0, 1.0)
