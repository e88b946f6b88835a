"""Recipes of word2vec: `tiny` shows that it learns, `small` is the one to use, `paper` is theirs.

How often the text is read follows from how much there is: vectors need some hundred steps, and on a shelf of
books the loss on held-out text is lowest after about six readings.
"""

from dataclasses import asdict
from typing import Any

from glassworks.models.sequence.word2vec import VARIANTS, Word2VecConfig
from glassworks.recipes.base import DataPart, Recipe, Size, TextFacts, TextPart, TrainingPart

PASSAGE = 128  # words
LARGE = 300_000  # words: so much text can be judged on a smaller share of it
HELD_OUT = 0.05  # of the passages of a large text to validate, and to test: words want all the text there is
BUDGET = {"tiny": 400_000, "small": 12_000_000}  # words to read in all
MOST_EPOCHS = {"tiny": 20, "small": 40}
SHAPES: dict[str, dict[str, Any]] = {
    "tiny": {"vocabulary": 5_000, "width": 48},
    "small": {"vocabulary": 40_000, "width": 100},
    # 1310.4546, section 3: 300 numbers, windows of 5, 5 noise words, frequent words left out from 1e-5 on.
    "paper": {"vocabulary": 692_000, "width": 300, "subsample": 1e-5},
}


def recipe(size: Size, variant: str, facts: TextFacts) -> Recipe:
    """The vectors for this text at a size."""
    # Rare words need examples, but a small text has no others.
    large = facts.examples > LARGE
    least = 5 if large else 3 if facts.examples > 50_000 else 2
    config = Word2VecConfig(**SHAPES[size] | VARIANTS[variant], least=least)
    return Recipe(
        system="word2vec",
        variant=variant,
        size=size,
        data=DataPart(val=HELD_OUT, test=HELD_OUT) if large else DataPart(),
        input=TextPart(tokens="word", context=PASSAGE, lower=True),
        model=asdict(config),
        training=training_for(size, facts),
    )


def training_for(size: Size, facts: TextFacts) -> TrainingPart:
    """Short texts get small batches, so that there are steps enough to learn from."""
    passages = max(1, facts.examples // PASSAGE)
    if size == "paper":  # one reading of a thousand million words
        return TrainingPart(
            epochs=1, batch=64, learning_rate=0.01, warmup=0.02, schedule="linear", weight_decay=0.0, clip=0.0
        )
    return TrainingPart(
        epochs=max(2, min(MOST_EPOCHS[size], round(BUDGET[size] / max(1, facts.examples)))),
        batch=max(2, min(64, passages // 150)),
        learning_rate=0.02,
        warmup=0.05,
        schedule="linear",
        weight_decay=0.0,
        clip=0.0,
        evaluate_every=1,
    )
