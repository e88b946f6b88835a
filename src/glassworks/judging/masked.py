"""Judging guesses of hidden patches: the error of each picture beside fills that need no training.

The figure is the mean squared error over hidden patches, picture by picture; pictures (or groups of pictures
that belong together) are resampled for its interval, and the difference to the best fill is resampled on the
same ones. The first thing to change: `RESAMPLES`.
"""

from collections.abc import Sequence

import numpy as np

from glassworks.core.errors import PersonError
from glassworks.core.keyed import generator
from glassworks.judging.intervals import Interval
from glassworks.judging.judgement import SMALL, WORST, Against, Judgement, Mistake

FIGURE = "masked_error"
RESAMPLES = 1000
ENDS = (2.5, 97.5)  # percentiles between which 95 % of the resamples lie
BASELINES = (
    "None of the others was trained: they fill the hidden patches from the visible ones, with their mean, "
    "with a copy of the nearest, and with a smooth surface. Differences are resampled on the same pictures."
)


def judge_guesses(
    names: Sequence[str],
    errors: np.ndarray,
    fills: dict[str, np.ndarray],
    *,
    groups: Sequence[str] | None = None,
    seed: int = 0,
) -> Judgement:
    """The judgement of a model's errors, one a picture, against those of each fill on the same pictures.

    errors: (pictures,) mean squared error over hidden patches; groups: pictures that are resampled together
    Raises PersonError when there is no picture, or an error is not finite.
    """
    if not len(errors) or not np.isfinite(errors).all():
        raise PersonError(
            "nothing-to-judge", expected="pictures, and a finite error of each",
            got=f"{len(errors)} pictures", fix="choose another --part or --data, or train again",
        )  # fmt: skip
    counts = _counts(len(errors), groups, seed)
    best = min(fills, key=lambda name: float(fills[name].mean()))
    difference = _interval(errors - fills[best], counts)
    against = Against(best, {FIGURE: difference})
    units = len(set(groups)) if groups is not None else len(errors)
    worst = np.argsort(-errors, kind="stable")[:WORST]
    return Judgement(
        kind="none",
        classes=(),
        n=len(errors),
        units=units,
        main=FIGURE,
        metrics={FIGURE: _interval(errors, counts)},
        baselines={name: {FIGURE: _interval(own, counts)} for name, own in fills.items()},
        against=against,
        per_class=(),
        confusion=None,
        calibration=(),
        worst=tuple(Mistake(int(row), names[row], "", f"error {errors[row]:.3g}", None) for row in worst),
        threshold=None,
        verdict=_verdict(against, float(fills[best].mean()), units),
        notes=(),
    )


def _counts(rows: int, groups: Sequence[str] | None, seed: int) -> np.ndarray:
    """How often each row stands in each resample, float64 (resamples, rows)."""
    _, places = np.unique(np.arange(rows) if groups is None else np.array(groups), return_inverse=True)
    units = int(places.max()) + 1
    chance = generator(seed, "bootstrap", rows)
    drawn = np.stack(
        [np.bincount(chance.integers(0, units, units), minlength=units) for _ in range(RESAMPLES)]
    )
    return drawn[:, places].astype(np.float64)


def _interval(values: np.ndarray, counts: np.ndarray) -> Interval:
    """The mean of some values with its interval; without one where a single row or group is all there is."""
    value = float(values.mean())
    if np.ptp(counts) == 0:
        return Interval(value, None, None, len(values))
    means = counts @ values / counts.sum(1)
    low, high = np.percentile(means, ENDS)
    return Interval(value, float(low), float(high), len(values))


def _verdict(against: Against, fill: float, units: int) -> str:
    difference = against.difference[FIGURE]
    few = f"; only {units} independent pictures" if units < SMALL else ""
    share = f"{abs(difference.value) / fill:.0%} of its error" if fill else "its error"
    if not difference.excludes_zero:
        return f"not shown to guess hidden patches better than the best fill ({against.name}){few}"
    word = "less" if difference.value < 0 else "more"
    return f"guesses hidden patches with {share} {word} than the best fill ({against.name}){few}"
