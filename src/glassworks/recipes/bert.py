"""Recipes of BERT: `tiny` learns in seconds, `small` is the one to use, `paper` is theirs.

What it learns follows from the data: texts without labels are learned by guessing hidden words, texts with
labels as classes. Nobody should begin with nothing where there are labels: `started` is the recipe for
weights that can read already, and needs minutes.
"""

from dataclasses import asdict
from typing import Any

from glassworks.models.sequence.bert import VARIANTS, BERTConfig
from glassworks.recipes.base import Recipe, Size, TextFacts, TextPart, TrainingPart, TunePart

TINY = {"width": 64, "depth": 2}
VOCABULARY = {"tiny": 2_000, "small": 4_000, "paper": 30_522}  # pieces of words, learned on the data
CONTEXT = {"tiny": 64, "small": 128, "paper": 512}
PASSAGE = {"tiny": 64, "small": 64, "paper": 512}  # tokens of a passage while words are guessed
LETTERS = 4  # of an English token, about
# Passages to show in all while words are guessed. For a long time only frequencies are learned, until the
# model finds out how to look at neighbours: on six novels after 140,000 passages of 64 tokens (docs/log.md).
PASSAGES = {"tiny": 20_000, "small": 400_000, "paper": 256_000_000}

TUNE = "full"  # what `finetune` does: of 2,000 texts it learns five points more than a head, in a minute

# peak rate, texts to show in all, epochs at most, rate of a part by that of the part above it. Chosen on a
# validation part of 2,000 film reviews (docs/log.md).
SETTINGS: dict[str, tuple[float, int, int, float]] = {
    "head": (3e-4, 30_000, 10, 1.0),
    "last": (1e-4, 30_000, 4, 1.0),
    "gradual": (1e-4, 30_000, 4, 0.9),
    "full": (1e-4, 30_000, 3, 0.9),
    "lora": (3e-4, 30_000, 4, 1.0),
}


def recipe(size: Size, variant: str, facts: TextFacts) -> Recipe:
    """The BERT for this data at a size, from nothing."""
    guesses = facts.kind == "none"
    shape: dict[str, Any] = dict(VARIANTS[variant])
    if guesses and size != "paper":  # every pass hides other words, which is change enough
        shape |= {"block": shape["block"] | {"dropout": 0.0}, "dropout": 0.0}
    if size == "tiny":
        shape |= TINY | {"block": shape["block"] | {"heads": 2, "dropout": 0.0}, "dropout": 0.0}
    if not guesses:
        shape |= {"head": "classes", "classes": max(1, facts.outputs), "pooling": "mean"}
    context = (PASSAGE if guesses else CONTEXT)[size]
    config = BERTConfig(vocabulary=VOCABULARY[size], context=context, **shape)
    return Recipe(
        system="bert",
        variant=variant,
        size=size,
        input=TextPart(tokens="piece", context=context, lower=True),
        model=asdict(config),
        training=_guessing(size, facts) if guesses else _classifying(size, facts),
    )


def _guessing(size: Size, facts: TextFacts) -> TrainingPart:
    if size == "paper":  # 40 passes over 3.3 billion words
        return TrainingPart(
            epochs=40, batch=256, learning_rate=1e-4, warmup=0.01, schedule="linear", weight_decay=0.01
        )
    passages = max(facts.examples, round(0.7 * facts.letters / LETTERS / PASSAGE[size]))
    return TrainingPart(
        epochs=max(2, min(60, round(PASSAGES[size] / max(1, passages)))),
        batch=32 if size == "tiny" else 64,
        learning_rate=3e-3 if size == "tiny" else 1e-3,
        warmup=0.1,
        weight_decay=0.01,
    )


def _classifying(size: Size, facts: TextFacts) -> TrainingPart:
    tiny = size == "tiny"
    return TrainingPart(
        epochs=max(2, min(10, round((20_000 if tiny else 60_000) / max(1, facts.examples)))),
        batch=32,
        learning_rate=2e-3 if tiny else 5e-4,
        warmup=0.15,
        weight_decay=0.05,
        smoothing=0.0 if facts.kind == "number" else 0.05,
        patience=0 if tiny else 4,
    )


def started(
    recipe: Recipe, facts: TextFacts, tune: TunePart, *, model: dict[str, Any] | None, seen: TextPart | None
) -> Recipe:
    """The same with weights to begin with, which are changed little and slowly.

    model: fields of the weights' architecture; seen: how they saw texts; None where that is not known
    """
    content = recipe.model_dump(by_alias=True)
    if model is not None:
        wanted = {name: content["model"][name] for name in ("head", "classes")}
        content["model"] |= model | wanted
    if seen is not None:
        # Weights were made on texts between two marks, also where a run learned its own pieces of words.
        content["input"] = seen.model_dump() | {"tokens": "given"}
    content["model"]["context"] = content["input"]["context"]
    if facts.kind == "none":
        content["tune"] = tune.model_dump()
        content["training"]["learning_rate"] = 1e-4
        return Recipe.model_validate(content)
    rate, budget, most, decay = SETTINGS[tune.method]
    share = {"tiny": 0.5, "small": 1.0, "paper": 2.0}[recipe.size]
    content["tune"] = tune.model_dump() | {
        "layer_decay": decay if tune.layer_decay == 1.0 else tune.layer_decay
    }
    content["training"] |= {
        "learning_rate": rate,
        "epochs": max(1, min(most, round(share * budget / max(1, facts.examples)))),
        "batch": 32,
        "warmup": 0.1,
        "schedule": "linear",
        "weight_decay": 0.01,
        "smoothing": 0.0,
        "patience": 0,
    }
    return Recipe.model_validate(content)
