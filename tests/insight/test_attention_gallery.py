"""Attention over a picture: what suits a model is drawn, and captions promise no more than is shown."""

import re

import numpy as np
import pytest
import torch
from PIL import Image

from glassworks.core.errors import PersonError
from glassworks.core.rows import PictureInput
from glassworks.insight.attention import attention_of, drawn_from
from glassworks.insight.drawing import LINE, marked, ruled
from glassworks.insight.drawings import contrast
from glassworks.insight.gallery import look_inside, methods_for, model_gallery, usual_methods
from glassworks.models.vision import mae
from tests.insight.models import BLOCK, TRANSFORMERS, model_of

FULL = np.random.default_rng(0).integers(0, 256, (60, 90, 3)).astype(np.uint8)
CAVEAT = "Attention is no proof of cause."
USUAL = {
    "swin": ("windows", "attention", "grad-cam"),
    "pvt": ("attention", "grad-cam"),
    "cnn": ("grad-cam", "occlusion", "activations"),
}


def way(model, fit="crop"):
    config = model.config
    return PictureInput(config.height, config.width, 3, (0.5,) * 3, (0.25,) * 3, fit)


def pixels_for(model):
    shape = (model.config.height, model.config.width, 3)
    return np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)


def look(model, *methods, **options):
    how = way(model, options.pop("fit", "crop"))
    return look_inside(
        model, FULL, pixels_for(model), how, methods=methods, classes=tuple("abcde"), **options
    )


@pytest.mark.parametrize("name", [*TRANSFORMERS, "cnn"])
def test_left_out_what_suits_the_model_is_drawn(name):
    model = model_of(name)
    usual = USUAL.get(name, ("attention", "rollout", "grad-cam"))
    assert usual_methods(model, way(model)) == usual
    drawings = look(model)
    assert [drawing.name for drawing in drawings] == list(usual)
    for drawing in drawings:
        assert drawing.picture.dtype == np.uint8 and drawing.picture.ndim == 3
        if drawing.name in ("attention", "rollout"):
            assert drawing.picture.shape == (60, 90, 3) and drawing.heat.shape == (
                model.config.height,
                model.config.width,
            )
            assert drawing.heat.min() >= 0 and drawing.heat.max() <= 1
        assert ("no proof of cause" in drawing.caption) == (
            drawing.name in ("attention", "rollout", "windows")
        )


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_every_method_draws_every_transformer(name):
    model = model_of(name)
    methods = methods_for(model, way(model))
    drawings = look(model, *methods)
    assert [drawing.name for drawing in drawings] == list(methods) and "heads" in methods
    assert ("rollout" in methods) == (name not in ("swin", "pvt")) and ("windows" in methods) == (
        name == "swin"
    )
    assert len(model_gallery(model, way(model), steps=1, most=2)) == 2


def test_the_map_is_the_weights_enlarged_and_scaled_from_least_to_most():
    """C37: a grid of 4 x 6 does not lie on a picture of 32 x 48 by itself."""
    model = model_of("vit")
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    (drawing,) = look(model, "attention")
    from glassworks.insight.gallery import as_input

    layer = attention_of(model, as_input(pixels_for(model), way(model)))[-1]
    drawn = drawn_from(layer)[0].mean(0).numpy()
    theirs = np.asarray(Image.fromarray(drawn).resize((48, 32), Image.Resampling.BICUBIC))
    assert np.corrcoef(theirs.ravel(), drawing.heat.ravel())[0, 1] > 0.99
    assert drawing.heat.min() == 0 and drawing.heat.max() == 1
    least, most = re.search(r"between (\S+) and (\S+) times", drawing.caption).groups()
    assert float(least) == pytest.approx(drawn.min() / drawn.mean(), rel=0.06)
    assert float(most) == pytest.approx(drawn.max() / drawn.mean(), rel=0.06)
    assert drawing.layer == "blocks.1.attention.maps" and "4 heads" in drawing.caption


def test_even_attention_is_told_and_hardly_coloured():
    model = model_of("vit")
    for block in model.blocks:
        torch.nn.init.zeros_(block.attention.query_key_value.weight)
    for drawing in look(model, "attention", "rollout"):
        assert drawing.heat.max() < 0.02 and "between 1 and 1 times the mean" in drawing.caption
    assert contrast(np.array([1.0, 1.01])).max() == pytest.approx(0.2)
    assert contrast(np.array([0.5, 3.0])).tolist() == [0, 1]


def test_a_sheet_has_one_picture_a_head():
    model = model_of("vit")
    (sheet,) = look(model, "heads")
    assert sheet.picture.shape == (96, 4 * 144 + 3 * 2, 3)  # 32 x 48 pixels, three times as large
    heads = [sheet.picture[:, n * 146 : n * 146 + 144] for n in range(4)]
    assert not any(np.array_equal(heads[0], other) for other in heads[1:])
    assert re.search(r"head [1-4],", sheet.caption) and CAVEAT in sheet.caption


def test_windows_are_drawn_in_place_and_moved():
    (drawing,) = look(model_of("swin"), "windows", fit="stretch")
    assert drawing.picture.shape == (60, 90 * 2 + 2, 3) and "moved by 1 and 1" in drawing.caption
    lines = (drawing.picture == LINE).all(2)
    down = [np.flatnonzero(lines[:, 2]), np.flatnonzero(lines[:, 94])]  # rows of lines in both halves
    per_row = 60 / 4  # the last stage has 4 x 6 patches, in windows of 3
    assert down[0].tolist() == [round(3 * per_row)] and down[1].tolist() == [round(per_row)]
    (one,) = look(model_of("swin"), "windows", layer="stages.0.blocks.0")
    assert one.picture.shape == (60, 90, 3) and "moved" not in one.caption


def test_lines_and_frames_stand_where_the_model_saw_them():
    picture = np.zeros((100, 300, 3), np.uint8)
    crop = PictureInput(50, 50, 3, (0.5,) * 3, (0.5,) * 3, "crop")  # the middle, 100 .. 200
    drawn = ruled(picture, crop, [25], [0, 25])
    assert set(np.flatnonzero(drawn[10].any(1))) == {100, 150} and drawn[50, 100:200].all()
    assert not drawn[50, :100].any() and not drawn[50, 200:].any()
    pad = PictureInput(50, 50, 3, (0.5,) * 3, (0.5,) * 3, "pad")  # bars above and below, six times as large
    bar = (50 - round(50 / 3)) // 2
    assert np.flatnonzero(ruled(picture, pad, [bar + 8], [])[:, 0].any(1)).tolist() == [48]
    frame = marked(picture, crop, (0, 0, 10, 10)).any(2)
    assert frame[0, 100:120].all() and frame[19, 100:120].all() and not frame[10, 110] and frame.sum() < 200


# ---- the check


def test_the_check_of_each_heat_is_in_its_caption_and_beside_it():
    model = model_of("vit")
    drawings = look(model, "attention", "rollout", "grad-cam", "heads", check=True)
    for drawing in drawings[:3]:
        assert drawing.check is not None and drawing.check.words in drawing.caption
        assert 0 <= drawing.check.area_deletion <= 1
    assert drawings[3].check is None and "Checked" not in drawings[3].caption
    assert all(drawing.check is None for drawing in look(model))
    model.head = torch.nn.Linear(32, 1)
    assert look(model, "attention", kind="number", check=True)[0].check is None


# ---- models without an answer


def test_a_masked_autoencoder_is_drawn_though_it_gives_no_answer():
    model = mae.build(mae.MAEConfig(
        height=32, width=48, patch=8, dimension=32, depth=2, block=BLOCK,
        decoder={"dimension": 16, "depth": 1, "block": {"heads": 2}},
    ))  # fmt: skip
    drawings = look(model, kind="none")
    assert [drawing.name for drawing in drawings] == ["attention", "rollout"]
    assert np.array_equal(
        drawings[0].picture, look(model, "attention", kind="none")[0].picture
    )  # no luck in it
    with pytest.raises(PersonError, match="attention or rollout") as refused:
        look(model, "grad-cam", kind="none")
    assert refused.value.code == "no-answer"


# ---- mistakes


@pytest.mark.parametrize(
    "name, method, code",
    [
        ("cnn", "attention", "no-attention"),
        ("cnn", "rollout", "no-attention"),
        ("vit", "windows", "no-windows"),
        ("swin", "rollout", "no-rollout"),
    ],
)
def test_what_a_model_does_not_have_is_refused_with_what_helps(name, method, code):
    with pytest.raises(PersonError) as refused:
        look(model_of(name), method)
    assert refused.value.code == code and refused.value.fix
