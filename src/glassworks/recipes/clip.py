"""Recipes of CLIP: `tiny` learns in seconds, `small` is the one to use, `paper` is theirs.

A person has some hundreds of pairs where the paper had 400 million. From nothing that is enough to see that
it works and not enough to be useful; with a picture encoder that has learned elsewhere (`started`) only the
texts are to be learned.
"""

from dataclasses import asdict
from typing import Any

from glassworks.models.vision.clip import VARIANTS, CLIPConfig, Stack
from glassworks.recipes.base import AugmentPart, Facts, InputPart, Recipe, Size, TrainingPart, TunePart
from glassworks.recipes.pictures import PHOTO, augmentation_for, epochs_for
from glassworks.recipes.vit import side_in_patches

GRID = {"tiny": 4, "small": 8}  # patches on a side of small pictures
WORDS = {"tiny": 768, "small": 1024, "paper": 49_408}  # token numbers; 514 of them are bytes, start and end
CONTEXT = {"tiny": 32, "small": 48, "paper": 77}  # tokens of a caption
SMALLER = {
    "tiny": {"picture": Stack(64, 3, 4), "text": Stack(64, 2, 4), "dimension": 64},
    "small": {"picture": Stack(128, 4, 4), "text": Stack(128, 2, 4), "dimension": 128},
}
LITE_SIDE = 224  # EfficientNet-Lite0 saw pictures of this size
# How the authors' own weights saw pictures; a file of them does not say so.
PUBLISHED = InputPart(
    height=224, width=224, channels=3, fit="crop", resample="bicubic",
    mean=(0.48145466, 0.4578275, 0.40821073), std=(0.26862954, 0.26130258, 0.27577711),
)  # fmt: skip
PUBLISHED_TEXT = {"vocabulary": 49_408, "context": 77, "activation": "quick-gelu"}
PAPER_AUGMENT = AugmentPart(zoom=0.1)  # their random square cut, as far as our augmentation goes


def recipe(size: Size, variant: str, facts: Facts) -> Recipe:
    """The CLIP for this data at a size."""
    shape: dict[str, Any] = dict(VARIANTS[variant])
    lite = shape.get("tower") == "lite0"
    side = LITE_SIDE if lite or size == "paper" else 32 if size == "tiny" else side_in_patches(facts, 64)
    if size != "paper":
        shape |= SMALLER[size] | {"activation": "gelu", "patch": side // GRID[size]}
        shape |= {"dropout": 0.1 if size == "small" else 0.0}
        # For 474 captions one block is enough: mean validation recall 38.5 % with it, 36.5 % with three.
        shape |= {"text": Stack(shape["text"].width, 1, 4)} if lite else {}
    config = CLIPConfig(
        height=side, width=side, channels=3 if lite else facts.channels, vocabulary=WORDS[size],
        context=CONTEXT[size], **shape,
    )  # fmt: skip
    return Recipe(
        system="clip",
        variant=variant,
        size=size,
        input=InputPart(
            height=side,
            width=side,
            channels=1 if config.channels == 1 else 3,
            fit="crop" if size == "paper" else "stretch",
            resample="bicubic" if size == "paper" else "bilinear",
        ),
        model=asdict(config),
        augment=PAPER_AUGMENT if size == "paper" else augmentation_for(facts),
        training=training_for(size, facts),
    )


def training_for(size: Size, facts: Facts) -> TrainingPart:
    """Large batches: every other pair of a batch is a wrong answer to learn from."""
    if size == "paper":  # 32 passes over 400 million pairs, in batches of 32,768 on 592 GPUs
        return TrainingPart(epochs=32, batch=32_768, learning_rate=5e-4, warmup=0.005, weight_decay=0.2)
    tiny = size == "tiny"
    return TrainingPart(
        epochs=epochs_for(facts.examples, 15_000 if tiny else 60_000, 30 if tiny else 100),
        batch=64 if tiny else 128,
        learning_rate=2e-3 if tiny else 1e-3,
        warmup=0.1,
        weight_decay=0.1,
        patience=0,
    )


def started(
    recipe: Recipe, facts: Facts, tune: TunePart, *, model: dict[str, Any] | None, seen: InputPart | None
) -> Recipe:
    """The same with weights to begin with: `head` keeps the picture encoder as it is (LiT), `full` moves all.

    model: fields of the weights' architecture; seen: how they saw pictures; None where that is not known
    """
    content = recipe.model_dump(by_alias=True)
    if model is not None and "text" in model and "vocabulary" not in model:  # a file in the names of others
        model, seen = PUBLISHED_TEXT | model, seen or PUBLISHED
    if model is not None:
        content["model"] |= model
        content["input"]["channels"] = content["model"]["channels"]
    if seen is not None:
        content["input"] = seen.model_dump()
    for name in ("height", "width"):
        content["model"][name] = content["input"][name]
    frozen = tune.method == "head"
    content["tune"] = tune.model_dump()
    content["augment"] = (AugmentPart() if frozen else PHOTO).model_dump()
    content["training"] |= {
        "epochs": epochs_for(facts.examples, 30_000, 20),
        "learning_rate": 3e-3 if frozen else 3e-4,
        "batch": 128 if frozen else 64,
    }
    return Recipe.model_validate(content)
