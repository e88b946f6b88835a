"""ResNet climbs the ladder: shapes, parity with torchvision and timm, laws, learning, stored losses."""

import numpy as np
import pytest
import torch
from torch import nn

from glassworks.insight.cost import stage_costs
from glassworks.models.vision.resnet import VARIANTS, Bottleneck, ResNetConfig, build
from glassworks.weights.names import by_our_names
from glassworks.weights.names import resnet as names
from glassworks.weights.store import load_into, read_tensors, write_tensors
from tests.models import ladder

# To change these on purpose: run `python -m tests.models.vision.test_resnet`, paste what it prints, and say
# in the commit why the losses moved.
FIRST_LOSSES = [
    2.578207,
    2.415748,
    2.463363,
    2.411006,
    2.283657,
    2.391642,
    2.386444,
    2.416009,
    2.418575,
    2.321617,
]
TINY = {"widths": (4, 8, 12, 16), "stem": "small"}


def reference(variant, library="torchvision", seed=5):
    """The library's network with random weights and random batch statistics; nothing is downloaded."""
    name = f"resnet{variant}"
    if library == "timm":
        make = pytest.importorskip("timm").create_model
        return ladder.random_statistics(lambda: make(name, pretrained=False), seed)
    return ladder.random_statistics(getattr(pytest.importorskip("torchvision").models, name), seed)


def pictures(count=4, channels=3, height=32, width=32):
    return torch.randn(count, channels, height, width, generator=torch.Generator().manual_seed(1))


@pytest.fixture(params=list(VARIANTS))
def variant(request):
    return request.param


def test_shape_and_gradient(variant):
    model = ladder.seeded(
        lambda: build(ResNetConfig(height=32, width=32, classes=10, **VARIANTS[variant] | TINY))
    )
    ladder.check_shape_and_gradient(model, pictures(8), 10)
    ladder.check_deterministic_in_evaluation(model, pictures())


def test_deterministic_in_evaluation_with_dropout_on():
    model = ladder.seeded(lambda: build(ResNetConfig(height=32, width=32, classes=10, dropout=0.5, **TINY)))
    ladder.check_deterministic_in_evaluation(model, pictures())
    assert not torch.equal(model.train()(pictures()), model(pictures()))


@pytest.mark.parametrize(
    ("height", "width", "channels", "classes", "stem"),
    [(32, 32, 1, 10, "photo"), (33, 47, 3, 2, "small"), (96, 64, 1, 7, "photo"), (224, 224, 3, 1, "photo")],
)
def test_any_picture_size_channels_and_classes(height, width, channels, classes, stem):
    shape = {"widths": (4, 8, 12, 16), "stem": stem}
    config = ResNetConfig(height=height, width=width, channels=channels, classes=classes, **shape)
    assert build(config)(pictures(2, channels, height, width)).shape == (2, classes)


@pytest.mark.parametrize(
    ("variant", "parameters", "features", "products", "sees"),
    [
        ("18", 11_689_512, 512, 1_814_073_344, 435),
        ("34", 21_797_672, 512, 3_663_761_408, 899),
        ("50", 25_557_032, 2_048, 4_089_184_256, 427),
    ],
)
def test_parameters_work_and_receptive_field_are_the_published_ones(
    variant, parameters, features, products, sees
):
    config = ResNetConfig(**VARIANTS[variant])
    model = build(config)
    stages = stage_costs(model, pictures(1, 3, 224, 224))
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert sum(stage.parameters for stage in stages) == parameters
    assert sum(stage.multiply_adds for stage in stages) == products
    assert config.features == model.head.in_features == features
    assert [stage.name for stage in stages] == ["stem", *[f"stages.{i}" for i in range(4)], "head"]
    assert [stage.stride for stage in stages] == [4, 4, 8, 16, 32, 32]
    assert stages[4].receptive_field == sees and stages[4].shape == (features, 7, 7)
    assert [name for name, _ in model.named_children()] == ["stem", "stages", "dropout", "head"]


def test_a_new_head_of_five_has_2565_numbers():
    assert sum(p.numel() for p in nn.Linear(ResNetConfig().features, 5).parameters()) == 2_565
    assert (
        sum(p.numel() for p in nn.Linear(ResNetConfig(**VARIANTS["50"]).features, 10).parameters()) == 20_490
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_parity(variant, library, dtype):
    """The same random weights give the same scores and features, at 64 x 96 pixels."""
    theirs = reference(variant, library).to(dtype).eval()
    ours = build(ResNetConfig(height=64, width=96, **VARIANTS[variant])).to(dtype).eval()
    load_into(ours, by_our_names("resnet", theirs.state_dict()), source="the reference")
    seen = pictures(2, 3, 64, 96).to(dtype)
    with torch.no_grad():
        ladder.close(ours(seen), theirs(seen))
        assert float(ours(seen).std()) > 0.1  # two networks that both answer 0 would agree as well


def test_gradients_agree_with_torchvision():
    """In training mode too, in place or not: the same loss, the same gradient of the first filter."""
    theirs = reference("18").double().train()
    ours = build(ResNetConfig(height=64, width=64)).double().train()
    load_into(ours, names.to_ours(theirs.state_dict()), source="the reference")
    seen = pictures(3, 3, 64, 64).double()
    for model in (ours, theirs):
        nn.functional.cross_entropy(model(seen), torch.tensor([1, 2, 3])).backward()
    ladder.close(ours.stem.convolution.weight.grad, theirs.conv1.weight.grad)
    ladder.close(ours.stem.norm.running_mean, theirs.bn1.running_mean)


def test_law_a_block_that_changes_nothing_hands_its_input_on():
    """With its last norm at zero a block is the identity on maps that are not negative."""
    block = Bottleneck(32, 8, stride=1).eval()
    nn.init.zeros_(block.norm3.weight)
    maps = torch.rand(2, 32, 5, 5)
    assert torch.equal(block(maps), maps)


@pytest.mark.parametrize(
    "wrong",
    [{"height": 31}, {"depths": (2, 2, 2)}, {"widths": (8, 8, 0, 8)}, {"stem": "tiny"}, {"dropout": 1.0},
     {"classes": 0}, {"channels": 0}],
)  # fmt: skip
def test_impossible_configs_are_refused(wrong):
    with pytest.raises(ValueError):
        ResNetConfig(**wrong)


def test_a_picture_of_another_size_is_refused():
    model = build(ResNetConfig(height=32, width=32, **TINY))
    with pytest.raises(ValueError, match=r"expected pictures of shape \(batch, 3, 32, 32\)"):
        model(pictures(2, 3, 64, 64))


def losses():
    config = ResNetConfig(height=32, width=32, classes=10, **TINY)
    return ladder.first_losses(ladder.seeded(lambda: build(config)), 3)


def test_same_losses():
    """The first ten losses, to 1e-3: a change here is a change of the mathematics."""
    np.testing.assert_allclose(losses(), FIRST_LOSSES, rtol=1e-3)


def test_learns_digits(tmp_path):
    """Three passes of the tiny recipe: far above the chance of 10 %."""
    run = ladder.train_on_digits("resnet", tmp_path / "run", epochs=3)
    assert run.card["metrics"]["accuracy"]["low"] > 0.8


@pytest.mark.long
def test_tiny_recipe_reaches_its_floor(tmp_path):
    """Floor of the tiny recipe, on digits it has not seen: 95 % at the lower end of the interval."""
    run = ladder.train_on_digits("resnet", tmp_path / "run")
    assert run.evaluate().judgement.metrics["accuracy"].low >= 0.95


def test_exports(tmp_path):
    model = ladder.random_statistics(lambda: build(ResNetConfig(height=32, width=32, classes=10, **TINY)), 5)
    ladder.check_exports(model, tmp_path)


@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_foreign_weights_load_and_go_back(tmp_path, variant, library):
    """Every tensor survives both ways, batch norm's counter included."""
    theirs = reference(variant, library).state_dict()
    write_tensors(tmp_path / "theirs.safetensors", theirs)
    tensors = read_tensors(tmp_path / "theirs.safetensors")
    assert names.is_theirs(tensors) and not names.is_theirs({"stem.norm.weight": torch.zeros(1)})
    ours = build(ResNetConfig(**VARIANTS[variant]))
    load_into(ours, by_our_names("resnet", tensors), source="theirs")
    back = names.to_theirs(ours.state_dict(), library)
    assert list(back) == list(theirs)
    assert all(torch.equal(back[name], theirs[name]) for name in theirs)
    assert by_our_names("resnet", ours.state_dict()).keys() == ours.state_dict().keys()  # ours stay ours


if __name__ == "__main__":
    print("FIRST_LOSSES = [" + ", ".join(f"{loss:.6f}" for loss in losses()) + "]")
