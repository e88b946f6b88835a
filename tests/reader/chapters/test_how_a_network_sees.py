"""The chapter "How a network sees": its numbers are true, and its figures show what the text says."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from glassworks import labs
from glassworks.labs import shift_tolerance as lab
from glassworks.models.vision import cnn, lenet
from glassworks.reader import exercises
from glassworks.reader.figure import OwnPicture
from glassworks.reader.figures import field_on_picture, kernels, moved_digit, own_picture, places_of_a_kernel
from glassworks.reader.figures.kernel_under_pointer import SIDE, KernelUnderPointer
from glassworks.reader.figures.photographs import photograph
from glassworks.reader.figures.turned_kernel import TurnedKernel, dot, step
from tests.reader.chapters.ladder import own_picture as sent
from tests.reader.chapters.ladder import prose, words

SLUG = "image/how_a_network_sees"


@pytest.fixture(scope="module")
def recorded() -> labs.Result:
    found = labs.recorded("shift-tolerance")
    assert found is not None
    return found


# ---- the page


def test_the_text_corrects_what_is_often_said():
    """B7: no library turns the kernel; B17: not immune; B19: no law of what layers see."""
    text = prose(SLUG)
    assert "No network library does that" in text
    assert "more tolerant, not immune" in text.lower() and "far from immune" in text
    assert "and no law" in text and 'does not tell you that the last layer "sees whole objects"' in text


# ---- kernels


def test_the_step_of_the_text_gives_the_stated_numbers():
    """T20: each row 0, -3, -3, 0."""
    assert step().shape == (5, 6)
    found = kernels.slid(step(), kernels.kernel("upright edges"))
    assert found.tolist() == [[0, -3, -3, 0]] * 3
    assert exercises.find("how_a_network_sees.step_edge").target == found[0, 1]


def test_a_bright_pixel_prints_the_kernel_turned_or_as_it_is():
    relief = kernels.kernel("relief")
    assert torch.equal(kernels.slid(dot(), relief), relief.flip(0, 1))
    assert torch.equal(kernels.slid(dot(), relief.flip(0, 1)), relief)
    figure = TurnedKernel()
    assert "The two differ" in words(figure.drawn)
    figure.set(picture="one bright pixel")
    assert "Both are the same here" in words(figure.set(name="all edges"))


@pytest.mark.parametrize("name", kernels.KERNELS)
def test_the_sum_of_the_figure_is_the_number_of_the_map(name):
    figure = KernelUnderPointer()
    drawn = words(figure.set(weights=name, row=7, column=31))
    picture, weights = own_picture.grey(figure.values["name"], "", SIDE), kernels.kernel(name)
    total = float((picture[7:10, 31:34] * weights).sum())
    assert float(kernels.slid(picture, weights)[7, 31]) == pytest.approx(total, abs=1e-2)
    assert f"The sum of the products is {total:.0f}:" in drawn
    assert kernels.slid(picture, weights).abs().max() <= kernels.reach(name) + 1e-3


def test_a_kernel_of_edges_is_silent_where_all_is_alike_and_relu_keeps_one_direction():
    for name in ("upright edges", "level edges", "all edges"):
        assert float(kernels.slid(torch.full((5, 5), 77.0), kernels.kernel(name)).abs().max()) == 0
    edge = kernels.kernel("upright edges")
    assert not kernels.slid(step(), edge).relu().any() and kernels.slid(step(), -edge).relu().any()


def test_two_convolutions_without_a_cut_are_one():
    dice = torch.Generator().manual_seed(3)
    picture, first, second = (
        torch.randn(shape, generator=dice) for shape in ((1, 1, 9, 9), (1, 1, 3, 3), (1, 1, 3, 3))
    )
    both = F.conv2d(F.conv2d(picture, first), second)
    one = F.conv2d(first, second.flip(2, 3), padding=2)
    torch.testing.assert_close(both, F.conv2d(picture, one), atol=1e-4, rtol=1e-4)


# ---- the reader's picture


def test_a_picture_of_the_reader_is_shown_in_the_place_of_the_photograph():
    mine = np.zeros((40, 90, 3), np.uint8)
    mine[:, 45:] = 255  # dark, then bright: the edge in the middle
    figure = KernelUnderPointer()
    before = figure.drawn
    drawn = figure.set(own=sent(mine), row=20, column=SIDE // 2 - 1)
    assert drawn != before and "The right side is the brighter one" in words(drawn)
    assert figure.set(own="") != drawn
    cut = own_picture.square("a cat", sent(mine), 40)
    assert cut.shape == (40, 40, 3) and cut[:, :18].mean() < 10 and cut[:, 22:].mean() > 245


def test_what_is_no_small_picture_is_answered_with_the_photograph():
    huge = sent(np.zeros((1, own_picture.MOST + 1, 3), np.uint8))
    broken = sent(np.zeros((9, 9, 3), np.uint8))[:60]
    for bad in ("data:image/jpeg;base64,AAAA", "data:image/jpeg;base64,%%%", broken, huge):
        assert own_picture.pixels_of(bad) is None, bad[:40]
        assert np.array_equal(own_picture.square("a cat", bad, 32), own_picture.square("a cat", "", 32))
    control = OwnPicture()
    for bad in ("x", None, 3, "data:image/png;base64,AAAA", "data:image/jpeg;base64," + "A" * 400_000):
        assert control.clean(bad) == ""
    assert photograph("a cat").shape[2] == 3


def test_a_pointer_finds_the_sliders_that_it_moves():
    drawn = KernelUnderPointer().drawn + field_on_picture.FieldOnPicture().drawn
    assert drawn.count('data-across="column" data-down="row"') == 3
    for kind in (KernelUnderPointer, field_on_picture.FieldOnPicture):
        assert {"row", "column"} <= {control.name for control in kind.controls}


# ---- sizes and parameters


def test_the_formula_of_the_text_is_torchs():
    for size in range(4, 10):
        for k in range(1, 6):
            for p in range(3):
                for s in range(1, 4):
                    found = places_of_a_kernel.output_size(size, k, p, s)
                    if size + 2 * p < k:
                        assert found == 0
                        continue
                    layer = F.conv2d(
                        torch.zeros(1, 1, size, size), torch.zeros(1, 1, k, k), padding=p, stride=s
                    )
                    assert found == layer.shape[-1]


def test_parameters_are_those_of_the_text():
    def count(before, after):
        return sum(p.numel() for p in torch.nn.Conv2d(before, after, 3, padding=1).parameters())

    assert count(3, 16) == 448 and "448 for 3 channels and 16 maps" in prose(SLUG)
    assert count(16, 32) == exercises.find("how_a_network_sees.parameters").target == 4640
    assert 16 * 16 * 16 * 32 * 16 * 16 > 33_000_000  # a dense layer in its place


# ---- shifts


def test_pooling_of_one_pixel_is_as_the_text_and_the_exercise_say():
    """T21, and three of four moves that two poolings do not notice."""
    pictures = torch.zeros(3, 1, 4, 4)
    for column in range(3):
        pictures[column, 0, 0, column] = 1
    assert F.max_pool2d(pictures, 2).flatten(1).tolist() == [[1, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]]
    side, same = 64, 0
    units = torch.eye(side)[:, None, None, :].expand(side, 1, 4, side)
    twice = F.max_pool2d(F.max_pool2d(units, 2), 2).flatten(1)
    same = sum(bool(torch.equal(twice[c], twice[c + 1])) for c in range(side - 1))
    assert same / (side - 1) == pytest.approx(0.75, abs=0.02)
    assert exercises.find("how_a_network_sees.pooled").target == 75


def test_the_table_of_the_text_is_the_recorded_lab(recorded):
    text = prose(SLUG)
    for arm in lab.ARMS:
        kept = [f"{np.mean(recorded.numbers[f'kept {d}: {arm.name}']):.1f}" for d in lab.DISTANCES]
        accuracy = f"{np.mean(recorded.numbers[f'accuracy 0: {arm.name}']):.1f}"
        assert f"| {arm.name} | {' | '.join([*kept, accuracy])} |" in text, arm.name
    assert recorded.outcome == "holds" and len(recorded.seeds) == 6
    assert (lab.LARGE, lab.WIDTHS, lab.TEST) == (16, (16, 32), 500)


def test_what_the_text_says_of_the_lab_is_what_was_measured(recorded):
    def mean(what, place):
        return float(np.mean(recorded.numbers[f"{what}: {lab.ARMS[place].name}"]))

    assert 78 < 100 - mean("kept 4", 2) < 82  # "four of five answers change"
    assert all(mean(f"kept {d}", 3) > mean(f"kept {d}", 2) for d in lab.DISTANCES)
    assert round(mean("accuracy 0", 2) - mean("accuracy 0", 4)) == 17
    assert round(mean("accuracy 0", 2) - mean("accuracy 0", 6), 1) == 2.6
    assert [round(mean(f"kept {d}", 6)) for d in (1, 4)] == [98, 93]
    assert mean("kept 1", 2) > 90 and mean("kept 4", 2) < 100 / 3  # the right choice of the exercise
    assert mean("accuracy 0", 2) > 98.5  # "99 of 100"


def test_the_digit_of_the_figure_is_lost_and_kept_as_it_says():
    figure = moved_digit.MovedDigit()
    figure.wait()
    assert len(moved_digit.ARMS) == 4
    answers = {name: moved_digit.asked(name).argmax(2) for name in moved_digit.ARMS}  # (digits, moves)
    truth, middle = lab.parts(0)[1].targets[: moved_digit.SHOWN, None], lab.FURTHEST
    right = {name: (said == truth).double().mean(0) for name, said in answers.items()}
    for name in ("stride", "max pooling"):
        assert right[name][middle] > 0.85 and right[name][middle + 1] > 0.5 > right[name][middle + 3]
    assert right["max pooling, moved while learning"][[1, -2]].min() > right["max pooling"][[1, -2]].max()


# ---- the receptive field


def test_fields_are_those_of_the_text_and_a_slope_reaches_no_further():
    """T12: 4, 10, 22, 46 at distances 2, 4, 8, 16; the square of the figure is where the slopes are."""
    found = field_on_picture.stages(64)
    assert [one.receptive_field for one in found] == [4, 10, 22, 46]
    assert [one.stride for one in found] == [2, 4, 8, 16]
    config = cnn.CNNConfig(height=64, width=64, **(cnn.VARIANTS["four-layer"] | {"batch_norm": False}))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = cnn.CNN(config).eval()
        pictures = torch.randn(24, 3, 64, 64, requires_grad=True)
    maps = pictures
    for stage, layer in enumerate(model.stages[:3], 1):
        maps = layer(maps)
        row, column = maps.shape[2] // 2, maps.shape[3] // 2 - 1
        (slope,) = torch.autograd.grad(maps[:, :, row, column].sum(), pictures, retain_graph=True)
        touched = slope.abs().sum((0, 1)) > 0
        rows, columns = (touched.any(axis).nonzero()[:, 0] for axis in (1, 0))
        top, left, reach = field_on_picture.field(64, stage, row, column)
        assert (int(rows[0]), int(rows[-1])) == (top, top + reach - 1), stage
        assert (int(columns[0]), int(columns[-1])) == (left, left + reach - 1), stage


def test_the_field_of_the_exercise_is_lenets():
    layers = [
        torch.nn.Conv2d(1, 1, lenet.FILTER), torch.nn.AvgPool2d(2), torch.nn.Conv2d(1, 1, lenet.FILTER),
        torch.nn.AvgPool2d(2),
    ]  # fmt: skip
    picture = torch.randn(1, 1, 32, 32, requires_grad=True)
    (slope,) = torch.autograd.grad(torch.nn.Sequential(*layers)(picture)[0, 0, 2, 2], picture)
    assert (
        int((slope.abs().sum((0, 1, 2)) > 0).sum()) == exercises.find("how_a_network_sees.field").target == 16
    )
