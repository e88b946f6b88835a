"""PVT climbs the ladder: shapes, parity with transformers, laws of the pyramid, learning, losses, sizes."""

import numpy as np
import pytest
import torch
from torch import nn

from glassworks.insight.record import recording
from glassworks.models.vision.pvt import VARIANTS, PVTConfig, ReducedAttention, build, resized
from glassworks.transfer.parts import parts_of
from glassworks.weights.names import by_our_names
from glassworks.weights.names import pvt as names
from glassworks.weights.store import load_into, read_tensors, write_tensors
from tests.models import ladder

# To change these on purpose: run `python -m tests.models.vision.test_pvt`, paste what it prints, and say in
# the commit why the losses moved.
FIRST_LOSSES = [
    2.309870,
    2.270526,
    2.273581,
    2.292212,
    2.237668,
    2.203099,
    2.226757,
    2.194241,
    2.082963,
    2.147760,
]
TINY = {
    "height": 32, "width": 32, "classes": 10, "patch": 2, "depths": (1, 2, 1, 1), "widths": (8, 16, 24, 32),
    "heads": (1, 2, 3, 4), "ratios": (4.0, 4.0, 2.0, 2.0), "reductions": (4, 2, 2, 1),
}  # fmt: skip
SMALL = {  # the published pyramid with fewer and narrower blocks
    "classes": 10, "depths": (1, 2, 1, 1), "widths": (16, 32, 40, 64), "heads": (1, 2, 5, 8),
}  # fmt: skip


def tiny(**changes):
    return ladder.seeded(lambda: build(PVTConfig(**TINY | changes)))


def reference(seed=5):
    """transformers' PVT for 64 x 64 pixels with random weights; nothing is downloaded."""
    transformers = pytest.importorskip("transformers")
    config = transformers.PvtConfig(
        image_size=64, num_labels=10, depths=list(SMALL["depths"]), hidden_sizes=list(SMALL["widths"])
    )
    model = ladder.seeded(lambda: transformers.PvtForImageClassification(config), seed)
    for parameter in model.parameters():  # the library starts tokens and offsets near zero
        nn.init.normal_(parameter, std=0.1)
    return model


def ours(height=64, width=64):
    return build(PVTConfig(height=height, width=width, **SMALL))


def pictures(count=4, channels=3, height=32, width=32):
    return torch.randn(count, channels, height, width, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("height", "width", "channels"), [(32, 32, 3), (32, 64, 1)])
def test_shape_and_gradient(height, width, channels):
    model = tiny(height=height, width=width, channels=channels)
    seen = pictures(8, channels, height, width)
    ladder.check_shape_and_gradient(model, seen, 10)
    ladder.check_deterministic_in_evaluation(model, seen)


def test_deterministic_in_evaluation_with_all_dropouts_on():
    model = tiny(dropout=0.5, drop_path=0.5)
    ladder.check_deterministic_in_evaluation(model, pictures())
    assert not torch.equal(model.train()(pictures()), model(pictures()))


@pytest.mark.parametrize(
    ("variant", "depths", "parameters"),
    [
        ("t", (2, 2, 2, 2), 13_229_288),
        ("s", (3, 4, 6, 3), 24_485_864),
        ("m", (3, 4, 18, 3), 44_208_104),
        ("l", (3, 8, 27, 3), 61_369_320),
    ],
)
def test_parameters_are_the_published_ones(variant, depths, parameters):
    """13.2, 24.5, 44.2 and 61.4 million in the paper; to the last one those of transformers."""
    transformers = pytest.importorskip("transformers")
    with torch.device("meta"):
        model = build(PVTConfig(**VARIANTS[variant]))
        theirs = transformers.PvtForImageClassification(transformers.PvtConfig(depths=list(depths)))
    count = sum(p.numel() for p in model.parameters())
    assert count == parameters == sum(p.numel() for p in theirs.parameters())
    assert [name for name, _ in model.named_children()][-1] == "head"
    assert [part.name for part in parts_of(model)] == [*(f"stages.{n}" for n in range(4)), "head"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("height", "width"), [(64, 64), (32, 128)])
def test_parity(height, width, dtype):
    """The same random weights give the same scores, on squares and on other shapes."""
    theirs = reference().to(dtype).eval()
    model = ours(height, width).to(dtype).eval()
    load_into(model, by_our_names("pvt", theirs.state_dict()), source="the reference")
    seen = pictures(2, 3, height, width).to(dtype)
    with torch.no_grad():
        expected = theirs(seen)
        ladder.close(model(seen), expected.logits)
    ladder.close(model(seen.requires_grad_()).detach(), expected.logits)  # written out: it is to learn
    assert float(expected.logits.std()) > 0.1


def test_parity_of_maps_and_of_gradients():
    theirs, model = reference().double().train(), ours().double().train()
    load_into(model, by_our_names("pvt", theirs.state_dict()), source="the reference")
    seen, targets = pictures(3, 3, 64, 64).double(), torch.tensor([1, 2, 3])
    said = theirs(seen, output_hidden_states=True)
    ends = [said.hidden_states[place] for place in (0, 2, 3, 4)]  # the last block of each stage
    for one, tokens, side in zip(model.maps(seen), ends, (16, 8, 4, 2), strict=True):
        tokens = tokens[:, -side * side :].transpose(1, 2).unflatten(2, (side, side))
        ladder.close(one.detach(), tokens.detach())
    nn.functional.cross_entropy(said.logits, targets).backward()
    nn.functional.cross_entropy(model(seen), targets).backward()
    embeddings = theirs.pvt.encoder.patch_embeddings
    for stage, other in zip(model.stages, embeddings, strict=True):
        ladder.close(stage.positions.grad, other.position_embeddings.grad)
        ladder.close(stage.patches.projection.weight.grad, other.projection.weight.grad)


def test_a_backbone_gives_four_maps_each_half_of_the_one_before():
    """P26: what a detector is built on; no side needs to be equal, and the class token is on none."""
    model = ours(64, 96).eval()
    shapes = [tuple(one.shape) for one in model.maps(pictures(2, 3, 64, 96))]
    assert shapes == [(2, 16, 16, 24), (2, 32, 8, 12), (2, 40, 4, 6), (2, 64, 2, 3)]
    with torch.device("meta"):
        published = build(PVTConfig(**VARIANTS["t"]))
        shapes = [tuple(one.shape[1:]) for one in published.maps(torch.zeros(1, 3, 224, 224))]
    assert shapes == [(64, 56, 56), (128, 28, 28), (320, 14, 14), (512, 7, 7)]
    sum(one.square().mean() for one in model.train().maps(pictures(2, 3, 64, 96))).backward()
    unused = {name for name, p in model.named_parameters() if p.grad is None}
    assert unused == {"norm.weight", "norm.bias", "head.weight", "head.bias"}


def test_law_reduction_is_not_pooling():
    """Inside a stage no token is lost, each asks a question of its own, and each sees the whole picture."""
    attention = ladder.seeded(lambda: ReducedAttention(16, 2, (8, 8), 4)).double().eval()
    tokens = torch.randn(1, 64, 16, generator=torch.Generator().manual_seed(2)).double()
    with torch.no_grad():
        answers = attention(tokens)
        assert answers.shape == tokens.shape and attention.reduced(tokens).shape == (1, 4, 16)
        changed = tokens.clone()
        changed[:, -1] += 1.0  # the corner farthest from the first token
        far = (attention(changed) - answers).abs().amax(-1)[0]
    assert float(far.min()) > 1e-6, "a token did not see the far corner"
    assert float(torch.cdist(answers[0], answers[0]).fill_diagonal_(1).min()) > 1e-6, "two tokens became one"


def test_law_without_reduction_it_is_full_attention():
    """With a reduction of 1 the same weights answer as torch's own attention over all tokens."""
    attention = ladder.seeded(lambda: ReducedAttention(16, 2, (4, 4), 1)).double().eval()
    plain = nn.MultiheadAttention(16, 2, batch_first=True).double().eval()
    with torch.no_grad():
        for kind in ("weight", "bias"):
            first, rest = getattr(attention.query, kind), getattr(attention.key_value, kind)
            getattr(plain, f"in_proj_{kind}").copy_(torch.cat([first, rest]))
            getattr(plain.out_proj, kind).copy_(getattr(attention.projection, kind))
        tokens = torch.randn(2, 16, 16, generator=torch.Generator().manual_seed(2)).double()
        ladder.close(attention(tokens), plain(tokens, tokens, tokens)[0])


def test_attention_maps_can_be_listened_to_and_have_fewer_keys_than_queries():
    model = tiny().eval()
    modules = [f"stages.{stage}.blocks.0.attention.maps" for stage in range(4)]
    with torch.no_grad():
        plain = model(pictures(2))
        with recording(model, modules) as seen:
            ladder.close(model(pictures(2)), plain)
    found = [seen[name] for name in modules]
    assert [tuple(one.shape) for one in found] == [
        (2, 1, 256, 16),
        (2, 2, 64, 16),
        (2, 3, 16, 4),
        (2, 4, 5, 5),
    ]
    assert all(torch.allclose(one.sum(-1), torch.ones(())) for one in found)


def test_law_resizing_fits_every_stage_and_leaves_the_same_size_alone():
    before, after = PVTConfig(**TINY), PVTConfig(**TINY | {"height": 64, "width": 96})
    model = tiny()
    same = resized(model.state_dict(), before, PVTConfig(**TINY | {"classes": 3}))
    assert all(torch.equal(same[name], tensor) for name, tensor in model.state_dict().items())
    larger = build(after)
    load_into(larger, resized(model.state_dict(), before, after), source="the small one")
    assert larger(pictures(2, 3, 64, 96)).shape == (2, 10)
    token = model.stages[-1].positions[:, 0]  # the class token has no place
    assert torch.equal(larger.stages[-1].positions[:, 0], token)
    assert [stage.positions.shape[1] for stage in larger.stages] == [32 * 48, 16 * 24, 8 * 12, 1 + 4 * 6]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"height": 40}, "whole multiples of 16; 32x32 does"), ({"height": 0}, "does not divide"),
     ({"patch": 0}, "at least 1"), ({"heads": (1, 2, 5, 4)}, "5 heads"), ({"depths": (1, 1)}, "depths are 4"),
     ({"reductions": (4, 2, 2, 2)}, "last reduction is 1"), ({"reductions": (0, 1, 1, 1)}, "above 0"),
     ({"dropout": 1.0}, "dropout"), ({"drop_path": -0.1}, "drop_path")],
)  # fmt: skip
def test_impossible_configs_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        PVTConfig(**TINY | wrong)


def test_a_picture_of_another_size_is_refused():
    """A pixel row that would be lost at an edge is told, not cropped."""
    assert PVTConfig().unit == 32
    with pytest.raises(ValueError, match="multiples of 32; 224x224 does"):
        PVTConfig(height=230, width=224)
    with pytest.raises(ValueError, match=r"expected pictures of shape \(batch, 3, 32, 32\)"):
        tiny()(pictures(2, 3, 33, 32))


def losses():
    return ladder.first_losses(tiny(), 3)


def test_same_losses():
    """The first ten losses, to 1e-3: a change here is a change of the mathematics."""
    np.testing.assert_allclose(losses(), FIRST_LOSSES, rtol=1e-3)


def test_learns_digits(tmp_path):
    """A few passes of the tiny recipe: far above the chance of 10 %."""
    run = ladder.train_on_digits("pvt", tmp_path / "run", epochs=6)
    assert run.card["metrics"]["accuracy"]["low"] > 0.6


@pytest.mark.long
def test_tiny_recipe_reaches_its_floor(tmp_path):
    """Floor of the tiny recipe, on digits it has not seen: 93 % at the lower end of the interval."""
    run = ladder.train_on_digits("pvt", tmp_path / "run")
    assert run.evaluate().judgement.metrics["accuracy"].low >= 0.93


def test_exports(tmp_path):
    ladder.check_exports(tiny(), tmp_path)


def test_foreign_weights_load_and_go_back(tmp_path):
    theirs = reference().state_dict()
    write_tensors(tmp_path / "theirs.safetensors", theirs)
    tensors = read_tensors(tmp_path / "theirs.safetensors")
    assert names.is_theirs(tensors) and not names.is_theirs({"stages.0.positions": torch.zeros(1)})
    model = ours()
    load_into(model, by_our_names("pvt", tensors), source="theirs")
    back = names.to_theirs(model.state_dict())
    assert back.keys() == theirs.keys()
    assert all(torch.equal(back[name], theirs[name]) for name in theirs)
    assert by_our_names("pvt", model.state_dict()).keys() == model.state_dict().keys()  # ours stay ours


if __name__ == "__main__":
    print("FIRST_LOSSES = [" + ", ".join(f"{loss:.6f}" for loss in losses()) + "]")
