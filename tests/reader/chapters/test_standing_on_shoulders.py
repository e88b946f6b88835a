"""The chapter "Standing on shoulders": its numbers are true, and its figures show what the text says."""

import re

import pytest
import torch
from torch import nn

from glassworks import labs
from glassworks.insight.cost import stage_costs
from glassworks.labs.frozen_norm_drifts import TOLD
from glassworks.labs.lab import Result
from glassworks.labs.scratch_against_transfer import CNN
from glassworks.labs.small_lite0 import KEPT, SIDE, lite0
from glassworks.models.vision import cnn, efficientnet, resnet
from glassworks.reader import exercises
from glassworks.reader.figures import (
    another_size,
    growing_together,
    near_in_features,
    norm_on_the_move,
    parts_that_learn,
    shoulders_curves,
    with_a_shortcut,
)
from glassworks.reader.figures.lite0 import PersonError, classifier
from tests.reader.chapters import ladder

SLUG = "image/standing_on_shoulders"


def has_weights() -> bool:
    try:
        classifier()
    except PersonError:
        return False
    return True


needs_weights = pytest.mark.skipif(not has_weights(), reason="the published weights are not installed")


def recorded(name: str) -> Result:
    found = labs.recorded(name)
    assert found is not None
    return found


# ---- the page


def test_the_text_corrects_what_is_often_said():
    """B21: no 1,000 breeds; B23: two halves of freezing; B24: 49 times; B25: any size; B26; B28."""
    text = ladder.prose(SLUG)
    assert "no list has 1,000 breeds" in text.lower() and "about 350 to 400 are recognised" in text
    assert "some 120 breeds of dogs among its 1,000 classes" in text
    assert "Frozen means no gradient *and* evaluation mode" in text
    assert (224 / 32) ** 2 == 49 and "49 times the pixels" in text  # T17
    assert "a ResNet needs 224 × 224. It does not." in text
    assert "want 232 and then the middle 224" in text
    assert "as a rule it is wrong" in text


# ---- the shoulders


def test_the_sizes_of_the_networks_are_those_of_the_text():
    """T15, T16."""
    text = ladder.prose(SLUG)
    for variant, count, width in (("18", 11_689_512, 512), ("50", 25_557_032, 2048)):
        config = resnet.ResNetConfig(**resnet.VARIANTS[variant])
        with torch.device("meta"):
            model = resnet.ResNet(config)
        assert sum(p.numel() for p in model.parameters()) == count and config.features == width
        assert f"{count:,}" in text
    assert exercises.find("standing_on_shoulders.head_size").target == nn.Linear(2048, 10).weight.numel() + 10
    assert (512 + 1) * 5 == 2565 and (1280 + 1) * 5 == 6405
    further = exercises.find("standing_on_shoulders.head_size").further
    assert "2,565" in further and "6,405" in further


def test_any_size_of_picture_goes_through_a_resnet():
    """B25."""
    shape = resnet.ResNetConfig(96, 160, classes=3, widths=(4, 4, 4, 4))
    assert resnet.build(shape)(torch.zeros(1, 3, 96, 160)).shape == (1, 3)


def test_a_depthwise_filter_is_cheaper_by_what_the_text_says():
    channels = 96
    assert 9 * channels + channels**2 == 10_080 and 9 * channels**2 == 82_944
    assert "10,080 in place of 82,944" in ladder.prose(SLUG)


def test_the_calculator_counts_what_the_network_has():
    for phi in (0, 1, 2.5):
        config = efficientnet.scaled(phi)
        with torch.device("meta"):
            model = efficientnet.EfficientNet(config).eval()
            stages = stage_costs(model, torch.empty(1, 3, config.height, config.width))
        counted = growing_together.counted(config.width_factor, config.depth_factor, config.height)
        assert counted == (
            sum(p.numel() for p in model.parameters()), sum(one.multiply_adds for one in stages)
        )  # fmt: skip
        assert growing_together.side_of(efficientnet.compound(phi)) == config.height
    growth = efficientnet.compound(1)
    assert growth.work == pytest.approx(1.2 * 1.1**2 * 1.15**2) and round(growth.work, 2) == 1.92
    work = [growing_together.counted(g.width, g.depth, growing_together.side_of(g))[1]
            for g in (efficientnet.compound(0), growth)]  # fmt: skip
    assert f"{work[1] / work[0]:.2f}" == "2.23"
    assert "× 2.23 from B0" in exercises.find("standing_on_shoulders.work").further


def test_sixteen_blocks_learn_with_shortcuts_and_not_without():
    assert with_a_shortcut.reached((16, True, 0)) < 0.6 and with_a_shortcut.reached((2, False, 0)) < 0.6
    assert with_a_shortcut.reached((16, False, 0)) > 2.0
    plain, summed = (with_a_shortcut.stack(2, shortcuts, 0) for shortcuts in (False, True))
    assert sum(p.numel() for p in plain.parameters()) == sum(p.numel() for p in summed.parameters())


# ---- taking over


@needs_weights
def test_features_find_the_photograph_and_pixels_do_not():
    vectors, pixels = (
        near_in_features.described(),
        torch.tensor(near_in_features.pieces()[1]).flatten(1).float(),
    )
    assert vectors is not None
    if len(near_in_features.NAMES) == 7:
        assert near_in_features.found_again(vectors, angle=True) == 28
        assert near_in_features.found_again(pixels, angle=False) == 12
        assert "12 of 28 pieces" in ladder.prose(SLUG)


@needs_weights
def test_another_size_is_answered_and_bytes_are_nonsense():
    cup = "a cup of coffee"
    for side in (96, 128, 224):
        found = another_size.answered((cup, side, "right"))
        assert found is not None and found[0][0] == "espresso"
    for run in ((cup, 64, "right"), (cup, 224, "bytes")):
        found = another_size.answered(run)
        assert found is not None and found[0][0] != "espresso"
    hardly = another_size.answered((cup, 224, "other"))
    assert hardly is not None and hardly[0][0] == "espresso"


def test_black_and_white_of_imagenet_are_those_of_the_text():
    """T7."""
    text = ladder.prose(SLUG)
    mean, std = torch.tensor(another_size.MEAN), torch.tensor(another_size.STD)
    black, white = (-mean / std).tolist(), ((1 - mean) / std).tolist()
    assert [f"{one:.2f}" for one in black] == ["-2.12", "-2.04", "-1.80"] and "−2.12, −2.04 and −1.80" in text
    assert [f"{one:.2f}" for one in white] == ["2.25", "2.43", "2.64"] and "2.25, 2.43 and 2.64" in text


def test_resize_by_one_number_is_what_torchvision_does():
    """T18."""
    transforms = pytest.importorskip("torchvision.transforms")
    assert transforms.Resize(224)(torch.zeros(3, 30, 40)).shape == (3, 224, 298)
    assert exercises.find("standing_on_shoulders.resized").target == 298
    weights = pytest.importorskip("torchvision.models").ResNet50_Weights.IMAGENET1K_V2
    assert weights.transforms().resize_size == [232] and weights.transforms().crop_size == [224]


@needs_weights
def test_the_frozen_network_moves_in_training_mode_alone():
    left, kept = (norm_on_the_move.played(("digits", mode)) for mode in (False, True))
    assert left is not None and kept is not None
    assert set(kept.apart) == {0.0} and len(set(kept.answers)) == 1
    assert left.apart[-1] > 0.02 and left.answers[-1][0] != left.answers[0][0]


def test_the_parts_that_learn_are_those_of_the_text():
    head = parts_that_learn.parts("head", 1.0)
    assert sum(one.learning for one in head) == 6405 and sum(one.numbers for one in head) > 3_000_000
    full = parts_that_learn.parts("full", 0.85)
    assert [round(one.scale, 4) for one in full[-2:]] == [0.85, 1.0] and all(one.learning for one in full)
    assert 8 * (320 + 1280) == 12_800 and 320 * 1280 == 409_600 and "12{,}800" in ladder.prose(SLUG)
    lora = parts_that_learn.parts("lora", 1.0)
    assert next(one for one in lora if one.name == "top").learning == 12_800


# ---- the labs


def test_the_text_tells_what_the_labs_found():
    text = ladder.prose(SLUG)
    drift = recorded("frozen-norm-drifts")
    rows = {(row[0], row[1]): row for row in drift.tables[0].rows}
    kept, norms = (
        rows["32", "frozen parts in evaluation mode"],
        rows["32", "batch norms in training mode, nothing else"],
    )
    assert drift.outcome == "holds" and f"{kept[2]} % of new digits" in text and f"{norms[2]} %" in text
    assert norms[6] == "100" and "all of them another answer" in text
    small = rows["4", TOLD["norms"]]
    assert float(small[2]) < float(norms[2]) and "batches of 4 still less" in text
    cached = recorded("caching-features")
    assert cached.outcome == "holds" and "18.3 (" in cached.verdict and "18 times as fast" in text
    assert sum(cached.numbers["other answers when wild"]) > 0 == sum(cached.numbers["other answers"])


def test_the_table_of_the_text_is_the_recorded_one():
    text, found = ladder.prose(SLUG), recorded("scratch-against-transfer")
    assert found.outcome == "does not hold" and "**does not hold**" in text and "13.7 points ahead" in text
    rows = {(row[0], row[1]): row for row in found.tables[0].rows}
    for sort, ends in (("digits", ("5", "100")), ("faces", ("5", "50")), ("clothes", ("5", "500")),
                       ("stamps", ("5", "10"))):  # fmt: skip
        for each, name in zip(ends, (f"{sort}, {ends[0]}", f"{sort}, {ends[1]}"), strict=True):
            _, _, scratch, transfer, _ = rows[sort, each]
            assert re.search(rf"\| {name}( a class)? \| {scratch} \| {transfer} \|", text), name
    shown = ladder.words(shoulders_curves.ShouldersCurves().drawn)
    assert "93.8" in shown and "-13.7" in shown


def test_the_small_cnn_costs_a_twenty_fifth():
    shape = cnn.CNNConfig(KEPT, KEPT, 3, 10, **CNN)  # type: ignore[arg-type]
    small = sum(
        one.multiply_adds for one in stage_costs(cnn.build(shape).eval(), torch.zeros(1, 3, KEPT, KEPT))
    )
    if not has_weights():
        pytest.skip("the published weights are not installed")
    large = sum(one.multiply_adds for one in stage_costs(lite0(), torch.zeros(1, 3, SIDE, SIDE)))
    assert large / small == pytest.approx(25, abs=0.5)
