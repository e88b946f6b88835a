"""The chapter "What a model is": it runs, its figures hold at their corners, its numbers are true."""

import ast
import math
import re
import time

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from glassworks.core.errors import PersonError
from glassworks.data.decode import read_picture
from glassworks.data.samples import photographs as shipped
from glassworks.reader import exercises
from glassworks.reader.figures import batch_pages, five_names, forward_times, lite0, one_pixel, shapes_through
from glassworks.reader.figures.batch_pages import BatchPages
from glassworks.reader.figures.five_names import FiveNames
from glassworks.reader.figures.forward_times import ForwardTimes
from glassworks.reader.figures.lite0 import classifier
from glassworks.reader.figures.one_pixel import PREPARATIONS, OnePixel, normalised
from glassworks.reader.figures.photographs import PLAIN, available, photograph
from glassworks.reader.figures.picture_numbers import PictureNumbers
from glassworks.reader.figures.shapes_through import HANDED, MODELS, ShapesThrough, stops
from glassworks.reader.figures.shares import percent
from glassworks.reader.figures.three_logits import ThreeLogits
from glassworks.reader.plain import path_of
from glassworks.weights.published import IMAGENET_MEAN, IMAGENET_STD
from tests.reader.chapters.ladder import prose, sound

SLUG = "foundations/what_a_model_is"
FIGURES = (FiveNames, PictureNumbers, OnePixel, ShapesThrough, ThreeLogits, ForwardTimes, BatchPages)


# ---- the page


def test_the_first_exercise_stands_right_behind_the_first_figure():
    names = [node.name for node in ast.parse(path_of(SLUG).read_text(encoding="utf-8")).body
             if isinstance(node, ast.FunctionDef)]  # fmt: skip
    assert names[:4] == ["header", "idea", "figure_five_names", "exercise_rest"]
    assert exercises.of(SLUG)[0].minutes <= 2


# ---- figures


def test_the_window_at_the_start_is_what_the_weights_were_made_for():
    lite = classifier()
    temple = shipped()[0]
    library = read_picture(temple, 224, 224, 3, "crop", resample="bicubic", crop=0.875)
    np.testing.assert_array_equal(lite.view(temple), library)
    torch.testing.assert_close(
        lite.prepared(library), (torch.tensor(library).permute(2, 0, 1)[None] / 255 - 0.5) / 0.5
    )


def test_shares_sum_to_one_and_the_line_accounts_for_all_names():
    figure = FiveNames()
    for name in available():
        drawn = figure.set(name=name)
        listed, rest = map(float, re.findall(r"names share ([\d.]+)\s%\.", drawn))
        assert listed + rest == pytest.approx(100, abs=0.11)
    assert "other 995 names" in drawn


def test_sliders_move_the_answer_and_zero_light_is_a_black_window():
    figure = FiveNames()
    start = figure.drawn
    assert figure.set(brightness=0) != start
    assert figure.set(brightness=100, zoom=3) != start
    assert figure.set(zoom=1) == start


@pytest.mark.parametrize("kind", [FiveNames, OnePixel])
def test_without_the_weights_a_figure_says_how_to_get_them(kind, monkeypatch):
    def missing():
        raise PersonError("weights-missing", expected="<weights>", got="nothing", fix="install")

    for module in (five_names, one_pixel):
        monkeypatch.setattr(module, "classifier", missing)
    one_pixel.said.__wrapped__.cache_clear()
    drawn = kind().drawn
    assert lite0.HOW_TO_GET.replace('"', "&quot;") in drawn and "&lt;weights&gt;" in drawn
    sound(drawn)


def test_one_pixel_gives_the_values_of_the_two_usual_scalings():
    zero = [normalised(0, m, s) for m, s in zip(IMAGENET_MEAN, IMAGENET_STD)]
    full = [normalised(255, m, s) for m, s in zip(IMAGENET_MEAN, IMAGENET_STD)]
    assert zero == pytest.approx([-2.117904, -2.035714, -1.804444], abs=1e-6)
    assert full == pytest.approx([2.248908, 2.428571, 2.640000], abs=1e-6)
    assert [normalised(255 * share, 0.5, 0.5) for share in (0, 0.5, 1)] == pytest.approx([-1, 0, 1])
    drawn = OnePixel().set(how="ImageNet's mean and std", red=255)
    assert "red -2.118 to 2.249, green -2.036 to 2.429, blue -1.804 to 2.640" in drawn
    assert "red -1.000 to 1.000" in OnePixel().drawn


def test_shapes_of_the_small_model_are_those_of_its_layers():
    found = stops("cnn")
    assert [stop.shape for stop in found] == [(16, 16, 16), (32, 8, 8), (2048,), (512,), (10,)]
    assert [stop.parameters for stop in found] == [448, 4_640, 0, 1_049_088, 5_130]
    drawn = ShapesThrough().set(batch=4)
    assert "(4,\u00a010)" in drawn and "1,059,306 parameters" in drawn


def test_shapes_of_the_large_model_end_in_a_thousand_logits():
    assert [stop.shape for stop in stops("lite0")][-3:] == [(1280, 7, 7), (1280,), (1000,)]
    assert sum(stop.parameters for stop in stops("lite0")) == 4_652_008
    assert stops("lite0")[-1].parameters == exercises.find("what_a_model_is.parameters").target


@pytest.mark.parametrize("handed", list(HANDED)[1:])
@pytest.mark.parametrize("name", MODELS)
def test_a_wrong_batch_is_refused_with_the_models_own_words(name, handed):
    model, side, _ = shapes_through.built(MODELS[name])
    shape, kind = HANDED[handed](2, side)
    with pytest.raises(ValueError) as refused:
        model(torch.zeros(shape, dtype=kind))
    drawn = ShapesThrough().set(name=name, handed=handed, batch=2)
    assert " ".join(str(refused.value).split()) in " ".join(drawn.split())


def test_logits_that_overflow_are_told_and_their_shares_stay():
    figure = ThreeLogits()
    before = re.findall(r"([\d.]+)\s%", figure.drawn)
    drawn = figure.set(added="100")
    assert "inf: too large for float32" in drawn
    assert re.findall(r"([\d.]+)\s%", drawn) == before
    equal = figure.set(added="0", cat=0, dog=0, bird=0)
    assert f"{math.log(3):.4f}" in equal and equal.count("33.3\u00a0%") >= 3


def test_batches_come_back_with_their_seed_and_epoch_and_cover_everything():
    def rows(drawn: str) -> list[str]:
        return re.findall(r"<figcaption>\d, row (\d+)<", drawn)

    figure = BatchPages()
    first = figure.set(seed=3, epoch=2, page=4)
    assert len(set(rows(first))) == batch_pages.SIZE
    for change in ({"epoch": 1}, {"epoch": 2, "seed": 4}, {"seed": 3, "page": 5}):
        assert rows(figure.set(**change)) != rows(first)
    assert figure.set(page=4) == first == BatchPages().set(seed=3, epoch=2, page=4)
    data = batch_pages.digits(3)
    assert "holds 5 of 1,797 pictures" in figure.set(page=batch_pages.LAST)
    assert len(data) == batch_pages.LAST * batch_pages.SIZE + 5
    np.testing.assert_array_equal(np.sort(data.order(2)), np.arange(1797))


def test_nothing_is_measured_before_the_button_is_pressed():
    figure = ForwardTimes()
    assert figure.thread is None and "Press the button" in figure.drawn
    assert figure.set(name="EfficientNet-Lite0, 224 × 224") and figure.thread is None


def test_a_press_measures_every_combination_and_says_the_spread(monkeypatch):
    monkeypatch.setattr(forward_times, "SIZES", {"cnn": (1, 4), "lite0": (1,)})
    monkeypatch.setattr(forward_times, "MOMENT", 0.01)
    figure = ForwardTimes()
    begun = time.perf_counter()
    drawn = figure.set(press=1)
    assert time.perf_counter() - begun < 0.1 and "Measuring" in drawn
    figure.wait()
    rows = figure.found["cnn"]
    assert [(row.batch, row.precision) for row in rows if row.device == "cpu"] == [
        (1, "fp32"), (1, "bf16"), (4, "fp32"), (4, "bf16"),
    ]  # fmt: skip
    assert all(0 < row.low <= row.median <= row.high for row in rows)
    assert "Measuring" not in figure.drawn and "Recorded" not in figure.drawn
    sound(figure.drawn)


def test_a_combination_that_the_machine_refuses_is_told_and_the_others_are_measured(monkeypatch):
    real = forward_times.measured

    def picky(device: str, name: str, batch: int, precision: str) -> forward_times.Timing:
        if precision == "bf16":
            raise RuntimeError("no <bf16> here")
        return real(device, name, batch, precision)

    monkeypatch.setattr(forward_times, "SIZES", {"cnn": (1,)})
    monkeypatch.setattr(forward_times, "measured", picky)
    figure = ForwardTimes()
    figure.set(press=1)
    figure.wait()
    assert {row.precision for row in figure.found["cnn"]} == {"fp32"}
    assert "no &lt;bf16&gt; here" in figure.drawn and "Measuring" not in figure.drawn


# ---- numbers in the text


def top(name: str, how: str = "mean 0.5, std 0.5", count: int = 3) -> list[tuple[str, float]]:
    lite = classifier()
    return lite.top(lite.shares(lite.prepared(lite.view(photograph(name)), *PREPARATIONS[how])), count)


def test_the_text_says_what_the_classifier_says():
    said = prose(SLUG)
    cats = top("a cat")
    assert {name for name, _ in cats} == {"tiger cat", "Egyptian cat", "tabby"}
    assert round(100 * sum(share for _, share in cats)) == 92 and "together have 92 %" in said
    assert top("an astronaut")[0][0] == "football helmet" and "a football helmet" in said
    assert top("the inside of an eye")[0][0] == "lampshade" and "a lampshade" in said
    assert not {"astronaut", "eye", "retina"} & {name.lower() for name in classifier().names}
    assert sum(share for _, share in top(PLAIN, count=5)) < 0.01
    assert (
        sum(share for _, share in top("a temple", count=5)) < 0.75
    )  # the first exercise asks where the rest is


def test_the_text_says_what_a_wrong_preparation_costs():
    said = prose(SLUG)
    assert (
        top("a cup of coffee")[0][0] == top("a cup of coffee", "ImageNet's mean and std")[0][0] == "espresso"
    )
    own, foreign = top("a cup of coffee")[0][1], top("a cup of coffee", "ImageNet's mean and std")[0][1]
    assert f"with {foreign:.0%} instead of {own:.0%}".replace("%", " %") in said
    assert top("a cup of coffee", "bytes as they are")[0][0] == "loudspeaker" and "a loudspeaker" in said


def test_numbers_of_the_text_are_those_of_the_code():
    said = prose(SLUG)
    lite = classifier()
    parameters = list(lite.model.parameters())
    assert sum(p.numel() for p in parameters) == 4_652_008 and len(parameters) == 149
    assert "4,652,008 of them, in 149 tensors" in said
    assert pytest.approx(18.6, abs=0.05) == 4 * 4_652_008 / 1e6 and "18.6 MB" in said
    for classes, loss in ((10, "2.302585"), (1000, "6.907755")):
        uniform = F.cross_entropy(torch.zeros(1, classes, dtype=torch.float64), torch.tensor([0]))
        assert f"{float(uniform):.6f}" == loss and loss in said
    assert "4.605" in said and round(math.log(100), 3) == 4.605
    assert "−2.118" in said and "2.249" in said and "1,049,088 of all 1,059,306" in said
    assert (lite.how.height, lite.how.crop, lite.how.mean, lite.how.std) == (
        224,
        0.875,
        (0.5,) * 3,
        (0.5,) * 3,
    )
    assert 224 / 0.875 == 256


def test_a_percentage_keeps_a_digit_that_says_something():
    assert (percent(0.951), percent(0.0005), percent(0)) == ("95.1\u00a0%", "0.05\u00a0%", "0.00\u00a0%")
