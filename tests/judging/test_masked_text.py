"""Hidden words judged: counts as baselines, intervals over blocks, and a verdict that may be bad."""

import math

import numpy as np
import pytest

from glassworks.core.errors import PersonError
from glassworks.judging.masked_text import LOSS, RIGHT, Counts, Guesses, Questions, judge_words

PASSAGES = [np.array([2, 5, 6, 7, 3]), np.array([2, 5, 6, 8, 3]), np.array([2, 9, 6, 7, 3])]


def questions(count=200, blocks=20):
    generator = np.random.default_rng(0)
    answers = generator.integers(5, 10, count)
    none = np.full(count, -1)
    return Questions(answers, none, none, np.arange(count) % blocks)


def guesses(asked, nats, right):
    return Guesses(np.full(len(asked.answers), nats), np.full(len(asked.answers), right))


def judged(own, other):
    asked = questions()
    names, words = [f"block {n}" for n in range(20)], [str(n) for n in asked.answers]
    return judge_words(own(asked), {"counts": other(asked)}, asked, names, words)


def test_frequencies_are_counts_and_one():
    counts = Counts(PASSAGES, 10)
    asked = Questions(np.array([6, 4]), np.array([5, 5]), np.array([7, 7]), np.zeros(2, np.int64))
    found = counts.frequencies(asked)
    assert found.loss == pytest.approx([-math.log(4 / 25), -math.log(1 / 25)])


def test_neighbours_are_believed_where_they_are_seen():
    """By hand: p(t) p(t|5) / p(t) p(t|7 follows) / p(t), each mixed with 5 counts of the plain frequency."""
    counts = Counts(PASSAGES, 10)
    one = Questions(np.array([6]), np.array([5]), np.array([7]), np.zeros(1, np.int64))
    plain = np.bincount(np.concatenate(PASSAGES), minlength=10) + 1.0
    plain /= plain.sum()
    after, before = np.zeros(10), np.zeros(10)
    after[6], before[6] = 2, 2  # 5 6 twice, 6 7 twice
    chance = plain * ((after + 5 * plain) / 7 / plain) * ((before + 5 * plain) / 7 / plain)
    assert counts.neighbours(one).loss[0] == pytest.approx(-math.log(chance[6] / chance.sum()))
    hidden = Questions(np.array([6]), np.array([-1]), np.array([-1]), np.zeros(1, np.int64))
    assert counts.neighbours(hidden).loss == pytest.approx(counts.frequencies(hidden).loss)


def test_a_better_model_is_called_better_and_a_worse_one_worse():
    def noisy(nats):
        return lambda asked: Guesses(
            nats + 0.1 * np.random.default_rng(1).normal(size=len(asked.answers)),
            np.zeros(len(asked.answers)),
        )

    better, worse = judged(noisy(1.0), noisy(2.0)), judged(noisy(2.0), noisy(1.0))
    assert "better" in better.verdict and "1.00 nats" in better.verdict
    assert "worse" in worse.verdict and better.units == 20
    low, high = better.metrics[LOSS].low, better.metrics[LOSS].high
    assert low < 1.0 < high < 1.1


def test_no_difference_is_no_success():
    draw = np.random.default_rng(2)
    same = judged(
        lambda asked: Guesses(draw.normal(2, 1, len(asked.answers)), np.zeros(len(asked.answers))),
        lambda asked: Guesses(draw.normal(2, 1, len(asked.answers)), np.zeros(len(asked.answers))),
    )
    assert same.verdict.startswith("not shown") and "20 independent blocks" in same.verdict


def test_words_of_a_block_belong_together():
    """All of a block right or wrong at once: the interval is as wide as ten blocks make it."""
    block = np.repeat(np.arange(10), 100)
    asked = Questions(np.full(1000, 5), np.full(1000, -1), np.full(1000, -1), block)
    own = Guesses(np.ones(1000), (block % 2).astype(float))
    found = judge_words(own, {"counts": own}, asked, [str(n) for n in range(10)], ["x"] * 1000)
    assert found.metrics[RIGHT].high - found.metrics[RIGHT].low > 0.4


def test_no_questions_are_refused():
    empty = Questions(*(np.empty(0, np.int64) for _ in range(4)))
    nothing = Guesses(np.empty(0), np.empty(0))
    with pytest.raises(PersonError, match="hidden words"):
        judge_words(nothing, {"counts": nothing}, empty, [], [])
