"""A convolutional network for pictures: small filters slide over the picture, stage by stage.

Each stage looks for patterns with 3x3 filters, keeps the strongest answer of every 2x2 square, and hands
a map of half the height and width to the next, so that later filters see more of the picture. At the end
the map is laid out as one row of numbers and two dense layers turn it into one score a class.

Papers: LeCun et al. 1998, "Gradient-based learning applied to document recognition"; depth and 3x3
filters: Simonyan & Zisserman 2014, arXiv 1409.1556; batch norm: Ioffe & Szegedy 2015, arXiv 1502.03167;
dropout: Srivastava et al. 2014.
Where this differs: frameworks call it convolution, but the filter is not mirrored (cross-correlation);
picture size, channels and classes are free, and a picture of another size is refused, not reshaped; the
last map is laid out pixel by pixel, not channel by channel.
First thing to change: `widths`. Each further number is one more stage.
Command: glassworks train cnn --variant four-layer

Axes: batch, channels, height, width; features = what the dense layers see; classes.
"""

from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from glassworks.blocks.dropout import Dropout
from glassworks.blocks.pictures import check_pictures


@dataclass(frozen=True)
class CNNConfig:
    """The shape of a CNN.

    height, width: pixels of the picture; each stage halves them, rounding down
    channels:      1 for grey pictures, 3 for colour
    classes:       scores that come out (1 for a number)
    widths:        filters of each stage
    hidden:        size of the dense layer before the scores
    batch_norm:    normalise each filter's answers over the batch
    dropout:       share of numbers that are silenced before each dense layer while training, 0 to below 1
    pool_first:    pool before normalising: the same idea for a quarter of the work
    """

    height: int = 32
    width: int = 32
    channels: int = 3
    classes: int = 10
    widths: tuple[int, ...] = (16, 32)
    hidden: int = 512
    batch_norm: bool = False
    dropout: float = 0.0
    pool_first: bool = False

    def __post_init__(self):
        smallest = 2 ** len(self.widths)
        if (
            not self.widths
            or min(self.widths) < 1
            or self.hidden < 1
            or self.classes < 1
            or self.channels < 1
        ):
            raise ValueError("widths, hidden, classes and channels must be at least 1")
        if min(self.height, self.width) < smallest:
            raise ValueError(
                f"a picture of {self.height}x{self.width} is too small for {len(self.widths)} stages: "
                f"at least {smallest}x{smallest}, or fewer widths"
            )
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout is a share from 0 to below 1, got {self.dropout}")

    @property
    def features(self) -> int:
        """Numbers that leave the last stage, for one picture."""
        halvings = 2 ** len(self.widths)
        return self.widths[-1] * (self.height // halvings) * (self.width // halvings)


VARIANTS: dict[str, dict[str, Any]] = {
    "two-layer": {"widths": (16, 32), "hidden": 512},
    "two-layer-improved": {"widths": (16, 32), "hidden": 512, "batch_norm": True, "dropout": 0.25},
    "four-layer": {"widths": (16, 32, 64, 128), "hidden": 256, "batch_norm": True, "dropout": 0.3},
}


class Stage(nn.Module):
    """Filter, normalise, cut below zero, pool. (batch, before, h, w) -> (batch, after, h // 2, w // 2)."""

    def __init__(self, before: int, after: int, config: CNNConfig):
        super().__init__()
        self.convolution = nn.Conv2d(before, after, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(after) if config.batch_norm else nn.Identity()
        self.pool = nn.MaxPool2d(2)
        self.pool_first = config.pool_first

    def forward(self, maps: Float[Tensor, "batch before h w"]) -> Float[Tensor, "batch after h2 w2"]:
        maps = self.convolution(maps)
        if self.pool_first:
            return F.relu(self.norm(self.pool(maps)))
        return F.relu(self.pool(self.norm(maps)))  # a maximum and a cut may change places: fewer to cut


class CNN(nn.Module):
    """Pictures (batch, channels, height, width) -> scores before softmax (batch, classes)."""

    def __init__(self, config: CNNConfig):
        super().__init__()
        self.config = config
        befores = (config.channels, *config.widths[:-1])
        self.stages = nn.ModuleList(
            Stage(before, after, config) for before, after in zip(befores, config.widths, strict=True)
        )
        self.dropout = Dropout(config.dropout)
        self.dense = nn.Linear(config.features, config.hidden)
        self.head = nn.Linear(config.hidden, config.classes)

    def features(
        self, pictures: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch hidden"]:
        """What the last dense layer sees of each picture."""
        check_pictures(pictures, self.config.channels, self.config.height, self.config.width)
        maps = pictures
        for stage in self.stages:
            maps = stage(maps)
        # From dimension 1, so the batch never changes; pixel by pixel, as channels last lies in memory.
        row = maps.permute(0, 2, 3, 1).flatten(1)  # (batch, h * w * channels)
        return F.relu(self.dense(self.dropout(row)))

    def forward(
        self, pictures: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch classes"]:
        return self.head(self.dropout(self.features(pictures)))


def build(config: CNNConfig) -> CNN:
    """The model of a config, with PyTorch's own random start."""
    return CNN(config)
