"""Recipes of LeNet-5: `tiny` learns in seconds, `small` is the one to use, `paper` is the paper's size."""

from dataclasses import asdict

from glassworks.models.vision.lenet import VARIANTS, LeNetConfig
from glassworks.recipes.base import AugmentPart, Facts, InputPart, Recipe, Size, TrainingPart
from glassworks.recipes.pictures import augmentation_for, batch_for, epochs_for, side_for


def recipe(size: Size, variant: str, facts: Facts) -> Recipe:
    """LeNet-5 for this data at a size."""
    side = 32 if size == "paper" else side_for(facts, 32)
    config = LeNetConfig(
        height=side, width=side, channels=facts.channels, classes=facts.outputs, **VARIANTS[variant]
    )
    tiny = size == "tiny"
    if size == "paper":  # 20 passes over the data; the paper's own second-order rates have no equal here
        training = TrainingPart(epochs=20, batch=64, learning_rate=1e-3, warmup=0.0, weight_decay=0.0)
    else:
        training = TrainingPart(
            epochs=epochs_for(facts.examples, 25_000 if tiny else 600_000, 20 if tiny else 60),
            batch=batch_for(facts.examples),
            learning_rate=3e-3,
            warmup=0.15,
            patience=0 if tiny else 15,
        )
    return Recipe(
        system="lenet",
        variant=variant,
        size=size,
        input=InputPart(height=side, width=side, channels=1 if facts.channels == 1 else 3),
        model=asdict(config),
        augment=AugmentPart() if size == "paper" else augmentation_for(facts),
        training=training,
    )
