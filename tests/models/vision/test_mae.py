"""MAE climbs the ladder: exact masks, parity with transformers, a loss of hidden patches, a ViT inside."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from glassworks.blocks.patches import cut, joined
from glassworks.blocks.positions import sine_cosine
from glassworks.core.errors import PersonError
from glassworks.models.vision import vit
from glassworks.models.vision.mae import (
    VARIANTS,
    MAEConfig,
    build,
    errors,
    kept,
    random_masking,
    resized,
    statistics,
)
from glassworks.tasks.masked import MaskedImages
from glassworks.weights.names import by_our_names
from glassworks.weights.names import mae as names
from glassworks.weights.store import load_into, read_tensors, write_tensors
from tests.models import ladder

# To change these on purpose: run `python -m tests.models.vision.test_mae`, paste what it prints, and say in
# the commit why the losses moved.
FIRST_LOSSES = [
    1.096825,
    1.098066,
    1.096284,
    1.072300,
    1.068486,
    1.072480,
    1.065207,
    1.049736,
    1.062157,
    1.056891,
]
BLOCK = {"heads": 4}
DECODER = {"dimension": 16, "depth": 1, "block": {"heads": 2}}
TINY = {
    "height": 32, "width": 32, "channels": 3, "patch": 8, "dimension": 32, "depth": 2, "block": BLOCK,
    "decoder": DECODER,
}  # fmt: skip


def tiny(**changes):
    return ladder.seeded(lambda: build(MAEConfig(**TINY | changes)))


def pictures(count=4, channels=3, height=32, width=32):
    return torch.randn(count, channels, height, width, generator=torch.Generator().manual_seed(1))


def noise(count, tokens=16):
    return torch.rand(count, tokens, generator=torch.Generator().manual_seed(2))


def reference(normalised=True, seed=5):
    """transformers' network with random weights, 64 x 64 pixels in patches of 16; nothing is downloaded."""
    transformers = pytest.importorskip("transformers")
    config = transformers.ViTMAEConfig(
        hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=256, image_size=64,
        patch_size=16, decoder_hidden_size=32, decoder_num_hidden_layers=2, decoder_num_attention_heads=4,
        decoder_intermediate_size=128, layer_norm_eps=1e-6, norm_pix_loss=normalised,
    )  # fmt: skip
    model = ladder.seeded(lambda: transformers.ViTMAEForPreTraining(config), seed)
    for parameter in model.parameters():
        if parameter.requires_grad:  # the tables of positions are fixed
            nn.init.normal_(parameter, std=0.1)
    # A fresh model of version 5 leaves its tables at zero; published weights carry them.
    with torch.no_grad():
        model.vit.embeddings.position_embeddings.copy_(sine_cosine((4, 4), 64, prefix=1)[None])
        model.decoder.decoder_pos_embed.copy_(sine_cosine((4, 4), 32, prefix=1)[None])
    return model


def ours(**changes):
    shape = {"height": 64, "width": 64, "patch": 16, "dimension": 64, "depth": 2, "block": BLOCK}
    return build(MAEConfig(**shape | {"decoder": {"dimension": 32, "depth": 2, "block": BLOCK}} | changes))


# ---- masks


@pytest.mark.parametrize(
    ("tokens", "hidden", "stay"),
    [(196, 0.75, 49), (100, 0.9, 10), (100, 0.8, 20), (10, 0.9, 1), (5, 0.8, 1), (10, 0.7, 3), (64, 0.75, 16),
     (2, 0.99, 1)],
)  # fmt: skip
def test_exactly_so_many_patches_stay_as_the_rounded_share_leaves(tokens, hidden, stay):
    """1 - 0.9 is a little less than 0.1: cut off instead of rounded it would leave 9 of 100."""
    assert kept(tokens, hidden) == stay
    masked = random_masking(torch.zeros(3, tokens, 4), hidden)
    assert masked.visible.shape == (3, stay, 4)
    assert masked.mask.sum(1).tolist() == [tokens - stay] * 3 and set(masked.mask.unique().tolist()) == {
        0.0,
        1.0,
    }


def test_law_what_stays_is_distinct_differs_between_pictures_and_comes_back_to_its_place():
    places = torch.arange(196.0)[None, :, None].expand(8, -1, 768)
    masked = random_masking(places, 0.75, generator=torch.Generator().manual_seed(0))
    assert masked.visible.shape == (8, 49, 768)
    rows = [sorted(row.tolist()) for row in masked.visible[..., 0]]
    assert all(len(set(row)) == 49 for row in rows) and len({tuple(row) for row in rows}) == 8
    hidden = masked.mask.bool()
    shuffled = torch.cat([masked.visible[..., 0], torch.full((8, 147), -1.0)], 1)
    back = shuffled.gather(1, masked.restore)
    assert torch.equal(back[~hidden], places[..., 0][~hidden]) and (back[hidden] == -1).all()


def test_the_same_generator_hides_the_same_and_none_uses_the_tokens_device():
    tokens = torch.zeros(4, 64, 8)
    first, second = (
        random_masking(tokens, 0.75, generator=torch.Generator().manual_seed(7)).mask for _ in range(2)
    )
    assert torch.equal(first, second)
    given = torch.rand(4, 64, generator=torch.Generator().manual_seed(7))
    assert torch.equal(random_masking(tokens, 0.75, noise=given).mask, first)
    there = torch.zeros(4, 64, 8, device="meta")
    masked = random_masking(
        there, 0.75, generator=torch.Generator().manual_seed(7)
    )  # a CPU's dice for any device
    assert {part.device.type for part in (*masked, *random_masking(there, 0.75))} == {"meta"}


def test_the_encoder_sees_49_of_196_patches_and_its_class_token():
    with torch.device("meta"):
        model = build(MAEConfig(**VARIANTS["b16"]))
        encoded, masked = model.encode(torch.zeros(2, 3, 224, 224))
    assert encoded.shape == (2, 50, 768) and masked.mask.shape == (2, 196)
    assert (
        sum(p.numel() for p in model.encoder.parameters()) == 85_798_656 - 197 * 768
    )  # waves are not learned


def test_positions_are_added_before_hiding_and_the_class_token_has_none():
    model = tiny().eval()
    with torch.no_grad():
        tokens = model.encoder.patches(pictures()) + sine_cosine((4, 4), 32)
        whole = model.encoder.embed(pictures())
    assert torch.equal(whole[:, 0], model.encoder.class_token[0].expand(4, -1))
    torch.testing.assert_close(whole[:, 1:], tokens)
    for table, width in ((model.encoder.positions, 32), (model.decoder.positions, 16)):
        assert torch.equal(table, sine_cosine((4, 4), width, prefix=1, first="column")[None])
        assert not table.requires_grad


# ---- the ladder


@pytest.mark.parametrize("positions", ["sine", "learned"])
@pytest.mark.parametrize("pooling", ["class", "mean"])
def test_shape_and_gradient(pooling, positions):
    model = tiny(pooling=pooling, positions=positions).train()
    guess = model(pictures(8), noise(8))
    assert guess.prediction.shape == guess.target.shape == (8, 16, 192) and guess.mask.shape == (8, 16)
    errors(*guess).mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name
    assert [name for name, _ in model.named_children()][-1] == "head"


def test_deterministic_in_evaluation_with_all_dropouts_on():
    loud = {"heads": 4, "dropout": 0.5, "drop_path": 0.5}
    model = tiny(block=loud, decoder=DECODER | {"block": {"heads": 2, "dropout": 0.5}}).eval()
    with torch.no_grad():
        first, second = (model(pictures(), noise(4)).prediction for _ in range(2))
        alone = torch.cat([model(pictures()[i : i + 1], noise(4)[i : i + 1]).prediction for i in range(4)])
    assert torch.equal(first, second)
    torch.testing.assert_close(alone, first, rtol=1e-5, atol=1e-5)


def test_law_hidden_pixels_change_no_guess_and_visible_patches_no_loss():
    model, seen = tiny().eval(), pictures()
    with torch.no_grad():
        before = model(seen, noise(4))
        changed = seen + 100 * torch.randn_like(seen)
        hidden = before.mask.repeat_interleave(192, 1).view(4, 16, 192).bool()
        mixed = joined(torch.where(hidden, cut(changed, 8), cut(seen, 8)), 8, (4, 4))
        after = model(mixed, noise(4))
    assert torch.equal(before.prediction, after.prediction)
    visible = before.prediction + (1 - before.mask)[..., None] * 7
    assert torch.equal(errors(visible, before.target, before.mask), errors(*before))
    assert not torch.allclose(errors(before.prediction + 7, before.target, before.mask), errors(*before))


@pytest.mark.parametrize("normalised", [True, False])
def test_reconstruction_keeps_what_was_seen_and_undoes_the_normalisation(normalised):
    model, seen = tiny(normalised=normalised).eval(), pictures()
    with torch.no_grad():
        guess = model(seen, noise(4))
        masked, drawn = model.reconstruct(seen, noise=noise(4))
    truth, mask = cut(seen, 8), guess.mask[..., None]
    assert torch.equal(cut(masked, 8), truth * (1 - mask))
    mean, spread = statistics(truth) if normalised else (0.0, 1.0)
    expected = truth * (1 - mask) + (guess.prediction * spread + mean) * mask
    torch.testing.assert_close(cut(drawn, 8), expected)
    same = model.reconstruct(seen, generator=torch.Generator().manual_seed(2))
    assert torch.equal(same[1], drawn)  # the generator draws what `noise` was drawn with


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("normalised", [True, False])
def test_parity(normalised, dtype):
    """The same random weights and noise give the same mask, pixels and loss."""
    theirs = reference(normalised).to(dtype).eval()
    model = ours(normalised=normalised).to(dtype).eval()
    load_into(model, by_our_names("mae", theirs.state_dict()), source="the reference")
    for table in (model.encoder, model.decoder):  # ours were made in float32
        table.positions = table.positions.to(dtype)
    seen = pictures(3, 3, 64, 64).to(dtype) + 0.3
    with torch.no_grad():
        expected = theirs(seen, noise=noise(3).to(dtype))
        guess = model(seen, noise(3).to(dtype))
    assert torch.equal(guess.mask, expected.mask.to(dtype)) and int(guess.mask.sum()) == 3 * 12
    ladder.close(guess.prediction, expected.logits)
    ladder.close(errors(*guess).mean(), expected.loss)
    assert float(expected.logits.std()) > 0.1


def test_gradients_agree_with_transformers():
    theirs, model = reference().double().train(), ours().double().train()
    load_into(model, names.to_ours(theirs.state_dict()), source="the reference")
    seen = pictures(3, 3, 64, 64).double()
    theirs(seen, noise=noise(3).double()).loss.backward()
    errors(*model(seen, noise(3).double())).mean().backward()
    embedding = theirs.vit.embeddings
    ladder.close(
        model.encoder.patches.projection.weight.grad, embedding.patch_embeddings.projection.weight.grad
    )
    ladder.close(model.encoder.class_token.grad, embedding.cls_token.grad)
    ladder.close(model.decoder.mask_token.grad, theirs.decoder.mask_token.grad)


def test_positions_stand_in_the_order_of_the_published_weights():
    """MAE's order is columns first; transformers makes rows first and turns the halves for its weights."""
    module = pytest.importorskip("transformers.models.vit_mae.modeling_vit_mae")
    theirs = module.build_2d_sinusoidal_position_embedding(4, 4, 64, cls_token=True)
    turned = torch.cat([theirs[:, 32:], theirs[:, :32]], 1)
    torch.testing.assert_close(sine_cosine((4, 4), 64, prefix=1), turned, rtol=0, atol=1e-6)
    rows_first = sine_cosine((4, 4), 64, prefix=1, first="row")
    swapped = torch.cat([rows_first[:, 32:], rows_first[:, :32]], 1)
    assert torch.equal(swapped, sine_cosine((4, 4), 64, prefix=1)) and not torch.equal(swapped, rows_first)
    tensors = reference().state_dict() | {"vit.embeddings.position_embeddings": rows_first[None]}
    with pytest.raises(PersonError, match="column, then row"):
        names.to_ours(tensors)
    with pytest.raises(ValueError, match="divisible by 4"):
        tiny(decoder={"dimension": 6, "depth": 1, "block": {"heads": 2}})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"height": 30}, "32x32 can"), ({"hidden": 1.0}, "hidden"), ({"hidden": 0.0}, "hidden"),
     ({"hidden": 0.01}, "hides none"),
     ({"positions": "relative"}, "sine"), ({"block": {"heads": 5}}, "5 heads"), ({"depth": 0}, "at least 1"),
     ({"decoder": {"dimension": 10, "depth": 1, "block": {"heads": 4}}}, "4 heads"),
     ({"pooling": "last"}, "pooling")],
)  # fmt: skip
def test_impossible_configs_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        MAEConfig(**TINY | wrong)


def test_a_picture_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"expected pictures of shape \(batch, 3, 32, 32\)"):
        tiny()(pictures(2, 3, 64, 64))


def losses():
    return ladder.first_losses(tiny(), 3, task=MaskedImages(16))


def test_same_losses():
    """The first ten losses, to 1e-3: a change here is a change of the mathematics."""
    np.testing.assert_allclose(losses(), FIRST_LOSSES, rtol=1e-3)


def test_learns_to_guess_hidden_patches_of_digits(tmp_path):
    """A few passes of the tiny recipe: clearly below the error of every fill that needs no training."""
    run = ladder.train_on_digits("mae", tmp_path / "run", epochs=3)
    best = min(row["masked_error"]["low"] for row in run.card["baselines"].values())
    assert run.card["metrics"]["masked_error"]["high"] < 0.85 * best


@pytest.mark.long
def test_tiny_recipe_reaches_its_floor(tmp_path):
    """Floor of the tiny recipe, on digits it has not seen: at most half the error of the best fill."""
    judged = ladder.train_on_digits("mae", tmp_path / "run").evaluate().judgement
    best = min(row["masked_error"].value for row in judged.baselines.values())
    assert judged.metrics["masked_error"].high < 0.5 * best


# ---- weights, and the encoder as a ViT


def body_of(model, classes=10):
    """The ViT that begins with an autoencoder's encoder."""
    fields = names.vit_fields(dataclasses.asdict(model.config))
    body = vit.build(vit.ViTConfig(**fields, classes=classes))
    load_into(body, by_our_names("vit", model.state_dict()), source="the encoder", skip=("head.",))
    return body.eval()


@pytest.mark.parametrize("positions", ["sine", "learned"])
@pytest.mark.parametrize("pooling", ["class", "mean"])
def test_the_encoder_is_a_vit(pooling, positions):
    model = tiny(pooling=pooling, positions=positions).eval()
    with torch.no_grad():
        assert torch.equal(body_of(model).features(pictures()), model.features(pictures()))


def test_exports_as_the_body_of_a_classifier(tmp_path):
    """What is shipped of an autoencoder is its encoder."""
    ladder.check_exports(body_of(tiny()), tmp_path)


def test_learned_positions_go_to_another_size():
    model = tiny(positions="learned")
    larger = MAEConfig(**TINY | {"positions": "learned", "height": 48})
    tensors = resized(model.state_dict(), model.config, larger)
    load_into(build(larger), tensors, source="the small one")
    assert torch.equal(tensors["decoder.positions"][:, 0], model.decoder.positions[:, 0])
    waves = tiny()
    assert resized(waves.state_dict(), waves.config, waves.config).keys() == waves.state_dict().keys()


def version_4(tensors):
    """transformers' names as the files had them that were published before its version 5."""
    words = (
        ("vit.layers.", "vit.encoder.layer."), ("attention.q_proj", "attention.attention.query"),
        ("attention.k_proj", "attention.attention.key"), ("attention.v_proj", "attention.attention.value"),
        ("attention.o_proj", "attention.output.dense"), ("mlp.fc1", "intermediate.dense"),
        ("mlp.fc2", "output.dense"),
    )  # fmt: skip
    renamed = {}
    for name, tensor in tensors.items():
        for new, old in words:
            name = name.replace(new, old)
        renamed[name] = tensor
    return renamed


@pytest.mark.parametrize("family", ["transformers", "transformers-4", "authors"])
def test_foreign_weights_load_and_go_back(tmp_path, family):
    theirs = reference().state_dict()
    if family == "transformers-4":
        theirs = version_4(theirs)
    if family == "authors":
        theirs = names.to_theirs(names.to_ours(theirs), "authors", grid=(4, 4))
        assert {
            "blocks.0.attn.qkv.weight",
            "decoder_blocks.1.mlp.fc2.bias",
            "pos_embed",
            "decoder_pred.bias",
        } <= set(theirs)
    write_tensors(tmp_path / "theirs.safetensors", theirs)
    tensors = read_tensors(tmp_path / "theirs.safetensors")
    assert names.is_theirs(tensors) and not names.is_theirs(ours().state_dict())
    model = ours()
    load_into(model, by_our_names("mae", tensors), source="theirs")
    back = names.to_theirs(model.state_dict(), family, grid=(4, 4))
    assert back.keys() == theirs.keys()
    for name, tensor in theirs.items():
        torch.testing.assert_close(back[name], tensor, rtol=0, atol=1e-6 if "pos" in name else 0)
    assert by_our_names("mae", model.state_dict()).keys() == model.state_dict().keys()  # ours stay ours
    body = by_our_names("vit", tensors)  # a classifier begins with the same file
    assert torch.equal(body["blocks.1.mlp.widen.weight"], model.encoder.blocks[1].mlp.widen.weight)
    shape = {"patch": 16, "dimension": 64, "depth": 2, "channels": 3, "pooling": "class", "positions": "sine"}
    assert names.fields_of(tensors) == (None, shape | {"block": {"heads": 1}})


def test_a_published_shape_is_known_by_its_tensors():
    with torch.device("meta"):
        tensors = build(MAEConfig(**VARIANTS["b16"])).state_dict()
    variant, fields = names.fields_of(tensors)
    assert variant == "b16" and fields["block"] == {"heads": 12} and fields["positions"] == "sine"


if __name__ == "__main__":
    print("FIRST_LOSSES = [" + ", ".join(f"{loss:.6f}" for loss in losses()) + "]")
