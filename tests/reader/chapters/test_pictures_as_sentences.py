"""The chapter "Pictures as sentences": its numbers are true, and its figures show what the text says."""

import math
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from glassworks import labs
from glassworks.blocks.patches import Patches, cut, grid_of, joined
from glassworks.blocks.positions import offsets, sine_cosine
from glassworks.insight.cost import stage_costs
from glassworks.models.vision.vit import VARIANTS, ViT, ViTConfig
from glassworks.reader import exercises
from glassworks.reader.exercises.image import pictures_as_sentences as answers
from glassworks.reader.figures import one_number, patch_cost, patch_cut, places_compared, shuffled_sentence
from glassworks.reader.figures.one_number import OneNumber
from glassworks.reader.figures.patch_cost import PatchCost, block_cost
from glassworks.reader.figures.patch_cut import PatchCut
from glassworks.reader.figures.places_compared import PlacesCompared
from glassworks.reader.figures.shuffled_sentence import ShuffledSentence
from glassworks.reader.figures.whole_vit import SIZES, WholeViT, counted
from glassworks.recipes.base import Facts
from glassworks.recipes.vit import recipe
from tests.reader.chapters.ladder import prose, words

SLUG = "image/pictures_as_sentences"


def target(word: str) -> float:
    return exercises.find(f"pictures_as_sentences.{word}").target


def on_meta(name: str, **changed) -> tuple[ViT, ViTConfig]:
    config = ViTConfig(**VARIANTS[name] | changed)
    with torch.device("meta"):
        return ViT(config), config


def numbers_of(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


# ---- the page


def test_the_first_exercise_stands_right_behind_the_first_figure():
    assert exercises.of(SLUG)[0].id == "pictures_as_sentences.tokens" and exercises.of(SLUG)[0].minutes <= 2


# ---- patches


def test_tokens_of_the_sizes_in_the_text_and_the_exercise():
    assert math.prod(grid_of(224, 224, 16)) == 196 and "14 · 14 = 196 words" in prose(SLUG)  # T23
    assert grid_of(2160, 3840, 16) == (135, 240) and target("tokens") == 135 * 240 == 32_400
    assert math.prod(grid_of(384, 384, 16)) == 576 and math.prod(grid_of(224, 224, 8)) == 784
    assert math.prod(grid_of(800, 800, 16)) == 2500
    assert "25 GB" in answers.TOKENS.further and round(12 * 32_400**2 * 2 / 1e9) == 25
    assert "240 columns and 135 rows" in prose(SLUG)


def test_patches_of_16_are_590592_numbers_and_equal_a_cut_and_a_matrix_product():
    with torch.device("meta"):
        patches = Patches(3, 16, 768)
        assert patches(torch.zeros(1, 3, 224, 224)).shape == (1, 196, 768)  # T22
    assert numbers_of(patches) == 590_592 == target("filters")
    mistakes = {mistake.value for mistake in answers.FILTERS.mistakes}
    assert mistakes == {
        768 * 768, 256 * 768 + 768, 256 * 768, 196 * 590_592, 196 * 768 * 768,
    }  # fmt: skip
    for kind in one_number.FILTERS:
        weight, picture = one_number.filter_of(kind), one_number.pictured()
        first, second = (way(picture, weight) for way in (one_number.by_convolution, one_number.by_unfold))
        torch.testing.assert_close(first, second, atol=1e-5, rtol=0)
        assert first.shape == (1, 1, 14, 14)


def test_the_number_of_the_figure_is_that_of_the_framed_patch():
    figure = OneNumber()
    shown = words(figure.set(row=3, column=11, kind="random, as at the start"))
    patch = cut(one_number.pictured(), 16)[0, 3 * 14 + 11].reshape(16, 16, 3).permute(2, 0, 1)
    value = float((patch * one_number.filter_of("random, as at the start")[0]).sum())
    said = [float(one) for one in re.findall(r"[+-]\d\.\d{6}", shown)]
    assert len(said) == 3 and said == pytest.approx([value] * 3, abs=2e-6)
    assert "3 · 14 + 11 = 53" in shown


def test_the_cut_picture_is_whole_and_a_size_that_does_not_divide_is_refused_with_its_rim():
    pixels = patch_cut.square(one_number.NAME, 224)
    drawn = patch_cut.apart(pixels, 56)
    step = 56 + patch_cut.GAP
    assert drawn.shape == (4 * step - patch_cut.GAP, 4 * step - patch_cut.GAP, 3)
    assert np.array_equal(drawn[step : step + 56, :56], pixels[56:112, :56])
    shown = words(PatchCut().set(patch=12))
    assert "224x224 cannot be cut into patches of 12x12" in shown and "8 pixels are left over" in shown  # C55
    lost = 1 - (216 / 224) ** 2
    assert f"{lost:.1%} of the picture" in shown and "Set the slider to 12" in prose(SLUG)
    rim = patch_cut.with_rim(pixels, 12)
    assert np.array_equal(rim[:216, :216], pixels[:216, :216]) and not np.array_equal(rim, pixels)
    assert F.conv2d(torch.zeros(1, 3, 224, 224), torch.zeros(1, 3, 12, 12), stride=12).shape[2:] == (18, 18)


# ---- class token and positions


def test_class_token_and_positions_are_152064_numbers():
    model, config = on_meta("b16")
    assert config.tokens == 197
    assert model.class_token.numel() + model.positions.numel() == 152_064 == target("table")  # T24
    assert {mistake.value for mistake in answers.TABLE.mistakes} >= {197 * 768, 196 * 768, 152_064 + 590_592}
    assert on_meta("b16", height=384, width=384)[1].tokens == 577


def test_positions_start_with_the_spread_that_the_text_names():
    from glassworks.models.vision.vit import build

    model = build(ViTConfig(32, 32, 1, 10, 2, dimension=64, depth=1, block={"heads": 2}))  # type: ignore[arg-type]
    assert float(model.positions.detach().std()) == pytest.approx(0.02, rel=0.05)  # C47
    assert "a spread of 0.02" in prose(SLUG)


def test_without_positions_outputs_move_with_their_patches_and_the_answer_stays():
    for pressed in range(3):
        order = shuffled_sentence.order_of(pressed)
        assert not torch.equal(order, torch.arange(16))
        for kind in shuffled_sentence.KINDS.values():
            tokens, scores, mixed, mixed_scores = shuffled_sentence.both(kind, order)
            moved = (tokens - mixed[order.argsort()]).abs().max().item()
            stays = (scores - mixed_scores).abs().max().item()
            assert (tokens - mixed).abs().max() > 1e-2  # not invariant, place by place (C17)
            if kind == "none":
                assert moved < 1e-5 and stays < 1e-5  # T36
            else:
                assert moved > 1e-2 and stays > 1e-3


def test_the_shuffled_picture_of_the_figure_holds_the_same_patches():
    picture, order = shuffled_sentence.photograph_of_patches(), shuffled_sentence.order_of(1)
    mixed = joined(cut(picture, 16)[:, order], 16, (4, 4))
    assert torch.equal(cut(mixed, 16)[0, 0], cut(picture, 16)[0, order[0]])
    assert "rounding" in words(ShuffledSentence().drawn)
    assert "rounding" not in words(ShuffledSentence().set(positions="relative"))


def test_the_model_of_the_figure_is_always_the_same():
    first = shuffled_sentence.model_with.__wrapped__("learned").state_dict()
    torch.rand(3)
    again = shuffled_sentence.model_with.__wrapped__("learned").state_dict()
    assert all(torch.equal(tensor, again[name]) for name, tensor in first.items())


def test_sine_cosine_positions_are_those_of_the_text():
    table = sine_cosine((14, 14), 768)  # T31, columns first
    assert len(table.unique(dim=0)) == 196
    torch.testing.assert_close(table.norm(dim=1), torch.full((196,), math.sqrt(384)), atol=1e-4, rtol=0)
    assert "19.596" in prose(SLUG) and round(math.sqrt(384), 3) == 19.596
    assert float(table[1, 0]) == pytest.approx(0.841471, abs=1e-6) and float(table[1, 384]) == 0
    assert float(table[14, 384]) == pytest.approx(0.841471, abs=1e-6) and float(table[14, 0]) == 0
    assert float(table[14, 576]) == pytest.approx(0.540302, abs=1e-6)
    assert pytest.approx(1.04914e-4, rel=1e-5) == 10_000 ** (-191 / 192)
    swapped = sine_cosine((14, 14), 768, first="row")  # T32
    assert torch.equal(swapped.roll(384, dims=1), table)
    for dimension in (6, 10, 770):  # T33
        with pytest.raises(ValueError, match="divisible by 4"):
            sine_cosine((14, 14), dimension)


def test_the_figure_of_places_draws_the_librarys_table():
    np.testing.assert_allclose(
        places_compared.table_of(768, 1e4, True), sine_cosine((14, 14), 768).numpy(), atol=1e-6
    )
    like = places_compared.likeness(5, 9, 768, 1e4, True)
    assert like[5, 9] == pytest.approx(1) and "alike by 0.7" in prose(SLUG) and round(like.min(), 1) == 0.7
    # the product depends on the offset alone
    assert like[6, 10] == pytest.approx(places_compared.likeness(2, 3, 768, 1e4, True)[3, 4])
    running = places_compared.likeness(5, 9, 768, 1e4, False)
    assert running[6, 9] == pytest.approx(places_compared.likeness(5, 0, 768, 1e4, False)[6, 0])
    assert running[6, 9] < running[5, 10] and like[6, 9] == pytest.approx(like[5, 10])
    shown = words(PlacesCompared().set(flat="the running number (1-D)"))
    assert set(re.findall(r"\(\d+, \d+\)", shown)) == {"(5, 7)", "(5, 8)", "(5, 10)", "(5, 11)"}


def test_relative_positions_have_729_offsets():
    assert len(offsets((14, 14)).unique()) == 27 * 27 == 729 and "27 · 27 = 729" in prose(SLUG)


# ---- the whole model and its cost


def test_the_counts_of_the_whole_model_are_those_of_the_installed_one():
    text = prose(SLUG)
    for name in SIZES.values():
        model, _ = on_meta(name)
        assert sum(part.parameters for part in counted(name, 224, 1000, "class")) == numbers_of(model)
    parts = {part.name: part.parameters for part in counted("b16", 224, 1000, "class")}
    total = sum(parts.values())
    assert total == 86_567_656 and total - parts["head"] == 85_798_656  # T25
    assert parts["12 × attention"] + parts["12 × MLP"] + parts["12 × two norms"] == 12 * 7_087_872
    assert "86,567,656" in text and "7,690 numbers stand where 769,000 were" in text
    assert parts["head"] == 769_000 and counted("b16", 224, 10, "class")[-1].parameters == 7_690
    assert "86,576,872 instead of 86,567,656" in text
    assert sum(part.parameters for part in counted("b8", 224, 1000, "class")) == 86_576_872
    assert parts["patch embedding"] + parts["class token"] + parts["positions"] < 0.01 * total
    assert sum(p.parameters for p in counted("b16", 224, 1000, "mean")) == total - 2 * 768
    assert "577" in words(WholeViT().set(side="384 × 384"))


def test_the_cost_formula_is_what_the_workbench_counts():
    for name, side in (("b16", 224), ("b8", 224), ("s32", 320)):
        model, config = on_meta(name, height=side, width=side)
        stages = stage_costs(model, torch.zeros(1, 3, side, side, device="meta"))
        block = next(stage for stage in stages if stage.name == "blocks.0")
        layers, maps = block_cost(config.tokens, config.dimension)
        assert (block.in_maps, block.multiply_adds - block.in_maps) == (maps, layers)
        assert patch_cost.tokens_of(side, config.patch) == config.tokens
        if name == "b16":  # T25 with what torchvision counts
            assert round(sum(stage.multiply_adds for stage in stages) / 1e9, 2) == 17.56
    assert "17.56 billion products" in prose(SLUG)


def test_half_the_patch_costs_as_the_text_says():
    base, half, double = (block_cost(tokens, 768) for tokens in (197, 785, 50))
    assert base == (1_394_343_936, 59_610_624) and half == (5_556_142_080, 946_521_600)  # T43
    assert block_cost(577, 768) == (4_083_941_376, 511_378_944) and double == (353_894_400, 3_840_000)
    assert sum(half) / sum(base) == pytest.approx(4.472, abs=5e-4)
    more = block_cost(577, 768)
    assert target("cost") == pytest.approx(sum(more) / sum(base), abs=5e-4)
    both = [577 / 197, (577 / 197) ** 2]
    mistaken = [*both, 384 / 224, sum(both) / 2]
    assert [mistake.value for mistake in answers.COST.mistakes] == [round(one, 2) for one in mistaken]
    assert half[1] / base[1] == pytest.approx(15.878, abs=5e-4) and "even there it is 15.9" in prose(SLUG)
    assert sum(base) / sum(double) == pytest.approx(4.064, abs=5e-4) and "4.06 times cheaper" in prose(SLUG)
    assert (785 - 1) ** 2 / (197 - 1) ** 2 == 16
    assert "15.9 times" in PatchCost.says and "4.0 times" in PatchCost.says and "4.5 times" in PatchCost.says
    layers, maps = block_cost(6 * 768, 768)
    assert layers == maps and "4,608" in answers.COST.further and round(math.sqrt(4608) * 16) == 1086
    shown = words(PatchCost().drawn)
    for said in ("1,394.3", "59.6", "5,556.1", "946.5", "15.88", "4.472", "0.246"):
        assert said in shown


def test_what_is_said_of_published_weights_is_what_torchvision_says():
    models = pytest.importorskip("torchvision.models")
    weights = models.ViT_B_16_Weights.DEFAULT
    assert weights is models.ViT_B_16_Weights.IMAGENET1K_V1  # C54
    assert weights.meta["_metrics"]["ImageNet-1K"]["acc@1"] == pytest.approx(81.07, abs=5e-3)
    assert "81.07 %" in prose(SLUG)


def test_the_panel_trains_what_the_text_says():
    facts = Facts(kind="label", outputs=10, channels=1, side=32, examples=1259)
    config = ViTConfig(**recipe("tiny", "ti16", facts).model)
    assert (config.patch, config.dimension, config.depth, config.tokens) == (8, 64, 4, 17)
    with torch.device("meta"):
        assert numbers_of(ViT(config)) == 206_026
    assert "206,026 parameters" in prose(SLUG) and "65 tokens" in prose(SLUG)
    assert 1 + (32 // 4) ** 2 == 65 and 1 + (32 // 16) ** 2 == 5


# ---- what the labs measured


def test_the_text_says_of_the_labs_what_is_recorded():
    positions, text = labs.recorded("positions-and-order"), prose(SLUG)
    assert positions is not None and positions.outcome == "holds"
    mean = {name: float(np.mean(values)) for name, values in positions.numbers.items()}
    assert f"without positions {mean['ordered: none']:.0f} %" in text
    gained = {
        kind: mean[f"ordered: {kind}"] - mean["ordered: none"] for kind in ("learned", "sine", "relative")
    }
    assert "Learned positions and waves bring 17 points each. Relative ones bring 5" in text
    assert [round(one) for one in gained.values()] == [17, 17, 5]
    shown = words(exercises.find("pictures_as_sentences.shuffle").reveal())
    assert "learned" in shown and f"{mean['fixed: learned']:.1f}" in shown
    assert abs(mean["fixed: learned"] - mean["ordered: learned"]) < 1


def test_class_token_and_mean_are_told_as_they_were_measured():
    result, text = labs.recorded("class-token-or-mean"), prose(SLUG)
    assert result is not None and result.outcome == "holds" and len(result.seeds) == 5
    mean = {way: float(np.mean(result.numbers[f"{way}: test"])) for way in ("class", "mean")}
    assert f"{mean['class']:.1f} % with a class token, {mean['mean']:.1f} % with the mean" in text


def test_the_text_does_not_promise_more_of_smaller_patches_than_the_lab():
    patches = labs.recorded("patch-size")
    assert patches is not None and patches.outcome == "does not hold"
    assert "on digits of 8 × 8 squares the claim fails" in prose(SLUG)
