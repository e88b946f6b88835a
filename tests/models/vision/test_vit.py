"""ViT climbs the ladder: shapes, parity with torchvision, timm and transformers, laws, learning, losses."""

import numpy as np
import pytest
import torch
from torch import nn

from glassworks.models.vision.vit import VARIANTS, ViTConfig, build, resized
from glassworks.weights.names import by_our_names
from glassworks.weights.names import vit as names
from glassworks.weights.store import load_into, read_tensors, write_tensors
from tests.models import ladder

# To change these on purpose: run `python -m tests.models.vision.test_vit`, paste what it prints, and say in
# the commit why the losses moved.
FIRST_LOSSES = [
    2.317847,
    2.299476,
    2.284185,
    2.316218,
    2.314472,
    2.288849,
    2.302978,
    2.280167,
    2.327633,
    2.296098,
]
BLOCK = {"heads": 4}
TINY = {"height": 32, "width": 32, "classes": 10, "patch": 8, "dimension": 32, "depth": 2, "block": BLOCK}
FAMILIES = ("torchvision", "timm", "transformers")


def tiny(**changes):
    return ladder.seeded(lambda: build(ViTConfig(**TINY | changes)))


def reference(library, seed=5):
    """The library's network with random weights, 64 x 64 pixels in patches of 16; nothing is downloaded."""
    if library == "torchvision":
        models = pytest.importorskip("torchvision").models
        make = lambda: models.VisionTransformer(64, 16, 2, 4, 64, 256, num_classes=10)  # noqa: E731
    elif library == "timm":
        timm = pytest.importorskip("timm")
        make = lambda: timm.models.VisionTransformer(  # noqa: E731
            img_size=64, patch_size=16, embed_dim=64, depth=2, num_heads=4, num_classes=10
        )
    else:
        transformers = pytest.importorskip("transformers")
        config = transformers.ViTConfig(
            hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=256, image_size=64,
            patch_size=16, num_labels=10, layer_norm_eps=1e-6,
        )  # fmt: skip
        make = lambda: transformers.ViTForImageClassification(config)  # noqa: E731
    model = ladder.seeded(make, seed)
    for parameter in model.parameters():  # libraries start heads, tokens and positions at zero
        nn.init.normal_(parameter, std=0.1)
    return model


def ours(**changes):
    shape = {"height": 64, "width": 64, "classes": 10, "patch": 16, "dimension": 64, "depth": 2}
    return build(ViTConfig(**shape | {"block": BLOCK} | changes))


def pictures(count=4, channels=3, height=32, width=32):
    return torch.randn(count, channels, height, width, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("positions", ["learned", "sine", "relative", "none"])
@pytest.mark.parametrize("pooling", ["class", "mean"])
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_shape_and_gradient(positions, pooling, norm):
    model = tiny(positions=positions, pooling=pooling, block=BLOCK | {"norm": norm})
    ladder.check_shape_and_gradient(model, pictures(8), 10)
    ladder.check_deterministic_in_evaluation(model, pictures())


def test_deterministic_in_evaluation_with_all_dropouts_on():
    model = tiny(dropout=0.5, block=BLOCK | {"dropout": 0.5, "drop_path": 0.5})
    ladder.check_deterministic_in_evaluation(model, pictures())
    assert not torch.equal(model.train()(pictures()), model(pictures()))


@pytest.mark.parametrize(
    ("variant", "height", "width", "tokens", "parameters"),
    [
        ("b16", 224, 224, 197, 86_567_656),
        ("b8", 224, 224, 785, 86_576_872),
        ("b16", 384, 384, 577, 86_859_496),
        ("ti16", 224, 224, 197, 5_717_416),
        ("s16", 224, 224, 197, 22_050_664),
    ],
)
def test_parameters_are_the_published_ones(variant, height, width, tokens, parameters):
    with torch.device("meta"):
        model = build(ViTConfig(height=height, width=width, **VARIANTS[variant]))
    assert model.config.tokens == tokens
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_the_parts_of_b16_have_the_numbers_that_were_derived():
    with torch.device("meta"):
        model = build(ViTConfig(**VARIANTS["b16"]))
        ten = build(ViTConfig(classes=10, **VARIANTS["b16"]))

    def count(*modules):
        return sum(p.numel() for module in modules for p in module.parameters())

    block = model.blocks[0]
    assert count(model.patches) == 590_592
    assert model.class_token.numel() + model.positions.numel() == 152_064
    assert count(block) == 7_087_872
    assert count(block.attention, block.norm1) == 2_363_904
    assert count(block.mlp) == 4_722_432 and count(block.norm2) == 1_536
    assert count(model) - count(model.head) == 85_798_656
    assert count(ten.head) == 7_690
    assert [name for name, _ in model.named_children()][-1] == "head"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("library", FAMILIES)
def test_parity(library, dtype):
    """The same random weights give the same scores, by both paths of attention."""
    theirs = reference(library).to(dtype).eval()
    model = ours().to(dtype).eval()
    load_into(model, by_our_names("vit", theirs.state_dict()), source="the reference")
    seen = pictures(2, 3, 64, 64).to(dtype)
    with torch.no_grad():
        expected = theirs(seen)
        expected = expected if isinstance(expected, torch.Tensor) else expected.logits
        ladder.close(model(seen), expected)
    ladder.close(model(seen.requires_grad_()).detach(), expected)  # written out: it is to learn
    assert float(expected.std()) > 0.1


def test_gradients_agree_with_timm():
    theirs, model = reference("timm").double().train(), ours().double().train()
    load_into(model, names.to_ours(theirs.state_dict()), source="the reference")
    seen = pictures(3, 3, 64, 64).double()
    for one in (model, theirs):
        nn.functional.cross_entropy(one(seen), torch.tensor([1, 2, 3])).backward()
    ladder.close(model.patches.projection.weight.grad, theirs.patch_embed.proj.weight.grad)
    ladder.close(model.positions.grad, theirs.pos_embed.grad)


def test_law_permuting_patches_without_positions_permutes_the_tokens():
    """Attention is equivariant: the outputs move with the inputs, and the mean of them stays."""
    model = tiny(positions="none", pooling="mean").double().eval()
    order = torch.randperm(16, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        tokens = model.embed(pictures().double())
        straight, moved = model.encode(tokens), model.encode(tokens[:, order])
        learned = tiny(pooling="mean").double().eval()
        placed = learned.embed(pictures().double())
    torch.testing.assert_close(moved, straight[:, order], rtol=0, atol=1e-10)
    assert not torch.allclose(learned.patches(pictures().double())[:, order], placed[:, order])


def test_law_resizing_to_the_same_grid_changes_nothing_and_to_another_fits():
    before = ViTConfig(**TINY)
    model = ladder.seeded(lambda: build(before))
    assert resized(model.state_dict(), before, before) is not None
    same = resized(model.state_dict(), before, ViTConfig(**TINY | {"classes": 3}))
    assert torch.equal(same["positions"], model.positions)
    after = ViTConfig(**TINY | {"height": 48, "width": 64})
    larger = build(after)
    load_into(larger, resized(model.state_dict(), before, after), source="the small one")
    assert larger(pictures(2, 3, 48, 64)).shape == (2, 10)
    assert torch.equal(larger.positions[:, 0], model.positions[:, 0])  # the class token has no place
    relative = ViTConfig(**TINY | {"positions": "relative"})
    with pytest.raises(ValueError, match="one grid"):
        resized({}, relative, ViTConfig(**TINY | {"positions": "relative", "height": 64}))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"height": 30}, "32x32 can"), ({"patch": 0}, "cannot be cut"), ({"block": {"heads": 5}}, "5 heads"),
     ({"pooling": "last"}, "pooling"), ({"positions": "wave"}, "positions"), ({"dropout": 1.0}, "dropout"),
     ({"block": {"norm": "mid"}}, "norm"), ({"block": {"activation": "tanh"}}, "activation"),
     ({"depth": 0}, "at least 1"), ({"block": {"drop_path": 1.0}}, "drop_path")],
)  # fmt: skip
def test_impossible_configs_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        ViTConfig(**TINY | wrong)


def test_a_picture_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"expected pictures of shape \(batch, 3, 32, 32\)"):
        tiny()(pictures(2, 3, 64, 64))


def losses():
    return ladder.first_losses(tiny(), 3)


def test_same_losses():
    """The first ten losses, to 1e-3: a change here is a change of the mathematics."""
    np.testing.assert_allclose(losses(), FIRST_LOSSES, rtol=1e-3)


def test_learns_digits(tmp_path):
    """A few passes of the tiny recipe: far above the chance of 10 %."""
    run = ladder.train_on_digits("vit", tmp_path / "run", epochs=8)
    assert run.card["metrics"]["accuracy"]["low"] > 0.6


@pytest.mark.long
def test_tiny_recipe_reaches_its_floor(tmp_path):
    """Floor of the tiny recipe, on digits it has not seen: 90 % at the lower end of the interval."""
    run = ladder.train_on_digits("vit", tmp_path / "run")
    assert run.evaluate().judgement.metrics["accuracy"].low >= 0.9


@pytest.mark.parametrize("positions", ["learned", "relative"])
def test_exports(tmp_path, positions):
    ladder.check_exports(tiny(positions=positions), tmp_path)


@pytest.mark.parametrize("library", FAMILIES)
def test_foreign_weights_load_and_go_back(tmp_path, library):
    theirs = reference(library).state_dict()
    write_tensors(tmp_path / "theirs.safetensors", theirs)
    tensors = read_tensors(tmp_path / "theirs.safetensors")
    assert names.is_theirs(tensors) and not names.is_theirs({"patches.projection.weight": torch.zeros(1)})
    model = ours()
    load_into(model, by_our_names("vit", tensors), source="theirs")
    back = names.to_theirs(model.state_dict(), library)
    assert back.keys() == theirs.keys()
    assert all(torch.equal(back[name], theirs[name]) for name in theirs)
    assert by_our_names("vit", model.state_dict()).keys() == model.state_dict().keys()  # ours stay ours


if __name__ == "__main__":
    print("FIRST_LOSSES = [" + ", ".join(f"{loss:.6f}" for loss in losses()) + "]")
