"""Judging guesses of hidden words: loss and accuracy beside what counting words can do.

Every model is asked for the same tokens. A guess costs minus the logarithm of the probability that was given
to the right token (in nats). Blocks of text are resampled for the intervals, because the words of a page
belong together. Two counts of the training part answer the same questions: how often each token occurs, and
that together with how often it stands beside its two neighbours.

The first thing to change: `TRUST`, how soon a count of neighbours is believed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from glassworks.core.errors import PersonError
from glassworks.core.keyed import generator
from glassworks.judging.intervals import Interval
from glassworks.judging.judgement import SMALL, WORST, Against, Judgement, Mistake

LOSS, RIGHT = "masked_loss", "masked_accuracy"
RESAMPLES = 1000
ENDS = (2.5, 97.5)  # percentiles between which 95 % of the resamples lie
TRUST = 5.0  # times that a neighbour must be seen until it weighs as much as the plain frequencies
CHUNK = 256  # questions answered at once
BASELINES = (
    "Baselines count the tokens of the same training part: the most frequent token, with every token's "
    "frequency; and the same weighed by how often a token stood beside its left and its right neighbour. "
    "Differences are resampled on the same blocks of text."
)


@dataclass(frozen=True)
class Guesses:
    """One model's answers to hidden tokens. loss: nats of each; right: whether the likeliest token was it."""

    loss: np.ndarray
    right: np.ndarray


@dataclass(frozen=True)
class Questions:
    """Hidden tokens: what stood there, and what the model saw to its left and right (-1 where that is hidden
    or the text ends), int64 (questions,) each; block: the block of text of each."""

    answers: np.ndarray
    left: np.ndarray
    right: np.ndarray
    block: np.ndarray


class Counts:
    """How often tokens, and pairs of neighbours, occur in training passages.

    passages: int64 (length,) each; vocabulary: token numbers
    """

    def __init__(self, passages: Sequence[np.ndarray], vocabulary: int):
        every = np.concatenate(list(passages))
        first = np.concatenate([passage[:-1] for passage in passages])
        second = np.concatenate([passage[1:] for passage in passages])
        self.vocabulary = vocabulary
        self.single = np.bincount(every, minlength=vocabulary) + 1.0  # one more: nothing is impossible
        shape, ones = (vocabulary, vocabulary), np.ones(len(first))
        self.after = csr_matrix((ones, (first, second)), shape=shape)  # row: what follows a token
        self.before = csr_matrix((ones, (second, first)), shape=shape)  # row: what comes before it

    def frequencies(self, asked: Questions) -> Guesses:
        """By how often each token occurs alone."""
        chance = self.single / self.single.sum()
        return Guesses(-np.log(chance[asked.answers]), asked.answers == self.single.argmax())

    def neighbours(self, asked: Questions) -> Guesses:
        """By frequency, and by both neighbours where they are seen: p(t) p(left|t) p(right|t), in effect."""
        losses, right = [], []
        for start in range(0, len(asked.answers), CHUNK):
            part = slice(start, start + CHUNK)
            plain = self.single / self.single.sum()
            score = np.tile(np.log(plain), (len(asked.answers[part]), 1))  # (questions, vocabulary)
            for table, seen in ((self.after, asked.left[part]), (self.before, asked.right[part])):
                score += self._told(table, seen, plain)
            score -= score.max(1, keepdims=True)
            score -= np.log(np.exp(score).sum(1, keepdims=True))
            rows = np.arange(len(score))
            losses.append(-score[rows, asked.answers[part]])
            right.append(score.argmax(1) == asked.answers[part])
        return Guesses(np.concatenate(losses), np.concatenate(right))

    def _told(self, table: csr_matrix, seen: np.ndarray, plain: np.ndarray) -> np.ndarray:
        """What a neighbour adds to the logarithm of each token's frequency; nothing where it is hidden."""
        found = table[np.maximum(seen, 0)].toarray()
        total = found.sum(1, keepdims=True)
        chance = (found + TRUST * plain) / (total + TRUST)
        return np.where(seen[:, None] >= 0, np.log(chance) - np.log(plain), 0.0)


def judge_words(
    model: Guesses, baselines: dict[str, Guesses], asked: Questions,
    names: Sequence[str], words: Sequence[str], *, seed: int = 0,
) -> Judgement:  # fmt: skip
    """The judgement of guesses against baselines on the same questions.

    names: of the blocks; words: what each question's answer is, for people
    Raises PersonError when there is no question, or a loss is not finite.
    """
    if not len(asked.answers) or not np.isfinite(model.loss).all():
        raise PersonError(
            "nothing-to-judge", expected="hidden words, and a finite loss for each",
            got=f"{len(asked.answers)} words", fix="choose another --part or --data, or train again",
        )  # fmt: skip
    drawn = _Resamples(asked.block, seed)
    found = {
        name: {LOSS: drawn.interval(own.loss), RIGHT: drawn.interval(own.right)}
        for name, own in {"": model, **baselines}.items()
    }
    best = min(baselines, key=lambda name: found[name][LOSS].value)
    against = Against(
        best,
        {
            LOSS: drawn.interval(model.loss - baselines[best].loss),
            RIGHT: drawn.interval(model.right.astype(float) - baselines[best].right),
        },
    )
    worst = np.argsort(-model.loss, kind="stable")[:WORST]
    return Judgement(
        kind="none",
        classes=(),
        n=len(asked.answers),
        units=drawn.units,
        main=LOSS,
        metrics=found.pop(""),
        baselines=found,
        against=against,
        per_class=(),
        confusion=None,
        calibration=(),
        worst=tuple(
            Mistake(int(row), names[asked.block[row]], words[row], f"{model.loss[row]:.2f} nats", None)
            for row in worst
        ),
        threshold=None,
        verdict=_verdict(against, drawn.units),
        notes=(),
    )


class _Resamples:
    """A thousand draws of blocks, with replacement; the same ones for every figure."""

    def __init__(self, block: np.ndarray, seed: int):
        _, self.places = np.unique(block, return_inverse=True)
        self.units = int(self.places.max()) + 1
        chance = generator(seed, "bootstrap", len(block))
        drawn = [
            np.bincount(chance.integers(0, self.units, self.units), minlength=self.units)
            for _ in range(RESAMPLES)
        ]
        self.times = np.stack(drawn).astype(np.float64)  # (resamples, blocks)
        self.asked = self.times @ np.bincount(self.places)  # questions of each resample

    def interval(self, values: np.ndarray) -> Interval:
        """The mean of a value a question; without ends where a single block is all there is."""
        value = float(values.mean())
        if self.units < 2:
            return Interval(value, None, None, len(values))
        means = self.times @ np.bincount(self.places, weights=values) / self.asked
        low, high = np.percentile(means, ENDS)
        return Interval(value, float(low), float(high), len(values))


def _verdict(against: Against, units: int) -> str:
    difference = against.difference[LOSS]
    few = f"; only {units} independent blocks of text" if units < SMALL else ""
    if not difference.excludes_zero:
        return f"not shown to guess hidden words better than the best baseline ({against.name}){few}"
    word = "better" if difference.value < 0 else "worse"
    return (
        f"guesses hidden words {word} than the best baseline ({against.name}): by "
        f"{abs(difference.value):.2f} nats a word{few}"
    )
