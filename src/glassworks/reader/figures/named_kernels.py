"""The same photograph through several kernels, and how strong the edges are in whatever direction.

The maps of the upright and of the level edges are the two parts of a slope; the root of the sum of their
squares is its size, whatever way the edge runs.
The first thing to change: `SIDE`, pixels of the photograph on a side.
"""

import torch

from glassworks.reader import draw
from glassworks.reader.figure import Figure, OwnPicture, Toggle
from glassworks.reader.figures.kernels import KERNELS, kernel, shown, slid
from glassworks.reader.figures.own_picture import choose_photograph, grey

SIDE = 128
SHOWN = tuple(name for name in KERNELS if name != "as it is")


class NamedKernels(Figure):
    title = "One picture, six kernels"
    says = (
        "Nine numbers decide what a kernel finds. Middle grey is 0 in the maps of edges: bright and dark "
        "are the two directions. ReLU keeps one of them; the other needs a kernel of its own."
    )
    controls = (
        choose_photograph("a rocket"),
        OwnPicture(),
        Toggle("cut", "ReLU: negative numbers become 0"),
    )

    def draw(self, name: str, own: str, cut: bool) -> str:
        picture = grey(name, own, SIDE)
        maps = {one: slid(picture, kernel(one)) for one in SHOWN}
        rows = [(shown(picture, "as it is"), "the picture")]
        rows += [(shown(one.relu() if cut else one, name), name) for name, one in maps.items()]
        strength = (maps["upright edges"].square() + maps["level edges"].square()).sqrt()
        rows.append(
            ((strength / 2).clamp(0, 255).to(torch.uint8).numpy(), "strength of edges, any direction")
        )
        still = float((maps["upright edges"].abs() < 30).double().mean())
        told = (
            f"For upright edges {still:.0%} of the numbers lie near 0: most places of a picture are no edge."
        )
        return draw.pictures(rows, width=140) + draw.note(told)
