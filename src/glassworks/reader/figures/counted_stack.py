"""A network built with sliders, and what each part of it costs: parameters, multiply-adds, field of view.

The model is the installed CNN, made without its random start, since only shapes matter; `stage_costs` sends
one picture through and counts. So every figure is that of the network which would be trained.
First thing to change: `WIDTHS`, the filters of the first stage.
"""

from functools import lru_cache
from typing import Any

import torch

from glassworks.insight.cost import StageCost, stage_costs
from glassworks.models.vision.cnn import VARIANTS, CNNConfig, build
from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure, Slider, Toggle

WIDTHS = {"8": 8, "16": 16, "32": 32}
SIDES = {"32 × 32": 32, "48 × 48": 48, "64 × 64": 64}
HIDDEN = {"64": 64, "256": 256, "512": 512}


@lru_cache(maxsize=256)
def costs(widths: tuple[int, ...], side: int, hidden: int, batch_norm: bool = True) -> tuple[StageCost, ...]:
    """The parts of a CNN for colour pictures and ten classes, in the order of the forward pass."""
    config = CNNConfig(height=side, width=side, widths=widths, hidden=hidden, batch_norm=batch_norm)
    with torch.device("meta"):  # where a start costs nothing
        model = build(config)
    return tuple(stage_costs(model.to_empty(device="cpu"), torch.zeros(1, 3, side, side)))


def variant_costs(variant: str) -> tuple[StageCost, ...]:
    """The parts of one of the workbench's variants, for colour pictures of 32 x 32."""
    given = VARIANTS[variant]
    return costs(given["widths"], 32, given["hidden"], given.get("batch_norm", False))


def in_words(name: str) -> str:
    """ "stages.2" -> "stage 3" """
    number = name.partition(".")[2]
    return f"stage {int(number) + 1}" if number else name


def shown_costs(parts: tuple[StageCost, ...]) -> str:
    """The parts with their sums, in two tables that stand below each other on a telephone."""
    bills = [[in_words(part.name), f"{part.parameters:,}", f"{part.multiply_adds:,}"] for part in parts]
    bills.append(["together", f"{parameters_of(parts):,}", f"{products_of(parts):,}"])
    maps = [
        [
            in_words(part.name),
            " × ".join(str(number) for number in part.shape),
            f"{part.receptive_field} pixels" if part.receptive_field else "all",
        ]
        for part in parts
    ]
    return draw.columns(
        draw.table(["part", "parameters", "multiply-adds"], bills),
        draw.table(["part", "gives", "sees"], maps),
    )


def parameters_of(parts: tuple[StageCost, ...]) -> int:
    return sum(part.parameters for part in parts)


def products_of(parts: tuple[StageCost, ...]) -> int:
    return sum(part.multiply_adds for part in parts)


class CountedStack(Figure):
    title = "Build a network and read its bill"
    says = (
        "Parameters, multiply-adds and field of view are three different figures. One more stage often makes "
        "a network smaller, because it leaves the first dense layer a quarter of the places."
    )
    controls = (
        Slider("stages", "stages", 1, 5, step=1, value=4),
        Choose("width", "filters of the first stage", WIDTHS, value="16"),
        Toggle("doubled", "twice the filters in each next stage", value=True),
        Choose("side", "picture", SIDES),
        Choose("hidden", "numbers behind the first dense layer", HIDDEN, value="256"),
    )

    def draw(self, stages: int, width: int, doubled: bool, side: int, hidden: int, **_: Any) -> str:
        widths = tuple(width * (2**place if doubled else 1) for place in range(stages))
        parts = costs(widths, side, hidden)
        dense = next(part for part in parts if part.name == "dense")
        share = dense.parameters / parameters_of(parts)
        last = [part for part in parts if part.name.startswith("stages")][-1]
        told = f"{share:.0%} of the parameters stand in the first dense layer. " + _sees(last, side)
        return (
            shown_costs(parts)
            + draw.text(told)
            + draw.columns(
                draw.heading("Parameters, in thousands")
                + draw.bar_chart([(in_words(p.name), p.parameters / 1e3) for p in parts], width=360),
                draw.heading("Multiply-adds, in millions")
                + draw.bar_chart([(in_words(p.name), p.multiply_adds / 1e6) for p in parts], width=360),
            )
        )


def _sees(last: StageCost, side: int) -> str:
    reach = last.receptive_field
    if reach >= side:
        return f"One number of the last map sees {reach} pixels on a side: all of the picture, or nearly."
    return f"One number of the last map sees {reach} of {side} pixels on a side."
