"""Forecasts are judged by hand-worked cases: MASE, coverage, baselines, blocks; none is praised by chance."""

import numpy as np
import pytest
import torch

from glassworks.core.errors import PersonError
from glassworks.judging.forecast_drawing import Drawn, coverage_chart, forecast_chart, steps_chart
from glassworks.judging.forecasting import (
    BASELINES,
    BackTest,
    judge_forecasts,
    last_season,
    last_value,
    scale_of,
    with_spread,
)
from glassworks.tasks.forecasting import Forecasting, pinball

QUANTILES = (0.1, 0.5, 0.9)


def back_test(said, truth, baselines, scale=1.0):
    """A test with one channel: said, truth (rows, horizon), an interval of 1 around what is said."""

    def wide(values):
        return np.stack([values - 1, values, values + 1], -1)[:, :, None]

    rows = len(truth)
    return BackTest(
        truth=truth[:, :, None], said=wide(said), baselines={n: wide(v) for n, v in baselines.items()},
        quantiles=QUANTILES, scales=np.full((rows, 1), scale), moments=np.arange(rows),
        names=[f"row {n}" for n in range(rows)],
    )  # fmt: skip


def rolling(values, horizon, origins):
    """What follows each origin, and what the last value says."""
    truth = np.stack([values[o : o + horizon] for o in origins])
    return truth, np.stack([np.full(horizon, values[o - 1]) for o in origins])


def test_the_figures_by_hand():
    truth = np.array([[10.0, 12.0], [11.0, np.nan]])
    said = np.array([[11.0, 10.0], [11.5, 99.0]])
    judged = judge_forecasts(back_test(said, truth, {"other": truth * 0}, scale=2.0))
    value = {name: interval.value for name, interval in judged.metrics.items()}
    assert value["mae"] == pytest.approx((1 + 2 + 0.5) / 3)  # what is not known is not counted
    assert value["mase"] == pytest.approx((1 + 2 + 0.5) / 3 / 2)
    assert value["rmse"] == pytest.approx(np.sqrt((1 + 4 + 0.25) / 3))
    assert value["smape"] == pytest.approx((2 / 21 + 4 / 22 + 1 / 22.5) / 3)
    assert value["coverage"] == pytest.approx(2 / 3) and value["interval_width"] == pytest.approx(1.0)
    assert judged.kind == "forecast" and judged.main == "mase" and judged.n == 2


def test_the_quantile_loss_is_that_of_a_written_out_loop():
    generator = np.random.default_rng(0)
    said, truth = np.sort(generator.normal(size=(3, 4, 2, 3)), -1), generator.normal(size=(3, 4, 2))
    truth[1, 2, 0] = np.nan
    costs = []
    for place in np.argwhere(np.isfinite(truth)):
        for number, share in enumerate(QUANTILES):
            over = truth[tuple(place)] - said[(*place, number)]
            costs.append(share * over if over > 0 else (share - 1) * over)
    found = pinball(torch.from_numpy(said), torch.from_numpy(truth), QUANTILES)
    assert float(found) == pytest.approx(np.mean(costs))
    middle = pinball(torch.from_numpy(said[..., 1:2]), torch.from_numpy(truth), (0.5,))
    assert float(middle) == pytest.approx(np.nanmean(np.abs(truth - said[..., 1])) / 2)


def test_a_task_gives_no_gradient_to_what_is_not_known():
    task = Forecasting(2, 1, (0.5,))
    outputs = torch.zeros(1, 2, requires_grad=True)

    class Batch:
        given, targets = (outputs,), torch.tensor([[[1.0], [float("nan")]]])

    loss = task.loss(lambda x: x, Batch()).total
    loss.backward()
    assert outputs.grad.tolist() == [[-0.5, 0.0]] and loss.item() == 0.5


def test_baselines_say_what_their_names_say():
    seen = np.array([1.0, 2, 3, 2, 3, 4])[:, None]
    said = {name: make(seen, 4, 3)[:, 0].tolist() for name, make in BASELINES.items()}
    assert said["last value"] == [4, 4, 4, 4] and said["last season"] == [2, 3, 4, 2]
    assert said["growing season"] == [3, 4, 5, 4] and said["mean"] == [2.5] * 4
    assert said["drift"] == pytest.approx([4.6, 5.2, 5.8, 6.4])
    assert last_season(seen, 2, 0).tolist() == last_value(seen, 2, 0).tolist()


def test_the_scale_of_mase_is_the_change_over_a_season():
    values = np.array([1.0, 5, 2, 7, 3, 9])[:, None]
    assert scale_of(values, 2)[0] == pytest.approx((1 + 2 + 1 + 2) / 4)
    assert scale_of(values, 0)[0] == pytest.approx((4 + 3 + 5 + 4 + 6) / 5)
    assert scale_of(np.ones((9, 1)), 1)[0] == 1.0


def test_a_baselines_interval_comes_from_its_own_errors_and_leaves_its_middle_alone():
    errors = np.linspace(2, 4, 101)[:, None, None].repeat(2, 1)  # it has always said too little
    errors[:, 1] *= 10
    made = with_spread(np.full((3, 2, 1), 5.0), np.full((3, 1), 2.0), errors, QUANTILES)
    assert (made[..., 1] == 5.0).all() and (made[..., 0] <= 5.0).all()
    assert made[0, 0, 0, 2] == pytest.approx(5 + 2 * 3.8) and made[0, 1, 0, 2] == pytest.approx(5 + 2 * 38)


def test_on_random_walks_guesses_are_not_called_better():
    """Of twenty walks and a forecast that is the last value and noise, none is praised; some are blamed."""
    praised = 0
    for seed in range(20):
        chance = np.random.default_rng(seed)
        values = np.cumsum(chance.normal(size=300))
        truth, last = rolling(values, 8, range(100, 290))
        said = last + 0.2 * chance.normal(size=last.shape)
        judged = judge_forecasts(back_test(said, truth, {"last value": last}))
        praised += "better" in judged.verdict and "not shown" not in judged.verdict
    assert praised == 0


def test_blocks_are_wider_than_rows_taken_as_independent():
    """Neighbouring forecasts share their truth: the interval must know it."""
    values = np.cumsum(np.random.default_rng(1).normal(size=500))
    truth, last = rolling(values, 24, range(100, 450))
    own = judge_forecasts(back_test(last, truth, {"mean": 0 * last})).metrics["mae"]
    apart = np.abs(truth - last).mean(1)
    naive = 2 * 1.96 * apart.std() / np.sqrt(len(apart))
    assert own.high - own.low > 2 * naive


def test_a_real_gain_is_shown_and_a_loss_is_said():
    steps = np.arange(400)
    values = np.sin(steps / 5) * 3
    truth, last = rolling(values, 6, range(100, 380))
    good = judge_forecasts(back_test(truth + 0.1, truth, {"last value": last}))
    assert good.verdict.startswith("forecasts better than the best baseline by")
    bad = judge_forecasts(back_test(last + 5, truth, {"last value": last}))
    assert bad.verdict.startswith("forecasts worse than the best baseline by")


def test_a_short_part_gives_no_interval_and_says_so():
    values = np.sin(np.arange(80))
    truth, last = rolling(values, 12, range(50, 65))
    judged = judge_forecasts(back_test(truth, truth, {"last value": last}))
    assert judged.metrics["mase"].low is None and "too few to show that it stays so" in judged.verdict
    assert any("data.test" in note for note in judged.notes)


def test_nothing_to_judge_is_refused():
    nothing = np.full((3, 2), np.nan)
    with pytest.raises(PersonError, match="origins with known values"):
        judge_forecasts(back_test(np.zeros((3, 2)), nothing, {"mean": np.zeros((3, 2))}))


def test_drawings_show_the_interval_and_what_came():
    said = np.stack([np.arange(5.0) - 1, np.arange(5.0), np.arange(5.0) + 1], -1)
    svg = forecast_chart(
        Drawn("a", np.arange(10.0), said, QUANTILES, truth=np.arange(5.0), simple=np.zeros(5))
    )
    assert 'class="band"' in svg and "what came" in svg and "last season" in svg
    values = np.sin(np.arange(100))
    truth, last = rolling(values, 4, range(50, 90))
    test = back_test(last, truth, {"last value": last, "far": last + 1000})
    assert "last value" in steps_chart(test) and "far" not in steps_chart(test)
    assert "as promised" in coverage_chart(test)
