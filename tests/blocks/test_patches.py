"""Patches: a convolution is cut and linear map at once; what is cut can be joined; bad sizes are told."""

import pytest
import torch
import torch.nn.functional as F

from glassworks.blocks.patches import Patches, cut, grid_of, joined


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_picture_of_224_pixels_is_196_tokens_by_590_592_numbers():
    patches = Patches(3, 16, 768)
    picture = drawn(1, 3, 224, 224)
    with torch.no_grad():
        assert patches.projection(picture).shape == (1, 768, 14, 14)
        assert patches(picture).shape == (1, 196, 768)
    assert sum(parameter.numel() for parameter in patches.parameters()) == 590_592


@pytest.mark.parametrize(("height", "width"), [(32, 32), (24, 40)])
def test_it_equals_unfold_and_a_linear_map(height, width):
    patches = Patches(3, 8, 20).double()
    pictures = drawn(2, 3, height, width).double()
    columns = F.unfold(pictures, 8, stride=8).mT  # (batch, tokens, 3 * 8 * 8), channels first
    weight = patches.projection.weight.flatten(1)
    expected = F.linear(columns, weight, patches.projection.bias)
    torch.testing.assert_close(patches(pictures), expected, rtol=0, atol=1e-10)
    ours = F.linear(cut(pictures, 8), patches.projection.weight.permute(0, 2, 3, 1).flatten(1))
    torch.testing.assert_close(ours + patches.projection.bias, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("height", "width", "patch", "grid"),
    [
        (224, 224, 16, (14, 14)),
        (384, 384, 16, (24, 24)),
        (224, 224, 8, (28, 28)),
        (800, 800, 16, (50, 50)),
        (3840, 2160, 16, (240, 135)),
        (32, 64, 8, (4, 8)),
    ],
)
def test_the_grid_has_the_stated_sizes(height, width, patch, grid):
    assert grid_of(height, width, patch) == grid


def test_the_stated_numbers_of_patches():
    counts = [grid_of(*size) for size in ((384, 384, 16), (224, 224, 8), (800, 800, 16), (3840, 2160, 16))]
    assert [rows * columns for rows, columns in counts] == [576, 784, 2_500, 32_400]


@pytest.mark.parametrize(
    ("height", "width", "patch", "words"),
    [(225, 224, 16, "224x224 can"), (30, 30, 16, "32x32 can"), (4, 4, 16, "16x16 can"), (8, 8, 0, "cannot"),
     (0, 8, 8, "cannot be cut")],
)  # fmt: skip
def test_a_size_that_does_not_divide_is_told_with_one_that_does(height, width, patch, words):
    with pytest.raises(ValueError, match=words):
        grid_of(height, width, patch)
    if height and width and patch:
        with pytest.raises(ValueError, match=words):
            cut(drawn(1, 3, height, width), patch)


def test_what_is_cut_can_be_joined():
    pictures = drawn(2, 3, 24, 40)
    pieces = cut(pictures, 8)
    assert pieces.shape == (2, 15, 192)
    assert torch.equal(joined(pieces, 8, (3, 5)), pictures)
    second = pictures[0, :, :8, 8:16]  # the second patch of the first row, channels last
    assert torch.equal(pieces[0, 1], second.permute(1, 2, 0).flatten())
