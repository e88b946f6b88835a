"""Listening changes nothing, and names what it cannot find."""

import pytest
import torch
from torch import nn

from glassworks.core.errors import PersonError
from glassworks.insight.record import (
    answers_of,
    evaluating,
    last_maps,
    layer_kinds,
    layers_of,
    recording,
    targets_for,
)
from tests.insight.models import MODELS, model_of, pictures_for


def test_layers_are_named_with_their_kinds_and_lists_are_left_out():
    model = model_of("cnn")
    assert layers_of(model)[:2] == ["stages.0", "stages.0.convolution"]
    assert layer_kinds(model)["stages.1.convolution"] == "Conv2d"
    assert "stages" not in layers_of(model) and "" not in layers_of(model)


def test_an_unknown_layer_is_told_with_the_nearest_name():
    with (
        pytest.raises(PersonError, match=r"stages\.1\.convolution"),
        recording(model_of("cnn"), ["stages.1.convoluton"]),
    ):
        pass
    with pytest.raises(PersonError) as deep, recording(model_of("efficientnet"), ["qqq"]):
        pass
    assert deep.value.code == "unknown-layer" and len(deep.value.fix) < 400


@pytest.mark.parametrize("name", MODELS)
def test_listening_changes_no_answer_and_leaves_nothing_behind(name):
    model = model_of(name)
    pictures = pictures_for(model)
    with torch.no_grad():
        before = model(pictures)
        for with_gradient in (False, True):
            with recording(model, layers_of(model), with_gradient=with_gradient) as seen:
                assert torch.equal(model(pictures), before)
            assert torch.equal(seen["head"], before)
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize("with_gradient", [False, True])
def test_what_was_noted_survives_parts_that_write_into_their_input(with_gradient):
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(inplace=True))
    with recording(model, ["0"], with_gradient=with_gradient) as seen:
        output = model(torch.randn(1, 1, 4, 4))
    assert (seen["0"] < 0).any() and output.min() == 0
    if with_gradient:
        (slope,) = torch.autograd.grad(output.sum(), seen["0"])
        assert torch.equal(slope, (seen["0"] > 0).float())


@pytest.mark.parametrize(
    "name, layer",
    [("cnn", "stages.1"), ("cnn-four", "stages.3"), ("lenet", "convolution2")],
)
def test_the_last_maps_are_found(name, layer):
    assert last_maps(model_of(name)) == layer


@pytest.mark.parametrize("name", MODELS)
def test_the_last_maps_have_places(name):
    model = model_of(name)
    layer = last_maps(model)
    with recording(model, [layer]) as seen, torch.no_grad():
        model(pictures_for(model))
    assert seen[layer].ndim == 4 and min(seen[layer].shape[2:]) > 1
    assert last_maps(model, pictures_for(model)) == layer


@pytest.mark.parametrize(
    "name, layer",
    [
        ("vit", "blocks.1.norm1"),  # after it only the class token goes on
        ("vit-mean", "norm"),
        ("vit-post", "blocks.0.norm2"),
        ("deit", "blocks.1.norm1"),
        ("swin", "norm"),
        ("pvt", "stages.3.blocks.1.norm1"),
    ],
)
def test_of_a_transformer_it_is_the_last_norm_from_whose_patches_the_answer_is_made(name, layer):
    model = model_of(name)
    assert last_maps(model) == layer == last_maps(model.requires_grad_(False), pictures_for(model))
    torch.nn.init.zeros_(model.head.label.weight if name == "deit" else model.head.weight)
    assert last_maps(model) in layers_of(model)  # nothing moves the answer of a head of zeros


def test_a_model_without_maps_is_told_what_helps():
    with pytest.raises(PersonError, match="occlusion"):
        last_maps(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), torch.zeros(1, 1, 2, 2))


def test_every_part_gets_its_own_mode_back():
    model = model_of("cnn-four").train()
    model.stages[0].eval()
    modes = [module.training for module in model.modules()]
    with evaluating(model):
        assert not any(module.training for module in model.modules())
    assert [module.training for module in model.modules()] == modes


def test_targets_are_the_answer_given_or_what_is_asked():
    outputs = torch.tensor([[0.0, 2.0], [3.0, 1.0]])
    assert targets_for(outputs, None).tolist() == [1, 0]
    assert targets_for(outputs, 1).tolist() == [1, 1]
    assert targets_for(outputs, [1, 0]).tolist() == [1, 0]
    for wrong in (2, -1, [0, 1, 1]):
        with pytest.raises(PersonError, match="a class from 0 to 1"):
            targets_for(outputs, wrong)


def test_answers_are_probabilities_or_numbers():
    outputs = torch.tensor([[1.0, 2.0]])
    assert answers_of(outputs).sum() == pytest.approx(1)
    assert torch.equal(answers_of(outputs, "labels"), outputs.sigmoid())
    assert torch.equal(answers_of(outputs, "number"), outputs)
    assert torch.equal(answers_of(outputs[:, :1]), outputs[:, :1])
