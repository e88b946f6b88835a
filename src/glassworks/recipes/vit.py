"""Recipes of the Vision Transformer: `tiny` learns in seconds, `small` is for use, `paper` is theirs."""

from dataclasses import asdict
from typing import Any

from glassworks.models.vision.vit import VARIANTS, ViTConfig
from glassworks.recipes.base import AugmentPart, Facts, Recipe, Size, TrainingPart
from glassworks.recipes.pictures import augmentation_for, batch_for, epochs_for, input_for, side_for

GRID = 8  # patches on a side: small pictures are cut into smaller ones, so that a sentence is left to read
TINY = {"patch": 8, "dimension": 64, "depth": 4}
# As far as our augmentation goes, that of DeiT, which needs no more pictures than ImageNet's.
PAPER_AUGMENT = AugmentPart(flip="random", shift=0.1, zoom=0.3, brightness=0.3, contrast=0.3, erase=0.25)


def recipe(size: Size, variant: str, facts: Facts) -> Recipe:
    """The ViT for this data at a size."""
    patch = VARIANTS[variant]["patch"]
    side = {"tiny": 32, "small": side_in_patches(facts), "paper": 224}[size]
    shape = VARIANTS[variant] | {"patch": patch if side >= GRID * patch else side // GRID}
    config = ViTConfig(
        height=side, width=side, channels=facts.channels, classes=facts.outputs, **with_block(shape, size)
    )
    return Recipe(
        system="vit",
        variant=variant,
        size=size,
        input=input_for(size, side, facts),
        model=asdict(config),
        augment=PAPER_AUGMENT if size == "paper" else augmentation_for(facts),
        training=training_for(size, facts),
    )


def side_in_patches(facts: Facts, most: int = 128) -> int:
    """The pictures' own size up to `most`, in eighths."""
    return min(most, round(side_for(facts, most, 32) / GRID) * GRID)


def with_block(shape: dict[str, Any], size: Size) -> dict[str, Any]:
    """The variant with blocks that skip as often as its depth bears; `tiny` is narrow and shallow."""
    if size == "tiny":
        return shape | TINY | {"block": {"heads": 4}}
    return shape | {"block": shape["block"] | {"drop_path": 0.1}}


def training_for(size: Size, facts: Facts) -> TrainingPart:
    """What trains a Transformer that looks at pictures: a lower rate and a longer start than filters need."""
    if size == "paper":  # 300 passes of batches of 1,024, as in DeiT
        return TrainingPart(
            epochs=300, batch=1024, learning_rate=1e-3, warmup=0.05, weight_decay=0.05, smoothing=0.1
        )
    tiny = size == "tiny"
    return TrainingPart(
        epochs=epochs_for(facts.examples, 25_000 if tiny else 400_000, 20 if tiny else 100),
        batch=batch_for(facts.examples),
        learning_rate=3e-3 if tiny else 1e-3,
        warmup=0.15,
        weight_decay=0.05,
        smoothing=0.05,
        patience=0 if tiny else 20,
    )
