"""What the recipes of the recurrent readers of labelled series share: how long, how wide, how often."""

from dataclasses import asdict
from typing import Any

from glassworks.recipes.base import Recipe, SeriesFacts, SeriesPart, Size, TrainingPart
from glassworks.recipes.pictures import epochs_for

STEPS = {"tiny": 32, "small": 64, "paper": 128}  # that a series is read in: longer ones several at a time


def reader_recipe(
    system: str, config: type, shape: dict[str, Any], size: Size, variant: str, facts: SeriesFacts
) -> Recipe:
    """The recipe of a recurrent classifier. config: its dataclass; shape: the variant's fields"""
    model = config(
        channels=facts.channels,
        classes=facts.outputs,
        width={"tiny": 32, "small": 64, "paper": 128}[size],
        layers=1 if size == "tiny" else 2,
        patch=max(1, round(facts.length / STEPS[size])),
        dropout=0.0 if size == "tiny" else 0.2,
        **shape,
    )
    return Recipe(
        system=system,
        variant=variant,
        size=size,
        input=SeriesPart(history=max(1, facts.length), channels=facts.channels),
        model=asdict(model),
        training=training_for(size, facts),
    )


def training_for(size: Size, facts: SeriesFacts) -> TrainingPart:
    """Small data is seen often; the clip holds the gradient where a long memory would let it explode."""
    tiny = size == "tiny"
    return TrainingPart(
        epochs=epochs_for(facts.examples, 15_000 if tiny else 40_000, 60 if tiny else 200),
        batch=16 if facts.examples < 1000 else 64,
        learning_rate=5e-3 if tiny else 3e-3,
        warmup=0.1,
        weight_decay=0.01,
        clip=1.0,
    )
