"""The chapter "Inside attention": its numbers are true, and its figures show what they say."""

import math

import pytest
import torch
import torch.nn.functional as F

from glassworks import labs
from glassworks.blocks.drop_path import DropPath, shares
from glassworks.blocks.encoder_block import ACTIVATIONS, BlockConfig, EncoderBlock
from glassworks.insight.cost import stage_costs
from glassworks.insight.record import recording
from glassworks.labs import drop_path_effect
from glassworks.models.vision.vit import VARIANTS, ViTConfig, build
from glassworks.reader import exercises
from glassworks.reader.exercises.kinds import NumberExercise
from glassworks.reader.figures import block_walk, cost_of_maps, heads_side_by_side, skipped_paths
from glassworks.reader.figures.block_walk import BlockWalk
from glassworks.reader.figures.cost_of_maps import CostOfMaps
from glassworks.reader.figures.gelu_and_relu import FORMS, GeluAndRelu, value_and_slope
from glassworks.reader.figures.gradients_by_depth import GradientsByDepth
from glassworks.reader.figures.heads_side_by_side import GRID, NAMES, HeadsSideBySide, maps
from glassworks.reader.figures.one_token_asks import KEYS, VALUES, OneTokenAsks, asked
from glassworks.reader.figures.skipped_paths import SkippedPaths, kept
from glassworks.reader.figures.width_and_sharpness import WIDTHS, products, slope, weights_of
from tests.reader.chapters.ladder import prose, words

SLUG = "image/inside_attention"


def exercise(word: str) -> NumberExercise:
    found = exercises.find(f"inside_attention.{word}")
    assert isinstance(found, NumberExercise)
    return found


# ---- the page


def test_the_page_runs_torchs_own_attention_as_torchvision_asks_for_it(monkeypatch):
    """A hook on torchvision's encoder gets no weights: it asks for none."""
    tv = pytest.importorskip("torchvision.models.vision_transformer")
    asked_for = {}
    layer = tv.EncoderBlock(2, 8, 16, 0.0, 0.0)
    forward = layer.self_attention.forward
    monkeypatch.setattr(layer.self_attention, "forward",
                        lambda *given, **more: asked_for.update(more) or forward(*given, **more))  # fmt: skip
    layer(torch.zeros(1, 5, 8))
    assert asked_for["need_weights"] is False


# ---- one token asks


def test_the_example_by_hand_is_what_the_code_gives():
    text = prose(SLUG)
    scores, weights, answer = asked(torch.tensor([2.0, 0.0], dtype=torch.float64))
    assert scores.tolist() == pytest.approx([math.sqrt(2), 0, math.sqrt(2)])
    assert [f"{100 * w:.1f}" for w in weights.tolist()] == ["44.6", "10.8", "44.6"]
    assert "44.6 %, 10.8 % and 44.6 %" in text and "(0, -0.337)" in text
    assert answer.tolist() == pytest.approx([0, -0.337], abs=5e-4)
    theirs = F.scaled_dot_product_attention(
        torch.tensor([[2.0, 0.0]]), torch.tensor(KEYS), torch.tensor(VALUES)
    )
    assert torch.allclose(theirs[0].double(), answer, atol=1e-6)


def test_the_exercises_by_hand_are_right_and_so_are_their_mistakes():
    products_of = torch.tensor([2.0, 2.0, 4.0], dtype=torch.float64)
    one = exercise("weights")
    assert float((products_of / math.sqrt(2)).softmax(0)[2]) == pytest.approx(one.target, abs=5e-4)
    given = {mistake.value for mistake in one.mistakes}
    ways = (products_of.softmax(0)[2], products_of[2] / products_of.sum(), (products_of / 2).softmax(0)[2],
            (products_of / math.sqrt(2)).softmax(0)[0])  # fmt: skip
    assert {round(float(way), 3) for way in ways} == given
    assert round(float((2 * products_of / math.sqrt(2)).softmax(0)[2]), 3) == 0.894 and "0.894" in one.further
    assert exercise("root").target == math.sqrt(768 / 12)


def test_turning_the_query_moves_the_weight_and_no_answer_leaves_the_triangle():
    figure = OneTokenAsks()
    assert "44.6% B (0, 1) 0 0 10.8% C (1, 1) 2 1.414 44.6%" in words(figure.drawn)
    assert "33.3%" in words(figure.set(length=0))
    far = asked(3 * torch.tensor([-1.0, 1.0], dtype=torch.float64))[1]
    assert far.argmax() == 1
    dice = torch.Generator().manual_seed(0)
    for query in torch.randn(50, 2, generator=dice, dtype=torch.float64) * 4:
        weights = asked(query)[1]
        assert bool((weights >= 0).all()) and float(weights.sum()) == pytest.approx(1)


# ---- the root


def test_the_root_keeps_the_spread_at_one_at_every_width():
    for width in WIDTHS[2:]:
        assert products(0)[width].std() == pytest.approx(math.sqrt(width), rel=0.15)
    with_root = [weights_of(0, width, True).max(1).mean() for width in WIDTHS[2:]]
    without = [weights_of(0, width, False).max(1).mean() for width in WIDTHS]
    assert max(with_root) - min(with_root) < 0.12 and without[0] < 0.5 < 0.8 < without[6]
    assert slope(weights_of(0, 64, False)) < 0.5 * slope(weights_of(0, 64, True))


# ---- heads


def test_each_head_looks_for_what_its_name_says_and_every_row_sums_to_one():
    weights, answers = maps("a cat" if "a cat" in heads_side_by_side.available() else "plain grey")
    assert weights.shape == (len(NAMES), GRID**2, GRID**2)
    assert torch.allclose(weights.sum(-1), torch.ones(len(NAMES), GRID**2), atol=1e-5)
    asking = 6 * GRID + 5
    left, colour, near, everything, both = weights[:, asking]
    assert int(left.argmax()) == asking - 1 and int(near.argmax()) == asking == int(colour.argmax())
    assert torch.allclose(everything, torch.full((GRID**2,), 1 / GRID**2))
    assert not torch.allclose(both, left, atol=0.05) and not torch.allclose(both, colour, atol=0.05)
    mean = answers[3, 0]
    assert torch.allclose(answers[3], mean.expand_as(answers[3]), atol=1e-5)
    assert "1.0000" in words(HeadsSideBySide().drawn)


def test_more_heads_cost_no_parameters():
    count = lambda heads: sum(  # noqa: E731
        p.numel() for p in EncoderBlock(768, BlockConfig(heads=heads)).attention.parameters()
    )
    with torch.device("meta"):
        assert count(12) == count(24) == count(1) == exercise("heads").target == 2_362_368


# ---- the block


def test_the_counts_of_the_text_are_those_of_the_model():
    text = prose(SLUG)
    parts = block_walk.parameters("b16")
    assert parts["attention"] + parts["norm1"] == 2_363_904 and parts["norm2"] == 1_536  # T26
    assert parts["mlp"] == 4_722_432 and sum(parts.values()) == 7_087_872
    with torch.device("meta"):
        model = build(ViTConfig(**VARIANTS["b16"]))
    whole = sum(p.numel() for name, p in model.named_parameters() if not name.startswith("head"))
    embedding = sum(p.numel() for p in model.patches.parameters())
    assert embedding == 590_592 and model.positions.numel() == 151_296 and model.class_token.numel() == 768
    assert whole == 85_798_656 == 12 * 7_087_872 + 590_592 + 768 + 151_296 + 1_536  # C45
    for number in ("2,363,904", "4,722,432", "7,087,872", "590,592", "151,296", "85,798,656"):
        assert number in text
    assert parts["mlp"] / sum(parts.values()) == pytest.approx(2 / 3, abs=0.001)
    assert BlockConfig().epsilon == 1e-6 and torch.nn.LayerNorm(3).eps == 1e-5  # C46


def test_the_walk_counts_the_work_as_the_calculator_does():
    with torch.device("meta"):
        model = build(ViTConfig(**VARIANTS["ti16"]))
        stages = stage_costs(model, torch.zeros(1, 3, 224, 224))
    block = next(stage for stage in stages if stage.name.startswith("blocks"))
    assert sum(block_walk.multiply_adds("ti16").values()) == block.multiply_adds
    figure = BlockWalk()
    assert "maps of (12, 197, 197)" in words(figure.drawn) and "(197, 2,304)" in words(figure.drawn)
    assert "3,072" in words(figure.set(station=5))  # T27
    assert "7,087,872" in words(figure.set(norm="after a sum (post)"))
    work = block_walk.multiply_adds("b16")
    assert work["mlp"] > work["attention"]  # "most of its work at 197 tokens"


def test_a_token_is_normed_by_its_own_numbers_alone():
    tokens = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0))
    norm = torch.nn.LayerNorm(8)
    alone = norm(tokens[:1, 2:3])
    assert torch.allclose(norm(tokens)[:1, 2:3], alone, atol=1e-6)
    assert float(alone.detach().mean()) == pytest.approx(0, abs=1e-6)
    assert float(alone.detach().std(unbiased=False)) == pytest.approx(1, abs=1e-3)


# ---- norms


def test_the_figure_shows_what_the_lab_measures():
    figure = GradientsByDepth()
    drawn = words(figure.set(depth="2"))
    assert "Training" in drawn or "pre-norm, before" in drawn
    drawn = words(figure.wait())
    assert "pre-norm, after" in drawn and "post-norm, before" in drawn and "Training" not in drawn


# ---- activations


def test_gelu_is_as_the_text_says():
    text = prose(SLUG)
    exact, tanh = ACTIVATIONS["gelu"], ACTIVATIONS["gelu-tanh"]
    points = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0], dtype=torch.float64)
    assert exact(points).tolist() == pytest.approx([-0.004050, -0.158655, 0, 0.841345, 2.995950], abs=5e-7)
    assert float(tanh(points[1])) == pytest.approx(-0.158808, abs=5e-7)
    fine = torch.linspace(-1.5, 0, 150_001, dtype=torch.float64)
    lowest = int(exact(fine).argmin())
    assert float(fine[lowest]) == pytest.approx(-0.751790, abs=1e-5)
    assert float(exact(fine)[lowest]) == pytest.approx(-0.169971, abs=5e-7)
    assert float(value_and_slope("gelu", points)[1][2]) == 0.5  # all of them T44
    for number in ("-0.004050 | -0.158655 | 0 | 0.841345 | 2.995950", "-0.169971", "-0.751790", "-0.158808"):
        assert number in text
    far = torch.tensor(-4.0, dtype=torch.float64)
    assert float(value_and_slope("gelu", far)[1]) == pytest.approx(-0.0005, abs=2e-5)
    assert "-0.0005" in exercises.find("inside_attention.silent").why


def test_the_figure_of_gelu_reads_the_installed_functions():
    figure = GeluAndRelu()
    assert "-0.158655" in words(figure.drawn) and "-0.083315" in words(figure.drawn)
    shown = words(figure.set(form="by tanh"))
    assert "-0.158808" in shown and "0.000153" in shown
    assert "ReLU 0.000000 0.000000" in shown
    assert set(FORMS.values()) <= set(ACTIVATIONS)


# ---- DropPath


def test_the_figure_skips_as_the_module_does():
    many = kept(0.4, 0, pictures=4000)
    assert (1 - many.mean(axis=(0, 2))) == pytest.approx(shares(0.4, skipped_paths.DEPTH), abs=0.03)
    both = (~many[:, -1]).all(axis=1).mean()
    assert both == pytest.approx(0.16, abs=0.03)  # the square of the share
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        out = DropPath(0.4).train()(torch.ones(4000, 2))
    assert float((out == 0).double().mean()) == pytest.approx(0.4, abs=0.03)
    assert float(out.max()) == pytest.approx(1 / 0.6)
    assert shares(0.1, 12)[:3] == pytest.approx([0, 0.0091, 0.0182], abs=5e-5)
    assert "0, 0.009, 0.018" in prose(SLUG)
    figure = SkippedPaths()
    assert "19.2 of 24" in words(figure.drawn) and "1.667" in words(figure.drawn)
    assert "All 24 branches" in words(figure.set(mode="answers"))


# ---- maps


def test_the_maps_cost_what_the_figure_says_and_both_ways_agree():
    assert cost_of_maps.tokens_of(224, 16) == 197
    assert cost_of_maps.map_bytes(197, 12) == 32 * 12 * 197 * 197 * 4
    for tokens in (50, 197):
        assert 0 < cost_of_maps.largest_difference(tokens, 3) < 1e-5
    shown = words(CostOfMaps().drawn)
    assert "59.6 MB" in shown and "0.3 MB" in shown
    grown = cost_of_maps.map_bytes(cost_of_maps.tokens_of(448, 16), 12) / cost_of_maps.map_bytes(197, 12)
    assert grown == pytest.approx(15.9, abs=0.05)


def test_a_row_of_a_map_is_a_picture():
    """T35: from (1, 12, 197, 197) to 14 x 14, and the class token gives the patches at most 1."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build(ViTConfig(dimension=48, depth=1, classes=2)).eval()
    with torch.no_grad(), recording(model, ["blocks.0.attention.maps"]) as seen:
        model(torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0)))
    weights = seen["blocks.0.attention.maps"]
    assert weights.shape == (1, 12, 197, 197)
    mean = weights.mean(1)
    assert mean.shape == (1, 197, 197) and torch.allclose(mean.sum(-1), torch.ones(1, 197), atol=1e-5)
    patches = mean[0, 0, 1:]
    assert patches.reshape(14, 14).shape == (14, 14) and 0.9 < float(patches.sum()) < 1


# ---- what the labs found, as the text tells it


def lab(name: str):
    found = labs.recorded(name)
    assert found is not None
    return found


def test_the_text_tells_what_the_lab_on_norms_found():
    numbers, text = lab("norm-by-depth").numbers, prose(SLUG)
    mean = {name: sum(row) / len(row) for name, row in numbers.items()}
    ends = [round(mean[f"last block before: pre, {depth} blocks"], 2) for depth in (4, 16)]
    assert ends == [0.08, 0.04] and "from about 0.08 to 0.04 with pre-norm" in text
    assert mean["last block before: post, 16 blocks"] >= mean["last block before: post, 4 blocks"]
    assert (
        max(numbers["first block after: post, 16 blocks"]) < 0.00001 and "below 0.00001 in all three" in text
    )
    assert (
        max(numbers["apart after: post, 16 blocks"])
        < 1e-4
        < 0.1
        < min(numbers["apart after: pre, 16 blocks"])
    )
    before = [row for name, row in numbers.items() if "block before" in name]
    assert all(0.01 < size < 0.5 for row in before for size in row)  # nothing exploded, nothing vanished
    assert round(mean["accuracy: post, 16 blocks"]) == 9 and "9 % of the digits were right" in text
    apart = mean["accuracy: pre, 4 blocks"] - mean["accuracy: post, 4 blocks"]
    seeds = max(numbers["accuracy: pre, 4 blocks"]) - min(numbers["accuracy: pre, 4 blocks"])
    assert round(apart) == 2 < seeds
    saved = sum(share > 20 for share in numbers["accuracy: post, 16 blocks, slow start"])
    assert saved == 1 and "saved one post-norm run of three" in text
    deep = [round(mean[f"accuracy: pre, 16 blocks{way}"]) for way in (", slow start", "")]
    assert deep == [82, 69] and "16 blocks reach 82 % with it and 69 % without" in text
    assert mean["accuracy: pre, 4 blocks"] > mean["accuracy: pre, 16 blocks, slow start"]


def test_the_text_tells_what_the_other_labs_found():
    text, gelu, drop = prose(SLUG), lab("gelu-against-relu"), lab("drop-path-effect")
    assert gelu.outcome == drop.outcome == "not shown"
    assert "against ReLU" in gelu.verdict and "-0.3 (-1.3 to +0.6)" in gelu.interval
    assert "by -0.3 points, somewhere between -1.3 and +0.6" in text
    assert max(gelu.numbers["silent: gelu"]) < 0.5 and max(gelu.numbers["silent: relu"]) < 0.5
    assert "-0.2 (-4.1 to +3.7)" in drop.interval
    assert "by -0.2 points, somewhere between -4.1 and +3.7" in text
    for most in ("0", "0.2", "0.4"):
        gaps = drop.numbers[f"gap: {most}"]
        assert sum(gaps) / len(gaps) == pytest.approx(26, abs=0.7)
    assert drop_path_effect.furthest(drop.numbers) < drop_path_effect.FAR
