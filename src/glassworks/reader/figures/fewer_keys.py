"""PVT's attention over a photograph: every token keeps its question, and all ask the same smaller map.

Left the tokens of a stage, right the places that keys and values come from. One token is marked; it asks all
the places on the right, each of which a learned filter has made of so many tokens.
The first thing to change: `REDUCTIONS`.
"""

from typing import Any

import numpy as np
from PIL import Image

from glassworks.models.vision.pvt import PVTConfig
from glassworks.reader.draw import columns, heading, note, picture, table
from glassworks.reader.figure import Choose, Figure, Slider
from glassworks.reader.figures.token_grid import lit, pictures, squared

SIDE, REDUCTIONS = 336, (8, 4, 2, 1)  # pixels that the pictures are drawn with


def products(side: int, stage: int, reduction: int) -> tuple[int, int, int]:
    """Queries, keys and the multiply-adds of the maps in one block, without a class token."""
    config = PVTConfig(height=side, width=side)
    rows, columns_ = config.grids[stage]
    queries = rows * columns_
    keys = (rows // reduction) * (columns_ // reduction)
    return queries, keys, 2 * queries * keys * config.widths[stage]


class FewerKeys(Figure):
    title = "All ask, few are asked"
    says = (
        "In PVT's first stage 3,136 tokens ask a map of 7 × 7 places, so the attention maps are 64 times "
        "smaller. No token is lost: as many come out as went in."
    )
    controls = (
        Choose("reduction", "the map is smaller on a side by", {f"{r} times": r for r in REDUCTIONS}),
        Choose("stage", "stage", {f"{place + 1}": place for place in range(3)}),
        Slider("token", "token", 0, 195, step=1, value=100),
        pictures(),
    )

    def draw(self, reduction: int, stage: int, token: int, name: str, **_: Any) -> str:
        rows = PVTConfig().grids[stage][0]
        keys_side = rows // reduction
        every = rows // 14  # the slider counts 14 x 14 places of any stage
        place = (token // 14 * every, token % 14 * every)
        cell = SIDE // rows
        everything = np.ones((rows, rows), bool)
        asks = lit(squared(name, rows * cell), everything, token=place)
        small = Image.fromarray(squared(name, 448)).resize((keys_side, keys_side), Image.Resampling.BOX)
        asked = np.asarray(small.resize((SIDE, SIDE), Image.Resampling.NEAREST))
        queries, keys, work = products(224, stage, reduction)
        full = products(224, stage, 1)[2]
        large = products(448, stage, reduction)[2]
        cells = [
            ["tokens that ask", f"{queries:,}"],
            ["places that are asked", f"{keys:,}"],
            ["multiply-adds of the maps, million", f"{work / 1e6:,.1f}"],
            ["with all keys, million", f"{full / 1e6:,.1f}"],
            ["times less", f"{full / work:.1f}"],
            ["at 448 pixels, times as much", f"{large / work:.1f}"],
        ]
        usual = PVTConfig().reductions[stage]
        told = f"PVT takes {usual} in stage {stage + 1}. "
        told += (
            "The squares on the right have the mean colour of their pixels, to say how coarse the map is. "
            "What stands there is made by a filter with learned weights."
            if reduction > 1
            else "With 1 there is no filter: all tokens are asked."
        )
        return columns(
            heading("who asks") + picture(asks, f"{rows} × {rows} tokens; one is marked", width=SIDE),
            heading("who is asked") + picture(asked, f"{keys_side} × {keys_side} places", width=SIDE),
            table(["one block, 224 pixels", ""], cells),
        ) + note(told)  # fmt: skip
