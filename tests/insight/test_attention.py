"""Attention maps are those of transformers and timm, add up as they must, and listening changes nothing."""

import numpy as np
import pytest
import torch
from torch import nn

from glassworks.blocks.attention import Maps
from glassworks.core.errors import PersonError
from glassworks.insight.attention import (
    LayerAttention,
    Windows,
    attention_layers,
    attention_of,
    drawn_from,
    rollout,
    through,
    whole_grid,
    window_lines,
)
from glassworks.insight.record import last_maps
from glassworks.insight.tokens import as_maps, attends, picture_encoder
from glassworks.models.vision import clip, deit, mae, swin, vit
from glassworks.transfer.timm_models import TimmConfig, TimmModel
from glassworks.weights.names import deit as deit_names
from glassworks.weights.names import swin as swin_names
from glassworks.weights.names import vit as vit_names
from tests.insight.models import BLOCK, SMALL, TRANSFORMERS, model_of, pictures_for

PLAIN = [name for name in TRANSFORMERS if name not in ("swin", "pvt")]


def loud(model):
    """Weights so large that attention is far from even."""
    torch.manual_seed(3)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.25)
    for module in model.modules():
        if isinstance(module, nn.LayerNorm):
            nn.init.normal_(module.weight, 1, 0.2)
    return model.eval()


def test_the_map_of_b16_has_the_stated_shapes():
    """T35: (1,12,197,197) to (1,197,197) to 196 to (14,14); rows sum to 1, the class token's at most to 1."""
    shape = vit.VARIANTS["b16"] | {"dimension": 48, "depth": 2}
    model = loud(vit.build(vit.ViTConfig(**shape)))
    (*_, last) = attention_of(model, pictures_for(model, 1))
    assert last.layer == "blocks.1.attention.maps" and last.weights.shape == (1, 12, 197, 197)
    mean = last.weights.mean(1)
    assert mean.shape == (1, 197, 197)
    torch.testing.assert_close(mean.sum(-1), torch.ones(1, 197))
    row = mean[0, 0, 1:]  # the class token's row without its own column
    assert row.shape == (196,) and 0 < float(row.sum()) < 1
    drawn = drawn_from(last).mean(1)
    assert drawn.shape == (1, 14, 14)
    torch.testing.assert_close(drawn[0], row.reshape(14, 14))


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_rows_sum_to_one_in_every_system(name):
    model = loud(model_of(name))
    layers = attention_of(model, pictures_for(model, 2))
    assert [one.layer for one in layers] == attention_layers(model)
    for layer in layers:
        sums = layer.weights.sum(-1)
        torch.testing.assert_close(sums, torch.ones_like(sums), atol=1e-5, rtol=0)
        drawn = drawn_from(layer)
        assert drawn.shape[:1] + drawn.shape[2:] == (2, *layer.grid) and float(drawn.min()) >= 0
        if layer.windows is None:
            assert float(drawn.sum((2, 3)).max()) <= 1 + 1e-5


# ---- parity


def reference(kind):
    """A network of transformers with random weights, its attention to pictures, and ours with the same."""
    transformers = pytest.importorskip("transformers")
    size = {"image_size": 32, "num_labels": 5, "hidden_size": 32, "num_hidden_layers": 3,
            "num_attention_heads": 4, "intermediate_size": 128, "patch_size": 8}  # fmt: skip
    shape = SMALL | {"width": 32, "depth": 3, "block": BLOCK}
    torch.manual_seed(5)
    if kind == "vit":
        config = transformers.ViTConfig(**size, layer_norm_eps=1e-6, attn_implementation="eager")
        theirs, names = transformers.ViTForImageClassification(config), vit_names
        ours = vit.build(vit.ViTConfig(**shape))
    elif kind == "deit":
        config = transformers.DeiTConfig(**size, layer_norm_eps=1e-6, attn_implementation="eager")
        theirs, names = transformers.DeiTForImageClassificationWithTeacher(config), deit_names
        ours = deit.build(deit.DeiTConfig(**shape))
    else:
        config = transformers.SwinConfig(
            image_size=32, patch_size=4, embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=4,
            num_labels=5, attn_implementation="eager",
        )  # fmt: skip
        theirs, names = transformers.SwinForImageClassification(config), swin_names
        ours = swin.build(
            swin.SwinConfig(
                height=32, width=32, classes=5, patch=4, dimension=16, depths=(2, 2), heads=(2, 4), window=4
            )
        )
    theirs = loud(theirs)
    ours.load_state_dict(names.to_ours(theirs.state_dict()))
    return theirs, ours.eval()


@pytest.mark.parametrize("kind", ["vit", "deit", "swin"])
def test_parity_with_transformers(kind):
    theirs, ours = reference(kind)
    pictures = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = theirs(pictures, output_attentions=True).attentions
    found = attention_of(ours, pictures)
    if kind == "swin":  # theirs gives the last block of each stage, here a moved and a whole window
        found = found[1::2]
    for layer, weights in zip(found, expected, strict=True):
        if kind == "swin":  # (batch * windows, heads, n, n)
            weights = weights.unflatten(0, (2, -1))
        assert float(weights.max()) > 0.3  # far from even, so that agreeing means something
        torch.testing.assert_close(layer.weights, weights, atol=1e-5, rtol=0)


def test_models_of_timm_are_listened_to_and_their_kernel_is_put_back():
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    theirs = loud(
        timm.models.VisionTransformer(
            img_size=(32, 48), patch_size=8, embed_dim=32, depth=2, num_heads=4, num_classes=5
        )
    )
    ours = vit.build(vit.ViTConfig(**SMALL | {"block": BLOCK}))
    ours.load_state_dict(vit_names.to_ours(theirs.state_dict()))
    pictures = pictures_for(ours, 2)
    before = theirs(pictures)
    fused = [block.attn.fused_attn for block in theirs.blocks]
    found, expected = attention_of(theirs, pictures), attention_of(ours, pictures)
    assert [one.layer for one in found] == ["blocks.0.attn.attn_drop", "blocks.1.attn.attn_drop"]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.weights, other.weights, atol=1e-5, rtol=0)
        assert (one.grid, one.prefix, one.pooling) == ((4, 6), 1, "class")
    assert [block.attn.fused_attn for block in theirs.blocks] == fused and any(fused)
    assert torch.equal(theirs(pictures), before)
    # As the verbs hold it: the body without its head, and a head of our own.
    theirs.reset_classifier(0)
    whole = TimmModel(TimmConfig("vit", height=32, width=48), theirs, 32).eval()
    assert torch.equal(attention_of(whole, pictures)[1].weights, found[1].weights)
    assert last_maps(whole, pictures) == "body.blocks.1.norm1"


def test_windows_of_timm_stand_where_ours_do():
    timm = pytest.importorskip("timm")
    theirs = loud(
        timm.models.SwinTransformer(
            img_size=32, patch_size=4, window_size=4, embed_dim=16, depths=(2, 2), num_heads=(2, 4),
            num_classes=5,
        )
    )  # fmt: skip
    ours = swin.build(
        swin.SwinConfig(
            height=32, width=32, classes=5, patch=4, dimension=16, depths=(2, 2), heads=(2, 4), window=4
        )
    ).eval()
    ours.load_state_dict(swin_names.to_ours(theirs.state_dict()))
    pictures = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    for one, other in zip(attention_of(theirs, pictures), attention_of(ours, pictures), strict=True):
        assert (one.grid, one.windows) == (other.grid, other.windows)
        for query in (None, (3, 2)):
            torch.testing.assert_close(drawn_from(one, query), drawn_from(other, query), atol=1e-5, rtol=0)


# ---- listening leaves nothing behind


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_listening_changes_no_answer_and_leaves_nothing_behind(name):
    model = model_of(name).train()
    pictures = pictures_for(model)
    numbers = {key: value.clone() for key, value in model.state_dict().items()}
    model.eval()
    with torch.no_grad():
        before = model(pictures)
    model.train()
    said = []
    handle = model.register_forward_hook(lambda module, inputs, output: said.append(output))
    attention_of(model, pictures)
    handle.remove()
    torch.testing.assert_close(said[0], before, atol=1e-5, rtol=1e-5)
    assert model.training and all(module.training for module in model.modules())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert all(torch.equal(value, numbers[key]) for key, value in model.state_dict().items())
    model.eval()
    with torch.no_grad():
        assert torch.equal(model(pictures), before)


def test_what_passes_by_must_be_weights():
    """C34: numbers that are no attention are refused, not drawn."""
    model = model_of("vit")
    hook = model.blocks[0].attention.maps.register_forward_hook(lambda *given: torch.rand_like(given[2]))
    with pytest.raises(ValueError, match="do not sum to 1"):
        attention_of(model, pictures_for(model, 1))
    hook.remove()


# ---- which token's row


def test_the_row_is_the_class_tokens_or_the_mean_or_a_patchs():
    for name, prefix in (("vit", 1), ("deit", 2)):
        model = loud(model_of(name))
        layer = attention_of(model, pictures_for(model, 2))[-1]
        assert (layer.prefix, layer.pooling, layer.grid) == (prefix, "class", (4, 6))
        weights = layer.weights
        torch.testing.assert_close(drawn_from(layer), weights[:, :, 0, prefix:].reshape(2, 4, 4, 6))
        expected = weights[:, :, prefix:, prefix:].mean(2).reshape(2, 4, 4, 6)
        torch.testing.assert_close(drawn_from(layer, "mean"), expected)
        expected = weights[:, :, prefix + 2 * 6 + 5, prefix:].reshape(2, 4, 4, 6)
        torch.testing.assert_close(drawn_from(layer, (2, 5)), expected)
        with pytest.raises(ValueError, match="4x6 grid"):
            drawn_from(layer, (4, 0))


def test_without_a_class_token_the_mean_stands_in_and_sums_to_one():
    model = loud(model_of("vit-mean"))
    layer = attention_of(model, pictures_for(model, 2))[-1]
    assert layer.pooling == "mean" and layer.prefix == 0
    torch.testing.assert_close(drawn_from(layer).sum((2, 3)), torch.ones(2, 4))
    with pytest.raises(ValueError, match="no class token"):
        drawn_from(layer, "class")


def test_a_layer_can_be_chosen_and_rollout_ends_there():
    model = loud(model_of("vit"))
    pictures = pictures_for(model, 1)
    both = attention_of(model, pictures)
    (first,) = attention_of(model, pictures, "blocks.0")
    assert first.layer == both[0].layer and torch.equal(first.weights, both[0].weights)
    with pytest.raises(PersonError) as none:
        attention_of(model, pictures, "patches")
    assert none.value.code == "no-attention"
    with pytest.raises(PersonError) as unknown:
        attention_of(model, pictures, "blocks.9")
    assert unknown.value.code == "unknown-layer"


# ---- rollout


def test_rollout_is_the_identity_mixed_product_over_the_layers():
    model = loud(model_of("vit"))
    layers = attention_of(model, pictures_for(model, 2))
    for picture in range(2):
        whole = np.eye(25)
        for layer in layers:  # slowly, number by number
            mean = layer.weights[picture].double().numpy().mean(0)
            mixed = 0.5 * np.eye(25) + 0.5 * mean
            whole = np.array([[sum(mixed[i, k] * whole[k, j] for k in range(25)) for j in range(25)]
                              for i in range(25)])  # fmt: skip
        found = rollout(layers)[picture].double().numpy()
        np.testing.assert_allclose(found, whole[0, 1:].reshape(4, 6), atol=1e-6)
        assert found.sum() <= 1


def test_rollout_of_rows_that_sum_to_one_sums_to_one_and_of_none_is_the_token_itself():
    weights = torch.rand(3, 2, 9, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    weights = weights / weights.sum(-1, keepdim=True)
    torch.testing.assert_close(through(weights).sum(-1), torch.ones(2, 9, dtype=torch.float64))
    itself = torch.eye(9).expand(3, 2, 9, 9)
    assert torch.equal(through(itself), itself[0])
    # The last layer stands on the left: what token 0 draws from 1 arrives only if 1 drew before.
    first, last = torch.eye(3), torch.eye(3)
    first[1], last[0] = torch.tensor([0.0, 0, 1]), torch.tensor([0.0, 1, 0])
    assert through(torch.stack([first, last])[:, None])[0, 0].tolist() == [0.5, 0.25, 0.25]
    assert through(torch.stack([last, first])[:, None])[0, 0].tolist() == [0.5, 0.5, 0]


def test_rollout_is_refused_where_tokens_change():
    for name in ("swin", "pvt"):
        model = model_of(name)
        with pytest.raises(PersonError) as refused:
            rollout(attention_of(model, pictures_for(model, 1)))
        assert refused.value.code == "no-rollout"


# ---- windows


def test_windows_are_put_back_where_they_were_cut():
    """Against a grid of numbers that is moved, filled up, cut and read place by place."""
    for grid, side, shift in (((4, 6), 2, 0), ((4, 6), 2, 1), ((5, 7), 3, 1), ((3, 3), 3, 0)):
        down, right = -(-grid[0] // side), -(-grid[1] // side)
        numbers = torch.full((down * side, right * side), -1)
        numbers[: grid[0], : grid[1]] = torch.arange(grid[0] * grid[1]).reshape(grid)
        moved = numbers.roll((-shift, -shift), (0, 1))
        cut = [
            moved[i * side : (i + 1) * side, j * side : (j + 1) * side].flatten()
            for i in range(down)
            for j in range(right)
        ]
        weights = torch.zeros(1, len(cut), 1, side**2, side**2)
        layer = LayerAttention("", weights, grid, 0, "mean", Windows((side, side), (shift, shift)))
        back = whole_grid(layer, torch.stack(cut)[None, :, None].float())
        assert torch.equal(back[0, 0], torch.arange(grid[0] * grid[1]).reshape(grid).float())


def test_a_patch_draws_from_its_own_window_only_and_never_round_the_edge():
    model = loud(model_of("swin"))  # 8 x 12 patches in windows of 3, every second block moved by 1
    place, moved = attention_of(model, pictures_for(model, 1))[:2]
    assert (place.grid, place.windows, moved.windows) == (
        (8, 12),
        Windows((3, 3), (0, 0)),
        Windows((3, 3), (1, 1)),
    )
    assert window_lines(place) == ([3, 6], [3, 6, 9]) and window_lines(moved) == ([1, 4, 7], [1, 4, 7, 10])
    for layer, rows, columns in ((place, slice(3, 6), slice(3, 6)), (moved, slice(4, 7), slice(1, 4))):
        drawn = drawn_from(layer, (5, 3))[0].mean(0)
        inside = drawn[rows, columns]
        assert float(inside.min()) > 0 and float(inside.sum()) == pytest.approx(float(drawn.sum()))
        assert float(drawn.sum()) == pytest.approx(1, abs=1e-5)
    corner = drawn_from(moved, (0, 0))[0].mean(0)  # its window also holds what was turned behind it
    assert float(corner[0, 0]) > 0 and float(corner[-1].sum() + corner[:, -1].sum()) == 0


# ---- models made of several


def small_mae():
    return mae.build(mae.MAEConfig(
        height=32, width=48, patch=8, dimension=32, depth=2, block=BLOCK,
        decoder={"dimension": 16, "depth": 1, "block": {"heads": 2}},
    ))  # fmt: skip


def small_clip():
    picture, text = clip.Stack(32, 2, 4), clip.Stack(24, 1, 4)
    return clip.build(
        clip.CLIPConfig(
            height=32, width=48, patch=8, picture=picture, text=text, dimension=16, vocabulary=20, context=9
        )
    ).eval()


def test_the_encoder_of_a_masked_autoencoder_is_looked_into_with_nothing_hidden():
    model = small_mae().eval()
    pictures = pictures_for(model, 2)
    layers = attention_of(picture_encoder(model), pictures)
    assert [one.layer for one in layers] == ["blocks.0.attention.maps", "blocks.1.attention.maps"]
    assert layers[0].weights.shape == (2, 4, 25, 25) and rollout(layers).shape == (2, 4, 6)
    with pytest.raises(PersonError) as masked:  # with patches hidden, tokens have lost their places
        attention_of(model, pictures)
    assert masked.value.code == "no-attention"


def test_of_clip_the_pictures_attention_is_taken_and_the_texts_is_left():
    model = small_clip()
    pictures = pictures_for(model.picture, 2)
    layers = attention_of(model.picture, pictures)
    assert layers[0].weights.shape == (2, 4, 25, 25) and layers[0].prefix == 1
    labels = clip.ZeroShot(model, torch.randn(3, 16)).eval()
    found = attention_of(labels, pictures)
    assert [one.layer for one in found] == [f"picture.{one.layer}" for one in layers]
    assert torch.equal(found[1].weights, layers[1].weights)


def test_a_network_without_attention_is_told_what_helps():
    model = model_of("cnn")
    assert not attends(model)
    with pytest.raises(PersonError, match="grad-cam"):
        attention_of(model, pictures_for(model, 1))


# ---- tokens as maps


def test_tokens_stand_row_by_row_after_the_prefix():
    model = model_of("deit")
    tokens = torch.arange(2.0 * 26 * 3).reshape(2, 26, 3)
    maps = as_maps(model, "blocks.0", tokens, (2, 3, 32, 48))
    assert maps.shape == (2, 3, 4, 6)
    assert torch.equal(maps[1, :, 2, 5], tokens[1, 2 + 2 * 6 + 5])
    assert as_maps(model, "blocks.0", tokens[:, :20], (2, 3, 32, 48)) is None
    assert as_maps(model, "head", torch.zeros(2, 5), (2, 3, 32, 48)) is None


def test_maps_with_their_channels_last_are_turned_and_windows_are_not_taken_for_pictures():
    model = model_of("swin")
    maps = torch.randn(2, 8, 12, 16)
    turned = as_maps(model, "stages.0.blocks.0.norm1", maps, (2, 3, 32, 48))
    assert torch.equal(turned, maps.permute(0, 3, 1, 2))
    assert as_maps(model, "stages.0.blocks.0.norm1", maps.reshape(24, 8, 16), (2, 3, 32, 48)) is None
    cnn = model_of("cnn")
    assert as_maps(cnn, "stages.0", maps, (2, 3, 32, 32)) is maps


def test_every_system_passes_its_weights_by_a_place_for_them():
    for name in TRANSFORMERS:
        model = model_of(name)
        assert attention_layers(model) == [n for n, m in model.named_modules() if isinstance(m, Maps)]
