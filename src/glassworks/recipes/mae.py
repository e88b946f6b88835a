"""Recipes of the masked autoencoder: `tiny` learns in seconds, `small` is the one to use, `paper` is theirs.

Nothing is said of classes, so that labels change nothing. Masking is the augmentation: beside it the paper
cuts and mirrors, and found that colours need no change.
"""

from dataclasses import asdict
from typing import Any

from glassworks.models.vision.mae import VARIANTS, MAEConfig
from glassworks.recipes.base import AugmentPart, Facts, InputPart, Recipe, Size, TrainingPart
from glassworks.recipes.pictures import batch_for, epochs_for
from glassworks.recipes.vit import GRID, side_in_patches

TINY: dict[str, Any] = {
    "patch": 4, "dimension": 64, "depth": 4, "block": {"heads": 4},
    "decoder": {"dimension": 32, "depth": 1, "block": {"heads": 4}},
}  # fmt: skip


def recipe(size: Size, variant: str, facts: Facts) -> Recipe:
    """The autoencoder for this data at a size."""
    patch = VARIANTS[variant]["patch"]
    side = {"tiny": 32, "small": side_in_patches(facts), "paper": 224}[size]
    # Small pictures are cut into smaller patches, so that hiding most of them leaves something to read.
    shape = VARIANTS[variant] | {"patch": patch if side >= GRID * patch else side // GRID}
    config = MAEConfig(
        height=side, width=side, channels=facts.channels, **(shape | TINY if size == "tiny" else shape)
    )
    return Recipe(
        system="mae",
        variant=variant,
        size=size,
        input=InputPart(
            height=side,
            width=side,
            channels=1 if facts.channels == 1 else 3,
            fit="crop" if size == "paper" else "stretch",
        ),
        model=asdict(config),
        augment=_augment(size, facts),
        training=_training(size, facts),
    )


def _augment(size: Size, facts: Facts) -> AugmentPart:
    mirrored = facts.mirrored if facts.mirrored is not None else facts.channels == 3
    zoom = {"tiny": 0.0, "small": 0.1, "paper": 0.3}[size]
    return AugmentPart(flip="random" if mirrored else "none", shift=0.05, zoom=zoom)


def _training(size: Size, facts: Facts) -> TrainingPart:
    if size == "paper":  # 800 passes of batches of 4,096 at 1.5e-4 for every 256
        return TrainingPart(
            epochs=800, batch=4096, learning_rate=2.4e-3, warmup=0.05, weight_decay=0.05, clip=0.0
        )
    tiny = size == "tiny"
    return TrainingPart(
        epochs=epochs_for(facts.examples, 40_000 if tiny else 800_000, 30 if tiny else 200),
        batch=batch_for(facts.examples),
        learning_rate=3e-3 if tiny else 1e-3,
        warmup=0.1,
        weight_decay=0.05,
        evaluate_every=2 if tiny else 1,
    )
