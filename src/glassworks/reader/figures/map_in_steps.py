"""From a block's weights to colours on a photograph, one step after the other, with the shapes.

The Vision Transformer has the twelve heads and the 197 tokens of ViT-B/16, and has never learned: its weights
are those of a random start, so its map is nearly even. Stretched to full colour it looks decided all the
same, which is what the switch is for. The first thing to change: `PLAIN_SCALE`, the range of the colours that
are not stretched.
"""

from functools import lru_cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from glassworks.core.keyed import seed_for
from glassworks.insight.attention import LayerAttention, attention_of, drawn_from
from glassworks.insight.attention_gallery import shares, span
from glassworks.insight.drawing import colour, overlay, tiles
from glassworks.models.vision.vit import VARIANTS, ViT, ViTConfig, build
from glassworks.reader.draw import note, pictures, table
from glassworks.reader.figure import Choose, Figure, Steps, Toggle
from glassworks.reader.figures.photographs import available, photograph

SIDE, LAST = 224, 5
PLAIN_SCALE = 2.0  # times the mean: full colour where the colours are not stretched
SHAPES = ("(1, 12, 197, 197)", "(1, 197, 197)", "(1, 197)", "(1, 196)", "(1, 14, 14)", "224 x 224 pixels")
TOLD = (
    "all weights of the last block, head by head",
    "mean over the heads",
    "the class token's row",
    "without its own column",
    "put back in rows of 14",
    "enlarged and laid over the photograph",
)


@lru_cache(maxsize=1)
def tensors() -> dict[str, Tensor]:
    """The random start, the same each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(0, "map in steps"))
        return build(config()).state_dict()


def config() -> ViTConfig:
    """ViT-B/16 with two blocks and 48 numbers a token: the same tokens and heads, a fraction of the work."""
    return ViTConfig(**VARIANTS["b16"] | {"dimension": 48, "depth": 2})


@lru_cache(maxsize=8)
def square(name: str) -> np.ndarray:
    """The middle of a photograph, uint8 (224, 224, 3)."""
    image = Image.fromarray(photograph(name))
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box, reducing_gap=2.0))


@lru_cache(maxsize=8)
def last_layer(name: str) -> LayerAttention:
    """The attention of the last block to a photograph."""
    model = ViT(config())
    model.load_state_dict(tensors())
    pixels = torch.from_numpy(square(name).copy()).permute(2, 0, 1)[None]
    return attention_of(model.eval(), pixels / 127.5 - 1)[-1]


class MapInSteps(Figure):
    title = "From 466,000 weights to a picture"
    says = (
        "Mean over the heads, the class token's row, without its own column, 196 numbers as 14 rows of 14, "
        "then enlarged over the photograph. This network has never learned anything, and its map still "
        "looks decided when its colours are stretched."
    )
    controls = (
        Steps("step", "step", 0, LAST, value=LAST),
        Choose("name", "photograph", {name: name for name in available()}),
        Toggle("stretched", "colours from its smallest to its largest value", value=True),
    )

    def draw(self, step: int, name: str, stretched: bool) -> str:
        layer = last_layer(name)
        shown = [
            (one, f"{SHAPES[n]}: {TOLD[n]}") for n, one in enumerate(_drawn(layer, name, stretched, step))
        ]
        row = layer.weights.mean(1)[0, 0]  # (197,)
        facts = [
            ["sum of the class token's row", f"{float(row.sum()):.4f}"],
            ["of it, its own column", f"{float(row[0]):.4f}"],
            ["sum of the 196 that are drawn", f"{float(row[1:].sum()):.4f}"],
            ["range of the map", span(shares(row[1:]))],
        ]
        told = f"Step {step}: {TOLD[step]}, {SHAPES[step]}."
        return pictures(shown, width=168) + note(told) + table(["in numbers", ""], facts)


def _drawn(layer: LayerAttention, name: str, stretched: bool, step: int) -> list[np.ndarray]:
    """The pictures of the steps so far."""
    heads = layer.weights[0].numpy()  # (heads, 197, 197)
    mean = heads.mean(0)
    share = shares(drawn_from(layer).mean(1)[0]).numpy()  # (14, 14)
    made = [
        lambda: tiles([_scaled(one[::4, ::4] / one.mean(), True) for one in heads], 4, side=1),
        lambda: _scaled(mean / mean.mean(), True),
        lambda: _line(mean[0] / mean[0].mean(), stretched),
        lambda: _line(share.ravel(), stretched),
        lambda: _scaled(share, stretched).repeat(12, 0).repeat(12, 1),
        lambda: overlay(square(name), _unit(share, stretched)),
    ]
    return [one() for one in made[: step + 1]]


def _unit(share: np.ndarray, stretched: bool) -> np.ndarray:
    """Multiples of the mean as heat 0 … 1."""
    if not stretched:
        return (share / PLAIN_SCALE).clip(0, 1)
    low, high = float(share.min()), float(share.max())
    return (share - low) / (high - low) if high > low else np.zeros_like(share)


def _scaled(share: np.ndarray, stretched: bool) -> np.ndarray:
    return colour(_unit(share, stretched))


def _line(share: np.ndarray, stretched: bool) -> np.ndarray:
    """Numbers in one row, as a strip of colours that can be seen, (32, n, 3)."""
    return _scaled(share[None], stretched).repeat(32, 0)
