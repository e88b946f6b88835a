"""ResNet: each block adds a correction to its input, so that a hundred layers train as well as ten.

A plain stack of filters gets worse when it grows deeper, because every layer must learn to hand on what the
one before it knew. Here a shortcut hands it on for free and the block learns only what to change. Four
stages halve the picture and double the filters; at the end each map is averaged to one number.

Paper: He, Zhang, Ren, Sun 2015, "Deep residual learning for image recognition", arXiv 1512.03385; the random
start is He et al. 2015, arXiv 1502.01852.
Where this differs: the bottleneck halves the map in its 3x3 filter instead of the first 1x1, as all published
weights do ("ResNet v1.5"), which costs 0.3 billion multiply-adds more and gains half a percent. Any picture
size of 32 pixels or more goes; 224 is only what the published weights were trained on. `stem="small"` leaves
the first two halvings out, for pictures of about 32 pixels (section 4.2 of the paper).
First thing to change: `depths`, blocks of each stage. ResNet-101 is (3, 4, 23, 3).
Command: glassworks train resnet --variant 50

Axes: batch, channels, height, width (h, w: of a map); features = what the head sees; classes.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from glassworks.blocks.dropout import Dropout
from glassworks.blocks.pictures import check_pictures

EXPANSION = 4  # a bottleneck works at a quarter of the width that it hands on
SMALLEST = 32  # pixels; the photo stem and three stages halve five times


@dataclass(frozen=True)
class ResNetConfig:
    """The shape of a ResNet.

    height, width: pixels of the picture, at least 32 each
    channels:      1 for grey pictures, 3 for colour
    classes:       scores that come out (1 for a number)
    depths:        blocks of each of the four stages
    widths:        filters of each stage; a bottleneck hands on four times as many
    bottleneck:    three filters (1x1, 3x3, 1x1) a block instead of two 3x3: deeper for the same work
    stem:          "photo" halves twice at once (7x7 and a maximum), "small" keeps the size (3x3)
    dropout:       share of features that are silenced before the head while training, 0 to below 1
    """

    height: int = 224
    width: int = 224
    channels: int = 3
    classes: int = 1000
    depths: tuple[int, ...] = (2, 2, 2, 2)
    widths: tuple[int, ...] = (64, 128, 256, 512)
    bottleneck: bool = False
    stem: Literal["photo", "small"] = "photo"
    dropout: float = 0.0

    def __post_init__(self):
        if len(self.depths) != 4 or len(self.widths) != 4 or min(*self.depths, *self.widths) < 1:
            raise ValueError("depths and widths are four numbers of at least 1, one a stage")
        if self.channels < 1 or self.classes < 1:
            raise ValueError("channels and classes must be at least 1")
        if min(self.height, self.width) < SMALLEST:
            raise ValueError(
                f"a picture of {self.height}x{self.width} is too small for ResNet: at least "
                f"{SMALLEST}x{SMALLEST}"
            )
        if self.stem not in ("photo", "small"):
            raise ValueError(f'stem is "photo" or "small", got "{self.stem}"')
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout is a share from 0 to below 1, got {self.dropout}")

    @property
    def features(self) -> int:
        """Numbers that the head sees of each picture: 512 for ResNet-18 and 34, 2,048 for 50."""
        return self.widths[-1] * (EXPANSION if self.bottleneck else 1)


VARIANTS: dict[str, dict[str, Any]] = {
    "18": {"depths": (2, 2, 2, 2)},
    "34": {"depths": (3, 4, 6, 3)},
    "50": {"depths": (3, 4, 6, 3), "bottleneck": True},
}


def convolution(before: int, after: int, filter_side: int, stride: int = 1) -> nn.Conv2d:
    """Filters that keep the map's size but for the stride; no offset, because a norm follows."""
    return nn.Conv2d(before, after, filter_side, stride, padding=filter_side // 2, bias=False)


class Stem(nn.Module):
    """The first filters. (batch, channels, height, width) -> (batch, width, h, w), h a quarter or all."""

    def __init__(self, config: ResNetConfig):
        super().__init__()
        photo = config.stem == "photo"
        self.convolution = convolution(
            config.channels, config.widths[0], 7 if photo else 3, 2 if photo else 1
        )
        self.norm = nn.BatchNorm2d(config.widths[0])
        self.pool = nn.MaxPool2d(3, stride=2, padding=1) if photo else nn.Identity()

    def forward(self, pictures: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch c h w"]:
        return self.pool(F.relu(self.norm(self.convolution(pictures)), inplace=True))


class Shortcut(nn.Module):
    """A 1x1 filter where a block changes the map's size or filters, so that the two can be added."""

    def __init__(self, before: int, after: int, stride: int):
        super().__init__()
        self.convolution = convolution(before, after, 1, stride)
        self.norm = nn.BatchNorm2d(after)

    def forward(self, maps: Float[Tensor, "batch before h w"]) -> Float[Tensor, "batch after h2 w2"]:
        return self.norm(self.convolution(maps))


class BasicBlock(nn.Module):
    """Two 3x3 filters and the shortcut. (batch, before, h, w) -> (batch, width, h / stride, w / stride)."""

    def __init__(self, before: int, width: int, stride: int):
        super().__init__()
        self.convolution1 = convolution(before, width, 3, stride)
        self.norm1 = nn.BatchNorm2d(width)
        self.convolution2 = convolution(width, width, 3)
        self.norm2 = nn.BatchNorm2d(width)
        self.shortcut = shortcut_for(before, width, stride)

    def forward(self, maps: Float[Tensor, "batch before h w"]) -> Float[Tensor, "batch width h2 w2"]:
        change = F.relu(self.norm1(self.convolution1(maps)), inplace=True)
        change = self.norm2(self.convolution2(change))
        return F.relu(change + self.shortcut(maps), inplace=True)


class Bottleneck(nn.Module):
    """Narrow, filter, widen. (batch, before, h, w) -> (batch, 4 * width, h / stride, w / stride)."""

    def __init__(self, before: int, width: int, stride: int):
        super().__init__()
        after = width * EXPANSION
        self.convolution1 = convolution(before, width, 1)
        self.norm1 = nn.BatchNorm2d(width)
        self.convolution2 = convolution(width, width, 3, stride)  # the paper strides in the 1x1 before it
        self.norm2 = nn.BatchNorm2d(width)
        self.convolution3 = convolution(width, after, 1)
        self.norm3 = nn.BatchNorm2d(after)
        self.shortcut = shortcut_for(before, after, stride)

    def forward(self, maps: Float[Tensor, "batch before h w"]) -> Float[Tensor, "batch after h2 w2"]:
        change = F.relu(self.norm1(self.convolution1(maps)), inplace=True)
        change = F.relu(self.norm2(self.convolution2(change)), inplace=True)
        change = self.norm3(self.convolution3(change))
        return F.relu(change + self.shortcut(maps), inplace=True)


def shortcut_for(before: int, after: int, stride: int) -> nn.Module:
    """Nothing where input and output already have one shape."""
    return nn.Identity() if before == after and stride == 1 else Shortcut(before, after, stride)


class ResNet(nn.Module):
    """Pictures (batch, channels, height, width) -> scores before softmax (batch, classes)."""

    def __init__(self, config: ResNetConfig):
        super().__init__()
        self.config = config
        block = Bottleneck if config.bottleneck else BasicBlock
        self.stem = Stem(config)
        self.stages = nn.ModuleList()
        before = config.widths[0]
        for number, (depth, width) in enumerate(zip(config.depths, config.widths, strict=True)):
            blocks = []
            for place in range(depth):
                blocks.append(block(before, width, stride=2 if number > 0 and place == 0 else 1))
                before = width * (EXPANSION if config.bottleneck else 1)
            self.stages.append(nn.Sequential(*blocks))
        self.dropout = Dropout(config.dropout)
        self.head = nn.Linear(config.features, config.classes)

    def features(
        self, pictures: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch features"]:
        """The last maps, each averaged to one number."""
        check_pictures(pictures, self.config.channels, self.config.height, self.config.width)
        maps = self.stem(pictures)  # (batch, 64, height / 4, width / 4)
        for stage in self.stages:
            maps = stage(maps)  # (batch, features, height / 32, width / 32) after the last
        return maps.mean((2, 3))

    def forward(
        self, pictures: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch classes"]:
        return self.head(self.dropout(self.features(pictures)))


def build(config: ResNetConfig) -> ResNet:
    """The model of a config with He's random start: the answers keep their spread through cut-off layers."""
    model = ResNet(config)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return model
