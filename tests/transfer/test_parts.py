"""The parts of a model: in order, whole, the head last."""

import pytest
from torch import nn

from glassworks.transfer.parts import parts_of
from tests.transfer.models import small_cnn, small_efficientnet, small_lenet, small_resnet, small_timm

MODELS = [small_cnn, small_lenet, small_resnet, small_efficientnet, small_timm]


@pytest.mark.parametrize("make", MODELS)
def test_every_parameter_is_in_exactly_one_part(make):
    model = make()
    named = [name for part in parts_of(model) for name in part.parameters]
    assert sorted(named) == sorted(name for name, _ in model.named_parameters())


@pytest.mark.parametrize("make", MODELS)
def test_every_statistic_lies_in_the_modules_of_a_part(make):
    model = make()
    kept = [f"{module}." for part in parts_of(model) for module in part.modules]
    for name, _ in model.named_buffers():
        assert sum(name.startswith(prefix) for prefix in kept) == 1, name


def test_names_from_input_to_output():
    def names(model):
        return [part.name for part in parts_of(model)]

    assert names(small_cnn()) == ["stages.0", "stages.1", "dense", "head"]
    assert names(small_lenet()) == ["convolution1", "convolution2", "dense1", "dense2", "head"]
    stages = [f"stages.{number}" for number in range(4)]
    assert names(small_resnet()) == ["stem", *stages, "head"]
    assert names(small_efficientnet()) == ["stem", *(f"stages.{n}" for n in range(7)), "top", "head"]
    layers = [f"body.layer{number}" for number in range(1, 5)]
    assert names(small_timm()) == ["body.conv1", *layers, "head"]


def test_a_norm_belongs_to_the_layer_before_it_and_a_token_comes_first():
    first, *_ = parts_of(small_timm())
    assert first.modules == ("body.conv1", "body.bn1") and "body.bn1.weight" in first.parameters
    vit = parts_of(small_timm("vit_tiny_patch16_224"))
    assert [part.name for part in vit[:3]] == ["body", "body.patch_embed", "body.blocks.0"]
    assert vit[0].parameters == ("body.cls_token", "body.pos_embed")
    assert vit[-2].name == "body.blocks.11" and "body.norm.weight" in vit[-2].parameters


def test_a_model_without_a_head_is_refused():
    with pytest.raises(ValueError, match="head"):
        parts_of(nn.Sequential(nn.Linear(2, 2)))
