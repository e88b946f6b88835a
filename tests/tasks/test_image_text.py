"""Pictures and texts that belong together: who is no wrong answer, and figures that are exact."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from glassworks.models.vision.clip import contrastive_loss
from glassworks.tasks.image_text import ImageTextMatching, fits_in_batch


def batch(pictures, texts, scores):
    return SimpleNamespace(
        inputs=scores, tokens=None, pictures=torch.tensor(pictures), texts=torch.tensor(texts)
    )


def handed_on(inputs, _):
    """A model that gives the scores it was given."""
    return inputs


def test_the_same_caption_or_the_same_picture_is_no_wrong_answer():
    fits = fits_in_batch(torch.tensor([4, 5, 5, 7]), torch.tensor([1, 1, 2, 3]))
    assert fits.int().tolist() == [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 1]]


def test_the_loss_of_a_batch_with_repeats_differs_from_one_without():
    scores = torch.randn(4, 4, generator=torch.Generator().manual_seed(0))
    task = ImageTextMatching()
    apart = task.loss(handed_on, batch([0, 1, 2, 3], [0, 1, 2, 3], scores)).total
    torch.testing.assert_close(apart, contrastive_loss(scores))
    again = task.loss(handed_on, batch([0, 1, 2, 3], [0, 0, 2, 3], scores)).total
    assert not torch.isclose(apart, again)
    # To swap the two rows that hold one caption changes nothing.
    swapped = task.loss(handed_on, batch([0, 1, 2, 3], [0, 0, 2, 3], scores[:, [1, 0, 2, 3]])).total
    torch.testing.assert_close(again, swapped)


def test_figures_of_the_log():
    scores = np.full((20, 20), 0.0)
    scores[np.arange(20), np.arange(20)] = np.where(np.arange(20) < 15, 1.0, -1.0)
    found = ImageTextMatching().metrics(scores, np.eye(20, dtype=bool))
    assert found["text_at_1"] == found["picture_at_1"] == 0.75 and found["text_at_10"] == 0.75
    assert found["recall"] == pytest.approx(0.75) and found["loss"] > 0
