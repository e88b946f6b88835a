"""What the maps cost when they are written down, and that leaving them out changes nothing in the answer.

Written out, attention keeps a weight for every pair of tokens, head and picture. A fused kernel goes through
the keys in pieces and keeps one number a row. Both are the installed function; a hook on its `Maps` makes the
difference, and the two answers are compared here and now.
The first thing to change: `BATCH`.
"""

from functools import lru_cache
from typing import Any

import torch

from glassworks.blocks.attention import Maps, attend
from glassworks.models.vision.vit import VARIANTS
from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Choose, Figure, Slider

BATCH, BYTES = 32, 4  # pictures; bytes of a number in fp32
SIDES = range(224, 1025, 32)
COMPARED = 197  # tokens, at most, in the comparison
NAMES = {"ViT-B/16": "b16", "ViT-B/8": "b8", "ViT-B/32": "b32", "ViT-S/16": "s16", "ViT-Ti/16": "ti16"}


def tokens_of(side: int, patch: int) -> int:
    """Patches of a square picture, and the class token."""
    return (side // patch) ** 2 + 1


def map_bytes(tokens: int, heads: int) -> int:
    """Of one block's maps for a batch, written down."""
    return BATCH * heads * tokens**2 * BYTES


def row_bytes(tokens: int, heads: int) -> int:
    """What a fused kernel keeps for the backward pass instead: one number a row."""
    return BATCH * heads * tokens * BYTES


@lru_cache(maxsize=64)
def largest_difference(tokens: int, heads: int) -> float:
    """Between the answers of both paths, for random numbers of spread 1."""
    dice = torch.Generator().manual_seed(tokens)
    query, key, value = torch.randn(3, 1, heads, tokens, 64, generator=dice)
    listening = Maps()
    handle = listening.register_forward_hook(lambda module, given, out: None)
    written = attend(query, key, value, maps=listening)
    handle.remove()
    return float((written - attend(query, key, value)).abs().max())


class CostOfMaps(Figure):
    title = "What the maps cost"
    says = (
        "Twice the side is about four times the tokens and sixteen times the weights in the maps. A fused "
        "kernel never writes them down, and gives the same answer up to rounding."
    )
    controls = (
        Slider("side", "side, pixels", SIDES[0], SIDES[-1], step=32, value=224),
        Choose("name", "model", NAMES),
    )

    def draw(self, side: int, name: str, **_: Any) -> str:
        patch, heads = VARIANTS[name]["patch"], VARIANTS[name]["block"]["heads"]
        tokens = tokens_of(side, patch)
        written, fused = map_bytes(tokens, heads), row_bytes(tokens, heads)
        rows = [
            ["tokens", f"{tokens:,}"],
            ["one map", f"{tokens:,} × {tokens:,}"],
            [f"maps of one block, {heads} heads, {BATCH} pictures, fp32", _size(written)],
            ["what a fused kernel keeps instead", _size(fused)],
            [f"largest difference of the answers ({min(tokens, COMPARED)} tokens)",
             f"{largest_difference(min(tokens, COMPARED), heads):.1e}"],
        ]  # fmt: skip
        curves = {
            "maps written down": [(s, map_bytes(tokens_of(s, patch), heads) / 1e6) for s in SIDES],
            "fused": [(s, row_bytes(tokens_of(s, patch), heads) / 1e6) for s in SIDES],
        }
        chart = line_chart(
            curves, across="side, pixels", up="MB a block", logarithmic="y", marks=[(side, "here")],
            width=380, height=240,
        )  # fmt: skip
        told = "Training keeps the maps of every block until the backward pass; answering keeps one block's."
        return columns(table(["", "here"], rows), chart) + note(told)


def _size(count: int) -> str:
    """Bytes as people read them."""
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
