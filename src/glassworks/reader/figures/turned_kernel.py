"""What networks call convolution, and what mathematics does: the same sliding, with the kernel turned round.

A single bright pixel shows the difference best: correlation prints the kernel turned by half a circle around
it, convolution prints the kernel as it is.
The first thing to change: `PICTURES`.
"""

import torch
from torch import Tensor

from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure
from glassworks.reader.figures.kernels import kernel, slid


def step() -> Tensor:
    """5 rows, 6 columns, dark, and bright (1) from column 3."""
    picture = torch.zeros(5, 6)
    picture[:, 3:] = 1
    return picture


def dot() -> Tensor:
    """5 x 5, one bright pixel in the middle."""
    picture = torch.zeros(5, 5)
    picture[2, 2] = 1
    return picture


PICTURES = {"dark, then bright": step, "one bright pixel": dot}
SHOWN = {name: name for name in ("upright edges", "level edges", "relief", "all edges")}


class TurnedKernel(Figure):
    title = "Correlation and convolution"
    says = (
        "Networks slide the kernel as it is, which mathematics calls correlation. Its convolution turns "
        "the kernel by half a circle first. For a kernel that is the same both ways nothing changes."
    )
    controls = (Choose("picture", "picture", PICTURES), Choose("name", "kernel", SHOWN))

    def draw(self, picture: object, name: str) -> str:
        pixels = picture()  # type: ignore[operator]
        weights = kernel(name)
        plain, turned = slid(pixels, weights), slid(pixels, weights.flip(0, 1))
        grids = draw.columns(
            draw.number_grid(pixels.numpy(), title="the picture", decimals=0),
            draw.number_grid(weights.numpy(), title="the kernel", decimals=0),
            draw.number_grid(plain.numpy(), title="slid as it is: F.conv2d", decimals=0),
            draw.number_grid(turned.numpy(), title="turned first: mathematics", decimals=0),
        )
        same = bool(torch.equal(plain, turned))
        told = (
            "Both are the same here: this kernel turned by half a circle is itself."
            if same
            else "The two differ. Does a network mind?"
        )
        return grids + draw.text(told)
