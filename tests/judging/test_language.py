"""Judging a writer: the figures, their intervals, honest verdicts, and the price of unknown words."""

import math

import numpy as np
import pytest

from glassworks.core.errors import PersonError
from glassworks.judging.language import Guessed, judge_language, spelled

DICE = np.random.default_rng(1)


def guessed(mean=2.0, tokens=5_000, spread=1.0, seed=1):
    nats = np.random.default_rng(seed).gamma(mean / spread, spread, tokens)
    return Guessed(nats, nats < 0.7, np.ones(tokens), np.zeros(tokens))


def test_figures_are_what_their_names_say():
    found = Guessed(np.array([1.0, 3.0]), np.array([True, False]), np.array([1.0, 3.0]), np.array([0.0, 0.5]))
    judged = judge_language(found, {"alike": np.array([2.0, 2.0])})
    values = {name: interval.value for name, interval in judged.metrics.items()}
    assert values["token_loss"] == 2.0 and values["perplexity"] == pytest.approx(math.e**2)
    assert values["bits_per_character"] == pytest.approx(4.5 / 4 / math.log(2))  # with what spelling costs
    assert values["next_token"] == 0.5
    assert judged.metrics["token_loss"].low is None  # one block of text: nothing to resample
    assert "next_token" not in judged.baselines["alike"]


def test_intervals_hold_the_figure_and_narrow_with_more_text():
    short, long = (judge_language(guessed(tokens=n), {"alike": np.full(n, 4.0)}) for n in (1_000, 10_000))
    for judged in (short, long):
        for interval in judged.metrics.values():
            assert interval.low < interval.value < interval.high
    widths = [one.metrics["token_loss"].high - one.metrics["token_loss"].low for one in (short, long)]
    assert widths[1] < 0.6 * widths[0]
    again = judge_language(guessed(tokens=1_000), {"alike": np.full(1_000, 4.0)})
    assert again.metrics == short.metrics


def test_the_verdict_speaks_of_the_best_baseline_and_says_where_it_loses():
    model = guessed()
    wins = judge_language(model, {"alike": np.full(5_000, 4.0), "n-grams": model.nats + 0.3})
    assert wins.against.name == "n-grams" and "fewer bits a character than counting (n-grams)" in wins.verdict
    loses = judge_language(model, {"n-grams": model.nats - 0.3})
    assert "more bits a character than counting (n-grams)" in loses.verdict
    even = judge_language(model, {"n-grams": guessed(seed=2).nats})
    assert even.verdict.startswith("not shown to guess text better")
    assert "only 4 blocks of text" in judge_language(guessed(tokens=200), {"n": np.full(200, 9.0)}).verdict


def test_unknown_words_cost_what_spelling_them_costs():
    texts = ["abab abab\n"]
    short, long, strange = spelled(["a", "abab", "ж"], texts)
    assert 0 < short < long < strange
    share = 4 / 14  # four of ten letters, three ends, one for all strangers
    assert long - short == pytest.approx(-3 * math.log(share), rel=1e-9)


@pytest.mark.parametrize(
    "broken", [Guessed(*(np.empty(0),) * 4), Guessed(np.array([np.nan]), np.ones(1), np.ones(1), np.zeros(1))]
)
def test_nothing_to_judge_is_refused(broken):
    with pytest.raises(PersonError) as told:
        judge_language(broken, {"alike": broken.nats})
    assert told.value.code == "nothing-to-judge"
