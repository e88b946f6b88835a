"""Recipes of sequence to sequence: `tiny` learns in seconds, `small` is the one to use, `paper` is theirs."""

from dataclasses import asdict
from typing import Any

from glassworks.models.sequence.seq2seq import VARIANTS, Seq2SeqConfig
from glassworks.recipes.base import Recipe, Size, TextFacts, TrainingPart
from glassworks.recipes.pictures import epochs_for
from glassworks.recipes.transformer import VOCABULARY, epochs_of_tokens, input_for, started

__all__ = ["recipe", "started"]

SMALLER: dict[str, dict[str, Any]] = {
    "tiny": {"width": 48, "hidden": 64, "layers": 1, "dropout": 0.0},
    "small": {"width": 128, "hidden": 192, "layers": 1, "dropout": 0.2},
}


def recipe(size: Size, variant: str, facts: TextFacts) -> Recipe:
    """The reader and writer for this data at a size."""
    seen = input_for(size, facts)
    shape = dict(VARIANTS[variant]) | SMALLER.get(size, {})
    words = 30_000 if size == "paper" else VOCABULARY[size]
    config = Seq2SeqConfig(vocabulary=words, context=seen.context, **shape)
    return Recipe(
        system="seq2seq", variant=variant, size=size, input=seen, model=asdict(config),
        training=training_for(size, facts),
    )  # fmt: skip


def training_for(size: Size, facts: TextFacts) -> TrainingPart:
    if size == "paper":  # five days on one GPU: batches of 80 out of 12 million pairs
        return TrainingPart(epochs=epochs_for(facts.examples, 50_000_000, 10), batch=80, learning_rate=1e-3)
    tiny = size == "tiny"
    epochs = epochs_of_tokens(facts, 500_000 if tiny else 3_000_000)
    return TrainingPart(
        epochs=epochs, batch=32, learning_rate=5e-3 if tiny else 2e-3, weight_decay=0.05,
        smoothing=0.0 if tiny else 0.1, evaluate_every=max(1, epochs // 20),
    )  # fmt: skip
