"""What a picture costs three networks of about the same size, as it grows: ViT-S/16, Swin-T and PVT-Small.

All numbers come from formulas over shapes: products of layers, which grow with the tokens, and products of
attention maps, which grow with queries times keys. At 224 pixels the three cost about the same. ViT's maps
then grow with the square of the pixels; PVT's too, from a smaller start; Swin's with the pixels.
The first thing to change: `MOST`, pixels on a side at the right end.

Axes: tokens N, numbers a token D; a block's layers take 12 N D^2 products, its maps 2 N^2 D.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from glassworks.models.vision.pvt import VARIANTS as PVTS
from glassworks.models.vision.pvt import PVTConfig
from glassworks.models.vision.swin import VARIANTS as SWINS
from glassworks.models.vision.swin import SwinConfig, Windows, window_cost
from glassworks.models.vision.vit import VARIANTS as VITS
from glassworks.models.vision.vit import ViTConfig
from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Choose, Figure, Slider

LEAST, MOST, STEP = 224, 1024, 32
HALF, SINGLE = 2, 4  # bytes a number


@dataclass(frozen=True)
class Work:
    """Of one picture. layers, maps: multiply-adds; numbers, rows: of the maps of the largest block"""

    layers: int
    maps: int
    numbers: int
    rows: int

    @property
    def total(self) -> int:
        return self.layers + self.maps


def block_cost(tokens: int, dimension: int) -> tuple[int, int]:
    """Multiply-adds of a ViT's block: its layers 12 N D^2, its maps 2 N^2 D."""
    return 12 * tokens * dimension**2, 2 * tokens**2 * dimension


@lru_cache(maxsize=256)
def vit(side: int) -> Work:
    """ViT-S/16: every token with every token, the class token included."""
    config = ViTConfig(height=side, width=side, **VITS["s16"])
    patches, width, heads = (side // config.patch) ** 2, config.dimension, config.block.heads
    layers, maps = block_cost(patches + 1, width)
    ends = patches * 3 * config.patch**2 * width + width * config.classes
    numbers = heads * (patches + 1) ** 2
    return Work(config.depth * layers + ends, config.depth * maps, numbers, heads * (patches + 1))


@lru_cache(maxsize=256)
def swin(side: int) -> Work:
    """Swin-T: windows of 7 x 7; what fills the map up to whole windows is computed as well."""
    config = SwinConfig(height=side, width=side, **SWINS["t"])
    grids, widths = config.grids, config.widths
    layers = grids[0][0] * grids[0][1] * 3 * config.patch**2 * widths[0] + widths[-1] * config.classes
    maps, largest = 0, (0, 0)
    for stage, ((rows, long), width) in enumerate(zip(grids, widths, strict=True)):
        windows, depth, heads = Windows(rows, long, config.window), config.depths[stage], config.heads[stage]
        tokens, filled = rows * long, windows.count * config.window**2
        layers += depth * (3 * filled + 9 * tokens) * width**2  # three of twelve are made before the cut
        layers += tokens * 2 * width * width if stage else 0  # merging: 2 D numbers of before become D
        maps += depth * window_cost(rows, long, width, config.window)
        largest = max(largest, (heads * filled * config.window**2, heads * filled))
    return Work(layers, maps, *largest)


@lru_cache(maxsize=256)
def pvt(side: int) -> Work:
    """PVT-Small: all queries, and keys of a map that is smaller on each side."""
    config = PVTConfig(height=side, width=side, **PVTS["s"])
    layers, maps, largest, before = config.widths[-1] * config.classes, 0, (0, 0), 3 * config.patch**2
    for stage, (rows, long) in enumerate(config.grids):
        width, heads, less = config.widths[stage], config.heads[stage], config.reductions[stage]
        layers += rows * long * before * width
        tokens = rows * long + (1 if stage == 3 else 0)
        keys = tokens // less**2
        block = (2 + 2 * config.ratios[stage]) * tokens + 2 * keys + (tokens if less > 1 else 0)
        layers += config.depths[stage] * int(block) * width**2
        maps += config.depths[stage] * 2 * tokens * keys * width
        largest = max(largest, (heads * tokens * keys, heads * tokens))
        before = 4 * width
    return Work(layers, maps, *largest)


MODELS: dict[str, Callable[[int], Work]] = {"ViT-S/16": vit, "Swin-T": swin, "PVT-Small": pvt}
SHOWN: dict[str, tuple[str, Callable[[Work], float]]] = {
    "all": ("billion multiply-adds", lambda work: work.total / 1e9),
    "maps": ("billion multiply-adds", lambda work: work.maps / 1e9),
    "layers": ("billion multiply-adds", lambda work: work.layers / 1e9),
    "memory": ("MB, half precision", lambda work: HALF * work.numbers / 1e6),
    "fused": ("MB, single precision", lambda work: SINGLE * work.rows / 1e6),
}


class CostOverPixels(Figure):
    title = "What a larger picture costs"
    says = (
        "At 224 pixels a side three networks cost about the same. At 800 the plain ViT costs nearly twice "
        "as much as Swin, and half of that are attention maps. A fused kernel keeps their memory small all "
        "the same."
    )
    controls = (
        Slider("side", "pixels on a side", LEAST, MOST, step=STEP, value=800),
        Choose("what", "show", {
            "all multiply-adds": "all",
            "attention maps alone": "maps",
            "layers alone": "layers",
            "memory of the maps, written down": "memory",
            "memory of the maps, fused kernel": "fused",
        }),
    )  # fmt: skip

    def draw(self, side: int, what: str, **_: Any) -> str:
        up, of = SHOWN[what]
        sides = range(LEAST, MOST + 1, STEP)
        chart = line_chart(
            {name: [(one, of(cost(one))) for one in sides] for name, cost in MODELS.items()},
            across="pixels on a side", up=up, marks=[(side, "here")], width=430, height=290,
        )  # fmt: skip
        rows = []
        for name, cost in MODELS.items():
            here, first = cost(side), cost(LEAST)
            rows.append([
                name, f"{here.layers / 1e9:.1f}", f"{here.maps / 1e9:.1f}", f"{here.total / 1e9:.1f}",
                f"{here.total / first.total:.1f}", _bytes(HALF * here.numbers), _bytes(SINGLE * here.rows),
            ])  # fmt: skip
        head = ["one picture", "layers, billion", "maps, billion", "both", f"times {LEAST} px",
                "largest maps, written", "fused"]  # fmt: skip
        pixels = (side / LEAST) ** 2
        told = (
            f"{side} × {side} pixels are {pixels:.1f} times {LEAST} × {LEAST}, and {(side // 16) ** 2:,} "
            "patches of 16 pixels. Memory: the maps of one block in half precision, and what a fused kernel "
            "keeps of them, one number of four bytes for each row."
        )
        return columns(chart, table(head, rows)) + note(told)


def _bytes(count: float) -> str:
    return f"{count / 1e6:,.1f} MB"
