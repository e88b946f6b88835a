"""LeNet-5, the network that read the digits on bank cheques: the ancestor of every convolutional network.

Two stages of 5x5 filters and pooling turn a 32x32 picture into 16 maps of 5x5; three dense layers read
them. It has 61,706 numbers to learn, and every idea of the later networks is already there.

Paper: LeCun, Bottou, Bengio, Haffner 1998, "Gradient-based learning applied to document recognition".
Where this differs: the paper joins the second stage to chosen maps of the first, scales its pooling by
learned numbers, and ends in radial basis functions; like every later LeNet this one joins all maps, pools
plainly and ends in one score a class. `activation` and `pooling` bring back the paper's tanh and averages.
First thing to change: `activation="relu", pooling="max"`, the two choices that made deep networks train.
Command: glassworks train lenet

Axes: batch, channels, height, width; classes.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from glassworks.blocks.pictures import check_pictures

MAPS = (6, 16)  # filters of the two stages
DENSE = (120, 84)  # sizes of the two dense layers before the scores
FILTER = 5  # height and width of a filter, pixels


@dataclass(frozen=True)
class LeNetConfig:
    """The shape of a LeNet-5.

    height, width: pixels of the picture (the paper: 32); each stage loses 4 pixels and halves the rest
    channels:      1 for grey pictures, 3 for colour
    classes:       scores that come out (1 for a number)
    activation:    "tanh" (the paper) or "relu"
    pooling:       "average" (the paper) or "max"
    """

    height: int = 32
    width: int = 32
    channels: int = 1
    classes: int = 10
    activation: Literal["tanh", "relu"] = "tanh"
    pooling: Literal["average", "max"] = "average"

    def __post_init__(self):
        if self.activation not in ("tanh", "relu") or self.pooling not in ("average", "max"):
            raise ValueError('activation is "tanh" or "relu", pooling is "average" or "max"')
        if self.channels < 1 or self.classes < 1:
            raise ValueError("channels and classes must be at least 1")
        if min(self.height, self.width) < 16:
            raise ValueError(f"LeNet needs pictures of at least 16x16, got {self.height}x{self.width}")

    @property
    def features(self) -> int:
        """Numbers that leave the second stage, for one picture: 16 x 5 x 5 = 400 for 32x32."""
        height, width = (((side - 4) // 2 - 4) // 2 for side in (self.height, self.width))
        return MAPS[1] * height * width


VARIANTS: dict[str, dict[str, Any]] = {"classic": {}, "modern": {"activation": "relu", "pooling": "max"}}


class LeNet(nn.Module):
    """Pictures (batch, channels, height, width) -> scores before softmax (batch, classes)."""

    def __init__(self, config: LeNetConfig):
        super().__init__()
        self.config = config
        self.activate = F.relu if config.activation == "relu" else F.tanh
        self.pool = nn.MaxPool2d(2) if config.pooling == "max" else nn.AvgPool2d(2)
        self.convolution1 = nn.Conv2d(config.channels, MAPS[0], FILTER)
        self.convolution2 = nn.Conv2d(MAPS[0], MAPS[1], FILTER)
        self.dense1 = nn.Linear(config.features, DENSE[0])
        self.dense2 = nn.Linear(DENSE[0], DENSE[1])
        self.head = nn.Linear(DENSE[1], config.classes)

    def features(self, pictures: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch 84"]:
        """What the last layer sees of each picture."""
        check_pictures(pictures, self.config.channels, self.config.height, self.config.width)
        maps = self.pool(self.activate(self.convolution1(pictures)))  # (batch, 6, 14, 14) for 32x32
        maps = self.pool(self.activate(self.convolution2(maps)))  # (batch, 16, 5, 5)
        row = self.activate(self.dense1(maps.flatten(1)))  # (batch, 120)
        return self.activate(self.dense2(row))  # (batch, 84)

    def forward(
        self, pictures: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch classes"]:
        return self.head(self.features(pictures))


def build(config: LeNetConfig) -> LeNet:
    """The model of a config, with PyTorch's own random start."""
    return LeNet(config)
