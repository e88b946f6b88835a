"""Made-up remarks on films, and small readers that learn from them: what the figures on sentiment share.

Each remark says one thing plainly, turns a word round with "not", or takes the first half back with "but", so
that it is known which words decide. The readers are the installed ones with few numbers; a run takes about a
second and is a pure function of its key.
The first thing to change: `KINDS`, how often a remark is of which kind.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from glassworks.core.keyed import generator, seed_for
from glassworks.core.rows import Answers
from glassworks.data.vocabulary import PADDING, UNKNOWN, Tokenizer, learn
from glassworks.judging.texts import counted_words
from glassworks.models.sequence.sentiment import SentimentConfig, SentimentReader, build

THINGS = ("film", "story", "plot", "cast", "ending", "music", "script", "picture", "acting", "hero", "pace")
GOOD = (
    "wonderful", "moving", "clever", "funny", "fresh", "warm", "gripping", "charming", "brilliant", "lovely",
    "witty",
)  # fmt: skip
BAD = (
    "dull", "slow", "boring", "flat", "silly", "clumsy", "tired", "hollow", "weak", "awful", "empty",
)  # fmt: skip
ADVERBS = ("", "", "really ", "rather ", "quite ", "simply ")
KINDS = {"plain": 0.5, "not": 0.25, "but": 0.25}
CLASSES = ("negative", "positive")
READERS = ("counted words", "two LSTMs", "Transformer")
AMOUNTS = (50, 200, 1000)
TEST, STEPS, BATCH, RATE, HIDDEN = 600, 300, 64, 0.01, 0.1


class Remark(NamedTuple):
    """positive: 0 or 1; kind: of `KINDS`."""

    text: str
    positive: int
    kind: str


def _clause(dice: np.random.Generator, good: bool) -> str:
    word = dice.choice(GOOD if good else BAD)
    return f"the {dice.choice(THINGS)} is {dice.choice(ADVERBS)}{word}"


def _remark(dice: np.random.Generator) -> Remark:
    good = bool(dice.integers(2))
    kind = str(dice.choice(list(KINDS), p=list(KINDS.values())))
    if kind == "but":
        return Remark(f"{_clause(dice, not good)}, but {_clause(dice, good)}", int(good), kind)
    if kind == "not":
        return Remark(_clause(dice, not good).replace(" is ", " is not "), int(good), kind)
    halves = [_clause(dice, good) for _ in range(1 + int(dice.integers(2)))]
    return Remark(" and ".join(halves), int(good), kind)


@lru_cache(maxsize=8)
def remarks(part: str, count: int) -> tuple[Remark, ...]:
    """The first remarks of a part; more of the same begin alike. Those of "test" are none of "train"."""
    dice, known, found = generator("film remarks", part), set[str](), list[Remark]()
    if part == "test":
        known |= {one.text for one in remarks("train", max(AMOUNTS))}
    while len(found) < count:
        one = _remark(dice)
        if one.text not in known:
            known.add(one.text)
            found.append(one)
    return tuple(found)


@lru_cache(maxsize=4)
def vocabulary(count: int) -> Tokenizer:
    """Of the first training remarks."""
    return learn([one.text for one in remarks("train", count)])


def padded(rows: list[list[int]], more: int = 0) -> tuple[Tensor, Tensor]:
    """(tokens (rows, longest + more), lengths (rows,))."""
    lengths = torch.tensor([len(row) for row in rows])
    tokens = torch.full((len(rows), int(lengths.max()) + more), PADDING)
    for place, row in enumerate(rows):
        tokens[place, : len(row)] = torch.tensor(row)
    return tokens, lengths


def start(kind: str, count: int) -> SentimentReader:
    """A reader before its training."""
    attentive = kind == "Transformer"
    config = SentimentConfig(
        vocabulary=vocabulary(count).size, context=64, classes=1, embedding=16, width=12, heads=2,
        reader="transformer" if attentive else "lstm", pooling="mean" if attentive else "last",
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):  # a model's start draws from torch's own dice
        torch.manual_seed(seed_for(0, "film remarks", kind))
        return build(config)


@lru_cache(maxsize=8)
def trained(kind: str, count: int = max(AMOUNTS)) -> SentimentReader:
    """A reader after its training on so many remarks, in evaluation mode; not to be changed."""
    with torch.inference_mode(False), torch.enable_grad():
        learned, words = remarks("train", count), vocabulary(count)
        tokens, lengths = padded(words.encode_many([one.text for one in learned]))
        truth = torch.tensor([float(one.positive) for one in learned])
        model = start(kind, count).train()
        optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
        dice = torch.Generator().manual_seed(seed_for(0, "film remarks steps", kind))
        for step in range(STEPS):
            optimizer.param_groups[0]["lr"] = RATE * (1 - step / STEPS)
            some = torch.randint(len(learned), (min(BATCH, count),), generator=dice)
            longest = int(lengths[some].max())
            seen = tokens[some, :longest]
            gone = torch.rand(seen.shape, generator=dice) < HIDDEN
            seen = seen.masked_fill(gone & (seen != PADDING), UNKNOWN)
            loss = F.binary_cross_entropy_with_logits(model(seen, lengths[some])[:, 0], truth[some])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return model.eval()


@torch.no_grad()
def chances(kind: str, texts: list[str], count: int = max(AMOUNTS)) -> np.ndarray:
    """The probability of "positive" for each text, (texts,)."""
    if kind == "counted words":
        known = remarks("train", count)
        blank = np.full((len(texts), 2), 0.5)
        like = Answers(tuple(texts), "label", np.zeros(len(texts), np.int64), blank, CLASSES)
        labels = np.array([one.positive for one in known])
        scores = counted_words([one.text for one in known], labels, texts, like)
        assert scores is not None
        return scores[:, 1]
    tokens, lengths = padded(vocabulary(count).encode_many(texts))
    return trained(kind, count)(tokens, lengths)[:, 0].sigmoid().numpy()


@lru_cache(maxsize=16)
def right(kind: str, count: int) -> dict[str, float]:
    """The share of right answers to the test remarks, by kind of remark."""
    asked = remarks("test", TEST)
    said = chances(kind, [one.text for one in asked], count) > 0.5
    hits = np.array([answer == bool(one.positive) for answer, one in zip(said, asked)])
    sorts = np.array([one.kind for one in asked])
    return {sort: float(hits[sorts == sort].mean()) for sort in KINDS}
