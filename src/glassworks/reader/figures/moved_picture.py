"""A picture that moves by some pixels: which layers give the same numbers in another place?

A window is cut from a photograph, and cut again some columns further on. What a layer says about the second
is laid over what it said about the first, moved along as far as its steps allow. Where nothing but the place
has changed the difference is 0. Only the inside is compared: at the border other pixels come in.
First thing to change: `MOST`, the largest move.
Source: on strides, Zhang 2019, arXiv 1904.11486.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from glassworks.models.vision import cnn, vit
from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure, Slider
from glassworks.reader.figures.photographs import PLAIN, available, photograph
from glassworks.reader.figures.random_start import started

WINDOW, MOST, PATCH = 64, 16, 8
NAMES = tuple(name for name in available() if name != PLAIN)


@dataclass(frozen=True)
class Layer:
    """stride: pixels between neighbouring numbers; border: numbers at each edge that are not compared."""

    name: str
    stride: int
    border: int


LAYERS = (
    Layer("convolution 3 × 3", 1, 1),
    Layer("a stage: convolution and pooling", 2, 1),
    Layer("patches of 8 × 8", PATCH, 0),
    Layer("ViT, after two blocks", PATCH, 0),
)


@lru_cache(maxsize=8)
def windows(name: str) -> Tensor:
    """The photograph in grey, cut at columns 0 to 16, (17, 1, 64, 64), about -1 to 1."""
    pixels = photograph(name)
    side = min(pixels.shape[:2])
    small = (
        Image.fromarray(pixels[:side, :side]).convert("L").resize((WINDOW + MOST,) * 2, Image.Resampling.BOX)
    )
    grey = torch.from_numpy(np.asarray(small, dtype=np.float32) / 127.5 - 1)[:WINDOW]
    return torch.stack([grey[None, :, start : start + WINDOW] for start in range(MOST + 1)])


@lru_cache(maxsize=1)
def models() -> tuple[cnn.CNN, vit.ViT]:
    """Both with a random start: nothing has been learned."""
    filters = cnn.CNNConfig(height=WINDOW, width=WINDOW, channels=1, widths=(8, 16), hidden=16)
    reader = vit.ViTConfig(
        height=WINDOW, width=WINDOW, channels=1, classes=10, patch=PATCH, dimension=32, depth=2,
        pooling="mean", block={"heads": 2, "ratio": 2.0},  # type: ignore[arg-type]
    )  # fmt: skip
    return started(cnn.CNN(filters), "moved"), started(vit.ViT(reader), "moved")


@lru_cache(maxsize=8)
@torch.no_grad()
def said(name: str) -> tuple[Tensor, ...]:
    """What each layer says about each window, (17, channels, rows, columns)."""
    pictures, (filters, reader) = windows(name), models()
    side = WINDOW // PATCH
    tokens = (reader.patches(pictures), reader.encode(reader.embed(pictures)))
    grids = (one.transpose(1, 2).unflatten(2, (side, side)) for one in tokens)
    stage = filters.stages[0]
    assert isinstance(stage, cnn.Stage)
    return stage.convolution(pictures), stage(pictures), *grids


@lru_cache(maxsize=256)
def difference(name: str, place: int, shift: int) -> float:
    """How far a layer's numbers for the moved picture are from the old ones moved along, as a share of their
    spread: 0 where they are the same. The whole step that fits best is taken."""
    layer, answers = LAYERS[place], said(name)[place]
    inside = slice(layer.border, answers.shape[2] - layer.border)
    first, moved = answers[0][:, inside, inside], answers[shift][:, inside, inside]
    found = []
    for steps in {shift // layer.stride, -(-shift // layer.stride)}:
        both = first.shape[2] - steps
        found.append(float((moved[:, :, :both] - first[:, :, steps:]).square().mean().sqrt()))
    return min(found) / float((first - first.mean((1, 2), keepdim=True)).square().mean().sqrt())


class MovedPicture(Figure):
    title = "Move the picture by a few pixels"
    says = (
        "What a convolution says moves along with the picture, exactly, by any number of pixels. With "
        "pooling this holds for every second pixel, with patches of 8 for every eighth, and after a ViT's "
        "blocks for none."
    )
    controls = (
        Choose("name", "photograph", {name: name for name in NAMES}, "a cat" if "a cat" in NAMES else ""),
        Slider("shift", "pixels that it moves to the left", 0, MOST, step=1, value=3, unit="px"),
    )

    def draw(self, name: str, shift: int) -> str:
        curves = {
            layer.name: [(move, difference(name, place, move)) for move in range(MOST + 1)]
            for place, layer in enumerate(LAYERS)
        }
        most = max(value for row in curves.values() for _, value in row)
        chart = draw.line_chart(
            curves, across="pixels moved", up="difference", y=(0, 1.05 * most),
            marks=[(shift, "")], width=440, height=290,
        )  # fmt: skip
        pictures = draw.pictures([*_seen(name, 0), *_seen(name, shift)], width=118)
        rows = [
            [layer.name, f"{layer.stride}", f"{difference(name, place, shift):.3f}"]
            for place, layer in enumerate(LAYERS)
        ]
        head = ("layer", "step", f"at {shift} px")
        told = (
            "Difference between the numbers for the moved picture and the old numbers moved along, as a "
            "share of their spread. Steps are in pixels. All networks have a random start."
        )
        return draw.columns(pictures, chart) + draw.table(head, rows) + draw.note(told)


def _seen(name: str, shift: int) -> list[tuple[np.ndarray, str]]:
    """The window, one map of the convolution and one number of each patch."""
    grey = windows(name)[shift, 0]
    maps = said(name)
    told = "as it was" if shift == 0 else f"moved by {shift}"
    return [
        (_as_grey(grey, windows(name)[0, 0]), f"the picture, {told}"),
        (_as_grey(maps[0][shift, 0], maps[0][0, 0]), "a map of the convolution"),
        (_as_grey(maps[2][shift, 0], maps[2][0, 0]), "one number of each patch"),
    ]


def _as_grey(values: Tensor, scale: Tensor) -> np.ndarray:
    low, high = float(scale.min()), float(scale.max())
    return ((values - low) / (high - low) * 255).clamp(0, 255).to(torch.uint8).numpy()
