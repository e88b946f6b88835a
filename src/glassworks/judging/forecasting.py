"""Judging forecasts: errors from many origins beside five ways that need no training, and their intervals.

At each origin of a part (a rolling back-test) the model sees what came before and says what follows. So do
persistence (the last value again), the last season again, the same with its growth, a straight line from the
first to the last value (drift), and the mean of what was seen. The main figure is MASE: the mean absolute
error divided by the one that "as a season ago" makes on the training part, so that series of any unit can be
compared.

Forecasts from neighbouring origins share most of their truth. So moments are resampled in blocks as long as
the horizon (Künsch 1989), all series together, and where fewer than four such stretches fit there is no
interval, and the verdict says so. On a random walk nothing is better than persistence, and a model is not
called so.

Papers: Hyndman & Koehler 2006 (MASE); Koenker & Bassett 1978 (quantile loss); Künsch 1989 (blocks).
The first thing to change: `BASELINES`, what a model must beat.

Axes: rows = origins; horizon = steps ahead; wanted = channels; quantiles; moments = origins on one clock.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from glassworks.core.errors import PersonError
from glassworks.core.keyed import generator
from glassworks.judging.intervals import Interval
from glassworks.judging.judgement import Against, Judgement, Mistake

FIGURE, SEASONAL, PERSISTENCE, GROWING = "mase", "last season", "last value", "growing season"
OF_SEASONS = (SEASONAL, GROWING)  # baselines that say nothing new where no season is known
RESAMPLES = 1000
STRETCHES = 4  # horizons that a part must hold for an interval
WORST = 12
ENDS = (2.5, 97.5)
ABOUT = (
    "None of the others was trained. Their intervals come from the errors that they make on the training "
    "part, step by step ahead. Errors are counted at each origin of the part, and differences at the same "
    "origins."
)


# ---- what needs no training: (steps seen (time, wanted), horizon, period) -> (horizon, wanted)


def last_value(seen: np.ndarray, horizon: int, period: int) -> np.ndarray:
    return np.repeat(seen[-1:], horizon, axis=0)


def last_season(seen: np.ndarray, horizon: int, period: int) -> np.ndarray:
    season = seen[-max(1, period) :]
    return season[np.arange(horizon) % len(season)]


def growing_season(seen: np.ndarray, horizon: int, period: int) -> np.ndarray:
    """The last season again, moved each time by what it lies above the one before."""
    period = max(1, period)
    growth = seen[-period:].mean(0) - seen[-2 * period : -period].mean(0) if len(seen) >= 2 * period else 0.0
    return last_season(seen, horizon, period) + growth * (np.arange(horizon) // period + 1)[:, None]


def drift(seen: np.ndarray, horizon: int, period: int) -> np.ndarray:
    slope = (seen[-1] - seen[0]) / max(1, len(seen) - 1)
    return seen[-1] + slope * np.arange(1, horizon + 1)[:, None]


def mean(seen: np.ndarray, horizon: int, period: int) -> np.ndarray:
    return np.repeat(seen.mean(0, keepdims=True), horizon, axis=0)


BASELINES: dict[str, Callable[[np.ndarray, int, int], np.ndarray]] = {
    PERSISTENCE: last_value, SEASONAL: last_season, GROWING: growing_season, "drift": drift,
    "mean": mean,
}  # fmt: skip


@dataclass(frozen=True)
class BackTest:
    """Everything that is judged, in the series' own units.

    truth:     float64 (rows, horizon, wanted), NaN where nothing is known
    said:      of the model, (rows, horizon, wanted, quantiles)
    baselines: name -> the same
    quantiles: rising, 0.5 among them
    scales:    float64 (rows, wanted): the error of "as a season ago" on the training part of the row's series
    moments:   int64 (rows,) origins on a shared clock; names: of the rows
    """

    truth: np.ndarray
    said: np.ndarray
    baselines: dict[str, np.ndarray]
    quantiles: tuple[float, ...]
    scales: np.ndarray
    moments: np.ndarray
    names: Sequence[str]

    @property
    def horizon(self) -> int:
        return self.truth.shape[1]

    @property
    def stretches(self) -> float:
        """How many horizons lie between the first origin and the end of the last forecast."""
        return (int(np.ptp(self.moments)) + self.horizon) / self.horizon


def scale_of(values: np.ndarray, period: int) -> np.ndarray:
    """The mean absolute change over a season (or a step), float64 (wanted,), of training steps (time,
    wanted).

    Hyndman & Koehler's scale of MASE. Where nothing ever changes it is 1, in the series' own unit.
    """
    lag = max(1, period) if len(values) > max(1, period) else 1
    found = np.abs(values[lag:] - values[:-lag]).mean(0)
    return np.where(found > 0, found, 1.0)


def with_spread(
    point: np.ndarray, scales: np.ndarray, past_errors: np.ndarray, quantiles: tuple[float, ...]
) -> np.ndarray:
    """A point forecast (rows, horizon, wanted) with quantiles of its own past errors, step by step ahead.

    scales: (rows, wanted); past_errors: (past rows, horizon, wanted) in units of their own scales, NaN if
        unknown
    """
    known = np.isfinite(past_errors).any(0)
    errors = np.where(known, past_errors, 0.0)  # steps ahead that the past never reaches have no spread
    ends = np.nanquantile(errors, quantiles, axis=0)  # (quantiles, horizon, wanted)
    made = point[..., None] + np.moveaxis(ends, 0, -1) * scales[:, None, :, None]
    middle = quantiles.index(0.5)  # the forecast itself, which its past errors do not shift
    made[..., middle] = point
    made[..., :middle] = np.minimum(made[..., :middle], point[..., None])
    made[..., middle:] = np.maximum(made[..., middle:], point[..., None])
    return made


def judge_forecasts(test: BackTest, *, seed: int = 0) -> Judgement:
    """The judgement of a back-test. Raises PersonError when nothing is known to judge by."""
    known = np.isfinite(test.truth)
    if not len(test.truth) or not known.any() or not np.isfinite(test.said).all():
        raise PersonError(
            "nothing-to-judge", expected="origins with known values after them, and finite forecasts",
            got=f"{len(test.truth)} origins, {int(known.sum())} known values",
            fix="choose another --part or --data, or train again",
        )  # fmt: skip
    counts = _counts(test, seed)
    parts = {"": _parts(test, test.said)} | {n: _parts(test, own) for n, own in test.baselines.items()}
    drawn = {name: _figures(own, counts) for name, own in parts.items()}
    plain = {name: _figures(own, np.ones((1, len(test.truth)))) for name, own in parts.items()}
    n = len(test.truth)
    metrics = {f: _interval(plain[""][f], drawn[""][f], counts, n) for f in plain[""]}
    theirs = {
        name: {f: _interval(plain[name][f], drawn[name][f], counts, n) for f in plain[name]}
        for name in test.baselines
    }
    best = min(theirs, key=lambda name: theirs[name][FIGURE].value)
    difference = {
        f: _interval(plain[""][f] - plain[best][f], drawn[""][f] - drawn[best][f], counts, n)
        for f in metrics
        if f not in ("coverage", "interval_width")  # neither more nor less of them is better by itself
    }
    against = Against(best, difference)
    return Judgement(
        kind="forecast", classes=(), n=n, units=int(test.stretches), main=FIGURE, metrics=metrics,
        baselines=theirs, against=against, per_class=(), confusion=None, calibration=(), worst=_worst(test),
        threshold=None, verdict=_verdict(metrics, theirs, against, test), notes=_notes(test, metrics),
    )  # fmt: skip


def errors_by_step(test: BackTest) -> dict[str, np.ndarray]:
    """The scaled absolute error by steps ahead, (horizon,) each: of the model ("") and of each baseline."""
    found = {}
    for name, said in {"": test.said, **test.baselines}.items():
        errors = np.abs(test.truth - _middle(test, said)) / test.scales[:, None]
        found[name] = np.nanmean(errors, axis=(0, 2))
    return found


# ---- figures from sums over rows, so that a resample is a weighted sum


def _middle(test: BackTest, said: np.ndarray) -> np.ndarray:
    return said[..., test.quantiles.index(0.5)]


def _parts(test: BackTest, said: np.ndarray) -> dict[str, np.ndarray]:
    """Sums over the known truths of each row, (rows,) each, and "known", how many they are."""
    known = np.isfinite(test.truth)
    truth, point = np.where(known, test.truth, 0.0), np.where(known, _middle(test, said), 0.0)
    error, scales = np.abs(truth - point), test.scales[:, None]
    low, high = np.where(known, said[..., 0], 0.0), np.where(known, said[..., -1], 0.0)
    shares = np.array(test.quantiles)
    over = np.where(known[..., None], test.truth[..., None] - said, 0.0)
    pinball = np.maximum(shares * over, (shares - 1) * over).mean(-1)
    both = np.abs(truth) + np.abs(point)
    sums = {
        "known": known, "mase": error / scales, "mae": error, "rmse": error**2,
        "smape": np.where(both > 0, 2 * error / np.where(both > 0, both, 1.0), 0.0),
        "quantile_loss": pinball / scales,
    }  # fmt: skip
    if len(test.quantiles) > 1:
        sums |= {
            "coverage": known & (low <= truth) & (truth <= high),
            "interval_width": (high - low) / scales,
        }
    return {name: values.sum((1, 2)).astype(np.float64) for name, values in sums.items()}


def _figures(parts: dict[str, np.ndarray], counts: np.ndarray) -> dict[str, np.ndarray]:
    """Every figure on every resample, (resamples,) each. counts: (resamples, rows)."""
    known = counts @ parts["known"]
    found = {name: counts @ own / known for name, own in parts.items() if name != "known"}
    found["rmse"] = np.sqrt(found["rmse"])
    return found


def _counts(test: BackTest, seed: int) -> np.ndarray:
    """How often each row stands in each resample, (resamples, rows): blocks of moments, round the end."""
    low, span = int(test.moments.min()), int(np.ptp(test.moments)) + 1
    if test.stretches < STRETCHES:
        return np.ones((1, len(test.moments)))
    block = min(test.horizon, span)
    chance = generator(seed, "bootstrap", span)
    starts = chance.integers(0, span, (RESAMPLES, -(-span // block)))
    drawn = (starts[..., None] + np.arange(block)) % span  # (resamples, blocks, block)
    times = np.zeros((RESAMPLES, span))
    for row, moments in enumerate(drawn.reshape(RESAMPLES, -1)[:, :span]):
        times[row] = np.bincount(moments, minlength=span)
    counts = times[:, test.moments - low]
    return counts[counts.sum(1) > 0]


def _interval(value: np.ndarray, drawn: np.ndarray, counts: np.ndarray, n: int) -> Interval:
    if len(counts) < 2:
        return Interval(float(value[0]), None, None, n)
    low, high = np.percentile(drawn[np.isfinite(drawn)], ENDS)
    return Interval(float(value[0]), min(float(low), float(value[0])), max(float(high), float(value[0])), n)


# ---- in words


def _verdict(
    ours: dict[str, Interval], theirs: dict[str, dict[str, Interval]], against: Against, test: BackTest
) -> str:
    """Against the best baseline; and where that is not the season, against the season as well."""
    own, best = ours[FIGURE].value, theirs[against.name][FIGURE].value
    difference = against.difference[FIGURE]
    share = f"{abs(own - best) / best:.0%}" if best else f"{abs(own - best):.3g}"
    figure = f"MASE {own:.2f}, the best baseline ({against.name}) {best:.2f}"
    if difference.low is None:
        side = "smaller" if own < best else "larger"
        return (
            f"{figure}: its error was {share} {side} in this part, which holds only {test.stretches:.1f} "
            f"horizons, too few to show that it stays so"
        )
    if not difference.excludes_zero:
        return f"not shown to forecast better than the best baseline: {figure}"
    side = "better" if own < best else "worse"
    return f"forecasts {side} than the best baseline by {share} of its error: {figure}"


def _notes(test: BackTest, metrics: dict[str, Interval]) -> tuple[str, ...]:
    notes = [
        f"{len(test.truth):,} origins, {test.horizon} steps ahead of each; forecasts of neighbouring origins "
        f"share their truth: {test.stretches:.1f} horizons fit into this part"
    ]
    if test.stretches < STRETCHES:
        notes.append(
            f"no intervals: they need {STRETCHES} horizons. A shorter --horizon, or a longer part "
            "(--set data.test=0.3), gives them"
        )
    if "coverage" in metrics:
        asked = test.quantiles[-1] - test.quantiles[0]
        notes.append(f"coverage should be {asked:.0%}: the share of truths between the outer quantiles")
    return tuple(notes)


def _worst(test: BackTest) -> tuple[Mistake, ...]:
    """The origins with the largest scaled errors."""
    with np.errstate(all="ignore"):
        errors = np.nanmean(np.abs(test.truth - _middle(test, test.said)) / test.scales[:, None], axis=(1, 2))
    order = np.argsort(-np.nan_to_num(errors, nan=-1.0), kind="stable")[:WORST]
    return tuple(Mistake(int(row), test.names[row], "", f"MASE {errors[row]:.2f}", None) for row in order)
