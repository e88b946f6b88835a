"""How deep?: what the page says is what is counted, drawn and recorded."""

import numpy as np
import pytest
import torch

from glassworks import labs
from glassworks.labs import depth_against_data as lab
from glassworks.models.vision.cnn import VARIANTS, CNNConfig, build
from glassworks.reader.exercises.image import how_deep as answers
from glassworks.reader.figures import answers_of_a_layer, layered_cnn, let_it_draw, told_by_stage
from glassworks.reader.figures.counted_stack import (
    CountedStack,
    costs,
    parameters_of,
    products_of,
    variant_costs,
)
from glassworks.reader.figures.skips_or_not import SkipsOrNot, curve
from glassworks.reader.figures.what_fits import WhatFits, cost
from tests.reader.chapters.ladder import prose, words

SLUG = "image/how_deep"


@pytest.fixture(scope="module")
def recorded() -> labs.Result:
    found = labs.recorded("depth-against-data")
    assert found is not None
    return found


# ---- the three bills


def test_the_shallow_network_has_more_parameters_and_the_deep_one_more_work():
    """B20, T10, T11."""
    two, four = (variant_costs(name) for name in ("two-layer-improved", "four-layer"))
    assert (parameters_of(two), parameters_of(four)) == (1_059_402, 231_818)
    assert f"{parameters_of(two) / parameters_of(four):.1f}" == "4.6" and "4.6 times" in prose(SLUG)
    assert (round(products_of(two) / 1e6, 1), round(products_of(four) / 1e6, 1)) == (2.7, 4.1)
    dense = next(part.parameters for part in two if part.name == "dense")
    assert round(100 * dense / parameters_of(two)) == 99
    for name, parts in (("two-layer-improved", two), ("four-layer", four)):
        model = build(CNNConfig(**VARIANTS[name]))
        assert sum(p.numel() for p in model.parameters()) == parameters_of(parts)


def test_fields_and_strides_are_those_of_the_text():
    """T12, and the slopes say the same: with average pooling every pixel of the field has one."""
    stages = variant_costs("four-layer")[:4]
    assert [stage.receptive_field for stage in stages] == [4, 10, 22, 46]
    assert [stage.stride for stage in stages] == [2, 4, 8, 16]
    assert answers.field_of(answers.FOUR) == (46, 16) and answers.field_of(answers.STEM) == (11, 4)
    layers = [torch.nn.Conv2d(1, 1, 3, padding=1), torch.nn.AvgPool2d(2)] * 3
    picture = torch.zeros(1, 1, 64, 64, requires_grad=True)
    middle = torch.nn.Sequential(*layers)(picture)[0, 0, 4, 4]
    (slope,) = torch.autograd.grad(middle, picture)
    assert int((slope[0, 0].abs().sum(0) > 0).sum()) == answers.field_of(answers.FOUR[:6])[0] == 22


def test_the_figure_starts_with_the_four_stages_and_counts_what_is_built():
    figure = CountedStack()
    shown = words(figure.drawn)
    assert "together 231,818 4,114,944" in shown and "stage 4 128 × 2 × 2 46 pixels" in shown
    assert "57% of the parameters stand in the first dense layer" in shown
    assert "together 1,059,402 2,675,712" in words(figure.set(stages=2, hidden="512"))
    for widths, side, hidden in (((8, 16), 48, 64), ((32,) * 5, 64, 512)):
        model = build(CNNConfig(height=side, width=side, widths=widths, hidden=hidden, batch_norm=True))
        assert parameters_of(costs(widths, side, hidden)) == sum(p.numel() for p in model.parameters())


def test_the_dense_layer_of_a_larger_picture_is_that_of_the_exercise():
    parts = costs((16, 32), 64, 512, batch_norm=False)
    assert next(p.parameters for p in parts if p.name == "dense") == answers.DENSE.target == 4_194_816
    assert [p.parameters for p in parts[:2]] == [448, 4_640]


def test_what_the_budget_figure_counts():
    """T16: ResNet-50 at 224; a network that lays its map out is the largest there."""
    assert cost("ResNet-50", 224)[:2] == (4_089_184_256 - 990 * 2048, 25_557_032 - 990 * 2049)
    two, resnet = (cost(name, 224)[1] for name in ("CNN, two stages", "ResNet-18"))
    assert round(two / 1e6) == 51 and round(resnet / 1e6) == 11
    figure = WhatFits()
    figure.set(side="224 × 224", budget="1 thousand million")
    shown = words(figure.wait())
    assert "too much" in shown and "fits" in shown and "Training" not in shown


# ---- what layers respond to


def test_the_numbers_of_the_stages_are_those_of_the_text():
    learned, fresh = (told_by_stage.stage_figures(trained, told_by_stage.NEEDED) for trained in (True, False))
    told = [row[0] for row in learned]
    assert told == sorted(told) and told[-1] > 90
    assert [row[1] for row in learned] == pytest.approx([0, 2, 3, 20], abs=3)
    assert fresh[-1][0] == pytest.approx(86, abs=3) and learned[-1][2] == 128
    with torch.inference_mode():
        test = layered_cnn.parts()[1]
        right = layered_cnn.network(True)(test.pictures).argmax(1) == test.targets
    assert float(right.double().mean()) > 0.95


def test_nearest_means_know_nothing_where_there_is_nothing_to_know():
    dice = torch.Generator().manual_seed(3)
    targets = torch.arange(400) % 10
    noise = torch.rand(400, 30, generator=dice)
    assert told_by_stage.by_nearest_mean(noise, targets) < 25
    sure = torch.nn.functional.one_hot(targets, 10).float() + 0.01 * noise[:, :10]
    assert told_by_stage.by_nearest_mean(sure, targets) == 100
    assert told_by_stage.of_one_class(sure, targets, 20) == 10
    assert told_by_stage.of_one_class(noise, targets, 16) == 0


def test_a_drawing_excites_its_channel_more_than_pictures_do_with_any_weights():
    for trained in (True, False):
        found = let_it_draw.drawn_by(4, 3, trained, 2.0)
        real = layered_cnn.answers(trained)[3][:, 3]
        assert found.own > float(real.max()) > found.noise
    assert let_it_draw.most_of_one_class(4, 3, True)[0] == 0
    assert let_it_draw.most_of_one_class(4, 3, True)[1] >= 17  # 19 where this was written
    assert let_it_draw.most_of_one_class(4, 2, True)[1] < 14
    rough = let_it_draw.drawn_by(4, 3, True, 0.0)
    assert rough.own > 0.8 * let_it_draw.drawn_by(4, 3, True, 2.0).own


def test_pieces_are_cut_around_the_largest_answers():
    answered = np.zeros((10, 10))
    answered[2, 3], answered[8, 8], answered[2, 4] = 5, 4, 4.5
    assert answers_of_a_layer.places(answered, 1)[:2] == [(2, 3), (8, 8)]
    seen = np.arange(100 * 100 * 3, dtype=np.int64).reshape(100, 100, 3)
    cut = answers_of_a_layer.piece(seen, (5, 5), 21, 10)
    assert cut.shape == (21, 21, 3) and cut[10, 10, 0] == seen[55, 55, 0]
    assert answers_of_a_layer.piece(seen, (0, 0), 21, 10).shape == (16, 16, 3)
    assert answers_of_a_layer.grey(answered).max() == 255


# ---- the lab, and skips


def test_the_table_of_the_text_is_the_recorded_lab(recorded):
    text, numbers = prose(SLUG), recorded.numbers
    for depth in lab.DEPTHS:
        means = [f"{np.mean(numbers[lab.key('test', depth, count)]):.1f}" for count in lab.SIZES]
        assert f"| {depth} | {' | '.join(means)} |" in text
    skipped = [f"{np.mean(numbers[lab.key('test', 16, count, True)]):.1f}" for count in lab.SIZES]
    assert f"| 16, skips | {' | '.join(skipped)} |" in text
    assert recorded.outcome == "holds" and len(recorded.seeds) == 8


def test_what_the_text_says_of_the_lab_is_what_was_measured(recorded):
    numbers = recorded.numbers
    few, many = (np.mean(lab.gains(numbers, sizes)) for sizes in (lab.SIZES[:2], lab.SIZES[-2:]))
    assert (f"{few:.1f}", f"{many:.1f}", f"{many - few:.1f}") == ("-6.1", "-0.5", "5.6")
    for count in lab.SIZES:
        assert np.mean(lab.gains(numbers, [count])) < 0  # "with no number of pictures did 8 layers win"
    for count in lab.SIZES[:3]:
        assert all(min(numbers[lab.key("training", depth, count)]) == 100 for depth in lab.DEPTHS)
    for count, told in ((50, "1.4"), (1297, "1.2")):
        two, eight = (100 - np.mean(numbers[lab.key("test", depth, count)]) for depth in (2, 8))
        assert f"{eight / two:.1f}" == told
    assert [f"{np.mean(lab.gap(numbers, depth, 50)):.1f}" for depth in (1, 16)] == ["17.2", "35.4"]
    skipped, plain = (np.mean(numbers[lab.key("test", 16, 50, skips)]) for skips in (True, False))
    assert f"{skipped - plain:.1f}" == "12.7"
    assert [
        f"{np.mean(numbers[lab.key(what, 32, 1297, skips)]):.1f}"
        for skips in (False, True)
        for what in ("training", "test")
    ] == ["80.7", "77.6", "99.9", "97.9"]


def test_a_deep_plain_network_learns_slower_and_skips_mend_it():
    plain, skipped, shallow = (
        curve(depth, skips)[-1][1] for depth, skips in ((32, False), (32, True), (8, False))
    )
    assert plain > 0.8 and skipped < 0.4 and shallow < 0.4
    assert set(SkipsOrNot().runs(depth=8)) == {(8, False), (8, True)}


def test_the_text_claims_no_role_for_a_layer_and_no_theorem():
    """B19, B21, B22."""
    text = prose(SLUG)
    assert "need not have a layer of objects at all" in text
    assert "Neither is a theorem" in text and "The 120 breeds of dogs in ImageNet" in text
    assert answers.DRAWING.choices[2].right and "pictures" in answers.DRAWING.choices[2].text
