"""Recipes of the Pyramid Vision Transformer: `tiny` takes seconds, `small` is to use, `paper` is theirs."""

from dataclasses import asdict
from typing import Any

from glassworks.models.vision.pvt import VARIANTS, PVTConfig
from glassworks.recipes.base import Facts, Recipe, Size
from glassworks.recipes.pictures import augmentation_for, input_for, side_for
from glassworks.recipes.vit import PAPER_AUGMENT, training_for

UNIT = 32  # pixels: the published shapes take whole multiples of it
FINE = 64  # pixels: smaller pictures are cut into squares of 2, so that the last stage still has a grid
TINY: dict[str, Any] = {
    "depths": (1, 1, 1, 1), "widths": (16, 32, 48, 64), "heads": (1, 2, 3, 4),
    "ratios": (4.0, 4.0, 4.0, 4.0), "reductions": (4, 2, 1, 1),
}  # fmt: skip


def recipe(size: Size, variant: str, facts: Facts) -> Recipe:
    """The PVT for this data at a size."""
    side = {"tiny": 32, "small": side_in_units(facts), "paper": 224}[size]
    shape = VARIANTS[variant] | (TINY if size == "tiny" else {"drop_path": 0.1})
    config = PVTConfig(
        height=side, width=side, channels=facts.channels, classes=facts.outputs,
        patch=4 if side >= FINE else 2, **shape,
    )  # fmt: skip
    return Recipe(
        system="pvt",
        variant=variant,
        size=size,
        input=input_for(size, side, facts),
        model=asdict(config),
        augment=PAPER_AUGMENT if size == "paper" else augmentation_for(facts),
        training=training_for(size, facts),
    )


def side_in_units(facts: Facts, most: int = 128) -> int:
    """The pictures' own size up to `most`, in whole multiples of 32."""
    return max(UNIT, round(side_for(facts, most, UNIT) / UNIT) * UNIT)
