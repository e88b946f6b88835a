"""Recipes of the Transformer: `tiny` learns in seconds, `small` is the one to use, `paper` is theirs.

The paper had 4.5 million pairs of sentences; a person has some hundreds or thousands. A small model whose
norm stands before its branches learns from those without the paper's long warm-up.
"""

from dataclasses import asdict
from typing import Any

from glassworks.models.sequence.transformer import VARIANTS, TransformerConfig
from glassworks.recipes.base import Recipe, Size, TextFacts, TextPart, TrainingPart, TunePart
from glassworks.recipes.pictures import epochs_for

VOCABULARY = {"tiny": 600, "small": 1_000, "paper": 37_000}
SMALLER: dict[str, dict[str, Any]] = {
    "tiny": {"width": 64, "depth": 2, "block": {"heads": 4, "norm": "pre", "dropout": 0.0}},
    "small": {"width": 128, "depth": 3, "block": {"heads": 4, "norm": "pre", "dropout": 0.2}},
}
LETTERS = 3.0  # of a piece of a word, about, where few texts made the vocabulary
SHORT = 8  # words of the longest text up to which all are read letter by letter: names, dates, numbers


def recipe(size: Size, variant: str, facts: TextFacts) -> Recipe:
    """The Transformer for this data at a size."""
    seen = input_for(size, facts)
    shape = dict(VARIANTS[variant]) if size == "paper" else SMALLER[size]
    config = TransformerConfig(vocabulary=VOCABULARY[size], context=seen.context, **shape)
    return Recipe(
        system="transformer", variant=variant, size=size, input=seen, model=asdict(config),
        training=training_for(size, facts),
    )  # fmt: skip


def input_for(size: Size, facts: TextFacts) -> TextPart:
    """Letters where texts are short, else pieces of words; room for the longest text."""
    letters = facts.longest <= SHORT and size != "paper"
    room = 12 * facts.longest if letters else 4 * facts.longest
    return TextPart(
        tokens="character" if letters else "piece",
        context=256 if size == "paper" else max(32, min(256, room)),
        lower=False,
    )  # fmt: skip


def training_for(size: Size, facts: TextFacts) -> TrainingPart:
    if size == "paper":  # 100,000 steps of 25,000 tokens a side, on 8 GPUs
        return TrainingPart(
            epochs=epochs_for(facts.examples, 90_000_000, 20), batch=900, learning_rate=7e-4, warmup=0.04,
            weight_decay=0.0, smoothing=0.1,
        )  # fmt: skip
    tiny = size == "tiny"
    epochs = epochs_of_tokens(facts, 500_000 if tiny else 4_000_000)
    return TrainingPart(
        epochs=epochs, batch=32, learning_rate=3e-3 if tiny else 1e-3, weight_decay=0.05,
        smoothing=0.0 if tiny else 0.1, evaluate_every=max(1, epochs // 20),
    )  # fmt: skip


def started(
    recipe: Recipe, facts: TextFacts, tune: TunePart, *, model: dict[str, Any] | None, seen: Any
) -> Recipe:
    """The same from a run's weights: its tokens and shape stay, and it learns on more slowly.

    model: fields of the weights' architecture; seen: how they saw texts; None where that is not known
    """
    content = recipe.model_dump(by_alias=True)
    if model is not None:
        content["model"] |= model
    if isinstance(seen, TextPart):
        content["input"] = seen.model_dump()
    content["tune"] = tune.model_dump()
    content["training"]["learning_rate"] = float(recipe.training.learning_rate) / 3
    return Recipe.model_validate(content)


def epochs_of_tokens(facts: TextFacts, tokens: int) -> int:
    """Epochs that show about so many tokens of both sides, between 2 and 120: it is tokens that take time."""
    letters = facts.letters / max(1.0, facts.examples / 0.7)  # of a pair
    pair = max(8.0, letters if facts.longest <= SHORT else letters / LETTERS)
    return epochs_for(facts.examples, round(tokens / pair), 120)
