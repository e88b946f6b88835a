"""The chapter "Learning by hand": it runs, its figures hold at their corners, and they show T1 to T5."""

import inspect
import itertools
import math
import re
import warnings

import numpy as np
import pytest
import torch

from glassworks.foundations import by_hand, tape
from glassworks.foundations.tape import Value, ordered
from glassworks.reader import exercises
from glassworks.reader.figures import bouncing_ball, leaf_or_copy, tape_backwards
from glassworks.reader.figures.bouncing_ball import BouncingBall, travelled, watch
from glassworks.reader.figures.cost_of_gradients import CostOfGradients, measure
from glassworks.reader.figures.digits_by_hand import DigitsByHand, digits, learned
from glassworks.reader.figures.leaf_or_copy import LeafOrCopy
from glassworks.reader.figures.nudge import CHAINS, NudgeChain, growth
from glassworks.reader.figures.one_weight import OneWeight
from glassworks.reader.figures.tape_backwards import SCALARS, VECTORS, TapeBackwards, TapeOfVectors, received
from glassworks.reader.figures.three_ways import ThreeWays, by_tape, by_torch, close
from glassworks.reader.figures.three_ways import by_hand as step_by_hand
from tests.reader.chapters.ladder import Balanced, ends, prose, texts, words

SLUG = "foundations/learning_by_hand"
FIGURES = (
    OneWeight, NudgeChain, ThreeWays, TapeBackwards, TapeOfVectors, LeafOrCopy, BouncingBall, DigitsByHand,
    CostOfGradients,
)  # fmt: skip
EXERCISES = exercises.of(SLUG)


# ---- the figures


@pytest.mark.parametrize("kind", FIGURES, ids=lambda kind: kind.__name__)
def test_the_figure_holds_at_the_ends_of_all_its_controls(kind):
    figure = kind()
    choices = [[(control.name, value) for value in ends(control)] for control in figure.controls]
    every = list(itertools.product(*choices))
    for values in every[:: max(1, len(every) // 60)] + every[-1:]:
        drawn = figure.draw(**figure.arguments(dict(values)))
        Balanced(drawn)
        assert not re.search(r"\b(nan|inf)\b", words(drawn), re.IGNORECASE), values
        assert 'role="img"' in drawn or "<table" in drawn or 'alt="' in drawn


def test_one_weight_shows_the_worked_example():
    figure = OneWeight()
    shown = words(figure.drawn)
    for told in (
        "= 1 · 2 = 2",
        "(2 − 10)² = 64",
        "= −16",
        "(−16) · 2 = −32",
        "1 − 0.01 · (−32) = 1.32",
        "× 0.92",
    ):
        assert told in shown, told
    losses = words(figure.set(step=3))
    for told in ("1.32", "1.6144", "1.885248", "64", "54.1696", "45.84914944", "38.80672009", "best w 5"):
        assert told in losses, told


def test_the_text_says_what_the_steps_are():
    rows = re.findall(r"\| (\d) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|", "\n".join(texts(SLUG)))
    history = by_hand.one_weight(2, 10, 1, 0.01, 4)
    assert len(rows) == 4
    for (_, weight, loss, new), step in zip(rows, history):
        assert (float(weight), float(loss), float(new)) == pytest.approx(
            (step.weight, step.loss, step.new_weight)
        )


@pytest.mark.parametrize(
    ("rate", "told"), [(0.245, "lands closer"), (0.25, "never gets closer"), (0.255, "it diverges")]
)
def test_the_limit_of_the_rate_is_where_the_formula_says(rate, told):
    assert told in words(OneWeight().set(rate=rate))
    factor = abs(1 - 2 * rate * 4)
    first, later = by_hand.one_weight(2, 10, 1, rate, 30)[0], by_hand.one_weight(2, 10, 1, rate, 30)[-1]
    assert (later.loss < first.loss * 0.99, later.loss > first.loss * 1.01) == (
        factor < 0.999,
        factor > 1.001,
    )


def test_a_small_nudge_grows_by_the_product_of_the_slopes():
    for chain in CHAINS.values():
        rows = growth(chain, 0.8, 1e-6)
        whole = (rows[-1].after - rows[-1].before) / 1e-6
        assert whole == pytest.approx(math.prod(row.slope for row in rows), rel=1e-5)
        assert math.prod(row.measured for row in rows) == pytest.approx(whole, rel=1e-9)
    assert "−31.6" in words(NudgeChain().drawn) and "−32, the product" in words(NudgeChain().drawn)


def test_three_ways_take_the_worked_step_and_differ_only_by_rounding():
    figure = ThreeWays()
    assert by_tape(2.0, 10.0, 1.0, 0.01) == step_by_hand(2.0, 10.0, 1.0, 0.01) == (2, 64, -32, 1.32)
    single = by_torch(2.0, 10.0, 1.0, 0.01, torch.float32)
    assert f"{single[3]:.10f}" == "1.3199999332" and single[3] != 1.32
    assert "1.3199999332" in words(figure.drawn) and "1.3199999332" in prose(SLUG)
    assert f"{torch.tensor(0.01).item():.11f}" == "0.00999999978" and "0.00999999978" in prose(SLUG)


def test_three_ways_agree_within_the_tolerance_wherever_the_controls_can_go():
    figure, generator = ThreeWays(), np.random.default_rng(0)
    for _ in range(300):
        given = {c.name: generator.uniform(c.low, c.high) for c in figure.controls}
        values = figure.arguments(given)
        hand = step_by_hand(**values)
        assert hand[3] == by_hand.one_weight(*values.values(), 1)[0].new_weight
        assert close(hand, by_tape(**values), torch.float64)
        for kind in (torch.float64, torch.float32):
            assert close(hand, by_torch(**values, dtype=kind), kind)
        wrong = (*hand[:3], hand[3] + 0.01 * abs(hand[3]) + 0.01)
        assert not close(hand, wrong, torch.float32), "a tolerance that accepts everything"


# ---- the tape


@pytest.mark.parametrize("name", [*SCALARS, *VECTORS])
def test_what_the_visits_add_up_to_is_the_gradient(name):
    expression = (SCALARS | VECTORS)[name]
    value = expression()
    value.backward(keep_graph=True)
    visits = tape_backwards._visits(expression)
    figure = TapeBackwards if name in SCALARS else TapeOfVectors
    assert len(visits) <= next(control.high for control in figure.controls if control.name == "step")
    got = received(visits, len(visits))
    leaves = [node for node in ordered(value) if node.operation == "leaf"]
    assert leaves
    for leaf in leaves:
        np.testing.assert_allclose(got[leaf.name], leaf.grad)


def test_the_drawing_marks_the_visit_and_fills_gradients_one_by_one():
    figure = TapeBackwards()
    assert "grad 1" not in words(figure.drawn) and figure.drawn.count("grad –") == 7
    for step, (label, gradient) in enumerate(
        [("loss", "1"), ("error", "-16"), ("prediction", "-16"), ("w", "-32")], 1
    ):
        drawn = figure.set(step=step)
        marked = re.findall(r'<g class="\w+ visiting" data-value="(\w+)">', drawn)
        assert marked == [label] and f"{step}. {label}" in words(drawn)
        box = drawn.partition(f'data-value="{label}">')[2].partition("</g>")[0]
        assert f"grad {gradient}<" in box
    assert "Done after 4 visits" in words(figure.set(step=5))


def test_shares_of_a_value_that_is_used_twice_arrive_at_two_visits():
    visits = tape_backwards._visits(SCALARS["a·b + a: a is used twice"])
    seen = [received(visits, count).get("a") for count in range(1, len(visits) + 1)]
    assert [None if one is None else one.item() for one in seen[:2]] == [1.0, 3.0]


def test_a_branch_leaves_only_the_side_that_ran():
    for name, here, gone in (
        ("branch, x = 2: takes up", "up", "down"),
        ("branch, x = −2: takes down", "down", "up"),
    ):
        leaves = [node.name for node in ordered(SCALARS[name]()) if node.operation == "leaf"]
        assert leaves == [here] and gone not in leaves


@pytest.mark.parametrize(("numbers", "wanted"), [((2, 3), [2, 3]), ((2, 3, 4), [4 / 3, 2, 8 / 3])])
def test_the_mean_shares_its_gradient_out(numbers, wanted):
    output = tape_backwards.mean_of_squares(*numbers)
    y = next(node for node in ordered(output) if node.name == "y")
    np.testing.assert_array_equal(y.data, np.square(numbers) + 5)
    assert len(numbers) != 2 or (y.data.tolist(), output.data.item()) == ([9, 14], 11.5)
    output.backward(keep_graph=True)
    leaf = next(node for node in ordered(output) if node.operation == "leaf")
    np.testing.assert_allclose(leaf.grad, wanted, rtol=1e-6)
    assert "$[1.333, 2, 2.667]$" in prose(SLUG) and "11.5" in prose(SLUG)


def test_a_shared_bias_gets_the_sum_over_the_rows():
    shown = words(TapeOfVectors().set(expression="one bias for three rows", step=3))
    assert "share of bias, shape (2,)" in shown and "gradient of shifted, shape (3, 2)" in shown


# ---- leaves


def test_a_moved_tensor_has_no_gradient_and_its_leaf_has():
    assert leaf_or_copy.overwritten()["x"].is_leaf is False
    with pytest.warns(UserWarning, match="not a leaf"):
        assert leaf_or_copy.overwritten()["x"].grad is None
    kept = leaf_or_copy.leaf_kept()
    assert kept["leaf"].grad.tolist() == [2, 3]
    assert not kept["x"].is_leaf and kept["x"].dtype == torch.float64
    for program in (leaf_or_copy.created_there, leaf_or_copy.marked_after, leaf_or_copy.moved_nowhere):
        assert program()["x"].grad.tolist() == [2, 3]


def test_the_figure_of_leaves_runs_what_it_shows_without_a_warning():
    figure = LeafOrCopy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, program in leaf_or_copy.PROGRAMS.items():
            shown = words(figure.set(program=name))
            assert ("[2.0, 3.0]" in shown.partition("grad")[2]) == (program is not leaf_or_copy.overwritten)
            assert "backward ()" in shown or "backward()" in shown
    assert set(leaf_or_copy.VERDICTS) == set(leaf_or_copy.PROGRAMS.values())


# ---- the loop that halts by itself


def test_two_balls_leave_tapes_of_different_lengths():
    low, high = watch(0.5, 0.7), watch(2.0, 0.7)
    for ball in (low, high):
        bounces = len(ball.heights) - 1
        assert (
            ball.values == 2 + 4 * bounces
        )  # the factor, the drop, and four for each bounce, as the text says
        assert ball.heights[-1] <= 0.1 < ball.heights[-2]
    assert len(high.heights) > len(low.heights)
    assert "adds four values to the tape" in prose(SLUG)


@pytest.mark.parametrize("drop", [0.05, 0.5, 2.0, 5.0])
def test_the_gradient_through_the_loop_equals_torch(drop):
    factor = torch.tensor(0.63, dtype=torch.float64, requires_grad=True)
    height = distance = torch.tensor(drop, dtype=torch.float64)
    while height > bouncing_ball.STILL:
        height = factor * height
        distance = distance + 2 * height
    if distance.requires_grad:
        distance.backward()
    ours = watch(drop, 0.63)
    assert ours.distance == pytest.approx(distance.item(), rel=1e-12)
    assert ours.gradient == pytest.approx(factor.grad.item() if factor.grad is not None else 0.0, rel=1e-12)


def test_fifty_steps_learn_the_factor_and_too_large_a_rate_does_not():
    for rate in (0.0005, 0.001):
        moments = bouncing_ball.learned(rate)
        assert len(moments) == 51 and moments[0].bounce == 0.3
        assert moments[-1].bounce == pytest.approx(0.7, abs=1e-3)
    jumping = [moment.bounce for moment in bouncing_ball.learned(0.0015)[-10:]]
    assert max(jumping) - min(jumping) > 0.01
    assert "does not settle" in words(BouncingBall().set(rate="0.0015"))


def test_a_ball_that_bounces_without_end_is_stopped():
    assert len(watch(1.0, 1.1).heights) == bouncing_ball.MOST + 1
    assert travelled(0.05, Value(0.7)).data == 0.05


# ---- the network, and what it costs


def test_the_network_of_the_text_learns_digits_it_never_saw():
    before, after = learned(32, 0.2, 0), learned(32, 0.2, 8)
    assert (
        before.weights == 64 * 32 + 32 + 32 * 10 + 10 == 2410
        and "2{,}410" in prose(SLUG)
        and "2,410" in prose(SLUG)
    )
    assert before.accuracy < 0.4 and after.accuracy > 0.9
    assert [epoch.number for epoch in after.history] == list(range(1, 9))
    assert after.history[:3] == learned(32, 0.2, 3).history, "one more epoch continues the same training"
    assert learned(32, 2.0, 8).accuracy < 0.5


def test_digits_are_held_out_and_drawn_as_dark_on_light():
    data = digits()
    assert len(data.rows) == 1168 and len(data.held) == 270
    assert not {row.tobytes() for row in data.held} & {row.tobytes() for row in data.rows}
    assert data.pictures[:, 0, 0].mean() > 200


def test_nudging_finds_the_gradient_and_needs_a_pass_for_each_weight():
    small, large = measure(2, 8), measure(16, 8)
    assert (small.weights, large.weights) == (46, 340)
    assert large.difference < 1e-4
    assert large.nudging > 10 * (large.forward + large.backward)  # 341 passes against three or so
    assert large.nudging > 3 * small.nudging
    assert measure(16, 64).tape_bytes > 5 * large.tape_bytes and large.weight_bytes == 340 * 8


def test_the_tape_is_as_long_as_the_text_says():
    assert 300 <= len(inspect.getsource(tape).splitlines()) <= 340 and "about 320 lines" in prose(SLUG)
