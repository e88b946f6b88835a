"""What is frozen stays bit for bit as it was: weights, and the statistics of batch norms."""

import pytest
import torch
from torch import nn

from glassworks.models.vision import resnet
from glassworks.transfer.freeze import freeze, learning_parts, training_mode
from glassworks.transfer.parts import parts_of
from glassworks.transfer.tuning import Tuning, begin
from tests.transfer.models import (
    pictures_for,
    small_cnn,
    small_efficientnet,
    small_lenet,
    small_resnet,
    small_timm,
)

MODELS = [small_cnn, small_lenet, small_resnet, small_efficientnet, small_timm]


def train(model, mode, steps=4):
    """A few steps with AdamW, whose decay would move a frozen weight that has a gradient of zero."""
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=0.01, weight_decay=0.1)
    for step in range(steps):
        mode(model)
        pictures = pictures_for(model, seed=step) + 0.5
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(model(pictures), torch.arange(len(pictures)) % 4).backward()
        optimizer.step()


def tensors_of(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def changed(before, model):
    return {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}


@pytest.mark.parametrize("make", MODELS)
@pytest.mark.parametrize("last", [1, 2, 3])
def test_frozen_weights_and_statistics_are_bit_identical_afterwards(make, last):
    model = make()
    learn = [part.name for part in parts_of(model)][-last:]
    freeze(model, learn)
    assert learning_parts(model) == learn
    before = tensors_of(model)
    train(model, training_mode)
    moved = changed(before, model)
    allowed = tuple(f"{module}." for p in parts_of(model) if p.name in learn for module in p.modules)
    assert moved and all(name.startswith(allowed) for name in moved)
    assert moved >= {name for p in parts_of(model) if p.name in learn for name in p.parameters}


def test_the_naive_way_drifts():
    """Gradients off and `model.train()`: weights stay, the means do not (0.06 after one batch)."""
    torch.manual_seed(0)
    model = resnet.build(resnet.ResNetConfig(height=64, width=64, classes=4))
    freeze(model, ["head"])
    before = tensors_of(model)
    train(model, nn.Module.train, steps=1)
    moved = {name for name in changed(before, model) if not name.startswith("head.")}
    assert moved and all("norm" in name for name in moved)
    assert sum(name.endswith("running_mean") for name in moved) == 20
    means = [name for name in moved if name.endswith("running_mean")]
    shifts = [float((model.state_dict()[name] - before[name]).abs().mean()) for name in means]
    assert 0.02 < sum(shifts) / len(shifts) < 0.2
    freeze(model, ["head"])
    before = tensors_of(model)
    train(model, training_mode, steps=1)
    assert changed(before, model) == {"head.weight", "head.bias"}


@pytest.mark.parametrize("make", [small_cnn, small_resnet, small_efficientnet, small_timm])
def test_adapters_learn_and_the_statistics_beside_them_do_not(make):
    model = make()
    begin(model, Tuning("lora", rank=2))
    before = tensors_of(model)
    train(model, training_mode)
    moved = changed(before, model)
    assert moved and all(name.startswith("head.") or ".down." in name or ".up." in name for name in moved)


def test_a_head_that_learns_alone_sees_the_same_features_every_time():
    model = small_cnn(dropout=0.9)
    freeze(model, ["head"])
    training_mode(model)
    pictures = pictures_for(model)
    assert torch.equal(model(pictures), model(pictures))
    freeze(model, ["dense", "head"])
    training_mode(model)
    assert not torch.equal(model(pictures), model(pictures)), "dropout is back where the layers before learn"


def test_everything_learns_when_nothing_is_frozen():
    model = small_resnet()
    freeze(model, [part.name for part in parts_of(model)])
    training_mode(model)
    assert all(layer.training for layer in model.modules())


def test_a_norm_without_parameters_moves_only_where_everything_around_it_learns():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2, affine=False)))
            self.head = nn.Linear(2, 2)

    model = Net()
    norm = model.first[0][1]
    training_mode(model)
    assert norm.training
    model.first[0][0].bias.requires_grad_(False)
    training_mode(model)
    assert not norm.training and model.first[0][0].training


def test_freezing_forgets_old_gradients_and_refuses_unknown_parts():
    model = small_cnn()
    model(pictures_for(model)).sum().backward()
    freeze(model, ["head"])
    assert model.dense.weight.grad is None and model.head.weight.grad is not None
    with pytest.raises(ValueError, match=r"stages\.9"):
        freeze(model, ["stages.9"])
