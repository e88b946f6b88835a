"""Random changes of training pictures: keyed by picture, never black at the border, true to shape."""

import numpy as np
import pytest
import torch

from glassworks.core import keyed
from glassworks.data.augment import Augment, augment
from glassworks.recipes.pictures import LIGHT, PHOTO

ALL = Augment(flip="random", shift=0.1, rotate=20, zoom=0.2, brightness=0.3, contrast=0.3, erase=0.2)


def pictures(count=6, height=12, width=16, channels=3):
    return torch.rand(count, channels, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "how",
    [ALL, Augment(**LIGHT.model_dump()), Augment(**PHOTO.model_dump()), Augment(flip="alternate", shift=0.2)],
)
def test_a_picture_is_changed_the_same_whatever_stands_beside_it(how):
    given, rows = pictures(), np.array([5, 0, 9, 3, 7, 2])
    together = augment(given, rows, 2, 1, how)
    order = [4, 1, 0]
    torch.testing.assert_close(augment(given[order], rows[order], 2, 1, how), together[order])
    assert not torch.equal(together, augment(given, rows, 3, 1, how))
    assert not torch.equal(together, augment(given, rows, 2, 2, how)) or how.flip == "alternate"


@pytest.mark.parametrize(
    "how", [Augment(rotate=180), Augment(rotate=30, shift=0.4, zoom=0.5), Augment(shift=0.5)]
)
def test_a_white_picture_stays_white_without_black_corners(how):
    white = torch.ones(8, 1, 10, 24)
    torch.testing.assert_close(augment(white, np.arange(8), 0, 0, how), white)


def test_a_circle_stays_round_when_a_wide_picture_turns():
    y, x = torch.meshgrid(torch.arange(40.0), torch.arange(100.0), indexing="ij")
    circle = ((y - 19.5) ** 2 + (x - 49.5) ** 2 < 12**2).float()[None, None].repeat(16, 1, 1, 1)
    turned = augment(circle, np.arange(16), 0, 0, Augment(rotate=180))
    middle = (y - 19.5) ** 2 + (x - 49.5) ** 2 < 19**2  # farther out the mirror image comes in
    difference = (turned - circle)[:, :, middle].abs()
    assert difference.mean() < 0.03  # a circle that turns about its middle changes its rim alone
    ellipse = circle.roll(20, dims=3)
    tall = augment(ellipse, np.arange(16), 0, 0, Augment(rotate=20)).sum((1, 2, 3))
    assert (tall / ellipse.sum((1, 2, 3)) - 1).abs().max() < 0.02


def test_alternate_mirrors_every_picture_in_every_second_epoch():
    given, rows = pictures(), np.arange(6)
    epochs = [augment(given, rows, epoch, 0, Augment(flip="alternate")) for epoch in range(4)]
    torch.testing.assert_close(epochs[0], epochs[2])
    torch.testing.assert_close(epochs[1], epochs[3])
    torch.testing.assert_close(epochs[0].flip(3), epochs[1])
    first = {bool(torch.equal(epochs[0][row], given[row])) for row in range(6)}
    assert first == {True, False}  # some begin mirrored, some do not


def test_whole_pixel_moves_equal_a_slow_loop():
    given, rows = pictures(height=10, width=20), np.arange(6)
    moved = augment(given, rows, 1, 4, Augment(shift=0.2))
    draws = keyed.uniform(rows, 8, 4, "augment", 1)
    for row in range(6):
        signed = draws[row] * 2 - 1
        down = int((signed[1] + 1) / 2 * 5) - 2  # a reach of 2 rows: five places
        right = int((signed[2] + 1) / 2 * 9) - 4
        for y in range(10):
            for x in range(20):
                a, b = y + down, x + right
                a, b = abs(a) if a < 10 else 18 - a, abs(b) if b < 20 else 38 - b
                assert torch.equal(moved[row, :, y, x], given[row, :, a, b])


def test_erase_blanks_one_square():
    erased = augment(torch.ones(50, 1, 20, 20), np.arange(50), 0, 0, Augment(erase=0.5))
    blank = (erased == 0).sum((1, 2, 3))
    assert blank.max() == 100 and blank.min() >= 25


@pytest.mark.parametrize(
    "wrong", [{"flip": "up"}, {"shift": 0.6}, {"rotate": -1}, {"erase": 2}, {"zoom": 0.95}]
)
def test_impossible_changes_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Augment(**wrong)
