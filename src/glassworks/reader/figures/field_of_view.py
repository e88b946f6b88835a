"""How far one number sees: filters stacked on each other, and one block of a Vision Transformer.

The field is reckoned by `insight.cost.stage_costs`, and then measured: the slope of the middle number by
every pixel shows which pixels it depends on at all, and on which how much. Each further filter adds (its
side - 1) times the strides so far. The slope fades towards the border of the field: many paths lead from the
middle of a field to its number, and few from its corners (Luo et al. 2016, arXiv 1701.04128).
First thing to change: `SIDE`, pixels of the picture.
"""

from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from glassworks.insight.cost import stage_costs
from glassworks.models.vision import vit
from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure, Slider, Toggle
from glassworks.reader.figures.random_start import started

SIDE, PATCH, CHANNELS, MOST = 64, 8, 4, 6
FILTERS = {"3 × 3": 3, "5 × 5": 5, "1 × 1": 1}


@lru_cache(maxsize=64)
def stack(layers: int, side: int, pooled: bool) -> nn.Sequential:
    """Filters with ReLU, each followed by 2 x 2 pooling if `pooled`; a random start."""
    parts: list[nn.Module] = []
    for before, after in pairwise((1, *[CHANNELS] * layers)):
        parts += [nn.Conv2d(before, after, side, padding=side // 2), nn.ReLU()]
        parts += [nn.AvgPool2d(2)] if pooled else []
    return started(nn.Sequential(*parts), "field of view", layers)


@lru_cache(maxsize=1)
def transformer() -> vit.ViT:
    """One block over patches of 8 x 8 pixels, with a random start."""
    config = vit.ViTConfig(
        height=SIDE, width=SIDE, channels=1, classes=10, patch=PATCH, dimension=32, depth=1, pooling="mean",
        block={"heads": 2, "ratio": 2.0},  # type: ignore[arg-type]
    )  # fmt: skip
    return started(vit.ViT(config), "field of view")


@lru_cache(maxsize=64)
def field(layers: int, side: int, pooled: bool) -> tuple[int, int]:
    """Receptive field and stride after so many layers, in pixels on a side."""
    last = stage_costs(stack(layers, side, pooled), torch.zeros(1, 1, SIDE, SIDE))[-1]
    return last.receptive_field, last.stride


@lru_cache(maxsize=64)
def slopes(layers: int, side: int, pooled: bool, attention: bool) -> np.ndarray:
    """How much the numbers in the middle depend on each pixel, (64, 64): the size of the gradient, summed
    over the channels and a few random pictures."""
    dice = torch.Generator().manual_seed(0)
    pictures = torch.randn(4, 1, SIDE, SIDE, generator=dice, requires_grad=True)
    if attention:
        model = transformer()
        tokens = model.encode(model.embed(pictures))  # (pictures, 64, 32)
        maps = tokens.transpose(1, 2).unflatten(2, (SIDE // PATCH, SIDE // PATCH))
    else:
        maps = stack(layers, side, pooled)(pictures)
    middle = maps[:, :, maps.shape[2] // 2, maps.shape[3] // 2]  # (pictures, channels)
    weights = torch.randn(middle.shape, generator=dice)
    (found,) = torch.autograd.grad((middle * weights).sum(), pictures)
    return _summed(found)


def _summed(found: Tensor) -> np.ndarray:
    return found.abs().sum((0, 1)).numpy()


class FieldOfView(Figure):
    title = "How far does one number see?"
    says = (
        "A filter of 3 × 3 sees three pixels on a side, a stack of them sees more with each layer, and with "
        "pooling between them much more. In a ViT each token sees the whole picture after one block."
    )
    controls = (
        Choose("attention", "network", {"filters": False, "one block of a ViT": True}),
        Slider("layers", "filters on each other", 1, MOST, step=1, value=3),
        Choose("side", "size of a filter", FILTERS),
        Toggle("pooled", "2 × 2 pooling after each filter", value=True),
    )

    def draw(self, attention: bool, layers: int, side: int, pooled: bool) -> str:
        seen = slopes(layers, side, pooled, attention)
        share = (seen / seen.max()) ** 0.4  # so that small slopes can be seen
        shades = 255 - np.rint(share * 215).astype(np.uint8)
        shades[seen == 0] = 255
        picture = draw.picture(
            np.kron(shades, np.ones((4, 4), np.uint8)), "slope of the middle number by each pixel, 64 × 64",
            width=256,
        )  # fmt: skip
        rows, columns = (int((seen.sum(axis) > 0).sum()) for axis in (1, 0))
        if attention:
            told = (
                "Every pixel counts after one block. Which ones count how much is computed from the picture."
            )
            facts = [["reckoned", "all"], ["measured", f"{rows} × {columns} pixels"]]
        else:
            reach, stride = field(layers, side, pooled)
            told = _told(reach)
            facts = [
                ["size of one filter", f"{side} × {side}"],
                ["receptive field, reckoned", f"{reach} × {reach}"],
                ["pixels with a slope, measured", f"{rows} × {columns}"],
                ["pixels from one output to the next", f"{stride}"],
            ]
        return draw.columns(picture, draw.table(["", ""], facts)) + draw.text(told)


def _told(reach: int) -> str:
    if reach == 1:
        return "A filter of 1 × 1 mixes channels and sees one pixel, however many are stacked."
    if reach > SIDE:
        return f"The field is larger than the picture, which has {SIDE} pixels on a side: all of it is seen."
    return f"{reach * reach:,} of {SIDE * SIDE:,} pixels can change this number, the others cannot."
