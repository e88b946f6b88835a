"""Grad-CAM agrees with captum, and the heat lies on the thing."""

import time

import numpy as np
import pytest
import torch

from glassworks.core.errors import PersonError
from glassworks.insight.drawing import place
from glassworks.insight.grad_cam import grad_cam
from glassworks.insight.record import last_maps
from tests.insight.models import MODELS, TRANSFORMERS, model_of, pictures_for


def theirs_of(model, layer, pictures, targets):
    """captum's heat, scaled as ours is."""
    attr = pytest.importorskip("captum.attr")
    found = attr.LayerGradCam(model, model.get_submodule(layer)).attribute(
        pictures.clone().requires_grad_(), targets, relu_attributions=True
    )
    size = tuple(pictures.shape[2:])
    heat = attr.LayerAttribution.interpolate(found, size, "bilinear")[:, 0].detach().numpy()
    assert heat.max() > 0
    return heat / np.maximum(heat.max((1, 2), keepdims=True), 1e-30)


@pytest.mark.parametrize("name", MODELS)
def test_parity_with_captum(name):
    model = model_of(name)
    pictures, targets = pictures_for(model), torch.tensor([0, 3, 4])
    theirs = theirs_of(model, last_maps(model), pictures, targets)
    np.testing.assert_allclose(grad_cam(model, pictures, targets), theirs, atol=1e-5)


@pytest.mark.parametrize("layer", ["layer3", "layer4.0.conv1"])
def test_parity_with_captum_on_a_network_of_another_library(layer):
    models = pytest.importorskip("torchvision.models")
    torch.manual_seed(0)
    model, pictures = models.resnet18(num_classes=4).eval(), torch.randn(2, 3, 64, 64)
    theirs = theirs_of(model, layer, pictures, 2)
    np.testing.assert_allclose(grad_cam(model, pictures, 2, layer), theirs, atol=1e-5)


class _Grid(torch.nn.Module):
    """Tokens of a grid as maps, and back: a place for captum, which knows no tokens, to listen at."""

    def __init__(self, norm, prefix):
        super().__init__()
        self.norm, self.prefix, self.maps = norm, prefix, torch.nn.Identity()

    def forward(self, tokens):
        tokens = self.norm(tokens)
        maps = self.maps(tokens[:, self.prefix :].transpose(1, 2).unflatten(2, (4, 6)))
        return torch.cat([tokens[:, : self.prefix], maps.flatten(2).transpose(1, 2)], 1)


@pytest.mark.parametrize("name", ["vit", "vit-mean", "vit-relative", "deit"])
def test_parity_with_captum_on_tokens(name):
    model = model_of(name)
    pictures, targets = pictures_for(model), torch.tensor([0, 3, 4])
    layer = last_maps(model)
    ours = grad_cam(model, pictures, targets)
    inner, _, leaf = layer.rpartition(".")
    around = model.get_submodule(inner)
    setattr(around, leaf, _Grid(getattr(around, leaf), model.config.prefix))
    np.testing.assert_allclose(ours, theirs_of(model, f"{layer}.maps", pictures, targets), atol=1e-5)


def test_of_a_transformer_the_heat_is_at_the_pictures_size_and_frozen_weights_do():
    for name in TRANSFORMERS:
        model = model_of(name).requires_grad_(False)
        pictures = pictures_for(model)
        with torch.inference_mode():
            heat = grad_cam(model, pictures, 1)
        assert heat.shape == (3, *pictures.shape[2:]) and heat.min() >= 0
        for most in heat.max((1, 2)):  # at random, nothing may speak for a class
            assert most == pytest.approx(1) or most == 0
        assert heat.any() or name == "pvt"
        alone = grad_cam(model, pictures[1:2], 1)[0]
        np.testing.assert_allclose(alone, heat[1], atol=1e-4)


def test_heat_is_zero_to_one_at_the_pictures_size_and_nothing_is_left_behind():
    model = model_of("cnn").train()
    for parameter in model.parameters():
        parameter.requires_grad_(False)  # a frozen network can be looked into
    pictures = pictures_for(model)
    with torch.inference_mode():  # as a server calls it
        heat = grad_cam(model, pictures)
        rounder = grad_cam(model, pictures, curve="bicubic")
    assert heat.shape == (3, 32, 32) and heat.dtype == np.float32
    for drawn in (heat, rounder):
        assert drawn.min() >= 0 and drawn.max() == pytest.approx(1)
    assert model.training and all(parameter.grad is None for parameter in model.parameters())
    assert pictures.grad is None and not any(module._forward_hooks for module in model.modules())


def test_each_picture_is_explained_alone():
    model = model_of("resnet")
    pictures = pictures_for(model)
    together = grad_cam(model, pictures, 1)
    np.testing.assert_allclose(grad_cam(model, pictures[1:2], 1)[0], together[1], atol=1e-5)


def test_no_heat_where_nothing_speaks_for_the_answer():
    model = model_of("cnn")
    torch.nn.init.zeros_(model.head.weight)
    heat = grad_cam(model, pictures_for(model), 0)
    assert not heat.any() and np.isfinite(heat).all()


def test_layers_without_maps_and_unknown_layers_are_refused():
    model = model_of("cnn")
    for layer, code in (("dense", "no-maps"), ("stage.1", "unknown-layer")):
        with pytest.raises(PersonError) as error:
            grad_cam(model, pictures_for(model), layer=layer)
        assert error.value.code == code
    with pytest.raises(PersonError, match="a class from 0 to 4"):
        grad_cam(model, pictures_for(model), 5)


def test_the_heat_lies_on_the_thing(seeing):
    """Boxes drawn by hand around the cat's face, the cup and the rocket."""
    data = pytest.importorskip("skimage.data")
    for picture, (top, bottom, left, right), word in (
        (data.cat(), (20, 260, 60, 360), "cat"),
        (data.coffee(), (10, 330, 60, 480), "espresso"),
        (data.rocket(), (60, 420, 220, 430), "missile"),
    ):
        _, inputs = seeing.look(picture)
        assert word in seeing.classes[int(seeing.model(inputs).argmax())]
        heat = np.nan_to_num(place(grad_cam(seeing.model, inputs)[0], seeing.how, picture.shape[:2]))
        inside = heat[top:bottom, left:right].sum() / heat.sum()
        share = (bottom - top) * (right - left) / heat.size
        peak = np.unravel_index(heat.argmax(), heat.shape)
        assert top <= peak[0] < bottom and left <= peak[1] < right, word
        assert inside > 0.7 and inside > 1.2 * share, (word, inside, share)


def test_a_picture_of_224_pixels_takes_less_than_a_second(seeing):
    inputs = torch.zeros(1, 3, 224, 224)
    grad_cam(seeing.model, inputs)
    before = time.process_time()
    grad_cam(seeing.model, inputs)
    assert time.process_time() - before < 1
