"""The chapter "A cell with memory": its numbers are true, and its figures show what they say."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from glassworks.models.sequence.rnn import RNN, RNNCell
from glassworks.reader import exercises
from glassworks.reader.exercises.kinds import CodeExercise, NumberExercise
from glassworks.reader.figures import back_through_time, bounded_state, one_number_remembers, trained_reader
from glassworks.reader.figures.back_through_time import BackThroughTime
from glassworks.reader.figures.bounded_state import FACTORS, INPUTS, BoundedState, measured
from glassworks.reader.figures.one_cell import OneCell, stepped
from glassworks.reader.figures.one_number_remembers import TEXTS, OneNumberRemembers
from glassworks.reader.figures.order_runs import trained
from glassworks.reader.figures.trained_reader import LagsOfTheTrained, TrainedReader, lags, read
from glassworks.reader.figures.unrolled import Unrolled, states
from tests.reader.chapters.ladder import prose, words

SLUG = "sequence/a_cell_with_memory"


def exercise(word: str) -> NumberExercise:
    found = exercises.find(f"a_cell_with_memory.{word}")
    assert isinstance(found, NumberExercise)
    return found


def solution(word: str) -> dict:
    """The names that an exercise's reference answer defines."""
    found, names = exercises.find(f"a_cell_with_memory.{word}"), {}
    assert isinstance(found, CodeExercise)
    exec(found.solution, names)  # noqa: S102
    return names


# ---- the cell


def test_the_step_by_hand_is_what_the_figure_and_the_cell_give():
    assert stepped(1.0, 0.5, 0.6, 0.8) == pytest.approx((1.0, 0.7616), abs=5e-5)
    assert "0.7616" in prose(SLUG) and "0.7616" in words(OneCell().drawn)
    assert "nearly flat" in words(OneCell().set(w=3, x=3))
    one = exercise("step")
    assert one.target == pytest.approx(math.tanh(0.5 * 1.5 - 0.5 + 0.25), abs=5e-5)
    slips = (0.5, math.tanh(1.5), math.tanh(1.0), math.tanh(0.25), 0.5 + math.tanh(0.5), math.tanh(1.25))
    assert sorted(m.value for m in one.mistakes) == pytest.approx(sorted(slips), abs=6e-4)


def test_the_cell_of_the_text_has_640_parameters_and_equals_torchs():
    """T45: (1, 10) and (1, 20) to (1, 20); 640 parameters; no difference; within -1 .. 1."""
    mine, theirs = RNNCell(10, 20), nn.RNNCell(10, 20)
    assert sum(one.numel() for one in mine.parameters()) == 640 == 200 + 400 + 20 + 20
    theirs.load_state_dict(
        {"weight_ih": mine.from_input.weight, "weight_hh": mine.from_state.weight,
         "bias_ih": mine.from_input.bias, "bias_hh": mine.from_state.bias}
    )  # fmt: skip
    dice = torch.Generator().manual_seed(0)
    x, h = torch.randn(1, 10, generator=dice), torch.randn(1, 20, generator=dice).tanh()
    with torch.no_grad():
        (answer,), wanted = mine(x, (h,)), theirs(x, h)
    assert answer.shape == (1, 20) and torch.allclose(answer, wanted, atol=1e-7, rtol=0)
    assert float(answer.abs().max()) <= 1
    weights = (mine.from_input.weight, mine.from_state.weight, mine.from_input.bias, mine.from_state.bias)
    assert torch.allclose(solution("rnn_cell")["rnn_cell"](x, h, *weights), wanted, atol=1e-6)
    assert "$200 + 400 + 20 + 20 = 640$" in prose(SLUG)


def test_the_count_of_the_exercise_is_torchs():
    cell = nn.RNNCell(128, 256)
    assert sum(one.numel() for one in cell.parameters()) == exercise("count").target == 98_816


# ---- unrolled


def test_the_figure_reads_as_torchs_layer_does_and_words_that_begin_alike_share_states():
    memory, memoir = states("memory"), states("memoir")
    assert torch.equal(memory[:5], memoir[:5]) and not torch.equal(memory[5], memoir[5])
    same = states("eeeeee")
    assert all(not torch.allclose(same[n], same[n + 1], atol=1e-4) for n in range(3))
    figure = Unrolled()
    assert "then after m, e, m" in words(figure.drawn)
    told = words(figure.set(step=6))
    assert f"tanh of it is {float(memory[6, 0]):+.3f}" in told
    assert "Nothing is read" in words(figure.set(step=0))


def test_the_loop_of_the_exercise_equals_the_installed_layer():
    layer = RNN(3, 5)
    steps = torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(0))
    cell = layer.cells[0]
    with torch.no_grad():
        outputs, (state,) = layer(steps)
        mine, last = solution("read")["read"](lambda x, h: cell(x, (h,))[0], steps, torch.zeros(2, 5))
    assert torch.allclose(mine, outputs, atol=1e-6) and torch.allclose(last, state[0], atol=1e-6)


# ---- memory


def test_one_number_holds_above_a_weight_of_one_and_fades_below():
    assert one_number_remembers.rest(2.0) == pytest.approx(0.958, abs=5e-4)
    assert math.tanh(2 * 0.9575) == pytest.approx(0.9575, abs=1e-4)
    assert one_number_remembers.rest(1.1) == pytest.approx(0.503, abs=5e-4)
    long = TEXTS["a (rather long remark that goes on) here"]
    inside = long.index(")") - 1
    assert one_number_remembers.states(long, 2.0)[inside] == pytest.approx(0.958, abs=5e-4)
    assert one_number_remembers.states(long, 0.9)[inside] < 0.05
    assert one_number_remembers.states("(" + "." * 3000, 2.0)[-1] == pytest.approx(0.958, abs=5e-4)
    assert one_number_remembers.states("(" + "." * 3000, 1.0)[-1] < 0.05
    assert "fades" in words(OneNumberRemembers().set(weight=0.9))


def test_the_trained_layer_remembers_which_came_last():
    for seed in range(3):
        network = trained("order", "recurrent", seed)[0]
        answers = {text: read(network, text)[1] for text in trained_reader.TEXTS}
        assert answers["cdAefcBdef"][5] < 0.1 and answers["cdAefcBdef"][-1] > 0.9
        assert answers["cdBefcAdef"][5] > 0.9 and answers["cdBefcAdef"][-1] < 0.1
        assert answers["AcBdefcAde"][-1] < 0.1  # A came first, and it says B
        assert answers["BcAdefcBde"][-1] > 0.9
    figure = TrainedReader()
    figure.set(text="AcBdefcAde")
    assert "A came first" in words(figure.wait()) and "being trained" not in words(figure.drawn)


# ---- back through time


def test_the_shares_add_up_to_what_autograd_says():
    for u in np.linspace(-2, 2, 9):
        assert sum(share for *_, share in back_through_time.shares(float(u))) == pytest.approx(
            back_through_time.by_tape(float(u)), abs=1e-12
        )
    assert "Autograd says" in words(BackThroughTime().set(back=6))
    u = torch.tensor(3.0, requires_grad=True)
    state = torch.tensor(0.0)
    for x in (1.0, 2.0, 1.0):
        state = u * state + x
    state.backward()
    assert state.item() == 16 and u.grad is not None and u.grad.item() == exercise("through_time").target == 8


def test_a_cut_ends_the_gradient_and_not_the_memory():
    layer = RNN(2, 3)
    steps = torch.randn(1, 6, 2, generator=torch.Generator().manual_seed(0))
    whole, _ = layer(steps)
    first = steps[:, :3].clone().requires_grad_()
    _, state = layer(first)
    second, _ = layer(steps[:, 3:], state=tuple(part.detach() for part in state))
    assert torch.allclose(second, whole[:, 3:], atol=1e-6)
    second.sum().backward()
    assert first.grad is None


# ---- what tanh bounds


def test_tanh_bounds_the_state_and_not_the_gradient():
    """T46 and E3: 1.5 to the power 50 near zero, with every state within -1 .. 1."""
    gradients, _ = measured(1.5, INPUTS["near zero"])
    assert gradients[50] == pytest.approx(1.5**50, rel=1e-9) and f"{1.5**50:.3e}" == "6.376e+08"
    assert round(1.5**50, -2) == 637_621_500 and "637,621,500" in BoundedState.says
    for factor in FACTORS.values():
        near, _ = measured(factor, 0.0)
        assert near[50] == pytest.approx(factor**50, rel=1e-6)
        for size in INPUTS.values():
            assert measured(factor, size)[1] <= 1
    assert measured(1.5, INPUTS["ordinary"])[0][50] == pytest.approx(2.4e-6, rel=0.02)
    assert "0.0000024" in prose(SLUG)
    assert "6.376e+08" in words(BoundedState().drawn)
    assert (bounded_state.WIDTH, bounded_state.STEPS) == (4, 51)


def test_clipping_shortens_and_does_not_bring_back():
    weight = nn.Parameter(torch.zeros(2))
    for size in (1e6, 1e-12):
        weight.grad = torch.tensor([size, 0.0])
        nn.utils.clip_grad_norm_([weight], 1.0)
        assert weight.grad.norm().item() == pytest.approx(min(size, 1.0), rel=1e-4)


def test_the_trained_layer_listens_further_back_than_before():
    """P37: the gradient by lag before the training and after it."""
    for seed in range(2):
        before, after = lags(seed, False), lags(seed, True)
        assert before[9] / before[0] < 0.01 < 0.05 < after[9] / after[0]
    figure = LagsOfTheTrained()
    figure.set(seed=1)
    assert "after the training" in words(figure.wait())
