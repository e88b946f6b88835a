"""Judging word vectors: analogies without the question's words, groups, held-out neighbours, and counts."""

import math

import numpy as np
import pytest

from glassworks.core.errors import PersonError
from glassworks.judging.count_vectors import count_pairs, count_vectors, ppmi
from glassworks.judging.word_questions import GROUPS, PAIRS, Question, grouped, questions
from glassworks.judging.words import (
    ANALOGIES,
    CHANCE,
    COUNTED,
    FREQUENT,
    SAME,
    THIRD,
    TOLD,
    Space,
    Told,
    answered,
    judge_words,
    same_group,
)


def regular_space(noise=0.0, step=0.4, seed=0):
    """Vectors in which every category's step is one direction, and groups stand together."""
    chance = np.random.default_rng(seed)
    width, vectors = 60, {}
    for pairs in PAIRS.values():
        direction = chance.normal(size=width)
        for first, second in pairs:
            if first not in vectors and second not in vectors:
                vectors[first] = 2 * chance.normal(size=width)
                vectors[second] = vectors[first] + step * direction + noise * chance.normal(size=width)
    for words in GROUPS.values():
        middle = 3 * chance.normal(size=width)
        for word in words:
            vectors.setdefault(word, middle + chance.normal(size=width))
    return Space(["", *vectors], np.stack([np.ones(width), *vectors.values()]))


def test_lists_hold_pairs_and_groups_of_different_words():
    for pairs in PAIRS.values():
        assert len(pairs) >= 10 and len(set(pairs)) == len(pairs) and all(a != b for a, b in pairs)
    words = [word for group in GROUPS.values() for word in group]
    assert len(set(words)) == len(words)  # a word in two groups would have two right answers


def test_questions_take_only_known_words_and_four_different_ones():
    known = {"man", "men", "day", "days", "king", "queen", "woman", "women"}
    asked = questions(known)
    assert len([q for q in asked if q.category == "plural"]) == 6  # three pairs, each asked by two others
    assert all(len({q.first, q.second, q.third, q.answer}) == 4 for q in asked)
    assert str(asked[0]) == "day : days = man : ?"
    assert {q.category for q in asked} == {"plural", "man and woman"}
    assert grouped({"red", "blue", "monday"}) == (["red", "blue"], ["colours", "colours"])


def test_the_words_of_a_question_are_no_answers_to_it():
    """With short steps the nearest word of all is mostly the third; without it the answer is right."""
    space = regular_space(noise=0.7)
    asked = [q for q in questions(space.numbers) if q.category in ("plural", "comparative")]
    found = answered(space, asked)
    assert (found.said == found.right).mean() > 0.9
    third = np.array([space.numbers[q.third] for q in asked])
    assert (found.free == third).mean() > 0.9
    for column in (found.said, found.third):
        for place, word in enumerate(("first", "second", "third")):
            own = np.array([space.numbers[getattr(q, word)] for q in asked])
            assert not (column == own).any(), place
    assert (found.third == found.right).mean() > 0.5  # Linzen 2016: the step is hardly needed here


def test_an_analogy_by_hand():
    """b - a + c = (1, 1): the nearest is d, although e is longer and b and c are nearer to some."""
    space = Space(["a", "b", "c", "d", "e"], np.array([[1, 0], [1, 0.2], [0.2, 1], [1, 1], [9, 0]]))
    found = answered(space, [Question("own", "a", "b", "c", "d")])
    direction = space.vectors[1] - space.vectors[0] + space.vectors[2]
    cosine = direction @ np.array([1, 1]) / math.sqrt(2) / np.linalg.norm(direction)
    assert found.said.tolist() == [3] and found.cosine[0] == pytest.approx(cosine)


def test_nearest_leaves_out_rows_without_a_name():
    space = Space(["", "near", "far"], np.array([[1.0, 0], [0.9, 0.1], [0, 1]]))
    near, cosines = space.nearest(np.array([[1.0, 0]]), most=3)
    assert near[0, :2].tolist() == [1, 2] and np.isneginf(cosines[0, 2])
    with pytest.raises(ValueError, match="2 words and 1 vectors"):
        Space(["a", "b"], np.ones((1, 2)))


def test_groups_are_found_again_and_chance_is_what_shuffled_vectors_reach():
    space = regular_space()
    hits, chance, words = same_group(space)
    assert hits.mean() > 0.8 and 0.03 < chance < 0.1
    dice = np.random.default_rng(2)
    guessed = [same_group(Space(space.words, dice.permutation(space.vectors)))[0].mean() for _ in range(40)]
    assert np.mean(guessed) == pytest.approx(chance, abs=0.02)
    assert len(words) == len(hits)


def told(share, passages=300, seed=0):
    of = np.random.default_rng(seed).uniform(5, 15, passages)
    return Told(share * of, of)


def test_the_judgement_sets_the_model_beside_counts_frequency_the_third_word_and_chance():
    good, bad = regular_space(), regular_space(noise=3.0)
    judgement, ours, theirs = judge_words(good, told(0.8), bad, told(0.7), told(0.6))
    assert judgement.main == TOLD and judgement.against.name == COUNTED
    assert judgement.metrics[TOLD].value == pytest.approx(0.8)
    assert set(judgement.baselines) == {COUNTED, FREQUENT, THIRD, CHANCE}
    assert judgement.against.difference[TOLD].low > 0.09
    assert judgement.metrics[ANALOGIES].value > judgement.baselines[COUNTED][ANALOGIES].value
    assert judgement.metrics[SAME].n == len(same_group(good)[2])
    assert "better than counts" in judgement.verdict and len(ours) == len(theirs)
    swapped, _, _ = judge_words(bad, told(0.7), good, told(0.8), told(0.6))
    assert "worse than counts" in swapped.verdict and swapped.worst
    frequent, _, _ = judge_words(good, told(0.8), bad, told(0.6), told(0.7))
    assert frequent.against.name == FREQUENT
    assert frequent.against.difference[TOLD].value == pytest.approx(0.1)


def test_words_of_another_language_are_judged_by_their_neighbours_alone():
    dice = np.random.default_rng(0)
    space = Space([f"wort{number}" for number in range(50)], dice.normal(size=(50, 8)))
    judgement, ours, _ = judge_words(space, told(0.7), space, told(0.7), told(0.5))
    assert set(judgement.metrics) == {TOLD} and len(ours) == 0
    assert "too few" in judgement.notes[0] and "not shown to be apart" in judgement.verdict
    with pytest.raises(PersonError, match="two known words"):
        judge_words(space, Told(np.zeros(3), np.zeros(3)), space, told(0.7, 3), told(0.5, 3))


def test_counted_pairs_equal_a_loop():
    dice = np.random.default_rng(3)
    passages = [dice.integers(0, 6, size) for size in (1, 2, 7, 0, 12)]
    expected = np.zeros((6, 6))
    for passage in passages:
        for place, word in enumerate(passage):
            for other in range(len(passage)):
                if 0 < abs(place - other) <= 3:
                    expected[word, passage[other]] += (3 - abs(place - other) + 1) / 3
    np.testing.assert_allclose(count_pairs(passages, 6, 3).toarray(), expected)


def test_ppmi_is_zero_where_words_meet_no_more_than_by_chance():
    pairs = count_pairs([np.array([0, 1] * 20 + [2, 3] * 20)], 4, 1)
    table = ppmi(pairs).toarray()
    near = np.asarray(pairs.sum(0)).ravel() ** 0.75
    chance = np.asarray(pairs.sum(1)).ravel()[0] * near[1] / near.sum()
    assert table[0, 1] == pytest.approx(math.log(pairs[0, 1] / chance))
    assert table[1, 2] == 0 and (table >= 0).all()


def test_counted_vectors_multiply_to_the_ppmi_where_they_are_wide_enough():
    dice = np.random.default_rng(4)
    passages = [dice.integers(0, 12, 30) for _ in range(20)]
    mine, others = count_vectors(passages, 12, window=2, width=11)
    np.testing.assert_allclose(mine @ others.T, ppmi(count_pairs(passages, 12, 2)).toarray(), atol=0.15)
    assert count_vectors(passages, 12, window=2, width=100)[0].shape == (12, 11)
