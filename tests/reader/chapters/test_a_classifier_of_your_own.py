"""The chapter "A classifier of your own": its numbers are true, and its figures show what the text says."""

import re

import numpy as np
import pytest
import torch

from glassworks import labs
from glassworks.data.augment import augment
from glassworks.labs import ablation_table as lab
from glassworks.models.vision import cnn, lenet
from glassworks.reader import exercises
from glassworks.reader.figures import augmented_copies, errors_looked_at, scaled_pictures
from glassworks.reader.figures.augmented_copies import AugmentedCopies
from glassworks.reader.figures.errors_looked_at import ErrorsLookedAt
from glassworks.reader.figures.hollow import hollow
from glassworks.reader.figures.parts_by_toggle import SEEDS, PartsByToggle, points
from glassworks.reader.figures.scaled_pictures import ScaledPictures
from glassworks.reader.figures.shapes_of_the_cnn import ShapesOfTheCNN, costs
from glassworks.recipes.base import Facts
from glassworks.recipes.cnn import recipe
from tests.reader.chapters.ladder import own_picture, prose, words

SLUG = "image/a_classifier_of_your_own"


@pytest.fixture(scope="module")
def recorded() -> labs.Result:
    found = labs.recorded("ablation-table")
    assert found is not None
    return found


# ---- the page


def test_the_text_corrects_what_is_often_said():
    """B9, B11, B13, B16, B18, B20."""
    text = prose(SLUG)
    assert "Nothing in either is written for one data set" in text
    assert "| change at random (*augmentation*) | yes | **no** |" in text
    assert 'not "normalising to mean 0 and spread 1"' in text
    assert "improvements that always help. They are not" in text
    assert 'So "deeper means more capacity" is not said so easily' in text


# ---- the network


def test_parameters_and_shapes_are_those_of_the_text():
    """T9, T10, T11: 1,059,306, 1,059,402 and 98 buffers, 231,818, and the parts in the table."""
    text, two = prose(SLUG), costs("two-layer", 32, 3, 10)
    assert [one.parameters for one in two] == [448, 4640, 1_049_088, 5130]
    assert [one.shape for one in two] == [(16, 16, 16), (32, 8, 8), (512,), (10,)]
    for one in two:
        assert f"| {' × '.join(map(str, one.shape))} | {one.parameters:,} |" in text
    assert [one.shape for one in costs("four-layer", 32, 3, 10)][:4] == [
        (16, 16, 16), (32, 8, 8), (64, 4, 4), (128, 2, 2),
    ]  # fmt: skip
    for name, learned, kept in (
        ("two-layer", 1_059_306, 0), ("two-layer-improved", 1_059_402, 98), ("four-layer", 231_818, 484),
    ):  # fmt: skip
        with torch.random.fork_rng(devices=[]):
            model = cnn.CNN(cnn.CNNConfig(**cnn.VARIANTS[name])).eval()
        assert sum(p.numel() for p in model.parameters()) == learned and f"{learned:,}" in text
        assert sum(b.numel() for b in model.buffers()) == kept
        assert sum(one.parameters for one in costs(name, 32, 3, 10)) == learned
        assert model(torch.zeros(4, 3, 32, 32)).shape == (4, 10)
    assert round(1_059_306 / 231_818, 1) == 4.6 and round(100 * 1_049_088 / 1_059_306) == 99


def test_what_the_exercise_says_of_work_and_sight_is_counted():
    two, four = (costs(name, 32, 3, 10) for name in ("two-layer", "four-layer"))
    work = [sum(one.multiply_adds for one in found) for found in (two, four)]
    assert round(work[1] / work[0], 1) == 1.5
    assert [max(one.receptive_field for one in found) for found in (two, four)] == [10, 46]
    shown = exercises.find("a_classifier_of_your_own.capacity").reveal()
    assert all(f"{number:,}" in shown for number in (1_059_306, 1_059_402, 231_818))


def test_a_wrong_size_is_refused_and_any_size_can_be_built():
    with torch.random.fork_rng(devices=[]):
        model = cnn.CNN(cnn.CNNConfig(**cnn.VARIANTS["two-layer"])).eval()
    with pytest.raises(ValueError, match="resize the pictures"):
        model(torch.zeros(2, 3, 64, 64))
    figure = ShapesOfTheCNN()
    assert "1,059,306" in words(figure.drawn) and "a row of 2,048" in words(figure.drawn)
    assert "61,706" in words(figure.set(network="LeNet-5", channels="1 (grey)"))
    assert "batch norm keeps 98 more" in words(figure.set(network="two-layer-improved")).lower()
    kernels = [costs("two-layer", side, 3, 10)[1].parameters for side in (32, 96)]
    dense = [costs("two-layer", side, 3, 10)[2].parameters for side in (32, 96)]
    assert kernels[0] == kernels[1] and dense[1] - 512 == 9 * (dense[0] - 512)  # "grows with the area"


def test_a_hollow_model_has_the_shapes_takes_no_room_and_throws_no_dice():
    state = torch.get_rng_state()
    model = hollow(lambda: lenet.LeNet(lenet.LeNetConfig()))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(p.untyped_storage().nbytes() <= 4 for p in model.parameters())
    assert model(torch.ones(2, 1, 32, 32)).shape == (2, 10)


def test_the_recipes_are_those_of_the_text():
    """T14: 782 batches of 64, the last with 16; and what `tiny` and `small` add."""
    facts = Facts("label", outputs=10, channels=3, side=32, examples=50_000)
    paper = recipe("paper", "two-layer", facts)
    training = paper.training
    assert (training.learning_rate, training.batch, training.epochs) == (1e-3, 64, 5)
    assert -(-50_000 // 64) == 782 and 50_000 - 781 * 64 == 16
    assert paper.model["batch_norm"] is False
    assert all(recipe(size, "two-layer", facts).model["batch_norm"] for size in ("tiny", "small"))


# ---- pipelines


def test_copies_for_learning_differ_and_those_for_judging_do_not():
    figure = AugmentedCopies()
    first = figure.drawn
    assert re.findall(r'src="([^"]+)"', first)[0] != re.findall(r'src="([^"]+)"', first)[1]
    assert figure.set(epoch=1) != first
    judged = figure.set(training="validation and test")
    assert len(set(re.findall(r'src="([^"]+)"', judged))) == 1
    assert set(re.findall(r'src="([^"]+)"', figure.set(epoch=2))) == set(re.findall(r'src="([^"]+)"', judged))


def test_what_comes_in_at_the_border_is_the_picture_and_not_black():
    """B12."""
    white = torch.ones(16, 3, 32, 32)
    how = augmented_copies.Augment(rotate=45, shift=0.2)
    assert float(augment(white, np.arange(16), 0, 0, how).min()) > 0.99


def test_a_picture_of_the_reader_is_augmented():
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 255
    figure = AugmentedCopies()
    assert figure.set(own=own_picture(red)) != figure.set(own="")


def test_half_and_half_maps_onto_minus_one_to_one_and_only_measuring_gives_mean_0_and_spread_1():
    """T8, T7."""
    mean, std = scaled_pictures.figures("digits", "half")
    assert [float((value - mean) / std) for value in (0, 0.5, 1)] == [-1, 0, 1]
    for data in ("digits", "photographs"):
        training, test = scaled_pictures.parts(data)
        mean, std = (one[:, None, None] for one in scaled_pictures.figures(data, "measured"))
        scaled = (training - mean) / std
        assert float(scaled.mean((0, 2, 3)).abs().max()) < 1e-4
        assert float((scaled.std((0, 2, 3)) - 1).abs().max()) < 1e-3
        assert (
            float(((test - mean) / std).mean((0, 2, 3)).abs().max()) > 1e-3
        )  # the test part is not measured
    assert "-1.00 to +1.00" in words(ScaledPictures().drawn)
    one, std = torch.tensor(scaled_pictures.IMAGENET)
    assert ((1 - one) / std).tolist() == pytest.approx([2.248908, 2.428571, 2.640000], abs=1e-5)


# ---- judging


def test_the_counts_of_the_figure_add_up_and_the_errors_are_errors():
    figure = ErrorsLookedAt()
    drawn = words(figure.wait())
    found, test = errors_looked_at.counts("plain"), lab.parts(0)[2]
    assert found.sum() == lab.TEST == 500
    assert np.array_equal(found.sum(1), np.bincount(test.targets.numpy(), minlength=10))
    right = int(found.trace())
    assert f"{right} of 500 test digits are right" in drawn and f"{500 - right} errors" in drawn
    assert 0.8 < right / 500 < 0.99
    assert all(one != other for one, other in re.findall(r"a (\d), said (\d), sure", drawn))
    nines = words(figure.set(digit="9"))
    pairs = re.findall(r"a (\d), said (\d), sure", nines)
    assert pairs and all("9" in pair for pair in pairs)


# ---- the ablation


def test_the_table_of_the_text_is_the_recorded_lab(recorded):
    text = prose(SLUG)
    for part in lab.PARTS:
        worth, added = lab.worth(recorded.numbers, part), lab.added(recorded.numbers, part)
        assert f"| {part} | {lab.words(worth)} | {lab.words(added)} |" in text, part
    assert recorded.outcome == "not shown" and len(recorded.seeds) == 5 and lab.COUNT == 200


def test_what_the_text_says_of_the_lab_is_what_was_measured(recorded):
    numbers = recorded.numbers
    assert all(not lab.worth(numbers, part).excludes_zero for part in lab.PARTS)
    helps = [part for part in lab.PARTS if lab.added(numbers, part).low > 0]
    assert helps == ["augmentation", "batch norm", "dropout"]
    together = np.mean(numbers["whole"]) - np.mean(numbers["plain"])
    assert round(float(together), 1) == 3.3 and round(lab.added(numbers, "augmentation").value, 1) == 3.4
    assert lab.worth(numbers, "depth").value < 0 > lab.added(numbers, "depth").value
    mirrored = lab.difference(numbers[lab.MIRRORED], numbers["whole"])
    assert [round(-end, 1) for end in (mirrored.value, mirrored.high, mirrored.low)] == [3.1, 0.3, 5.9]
    assert round(np.mean(numbers["whole"])) == 96 and round(np.mean(numbers["plain"])) == 93
    assert min(np.mean(values) for name, values in numbers.items() if name.startswith("training")) > 99


def test_the_toggles_train_the_networks_of_the_lab():
    figure = PartsByToggle()
    figure.wait()
    runs = figure.runs(augmentation=True, norm=False, dropout=False, depth=False)
    assert (
        len(runs) == 2 * len(SEEDS)
        and len(figure.runs(augmentation=False, norm=False, dropout=False, depth=False)) == 3
    )
    assert "your choice" in words(figure.drawn)
    assert 80 < points(lab.PLAIN, 0) < 100 and points(lab.PLAIN, 0) != points(lab.PLAIN, 1)
