"""Swin climbs the ladder: shapes, parity with three libraries, the mask against an oracle, learning."""

import numpy as np
import pytest
import torch
from torch import nn

from glassworks.insight.record import recording
from glassworks.models.vision.swin import APART, VARIANTS, SwinConfig, Windows, build, window_cost
from glassworks.weights.names import by_our_names
from glassworks.weights.names import swin as names
from glassworks.weights.store import load_into, read_tensors, write_tensors
from tests.models import ladder

# To change these on purpose: run `python -m tests.models.vision.test_swin`, paste what it prints, and say in
# the commit why the losses moved.
FIRST_LOSSES = [
    2.307068,
    2.306229,
    2.291502,
    2.294455,
    2.303236,
    2.293005,
    2.300565,
    2.296259,
    2.289811,
    2.304609,
]
TINY = {
    "height": 32, "width": 32, "classes": 10, "dimension": 16, "depths": (2, 2), "heads": (2, 4), "window": 4,
}  # fmt: skip
FAMILIES = ("torchvision", "timm", "transformers")
PLACES = ("relative_position_index",)  # torchvision keeps in its files what the window decides
# (height, width, window): maps that windows divide, that they do not, odd ones, one smaller than a window
SQUARE, WIDE, PADDED, ODD, SMALL = (64, 64, 4), (64, 128, 4), (72, 56, 4), (52, 60, 4), (16, 24, 7)


def tiny(**changes):
    return ladder.seeded(lambda: build(SwinConfig(**TINY | changes)))


def reference(library, height=64, width=64, window=4, depths=(2, 2), seed=5):
    """The library's network with random weights, patches of 4; nothing is downloaded."""
    heads = (2, 4)[: len(depths)]
    if library == "torchvision":
        models = pytest.importorskip("torchvision").models
        make = lambda: models.SwinTransformer(  # noqa: E731
            [4, 4], 16, list(depths), list(heads), [window, window], num_classes=10, stochastic_depth_prob=0.0
        )
    elif library == "timm":
        timm = pytest.importorskip("timm")
        make = lambda: timm.models.SwinTransformer(  # noqa: E731
            img_size=(height, width), embed_dim=16, depths=depths, num_heads=heads, window_size=window,
            num_classes=10, drop_path_rate=0.0,
        )  # fmt: skip
    else:
        transformers = pytest.importorskip("transformers")
        config = transformers.SwinConfig(
            image_size=(height, width), embed_dim=16, depths=list(depths), num_heads=list(heads),
            window_size=window, num_labels=10,
        )  # fmt: skip
        make = lambda: transformers.SwinForImageClassification(config)  # noqa: E731
    model = ladder.seeded(make, seed)
    for parameter in model.parameters():  # libraries start heads, tables and offsets at zero
        nn.init.normal_(parameter, std=0.2)
    return model


def ours(height=64, width=64, window=4, **changes):
    return build(SwinConfig(**TINY | {"height": height, "width": width, "window": window} | changes))


def pictures(count=4, channels=3, height=32, width=32):
    return torch.randn(count, channels, height, width, generator=torch.Generator().manual_seed(1))


def scores_of(model, seen):
    answer = model(seen)
    return answer if isinstance(answer, torch.Tensor) else answer.logits


# ---- shapes and figures


@pytest.mark.parametrize("shape", [{}, {"height": 28, "width": 40}, {"window": 7}, {"patch": 2, "window": 3}])
def test_shape_and_gradient(shape):
    model = tiny(**shape)
    seen = pictures(8, height=model.config.height, width=model.config.width)
    ladder.check_shape_and_gradient(model, seen, 10)
    ladder.check_deterministic_in_evaluation(model, seen)


def test_deterministic_in_evaluation_with_dropouts_on():
    model = tiny(dropout=0.5, drop_path=0.5)
    ladder.check_deterministic_in_evaluation(model, pictures())
    assert not torch.equal(model.train()(pictures()), model(pictures()))


@pytest.mark.parametrize(("variant", "parameters"), [("t", 28_288_354), ("s", 49_606_258), ("b", 87_768_224)])
def test_parameters_are_the_published_ones(variant, parameters):
    with torch.device("meta"):
        model = build(SwinConfig(**VARIANTS[variant]))
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert [name for name, _ in model.named_children()][-1] == "head"
    tables = [p.shape for name, p in model.named_parameters() if name.endswith("relative.table")]
    assert len(tables) == sum(VARIANTS[variant]["depths"])
    assert tables[0] == (169, VARIANTS[variant]["heads"][0])  # 13 x 13 offsets in a window of 7 x 7


@pytest.mark.parametrize(("side", "maps"), [(800, (200, 100, 50, 25)), (224, (56, 28, 14, 7))])
def test_the_maps_of_swin_t_are_a_pyramid(side, maps):
    """As they come out of each stage, not as a property says."""
    with torch.device("meta"):
        model = build(SwinConfig(height=side, width=side, **VARIANTS["t"])).eval()
        seen = []
        for stage in model.stages:
            stage.register_forward_hook(lambda _, __, out: seen.append(tuple(out.shape[1:])))
        scores = model(torch.empty(1, 3, side, side))
    assert scores.shape == (1, 1000)
    assert seen == [(one, one, width) for one, width in zip(maps, (96, 192, 384, 768))]
    assert model.config.grids == tuple((one, one) for one in maps)


def test_window_cost_is_the_derived_one():
    """Stage 1 at 800 pixels: 40,000 tokens, or 841 windows of 49 once 200 is filled up to 203."""
    assert Windows(200, 200, 7).padded == (203, 203) and Windows(200, 200, 7).count == 841
    everywhere = window_cost(200, 200, 96, 0)
    plain, padded = (window_cost(200, 200, 96, 7, padded=one) for one in (False, True))
    assert (everywhere, plain, padded) == (307_200_000_000, 376_320_000, 387_694_272)
    assert round(everywhere / plain, 1) == 816.3 and round(everywhere / padded, 1) == 792.4


# ---- parity


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("library", "shape"),
    [
        *(("torchvision", shape) for shape in (SQUARE, WIDE, PADDED, ODD, SMALL, (28, 56, 7))),
        *(("timm", shape) for shape in (SQUARE, WIDE)),
        *(("transformers", shape) for shape in (SQUARE, WIDE, PADDED, ODD)),
    ],
)
def test_parity(library, shape, dtype):
    """The same random weights give the same scores, by both paths of attention.

    timm turns the map before it fills it up, so moved windows lie elsewhere there when both happen.
    """
    theirs = reference(library, *shape).to(dtype).eval()
    model = ours(*shape).to(dtype).eval()
    load_into(model, by_our_names("swin", theirs.state_dict()), source="the reference")
    seen = pictures(2, 3, *shape[:2]).to(dtype)
    with torch.no_grad():
        expected = scores_of(theirs, seen)
        ladder.close(model(seen), expected)
    ladder.close(model(seen.requires_grad_()).detach(), expected)  # written out: it is to learn
    assert float(expected.std()) > 0.1


@pytest.mark.parametrize("shape", [PADDED, ODD])
def test_parity_with_timm_where_maps_are_filled_up_and_windows_do_not_move(shape):
    theirs = reference("timm", *shape, depths=(1, 1)).double().eval()
    model = ours(*shape, depths=(1, 1)).double().eval()
    load_into(model, names.to_ours(theirs.state_dict()), source="the reference")
    seen = pictures(2, 3, *shape[:2]).double()
    with torch.no_grad():
        ladder.close(model(seen), theirs(seen))


def test_gradients_agree_with_torchvision():
    theirs, model = reference("torchvision", *PADDED).double().train(), ours(*PADDED).double().train()
    load_into(model, names.to_ours(theirs.state_dict()), source="the reference")
    for one in (model, theirs):
        loss = nn.functional.cross_entropy(one(pictures(3, 3, 72, 56).double()), torch.tensor([1, 2, 3]))
        loss.backward()
    gradients = names.to_ours({name: p.grad for name, p in theirs.named_parameters()})
    for name, parameter in model.named_parameters():
        ladder.close(parameter.grad, gradients[name])


def test_parity_of_the_published_names_and_shapes():
    """Every tensor of torchvision's Swin-T has its place in ours, and the reverse."""
    models = pytest.importorskip("torchvision").models
    with torch.device("meta"):
        theirs, model = models.swin_t().state_dict(), build(SwinConfig(**VARIANTS["t"])).state_dict()
    renamed = names.to_ours(theirs)
    assert {name: t.shape for name, t in renamed.items()} == {name: t.shape for name, t in model.items()}


# ---- laws


def oracle(rows, columns, side, moved):
    """Which tokens each place may look at, from where they stand in the picture: a loop over all pairs.

    Windows are squares of the filled-up map, whose grid begins `shift` rows and columns late when moved; what
    is left before the first line is a window of its own. Returns {place: set of places}.
    """
    long = [-(-one // side) * side for one in (rows, columns)]
    shift = [side // 2 if moved and one > side else 0 for one in long]
    places = [(row, column) for row in range(long[0]) for column in range(long[1])]

    def window(place):
        return tuple((at - by) // side for at, by in zip(place, shift))

    return {one: {other for other in places if window(other) == window(one)} for one in places}


@pytest.mark.parametrize(
    ("rows", "columns", "side"),
    [(8, 8, 4), (8, 12, 4), (7, 9, 3), (10, 5, 4), (4, 9, 4), (6, 6, 5), (3, 3, 4)],
)
@pytest.mark.parametrize("moved", [False, True])
def test_law_a_token_sees_its_own_window_and_nothing_else(rows, columns, side, moved):
    """The mask against an oracle: each window's places are cut, and a pair is open where the oracle says."""
    windows = Windows(rows, columns, side, moved)
    down, right = windows.padded
    # The number of each place, sent through the same cut as the tokens.
    numbers = torch.arange(down * right, dtype=torch.float32).view(1, down, right, 1)
    turned = numbers.roll((-windows.shift[0], -windows.shift[1]), (1, 2))
    cut = windows.cut(turned, heads=1)[0, :, :, 0].long()  # (windows, tokens)
    assert sorted(cut.flatten().tolist()) == list(range(down * right))
    mask = windows.mask() if any(windows.shift) else torch.zeros(windows.count, side**2, side**2)
    sees = {}
    for places, open_ in zip(cut.tolist(), mask == 0):
        for row, one in enumerate(places):
            sees[divmod(one, right)] = {divmod(places[k], right) for k in open_[row].nonzero().flatten()}
    assert sees == oracle(rows, columns, side, moved)


@pytest.mark.parametrize("shape", [(8, 8, 4), (7, 9, 3), (5, 11, 4)])
@pytest.mark.parametrize("moved", [False, True])
def test_law_a_gradient_reaches_the_window_only(shape, moved):
    """What an answer depends on, read off the whole attention: one place asks, others get a gradient."""
    rows, columns, side = shape
    model = ladder.seeded(
        lambda: build(
            SwinConfig(height=rows, width=columns, patch=1, dimension=8, depths=(2,), heads=(2,), window=side)
        )
    )
    stage, place = model.stages[0].double(), int(moved)
    maps = torch.randn(1, rows, columns, 8, dtype=torch.float64, requires_grad=True)
    answers = stage.blocks[place].attention(maps, stage.mask if place else None)
    allowed = oracle(rows, columns, side, moved)
    for at in [(0, 0), (rows - 1, columns - 1), (rows // 2, columns // 2), (0, columns - 1)]:
        (gradient,) = torch.autograd.grad(answers[0][at].sum(), maps, retain_graph=True)
        reached = {tuple(one) for one in gradient[0].abs().sum(-1).nonzero().tolist()}
        inside = {one for one in allowed[at] if one[0] < rows and one[1] < columns}
        assert reached == inside


def test_law_only_moved_windows_have_a_mask_and_it_is_made_once():
    with torch.device("meta"):
        model = build(SwinConfig(**VARIANTS["t"]))
    masks = [None if stage.mask is None else tuple(stage.mask.shape) for stage in model.stages]
    assert masks == [(64, 49, 49), (16, 49, 49), (4, 49, 49), None]  # 7 x 7 tokens are one window: none moves
    assert not any("mask" in name or "places" in name for name in model.state_dict())
    unmoved = build(SwinConfig(**TINY | {"depths": (1, 1)}))
    assert all(stage.mask is None for stage in unmoved.stages)


def test_law_cutting_and_joining_are_each_others_inverse():
    windows = Windows(7, 10, 4, True)
    maps = torch.randn(2, 7, 10, 12, generator=torch.Generator().manual_seed(2))
    placed = windows.placed(maps)
    sentences = windows.cut(placed, heads=3)
    assert placed.shape == (2, 8, 12, 12) and sentences.shape == (2, 6 * 3, 16, 4)
    assert torch.equal(windows.replaced(windows.joined(sentences, heads=3)), maps)


def test_attention_can_be_looked_at_and_looking_changes_nothing():
    """Rows sum to one, and in moved windows what is hidden has exactly no weight."""
    model = tiny().eval()
    wanted = [f"stages.0.blocks.{place}.attention.maps" for place in (0, 1)]
    with torch.no_grad():
        before = model(pictures(2))
        with recording(model, wanted) as seen:
            looked_at = model(pictures(2))
    torch.testing.assert_close(looked_at, before, rtol=0, atol=1e-6)
    for maps in seen.values():
        assert maps.shape == (2, 4 * 2, 16, 16)  # pictures, windows * heads, tokens, tokens
        torch.testing.assert_close(maps.sum(-1), torch.ones(2, 8, 16), rtol=0, atol=1e-6)
    moved = seen[wanted[1]].unflatten(1, (4, 2))  # (pictures, windows, heads, tokens, tokens)
    hidden = (model.stages[0].mask == APART)[None, :, None].expand_as(moved)
    assert float(moved[hidden].abs().max()) == 0 and float(moved[~hidden].min()) > 0


# ---- refused


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"height": 30}, "32x32 can"), ({"heads": (3, 4)}, "3 heads"), ({"heads": (2,)}, "one number a stage"),
     ({"depths": (1,) * 5, "heads": (1,) * 5}, "one to 4 stages"), ({"window": 0}, "at least 1"),
     ({"dropout": 1.0}, "dropout"), ({"drop_path": -0.1}, "drop_path")],
)  # fmt: skip
def test_impossible_configs_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        SwinConfig(**TINY | wrong)


def test_a_picture_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"expected pictures of shape \(batch, 3, 32, 32\)"):
        tiny()(pictures(2, 3, 64, 64))


# ---- training, exports, names


def losses():
    return ladder.first_losses(tiny(), 3)


def test_same_losses():
    """The first ten losses, to 1e-3: a change here is a change of the mathematics."""
    np.testing.assert_allclose(losses(), FIRST_LOSSES, rtol=1e-3)


def test_learns_digits(tmp_path):
    """A few passes of the tiny recipe: far above the chance of 10 %."""
    run = ladder.train_on_digits("swin", tmp_path / "run", epochs=6)
    assert run.card["metrics"]["accuracy"]["low"] > 0.6


@pytest.mark.long
def test_tiny_recipe_reaches_its_floor(tmp_path):
    """Floor of the tiny recipe, on digits it has not seen: 90 % at the lower end of the interval."""
    run = ladder.train_on_digits("swin", tmp_path / "run")
    assert run.evaluate().judgement.metrics["accuracy"].low >= 0.90


@pytest.mark.parametrize("shape", [{}, {"height": 36, "width": 28}])
def test_exports(tmp_path, shape):
    ladder.check_exports(tiny(**shape), tmp_path)


def older(tensors):
    """A file of transformers as its authors published them before version 5."""
    moved = (("attention.q_proj", "attention.self.query"), ("attention.k_proj", "attention.self.key"),
             ("attention.v_proj", "attention.self.value"), ("attention.o_proj", "attention.output.dense"),
             ("relative_position_bias.relative_position_bias_table", "self.relative_position_bias_table"),
             ("mlp.fc1", "intermediate.dense"), ("mlp.fc2", "output.dense"))  # fmt: skip
    found = {}
    for name, tensor in tensors.items():
        for after, before in moved:
            name = name.replace(after, before)
        found[name] = tensor
    place = "swin.encoder.layers.0.blocks.0.attention.self.relative_position_index"
    return found | {place: torch.zeros(16, 16, dtype=torch.int64)}


@pytest.mark.parametrize("library", [*FAMILIES, "transformers-4"])
def test_foreign_weights_load_and_go_back(tmp_path, library):
    theirs = reference(library.removesuffix("-4")).state_dict()
    theirs = older(theirs) if library == "transformers-4" else theirs
    write_tensors(tmp_path / "theirs.safetensors", theirs)
    tensors = read_tensors(tmp_path / "theirs.safetensors")
    assert names.is_theirs(tensors) and not names.is_theirs({"patches.projection.weight": torch.zeros(1)})
    model = ours()
    load_into(model, by_our_names("swin", tensors), source="theirs")
    back = names.to_theirs(model.state_dict(), library)
    assert back.keys() == {name for name in theirs if not name.endswith(PLACES)}
    assert all(torch.equal(back[name], theirs[name]) for name in back)
    assert by_our_names("swin", model.state_dict()).keys() == model.state_dict().keys()  # ours stay ours


def test_foreign_weights_that_merge_at_the_end_of_a_stage_are_not_taken_for_timms():
    tensors = reference("timm").state_dict()
    moved = {name.replace("layers.1.downsample", "layers.0.downsample"): t for name, t in tensors.items()}
    assert names.is_theirs(tensors) and not names.is_theirs(moved)


if __name__ == "__main__":
    print("FIRST_LOSSES = [" + ", ".join(f"{loss:.6f}" for loss in losses()) + "]")
