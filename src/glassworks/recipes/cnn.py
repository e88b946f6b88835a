"""Recipes of the CNN: `tiny` learns in seconds, `small` is the one to use, `paper` is the textbook's."""

from dataclasses import asdict

from glassworks.models.vision.cnn import VARIANTS, CNNConfig
from glassworks.recipes.base import AugmentPart, Facts, InputPart, Recipe, Size, TrainingPart
from glassworks.recipes.pictures import augmentation_for, batch_for, epochs_for, side_for


def recipe(size: Size, variant: str, facts: Facts) -> Recipe:
    """The CNN for this data at a size."""
    side = {"tiny": side_for(facts, 32), "small": side_for(facts, 64), "paper": 32}[size]
    shape = VARIANTS[variant]
    if size != "paper":  # the same network with a quarter of the normalising and cutting to do
        shape = shape | {"pool_first": True, "batch_norm": True}
    config = CNNConfig(height=side, width=side, channels=facts.channels, classes=facts.outputs, **shape)
    return Recipe(
        system="cnn",
        variant=variant,
        size=size,
        input=InputPart(height=side, width=side, channels=1 if facts.channels == 1 else 3),
        model=asdict(config),
        augment=_augmentation(size, facts),
        training=_training(size, facts),
    )


def _augmentation(size: Size, facts: Facts) -> AugmentPart:
    if size == "paper":
        return AugmentPart(flip="random" if facts.mirrored is not False else "none", rotate=10.0)
    return augmentation_for(facts)


def _training(size: Size, facts: Facts) -> TrainingPart:
    if size == "paper":  # Adam at 0.001 for five epochs of batches of 64, and nothing else
        return TrainingPart(epochs=5, batch=64, learning_rate=1e-3, warmup=0.0, weight_decay=0.0, clip=0.0)
    tiny = size == "tiny"
    return TrainingPart(
        epochs=epochs_for(facts.examples, 25_000 if tiny else 600_000, 20 if tiny else 60),
        batch=batch_for(facts.examples),
        learning_rate=3e-3,
        warmup=0.15,
        weight_decay=0.05,
        smoothing=0.05,
        patience=0 if tiny else 15,
    )
