"""Recipes of EfficientNet from scratch: `tiny` learns in seconds, `small` is to use, `paper` is theirs.

From scratch it wants many pictures and many passes: its filters are cheap in work, not in examples. With
fewer than a few thousand pictures start from `--from imagenet`.
"""

from dataclasses import asdict
from typing import Any

from glassworks.models.vision.efficientnet import VARIANTS, EfficientNetConfig
from glassworks.recipes.base import AugmentPart, Facts, Recipe, Size, TrainingPart
from glassworks.recipes.pictures import augmentation_for, batch_for, epochs_for, input_for, side_for

# The network halves five times, so that a map of 32 pixels ends as a single one: `tiny` sees 48.
TINY: dict[str, Any] = {"width_factor": 0.25, "depth_factor": 0.25, "dropout": 0.0, "drop_path": 0.0}
# Their cut of a random part of the picture, as far as our augmentation goes.
PAPER_AUGMENT = AugmentPart(flip="random", shift=0.1, zoom=0.3)


def recipe(size: Size, variant: str, facts: Facts) -> Recipe:
    """The EfficientNet for this data at a size."""
    side = {"tiny": 48, "small": side_for(facts, 128, 96), "paper": 224}[size]
    shape = VARIANTS[variant] | (TINY if size == "tiny" else {})
    config = EfficientNetConfig(
        height=side, width=side, channels=facts.channels, classes=facts.outputs, **shape
    )
    return Recipe(
        system="efficientnet",
        variant=variant,
        size=size,
        input=input_for(size, side, facts),
        model=asdict(config),
        augment=PAPER_AUGMENT if size == "paper" else augmentation_for(facts),
        training=_training(size, facts),
    )


def _training(size: Size, facts: Facts) -> TrainingPart:
    if size == "paper":  # 350 passes; AdamW instead of RMSProp, and the rate follows a cosine
        return TrainingPart(
            epochs=350, batch=256, learning_rate=1e-3, warmup=0.02, weight_decay=0.05, smoothing=0.1
        )
    tiny = size == "tiny"
    return TrainingPart(
        epochs=epochs_for(facts.examples, 12_000 if tiny else 400_000, 10 if tiny else 80),
        batch=batch_for(facts.examples),
        learning_rate=6e-3 if tiny else 3e-3,
        warmup=0.15,
        weight_decay=0.05,
        smoothing=0.05,
        patience=0 if tiny else 20,
    )
