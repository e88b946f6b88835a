"""Three cosines, a scale, and the shares that softmax makes of them.

Cosines lie between -1 and 1, and those of a real model lie close together. Softmax sees differences alone, so
without a scale the shares are nearly equal. The scale is one by temperature.
The first thing to change: `COSINES`.
"""

import math
from typing import Any

import torch
from torch import Tensor

from glassworks.reader.draw import columns, equation, line_chart, table
from glassworks.reader.figure import Choose, Figure, Slider

COSINES = {
    "0.25, 0.20, 0.15": (0.25, 0.20, 0.15),
    "the same, each 0.60 higher": (0.85, 0.80, 0.75),
    "0.25, 0.24, 0.15": (0.25, 0.24, 0.15),
    "0.90, 0.00, -0.90": (0.90, 0.0, -0.90),
}
NAMES = ("a cat", "a dog", "a car")


def shares(cosines: tuple[float, ...], scale: float) -> Tensor:
    """Softmax of scaled cosines, float64 (texts,)."""
    return (scale * torch.tensor(cosines, dtype=torch.float64)).softmax(0)


class CosinesToShares(Figure):
    title = "From cosines to shares"
    says = (
        "At scale 1 the cosines 0.25, 0.20 and 0.15 give nearly a third each; at scale 100 the first gets "
        "0.993. The order never changes, and adding the same to all cosines changes nothing."
    )
    controls = (
        Slider("scale", "scale (1 / temperature)", 1, 100, step=1, value=100),
        Choose("cosines", "cosines", COSINES),
    )

    def draw(self, scale: float, cosines: tuple[float, ...], **_: Any) -> str:
        found = shares(cosines, scale).tolist()
        scales = [100 ** (step / 40) for step in range(41)]
        curves = {
            name: [(at, float(shares(cosines, at)[place])) for at in scales]
            for place, name in enumerate(NAMES)
        }
        chart = line_chart(
            curves, points={name: [(scale, share)] for name, share in zip(NAMES, found)},
            across="scale", up="share", y=(0, 1), logarithmic="x", width=340, height=230,
        )  # fmt: skip
        rows = [
            [name, f"{cosine:.2f}", f"{scale * cosine:.2f}", f"{share:.6f}"]
            for name, cosine, share in zip(NAMES, cosines, found)
        ]
        apart = scale * (cosines[0] - cosines[1])
        told = (
            f"first to second = e^({scale:g} · {cosines[0] - cosines[1]:.2f}) = {math.exp(apart):.4g} to 1",
            f"temperature = 1 / {scale:g} = {1 / scale:.4g}",
        )
        return columns(chart, table(["text", "cosine", "scaled", "share"], rows)) + equation(*told)
