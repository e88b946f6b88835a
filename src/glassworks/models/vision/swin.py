"""Swin: tokens look only at the tokens of their own window, and the windows move from block to block.

Attention among all patches grows with the square of their number; within windows of 7 x 7 it grows with the
number itself, so that large pictures become affordable. Every second block moves the windows by half their
side, so that what was divided can meet. Between stages 2 x 2 tokens become one of twice the width: small
squares first, then larger ones, a pyramid as in a convolutional network, but made of attention alone.

Paper: Liu et al. 2021, "Swin Transformer: hierarchical vision transformer using shifted windows", arXiv
2103.14030.
Where this differs: nothing in the answers. A map that windows do not divide is filled up with zeros below and
to the right, in each block anew, and these places are attended to like others, as published weights learned
it; only the shifted blocks keep far places apart. Queries, keys and values are made before the map is cut,
so that cutting it into windows and into heads is one copy.
First thing to change: `window`. Twice the side is four times the tokens that each one sees, and their cost.
Command: glassworks train swin --variant t

Axes: batch, channels, height, width (pixels); rows, columns (of a map of tokens); numbers a token; windows;
heads; tokens = window * window; depth = numbers a head; classes.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from glassworks.blocks import drop_path
from glassworks.blocks.attention import Maps, attend
from glassworks.blocks.drop_path import DropPath
from glassworks.blocks.dropout import Dropout
from glassworks.blocks.encoder_block import MLP, BlockConfig
from glassworks.blocks.patches import Patches, grid_of
from glassworks.blocks.pictures import check_pictures
from glassworks.blocks.positions import RelativePositions

EPSILON = 1e-5  # of the norms
APART = -1000.0  # its exponential is 0; infinity could not be measured for int8
STAGES = 4  # at most; each further one halves the map


@dataclass(frozen=True)
class SwinConfig:
    """The shape of a Swin Transformer.

    height, width: pixels of the picture, whole multiples of the patch
    channels:      1 for grey pictures, 3 for colour
    classes:       scores that come out (1 for a number)
    patch:         pixels on a side of a square
    dimension:     numbers a token in the first stage; every further stage doubles them
    depths:        blocks of each stage
    heads:         of attention in each stage
    window:        tokens on a side of a window
    ratio:         the MLP's inner layer is so many times wider than a token
    dropout:       share of features that are silenced before the head while training, 0 to below 1
    drop_path:     share of pictures that skip the last block's branches while training; the first skips none
    """

    height: int = 224
    width: int = 224
    channels: int = 3
    classes: int = 1000
    patch: int = 4
    dimension: int = 96
    depths: tuple[int, ...] = (2, 2, 6, 2)
    heads: tuple[int, ...] = (3, 6, 12, 24)
    window: int = 7
    ratio: float = 4.0
    dropout: float = 0.0
    drop_path: float = 0.0

    def __post_init__(self):
        grid_of(self.height, self.width, self.patch)
        if not 1 <= len(self.depths) <= STAGES or len(self.heads) != len(self.depths):
            raise ValueError(f"depths and heads are one number a stage, for one to {STAGES} stages")
        if min(self.channels, self.classes, self.dimension, self.window, *self.depths, *self.heads) < 1:
            raise ValueError("channels, classes, dimension, window, depths and heads are at least 1")
        for numbers, heads in zip(self.widths, self.heads):
            if numbers % heads:
                raise ValueError(f"{heads} heads cannot share {numbers} numbers evenly")
        for name in ("dropout", "drop_path"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ValueError(f"{name} is a share from 0 to below 1, got {getattr(self, name)}")

    @property
    def widths(self) -> tuple[int, ...]:
        """Numbers a token in each stage: 96, 192, 384, 768."""
        return tuple(self.dimension * 2**stage for stage in range(len(self.depths)))

    @property
    def grids(self) -> tuple[tuple[int, int], ...]:
        """Rows and columns of each stage's map: 56, 28, 14, 7 on a side for 224 pixels. Odd ones round up."""
        grids = [grid_of(self.height, self.width, self.patch)]
        while len(grids) < len(self.depths):
            grids.append(((grids[-1][0] + 1) // 2, (grids[-1][1] + 1) // 2))
        return tuple(grids)


def _shape(dimension: int, depths: tuple[int, ...], heads: tuple[int, ...]) -> dict[str, Any]:
    return {"dimension": dimension, "depths": depths, "heads": heads}


VARIANTS: dict[str, dict[str, Any]] = {
    "t": _shape(96, (2, 2, 6, 2), (3, 6, 12, 24)),
    "s": _shape(96, (2, 2, 18, 2), (3, 6, 12, 24)),
    "b": _shape(128, (2, 2, 18, 2), (4, 8, 16, 32)),
}


@dataclass(frozen=True)
class Windows:
    """How windows cover a map of rows x columns tokens.

    side: tokens on a side of a window; shifted: moved by half of it, where there is more than one window
    """

    rows: int
    columns: int
    side: int
    shifted: bool = False

    @property
    def padded(self) -> tuple[int, int]:
        """Rows and columns filled up to whole windows: 200 becomes 203 for windows of 7."""
        return -(-self.rows // self.side) * self.side, -(-self.columns // self.side) * self.side

    @property
    def shift(self) -> tuple[int, int]:
        """Rows and columns that the windows are moved by."""
        down, right = (self.side // 2 if self.shifted and long > self.side else 0 for long in self.padded)
        return down, right

    @property
    def count(self) -> int:
        return self.padded[0] * self.padded[1] // self.side**2

    def placed(
        self, maps: Float[Tensor, "batch rows columns numbers"]
    ) -> Float[Tensor, "batch rows2 columns2 numbers"]:
        """The map filled up with zeros, and turned so that moved windows stand where others do."""
        below, beside = self.padded[0] - self.rows, self.padded[1] - self.columns
        if below or beside:
            maps = F.pad(maps, (0, 0, 0, beside, 0, below))
        if any(self.shift):
            maps = maps.roll((-self.shift[0], -self.shift[1]), dims=(1, 2))
        return maps

    def replaced(
        self, maps: Float[Tensor, "batch rows2 columns2 numbers"]
    ) -> Float[Tensor, "batch rows columns numbers"]:
        """The way back from `placed`."""
        if any(self.shift):
            maps = maps.roll(self.shift, dims=(1, 2))
        return maps[:, : self.rows, : self.columns]

    def cut(
        self, maps: Float[Tensor, "batch rows2 columns2 heads*depth"], heads: int
    ) -> Float[Tensor, "batch windows*heads tokens depth"]:
        """A placed map as the sentences that attention reads: one for each head of each window."""
        down, right = self.padded[0] // self.side, self.padded[1] // self.side
        parts = maps.reshape(maps.shape[0], down, self.side, right, self.side, heads, -1)
        parts = parts.permute(0, 1, 3, 5, 2, 4, 6)  # (batch, down, right, heads, side, side, depth)
        return parts.reshape(maps.shape[0], self.count * heads, self.side**2, -1)

    def joined(
        self, answers: Float[Tensor, "batch windows*heads tokens depth"], heads: int
    ) -> Float[Tensor, "batch rows2 columns2 heads*depth"]:
        """The placed map of these answers: the way back from `cut`."""
        down, right = self.padded[0] // self.side, self.padded[1] // self.side
        parts = answers.reshape(answers.shape[0], down, right, heads, self.side, self.side, -1)
        return parts.permute(0, 1, 4, 2, 5, 3, 6).reshape(answers.shape[0], *self.padded, -1)

    def mask(self) -> Float[Tensor, "windows tokens tokens"]:
        """What is added to comparisons in moved windows: 0, or APART between places that are not adjacent.

        Turning the map brings its first rows behind its last ones. In the windows that hold both, each
        token keeps to its own side.
        """
        sides = []  # of each row and each column: whether it was turned to the other end
        for long, moved in zip(self.padded, self.shift):
            sides.append(torch.arange(long) >= long - moved)
        regions = 2 * sides[0][:, None].int() + sides[1].int()  # (rows, columns), 0 to 3
        down, right = self.padded[0] // self.side, self.padded[1] // self.side
        regions = regions.reshape(down, self.side, right, self.side).transpose(1, 2)
        regions = regions.reshape(self.count, self.side**2)  # (windows, tokens)
        apart = regions[:, :, None] != regions[:, None, :]
        return torch.zeros(apart.shape).masked_fill(apart, APART)


class WindowAttention(nn.Module):
    """Tokens that look at the tokens of their window. (batch, rows, columns, numbers) -> the same."""

    def __init__(self, numbers: int, heads: int, windows: Windows):
        super().__init__()
        self.heads, self.windows = heads, windows
        self.query_key_value = nn.Linear(numbers, 3 * numbers)
        self.relative = RelativePositions((windows.side, windows.side), heads)
        self.maps = Maps()  # (batch, windows * heads, tokens, tokens): all heads of the first window, …
        self.projection = nn.Linear(numbers, numbers)

    def forward(
        self, maps: Float[Tensor, "batch rows columns numbers"], mask: Tensor | None
    ) -> Float[Tensor, "batch rows columns numbers"]:
        windows = self.windows
        parts = self.query_key_value(windows.placed(maps)).chunk(3, dim=-1)
        query, key, value = (windows.cut(part, self.heads) for part in parts)
        bias = self.relative()  # (heads, tokens, tokens); `attend` adds it in the type of the comparisons
        if mask is None:
            bias = bias.expand(windows.count, -1, -1, -1)  # (windows, heads, tokens, tokens)
        else:
            bias = bias + mask[:, None]
        answers = attend(query, key, value, bias=bias.flatten(0, 1), maps=self.maps)
        return self.projection(windows.replaced(windows.joined(answers, self.heads)))


class Block(nn.Module):
    """Attention within windows and an MLP, each with a norm before and a way round it."""

    def __init__(self, numbers: int, config: BlockConfig, windows: Windows):
        super().__init__()
        self.norm1 = nn.LayerNorm(numbers, eps=config.epsilon)
        self.attention = WindowAttention(numbers, config.heads, windows)
        self.drop_path = DropPath(config.drop_path)
        self.norm2 = nn.LayerNorm(numbers, eps=config.epsilon)
        self.mlp = MLP(numbers, config)

    def forward(
        self, maps: Float[Tensor, "batch rows columns numbers"], mask: Tensor | None
    ) -> Float[Tensor, "batch rows columns numbers"]:
        maps = maps + self.drop_path(self.attention(self.norm1(maps), mask))
        return maps + self.drop_path(self.mlp(self.norm2(maps)))


class Merging(nn.Module):
    """Each 2 x 2 tokens become one. (batch, rows, columns, numbers) -> (batch, rows/2, columns/2, 2 numbers).

    A map of odd sides is filled up with a row or column of zeros.
    """

    def __init__(self, numbers: int):
        super().__init__()
        self.norm = nn.LayerNorm(4 * numbers, eps=EPSILON)
        self.reduction = nn.Linear(4 * numbers, 2 * numbers, bias=False)

    def forward(
        self, maps: Float[Tensor, "batch rows columns numbers"]
    ) -> Float[Tensor, "batch rows2 columns2 2*numbers"]:
        rows, columns = maps.shape[1:3]
        if rows % 2 or columns % 2:
            maps = F.pad(maps, (0, 0, 0, columns % 2, 0, rows % 2))
        squares = maps.unflatten(2, (-1, 2)).unflatten(
            1, (-1, 2)
        )  # (batch, rows/2, 2, columns/2, 2, numbers)
        squares = squares.permute(0, 1, 3, 4, 2, 5).flatten(3)  # down each column, then the next one
        return self.reduction(self.norm(squares))


class Stage(nn.Module):
    """Merging, but not in the first stage, then blocks that take turns: windows in place, windows moved."""

    def __init__(self, config: SwinConfig, number: int, shares: list[float]):
        super().__init__()
        numbers = config.widths[number]
        windows = [Windows(*config.grids[number], config.window, shifted) for shifted in (False, True)]
        moves = any(windows[1].shift) and len(shares) > 1
        self.register_buffer("mask", windows[1].mask() if moves else None, persistent=False)
        self.merging = Merging(numbers // 2) if number else nn.Identity()
        self.blocks = nn.ModuleList()
        for place, share in enumerate(shares):
            block = BlockConfig(
                heads=config.heads[number], ratio=config.ratio, epsilon=EPSILON, drop_path=share
            )
            self.blocks.append(Block(numbers, block, windows[place % 2]))

    def forward(
        self, maps: Float[Tensor, "batch rows columns numbers"]
    ) -> Float[Tensor, "batch rows2 columns2 numbers2"]:
        maps = self.merging(maps)
        for place, block in enumerate(self.blocks):
            maps = block(maps, self.mask if place % 2 else None)
        return maps


class Swin(nn.Module):
    """Pictures (batch, channels, height, width) -> scores before softmax (batch, classes)."""

    def __init__(self, config: SwinConfig):
        super().__init__()
        self.config = config
        self.patches = Patches(config.channels, config.patch, config.dimension)
        self.patch_norm = nn.LayerNorm(config.dimension, eps=EPSILON)
        shares = drop_path.shares(config.drop_path, sum(config.depths))
        self.stages = nn.ModuleList()
        for number, depth in enumerate(config.depths):
            begun = sum(config.depths[:number])
            self.stages.append(Stage(config, number, shares[begun : begun + depth]))
        self.norm = nn.LayerNorm(config.widths[-1], eps=EPSILON)
        self.dropout = Dropout(config.dropout)
        self.head = nn.Linear(config.widths[-1], config.classes)

    def features(
        self, pictures: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch features"]:
        """What the head sees: the mean of the last map's tokens."""
        check_pictures(pictures, self.config.channels, self.config.height, self.config.width)
        tokens = self.patch_norm(self.patches(pictures))  # (batch, rows * columns, dimension)
        maps = tokens.unflatten(1, self.config.grids[0])  # (batch, rows, columns, dimension)
        for stage in self.stages:
            maps = stage(maps)
        return self.norm(maps).mean((1, 2))

    def forward(
        self, pictures: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch classes"]:
        return self.head(self.dropout(self.features(pictures)))


def build(config: SwinConfig) -> Swin:
    """The model of a config with the paper's random start: small normal numbers, cut at two sigma."""
    model = Swin(config)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return model


def window_cost(rows: int, columns: int, numbers: int, window: int, *, padded: bool = True) -> int:
    """Multiply-adds of one block's attention maps: comparing, and averaging by them.

    rows, columns: tokens of the map; numbers: of each; window: tokens on a side, 0 for one that is the map
    padded: count the tokens that fill the map up to whole windows, which are computed as well
    """
    if not window:
        return 2 * (rows * columns) ** 2 * numbers
    whole = Windows(rows, columns, window).padded if padded else (rows, columns)
    return 2 * whole[0] * whole[1] * window**2 * numbers
