"""Filters as pictures, and what a layer answered."""

import numpy as np
import pytest
import torch

from glassworks.core.errors import PersonError
from glassworks.insight.activations import activation_maps
from glassworks.insight.filters import filter_layers, filter_pictures
from glassworks.insight.record import recording
from tests.insight.models import model_of, pictures_for


def test_first_filters_are_drawn_in_colour_and_grey_is_zero():
    model = model_of("cnn")
    with torch.no_grad():
        model.stages[0].convolution.weight[0] = 0
        model.stages[0].convolution.weight[0, 0, 1, 1] = 0.5  # a red dot
        model.stages[0].convolution.weight[1] = 0
    pictures = filter_pictures(model)
    assert len(pictures) == 16 and all(p.shape == (3, 3, 3) and p.dtype == np.uint8 for p in pictures)
    assert pictures[0][1, 1].tolist() == [255, 128, 128] and pictures[0][0, 0].tolist() == [128, 128, 128]
    assert (pictures[1] == 128).all()  # a silent filter
    assert all(max(abs(p.astype(int) - 128).ravel()) == 127 for p in pictures[2:])  # each by its own largest


def test_deeper_filters_show_their_strongest_plane():
    model = model_of("cnn")
    with torch.no_grad():
        model.stages[1].convolution.weight[0] = 0.01
        model.stages[1].convolution.weight[0, 5] = torch.eye(3)
    pictures = filter_pictures(model, "stages.1.convolution", most=4)
    assert len(pictures) == 4 and pictures[0].shape == (3, 3, 1)
    assert pictures[0][..., 0].tolist() == [[255, 128, 128], [128, 255, 128], [128, 128, 255]]


def test_layers_without_filters_are_refused_with_those_that_have_some():
    model = model_of("cnn")
    assert filter_layers(model) == ["stages.0.convolution", "stages.1.convolution"]
    with pytest.raises(PersonError, match=r"stages\.0\.convolution") as error:
        filter_pictures(model, "head")
    assert error.value.code == "no-filters"
    with pytest.raises(PersonError, match="without one"):
        filter_pictures(torch.nn.Linear(2, 2))
    with pytest.raises(PersonError, match="did you mean"):
        filter_pictures(model, "stages.0.convolutio")


def test_maps_are_the_layers_answers_strongest_first():
    model = model_of("resnet")
    pictures = pictures_for(model, 1)
    found = activation_maps(model, pictures[0], "stages.1", most=5)
    with recording(model, ["stages.1"]) as seen, torch.no_grad():
        model(pictures)
    answers = seen["stages.1"][0].numpy()
    assert found.total == len(answers) and len(found.channels) == 5 and found.layer == "stages.1"
    np.testing.assert_array_equal(found.maps, answers[list(found.channels)])
    assert list(found.strengths) == sorted(found.strengths, reverse=True)
    assert found.strengths[0] == pytest.approx(np.abs(answers).mean((1, 2)).max())
    assert activation_maps(model, pictures).maps.ndim == 3  # the last maps, where no layer is named


def test_layers_without_maps_are_refused():
    model = model_of("cnn")
    with pytest.raises(PersonError, match=r"dense, whose output is \(1, 512\)"):
        activation_maps(model, pictures_for(model, 1), "dense")
