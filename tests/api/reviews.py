"""Made-up reviews whose class a reader can learn in seconds, and which counting single words gets wrong too:
"not good" is bad."""

import random

GOOD = ("warm", "funny", "moving", "clever", "lovely")
BAD = ("dull", "slow", "cold", "silly", "flat")
OPENINGS = ("the film is", "this story feels", "what a picture, it is", "i found the plot")
ENDINGS = ("", "from start to end", "for its length", "and the music as well")


def reviews(count: int, *, seed: int = 0) -> tuple[list[str], list[int]]:
    """Texts, and 1 for good or 0 for bad."""
    draw = random.Random(seed)
    texts, labels = [], []
    for number in range(count):
        good, negated = draw.random() < 0.5, draw.random() < 0.2
        word = draw.choice(GOOD if good != negated else BAD)
        parts = (draw.choice(OPENINGS), "not" if negated else "", word, draw.choice(ENDINGS), f"say {number}")
        texts.append(" ".join(part for part in parts if part))
        labels.append(int(good))
    return texts, labels
