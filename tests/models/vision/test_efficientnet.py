"""EfficientNet climbs the ladder: shapes, parity with torchvision and timm, the scaling rule, learning."""

import numpy as np
import pytest
import torch

from glassworks.insight.cost import stage_costs
from glassworks.models.vision.efficientnet import (
    PUBLISHED,
    VARIANTS,
    EfficientNet,
    EfficientNetConfig,
    build,
    compound,
    round_channels,
    round_depth,
    scaled,
)
from glassworks.weights.names import by_our_names
from glassworks.weights.names import efficientnet as names
from glassworks.weights.store import load_into, read_tensors, write_tensors
from tests.models import ladder

# To change these on purpose: run `python -m tests.models.vision.test_efficientnet`, paste what it prints, and
# say in the commit why the losses moved.
FIRST_LOSSES = [
    3.773701,
    4.243968,
    4.101724,
    4.434385,
    3.534214,
    3.558195,
    4.533202,
    3.565452,
    3.546246,
    4.209030,
]
TINY = {"width_factor": 0.25, "depth_factor": 0.5}
# (library and its name, our variant, how the reference differs from it)
REFERENCES = {
    "torchvision efficientnet_b0": ("b0", {}),
    "timm efficientnet_b0": ("b0", {}),
    "timm tf_efficientnet_b0": ("b0", {"same_padding": True, "norm_epsilon": 1e-3}),
    "timm tf_efficientnet_lite0": ("lite0", {}),
    "timm efficientnet_lite0": ("lite0", {"same_padding": False, "norm_epsilon": 1e-5}),
}


def reference(key, seed=5):
    """The library's network with random weights and random batch statistics; nothing is downloaded."""
    library, name = key.split()
    if library == "timm":
        make = pytest.importorskip("timm").create_model
        return ladder.random_statistics(lambda: make(name, pretrained=False), seed)
    return ladder.random_statistics(getattr(pytest.importorskip("torchvision").models, name), seed)


def pictures(count=4, channels=3, height=32, width=32):
    return torch.randn(count, channels, height, width, generator=torch.Generator().manual_seed(1))


@pytest.fixture(params=list(VARIANTS))
def variant(request):
    return request.param


def tiny(variant, **others):
    shape = {"height": 32, "width": 32, "classes": 10, **VARIANTS[variant], **TINY, **others}
    return ladder.seeded(lambda: build(EfficientNetConfig(**shape)))


def test_shape_and_gradient(variant):
    ladder.check_shape_and_gradient(tiny(variant), pictures(16), 10)


def test_deterministic_in_evaluation_with_dropout_and_drop_path_on(variant):
    model = tiny(variant, dropout=0.5, drop_path=0.5)
    ladder.check_deterministic_in_evaluation(model, pictures())
    assert not torch.equal(model.train()(pictures()), model(pictures()))


@pytest.mark.parametrize(
    ("height", "width", "channels", "classes"), [(32, 32, 1, 10), (33, 47, 3, 2), (96, 70, 1, 7)]
)
def test_any_picture_size_channels_and_classes(variant, height, width, channels, classes):
    model = tiny(variant, height=height, width=width, channels=channels, classes=classes)
    assert model(pictures(2, channels, height, width)).shape == (2, classes)


def test_law_of_compound_scaling():
    """Work about doubles with each step, and three factors grow by their own rates."""
    one = compound(1)
    assert (one.depth, one.width, one.resolution) == (1.2, 1.1, 1.15)
    assert compound(0) == (1, 1, 1, 1)
    for phi in range(8):
        assert compound(phi).work == pytest.approx(2**phi, rel=0.3)
        assert compound(phi + 1).work / compound(phi).work == pytest.approx(1.92, abs=0.01)


def test_law_of_rounding():
    """Multiples of 8, never more than 10 % below what was wanted; blocks are rounded up."""
    for wanted in np.arange(1.0, 3000.0, 3.7):
        rounded = round_channels(wanted)
        assert rounded % 8 == 0 and rounded >= 0.9 * wanted and rounded <= max(8, wanted + 8)
    assert [round_channels(32 * 1.1), round_channels(16 * 1.4), round_channels(11.9)] == [32, 24, 16]
    assert [round_depth(3, 1.0), round_depth(3, 1.1), round_depth(4, 1.8)] == [3, 4, 8]


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_factors_give_the_published_networks(name):
    """Every tensor of B0 to B7 has the shape that torchvision's has; built without numbers."""
    models = pytest.importorskip("torchvision").models
    width, depth, _ = PUBLISHED[name]
    with torch.device("meta"):
        theirs = getattr(models, f"efficientnet_{name}")()
        ours = EfficientNet(EfficientNetConfig(width_factor=width, depth_factor=depth, **VARIANTS["b0"]))
    renamed = names.to_theirs(ours.state_dict(), "torchvision")
    assert {n: t.shape for n, t in renamed.items()} == {n: t.shape for n, t in theirs.state_dict().items()}


def test_the_rule_and_the_published_factors_agree():
    """B1 … B7 are near the rule for phi = 0.5, 1, 2 … 6: 14 % for width and depth, a fifth for the side."""
    for name, phi in zip(list(PUBLISHED)[1:], (0.5, 1, 2, 3, 4, 5, 6), strict=True):
        width, depth, side = PUBLISHED[name]
        growth = compound(phi)
        assert width == pytest.approx(growth.width, rel=0.14)
        assert depth == pytest.approx(growth.depth, rel=0.14)
        assert side == pytest.approx(224 * growth.resolution, rel=0.2)
    grown = scaled(1, classes=7)
    assert (grown.height, grown.width_factor, grown.depth_factor, grown.classes) == (256, 1.1, 1.2, 7)
    assert scaled(2, height=64, width=64).height == 64


@pytest.mark.parametrize(
    ("variant", "parameters", "products"), [("lite0", 4_652_008, 385_187_552), ("b0", 5_288_548, 385_814_752)]
)
def test_parameters_and_work_are_the_published_ones(variant, parameters, products):
    config = EfficientNetConfig(**VARIANTS[variant])
    model = build(config)
    stages = stage_costs(model, pictures(1, 3, 224, 224))
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert sum(stage.parameters for stage in stages) == parameters
    assert sum(stage.multiply_adds for stage in stages) == products
    assert [stage.name for stage in stages] == ["stem", *[f"stages.{i}" for i in range(7)], "top", "head"]
    assert [stage.stride for stage in stages][:9] == [2, 2, 4, 8, 16, 16, 32, 32, 32]
    assert stages[8].shape == (1280, 7, 7) and stages[8].receptive_field == 851
    assert config.features == model.head.in_features == 1280
    assert [name for name, _ in model.named_children()] == ["stem", "stages", "top", "dropout", "head"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("key", REFERENCES)
def test_parity(key, dtype):
    """The same random weights give the same scores; odd and even sides, where the padding differs."""
    variant, others = REFERENCES[key]
    theirs = reference(key).to(dtype).eval()
    shape = VARIANTS[variant] | others | {"height": 64, "width": 97}
    ours = build(EfficientNetConfig(**shape)).to(dtype).eval()
    load_into(ours, by_our_names("efficientnet", theirs.state_dict()), source="the reference")
    seen = pictures(2, 3, 64, 97).to(dtype)
    with torch.no_grad():
        ladder.close(ours(seen), theirs(seen))
        assert float(ours(seen).std()) > 0.05  # two networks that both answer 0 would agree as well


def test_the_two_ways_to_pad_are_not_the_same():
    """Weights of the one way answer otherwise the other way: the setting is not a decoration."""
    padded, even = tiny("lite0").eval(), tiny("lite0", same_padding=False).eval()
    even.load_state_dict(padded.state_dict())
    assert not torch.allclose(padded(pictures()), even(pictures()), atol=1e-4)


@pytest.mark.parametrize(
    "wrong",
    [{"height": 31}, {"width_factor": 0.0}, {"depth_factor": 11.0}, {"dropout": 1.0}, {"drop_path": -0.1},
     {"norm_epsilon": 0.0}, {"classes": 0}],
)  # fmt: skip
def test_impossible_configs_are_refused(wrong):
    with pytest.raises(ValueError):
        EfficientNetConfig(**wrong)


def test_a_picture_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"expected pictures of shape \(batch, 3, 32, 32\)"):
        tiny("lite0")(pictures(2, 3, 64, 64))


def losses():
    return ladder.first_losses(tiny("b0"), 3)


def test_same_losses():
    """The first ten losses, to 1e-3: a change here is a change of the mathematics."""
    np.testing.assert_allclose(losses(), FIRST_LOSSES, rtol=1e-3)


def test_learns_digits(tmp_path):
    """Four passes of the tiny recipe: far above the chance of 10 %."""
    run = ladder.train_on_digits("efficientnet", tmp_path / "run", epochs=4, workers=0)
    assert run.card["metrics"]["accuracy"]["low"] > 0.7


@pytest.mark.long
def test_tiny_recipe_reaches_its_floor(tmp_path):
    """Floor of the tiny recipe, on digits it has not seen: 92 % at the lower end of the interval."""
    run = ladder.train_on_digits("efficientnet", tmp_path / "run")
    assert run.evaluate().judgement.metrics["accuracy"].low >= 0.92


def test_exports(tmp_path):
    model = ladder.random_statistics(
        lambda: build(EfficientNetConfig(height=32, width=32, classes=10, **TINY)), 5
    )
    ladder.check_exports(model, tmp_path)


@pytest.mark.parametrize("key", ["torchvision efficientnet_b0", "timm tf_efficientnet_lite0"])
def test_foreign_weights_load_and_go_back(tmp_path, key):
    """Every tensor survives both ways and through all three families, batch norm's counter included."""
    library, _ = key.split()
    theirs = reference(key).state_dict()
    write_tensors(tmp_path / "theirs.safetensors", theirs)
    tensors = read_tensors(tmp_path / "theirs.safetensors")
    assert names.is_theirs(tensors) and names.family_of(tensors) == library
    ours = build(EfficientNetConfig(**VARIANTS[REFERENCES[key][0]]))
    load_into(ours, by_our_names("efficientnet", tensors), source="theirs")
    own = ours.state_dict()
    assert by_our_names("efficientnet", own).keys() == own.keys()  # ours stay ours
    for family in names.FAMILIES:
        there = names.to_theirs(own, family)
        assert names.family_of(there) == family and len(there) == len(own)
        assert all(torch.equal(tensor, own[name]) for name, tensor in names.to_ours(there).items())
    back = names.to_theirs(own, library)
    assert set(back) == set(theirs) and all(torch.equal(back[name], theirs[name]) for name in theirs)


def test_foreign_names_of_another_network_are_left_alone():
    """A file whose first filter is called alike but which is another network is told by `load_into`."""
    other = {"conv_stem.weight": torch.zeros(8, 3, 3, 3), "blocks.0.0.conv_exp.weight": torch.zeros(8)}
    assert not names.is_theirs(other)
    assert by_our_names("efficientnet", other) is other


if __name__ == "__main__":
    print("FIRST_LOSSES = [" + ", ".join(f"{loss:.6f}" for loss in losses()) + "]")
