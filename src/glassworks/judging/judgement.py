"""One honest judgement of a model: figures with intervals, beside baselines, with its worst mistakes.

`judge` takes answers to held-out rows and gives everything that the report, the card and `--json` show, so
the three cannot disagree. The verdict compares with the *best* baseline on the same rows and says "not
shown" where the interval of the difference holds zero. The first thing to change: MAIN in `metrics`, the
figure that the verdict speaks of.
"""

from dataclasses import dataclass

import numpy as np

from glassworks.core.errors import PersonError
from glassworks.core.rows import Answers, Kind
from glassworks.judging import metrics
from glassworks.judging.decisions import Threshold
from glassworks.judging.intervals import (
    Interval,
    aligned,
    differences_from,
    distributions,
    independent_units,
    intervals_from,
)
from glassworks.judging.metrics import LOWER_IS_BETTER, MAIN, READABLE, Cut, written

WORST = 24
SMALL = 100  # below so many independent rows the verdict calls the test part small


@dataclass(frozen=True)
class Mistake:
    """One of the worst mistakes.

    row, name: which example; given, said: the label (or number) it has and the one the model said
    probability: of what was said (None for numbers)
    """

    row: int
    name: str
    given: str
    said: str
    probability: float | None

    def as_json(self) -> dict:
        return {
            "row": self.row,
            "name": self.name,
            "given": self.given,
            "said": self.said,
            "probability": self.probability,
        }


@dataclass(frozen=True)
class Against:
    """The model against its best baseline: `name`, and model - baseline for each figure (paired)."""

    name: str
    difference: dict[str, Interval]


@dataclass(frozen=True)
class Judgement:
    """What a model's answers to `n` rows are worth.

    units:       independent rows, or groups where rows belong together
    main:        the figure that the verdict speaks of
    metrics:     {figure: interval}; baselines: {baseline: {figure: interval}}
    against:     the comparison with the best baseline, None without baselines
    per_class:   rows of `metrics.per_class`; confusion: counts (given, said), None where it has no meaning
    calibration: rows of `metrics.calibration_bins`
    worst:       the most confident mistakes, or the largest errors, worst first
    """

    kind: Kind
    classes: tuple[str, ...]
    n: int
    units: int
    main: str
    metrics: dict[str, Interval]
    baselines: dict[str, dict[str, Interval]]
    against: Against | None
    per_class: tuple[dict, ...]
    confusion: np.ndarray | None
    calibration: tuple[dict, ...]
    worst: tuple[Mistake, ...]
    threshold: Threshold | None
    verdict: str
    notes: tuple[str, ...]

    def as_json(self) -> dict:
        """The form of `--json`: {"metrics": {"accuracy": {"value", "low", "high", "n"}}, …}."""
        return {
            "kind": self.kind,
            "n": self.n,
            "units": self.units,
            "classes": list(self.classes),
            "verdict": self.verdict,
            "notes": list(self.notes),
            "metrics": _all_json(self.metrics),
            "baselines": {name: _all_json(rows) for name, rows in self.baselines.items()},
            "against": None
            if self.against is None
            else {"baseline": self.against.name, "difference": _all_json(self.against.difference)},
            "per_class": list(self.per_class),
            "confusion": None if self.confusion is None else self.confusion.tolist(),
            "calibration": list(self.calibration),
            "worst": [mistake.as_json() for mistake in self.worst],
            "threshold": None if self.threshold is None else self.threshold.as_json(),
        }


def judge(
    answers: Answers,
    *,
    baselines: dict[str, Answers],
    seed: int = 0,
    resamples: int = 1000,
    threshold: Threshold | None = None,
) -> Judgement:
    """Judge answers to held-out rows against baselines on the same rows; the same seed, the same judgement.

    threshold: as chosen on the validation part; it decides for the model, not for the baselines
    Raises PersonError when there are no rows, scores are not finite, or a baseline answered other rows.
    """
    metrics.check_answers(answers)
    cut = _cut_of(threshold, answers)
    drawn = distributions(answers, seed=seed, resamples=resamples, threshold=cut)
    ours = intervals_from(answers, drawn, cut)
    theirs, drawn_theirs = {}, {}
    baselines = {name: aligned(other, answers) for name, other in baselines.items()}
    for name, other in baselines.items():
        drawn_theirs[name] = distributions(other, seed=seed, resamples=resamples)
        theirs[name] = intervals_from(other, drawn_theirs[name])
    main, against = MAIN[answers.kind], None
    if main not in ours:  # mean average precision where no label occurs
        main = next(iter(ours))
    if theirs:
        best = _best(theirs, main)
        difference = differences_from(answers, baselines[best], drawn, drawn_theirs[best], (cut, None))
        against = Against(best, difference)
    single = answers.kind == "label"
    return Judgement(
        kind=answers.kind,
        classes=answers.classes,
        n=len(answers.names),
        units=independent_units(answers),
        main=main,
        metrics=ours,
        baselines=theirs,
        against=against,
        per_class=() if answers.kind == "number" else tuple(metrics.per_class(answers, cut)),
        confusion=metrics.confusion(answers, cut) if single else None,
        calibration=() if answers.kind == "number" else tuple(metrics.calibration_bins(answers)),
        worst=worst_mistakes(answers, cut),
        threshold=threshold,
        verdict=verdict(ours, against, main, independent_units(answers), answers),
        notes=_notes(answers),
    )


def verdict(
    ours: dict[str, Interval], against: Against | None, main: str, units: int, answers: Answers
) -> str:
    """One sentence that claims no more than the rows show."""
    small = f", n = {units} is small" if units < SMALL else ""
    if against is None:
        return f"{READABLE[main]} {ours[main].words(main)}, compared with no baseline{small}"
    sentence = _against_sentence(against, main)
    other = "balanced_accuracy"
    if main == "accuracy" and other in against.difference and _unbalanced(answers):
        # Where one class is frequent, accuracy and balanced accuracy may disagree: then both are told.
        first, second = (
            _direction(against.difference[main], main),
            _direction(against.difference[other], other),
        )
        if first != second:
            sentence += f"; {_amount(against.difference[other], other, second)}"
    return sentence + small


def _against_sentence(against: Against, main: str) -> str:
    difference = against.difference[main]
    direction = _direction(difference, main)
    if direction == "":
        return (
            f"not shown to be better than the best baseline ({against.name}): the difference is "
            f"{_difference_words(difference, main)}"
        )
    amount = _difference_words(difference, main, flip=difference.value < 0)
    return f"{direction} than the best baseline ({against.name}) by {amount}"


def _amount(difference: Interval, name: str, direction: str) -> str:
    if direction == "":
        return f"not shown to differ, {_difference_words(difference, name)}"
    return f"{direction} by {_difference_words(difference, name, flip=difference.value < 0)}"


def _direction(difference: Interval, name: str) -> str:
    if not difference.excludes_zero:
        return ""
    return "better" if (difference.value > 0) != (name in LOWER_IS_BETTER) else "worse"


def _difference_words(difference: Interval, name: str, *, flip: bool = False) -> str:
    """ "12.1 points of accuracy (95 % interval 8.0 to 16.3)"; flipped where "worse by" already says minus."""
    sign = -1 if flip else 1
    value = written(name, sign * difference.value)
    unit = f" of {READABLE[name]}"
    if value.endswith(" %"):
        value, unit = value.removesuffix(" %"), f" points of {READABLE[name]}"
    if difference.low is None or difference.high is None:
        return f"{value}{unit} (too few rows for an interval)"
    low, high = sorted((sign * difference.low, sign * difference.high))
    ends = " to ".join(written(name, end).removesuffix(" %") for end in (low, high))
    return f"{value}{unit} (95 % interval {ends})"


def worst_mistakes(answers: Answers, threshold: Cut = None, most: int = WORST) -> tuple[Mistake, ...]:
    """The mistakes that were made with most confidence; for numbers the largest errors."""
    if answers.kind == "number":
        errors = np.abs(answers.scores[:, 0] - answers.targets)
        largest = [row for row in np.argsort(-errors, kind="stable")[:most] if errors[row] > 0]
        return tuple(
            Mistake(
                int(row),
                answers.names[row],
                f"{answers.targets[row]:.4g}",
                f"{answers.scores[row, 0]:.4g}",
                None,
            )
            for row in largest
        )
    decided = metrics.said(answers, threshold)
    if answers.kind == "labels":
        return _worst_labels(answers, decided, most)
    sure = answers.scores[np.arange(len(decided)), decided]
    wrong = np.flatnonzero(decided != answers.targets)
    order = wrong[np.argsort(-sure[wrong], kind="stable")][:most]
    return tuple(
        Mistake(
            int(row),
            answers.names[row],
            answers.classes[int(answers.targets[row])],
            answers.classes[int(decided[row])],
            float(sure[row]),
        )
        for row in order
    )


def _worst_labels(answers: Answers, decided: np.ndarray, most: int) -> tuple[Mistake, ...]:
    """For several labels a row: the one label of each row that was wrong with most confidence."""
    truth = answers.targets.astype(bool)
    sure = np.where(decided, answers.scores, 1 - answers.scores)
    sure = np.where(decided != truth, sure, -1.0)
    label = sure.argmax(axis=1)
    surest = sure[np.arange(len(label)), label]
    rows = [row for row in np.argsort(-surest, kind="stable")[:most] if surest[row] >= 0]
    mistakes = []
    for row in rows:
        name = answers.classes[int(label[row])]
        given, told = (name, f"no {name}") if truth[row, label[row]] else (f"no {name}", name)
        mistakes.append(Mistake(int(row), answers.names[row], given, told, float(surest[row])))
    return tuple(mistakes)


def _notes(answers: Answers) -> tuple[str, ...]:
    notes = []
    if answers.kind != "number":
        truth = answers.targets
        if answers.kind == "label":
            truth = truth[:, None] == np.arange(len(answers.classes))
        counts = truth.sum(axis=0)
        absent = [name for name, count in zip(answers.classes, counts) if count == 0]
        if absent:
            notes.append(f"not judged, because no row of this part has them: {_some(absent)}")
        few = [name for name, count in zip(answers.classes, counts) if 0 < count < 10]
        if few:
            notes.append(f"fewer than 10 rows each, so their own figures say little: {_some(few)}")
    units = independent_units(answers)
    if units < len(answers.names):
        notes.append(f"the {len(answers.names)} rows form {units} groups, which were resampled whole")
    return tuple(notes)


def _some(names: list[str], most: int = 8) -> str:
    left = len(names) - most
    return ", ".join(names[:most]) + (f" and {left} more" if left > 0 else "")


def _unbalanced(answers: Answers) -> bool:
    counts = np.bincount(answers.targets.astype(np.int64), minlength=len(answers.classes))
    counts = counts[counts > 0]
    return len(counts) > 1 and counts.max() >= 2 * counts.min()


def _best(theirs: dict[str, dict[str, Interval]], main: str) -> str:
    sign = -1 if main in LOWER_IS_BETTER else 1
    return max(theirs, key=lambda name: sign * theirs[name][main].value)


def _cut_of(threshold: Threshold | None, answers: Answers) -> Cut:
    if threshold is None:
        return None
    wide = threshold.classes if answers.kind == "labels" else (threshold.classes[0],)
    if answers.kind == "number" or wide != (
        answers.classes if answers.kind == "labels" else answers.classes[1:]
    ):
        raise PersonError(
            "threshold-of-other-classes",
            expected="a threshold that was chosen for the classes " + ", ".join(answers.classes),
            got="one for " + ", ".join(threshold.classes),
            fix="choose the threshold again on the validation part of this model's data",
        )
    return threshold.cut


def _all_json(rows: dict[str, Interval]) -> dict:
    return {name: interval.as_json() for name, interval in rows.items()}
