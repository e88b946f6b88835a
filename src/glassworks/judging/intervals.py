"""How sure a figure is: 95 % intervals from resampling the rows, or the groups of rows that belong together.

A resample is a column of counts, so a block of resamples is a matrix and every figure one pass over it
(Efron 1979, percentile bootstrap, 1,000 resamples). Three cases need another rule. *Accuracy* (and subset
accuracy) of independent rows takes Wilson's interval (1927), which is right for small counts and never
collapses to [1, 1]; the difference of two accuracies takes the one of Agresti and Min (2005). *Other figures
between 0 and 1* whose resamples are all 0 or all 1, as when a model makes no mistake, take Wilson's interval
with the rows of the smallest class. The *calibration error* of a resample is too large on average, so its
percentiles are shifted by that excess. Figures with a unit of their own have no interval when there are
fewer than two rows or groups: low and high are None.
The first thing to change: LEVEL.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from glassworks.core.errors import PersonError
from glassworks.core.keyed import generator
from glassworks.core.rows import Answers
from glassworks.judging.metrics import (
    UNBOUNDED,
    Cut,
    check_answers,
    figures,
    figures_of_columns,
    said,
    written,
)

LEVEL = 0.95
Z = 1.959963984540054  # the normal quantile of LEVEL
BLOCK_BYTES = 16 * 1024**2
WORK = 2_000_000_000  # rows x classes x resamples that one judgement may cost; above it, fewer resamples
FEWEST = 200


@dataclass(frozen=True)
class Interval:
    """A figure and the range that holds the true one in 95 of 100 such judgements.

    value: the figure on all rows; low, high: the ends of the range, None where they cannot be known
    n: rows that it rests on
    """

    value: float
    low: float | None
    high: float | None
    n: int

    def as_json(self) -> dict:
        """{"value", "low", "high", "n"}, the form of every `--json`."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}

    def words(self, name: str, *, signed: bool = False) -> str:
        """The figure and its range as a person reads them: "93.3 % (90.1 to 95.6)"."""
        value = written(name, self.value, signed=signed)
        if self.low is None or self.high is None:
            return f"{value} (too few rows for an interval)"
        return f"{value} ({self.range_words(name)})"

    def range_words(self, name: str) -> str:
        """The range alone, without its unit: "90.1 to 95.6"."""
        if self.low is None or self.high is None:
            return "too few rows"
        return " to ".join(written(name, end).removesuffix(" %") for end in (self.low, self.high))

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole range lies on one side of zero (for differences)."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def intervals(
    answers: Answers, *, seed: int = 0, resamples: int = 1000, threshold: Cut = None
) -> dict[str, Interval]:
    """Every figure of the answers with its interval. The same seed gives the same intervals."""
    drawn = distributions(answers, seed=seed, resamples=resamples, threshold=threshold)
    return intervals_from(answers, drawn, threshold)


def intervals_from(
    answers: Answers, drawn: dict[str, np.ndarray], threshold: Cut = None
) -> dict[str, Interval]:
    """Intervals from figures that `distributions` has drawn already."""
    rows, units = len(answers.names), independent_units(answers)
    out: dict[str, Interval] = {}
    low: float | None
    high: float | None
    for name, value in figures(answers, threshold=threshold).items():
        if name in ("accuracy", "subset_accuracy") and units == rows:
            low, high = wilson(value * rows, rows)
        else:
            low, high = _ends(name, value, drawn[name], units, _smallest_class(answers))
        out[name] = Interval(value, low, high, rows)
    return out


def distributions(
    answers: Answers, *, seed: int = 0, resamples: int = 1000, threshold: Cut = None
) -> dict[str, np.ndarray]:
    """Each figure on each resample: {name: (resamples,)}, the same rows drawn for the same seed and names.

    When rows x classes x resamples exceeds two thousand million, fewer resamples are drawn, at least 200.
    """
    check_answers(answers)
    work = len(answers.names) * max(1, len(answers.classes))
    resamples = min(resamples, max(FEWEST, WORK // work))
    blocks = [figures_of_columns(answers, w, threshold) for w in _weights(answers, seed, resamples)]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def differences(
    first: Answers,
    second: Answers,
    *,
    seed: int = 0,
    resamples: int = 1000,
    thresholds: tuple[Cut, Cut] = (None, None),
) -> dict[str, Interval]:
    """first - second for every figure, with intervals that use that both answered the same rows."""
    second = aligned(second, first)
    drawn = [
        distributions(answers, seed=seed, resamples=resamples, threshold=threshold)
        for answers, threshold in zip((first, second), thresholds)
    ]
    return differences_from(first, second, drawn[0], drawn[1], thresholds)


def differences_from(
    first: Answers,
    second: Answers,
    drawn_first: dict[str, np.ndarray],
    drawn_second: dict[str, np.ndarray],
    thresholds: tuple[Cut, Cut] = (None, None),
) -> dict[str, Interval]:
    """Paired intervals from figures that were drawn with the same seed on the same rows in the same order."""
    rows, units = len(first.names), independent_units(first)
    ours, theirs = figures(first, threshold=thresholds[0]), figures(second, threshold=thresholds[1])
    right_first, right_second = right_rows(first, thresholds[0]), right_rows(second, thresholds[1])
    out = {}
    for name in ours.keys() & theirs.keys():
        value, drawn = ours[name] - theirs[name], drawn_first[name] - drawn_second[name]
        if name in ("accuracy", "subset_accuracy") and units == rows:
            won = int((right_first & ~right_second).sum())
            lost = int((right_second & ~right_first).sum())
            low, high = paired_proportions(won, lost, rows)
            ends: tuple[float | None, float | None] = (min(low, value), max(high, value))
        elif name not in UNBOUNDED and units > 1 and np.ptp(drawn[np.isfinite(drawn)]) == 0:
            reach = Z / (_smallest_class(first) + 2)
            ends = (value - reach, value + reach)
        else:
            ends = _percentiles(name, value, drawn, units)
        out[name] = Interval(value, *ends, rows)
    return {name: out[name] for name in ours if name in out}


def aligned(answers: Answers, like: Answers) -> Answers:
    """`answers` in the row order of `like`; PersonError where rows, classes or truth are not the same."""
    shared = set(answers.names) & set(like.names)
    if len(shared) != len(like.names) or len(answers.names) != len(like.names):
        raise PersonError(
            "different-rows",
            expected=f"answers to the same {len(like.names)} examples",
            got=f"{len(answers.names)} examples, of which {len(shared)} are shared",
            fix="train both on the same data with the same --seed, so that their test parts are the same",
        )
    if answers.kind != like.kind or answers.classes != like.classes:
        raise PersonError(
            "different-classes",
            expected=f'answers of kind "{like.kind}" with the classes {", ".join(like.classes) or "(none)"}',
            got=f'kind "{answers.kind}" with {", ".join(answers.classes) or "(none)"}',
            fix="compare runs that were trained on the same classes",
        )
    place = {name: row for row, name in enumerate(answers.names)}
    order = np.array([place[name] for name in like.names], dtype=np.int64)
    if not np.array_equal(answers.targets[order], like.targets):
        changed = answers.targets[order] != like.targets
        first = like.names[int(np.flatnonzero(changed.reshape(len(order), -1).any(axis=1))[0])]
        raise PersonError(
            "different-truth",
            expected="the same labels in both",
            got=f"another label for {first}",
            fix="judge both runs again on the data as it is now",
        )
    return Answers(like.names, like.kind, like.targets, answers.scores[order], like.classes, like.groups)


def right_rows(answers: Answers, threshold: Cut = None) -> np.ndarray:
    """Whether each row was answered rightly, bool (n,); for "number" whether it was hit exactly."""
    hits = said(answers, threshold) == answers.targets
    return hits.all(axis=1) if hits.ndim == 2 else hits


def independent_units(answers: Answers) -> int:
    """How many rows, or groups of rows where groups are given, may be taken as independent."""
    return len(set(answers.groups)) if answers.groups is not None else len(answers.names)


def wilson(hits: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a proportion.

    >>> [round(end, 3) for end in wilson(30, 30)]
    [0.886, 1.0]
    """
    share, z2 = hits / n, Z * Z
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    reach = Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, min(centre - reach, share)), min(1.0, max(centre + reach, share))


def paired_proportions(won: int, lost: int, n: int) -> tuple[float, float]:
    """Agresti and Min's 95 % interval of (won - lost) / n, where only the first, or the second, was right."""
    total = n + 2
    centre = (won - lost) / total
    reach = Z * math.sqrt(max(0.0, won + lost + 1 - (won - lost) ** 2 / total)) / total
    return max(-1.0, centre - reach), min(1.0, centre + reach)


def _weights(answers: Answers, seed: int, resamples: int) -> Iterator[np.ndarray]:
    """Blocks (n, r) of how often each row was drawn; groups are drawn whole."""
    rows = len(answers.names)
    if answers.groups is None:
        unit_of_row = np.arange(rows)
    else:
        _, unit_of_row = np.unique(np.array(answers.groups, dtype=str), return_inverse=True)
    units, block = int(unit_of_row.max()) + 1, max(1, min(resamples, BLOCK_BYTES // (8 * rows)))
    dice = generator(seed, "bootstrap")
    for start in range(0, resamples, block):
        count = min(block, resamples - start)
        drawn = dice.integers(units, size=(count, units)) * count + np.arange(count)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=units * count).reshape(units, count)
        yield (counts if answers.groups is None else counts[unit_of_row]).astype(np.float64)


def _ends(
    name: str, value: float, drawn: np.ndarray, units: int, smallest: int
) -> tuple[float | None, float | None]:
    finite = drawn[np.isfinite(drawn)]
    if name not in UNBOUNDED and (units < 2 or (np.ptp(finite) == 0 and value in (0, 1))):
        return wilson(value * (n := min(units, smallest)), n)
    low, high = _percentiles(name, value, drawn, units)
    return (max(0.0, low) if low is not None and name not in UNBOUNDED else low), high


def _percentiles(name: str, value: float, drawn: np.ndarray, units: int) -> tuple[float | None, float | None]:
    """The middle 95 % of the resamples, widened where needed so that it holds the figure itself."""
    finite = drawn[np.isfinite(drawn)]
    if units < 2 or not len(finite):
        return None, None
    if name == "calibration_error":
        finite = finite - (finite.mean() - value)
    low, high = np.quantile(finite, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return min(float(low), value), max(float(high), value)


def _smallest_class(answers: Answers) -> int:
    """Rows of the rarest class that occurs; for "labels" of the rarer side of a label."""
    if answers.kind == "number":
        return len(answers.names)
    if answers.kind == "labels":
        yes = answers.targets.sum(axis=0)
        sides = np.concatenate([yes, len(answers.names) - yes])
        return int(sides[sides > 0].min())
    counts = np.bincount(answers.targets.astype(np.int64))
    return int(counts[counts > 0].min())
