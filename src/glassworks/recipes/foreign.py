"""The recipe of a model of another library: the input it was made for, and settings that suit any size."""

from glassworks.recipes.base import TIMM, Facts, InputPart, Recipe, Size, TrainingPart
from glassworks.recipes.pictures import augmentation_for, batch_for, epochs_for
from glassworks.transfer.timm_models import timm_input


def recipe(size: Size, system: str, facts: Facts) -> Recipe:
    """`timm:NAME` for this data, from scratch."""
    name = system.removeprefix(TIMM)
    side = timm_input(name).side
    shape = {"height": side, "width": side, "channels": 3}
    tiny = size == "tiny"
    return Recipe(
        system=system,
        variant="timm",
        size=size,
        input=InputPart(**shape),
        model=shape | {"name": name, "classes": facts.outputs},
        augment=augmentation_for(facts),
        training=TrainingPart(
            epochs=epochs_for(facts.examples, 5_000 if tiny else 100_000, 20 if tiny else 60),
            batch=batch_for(facts.examples),
            learning_rate=1e-3,
            warmup=0.15,
            smoothing=0.05,
        ),
    )
