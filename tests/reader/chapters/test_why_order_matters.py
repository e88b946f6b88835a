"""The chapter "Why order matters": its numbers are true, and its figures show what they say."""

import math

import pytest
import torch

from glassworks import labs
from glassworks.models.sequence.rnn import RNN
from glassworks.reader import exercises
from glassworks.reader.exercises.kinds import NumberExercise
from glassworks.reader.figures import any_length, may_see, order_runs, padding_seen
from glassworks.reader.figures.any_length import AnyLength
from glassworks.reader.figures.may_see import MaySee
from glassworks.reader.figures.order_decides import OrderDecides
from glassworks.reader.figures.padding_seen import PaddingSeen
from glassworks.reader.figures.same_bag import PAIRS, SameBag, counts, summaries, words_of
from glassworks.reader.figures.two_texts_one_window import TEXTS, TwoTextsOneWindow, seen, weights
from tests.reader.chapters.ladder import prose, words

SLUG = "sequence/why_order_matters"


def exercise(word: str) -> NumberExercise:
    found = exercises.find(f"why_order_matters.{word}")
    assert isinstance(found, NumberExercise)
    return found


# ---- bags and lengths


def test_two_orders_are_one_bag_and_two_states():
    for name, pair in PAIRS.items():
        bags_equal = counts(pair[0], words_of(pair)) == counts(pair[1], words_of(pair))
        assert bags_equal is (not name.startswith("another word"))
        for pressed in range(4):
            (bag, state), (other_bag, other_state) = (summaries(line, pressed) for line in pair)
            assert torch.allclose(bag, other_bag, atol=1e-12) is bags_equal
            assert (state - other_state).abs().max() > 1e-3
    assert words(SameBag().drawn).count("0: the same") == 2
    assert exercise("bag").target == math.factorial(6) and math.factorial(10) == 3_628_800


def test_only_the_layer_with_a_weight_for_each_place_refuses_a_length():
    for length in (1, 3, 7, 9, 60):
        said = [any_length.asked(network, length, False) for network in any_length.networks().values()]
        assert "cannot be multiplied" in said[0] and said[1:] == ["(1, 2)"] * 3
    assert all(any_length.asked(one, 60, True) == "(1, 2)" for one in any_length.networks().values())
    figure = AnyLength()
    assert "Of 60 words 52 are gone" in words(figure.set(words=60, fitted=True))


# ---- windows


def test_a_window_is_counted_as_torch_counts_it_and_ends_where_the_text_says():
    for window in (1, 5, 10):
        layer = torch.nn.Linear(window * 100, 64)
        assert sum(one.numel() for one in layer.parameters()) == weights(window)
    layer = torch.nn.Linear(4 * 50, 32)
    assert sum(one.numel() for one in layer.parameters()) == exercise("window").target == 6432
    assert 8 * 50 * 32 + 32 == 12_832 and "12,832" in exercise("window").why
    first, second = (line for line, _ in TEXTS)
    assert all(seen(first, window) == seen(second, window) for window in range(1, 11))
    assert seen(first, 11) != seen(second, 11)
    place = second.split().index("keys")
    assert len(second.split()) - 1 - place == 10 and "has ten words behind it" in prose(SLUG)
    figure = TwoTextsOneWindow()
    assert "one answer for both" in words(figure.drawn) and "32,064" in words(figure.drawn)
    assert "reaches the word" in words(figure.set(window=11))


# ---- padding


def test_padding_changes_every_summary_until_the_lengths_are_told():
    alone = padding_seen.answers(0, False)
    assert alone["mean"] == -2 and alone["largest"] == -1
    padded = padding_seen.answers(9, False)
    assert padded["mean"] == -0.5 and padded["largest"] == 0 and "-6 / 12 = -0.5" in prose(SLUG)
    assert all(abs(padded[name] - alone[name]) > 0.01 for name in alone)
    for padding in range(1, padding_seen.MOST + 1):
        assert padding_seen.answers(padding, True) == pytest.approx(alone, abs=1e-6)
    assert "begins there" in words(PaddingSeen().set(told=True))


def test_zeros_do_not_stay_zeros_behind_a_layer_with_a_bias():
    layer = torch.nn.Linear(3, 2)
    torch.nn.init.ones_(layer.bias)
    assert layer(torch.zeros(3)).tolist() == [1.0, 1.0]
    table = torch.nn.Embedding(5, 3, padding_idx=0)
    table(torch.tensor([0, 1])).sum().backward()
    assert table.weight.grad is not None and table.weight[0].tolist() == [0, 0, 0]
    assert table.weight.grad[0].tolist() == [0, 0, 0] != table.weight.grad[1].tolist()


def test_the_text_tells_what_the_lab_on_padding_found():
    found = labs.recorded("padding-and-masks")
    assert found is not None and found.outcome == "holds"
    mean = {name: round(sum(row) / len(row), 1) for name, row in found.numbers.items() if "accuracy" in name}
    assert mean["accuracy: with lengths, as in training"] == 93.5
    assert mean["accuracy: with lengths, more"] == 93.5
    assert mean["accuracy: without lengths, as in training"] == 90.0
    assert mean["accuracy: without lengths, more"] == 83.3
    text = prose(SLUG)
    assert "names 93.5 %" in text and "names 90.0 %" in text and "83.3 %" in text
    assert max(found.numbers["change: with lengths"]) < 1e-5


# ---- what is learned


def _right(question: str, kind: str, length: int) -> list[float]:
    shares = [order_runs.run(question, kind, seed)[1][length] for seed in range(2)]
    assert None not in shares
    return [share for share in shares if share is not None]


def test_what_the_runs_show_is_what_the_text_says():
    assert all(abs(share - 0.5) < 0.04 for share in _right("order", "bag", 10))
    most = 1 - 0.5 * (6 * 5) / (10 * 9)
    assert most == pytest.approx(5 / 6)
    assert all(abs(share - most) < 0.03 for share in _right("order", "window", 10))
    assert min(_right("order", "every place", 10)) > 0.99
    assert order_runs.run("order", "every place", 0)[1][20] is None
    assert min(_right("order", "recurrent", 10)) > 0.99
    assert max(_right("order", "recurrent", 20)) < 0.99  # it takes the length and no longer knows
    assert min(_right("order", "recurrent", 40)) < 0.6
    for length in (10, 20, 40):
        assert min(_right("count", "bag", length)) > 0.99
    assert max(_right("count", "recurrent", 40)) < 0.97


def test_no_window_of_four_can_do_better_than_five_of_six():
    """Counted over all places of A and B: what the window shows decides, or a coin does."""
    right = 0.0
    pairs = [(a, b) for a in range(10) for b in range(10) if a != b]
    for a, b in pairs:
        right += 1.0 if max(a, b) >= 10 - order_runs.WINDOW else 0.5
    assert right / len(pairs) == pytest.approx(5 / 6)


def test_the_questions_are_asked_as_the_text_says():
    dice = torch.Generator().manual_seed(0)
    letters, answers = order_runs.examples("order", 200, 10, dice)
    assert bool(((letters == 0).sum(1) == 1).all() and ((letters == 1).sum(1) == 1).all())
    first = (letters == 0).int().argmax(1) < (letters == 1).int().argmax(1)
    assert first.long().tolist() == answers.tolist()
    letters, answers = order_runs.examples("count", 200, 10, dice)
    assert ((letters == 0).sum(1) > (letters == 1).sum(1)).long().tolist() == answers.tolist()
    assert len(answers) == 200


def test_the_figure_draws_what_the_runs_gave():
    figure = OrderDecides()
    figure.set(seed=1)
    assert "refused" in words(figure.wait()) and "100.0%" in words(figure.drawn)
    assert "Training" not in words(figure.drawn)


# ---- the future


def test_the_square_shows_who_sees_the_future():
    upper = torch.ones(may_see.STEPS, may_see.STEPS).triu(1).bool().numpy()
    for kind, ahead in (("ahead", False), ("both", True), ("centred", True), ("past", False)):
        square = may_see.reach(kind)
        assert bool((square[upper] > 0).any()) is ahead
    assert (may_see.reach("both") > 0).all()
    figure = MaySee()
    assert "steps 1, 2, 3 and 4. None" in words(figure.drawn)
    assert "5, 6, 7 and 8 lie in its future" in words(figure.set(kind="recurrent, from both ends"))


def test_the_answer_to_the_last_exercise_judges_the_installed_layers():
    names: dict = {}
    exec(exercises.find("why_order_matters.looks_ahead").solution, names)  # type: ignore[union-attr]  # noqa: S102
    steps = torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(0))
    for both in (False, True):
        layer = RNN(3, 5, bidirectional=both)
        assert names["looks_ahead"](lambda given, layer=layer: layer(given)[0], steps) is both
