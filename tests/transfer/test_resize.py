"""Weights for another picture size: 14 x 14 to 24 x 24, the identity, the prefix, and what cannot be done."""

import pytest
import torch

from glassworks.blocks.positions import resize_positions
from glassworks.core.errors import PersonError
from glassworks.models.vision import cnn, deit, lenet, pvt, resnet, vit
from glassworks.transfer import timm_models
from glassworks.transfer.resize import fitted, size_of
from glassworks.weights.store import load_into
from tests.models.ladder import seeded

BLOCK = {"heads": 2}
SMALL = {"height": 32, "width": 32, "classes": 3, "patch": 8, "dimension": 16, "depth": 1, "block": BLOCK}
FLAT = {"depths": (1, 1, 1, 1), "widths": (8, 8, 8, 8), "heads": (1, 1, 1, 1), "ratios": (2.0,) * 4}


def vits(height, width=None, module=vit, **changes):
    config = vit.ViTConfig if module is vit else module.DeiTConfig
    return seeded(
        lambda: module.build(config(**SMALL | {"height": height, "width": width or height} | changes))
    )


def brought(system, model, larger, before=None, **how):
    """`larger` with the fitted tensors of `model`."""
    before = before or (model.config.height, model.config.width)
    tensors = fitted(system, model.state_dict(), larger.state_dict(), larger.config, before, **how)
    load_into(larger, tensors, source="the small one")
    return larger


# ---- the table itself: the facts of the issue


@pytest.mark.parametrize(("prefix", "before", "after"), [(0, 196, 576), (1, 197, 577), (2, 198, 578)])
def test_fourteen_by_fourteen_becomes_twenty_four_and_the_prefix_stays(prefix, before, after):
    table = torch.randn(1, before, 768, generator=torch.Generator().manual_seed(1))
    larger = resize_positions(table, (14, 14), (24, 24), prefix=prefix)
    assert larger.shape == (1, after, 768)
    assert torch.equal(larger[:, :prefix], table[:, :prefix])
    assert resize_positions(table, (14, 14), (14, 14), prefix=prefix) is table  # exactly, to the last bit


@pytest.mark.parametrize("corners", [True, False])
@pytest.mark.parametrize("mode", ["bicubic", "bilinear", "nearest"])
def test_a_constant_grid_stays_constant_in_every_mode(mode, corners):
    table = torch.full((1, 196, 8), 0.7)
    larger = resize_positions(table, (14, 14), (24, 30), mode=mode, align_corners=corners)
    assert larger.shape == (1, 720, 8) and float((larger - 0.7).abs().max()) < 3e-6


def test_modes_and_corners_differ_and_corners_are_kept_where_they_are_aligned():
    table = torch.randn(1, 197, 8, generator=torch.Generator().manual_seed(1))
    found = {
        (mode, aligned): resize_positions(
            table, (14, 14), (24, 24), prefix=1, mode=mode, align_corners=aligned
        )
        for mode in ("bicubic", "bilinear")
        for aligned in (True, False)
    }
    kept = found["bicubic", True][0, [1, 24, 577 - 24, 576]]
    assert torch.allclose(kept, table[0, [1, 14, 197 - 14, 196]], atol=1e-5)
    values = list(found.values())
    assert all(not torch.allclose(a, b) for n, a in enumerate(values) for b in values[:n])


def test_a_resized_table_agrees_with_timm_and_with_torchvision():
    """timm scales as DeiT and MAE do, torchvision aligns corners: the source of weights decides the mode."""
    timm_layers = pytest.importorskip("timm.layers")
    torchvision = pytest.importorskip("torchvision")
    table = torch.randn(1, 197, 16, generator=torch.Generator().manual_seed(1))
    theirs = timm_layers.resample_abs_pos_embed(table, [24, 24], antialias=False)
    ours = resize_positions(table, (14, 14), (24, 24), prefix=1)
    assert torch.allclose(ours, theirs, atol=1e-5)
    state = {"encoder.pos_embedding": table}
    interpolated = torchvision.models.vision_transformer.interpolate_embeddings(384, 16, state)
    aligned = resize_positions(table, (14, 14), (24, 24), prefix=1, align_corners=True)
    assert torch.allclose(aligned, interpolated["encoder.pos_embedding"], atol=1e-5)


# ---- whole systems


@pytest.mark.parametrize("module", [vit, deit])
@pytest.mark.parametrize(("height", "width"), [(64, 64), (48, 72), (16, 16)])
def test_a_transformer_takes_the_other_size_and_changes_nothing_but_its_positions(module, height, width):
    model = vits(32, module=module)
    larger = brought(module, model, vits(height, width, module=module)).eval()
    seen = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(1))
    assert larger(seen).shape == (2, 3) and torch.isfinite(larger(seen)).all()
    prefix = model.config.prefix
    assert torch.equal(larger.positions[:, :prefix], model.positions[:, :prefix])
    for name, tensor in model.state_dict().items():
        assert name == "positions" or torch.equal(tensor, larger.state_dict()[name]), name


def test_the_same_size_hands_on_the_very_same_tensors():
    model = vits(32)
    tensors = model.state_dict()
    assert fitted(vit, tensors, tensors, model.config, (32, 32)) is tensors
    assert fitted(vit, tensors, tensors, model.config, None) is tensors  # read from the table


def test_a_table_of_as_many_tokens_is_resized_where_its_grid_is_another():
    """4 x 4 and 2 x 8 patches are as many: shapes agree, places do not."""
    model = vits(32)
    wide = brought(vit, model, vits(16, 64))
    assert wide.positions.shape == model.positions.shape and not torch.equal(wide.positions, model.positions)


def test_how_a_table_is_resized_can_be_said():
    model = vits(32)
    plain = brought(vit, model, vits(64)).positions
    nearest = brought(vit, model, vits(64), mode="nearest").positions
    assert not torch.allclose(plain, nearest)
    assert torch.equal(nearest[0, 1], model.positions[0, 1]) and torch.equal(
        nearest[0, 2], model.positions[0, 1]
    )


@pytest.mark.parametrize("positions", ["sine", "none"])
def test_positions_that_are_not_learned_follow_by_themselves(positions):
    model = vits(32, positions=positions)
    larger = brought(vit, model, vits(64, positions=positions))
    assert torch.equal(larger.state_dict()["head.weight"], model.state_dict()["head.weight"])


def test_a_pyramid_resizes_every_stage():
    small, large = (pvt.build(pvt.PVTConfig(side, side, classes=3, **FLAT)) for side in (32, 96))
    brought(pvt, small, large)
    assert [stage.positions.shape[1] for stage in large.stages] == [576, 144, 36, 10]


@pytest.mark.parametrize("depths", [(1, 1, 1, 1)])
def test_a_network_of_filters_that_ends_in_a_mean_takes_any_size_as_it_is(depths):
    small, large = (
        resnet.build(resnet.ResNetConfig(side, side, classes=3, depths=depths)) for side in (32, 64)
    )
    tensors = small.state_dict()
    assert fitted(resnet, tensors, large.state_dict(), large.config, (32, 32)) is tensors
    load_into(large, tensors, source="the small one")


# ---- what cannot be done is told


@pytest.mark.parametrize(
    ("system", "small", "large", "why"),
    [
        (lenet, lenet.LeNetConfig(32, 32), lenet.LeNetConfig(64, 64), "dense1.weight is (120, 400)"),
        (cnn, cnn.CNNConfig(32, 32), cnn.CNNConfig(64, 64), "dense.weight is"),
        (
            vit,
            vit.ViTConfig(**SMALL, positions="relative"),
            vit.ViTConfig(**SMALL | {"height": 64, "width": 64}, positions="relative"),
            "one grid",
        ),
    ],
)
def test_weights_that_fit_one_size_only_are_told_so_with_the_size_that_fits(system, small, large, why):
    model, other = system.build(small), system.build(large)
    with pytest.raises(PersonError) as told:
        fitted(system, model.state_dict(), other.state_dict(), large, (32, 32))
    error = told.value
    assert error.code == "picture-size" and why in error.got
    assert "32x32" in error.expected and "64x64" in error.got and "32x32" in error.fix


def test_a_size_that_the_patches_of_the_new_model_do_not_divide_is_told():
    model, other = vits(32), vits(64, patch=16)
    with pytest.raises(PersonError, match="cannot be cut"):
        fitted(vit, model.state_dict(), other.state_dict(), other.config, (40, 40))


# ---- weights that do not say their size


@pytest.mark.parametrize("module", [vit, deit])
def test_the_size_of_weights_is_read_from_their_positions(module):
    after = vits(64, module=module)
    assert size_of(vits(32, module=module).state_dict(), after.config) == (32, 32)
    small, large = (pvt.build(pvt.PVTConfig(side, side, classes=3, **FLAT)) for side in (64, 96))
    assert size_of(small.state_dict(), large.config) == (64, 64)
    brought(module, vits(32, module=module), after, before=size_of(vits(32).state_dict(), vits(64).config))


def test_without_a_square_table_the_size_is_not_known():
    assert size_of(vits(16, 48).state_dict(), vits(64).config) is None
    assert size_of(vits(32, positions="sine").state_dict(), vits(64, positions="sine").config) is None
    assert size_of(resnet.build(resnet.ResNetConfig(classes=3)).state_dict(), resnet.ResNetConfig()) is None


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "resnet10t"])
def test_models_of_timm_are_fitted_by_timm(name):
    pytest.importorskip("timm")
    small, large = (timm_models.TimmConfig(name, side, side, 3, 5) for side in (64, 96))
    model, other = seeded(lambda: timm_models.build(small)).eval(), timm_models.build(large).eval()
    brought(timm_models, model, other)
    assert other(torch.zeros(1, 3, 96, 96)).shape == (1, 5)
    for part, tensor in model.state_dict().items():
        assert part == "body.pos_embed" or torch.equal(tensor, other.state_dict()[part]), part
