"""Patches: a picture cut into squares, each turned into a vector by one and the same linear map.

A convolution whose step is as long as its filter is wide does it in one go: it is the cut and the linear map
at once. From there on a picture is a sentence, and its patches are the words.

Paper: Dosovitskiy et al. 2020, "An image is worth 16x16 words", arXiv 2010.11929.
The first thing to change: `patch`, pixels on a side of a square; half of it is four times as many tokens.

Axes: batch, channels, height, width (pixels); rows, columns of the grid of patches; dimension of a token.
"""

from jaxtyping import Float
from torch import Tensor, nn


def grid_of(height: int, width: int, patch: int) -> tuple[int, int]:
    """Rows and columns of patches. Raises ValueError for a size that does not divide, with those that do."""
    if patch < 1 or height % patch or width % patch or not height or not width:
        near = tuple(max(1, round(side / max(1, patch))) * max(1, patch) for side in (height, width))
        raise ValueError(
            f"a picture of {height}x{width} cannot be cut into patches of {patch}x{patch}; "
            f"{near[0]}x{near[1]} can"
        )
    return height // patch, width // patch


class Patches(nn.Module):
    """(batch, channels, height, width) -> tokens (batch, rows * columns, dimension), row by row."""

    def __init__(self, channels: int, patch: int, dimension: int):
        super().__init__()
        self.projection = nn.Conv2d(channels, dimension, patch, stride=patch)

    def forward(
        self, pictures: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch tokens dimension"]:
        return self.projection(pictures).flatten(2).transpose(1, 2)


def cut(
    pictures: Float[Tensor, "batch channels height width"], patch: int
) -> Float[Tensor, "batch tokens numbers"]:
    """The pixels of each patch, (batch, tokens, patch * patch * channels), channels last; see `joined`."""
    batch, channels, height, width = pictures.shape
    rows, columns = grid_of(height, width, patch)
    squares = pictures.reshape(batch, channels, rows, patch, columns, patch)
    return squares.permute(0, 2, 4, 3, 5, 1).reshape(batch, rows * columns, patch * patch * channels)


def joined(
    patches: Float[Tensor, "batch tokens numbers"], patch: int, grid: tuple[int, int]
) -> Float[Tensor, "batch channels height width"]:
    """The pictures whose patches these are: the way back from `cut`."""
    batch, (rows, columns) = patches.shape[0], grid
    squares = patches.reshape(batch, rows, columns, patch, patch, -1)
    return squares.permute(0, 5, 1, 3, 2, 4).reshape(batch, -1, rows * patch, columns * patch)
