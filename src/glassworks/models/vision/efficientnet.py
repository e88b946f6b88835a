"""EfficientNet: cheap filters, and one rule that says how a network should grow.

A block widens its maps, filters each one alone (a depthwise filter costs a hundredth of a full one), weighs
the maps by what the whole picture shows (squeeze and excitation), and narrows them again. To grow, a network
should become deeper, wider and finer together: `compound` gives the three factors for 2^phi times the work.

Papers: Tan & Le 2019, "EfficientNet: rethinking model scaling for convolutional neural networks", arXiv
1905.11946; inverted bottlenecks: Sandler et al. 2018, arXiv 1801.04381; squeeze and excitation: Hu et al.
2017, arXiv 1709.01507. Lite: the authors' versions for phones (2020), without squeeze and excitation, cut
at 6 (ReLU6), and with the first and last layers as they are at every scale.
Where this differs: nothing in the answers. `same_padding` pads as TensorFlow does, one pixel more at the
right and below where the stride is 2; weights that were trained there need it.
First thing to change: `width_factor` and `depth_factor`; PUBLISHED holds those of B0 to B7.
Command: glassworks train efficientnet --variant b0

Axes: batch, channels, height, width (h, w: of a map); features = what the head sees; classes.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from glassworks.blocks.drop_path import DropPath
from glassworks.blocks.dropout import Dropout
from glassworks.blocks.pictures import check_pictures


class Stage(NamedTuple):
    """One line of the paper's table 1: how much a block widens, its filter, stride, maps out, blocks."""

    expansion: int
    filter_side: int
    stride: int
    after: int
    depth: int


STAGES = (
    Stage(1, 3, 1, 16, 1),
    Stage(6, 3, 2, 24, 2),
    Stage(6, 5, 2, 40, 2),
    Stage(6, 3, 2, 80, 3),
    Stage(6, 5, 1, 112, 3),
    Stage(6, 5, 2, 192, 4),
    Stage(6, 3, 1, 320, 1),
)
STEM, TOP = 32, 1280  # maps after the first layer and before the head
SMALLEST = 32  # pixels; the network halves five times

# (width_factor, depth_factor, pixels) as published: near the rule below for phi = 0, 0.5, 1, 2 … 6, but set
# by hand; the largest have up to a fifth more pixels on a side than the rule gives.
PUBLISHED = {
    "b0": (1.0, 1.0, 224),
    "b1": (1.0, 1.1, 240),
    "b2": (1.1, 1.2, 260),
    "b3": (1.2, 1.4, 300),
    "b4": (1.4, 1.8, 380),
    "b5": (1.6, 2.2, 456),
    "b6": (1.8, 2.6, 528),
    "b7": (2.0, 3.1, 600),
}


@dataclass(frozen=True)
class EfficientNetConfig:
    """The shape of an EfficientNet.

    height, width: pixels of the picture, at least 32 each
    channels:      1 for grey pictures, 3 for colour
    classes:       scores that come out (1 for a number)
    width_factor:  maps of every layer, times the paper's B0
    depth_factor:  blocks of every stage, times the paper's B0
    lite:          the version for phones: no squeeze and excitation, ReLU6, first and last layers not scaled
    same_padding:  pad as TensorFlow does, for weights that were trained there
    norm_epsilon:  what batch norm adds to a variance (TensorFlow 1e-3, PyTorch 1e-5)
    dropout:       share of features that are silenced before the head while training, 0 to below 1
    drop_path:     chance that a picture skips the last block while training; it rises from 0 at the first
    """

    height: int = 224
    width: int = 224
    channels: int = 3
    classes: int = 1000
    width_factor: float = 1.0
    depth_factor: float = 1.0
    lite: bool = True
    same_padding: bool = True
    norm_epsilon: float = 1e-3
    dropout: float = 0.2
    drop_path: float = 0.2

    def __post_init__(self):
        if self.channels < 1 or self.classes < 1:
            raise ValueError("channels and classes must be at least 1")
        if min(self.height, self.width) < SMALLEST:
            raise ValueError(
                f"a picture of {self.height}x{self.width} is too small for EfficientNet: at least "
                f"{SMALLEST}x{SMALLEST}"
            )
        if not (0 < self.width_factor <= 10 and 0 < self.depth_factor <= 10):
            raise ValueError("width_factor and depth_factor are above 0 and at most 10")
        if not (0.0 <= self.dropout < 1.0 and 0.0 <= self.drop_path < 1.0):
            raise ValueError("dropout and drop_path are shares from 0 to below 1")
        if self.norm_epsilon <= 0:
            raise ValueError(f"norm_epsilon is above 0, got {self.norm_epsilon}")

    @property
    def stem_width(self) -> int:
        """Maps after the first layer."""
        return STEM if self.lite else round_channels(STEM * self.width_factor)

    @property
    def features(self) -> int:
        """Numbers that the head sees of each picture: 1,280 for Lite0 and B0."""
        return TOP if self.lite else round_channels(TOP * self.width_factor)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The seven stages at this width and depth."""
        ends = (0, len(STAGES) - 1) if self.lite else ()
        return tuple(
            stage._replace(
                after=round_channels(stage.after * self.width_factor),
                depth=stage.depth if number in ends else round_depth(stage.depth, self.depth_factor),
            )
            for number, stage in enumerate(STAGES)
        )


VARIANTS: dict[str, dict[str, Any]] = {
    "lite0": {"lite": True, "same_padding": True, "norm_epsilon": 1e-3},
    "b0": {"lite": False, "same_padding": False, "norm_epsilon": 1e-5},
}


class Growth(NamedTuple):
    """What the rule multiplies: blocks, maps, pixels on a side; and the work that follows."""

    depth: float
    width: float
    resolution: float
    work: float


def compound(phi: float, alpha: float = 1.2, beta: float = 1.1, gamma: float = 1.15) -> Growth:
    """The compound-scaling rule (equation 3 of the paper): factors for about 2^phi times the work.

    alpha, beta, gamma: growth of depth, width and resolution for phi = 1, found by a small search on B0.
    Work grows with depth, and with the squares of width and resolution: alpha beta^2 gamma^2 = 1.92.

    >>> compound(1).width, round(compound(1).work, 2)
    (1.1, 1.92)
    """
    depth, width, resolution = alpha**phi, beta**phi, gamma**phi
    return Growth(depth, width, resolution, depth * width**2 * resolution**2)


def scaled(phi: float, *, channels: int = 3, classes: int = 1000, **others: Any) -> EfficientNetConfig:
    """The config of a B0 that has grown by the rule; `others` are further fields of the config.

    The picture's side is 224 times the rule's resolution, in whole multiples of 4, unless it is given.
    """
    growth = compound(phi)
    side = round(224 * growth.resolution / 4) * 4
    shape = {"height": side, "width": side, **VARIANTS["b0"], **others}
    return EfficientNetConfig(
        channels=channels, classes=classes, width_factor=growth.width, depth_factor=growth.depth, **shape
    )


def round_channels(wanted: float, multiple: int = 8) -> int:
    """The nearest multiple of 8, which hardware likes, but never more than 10 % below what was wanted."""
    rounded = max(multiple, int(wanted + multiple / 2) // multiple * multiple)
    return rounded + multiple if rounded < 0.9 * wanted else rounded


def round_depth(depth: int, factor: float) -> int:
    """Blocks of a scaled stage, rounded up."""
    return math.ceil(depth * factor)


class Convolution(nn.Conv2d):
    """Filters that keep the map's size but for the stride, padded evenly or as TensorFlow does."""

    def __init__(
        self, before: int, after: int, filter_side: int, stride: int, groups: int, same_padding: bool
    ):
        # With stride 1 both ways pad evenly, and the convolution does it itself: no copy of the map.
        self.uneven = same_padding and stride > 1
        padding = 0 if self.uneven else filter_side // 2
        super().__init__(before, after, filter_side, stride, padding, groups=groups, bias=False)

    def forward(self, maps: Float[Tensor, "batch before h w"]) -> Float[Tensor, "batch after h2 w2"]:
        if self.uneven:
            height, width = (self._padding(side, i) for i, side in enumerate(maps.shape[2:]))
            maps = F.pad(maps, (*width, *height))
        return super().forward(maps)

    def _padding(self, side: int, axis: int) -> tuple[int, int]:
        """Pixels before and after, so that ceil(side / stride) come out; the odd one stands after."""
        stride, filter_side = self.stride[axis], self.kernel_size[axis]
        total = max((math.ceil(side / stride) - 1) * stride + filter_side - side, 0)
        return total // 2, total - total // 2


class Layer(nn.Module):
    """Filter, normalise, and cut where `cut` says so. (batch, before, h, w) -> (batch, after, h2, w2)."""

    def __init__(
        self, before: int, after: int, config: EfficientNetConfig, filter_side: int = 1, stride: int = 1,
        groups: int = 1, cut: bool = True,
    ):  # fmt: skip
        super().__init__()
        self.convolution = Convolution(before, after, filter_side, stride, groups, config.same_padding)
        self.norm = nn.BatchNorm2d(after, eps=config.norm_epsilon)
        # SiLU's gradient needs its input, so it gains nothing from working in place; ReLU6's does not.
        self.activate = (nn.ReLU6(inplace=True) if config.lite else nn.SiLU()) if cut else nn.Identity()

    def forward(self, maps: Float[Tensor, "batch before h w"]) -> Float[Tensor, "batch after h2 w2"]:
        return self.activate(self.norm(self.convolution(maps)))


class SqueezeExcitation(nn.Module):
    """Weigh each map by a share from 0 to 1 that follows from the means of all maps."""

    def __init__(self, width: int, squeezed: int):
        super().__init__()
        self.reduce = nn.Conv2d(width, squeezed, 1)
        self.expand = nn.Conv2d(squeezed, width, 1)

    def forward(self, maps: Float[Tensor, "batch width h w"]) -> Float[Tensor, "batch width h w"]:
        means = maps.mean((2, 3), keepdim=True)  # (batch, width, 1, 1)
        return maps * torch.sigmoid(self.expand(F.silu(self.reduce(means))))


class Block(nn.Module):
    """Widen, filter each map alone, weigh, narrow. (batch, before, h, w) -> (batch, after, h2, w2)."""

    def __init__(self, before: int, stage: Stage, stride: int, drop_path: float, config: EfficientNetConfig):
        super().__init__()
        inner = before * stage.expansion
        self.expand = Layer(before, inner, config) if stage.expansion > 1 else nn.Identity()
        self.depthwise = Layer(inner, inner, config, stage.filter_side, stride, groups=inner)
        self.squeeze = nn.Identity() if config.lite else SqueezeExcitation(inner, max(1, before // 4))
        self.project = Layer(inner, stage.after, config, cut=False)
        self.drop_path = DropPath(drop_path)
        self.adds = stride == 1 and before == stage.after

    def forward(self, maps: Float[Tensor, "batch before h w"]) -> Float[Tensor, "batch after h2 w2"]:
        change = self.project(self.squeeze(self.depthwise(self.expand(maps))))
        return self.drop_path(change) + maps if self.adds else change


class EfficientNet(nn.Module):
    """Pictures (batch, channels, height, width) -> scores before softmax (batch, classes)."""

    def __init__(self, config: EfficientNetConfig):
        super().__init__()
        self.config = config
        self.stem = Layer(config.channels, config.stem_width, config, filter_side=3, stride=2)
        self.stages = nn.ModuleList()
        before, number, total = config.stem_width, 0, sum(stage.depth for stage in config.stages)
        for stage in config.stages:
            blocks = []
            for place in range(stage.depth):
                share = config.drop_path * number / total
                blocks.append(Block(before, stage, stage.stride if place == 0 else 1, share, config))
                before, number = stage.after, number + 1
            self.stages.append(nn.Sequential(*blocks))
        self.top = Layer(before, config.features, config)
        self.dropout = Dropout(config.dropout)
        self.head = nn.Linear(config.features, config.classes)

    def features(
        self, pictures: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch features"]:
        """The last maps, each averaged to one number."""
        check_pictures(pictures, self.config.channels, self.config.height, self.config.width)
        maps = self.stem(pictures)  # (batch, 32, height / 2, width / 2)
        for stage in self.stages:
            maps = stage(maps)  # (batch, 320, height / 32, width / 32) after the last
        return self.top(maps).mean((2, 3))

    def forward(
        self, pictures: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch classes"]:
        return self.head(self.dropout(self.features(pictures)))


def build(config: EfficientNetConfig) -> EfficientNet:
    """The model of a config with the authors' random start: filters by what they send out, a small head."""
    model = EfficientNet(config)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels // module.groups
            nn.init.normal_(module.weight, 0.0, math.sqrt(2.0 / fan_out))
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    bound = 1.0 / math.sqrt(config.classes)
    nn.init.uniform_(model.head.weight, -bound, bound)
    nn.init.zeros_(model.head.bias)
    return model
