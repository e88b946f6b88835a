"""Recipes of Swin: `tiny` learns in seconds, `small` is the one to use, `paper` is theirs."""

from dataclasses import asdict
from typing import Any

from glassworks.models.vision.swin import VARIANTS, SwinConfig
from glassworks.recipes.base import Facts, Recipe, Size
from glassworks.recipes.pictures import augmentation_for, input_for
from glassworks.recipes.vit import PAPER_AUGMENT, side_in_patches, training_for

TINY = {"dimension": 48, "depths": (2, 2), "heads": (3, 6), "window": 4}
TINY_RATE = 4e-3  # twice that of a ViT as small: 97 % of the digits instead of 94 %
# The larger the network, the more of it is skipped.
PAPER_DROP_PATH = {"t": 0.2, "s": 0.3, "b": 0.5}
SMALL_SIDE = 64  # pixels: up to here patches of 2, so that there are windows to move


def recipe(size: Size, variant: str, facts: Facts) -> Recipe:
    """The Swin for this data at a size."""
    side = {"tiny": 32, "small": side_in_patches(facts), "paper": 224}[size]
    config = SwinConfig(
        height=side, width=side, channels=facts.channels, classes=facts.outputs, **_shape(size, variant, side)
    )
    training = training_for(size, facts)
    return Recipe(
        system="swin",
        variant=variant,
        size=size,
        input=input_for(size, side, facts),
        model=asdict(config),
        augment=PAPER_AUGMENT if size == "paper" else augmentation_for(facts),
        training=training.model_copy(update={"learning_rate": TINY_RATE}) if size == "tiny" else training,
    )


def _shape(size: Size, variant: str, side: int) -> dict[str, Any]:
    """The variant; small pictures get small windows, which divide their maps without filling up."""
    if size == "tiny":
        return VARIANTS[variant] | TINY
    if size == "paper":
        return VARIANTS[variant] | {"drop_path": PAPER_DROP_PATH[variant]}
    return VARIANTS[variant] | {"patch": 2 if side <= SMALL_SIDE else 4, "window": 4, "drop_path": 0.1}
