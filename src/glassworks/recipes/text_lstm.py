"""Recipes of the writing LSTM: `tiny` spells in seconds, `small` is the one to use, `paper` a large one.

How long it learns follows from how much text there is: a novel is read many times, a shelf of them a few.
"""

from dataclasses import asdict
from typing import Any

from glassworks.models.sequence.text_lstm import VARIANTS, TextLSTMConfig
from glassworks.recipes.base import Recipe, Size, TextFacts, TextPart, TrainingPart, TunePart

LETTERS = {"character": 1.0, "piece": 3.2, "word": 4.6}  # that a token stands for, about
# Tokens of a window. For minutes of work short windows are better, because they make more steps of them: on
# 1.1 million characters, 40 processor seconds ended at 1.46 nats with windows of 128, at 1.35 with 64.
# Judging and writing carry the memory on all the same; windows that carried it in training gained 0.02.
CONTEXT = {
    "character": {"tiny": 64, "small": 64, "paper": 128},
    "piece": {"tiny": 32, "small": 32, "paper": 64},
    "word": {"tiny": 24, "small": 32, "paper": 35},
}
BUDGET = {"tiny": 700_000, "small": 12_000_000, "paper": 120_000_000}  # letters to read in all
MOST_EPOCHS = {"tiny": 30, "small": 30, "paper": 40}
TINY: dict[str, Any] = {"embedding": 32, "width": 128}
WORDS = {"tiny": 2_000}  # tokens of the vocabulary, where the variant's own are too many
# Zaremba et al. 2014, arXiv 1409.2329, "medium": two layers of 650, half of the numbers silenced, 39 epochs.
PAPER: dict[str, Any] = {"embedding": 650, "width": 650, "layers": 2, "dropout": 0.5}


def recipe(size: Size, variant: str, facts: TextFacts) -> Recipe:
    """The writer for this text at a size; the variant says what a token is."""
    shape = dict(VARIANTS[variant])
    if size == "tiny":
        shape |= TINY | {"vocabulary": min(shape["vocabulary"], WORDS["tiny"])}
    if size == "paper":
        shape |= PAPER | ({"vocabulary": 10_000} if variant == "word" else {})
    context = CONTEXT[variant][size]
    windows = max(1, round(0.7 * facts.letters / LETTERS[variant] / context))
    return Recipe(
        system="text_lstm",
        variant=variant,
        size=size,
        input=TextPart(tokens=variant, context=context, lower=variant == "word"),
        model=asdict(TextLSTMConfig(**shape)),
        training=training_for(size, facts, windows),
    )


def training_for(size: Size, facts: TextFacts, windows: int) -> TrainingPart:
    """Short texts get small batches, so that there are steps enough to learn from."""
    epochs = round(BUDGET[size] / max(1, 0.7 * facts.letters))
    return TrainingPart(
        epochs=max(2, min(MOST_EPOCHS[size], epochs)),
        batch=max(4, min(16 if size == "tiny" else 32, windows // 40)),
        learning_rate=4e-3,
        warmup=0.03,
        weight_decay=0.05,
        patience=0 if size == "tiny" else 5,
    )


def started(
    recipe: Recipe, facts: TextFacts, tune: TunePart, *, model: dict[str, Any] | None, seen: Any
) -> Recipe:
    """The same from a run's weights: its tokens stay, and it learns on more slowly.

    model: fields of the weights' architecture; seen: how they saw texts; None where that is not known
    """
    content = recipe.model_dump(by_alias=True)
    if model is not None:
        content["model"] |= model
    if isinstance(seen, TextPart):
        content["input"] = seen.model_dump()
    content["tune"] = tune.model_dump()
    content["training"] |= {"learning_rate": 1e-3, "epochs": max(2, content["training"]["epochs"] // 3)}
    return Recipe.model_validate(content)
