"""What larger pictures cost one block: the linear maps grow with the tokens, attention with their square.

With N tokens of width D the linear maps take 12 N D² multiply-adds and the maps of attention 2 N² D. N grows
with the area of the picture, so the second part grows with the fourth power of its side.
The first thing to change: `WIDTH`, that of ViT-B.
"""

from typing import Any

from glassworks.blocks.patches import grid_of
from glassworks.reader.draw import line_chart, note, table
from glassworks.reader.figure import Choose, Figure, Slider

WIDTH, HEADS, USUAL = 768, 12, 224


def tokens_of(side: int, patch: int) -> int:
    """Tokens with the class token."""
    rows, columns = grid_of(side, side, patch)
    return 1 + rows * columns


def cost(tokens: int, width: int = WIDTH) -> tuple[int, int]:
    """Multiply-adds of one block: of its linear maps, and of queries x keys with weights x values."""
    return 12 * tokens * width**2, 2 * tokens**2 * width


class PriceOfPixels(Figure):
    title = "What a larger picture costs one block"
    says = (
        "From 224 to 384 pixels a block of ViT-B/16 costs 3.16 times as much. The linear maps are most of "
        "it; attention's share grows faster, and overtakes them where there are more tokens than six widths."
    )
    controls = (
        Slider("side", "pixels on a side", 64, 1536, step=32, value=384),
        Choose("patch", "pixels on a side of a patch", {"16": 16, "32": 32, "8": 8}),
    )

    def draw(self, side: int, patch: int, **_: Any) -> str:
        before, after = (tokens_of(pixels, patch) for pixels in (USUAL, side))
        parts = [
            (name, cost(before)[i], cost(after)[i]) for i, name in enumerate(("linear maps", "attention"))
        ]
        parts.append(("together", sum(cost(before)), sum(cost(after))))
        rows = [["tokens", f"{before:,}", f"{after:,}", f"{after / before:.2f}"]]
        rows += [[name, f"{old:,}", f"{new:,}", f"{new / old:.2f}"] for name, old, new in parts]
        cells = [HEADS * tokens**2 for tokens in (before, after)]
        rows.append(
            ["numbers in the attention maps", *(f"{n:,}" for n in cells), f"{cells[1] / cells[0]:.2f}"]
        )
        found = table(["multiply-adds of one block", f"{USUAL} pixels", f"{side} pixels", "times"], rows)
        return _chart(side, patch) + found + note(
            f"ViT-B: width {WIDTH}, {HEADS} heads, twelve such blocks. The picture has "
            f"{(side / USUAL) ** 2:.2f} times as many pixels."
        )  # fmt: skip


def _chart(side: int, patch: int) -> str:
    sides = range(64, 1537, 64)
    costs = {pixels: cost(tokens_of(pixels, patch)) for pixels in sides}
    curves = {
        name: [(pixels, costs[pixels][place] / 1e9) for pixels in sides]
        for place, name in enumerate(("linear maps", "attention"))
    }
    return line_chart(
        curves, across="pixels on a side", up="billions of multiply-adds", logarithmic="y",
        marks=[(side, f"{side}")], width=420, height=240,
    )  # fmt: skip
