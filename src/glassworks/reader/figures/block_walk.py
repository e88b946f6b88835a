"""A walk through one block of a Vision Transformer: what each part takes, gives, weighs and multiplies.

The block is the installed one, built without memory for its numbers; parameters are counted on it. Switching
the norm moves two stations and changes no count.
The first thing to change: `SIZES`.
"""

import html
from functools import cache
from typing import Any, Literal

import torch

from glassworks.blocks.encoder_block import BlockConfig, EncoderBlock
from glassworks.models.vision.vit import VARIANTS
from glassworks.reader.draw import columns, note, table
from glassworks.reader.figure import Choose, Figure, Steps

SIZES = {"ViT-B/16": "b16", "ViT-L/16": "l16", "ViT-S/16": "s16", "ViT-Ti/16": "ti16"}
TOKENS = 197
Norm = Literal["pre", "post"]
PRE = ("norm1", "attention", "add1", "norm2", "mlp", "add2")
POST = ("attention", "add1", "norm1", "mlp", "add2", "norm2")
NAMES = {
    "norm1": "layer norm", "norm2": "layer norm", "attention": "attention", "mlp": "MLP",
    "add1": "+", "add2": "+",
}  # fmt: skip


@cache
def parameters(size: str) -> dict[str, int]:
    """Numbers of each part of a block: norm1, attention, norm2, mlp."""
    shape = VARIANTS[size]
    with torch.device("meta"):
        block = EncoderBlock(shape["dimension"], BlockConfig(**shape["block"]))
    parts = {name: getattr(block, name) for name in ("norm1", "attention", "norm2", "mlp")}
    return {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()}


def multiply_adds(size: str) -> dict[str, int]:
    """Of one picture of 197 tokens; attention has its four matrices and the two products with the maps."""
    width = VARIANTS[size]["dimension"]
    inner = round(width * BlockConfig().ratio)
    layers, in_maps = 4 * TOKENS * width**2, 2 * TOKENS**2 * width
    return {"attention": layers + in_maps, "mlp": 2 * TOKENS * width * inner}


def told(size: str, part: str) -> str:
    """What happens at a station."""
    width, heads = VARIANTS[size]["dimension"], VARIANTS[size]["block"]["heads"]
    inner = round(width * BlockConfig().ratio)
    if part.startswith("norm"):
        return (
            f"Each token alone: its {width:,} numbers are brought to mean 0 and spread 1, then scaled and "
            "moved by learned numbers. No other token and no other picture matters."
        )
    if part == "attention":
        return (
            f"One matrix makes query, key and value: ({TOKENS}, {width:,}) to ({TOKENS}, {3 * width:,}). "
            "Split "
            f"into {heads} heads of {width // heads} numbers: maps of ({heads}, {TOKENS}, {TOKENS}). Joined "
            "again and projected. The only place where tokens meet."
        )
    if part == "mlp":
        return (
            f"Each token alone: widened from {width:,} to {inner:,} numbers, GELU, narrowed to {width:,}. "
            "Most of a block's parameters are here."
        )
    return "The correction is added to what went round it: a residual connection, which has no weights."


class BlockWalk(Figure):
    title = "A walk through one block"
    says = (
        "A block is attention and an MLP, each with a norm and a way round it. The shape of the tokens never "
        "changes, so blocks can be stacked; two thirds of the parameters are in the MLP."
    )
    controls = (
        Choose("size", "model", SIZES),
        Choose("norm", "the norm stands", {"before a branch (pre)": "pre", "after a sum (post)": "post"}),
        Steps("station", "station", 1, 6, value=2),
    )

    def draw(self, size: str, norm: Norm, station: int, **_: Any) -> str:
        order = PRE if norm == "pre" else POST
        here = order[station - 1]
        counts, products = parameters(size), multiply_adds(size)
        rows = []
        for number, part in enumerate(order, 1):
            mark = f"{number}. {NAMES[part]}"
            weights = f"{counts[part]:,}" if part in counts else "0"
            work = f"{products[part] / 1e6:,.0f} million" if part in products else "–"
            rows.append([(mark, "good") if part == here else mark, weights, work])
        work = f"{sum(products.values()) / 1e6:,.0f} million"
        rows.append(["the block", f"{sum(counts.values()):,}", work])
        width = VARIANTS[size]["dimension"]
        shape = f"In and out of every station: {TOKENS} tokens of {width:,} numbers."
        parts = table(["station", "parameters", "multiply-adds a picture"], rows)
        return columns(_drawn(order, station), parts) + note(told(size, here)) + note(shape)


def _drawn(order: tuple[str, ...], station: int) -> str:
    """The stations from top to bottom, with the two ways round."""
    middle, step, parts, starts = 96, 52, [], {"add1": 0.0, "add2": 0.0}
    place = {part: 40 + step * number for number, part in enumerate(order)}
    # The way round leaves before the first station of its branch.
    first = {"add1": order[0], "add2": order[order.index("add1") + (1 if order is PRE else 2)]}
    for add in starts:
        top, end = place[first[add]] - 28, place[add]
        parts.append(
            f'<path d="M{middle} {top}H176V{end}H{middle + 16}" '
            'style="fill:none;stroke:var(--good);stroke-width:3"/>'
        )
    down = f'<path d="M{middle} 2V{place[order[-1]] + 40}" style="stroke:var(--soft);stroke-width:2"/>'
    parts.insert(0, down)
    for number, part in enumerate(order, 1):
        y, on = place[part], number == station
        fill, ink = ("var(--accent)", "var(--card)") if on else ("var(--card)", "var(--ink)")
        wide = 15 if part.startswith("add") else 56
        parts.append(
            f'<rect x="{middle - wide}" y="{y - 15}" width="{2 * wide}" height="30" rx="15" fill="{fill}" '
            f'stroke="var(--accent)" stroke-width="2"/>'
            f'<text x="{middle}" y="{y + 5}" text-anchor="middle" style="fill:{ink};font-size:15px">'
            f"{html.escape(NAMES[part])}</text>"
        )
    high = place[order[-1]] + 44
    said = ", ".join(NAMES[part] if NAMES[part] != "+" else "sum" for part in order)
    name = html.escape(f"a block from top to bottom: {said}; station {station} is marked", quote=True)
    return (
        f'<svg class="chart" viewBox="0 0 190 {high}" width="190" role="img" aria-label="{name}">'
        f"{''.join(parts)}</svg>"
    )
