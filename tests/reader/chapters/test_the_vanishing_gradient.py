"""The chapter "The vanishing gradient": its numbers are true, and its figures show what they say."""

import itertools
import json
import math

import numpy as np
import pytest
import torch
from torch import nn

import glassworks
from glassworks import labs
from glassworks.data.samples import fetch
from glassworks.labs.lab import Result
from glassworks.models.sequence.rnn import RNN
from glassworks.reader import exercises
from glassworks.reader.exercises.kinds import CodeExercise, NumberExercise
from glassworks.reader.figures import copy_runs, held_and_deaf, the_cliff
from glassworks.reader.figures.copy_runs import CopyRuns
from glassworks.reader.figures.cut_through_time import TEXT, CutThroughTime, share
from glassworks.reader.figures.cut_through_time import asked as after_cuts
from glassworks.reader.figures.gradient_of_starts import STARTS, GradientOfStarts, asked
from glassworks.reader.figures.held_and_deaf import HeldAndDeaf
from glassworks.reader.figures.matrix_many_times import MATRICES, MatrixManyTimes, lengths, radius
from glassworks.reader.figures.powers_of_a_factor import PowersOfAFactor, until_hundredth
from glassworks.reader.figures.the_cliff import TheCliff
from tests.reader.chapters.ladder import prose, words

SLUG = "sequence/the_vanishing_gradient"


def exercise(word: str) -> NumberExercise:
    found = exercises.find(f"the_vanishing_gradient.{word}")
    assert isinstance(found, NumberExercise)
    return found


def solution(word: str) -> dict:
    """The names that an exercise's reference answer defines."""
    found, names = exercises.find(f"the_vanishing_gradient.{word}"), {}
    assert isinstance(found, CodeExercise)
    exec(found.solution, names)  # noqa: S102
    return names


def recorded(name: str) -> Result:
    found = labs.recorded(name)
    assert found is not None
    return found


# ---- one factor


def test_the_powers_of_the_text_are_those_of_the_figure():
    assert f"{0.9**50:.6f}" == "0.005154" and "0.005154" in prose(SLUG)
    assert round(100 * 0.9**10) == 35 and round(1.1**50) == 117 and f"{0.5**50:.1e}" == "8.9e-16"
    assert [until_hundredth(one) for one in (0.9, 0.8, 0.5, 1.0, 1.1)] == [44, 21, 7, None, None]
    for factor in (0.5, 0.8, 0.9):
        reach = until_hundredth(factor)
        assert reach is not None and factor**reach < 0.01 <= factor ** (reach - 1)
    assert exercise("reach").target == until_hundredth(0.8)
    assert f"{0.8**20:.4f}" == "0.0115" and f"{0.8**21:.4f}" == "0.0092" and 0.8**63 < 1.1e-6
    assert pytest.approx(0.01, rel=0.02) == 0.9954**1000  # 0.0046 less than 1
    assert "grows" in words(PowersOfAFactor().set(u=1.1)) and "0.005154" in words(PowersOfAFactor().drawn)
    assert "shrinks" in words(PowersOfAFactor().set(u=1.1, h=0.5))


# ---- matrices


def test_eigenvalues_say_the_end_and_singular_values_a_step():
    shear = MATRICES["a shear with eigenvalues 0.9"]
    assert radius(shear) == pytest.approx(0.9, abs=1e-6)
    grown = [lengths(shear, step)[0] for step in range(61)]
    assert grown[9] == pytest.approx(7.768, abs=1e-3) and max(grown) < 8 and grown[60] < 0.5
    assert np.linalg.norm(shear @ np.array([0.0, 1.0])) == pytest.approx(2.19, abs=5e-3)
    assert f"{0.9**9:.3f}" == "0.387"
    rotation = MATRICES["a rotation"]
    assert radius(rotation) == pytest.approx(1) and lengths(rotation, 60) == pytest.approx((1, 1))
    for matrix in MATRICES.values():  # no product is longer than the largest singular value allows
        for steps in (1, 5, 30):
            assert lengths(matrix, steps)[0] <= lengths(matrix, 1)[0] ** steps * (1 + 1e-9)
    assert "7.768" in words(MatrixManyTimes().drawn)


def test_the_product_of_the_exercise_is_the_gradient_of_the_installed_layer():
    layer = RNN(3, 4).double()
    steps = torch.randn(1, 6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    cell = layer.stacked()[0][0]
    with torch.no_grad():
        states = layer(steps)[0][0]
    through = solution("product")["through"](cell.from_state.weight.detach().float(), states.float())

    def run(state):
        return layer(steps[:, 1:], None, (state[None, None],))[0][0, -1]

    wanted = torch.autograd.functional.jacobian(run, states[0])
    assert torch.allclose(through.double(), wanted, atol=1e-6)


# ---- measured


def test_what_is_left_after_49_steps_is_what_the_text_and_the_lab_say():
    """E5: at torch's start about 1e-16; larger recurrent weights do not vanish."""
    left = {start: [asked(start, 1.0, seed) for seed in range(10)] for start in STARTS}
    power = {start: np.mean([math.log10(one.left[-1]) for one in rows]) for start, rows in left.items()}
    assert power["as torch starts"] == pytest.approx(-15.8, abs=0.05)
    assert power["a rotation"] == pytest.approx(-5.8, abs=0.05)
    assert power["1.5 times a rotation"] == pytest.approx(-0.4, abs=0.05)
    table = {row[0]: row[1] for row in recorded("gradient-by-lag").tables[0].rows}
    assert table["RNN"].startswith("-15.8") and table["RNN, a rotation"].startswith("-5.8")
    assert recorded("gradient-by-lag").outcome == "holds"
    rows = left["as torch starts"]
    assert np.mean([one.stretch for one in rows]) == pytest.approx(math.sqrt(1 / 3), abs=0.01)
    assert np.mean([one.slope for one in rows]) == pytest.approx(0.82, abs=0.005)
    assert 10 ** (power["as torch starts"] / 49) == pytest.approx(0.48, abs=0.006)
    assert 10 ** (power["a rotation"] / 49) == pytest.approx(0.76, abs=0.005)
    assert np.mean([one.slope for one in left["1.5 times a rotation"]]) == pytest.approx(0.66, abs=0.005)
    for start in STARTS:  # stretch times slope is close to what was measured
        product = np.mean([one.stretch * one.slope for one in left[start]])
        assert product == pytest.approx(10 ** (power[start] / 49), abs=0.01)
    assert "1.1e-17" in words(GradientOfStarts().drawn)


def test_with_other_inputs_the_same_matrix_grows_or_fades():
    small = [asked("1.5 times a rotation", 0.1, seed).left[-1] for seed in range(10)]
    large = [asked("1.5 times a rotation", 4.0, seed).left[-1] for seed in range(10)]
    assert sum(one > 1 for one in small) > 5
    assert np.mean(np.log10(large)) == pytest.approx(-8.4, abs=0.1)


def test_a_start_of_torch_stretches_by_the_root_of_a_third_whatever_its_width():
    for width in (64, 256):
        torch.manual_seed(width)
        weight = nn.RNN(4, width).weight_hh_l0
        assert float(weight.detach().norm()) / width**0.5 == pytest.approx(math.sqrt(1 / 3), abs=0.02)


# ---- held and deaf


def test_what_is_held_has_a_factor_below_one():
    assert held_and_deaf.held(2.0) == pytest.approx(0.9575, abs=5e-5)
    assert held_and_deaf.factor(2.0) == pytest.approx(0.166, abs=5e-4)
    assert 1 / 70e6 < held_and_deaf.factor(2.0) ** 10 < 1 / 50e6
    assert held_and_deaf.held(1.5) == pytest.approx(0.8586, abs=5e-5)
    assert exercise("held").target == pytest.approx(held_and_deaf.factor(1.5), abs=5e-4)
    for u in np.arange(1.05, 3, 0.05):
        assert 0 < held_and_deaf.factor(float(u)) < 1
    state = torch.tensor(0.9, dtype=torch.float64, requires_grad=True)
    after = state
    for _ in range(60):
        after = torch.tanh(2 * after)
    after.backward()
    assert state.grad is not None and 0 < state.grad.item() < 1e-40 and after.item() > 0.95
    assert "fades with each step" in words(HeldAndDeaf().drawn)


# ---- clipping


def test_a_descent_is_thrown_off_the_cliff_unless_it_is_clipped():
    for start in (-0.3, -0.21, -0.09, 0.09, 0.21):
        plain, short = the_cliff.descent(start, False), the_cliff.descent(start, True)
        assert max(abs(b) for b, *_ in plain) > the_cliff.REACH
        assert max(abs(b) for b, *_ in short) <= the_cliff.REACH + 1e-9
        steps = [abs(two[0] - one[0]) for one, two in itertools.pairwise(short)]
        assert max(steps) <= the_cliff.RATE * the_cliff.LIMIT + 1e-9
    assert abs(the_cliff.loss(0.0)[1]) > 100
    bias = torch.tensor(0.01, dtype=torch.float64, requires_grad=True)
    state = torch.zeros((), dtype=torch.float64)
    for _ in range(the_cliff.STEPS):
        state = torch.tanh(the_cliff.WEIGHT * state + bias)
    ((state - the_cliff.TARGET) ** 2).backward()
    assert bias.grad is not None and bias.grad.item() == pytest.approx(the_cliff.loss(0.01)[1], rel=1e-9)
    assert "threw b out" in words(TheCliff().drawn)
    assert "All of the descent" in words(TheCliff().set(clipped=True))


def test_the_clipping_of_the_exercise_is_torchs_and_brings_nothing_back():
    dice = torch.Generator().manual_seed(0)
    given = [torch.randn(3, 4, generator=dice), torch.randn(5, generator=dice)]
    holders = [nn.Parameter(torch.zeros_like(one)) for one in given]
    for holder, one in zip(holders, given):
        holder.grad = one.clone()
    nn.utils.clip_grad_norm_(holders, 0.7)
    for mine, holder in zip(solution("clip")["clip"](given, 0.7), holders):
        assert holder.grad is not None and torch.allclose(mine, holder.grad, atol=1e-6)
    near, far = solution("clip")["clip"]([torch.tensor([100.0, 1e-7])], 1.0)[0].tolist()
    assert far / near == pytest.approx(1e-9, rel=1e-5)
    wild = nn.Parameter(torch.zeros(2))
    wild.grad = torch.tensor([math.inf, 1.0])
    nn.utils.clip_grad_norm_([wild], 1.0)
    assert not bool(torch.isfinite(wild.grad).all())


# ---- cuts


def test_a_cut_ends_what_is_taught_and_leaves_the_states():
    gradient, apart = after_cuts(20, 47)
    assert [step for step, one in enumerate(gradient) if one > 0] == list(range(40, 48)) and apart < 1e-6
    assert all(one > 0 for one in after_cuts(TEXT, 47)[0][:48])
    assert share(20, 10) == 0.5 and share(20, 20) == 0 and 100 * share(40, 10) == exercise("cut").target
    places = [letter for letter in range(4000) if letter % 40 >= 10]
    assert len(places) / 4000 == 0.75
    assert "50 %" in words(CutThroughTime().drawn)


# ---- in practice


def test_the_lab_of_the_last_chapter_is_told_as_recorded():
    found = recorded("copy-task")
    assert sum(one > 90 for one in found.numbers["accuracy: RNN, gap 20"]) == 9
    assert sum(one > 90 for one in found.numbers["accuracy: RNN, gap 60"]) == 1
    assert f"{math.log(8):.2f}" == "2.08" and "2.08" in prose(SLUG)


def test_over_few_steps_all_runs_learn():
    figure = CopyRuns()
    figure.set(gap=5, start="a rotation")
    told = words(figure.wait())
    assert told.count("100 %") == 3 and "12.5 %" in told


@pytest.mark.long
def test_over_forty_steps_the_usual_start_learns_nothing_and_a_rotation_once():
    plain = [copy_runs.run("as torch starts", 40, 0, seed) for seed in copy_runs.SEEDS]
    assert all(right < 20 and losses[-1] > 1.9 for losses, right in plain)
    turned = [copy_runs.run("a rotation", 40, 0, seed)[1] for seed in copy_runs.SEEDS]
    assert sum(right > 90 for right in turned) == 1


def test_where_the_gradient_is_cut_the_step_of_the_symbol_gets_none():
    kind, begin = copy_runs.WAYS["RNN"]
    model = begin(copy_runs.reader_of(kind, copy_runs.INPUTS, 8, copy_runs.SYMBOLS, 0), 0)
    steps = next(copy_runs.sequences(5, 0)).steps.clone().requires_grad_()
    copy_runs._last(model.layer, steps, 4).sum().backward()
    assert steps.grad is not None and float(steps.grad[:, :3].abs().max()) == 0
    assert float(steps.grad[:, -1].abs().max()) > 0


@pytest.mark.long
@pytest.mark.parametrize(("patch", "losses"), [(1, (0.68, 0.43)), (5, (0.34, 0.24)), (15, (0.004, 0.01))])
def test_the_shorter_the_way_the_better_the_training_loss_on_long_series(patch, losses, tmp_path):
    """The table of the text, on sample:gun-point."""
    fetch("gun-point")
    assert f"{losses[0]:g}, {losses[1]:g} |" in prose(SLUG)
    for seed, told in enumerate(losses):
        out = tmp_path / str(seed)
        request = {"size": "tiny", "variant": "forward", "epochs": 60, "seed": seed, "quiet": True}
        glassworks.train("rnn", "sample:gun-point", set=[f"model.patch={patch}"], out=out, **request)
        rows = (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        assert json.loads(rows[-1])["train_loss"] == pytest.approx(told, abs=0.006)
