"""A kernel on a colour picture is a block: a slice for each channel, and one sum over all of them.

The kernel is red, green and blue weights at the same nine places. Its map is one picture, without colour: the
channels have been added up. A layer has many such blocks, and each gives one channel of the next picture.
The first thing to change: `MIXES`.
"""

import torch
import torch.nn.functional as F

from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure, OwnPicture, Toggle
from glassworks.reader.figures.kernels import kernel
from glassworks.reader.figures.own_picture import choose_photograph, square

SIDE = 96
MIXES = {
    "red against blue": (1.0, 0.0, -1.0),
    "green against red and blue": (-0.5, 1.0, -0.5),
    "all alike: no colour": (1 / 3, 1 / 3, 1 / 3),
}
CHANNELS = ("red", "green", "blue")


class ChannelsSummed(Figure):
    title = "Three channels in, one map out"
    says = (
        "Each channel has weights of its own, and the three results are added. So a kernel can ask for a "
        "colour, or for an edge between two colours that are equally bright."
    )
    controls = (
        choose_photograph("an astronaut"),
        OwnPicture(),
        Choose("mix", "weights of the channels", MIXES),
        Toggle("edges", "nine weights each: upright edges"),
    )

    def draw(self, name: str, own: str, mix: tuple[float, ...], edges: bool) -> str:
        pixels = square(name, own, SIDE)
        planes = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float()  # (3, h, w)
        plain = kernel("upright edges" if edges else "mean of nine")
        weights = torch.tensor(mix)[:, None, None] * plain  # (3, 3, 3)
        apart = F.conv2d(planes[:, None], plain[None, None])[:, 0] * torch.tensor(mix)[:, None, None]
        summed = F.conv2d(planes[None], weights[None])[0, 0]
        top = 255 * (1.2 if edges else 1.0)
        rows = [(pixels, f"the picture, 3 × {SIDE} × {SIDE}")]
        rows += [
            (_bytes(apart[place], top), f"{one}, times {share:+.2g}")
            for place, (one, share) in enumerate(zip(CHANNELS, mix))
        ]
        rows.append((_bytes(summed, top), f"their sum: one map, {SIDE - 2} × {SIDE - 2}"))
        return draw.pictures(rows, width=150) + draw.note("Middle grey is 0, bright positive, dark negative.")


def _bytes(values: torch.Tensor, top: float):
    return (127.5 + 127.5 * values / top).clamp(0, 255).to(torch.uint8).numpy()
