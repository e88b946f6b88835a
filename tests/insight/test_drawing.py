"""Heat comes back to where it was seen, whatever way the picture was fitted, and colours grow evenly."""

import numpy as np
import pytest

from glassworks.core.rows import PictureInput
from glassworks.data.decode import read_picture
from glassworks.insight.drawing import PALETTE, overlay, place, tiles, unit


def lightness(colours):
    """CIE L*, 0 … 100, of sRGB 0 … 255."""
    linear = np.where(colours <= 10.31, colours / 255 / 12.92, ((colours / 255 + 0.055) / 1.055) ** 2.4)
    shine = linear @ np.array([0.2126, 0.7152, 0.0722])
    return np.where(shine > 0.008856, 116 * np.cbrt(shine) - 16, 903.3 * shine)


def test_colours_grow_evenly_brighter():
    steps = np.diff(lightness(PALETTE)[:: 255 // 15])
    assert (steps > 0).all() and steps.max() < 2.5 * steps.mean() and steps.min() > 0.4 * steps.mean()


@pytest.mark.parametrize("fit, crop", [("stretch", 1.0), ("crop", 1.0), ("crop", 0.875), ("pad", 1.0)])
@pytest.mark.parametrize("size", [(90, 240), (240, 90), (97, 97)])
def test_heat_lands_on_the_spot_that_made_it(fit, crop, size):
    """A bright square is read as a model's pictures are, and its light comes back as heat."""
    how = PictureInput(32, 48, 3, (0,) * 3, (1,) * 3, fit, crop=crop)
    height, width = size
    picture = np.zeros((height, width, 3), np.uint8)
    top, left = height * 45 // 100, width * 52 // 100
    picture[top : top + 20, left : left + 16] = 255
    seen = read_picture(picture, 32, 48, 3, fit, crop=crop)[..., 0] / np.float32(255)
    heat = place(seen, how, size)
    assert heat.shape == size
    down, across = np.nonzero(np.nan_to_num(heat) > 0.5 * np.nanmax(heat))
    assert abs(down.mean() - (top + 9.5)) < 4 and abs(across.mean() - (left + 7.5)) < 4
    assert np.isnan(heat).any() == (fit == "crop")


def test_with_crop_the_unseen_margin_has_no_heat_and_is_dimmed():
    how = PictureInput(32, 32, 3, (0,) * 3, (1,) * 3, "crop", crop=0.5)
    heat = place(np.ones((32, 32), np.float32), how, (100, 200))
    assert np.isnan(heat[:25]).all() and np.isnan(heat[:, :75]).all() and (heat[25:75, 75:125] == 1).all()
    drawn = overlay(np.full((100, 200, 3), 200, np.uint8), heat)
    assert (drawn[0, 0] < 80).all() and drawn[50, 100].mean() > 150


def test_where_there_is_no_heat_the_picture_shows_and_its_size_stays():
    random = np.random.default_rng(0)
    picture = random.integers(0, 256, (37, 53, 3)).astype(np.uint8)
    cold = overlay(picture, np.zeros((37, 53)))
    light = picture @ np.array([0.299, 0.587, 0.114])
    assert cold.shape == (37, 53, 3) and np.abs(cold.mean(2) - light).mean() < 25
    grey = overlay(picture[..., :1], np.zeros((7, 7)))
    assert np.array_equal(grey, picture[..., :1].repeat(3, 2))
    hot = overlay(picture, np.ones((7, 7)))
    assert np.abs(hot.astype(int) - PALETTE[-1]).mean() < np.abs(cold.astype(int) - PALETTE[-1]).mean() / 2


def test_heat_is_cut_below_zero_and_scaled_by_its_largest():
    assert unit(np.array([[-1.0, 1.0], [2.0, 4.0]])).tolist() == [[0, 0.25], [0.5, 1]]
    assert not unit(np.full((2, 2), -1.0)).any()
    assert np.isnan(unit(np.array([[np.nan, 2.0]]))[0, 0])


def test_sheets_hold_every_tile_in_order():
    pictures = [np.full((4, 6, 1), value, np.uint8) for value in (0, 50, 100, 150, 200)]
    sheet = tiles(pictures, 3, side=8, gap=1)
    assert sheet.shape == (2 * 8 + 1, 3 * 12 + 2, 1)
    assert [int(sheet[0, 13 * n, 0]) for n in range(3)] == [0, 50, 100]
    assert [int(sheet[9, 13 * n, 0]) for n in range(3)] == [150, 200, 40]
    assert tiles([np.random.default_rng(0).random((7, 7))]).shape == (49, 49, 3)
    with pytest.raises(ValueError, match="at least one"):
        tiles([])
