"""Counting what follows: chances that sum to one, Kneser and Ney's own example, and a slow reference."""

import numpy as np
import pytest

from glassworks.judging.ngrams import USUAL, NGrams, discounts

DICE = np.random.default_rng(3)
STREAM = DICE.integers(0, 6, 400) * DICE.integers(0, 2, 400)  # 0 is frequent


def test_chances_sum_to_one_whatever_stands_before():
    model = NGrams(STREAM, 7, 4)  # token 6 was never seen
    for before in ([0], [1, 2], [6, 6, 6], [3, 3, 3, 3], list(STREAM[:20])):
        for longest in (1, 2, 3, 4):
            total = sum(np.exp(-model.nats(np.array([*before, token]))[longest][-1]) for token in range(7))
            assert total == pytest.approx(1.0, abs=1e-9)


def test_after_gives_the_chances_that_nats_judges_by():
    model = NGrams(STREAM, 7, 3)
    text = np.array([0, 3, 1, 0, 5, 2, 2])
    for longest, nats in model.nats(text).items():
        found = [-np.log(model.after(text[:place], longest)[text[place]]) for place in range(1, len(text))]
        np.testing.assert_allclose(found, nats, rtol=1e-9)


def test_unigrams_count_and_unseen_tokens_get_what_the_discounts_lend():
    model = NGrams(np.array([0, 0, 0, 1, 1, 2]), 5, 1, never=(4,))
    found = [float(np.exp(-model.nats(np.array([0, token]))[1][0])) for token in range(5)]
    lent = 3 * USUAL / 6  # three different tokens, each with its discount
    assert found[:4] == pytest.approx(
        [(3 - USUAL) / 6 + lent / 4, (2 - USUAL) / 6 + lent / 4, (1 - USUAL) / 6 + lent / 4, lent / 4]
    )
    assert found[4] == 0.0


def test_a_token_that_follows_one_word_alone_is_unlikely_after_others():
    """San Francisco: frequent, but only after San. So kinds of contexts are counted, not occurrences."""
    words = {"san": 0, "francisco": 1, "glasses": 2, "my": 3, "your": 4, "new": 5, "lost": 6}
    text = ["san", "francisco"] * 9 + ["my", "glasses", "your", "glasses", "new", "glasses"]
    model = NGrams(np.array([words[word] for word in text]), 7, 2)
    after = model.after(np.array([words["lost"]]), 2)  # a word that training never had
    assert after[words["glasses"]] > after[words["francisco"]]
    assert NGrams(np.array([words[word] for word in text]), 7, 1).after(np.array([6]), 1)[1] > after[1]


def test_discounts_are_chen_and_goodman_s():
    counts = np.array([1] * 8 + [2] * 4 + [3] * 2 + [4] * 1)
    share = 8 / 16
    assert discounts(counts).tolist() == pytest.approx(
        [0, 1 - 2 * share * 4 / 8, 2 - 3 * share * 2 / 4, 3 - 4 * share * 1 / 2]
    )
    assert discounts(np.array([5, 5])).tolist() == [0, USUAL, USUAL, USUAL]


def slow(stream, base, text, order):
    """Interpolated Kneser-Ney written out with dictionaries: the nats of each token but the first."""
    pad = [base] * order
    seen = [*pad, *map(int, stream)]

    def runs(length):
        return [tuple(seen[at - length + 1 : at + 1]) for at in range(order, len(seen))]

    # A run begins at a padding only where the stream itself begins, as in the fast counts.
    def every(length):
        return [tuple(seen[at - length + 1 : at + 1]) for at in range(length - 1, len(seen))]

    def table(length, top):
        counts = {}
        if top:
            for run in runs(length):
                counts[run] = counts.get(run, 0) + 1
        else:
            for run in set(every(length + 1)):
                if run[-1] != base:
                    counts[run[1:]] = counts.get(run[1:], 0) + 1
        return counts

    def chance(token, before, length, top):
        if length == 0:
            return 1 / base
        counts = table(length, top)
        off = discounts(np.array(list(counts.values())))
        context = tuple(before[len(before) - length + 1 :])
        own = {run: count for run, count in counts.items() if run[:-1] == context}
        shorter = chance(token, before, length - 1, False)
        if not own:
            return shorter
        total, lent = sum(own.values()), sum(off[min(count, 3)] for count in own.values())
        count = own.get((*context, token), 0)
        return (max(0, count - off[min(count, 3)]) + lent * shorter) / total

    told = [*pad, *map(int, text)]
    return [-np.log(chance(told[at], told[:at], order, True)) for at in range(order + 1, len(told))]


def test_agrees_with_counts_in_dictionaries():
    stream, text = STREAM[:60], np.array([0, 1, 0, 3, 4, 0, 0, 2])
    for order in (1, 2, 3):
        expected = slow(stream, 6, text, order)
        np.testing.assert_allclose(NGrams(stream, 6, order).nats(text)[order], expected, rtol=1e-9)


def test_longer_runs_learn_what_shorter_ones_cannot():
    circle = np.tile(np.array([0, 1, 0, 2, 0, 3]), 50)
    nats = NGrams(circle, 4, 4).nats(circle[:60])
    means = [float(nats[n].mean()) for n in (1, 2, 3)]
    assert means[0] > means[1] > means[2] and means[2] < 0.1
