"""One kernel at one place: nine pixels, nine weights, nine products, one sum, and the map of all such sums.

The pointer moves the kernel over the photograph or over its map; sliders do the same. What the figure
multiplies is what `F.conv2d` multiplies.
The first thing to change: `SIDE`, pixels of the photograph on a side.
"""

import numpy as np

from glassworks.core.page import picture_uri
from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure, OwnPicture, Slider
from glassworks.reader.figures.kernels import KERNELS, kernel, shown, slid
from glassworks.reader.figures.own_picture import choose_photograph, grey

SIDE, WIDE = 48, 288  # pixels of the picture; pixels of the drawing


class KernelUnderPointer(Figure):
    title = "Nine products and one sum"
    says = (
        "Press on the picture, or draw across it, and the kernel stands there. Nine pixels are multiplied by "
        "nine weights and added up. The sum is one number of the map."
    )
    controls = (
        choose_photograph("a cat"),
        OwnPicture(),
        Choose("weights", "kernel", {name: name for name in KERNELS}),
        Slider("row", "row", 0, SIDE - 3, step=1, value=12),
        Slider("column", "column", 0, SIDE - 3, step=1, value=20),
    )

    def draw(self, name: str, own: str, weights: str, row: int, column: int) -> str:
        picture, w = grey(name, own, SIDE), kernel(weights)
        window = picture[row : row + 3, column : column + 3]
        answers = slid(picture, w)
        photo = pointed(picture.numpy().astype(np.uint8), row, column, 3, "the picture, 48 × 48 pixels")
        drawn = pointed(shown(answers, weights), row, column, 1, "map of the kernel, 46 × 46 numbers")
        decimals = 0 if bool((w == w.round()).all()) else 2
        grids = draw.columns(
            draw.number_grid(window.numpy(), title="pixels below it", decimals=0, most=255),
            draw.number_grid(w.numpy(), title=f"kernel: {weights}", decimals=decimals),
            draw.number_grid((window * w + 0.0).numpy(), title="products", decimals=0, most=255),
        )
        total = float(answers[row, column])
        return draw.columns(photo, drawn) + grids + draw.text(_told(total, row, column, weights))


def _told(total: float, row: int, column: int, weights: str) -> str:
    where = f"The sum of the products is {total:.0f}: row {row}, column {column} of the map. "
    if weights not in ("upright edges", "level edges"):
        return where
    first, other = ("left", "right") if weights == "upright edges" else ("top", "bottom")
    if abs(total) < 60:
        return where + "Both sides are nearly alike, so the products cancel: no edge here."
    side = first if total > 0 else other
    return where + f"The {side} side is the brighter one."


def pointed(pixels: np.ndarray, row: int, column: int, size: int, told: str) -> str:
    """A picture on which a pointer moves the sliders `row` and `column`, with a frame at their place."""
    uri, _ = picture_uri(pixels, WIDE)
    high, wide = pixels.shape[:2]
    frame = (
        f"left:{100 * column / wide:.2f}%;top:{100 * row / high:.2f}%;width:{100 * size / wide:.2f}%;"
        f"height:{100 * size / high:.2f}%;position:absolute;outline:2px solid "
        "var(--bad);min-width:4px;min-height:4px"
    )
    return (
        f'<figure style="width:{WIDE}px"><div data-across="column" data-down="row" style="position:relative">'
        f'<img class="pixels" src="{uri}" alt="{told}" style="width:100%;border-radius:0;border:0">'
        f'<div style="{frame}"></div></div><figcaption>{told}</figcaption></figure>'
    )
