"""Analogies: shares on vectors by hand, made-up text with planted relations, a rule with three answers."""

import numpy as np
import pytest

from glassworks.judging.word_questions import PAIRS, questions
from glassworks.judging.words import Space, answered
from glassworks.labs import analogies as lab


def planted(noise, seed=0):
    """Vectors in which the step of a category is one direction, less or more than the noise."""
    chance, vectors = np.random.default_rng(seed), {}
    for pairs in (PAIRS["plural"], PAIRS["comparative"]):
        step = 0.4 * chance.normal(size=40)
        for first, second in pairs:
            vectors[first] = 2 * chance.normal(size=40)
            vectors[second] = vectors[first] + step + noise * chance.normal(size=40)
    return Space(list(vectors), np.stack(list(vectors.values())))


def test_shares_count_right_answers_and_answers_from_the_question():
    space = planted(noise=0.7)
    asked = questions(space.numbers)
    found = lab.shares(answered(space, asked))
    assert found["without the three"] > 80 > 50 > found["all words"]
    assert found[lab.OWN] > 50 and found["nearest to the third"] > 50
    exact = lab.shares(answered(planted(noise=0.0), asked))
    assert exact["all words"] > 90 and exact[lab.OWN] < 10  # not all: vectors are made to length 1 first


def test_a_share_of_a_category_is_that_of_its_own_questions():
    space = planted(noise=0.7)
    asked = questions(space.numbers)
    chosen = np.array([question.category == "plural" for question in asked])
    some = lab._some(answered(space, asked), chosen)
    alone = answered(space, [question for question in asked if question.category == "plural"])
    assert len(some) == len(alone) and lab.shares(some) == lab.shares(alone)


def test_made_up_text_holds_its_pairs_and_is_the_same_for_the_same_seed():
    text = lab.made_up(1, 900)
    assert text == lab.made_up(1, 900) != lab.made_up(2, 900)
    words = set(text.replace(".", "").split())
    assert {"day", "days", "king", "queen", "plural0x", "manandwoman1y"} <= words
    for line in text.splitlines():
        topic, _, word, sign, again, _ = line.removesuffix(".").split()
        assert word == again and topic.startswith("topic") and sign[-1] == "x"


def numbers_of(right, free):
    found = {"share: without the three": [right - 0.5, right, right + 0.5]}
    found["share: all words"] = [free + 0.5, free, free - 0.5]
    found["share: nearest to the third"] = [12.0, 13.0, 14.0]
    return found | {f"share: {lab.OWN}": [90.0, 91.0, 92.0], "questions": [4000.0] * 3}


@pytest.mark.parametrize(
    ("right", "free", "outcome"),
    [(32.0, 2.0, "holds"), (32.0, 60.0, "does not hold"), (80.0, 2.0, "does not hold"),
     (32.0, 31.0, "not shown"), (49.5, 2.0, "not shown")],
)  # fmt: skip
def test_the_rule_can_say_each_of_the_three(right, free, outcome):
    verdict = lab.judge(numbers_of(right, free))
    assert verdict.outcome == outcome and "91.0" in verdict.sentence
