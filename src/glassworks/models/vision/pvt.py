"""Pyramid Vision Transformer: fine detail first, then fewer and wider tokens, stage by stage.

Four stages halve the grid of tokens and widen them, so that the maps of all stages serve whoever must find
small things (detection, segmentation), as those of a convolutional network do. The first stage has so many
tokens that they cannot all look at each other; there every token keeps its own question, but keys and values
come from a smaller map, made by a learned filter with a stride. This is not pooling: inside a stage no token
is lost, and each still looks at the whole picture.

Paper: Wang et al. 2021, "Pyramid Vision Transformer", arXiv 2102.12122.
Where this differs: all layer norms have the same epsilon, as in the published weights of transformers (the
authors' code has 1e-5 in the norms of patches and reductions). A picture that does not divide is refused;
theirs loses its edge.
First thing to change: `reductions`. (1, 1, 1, 1) is full attention: 64 times the maps in the first stage.
Command: glassworks train pvt --variant s

Axes: batch, channels, height, width (pixels); h, w of a stage's grid; tokens; dimension = numbers a token.
"""

from dataclasses import dataclass
from math import lcm
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from glassworks.blocks import drop_path
from glassworks.blocks.attention import Maps, attend, join_heads, split_heads
from glassworks.blocks.dropout import Dropout
from glassworks.blocks.encoder_block import MLP, BlockConfig
from glassworks.blocks.patches import Patches
from glassworks.blocks.pictures import check_pictures
from glassworks.blocks.positions import resize_positions
from glassworks.models.vision.vit import start

EPSILON = 1e-6  # of all layer norms
STAGES = 4


@dataclass(frozen=True)
class PVTConfig:
    """The shape of a Pyramid Vision Transformer; every tuple has one number a stage.

    height, width: pixels of the picture, whole multiples of `unit`
    channels:      1 for grey pictures, 3 for colour
    classes:       scores that come out (1 for a number)
    patch:         pixels on a side of the first stage's squares; each later stage joins 2 x 2 tokens
    depths:        blocks
    widths:        numbers a token
    heads:         of attention
    ratios:        the MLP's inner layer is so many times wider than a token
    reductions:    keys and values come from a map that is so many times smaller on a side; 1 in the last
    dropout:       share of features that are silenced before the head while training, 0 to below 1
    drop_path:     share of pictures that skip the last block's branches while training; the first skips none
    """

    height: int = 224
    width: int = 224
    channels: int = 3
    classes: int = 1000
    patch: int = 4
    depths: tuple[int, ...] = (2, 2, 2, 2)
    widths: tuple[int, ...] = (64, 128, 320, 512)
    heads: tuple[int, ...] = (1, 2, 5, 8)
    ratios: tuple[float, ...] = (8.0, 8.0, 4.0, 4.0)
    reductions: tuple[int, ...] = (8, 4, 2, 1)
    dropout: float = 0.0
    drop_path: float = 0.0

    def __post_init__(self):
        for name in ("depths", "widths", "heads", "ratios", "reductions"):
            numbers = getattr(self, name)
            if len(numbers) != STAGES or min(numbers) <= 0:
                raise ValueError(f"{name} are {STAGES} numbers above 0, one a stage, got {numbers}")
        if min(self.channels, self.classes, self.patch) < 1:
            raise ValueError("channels, classes and patch are at least 1")
        for width, heads in zip(self.widths, self.heads, strict=True):
            if width % heads:
                raise ValueError(f"{heads} heads cannot share {width} numbers evenly")
        if self.reductions[-1] != 1:
            raise ValueError("the last reduction is 1: the class token of that stage has no place on a map")
        for name in ("dropout", "drop_path"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ValueError(f"{name} is a share from 0 to below 1, got {getattr(self, name)}")
        if self.height % self.unit or self.width % self.unit or min(self.height, self.width) < 1:
            near = [max(1, round(side / self.unit)) * self.unit for side in (self.height, self.width)]
            raise ValueError(
                f"a picture of {self.height}x{self.width} does not divide into this pyramid, whose sides are "
                f"whole multiples of {self.unit}; {near[0]}x{near[1]} does"
            )

    @property
    def unit(self) -> int:
        """Pixels that both sides are a whole multiple of: 32 for the published shapes."""
        return lcm(*(self.patch * 2**stage * less for stage, less in enumerate(self.reductions)))

    @property
    def grids(self) -> tuple[tuple[int, int], ...]:
        """Rows and columns of tokens in each stage: 56, 28, 14 and 7 for 224 pixels."""
        steps = [self.patch * 2**stage for stage in range(STAGES)]
        return tuple((self.height // step, self.width // step) for step in steps)

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the first stage's patches."""
        return self.grids[0]


# The paper's Tiny, Small, Medium and Large: only the depth grows.
VARIANTS: dict[str, dict[str, Any]] = {
    "t": {"depths": (2, 2, 2, 2)},
    "s": {"depths": (3, 4, 6, 3)},
    "m": {"depths": (3, 4, 18, 3)},
    "l": {"depths": (3, 8, 27, 3)},
}


class ReducedAttention(nn.Module):
    """Every token asks a smaller map of the same tokens. (batch, tokens, width) -> the same.

    grid: rows and columns of the tokens; reduction: how many times smaller on a side, 1 for all tokens
    """

    def __init__(self, width: int, heads: int, grid: tuple[int, int], reduction: int):
        super().__init__()
        self.heads, self.grid = heads, grid
        self.query = nn.Linear(width, width)
        self.reduction = nn.Conv2d(width, width, reduction, stride=reduction) if reduction > 1 else None
        self.norm = nn.LayerNorm(width, eps=EPSILON) if reduction > 1 else None
        self.key_value = nn.Linear(width, 2 * width)
        self.maps = Maps()
        self.projection = nn.Linear(width, width)

    def reduced(self, tokens: Float[Tensor, "batch tokens width"]) -> Float[Tensor, "batch fewer width"]:
        """What is looked at: tokens / reduction², or all of them."""
        if self.reduction is None or self.norm is None:
            return tokens
        fewer = self.reduction(as_map(tokens, self.grid))  # (batch, width, h / reduction, w / reduction)
        return self.norm(fewer.flatten(2).transpose(1, 2))

    def forward(self, tokens: Float[Tensor, "batch tokens width"]) -> Float[Tensor, "batch tokens width"]:
        key, value = self.key_value(self.reduced(tokens)).chunk(2, dim=-1)  # (batch, fewer, width) each
        query, key, value = (split_heads(part, self.heads) for part in (self.query(tokens), key, value))
        return self.projection(join_heads(attend(query, key, value, maps=self.maps)))


class Block(nn.Module):
    """Attention over a reduced map and an MLP, each with a norm before it and a way round it."""

    def __init__(self, config: PVTConfig, stage: int, share: float):
        super().__init__()
        width, heads = config.widths[stage], config.heads[stage]
        self.norm1 = nn.LayerNorm(width, eps=EPSILON)
        self.attention = ReducedAttention(width, heads, config.grids[stage], config.reductions[stage])
        self.drop_path = drop_path.DropPath(share)
        self.norm2 = nn.LayerNorm(width, eps=EPSILON)
        self.mlp = MLP(width, BlockConfig(heads=heads, ratio=config.ratios[stage]))

    def forward(self, tokens: Float[Tensor, "batch tokens width"]) -> Float[Tensor, "batch tokens width"]:
        tokens = tokens + self.drop_path(self.attention(self.norm1(tokens)))
        return tokens + self.drop_path(self.mlp(self.norm2(tokens)))


class Stage(nn.Module):
    """One floor of the pyramid: cut the map before it into squares, tell each its place, then the blocks.

    (batch, before, height, width) -> tokens (batch, h * w, dimension); in the last stage a class token is
    the first of them.
    """

    def __init__(self, config: PVTConfig, stage: int, shares: list[float]):
        super().__init__()
        before = config.widths[stage - 1] if stage else config.channels
        dimension, self.grid = config.widths[stage], config.grids[stage]
        self.prefix = 1 if stage == STAGES - 1 else 0
        self.class_token = nn.Parameter(torch.zeros(1, 1, dimension)) if self.prefix else None
        self.positions = nn.Parameter(torch.zeros(1, self.prefix + self.grid[0] * self.grid[1], dimension))
        self.patches = Patches(before, 2 if stage else config.patch, dimension)
        self.norm = nn.LayerNorm(dimension, eps=EPSILON)
        self.blocks = nn.ModuleList(Block(config, stage, share) for share in shares)

    def forward(self, maps: Float[Tensor, "batch before h2 w2"]) -> Float[Tensor, "batch tokens dimension"]:
        tokens = self.norm(self.patches(maps))
        if self.class_token is not None:
            first = self.class_token.expand(tokens.shape[0], -1, -1).to(tokens.dtype)
            tokens = torch.cat([first, tokens], dim=1)  # (batch, 1 + h * w, dimension)
        tokens = tokens + self.positions
        for block in self.blocks:
            tokens = block(tokens)
        return tokens

    def as_map(self, tokens: Float[Tensor, "batch tokens dimension"]) -> Float[Tensor, "batch dimension h w"]:
        """The stage's tokens where they stand, without a class token."""
        return as_map(tokens[:, self.prefix :], self.grid)


def as_map(tokens: Float[Tensor, "batch tokens width"], grid: tuple[int, int]) -> Tensor:
    """(batch, rows * columns, width) -> (batch, width, rows, columns)."""
    return tokens.transpose(1, 2).unflatten(2, grid)


class PVT(nn.Module):
    """Pictures (batch, channels, height, width) -> scores before softmax (batch, classes)."""

    def __init__(self, config: PVTConfig):
        super().__init__()
        self.config = config
        shares = iter(drop_path.shares(config.drop_path, sum(config.depths)))
        self.stages = nn.ModuleList(
            Stage(config, stage, [next(shares) for _ in range(depth)])
            for stage, depth in enumerate(config.depths)
        )
        self.norm = nn.LayerNorm(config.widths[-1], eps=EPSILON)
        self.dropout = Dropout(config.dropout)
        self.head = nn.Linear(config.widths[-1], config.classes)

    def maps(
        self, pictures: Float[Tensor, "batch channels height width"]
    ) -> list[Float[Tensor, "batch dimension h w"]]:
        """The map of each stage, finest first: what a detector or a segmenter is built on.

        For 224 pixels: (batch, 64, 56, 56), (batch, 128, 28, 28), (batch, 320, 14, 14), (batch, 512, 7, 7).
        """
        return self._climb(pictures)[0]

    def features(
        self, pictures: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch dimension"]:
        """What the head sees: the class token of the last stage."""
        return self.norm(self._climb(pictures)[1][:, 0])

    def forward(
        self, pictures: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch classes"]:
        return self.head(self.dropout(self.features(pictures)))

    def _climb(self, pictures: Tensor) -> tuple[list[Tensor], Tensor]:
        """The maps of all stages, and the tokens of the last."""
        check_pictures(pictures, self.config.channels, self.config.height, self.config.width)
        found, tokens = [pictures], pictures
        for stage in self.stages:
            tokens = stage(found[-1])  # (batch, h * w, dimension), h and w half of the stage before
            found.append(stage.as_map(tokens))  # type: ignore[operator]
        return found[1:], tokens


def build(config: PVTConfig) -> PVT:
    """The model of a config with the random start of the Vision Transformer."""
    model = PVT(config)
    start(model)
    return model


def resized(tensors: dict[str, Tensor], before: PVTConfig, after: PVTConfig, **how: Any) -> dict[str, Tensor]:
    """Tensors of a PVT for pictures of another size: the positions of all stages, each for its new grid.

    how: `mode` and `align_corners` of `resize_positions`.
    """
    changed = {}
    for stage, grids in enumerate(zip(before.grids, after.grids, strict=True)):
        name, prefix = f"stages.{stage}.positions", 1 if stage == STAGES - 1 else 0
        changed[name] = resize_positions(tensors[name], *grids, prefix=prefix, **how)
    return tensors | changed
