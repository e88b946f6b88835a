"""Masked pictures: fills against slow loops, masks that belong to a picture, a loss on hidden patches."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from glassworks.blocks.patches import cut
from glassworks.data.batches import Batch
from glassworks.models.vision.mae import MAEConfig, build, errors, kept
from glassworks.tasks import masked

CONFIG = MAEConfig(
    height=8, width=12, channels=2, patch=4, dimension=16, depth=1, hidden=0.5, normalised=False,
    block={"heads": 2}, decoder={"dimension": 16, "depth": 1, "block": {"heads": 2}},
)  # fmt: skip


def sample(count=3):
    dice = torch.Generator().manual_seed(0)
    pictures = torch.randn(count, 2, 8, 12, generator=dice)
    order = torch.rand(count, 6, generator=dice).argsort(1).argsort(1)
    return pictures, (order >= 3).float()


def test_fills_equal_slow_loops():
    pictures, mask = sample()
    patches = cut(pictures, 4)
    flat, near = (masked.FILLS[name](pictures, mask, CONFIG) for name in list(masked.FILLS)[:2])
    for row in range(3):
        seen = [token for token in range(6) if not mask[row, token]]
        mean = patches[row, seen].reshape(-1, 2).mean(0)  # channels last in a patch
        torch.testing.assert_close(flat[row], mean.repeat(16).expand(6, -1))
        for token in range(6):
            away = [(token // 3 - s // 3) ** 2 + (token % 3 - s % 3) ** 2 for s in seen]
            assert torch.equal(near[row, token], patches[row, seen[int(np.argmin(away))]])


def test_the_smooth_fill_gives_back_what_is_smooth_and_keeps_an_even_picture():
    _, mask = sample()
    even = torch.full((3, 2, 8, 12), 0.7)
    torch.testing.assert_close(masked.smooth(even, mask, CONFIG), cut(even, 4))
    ramp = torch.linspace(0, 1, 12).expand(3, 2, 8, 12).contiguous()
    found = {
        name: float(errors(fill(ramp, mask, CONFIG), cut(ramp, 4), mask).mean())
        for name, fill in masked.FILLS.items()
    }
    assert found["smooth fill"] < min(found["nearest visible patch"], found["mean of the visible pixels"])


@pytest.mark.parametrize("normalised", [True, False])
def test_errors_of_fills_are_finite_and_a_flat_normalised_patch_is_zero(normalised):
    config = replace(CONFIG, normalised=normalised)
    pictures, mask = sample()
    found = masked.fill_errors(pictures, mask, config)
    assert set(found) == set(masked.FILLS) and all(torch.isfinite(error).all() for error in found.values())
    if normalised:  # a flat patch says 0 of each pixel, whose spread is 1 but for the factor (n - 1) / n
        expected = torch.full((3,), 31 / 32)
        torch.testing.assert_close(found["mean of the visible pixels"], expected, atol=1e-4, rtol=0)


def test_what_is_hidden_when_judged_is_a_function_of_the_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8)
    noise = masked.fixed_noise(pixels, 16)
    assert noise.shape == (4, 16) and len({tuple(row.tolist()) for row in noise}) == 4
    assert torch.equal(masked.fixed_noise(pixels[[2, 0]], 16), noise[[2, 0]])
    assert torch.equal(masked.fixed_noise(pixels[1:2], 16)[0], noise[1])


def test_the_loss_hides_by_its_generator_and_counts_hidden_patches_alone():
    model = build(CONFIG).eval()
    pictures, _ = sample()
    batch, task = Batch(pictures, torch.zeros(3), np.arange(3)), masked.MaskedImages(6)
    first, again = (task.loss(model, batch, torch.Generator().manual_seed(4)).total for _ in range(2))
    other = task.loss(model, batch, torch.Generator().manual_seed(5)).total
    assert torch.equal(first, again) and not torch.equal(first, other)
    guess = model(pictures, torch.rand(3, 6, generator=torch.Generator().manual_seed(4)))
    hidden = guess.mask.bool()
    expected = (guess.prediction[hidden] - guess.target[hidden]).square().mean()
    torch.testing.assert_close(first, expected)
    assert int(hidden.sum()) == 3 * (6 - kept(6, 0.5))


def test_pixels_come_back_from_what_the_model_sees():
    pixels = torch.arange(48, dtype=torch.uint8).view(1, 4, 4, 3)
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)
    seen = (pixels.permute(0, 3, 1, 2) / 255 - torch.tensor(mean).view(1, 3, 1, 1)) / torch.tensor(std).view(
        1, 3, 1, 1
    )
    assert np.array_equal(masked.as_pixels(seen, mean, std), pixels.numpy())
