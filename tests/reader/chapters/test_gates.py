"""The chapter "Gates": its numbers are true, and its figures show what they say."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from glassworks import catalogue, labs
from glassworks.labs.lab import Result
from glassworks.models.sequence.gru import GRU, GRUCell
from glassworks.models.sequence.lstm import HELD, LSTM, LSTMCell
from glassworks.reader import exercises
from glassworks.reader.exercises.kinds import CodeExercise, NumberExercise, PredictExercise
from glassworks.reader.figures import carried_cell, forget_bias, one_gru_step, two_conventions
from glassworks.reader.figures.blocks_counted import BlocksCounted, counted
from glassworks.reader.figures.carried_cell import CarriedCell
from glassworks.reader.figures.forget_bias import ForgetBias
from glassworks.reader.figures.gates_over_time import GatesOverTime, learned, rows
from glassworks.reader.figures.one_gru_step import OneGRUStep
from glassworks.reader.figures.one_lstm_step import OneLSTMStep, stepped
from glassworks.reader.figures.two_conventions import TwoConventions
from tests.reader.chapters.ladder import prose, words

SLUG = "sequence/gates"
BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "results" / "lstm_step.json"


def exercise(word: str) -> NumberExercise:
    found = exercises.find(f"gates.{word}")
    assert isinstance(found, NumberExercise)
    return found


def solution(word: str) -> dict:
    """The names that an exercise's reference answer defines."""
    found, names = exercises.find(f"gates.{word}"), {}
    assert isinstance(found, CodeExercise)
    exec(found.solution, names)  # noqa: S102
    return names


def recorded(name: str) -> Result:
    found = labs.recorded(name)
    assert found is not None
    return found


def count(module: nn.Module) -> int:
    return sum(one.numel() for one in module.parameters())


# ---- the memory


def test_a_memory_is_carried_by_a_sum():
    held = carried_cell.carried(1.0, 0.0)
    assert held == [0.8] * (carried_cell.STEPS + 1)
    assert f"{0.9**50:.4f}" == "0.0052"
    assert carried_cell.carried(0.9, 0.0)[-1] == pytest.approx(0.8 * 0.9**50)
    forget = torch.tensor(0.9, dtype=torch.float64)
    first = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    memory = first
    for candidate in carried_cell.noise():
        memory = forget * memory + 0.3 * candidate
    memory.backward()
    assert first.grad is not None and first.grad.item() == pytest.approx(0.9**50)
    assert memory.item() == pytest.approx(carried_cell.carried(0.9, 0.3)[-1])
    assert "Nothing is written" in words(CarriedCell().drawn)
    assert "among the rest" in words(CarriedCell().set(input=0.5))


def test_a_step_by_hand_is_that_of_the_installed_cell():
    assert stepped(1.5, 0.8, 0.5, -0.4, 0.5) == pytest.approx((1.0, 0.3808), abs=5e-5)
    cell = LSTMCell(1, 1)
    gates = tuple(torch.tensor([[one]]) for one in (0.5, 0.8, -0.4, 0.5))  # input, forget, candidate, output
    state, memory = cell.update(gates, (torch.zeros(1, 1), torch.tensor([[1.5]])))
    one = exercise("memory")
    assert memory.item() == pytest.approx(1.0) and state.item() == pytest.approx(one.target, abs=5e-5)
    slips = (1.0, math.tanh(1), 0.5, math.tanh(1.4) / 2, math.tanh(1.3) / 2, math.tanh(0.8) / 2)
    assert sorted(m.value for m in one.mistakes) == pytest.approx(sorted(slips), abs=6e-4)
    assert "passes untouched" in words(OneLSTMStep().set(forget=1, input=0))


@pytest.mark.parametrize(("inputs", "width"), [(3, 4), (128, 256)])
def test_the_cells_of_the_exercises_are_the_installed_ones_and_torchs(inputs, width):
    """P38, P42."""
    dice = torch.Generator().manual_seed(0)
    x, h = torch.randn(2, inputs, generator=dice), torch.randn(2, width, generator=dice).tanh()
    c = torch.randn(2, width, generator=dice)
    with torch.no_grad():
        lstm, gru = LSTMCell(inputs, width), GRUCell(inputs, width)
        theirs = nn.LSTMCell(inputs, width), nn.GRUCell(inputs, width)
        for mine, their in zip((lstm, gru), theirs):
            for parameter, value in zip(their.parameters(), mine.weights()):
                parameter.copy_(value)
        W, U, b, d = lstm.weights()
        state, memory = solution("lstm_step")["lstm_step"](x, h, c, W, U, b, d)
        assert torch.allclose(state, theirs[0](x, (h, c))[0], atol=1e-6)
        assert torch.allclose(memory, lstm(x, (h, c))[1], atol=1e-6)
        new = solution("gru_step")["gru_step"](x, h, *gru.weights())
        assert torch.allclose(new, theirs[1](x, h), atol=1e-6)
        assert torch.allclose(new, gru(x, (h,))[0], atol=1e-6)


# ---- open gates


def test_how_far_a_gate_is_open_and_what_that_leaves():
    assert f"{0.5**50:.1e}" == "8.9e-16"
    assert forget_bias.opened(0) == 0.5 and round(100 * forget_bias.opened(1)) == 73
    assert f"{100 * forget_bias.opened(5):.1f}" == "99.3"
    half = exercise("half").target
    assert half == pytest.approx(0.5**0.01, abs=5e-5)
    assert math.log(half / (1 - half)) == pytest.approx(4.97, abs=0.01)
    thousand = 0.5**0.001
    assert math.log(thousand / (1 - thousand)) == pytest.approx(7.27, abs=0.01)
    assert [round(one**100, 2) for one in (0.995, 0.99, 0.999)] == [0.61, 0.37, 0.90]
    for kind in ("LSTM", "GRU"):
        usual, opened = forget_bias.left(kind, None)[-1], forget_bias.left(kind, 5.0)[-1]
        assert usual < 1e-7 and opened > 0.1
    assert "99.33 %" in words(ForgetBias().drawn)


def test_the_labs_of_gradients_and_of_copying_are_told_as_recorded():
    left = {row[0]: row[1] for row in recorded("gradient-by-lag").tables[0].rows}
    assert left["LSTM"].startswith("-10.4") and left["RNN"].startswith("-15.8")
    numbers = recorded("copy-task").numbers
    rows_of = re.findall(r"\| ([\w, ]+?) \| \**(\d+)\** \| (\d+) \|", prose(SLUG))
    names = {"plain": "RNN", "plain, a rotation": "RNN, a rotation"}
    told = {names.get(name, name): (int(short), int(long)) for name, short, long in rows_of}
    assert len([name for name in told if f"accuracy: {name}, gap 20" in numbers]) == 6
    for name, (short, long) in told.items():
        if f"accuracy: {name}, gap 20" in numbers:
            assert short == round(np.mean(numbers[f"accuracy: {name}, gap 20"])), name
            assert long == round(np.mean(numbers[f"accuracy: {name}, gap 60"])), name
    assert max(numbers["accuracy: LSTM, gap 20"]) < 20


# ---- gates at work


def test_gated_cells_of_one_number_learn_to_keep_and_a_plain_one_does_not():
    steps, asked = rows(50, torch.Generator().manual_seed(0))
    for one, wanted in zip(steps, asked):
        kept = 0.0
        for (mark, number), want in zip(one.tolist(), wanted.tolist()):
            kept = number if mark else kept
            assert kept == want
    assert learned("LSTM", 1, 0).error < 0.01 and learned("GRU", 1, 0).error < 0.01
    assert learned("RNN", 1, 0).error == pytest.approx(0.29, abs=0.01)


def test_the_gates_of_the_trained_cell_open_at_the_marks():
    found = learned("LSTM", 1, 0)
    gate = {name: np.array(row) for name, row in found.gates.items()}
    marked = np.isin(np.arange(20), found.marks)
    assert gate["forget"][~marked].min() > 0.98 and gate["input"][~marked].max() < 0.03
    assert np.allclose(gate["forget"][marked], 0.35, atol=0.03)
    assert np.allclose(gate["input"][marked], 0.74, atol=0.03)
    work = exercises.find("gates.work")
    assert isinstance(work, PredictExercise) and "this cell" in words(work.reveal())


@pytest.mark.long
def test_with_four_numbers_a_plain_cell_gets_along_in_most_runs():
    errors = [learned("RNN", 4, seed).error for seed in range(5)]
    assert sum(error < 0.05 for error in errors) >= 3
    gated = [learned("LSTM", 4, seed).error for seed in range(5)]
    assert np.median(errors) > 3 * np.median(gated)


# ---- GRU


def test_a_gru_mixes_and_stays_within_one():
    assert one_gru_step.stepped(0.8, 0.3, 1.0, -1.0, 1.0, True)[1] == 0.8
    kept = one_gru_step.stepped(0.8, 0.3, 0.25, -1.0, 1.0, True)
    assert kept == pytest.approx(one_gru_step.stepped(0.8, 0.3, 0.75, -1.0, 1.0, False))
    free = one_gru_step.stepped(0.8, 0.0, 0.0, -1.0, 1.0, True)
    assert free[1] == pytest.approx(math.tanh(-1))
    layer, steps = GRU(2, 4), 20 * torch.randn(1, 50, 2, generator=torch.Generator().manual_seed(0))
    assert float(layer(steps)[0].detach().abs().max()) <= 1
    assert "1 - z" in words(OneGRUStep().set(other=True))


def test_the_two_places_of_the_reset_gate_differ_unless_it_is_open():
    behind, before = two_conventions.states(2.0, False)
    assert float((behind - before).abs().max()) > 0.05
    assert float((behind - before)[0].abs().max()) > 0.01  # from zeros on, by the second bias
    behind, before = two_conventions.states(2.0, True)
    assert torch.allclose(behind, before, atol=1e-6)
    cell = GRUCell(2, 3)
    torch.manual_seed(0)
    x, h = torch.randn(1, 2), torch.randn(1, 3)
    with torch.no_grad():
        cell.from_state.bias.zero_()
        wanted = cell(x, (h,))[0]
        assert not torch.allclose(two_conventions.before_the_matrix(cell, x, h), wanted, atol=1e-4)
    assert "0.26" in words(TwoConventions().drawn)


# ---- counted and timed


def test_a_gru_has_exactly_three_quarters_of_an_lstms_parameters():
    """T47, T51 and E18."""
    assert count(nn.LSTM(1, 64, num_layers=2)) == count(LSTM(1, 64, 2)) == 50_432
    assert count(LSTM(1, 64, 2)) + 65 == 50_497
    assert count(GRU(1, 64, 2)) == exercise("count").target == 37_824
    assert (count(LSTM(128, 256)), count(GRU(128, 256))) == (395_264, 296_448)
    for sizes in ((1, 16, 1), (77, 64, 2), (256, 512, 3)):
        found = counted(*sizes)
        assert found["GRU"] * 4 == found["LSTM"] * 3 == found["plain"] * 12
    assert "296,448" in words(BlocksCounted().drawn)
    without = 37_824 - 2 * 3 * 2 * 64
    assert without in [mistake.value for mistake in exercise("count").mistakes]


def test_the_lab_of_both_cells_does_not_hold_and_is_told_so():
    found = recorded("gru-against-lstm")
    assert found.outcome == "does not hold" and "*does not hold here*" in prose(SLUG)
    assert "-1.9 (-5.1 to +1.3) points" in found.verdict and "2.12 (2.04" in found.verdict
    assert "0.93 (0.91" in found.verdict
    speed = exercises.find("gates.speed")
    assert isinstance(speed, PredictExercise) and "17,408" in words(speed.reveal())


def test_the_times_of_the_table_are_those_of_the_benchmark():
    table = {
        (row[0], row[1]): row for row in json.loads(BENCHMARK.read_text(encoding="utf-8"))["table"]["rows"]
    }
    told = re.findall(r"\| (LSTM|GRU), state (\d+) \| ([\d.]+) \| ([\d.]+) \|", prose(SLUG))
    assert len(told) == 3
    for kind, width, fused, loop in told:
        row = table[(f"{kind} of {width}", "fp32")]
        assert f"{float(row[2].split()[0]):.1f}" == fused and f"{float(row[4].split()[0]):.1f}" == loop


def test_over_padding_the_gates_hold_the_memory_still():
    assert HELD == 10_000 and torch.sigmoid(torch.tensor([HELD - 50, 50 - HELD])).tolist() == [1.0, 0.0]
    layer = LSTM(2, 3)
    steps = torch.randn(2, 6, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        _, (_, memory) = layer(steps, torch.tensor([6, 3]))
        _, (_, short) = layer(steps[1:, :3])
    assert torch.allclose(memory[0, 1], short[0, 0], atol=1e-6)


def test_both_cells_name_this_chapter():
    chapters = {entry.name: entry.chapter for entry in catalogue.CATALOGUE}
    assert chapters["lstm"] == chapters["gru"] == SLUG


def test_the_first_figure_of_gates_draws_when_it_has_trained():
    figure = GatesOverTime()
    figure.set(kind="GRU")
    assert "update" in words(figure.wait()) and "being trained" not in words(figure.drawn)
