"""Recipes of ResNet from scratch: `tiny` learns in seconds, `small` is the one to use, `paper` is theirs."""

from dataclasses import asdict
from typing import Any

from glassworks.models.vision.resnet import SMALLEST, VARIANTS, ResNetConfig
from glassworks.recipes.base import AugmentPart, Facts, Recipe, Size, TrainingPart
from glassworks.recipes.pictures import augmentation_for, batch_for, epochs_for, input_for, side_for

NARROW = (8, 16, 32, 64)  # filters of `tiny`: a sixty-fourth of the work
# Their cut of a random part of the picture, as far as our augmentation goes.
PAPER_AUGMENT = AugmentPart(flip="random", shift=0.1, zoom=0.3)


def recipe(size: Size, variant: str, facts: Facts) -> Recipe:
    """The ResNet for this data at a size."""
    side = {"tiny": SMALLEST, "small": side_for(facts, 128, SMALLEST), "paper": 224}[size]
    config = ResNetConfig(
        height=side, width=side, channels=facts.channels, classes=facts.outputs, **_shape(size, variant, side)
    )
    return Recipe(
        system="resnet",
        variant=variant,
        size=size,
        input=input_for(size, side, facts),
        model=asdict(config),
        augment=PAPER_AUGMENT if size == "paper" else augmentation_for(facts),
        training=_training(size, facts),
    )


def _shape(size: Size, variant: str, side: int) -> dict[str, Any]:
    """The variant, with a stem that leaves something of a small picture; `tiny` is narrower and shallower."""
    shape: dict[str, Any] = VARIANTS[variant] | {"stem": "small" if side <= 64 else "photo"}
    if size == "tiny":
        shape |= {"widths": NARROW, "depths": tuple((depth + 1) // 2 for depth in shape["depths"])}
    return shape


def _training(size: Size, facts: Facts) -> TrainingPart:
    if size == "paper":  # 90 passes of batches of 256; AdamW instead of SGD, and a cosine
        return TrainingPart(
            epochs=90, batch=256, learning_rate=1e-3, warmup=0.05, weight_decay=0.05, smoothing=0.1
        )
    tiny = size == "tiny"
    return TrainingPart(
        epochs=epochs_for(facts.examples, 12_000 if tiny else 400_000, 10 if tiny else 60),
        batch=batch_for(facts.examples),
        learning_rate=3e-3,
        warmup=0.15,
        weight_decay=0.05,
        smoothing=0.05,
        patience=0 if tiny else 15,
    )
