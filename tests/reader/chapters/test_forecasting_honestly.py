"""The chapter "Forecasting honestly": its numbers are true, and its figures show what they say."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from glassworks import labs
from glassworks.judging.forecasting import BASELINES, scale_of
from glassworks.labs.small_series import co2, walk
from glassworks.models.sequence.forecaster import ForecasterConfig, build
from glassworks.reader import exercises
from glassworks.reader.exercises.kinds import CodeExercise, NumberExercise
from glassworks.reader.figures import (
    cost_of_a_quantile,
    direct_or_recursive,
    gates_of_raw_values,
    looks_good,
    shuffled_windows,
    simple_forecasts,
    taken_apart,
    windows_along_time,
)
from glassworks.reader.figures.direct_or_recursive import DIRECT, RECURSIVE
from glassworks.reader.figures.simple_forecasts import SimpleForecasts
from glassworks.reader.figures.windows_along_time import WindowsAlongTime, counts, part_of
from glassworks.tasks.forecasting import pinball
from tests.reader.chapters.ladder import prose, words

SLUG = "sequence/forecasting_honestly"
PRICES = gates_of_raw_values.PRICES


def solution(word: str) -> dict:
    """The names that an exercise's reference answer defines."""
    found, names = exercises.find(f"forecasting_honestly.{word}"), {}
    assert isinstance(found, CodeExercise)
    exec(found.solution, names)  # noqa: S102
    return names


def number(word: str) -> NumberExercise:
    found = exercises.find(f"forecasting_honestly.{word}")
    assert isinstance(found, NumberExercise)
    return found


def test_the_plain_variant_has_the_parameters_of_the_text():
    """T47: 50,432 numbers of the LSTM and 65 of the head."""
    assert sum(p.numel() for p in build(ForecasterConfig()).parameters()) == 50_497 == 50_432 + 65


# ---- windows


def test_a_window_belongs_to_the_part_of_its_future_or_to_none():
    first, second = windows_along_time.CUTS
    assert part_of(first - 12, 24, 12, 312) == "training" and part_of(first - 11, 24, 12, 312) == ""
    assert part_of(first, 24, 12, 312) == "validation" and part_of(second, 24, 12, 312) == "test"
    assert part_of(300, 24, 12, 312) == "test" and part_of(301, 24, 12, 312) == part_of(23, 24, 12, 312) == ""
    found = counts(24, 12, 312)
    assert found == {"training": 183, "validation": 36, "test": 36, "": 22}
    assert sum(found.values()) == 312 - 36 + 1
    assert "crosses a cut" in words(WindowsAlongTime().set(origin=215))


def test_the_windows_of_the_exercise_are_those_of_the_figure_before_the_cut():
    values = torch.from_numpy(co2())
    seen, following = solution("cut")["training_windows"](values, 24, 12, windows_along_time.CUTS[0])
    assert len(seen) == counts(24, 12, 312)["training"] and following.shape == (183, 12)


def test_shuffled_windows_beat_the_unbeatable_and_windows_along_time_do_not():
    shuffled, close = shuffled_windows.errors(True)
    honest, apart = shuffled_windows.errors(False)
    assert shuffled == pytest.approx(0.76, abs=0.005) and close == pytest.approx(0.93, abs=0.005)
    assert honest > 1.5 and apart == 0
    training, test = shuffled_windows.parts(np.arange(400.0), 0, shuffled=False)
    assert training.following.max() < test.following.min()
    text = exercises.find("forecasting_honestly.shuffle").choices[0].reason
    assert "93 %" in text and "0.76" in words(shuffled_windows.drawn())


# ---- scales


def test_the_prices_have_the_mean_and_spread_of_the_text():
    """T48: mean 151.671432, sample standard deviation 1.897117 of the prices to more digits."""
    assert np.mean(PRICES) == pytest.approx(151.671432, abs=1e-3)
    assert np.std(PRICES, ddof=1) == pytest.approx(1.897117, abs=1e-3)
    assert "mean 151.67 and the standard deviation 1.90" in prose(SLUG)


def test_raw_values_push_gates_to_their_ends_and_the_state_stops_moving():
    """E8 and E9."""
    ends, moved = gates_of_raw_values.measured(150.0, 1.9)
    free, answers = gates_of_raw_values.measured(0.0, 1.0)
    assert ends == pytest.approx(0.75, abs=0.01) and free == 0 and answers / moved > 20
    assert gates_of_raw_values.most() == pytest.approx(4.0, abs=0.05) and "about 4, where 150" in prose(SLUG)
    layer, head = gates_of_raw_values.network()
    with torch.no_grad():
        for level in (-1000.0, 0.0, 150.0, 1e6):
            said = head(layer(gates_of_raw_values.at(level, 1.9))[1][0])
            assert abs(float(said)) <= gates_of_raw_values.most()
    assert sum(p.numel() for p in layer.parameters()) == sum(p.numel() for p in nn.LSTM(1, 64).parameters())


def test_what_the_text_says_of_the_lab_on_scales_is_recorded():
    found = labs.recorded("raw-or-scaled")
    assert found is not None and found.outcome == "not shown"
    mean = {name: float(np.mean(values)) for name, values in found.numbers.items()}
    for series in ("steady", "climbing", "random walk", "carbon dioxide"):
        raw, half, honest = (
            mean[f"{series}: {way}"] for way in ("raw", "raw in, scaled out", "training part")
        )
        assert raw > 10 * honest and raw > half > honest
    assert mean["climbing: whole series"] > mean["climbing: training part"]
    walks = mean["random walk: window and future"] / mean["random walk: last value"]
    assert walks == pytest.approx(0.53, abs=0.01)
    assert all(mean[f"random walk: {way}"] > mean["random walk: last value"]
               for way in ("raw", "training part", "whole series", "its own window"))  # fmt: skip
    for series in ("climbing", "carbon dioxide"):
        assert mean[f"{series}: training part"] > mean[f"{series}: last value"]
        assert mean[f"{series}: its own window"] < mean[f"{series}: last season"]


# ---- simple forecasts and MASE


def test_the_best_simple_forecast_depends_on_the_series():
    best = {}
    for name in simple_forecasts.SERIES.values():
        found = simple_forecasts.errors(name)
        best[name] = min(found, key=lambda one: found[one].mean())
        assert all(len(own) == 61 for own in found.values())
    assert best == {"co2": "growing season", "steady": "last season", "climbing": "growing season",
                    "walk": "last value"}  # fmt: skip
    assert simple_forecasts.errors("walk")["last value"].mean() < 1  # a calm part: below 1 proves nothing
    assert "61 origins" in words(SimpleForecasts().drawn)


def test_mase_by_hand_is_that_of_the_workbench():
    unit = float(scale_of(np.array(PRICES)[:, None], 0)[0])
    forecast = BASELINES["last value"](np.array(PRICES)[:, None], 2, 0)[:, 0]
    truth = np.array([156.3, 154.0])
    error = np.abs(truth - forecast).mean()
    one = number("mase")
    assert one.target == pytest.approx(error / unit, abs=5e-4) and unit == pytest.approx(9.7 / 6)
    slips = (error, unit, error / 1.75, error / np.std(PRICES, ddof=1), 2 * error / unit, error / (9.7 / 7),
             unit / error, 1.25 / unit)  # fmt: skip
    assert sorted(m.value for m in one.mistakes) == pytest.approx(sorted(slips), abs=2e-3)


# ---- random walks


def test_the_last_value_looks_good_on_a_walk_and_bad_on_noise():
    for seed in range(5):
        on_walk = looks_good.figures(looks_good.series("walk", seed), 1)
        on_noise = looks_good.figures(looks_good.series("noise", seed), 1)
        assert on_walk["r2"] > 0.95 > 0 > on_noise["r2"]
        assert abs(on_walk["changes"]) < 0.03 and on_walk["mase"] == pytest.approx(1.0)
        assert abs(on_noise["correlation"]) < 0.1


def test_what_the_text_says_of_the_lab_on_walks_is_recorded():
    found = labs.recorded("random-walks")
    assert found is not None and found.outcome == "holds"
    for name in ("LSTM", "LSTM on the last value", "linear"):
        assert np.exp(np.mean(np.log(found.numbers[f"random walk, {name}: ratio"]))) > 1
        assert np.exp(np.mean(np.log(found.numbers[f"season, {name}: ratio"]))) < 0.6
    assert np.mean(found.numbers["random walk, LSTM on the last value: r2"]) == pytest.approx(0.95, abs=0.005)


# ---- what there is, and many steps ahead


def test_trend_and_season_leave_little_and_a_wrong_period_leaves_much():
    right, wrong = taken_apart.spreads(12), taken_apart.spreads(10)
    rest = "the rest after trend and season"
    assert right[rest] < 0.25 < 1.5 < wrong[rest]
    assert (
        right["differences over 12 months"] < right["differences from month to month"] < right["the series"]
    )


def test_one_step_is_the_same_in_both_ways_and_further_ahead_it_depends():
    short, long = (direct_or_recursive.errors("co2", history) for history in (6, 24))
    for found in (short, long):
        assert found[RECURSIVE][0] == pytest.approx(found[DIRECT][0])
    assert f"{short[RECURSIVE][11]:.2f} {short[DIRECT][11]:.2f}" == "2.97 0.75"
    assert f"{long[RECURSIVE][11]:.2f} {long[DIRECT][11]:.2f}" == "0.72 0.77"
    one = exercises.find("forecasting_honestly.ahead")
    assert "2.97" in one.question and "0.75" in one.question
    assert "0.72" in one.choices[3].reason and "0.77" in one.choices[3].reason


def test_before_training_the_anchored_forecaster_is_the_last_season():
    config = ForecasterConfig(history=24, horizon=12, anchor="season", period=12, shortcut=24)
    model = build(config)
    seen = torch.tensor(co2()[:24], dtype=torch.float32)[None, :, None]
    with torch.no_grad():
        assert torch.allclose(model(seen)[0], seen[0, -12:, 0], atol=1e-3)
        assert torch.allclose(model(2 * seen + 7), 2 * model(seen) + 7, rtol=1e-5)  # measured by itself


def test_the_table_of_measured_figures_is_that_of_the_lab_notebook():
    """One run each, noted in docs/log.md: model, last season, growing season; then coverage."""
    notebook = (Path(__file__).parents[3] / "docs" / "log.md").read_text(encoding="utf-8")
    noted = " ".join(notebook.partition("**Forecasts, one seed**")[2].partition("\n* ")[0].split())
    for name, told in (("carbon dioxide", "co2"), ("El Nino", "El Nino"), ("equipment", "equipment"),
                       ("airline", "airline"), ("sunspots", "sunspots")):  # fmt: skip
        row = re.search(rf"\| {name} \| ([\d.]+) \| ([\d.]+) \|", prose(SLUG))
        found = re.search(rf"{told} ([\d.]+), ([\d.]+), ([\d.]*\d)", noted)
        assert row and found, name
        model, *simple = map(float, found.groups())
        assert (float(row[1]), float(row[2])) == (model, min(simple))
    assert ".84, .92, .65, .64, 1.00" in noted
    assert re.findall(r"(\d+) % \|", prose(SLUG)) == ["84", "92", "65", "64", "100"]


# ---- quantiles


def test_the_cheapest_number_is_the_quantile():
    days = np.array(cost_of_a_quantile.SALES)
    for share in (0.1, 0.3, 0.5, 0.9):
        best = cost_of_a_quantile.cheapest(share)
        assert (days < best).mean() <= share <= (days <= best).mean() + 1e-9
    assert cost_of_a_quantile.cheapest(0.9) == 46


def test_the_loss_of_the_exercise_is_the_one_that_trains():
    dice = torch.Generator().manual_seed(0)
    said, truth = torch.randn(9, 3, generator=dice), torch.randn(9, generator=dice)
    shares = (0.1, 0.5, 0.9)
    mine = solution("quantile_cost")["quantile_cost"](said, truth, torch.tensor(shares))
    assert torch.allclose(mine, pinball(said[:, None, None], truth[:, None, None], shares))


def test_the_one_real_series_is_whole_and_climbs():
    values = co2()
    assert (
        values.shape == (312,)
        and 329 < values.min() < values.max() < 375
        and values[-12:].min() > values[:24].max()
    )
    assert walk(0, 50)[0] != walk(1, 50)[0]
