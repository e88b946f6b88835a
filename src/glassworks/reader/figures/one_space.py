"""Three captions as arrows of length 1, and a picture that the reader turns: which caption is nearest?

The encoders give vectors of any length; divided by it they lie on a circle (with 512 numbers, on a sphere),
and the product of two of them is the cosine of the angle between them. So only the direction counts.
The first thing to change: `CAPTIONS`, where each caption points, in degrees.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from glassworks.reader.draw import columns, note, table
from glassworks.reader.figure import Figure, Slider

CAPTIONS = {"a red flower": 20, "a yellow flower": 55, "a fire engine": 160}
PENS = ("a", "b", "c")
WIDE, HIGH, UNIT = 340, 260, 82  # pixels of the drawing; pixels of a length of 1


def vector(degrees: float, length: float = 1.0) -> Tensor:
    """float64 (2,)"""
    angle = math.radians(degrees)
    return length * torch.tensor([math.cos(angle), math.sin(angle)], dtype=torch.float64)


def compared(turn: float, length: float) -> tuple[Tensor, Tensor]:
    """Products of the picture's vector with the captions' as they come, and cosines, (3,) each."""
    picture = vector(turn, length)
    texts = torch.stack([vector(degrees) for degrees in CAPTIONS.values()])
    return texts @ picture, F.normalize(texts, dim=-1) @ F.normalize(picture, dim=-1)


class OneSpace(Figure):
    title = "Pictures and captions as arrows"
    says = (
        "The picture's arrow is compared with the arrow of each caption. The cosine depends on the angle "
        "alone: a longer arrow changes the products and no cosine."
    )
    controls = (
        Slider("turn", "the picture points to, degrees", 0, 355, step=5, value=30, unit="°"),
        Slider("length", "length before it is made 1", 0.5, 1.5, step=0.25, value=1.5),
    )

    def draw(self, turn: float, length: float, **_: Any) -> str:
        products, cosines = compared(turn, length)
        rows = [
            [name, f"{degrees}°", f"{product:+.3f}", f"{cosine:+.3f}"]
            for (name, degrees), product, cosine in zip(CAPTIONS.items(), products.tolist(), cosines.tolist())
        ]
        found = table(["caption", "points to", "product", "cosine"], rows)
        best = list(CAPTIONS)[int(cosines.argmax())]
        told = f'Nearest is "{best}", at a cosine of {float(cosines.max()):.3f}. One of the three always is.'
        return columns(_circle(turn, length), found) + note(told)


def _circle(turn: float, length: float) -> str:
    x0, y0 = WIDE / 2, HIGH / 2
    parts = [f'<circle class="axis" cx="{x0}" cy="{y0}" r="{UNIT}" style="fill:none"/>']
    for pen, (name, degrees) in zip(PENS, CAPTIONS.items()):
        x, y = _place(vector(degrees))
        parts.append(f'<path class="key {pen}" d="M{x0} {y0}L{x:.1f} {y:.1f}"/>')
        parts.append(f'<circle class="{pen}" cx="{x:.1f}" cy="{y:.1f}" r="5"/>')
        parts.append(_words(name, vector(degrees, 1.12), x > x0))
    x, y = _place(vector(turn, length))
    parts.append(f'<path class="dash" d="M{x0} {y0}L{x:.1f} {y:.1f}"/>')
    x, y = _place(vector(turn))
    parts.append(f'<path d="M{x0} {y0}L{x:.1f} {y:.1f}" style="stroke:var(--ink);stroke-width:3"/>')
    parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" style="fill:var(--ink)"/>')
    parts.append(_words("picture", vector(turn - 16, 0.45), x > x0))
    told = f"captions at {', '.join(map(str, CAPTIONS.values()))} degrees, the picture at {turn:g}"
    return (
        f'<svg class="chart" viewBox="0 0 {WIDE} {HIGH}" width="{WIDE}" role="img" aria-label="{told}">'
        f"{''.join(parts)}</svg>"
    )


def _words(words: str, at: Tensor, right: bool) -> str:
    x, y = _place(at)
    return f'<text x="{x:.0f}" y="{y + 4:.0f}" text-anchor="{"start" if right else "end"}">{words}</text>'


def _place(at: Tensor) -> tuple[float, float]:
    """Pixels from the left and from the top."""
    x, y = at.tolist()
    return WIDE / 2 + UNIT * x, HIGH / 2 - UNIT * y
