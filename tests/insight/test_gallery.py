"""All ways of looking, for one picture and for the model alone, with captions that promise no more."""

import numpy as np
import pytest
import torch

from glassworks.core.errors import PersonError
from glassworks.core.rows import PictureInput
from glassworks.insight.gallery import (
    METHODS,
    OF_ATTENTION,
    as_input,
    look_inside,
    methods_for,
    model_gallery,
)
from tests.insight.models import MODELS, model_of

HOW = PictureInput(32, 32, 3, (0.5,) * 3, (0.25,) * 3, "crop")
FULL = np.random.default_rng(0).integers(0, 256, (50, 80, 3)).astype(np.uint8)
PIXELS = np.random.default_rng(1).integers(0, 256, (32, 32, 3)).astype(np.uint8)


@pytest.mark.parametrize("name", MODELS)
def test_every_method_draws_every_model(name):
    model = model_of(name)
    side = model.config.height
    how = PictureInput(side, side, 3, (0.5,) * 3, (0.25,) * 3, "crop")
    pixels = np.resize(PIXELS, (side, side, 3))
    methods = methods_for(model, how)
    drawings = look_inside(model, FULL, pixels, how, methods=methods, classes=tuple("abcde"))
    assert (
        [drawing.name for drawing in drawings]
        == list(methods)
        == [method for method in METHODS if method not in OF_ATTENTION]
    )
    for drawing in drawings:
        assert drawing.picture.dtype == np.uint8 and drawing.picture.ndim == 3 and len(drawing.caption) > 60
    assert drawings[0].picture.shape == drawings[1].picture.shape == (50, 80, 3)  # the full picture's size


def test_captions_name_the_class_that_is_explained():
    model = model_of("cnn")
    for target in (0, 4):
        for drawing in look_inside(model, FULL, PIXELS, HOW, target=target, classes=tuple("vwxyz")):
            assert drawing.name == "activations" or f'"{"vwxyz"[target]}"' in drawing.caption
    assert '"class 2"' in look_inside(model, FULL, PIXELS, HOW, target=2, methods=["grad-cam"])[0].caption


def test_numbers_are_called_numbers_and_grey_pictures_are_drawn():
    model = model_of("cnn")
    model.head = torch.nn.Linear(512, 1)
    drawings = look_inside(model, FULL[..., 0], PIXELS, HOW, kind="number")
    assert "the number" in drawings[0].caption and "probability" not in drawings[1].caption
    assert drawings[0].picture.shape == (50, 80, 3)


def test_an_answer_that_no_square_changes_is_told_and_hardly_coloured():
    model = model_of("cnn")
    torch.nn.init.zeros_(model.head.weight)
    cam, covered = look_inside(model, FULL, PIXELS, HOW, methods=["grad-cam", "occlusion"])
    assert "nothing to colour" in cam.caption and "No single square decides" in covered.caption
    assert np.array_equal(cam.picture, covered.picture)  # the bare picture
    bare = covered.picture.astype(int)
    with torch.no_grad():
        model.head.weight[0] = 1e-4
    faint = look_inside(model, FULL, PIXELS, HOW, target=0, methods=["occlusion"])[0]
    assert "No single square decides" in faint.caption
    assert np.abs(faint.picture - bare).max() < 30  # next to nothing is not blown up to full colour


def test_looking_changes_nothing(reader):
    before = {key: value.clone() for key, value in reader.model.state_dict().items()}
    pixels = reader.data.store.pixels[0]
    with torch.inference_mode():
        methods = methods_for(reader.model, reader.how)
        first = look_inside(reader.model, pixels, pixels, reader.how, methods=methods)
    again = look_inside(reader.model, pixels, pixels, reader.how, methods=methods)
    assert all(np.array_equal(a.picture, b.picture) and a.caption == b.caption for a, b in zip(first, again))
    assert all(torch.equal(value, before[key]) for key, value in reader.model.state_dict().items())


def test_unknown_methods_are_told_with_the_nearest():
    with pytest.raises(PersonError, match='did you mean "grad-cam"'):
        look_inside(model_of("cnn"), FULL, PIXELS, HOW, methods=["gradcam"])


def test_pixels_go_in_as_the_loader_sends_them(reader):
    from glassworks.data.batches import PictureBatches

    store = reader.data.store
    rows = np.arange(3)
    theirs = next(PictureBatches(store.pixels, store.table.targets, rows, reader.how).plain(3)).inputs
    ours = torch.cat([as_input(store.pixels[row], reader.how) for row in rows])
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="expected pixels"):
        as_input(PIXELS[:9], HOW)


def test_the_gallery_of_a_model_shows_filters_channels_and_classes(reader):
    drawings = model_gallery(reader.model, reader.how, classes=tuple("0123456789"), steps=4, most=4)
    assert [drawing.name for drawing in drawings] == ["filters", "maximise", "maximise"]
    assert drawings[0].layer == "stages.0.convolution" and drawings[1].layer == "stages.1"
    assert "0, 1, 2" in drawings[2].caption and drawings[2].layer == ""
    assert all(drawing.picture.dtype == np.uint8 for drawing in drawings)
