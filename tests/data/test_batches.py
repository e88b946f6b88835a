"""From pixels to batches: scaling, order, and that held-out pictures are neither changed nor measured."""

import numpy as np
import pytest
import torch

from glassworks.core.rows import PictureInput
from glassworks.data.augment import Augment
from glassworks.data.batches import PictureBatches, measure_input
from glassworks.recipes.pictures import PHOTO

IMAGENET = PictureInput(1, 1, 3, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def scaled(value, how):
    pixels = np.full((1, 1, 1, 3), value, np.uint8)
    batches = PictureBatches(pixels, np.zeros(1, np.int64), np.arange(1), how)
    return next(batches.plain(1)).inputs.flatten().double()


def test_scaling_of_imagenet():
    """0 and 1 become these numbers, in every channel its own."""
    expected = torch.tensor([[-2.117904, -2.035714, -1.804444], [2.248908, 2.428571, 2.640000]]).double()
    torch.testing.assert_close(scaled(0, IMAGENET), expected[0], atol=2e-6, rtol=0)
    torch.testing.assert_close(scaled(255, IMAGENET), expected[1], atol=2e-6, rtol=0)


def test_scaling_by_a_half():
    """0, 0.5, 1 become -1, 0, 1; a byte's nearest to 0.5 are 127 and 128."""
    half = PictureInput(1, 1, 3, (0.5,) * 3, (0.5,) * 3)
    assert scaled(0, half)[0] == pytest.approx(-1, abs=1e-6) and scaled(255, half)[0] == pytest.approx(
        1, abs=1e-6
    )
    assert float(scaled(127, half)[0] + scaled(128, half)[0]) == pytest.approx(0, abs=1e-6)


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (30, 8, 9, 3), dtype=np.uint8)


def test_statistics_are_those_of_the_training_rows_alone(pixels):
    rows = np.arange(0, 20)
    how = measure_input(pixels, rows)
    changed = pixels.copy()
    changed[20:] = 255
    assert measure_input(changed, rows) == how
    part = pixels[:20].reshape(-1, 3) / 255
    assert np.allclose(how.mean, part.mean(0), atol=1e-6) and np.allclose(how.std, part.std(0), atol=1e-6)
    assert (how.height, how.width, how.channels) == (8, 9, 3)


def test_a_constant_channel_is_not_divided_by_zero():
    how = measure_input(np.full((4, 3, 3, 1), 7, np.uint8), np.arange(4))
    assert how.std[0] > 0


def test_held_out_pictures_are_never_changed(pixels):
    how = measure_input(pixels, np.arange(30))
    targets = np.arange(30)
    plain = PictureBatches(pixels, targets, np.arange(30), how)
    augmented = PictureBatches(pixels, targets, np.arange(30), how, augment=Augment(**PHOTO.model_dump()))
    for one, other in zip(plain.plain(7), augmented.plain(7), strict=True):
        assert torch.equal(one.inputs, other.inputs) and (one.rows == other.rows).all()
    assert not torch.equal(plain.training(0, 0, 30).inputs, augmented.training(0, 0, 30).inputs)


def test_an_epoch_shows_every_row_once_in_an_order_of_its_own(pixels):
    rows = np.array([3, 5, 8, 13, 21])
    batches = PictureBatches(pixels, np.arange(30), rows, measure_input(pixels, rows), seed=4)
    parts = [batches.training(2, start, start + 2) for start in (0, 2, 4)]
    seen = np.concatenate([part.rows for part in parts])
    assert sorted(seen) == sorted(rows)
    assert torch.equal(torch.cat([part.targets for part in parts]), torch.from_numpy(seen))
    assert any((batches.order(0) != batches.order(epoch)).any() for epoch in (1, 2))


def test_mapped_pixels_give_the_same_batches(pixels, tmp_path):
    np.save(tmp_path / "p.npy", pixels)
    mapped = np.load(tmp_path / "p.npy", mmap_mode="r")
    how = measure_input(pixels, np.arange(30))
    one, other = (
        PictureBatches(p, np.arange(30), np.arange(30), how).training(0, 5, 9) for p in (pixels, mapped)
    )
    assert torch.equal(one.inputs, other.inputs)
