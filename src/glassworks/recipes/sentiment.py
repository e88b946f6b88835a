"""Recipes of the reader of texts: `tiny` learns in seconds, `small` is for use, `paper` as it is taught."""

from dataclasses import asdict
from typing import Any

from glassworks.models.sequence.sentiment import VARIANTS, SentimentConfig
from glassworks.recipes.base import Recipe, Size, TextFacts, TextPart, TrainingPart, TunePart
from glassworks.recipes.pictures import epochs_for

LONGEST = 512  # words of a text that are read where it has more
TINY: dict[str, Any] = {
    "vocabulary": 2_000, "embedding": 32, "width": 16, "pooling": "mean", "dropout": 0.2, "hidden": 0.1,
}  # fmt: skip
TINY_TWIN: dict[str, Any] = TINY | {"heads": 2}


def recipe(size: Size, variant: str, facts: TextFacts) -> Recipe:
    """The reader for these texts at a size."""
    twin = variant == "transformer"
    context = context_for(facts)
    shape = VARIANTS[variant] | {"classes": facts.outputs, "context": context}
    if size == "small":
        shape |= {"pooling": "mean", "dropout": 0.3 if twin else 0.5, "hidden": 0.5, "width": 128}
    if size == "tiny":
        shape |= TINY_TWIN if twin else TINY
    return Recipe(
        system="sentiment",
        variant=variant,
        size=size,
        input=TextPart(tokens="word", context=context, lower=True),
        model=asdict(SentimentConfig(**shape)),
        training=training_for(size, twin, facts),
    )


def context_for(facts: TextFacts) -> int:
    """Enough for the longest text, up to LONGEST. Signs count as words: half more than spaces tell of."""
    return max(16, min(LONGEST, facts.longest * 3 // 2 + 4))


def training_for(size: Size, twin: bool, facts: TextFacts) -> TrainingPart:
    """Few passes: after some, a network of words knows the training texts by heart."""
    if size == "paper":
        return TrainingPart(epochs=10, batch=32, learning_rate=1e-3, weight_decay=0.0)
    return TrainingPart(
        epochs=epochs_for(facts.examples, 20_000 if size == "tiny" else 60_000, 20 if size == "tiny" else 12),
        batch=32 if facts.examples >= 1_000 else 16,
        learning_rate=2e-3 if twin else {"tiny": 1e-2}.get(size, 3e-3),
        warmup=0.1,
        weight_decay=0.1,
        smoothing=0.0 if size == "tiny" else 0.1,  # else it is surer than it is right
        average=0.0 if size == "tiny" else 0.99,
    )


def started(
    recipe: Recipe, facts: TextFacts, tune: TunePart, *, model: dict[str, Any] | None, seen: Any
) -> Recipe:
    """From a run of the same system: its words and shape, a lower rate, and the classes of the new data."""
    content = recipe.model_dump(by_alias=True)
    if model is not None:
        content["model"] = model | {"classes": facts.outputs}
    if seen is not None:
        content["input"] = seen.model_dump()
    content["tune"] = tune.model_dump()
    content["training"] |= {"learning_rate": float(recipe.training.learning_rate) / 3}
    return Recipe.model_validate(content)
