"""Occlusion agrees with captum window by window."""

import time

import numpy as np
import pytest
import torch
from torch import nn

from glassworks.insight.occlusion import occlusion, usual_patch
from tests.insight.models import model_of, pictures_for


@pytest.mark.parametrize(
    "name, patch, stride, fill",
    [("cnn", 8, 4, 0.0), ("cnn", 7, 3, 0.5), ("lenet-modern", 7, 7, 0.0), ("resnet", 24, 16, 0.5)],
)
def test_parity_with_captum(name, patch, stride, fill):
    attr = pytest.importorskip("captum.attr")
    model = model_of(name)
    pictures, targets = pictures_for(model, 2), torch.tensor([1, 4])
    for measure, asked in (("probability", lambda x: model(x).softmax(1)), ("output", model)):
        theirs = attr.Occlusion(asked).attribute(
            pictures, (3, patch, patch), (3, stride, stride), baselines=fill, target=targets
        )
        ours = occlusion(model, pictures, targets, patch=patch, stride=stride, fill=fill, measure=measure)
        np.testing.assert_allclose(ours, theirs[:, 0].detach().numpy(), atol=2e-5)
        assert np.abs(ours).max() > 1e-4


class Corner(nn.Module):
    """The first class is the brightness of the upper left quarter of 16 x 16 pixels."""

    def forward(self, pictures):
        bright = pictures[:, :, :8, :8].mean((1, 2, 3))
        return torch.stack([bright, -bright], 1)


def test_heat_lies_where_the_answer_comes_from_and_nowhere_else():
    heat = occlusion(Corner(), torch.ones(1, 3, 16, 16), 0, patch=4, stride=4)[0]
    assert (heat[:8, :8] > 0.01).all() and np.allclose(heat[8:], 0) and np.allclose(heat[:, 8:], 0)
    against = occlusion(Corner(), torch.ones(1, 3, 16, 16), 1, patch=4, stride=4)[0]
    np.testing.assert_allclose(against, -heat, atol=1e-6)


def test_numbers_are_explained_in_their_own_unit():
    class Number(nn.Module):
        def forward(self, pictures):
            return 100 * pictures[:, :, :8, :8].mean((1, 2, 3))[:, None]

    heat = occlusion(Number(), torch.ones(1, 1, 16, 16), patch=8, stride=8)[0]
    assert heat[:8, :8] == pytest.approx(100) and heat[8:, 8:] == pytest.approx(0)


def test_pictures_that_the_squares_do_not_fill_evenly_are_covered_to_the_edge():
    model = model_of("cnn")
    heat = occlusion(model, pictures_for(model, 1), patch=10, stride=7)
    assert np.isfinite(heat).all() and usual_patch(224, 300) == 44 and usual_patch(3, 3) == 1


def test_strides_that_would_leave_gaps_are_refused():
    model = model_of("cnn")
    with pytest.raises(ValueError, match="stride is from 1 to patch"):
        occlusion(model, pictures_for(model, 1), patch=4, stride=5)


def test_the_mode_and_the_pictures_stay_as_they_were():
    model = model_of("cnn-four").train()
    pictures = pictures_for(model, 1)
    before = pictures.clone()
    occlusion(model, pictures)
    assert model.training and torch.equal(pictures, before)


@pytest.mark.long
def test_a_picture_of_224_pixels_takes_less_than_ten_seconds(seeing):
    before = time.process_time()
    occlusion(seeing.model, torch.zeros(1, 3, 224, 224))
    assert time.process_time() - before < 10
