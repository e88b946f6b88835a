"""No file leaves unchecked: its answers on held-out pictures, beside those of the live model.

A file in float must give the same numbers, up to rounding: 1e-5 x max(1, largest absolute value), for the
answers on the scale of their scores (the logarithm of a probability) and for the features. A file in eight
bits cannot, so it is judged by what it answers: its main figure may fall by at most one point.

    1,000 pictures or more   the drop itself is at most one point
    fewer                    the paired 95 % interval of the drop ends at or below one point; or every single
                             decision is the same, which on few pictures is the most that can be seen, and the
                             words then say "not shown to be harmless" with how many might still differ
    fewer than 20            refused: they show nothing

There is no switch to ship a file that failed; more held-out pictures narrow the interval.
The first thing to change: POINT, what a faster model may cost.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from glassworks.core.errors import PersonError
from glassworks.core.files import readable_size
from glassworks.core.rows import Answers
from glassworks.deploy.subject import Predict, Subject, eager, in_batches
from glassworks.deploy.timing import latencies
from glassworks.judging.intervals import Interval, differences, independent_units, wilson
from glassworks.judging.metrics import LOWER_IS_BETTER, MAIN, READABLE, figures, said, written

ROUNDING = 1e-5
POINT = 0.01  # of accuracy; for a number, of its standard deviation
MANY, FEWEST = 1000, 20
TIMED = (1, 32)  # batch sizes whose times are told
SMALLEST = 1e-30  # probabilities below are zero in float32's good part


@dataclass(frozen=True)
class HeldOut:
    """Pictures that the model was not trained on.

    pixels:  uint8 (n, height, width, channels), decoded and resized
    targets: as in `core.rows.PictureTable`
    names:   unique names; groups: rows that belong together, where there are such
    """

    pixels: np.ndarray
    targets: np.ndarray
    names: tuple[str, ...]
    groups: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Apart:
    """How far two sets of answers to the same pictures are apart.

    difference, allowed: the largest difference on the scale of scores, and what rounding explains
    features, features_allowed: the same of what the last layer sees
    answers:  the largest difference of a probability (or of a number, in standard deviations)
    agrees:   share of equal decisions; numbers agree within a hundredth of their standard deviation
    """

    difference: float
    allowed: float
    features: float
    features_allowed: float
    answers: float
    agrees: float

    @property
    def by_rounding(self) -> bool:
        """Whether rounding explains all of it."""
        return self.difference <= self.allowed and self.features <= self.features_allowed


@dataclass(frozen=True)
class Verified:
    """What the check of one file has shown. `metric` is the figure that `before`, `after`, `drop` are of.

    drop:  how much worse (positive) the file is, with the paired interval
    times: {batch size: {"eager": seconds, "file": seconds}}; empty for a file that failed
    """

    n: int
    apart: Apart
    metric: str
    before: float
    after: float
    drop: Interval
    size_bytes: int
    times: dict[int, dict[str, float]]
    passed: bool
    reason: str

    def as_json(self) -> dict[str, Any]:
        """The form that stands in model.json and `--json`."""
        return asdict(self)

    def as_text(self) -> list[list[str]]:
        """Rows of a table: what, before (the live model), after (the file)."""
        apart = self.apart
        return [
            ["", "live model", "file"],
            [
                "largest difference of a score",
                "",
                f"{apart.difference:.2g} (rounding explains {apart.allowed:.2g})",
            ],
            ["largest difference of an answer", "", f"{apart.answers:.2g}"],
            ["equal decisions", "", f"{100 * apart.agrees:.4g} % of {self.n}"],
            [READABLE[self.metric], written(self.metric, self.before), written(self.metric, self.after)],
            ["size", "", readable_size(self.size_bytes)],
            *(
                [f"a batch of {size}", *(f"{1e3 * float(f'{both[side]:.2e}'):g} ms" for side in both)]
                for size, both in self.times.items()
            ),
        ]


def verify(
    subject: Subject,
    predict: Predict,
    held: HeldOut,
    *,
    size_bytes: int,
    exact: bool,
    told: tuple[np.ndarray, np.ndarray] | None = None,
) -> Verified:
    """Compare a file, as the function `predict`, with the live model on held-out pictures.

    exact: whether the file is in float, and must agree up to rounding
    told:  what the live model says of the held-out pictures, where that is known already
    Does not raise when the file answers otherwise: `passed` and `reason` say it, `refused` makes the error.
    Raises PersonError("export-refused") when answers are not finite.
    """
    live = eager(subject)
    ours, theirs = told or in_batches(live, held.pixels), in_batches(predict, held.pixels)
    if not all(np.isfinite(numbers).all() for numbers in theirs):
        raise refused("a file", "some of its answers are not finite numbers", exact=exact)
    apart = how_far(subject, ours, theirs)
    before, after = (as_answers(subject, held, answers) for answers in (ours[0], theirs[0]))
    metric, drop = _drop(subject, before, after)
    units = independent_units(before)
    passed, reason = _rounding(apart) if exact else _harmless(metric, drop, apart, units)
    sides = {"eager": live, "file": predict}
    return Verified(
        n=len(held.names),
        apart=apart,
        metric=metric,
        before=figures(before, threshold=subject.cut)[metric],
        after=figures(after, threshold=subject.cut)[metric],
        drop=drop,
        size_bytes=size_bytes,
        times={size: _times(sides, held, size) for size in TIMED} if passed else {},
        passed=passed,
        reason=reason,
    )


def _times(sides: dict[str, Predict], held: HeldOut, size: int) -> dict[str, float]:
    found = latencies(sides, np.resize(held.pixels, (size, *held.pixels.shape[1:])))
    return {name: latency.median for name, latency in found.items()}


def refused(what: str, reason: str, verified: Verified | None = None, *, exact: bool = False) -> PersonError:
    """The error for a file that failed, with its figures. what: how to call the file."""
    told = "" if verified is None else (
        f"; equal decisions: {100 * verified.apart.agrees:.4g} % of {verified.n}, "
        f"largest difference of an answer {verified.apart.answers:.2g}"
    )  # fmt: skip
    fix = "export without --quantise, or give more held-out pictures with --data"
    return PersonError(
        "export-refused",
        expected=f"{what} that answers like the live model",
        got=f"{reason}{told}; nothing was written",
        fix="choose another format; a file in float should agree, so please report this" if exact else fix,
    )


def how_far(
    subject: Subject, ours: tuple[np.ndarray, np.ndarray], theirs: tuple[np.ndarray, np.ndarray]
) -> Apart:
    """Compare (answers, features) of two sides on the same pictures. What is not finite is infinitely far."""
    scale = subject.number[1] if subject.number else 1.0
    first, second = on_scale_of_scores(subject, ours[0]), on_scale_of_scores(subject, theirs[0])
    if subject.kind == "number":
        same = np.abs(ours[0] - theirs[0])[:, 0] <= POINT * scale
    else:
        one, other = (_decided(subject, answers) for answers in (ours[0], theirs[0]))
        same = (one == other).reshape(len(one), -1).all(axis=1)
    return Apart(
        difference=_largest(first - second),
        allowed=ROUNDING * max(1.0, _largest(first)),
        features=_largest(ours[1].astype(np.float64) - theirs[1]),
        features_allowed=ROUNDING * max(1.0, _largest(ours[1])),
        answers=_largest(ours[0].astype(np.float64) - theirs[0]) / scale,
        agrees=float(same.mean()),
    )


def on_scale_of_scores(subject: Subject, answers: np.ndarray) -> np.ndarray:
    """Probabilities as logarithms, which are scores up to a constant; numbers in standard deviations."""
    if subject.number is not None:
        return answers.astype(np.float64) / subject.number[1]
    return np.log(np.clip(answers.astype(np.float64), SMALLEST, None))


def as_answers(subject: Subject, held: HeldOut, answers: np.ndarray) -> Answers:
    """Answers in the form that all judging takes, beside the truth."""
    scores = answers.astype(np.float64)
    if subject.kind == "label":
        scores = scores / scores.sum(axis=1, keepdims=True)
    return Answers(held.names, subject.kind, held.targets, scores, subject.classes, held.groups)


def _decided(subject: Subject, answers: np.ndarray) -> np.ndarray:
    rows = len(answers)
    truth = np.zeros((rows, len(subject.classes)) if subject.kind == "labels" else rows)
    return said(Answers(("",) * rows, subject.kind, truth, answers, subject.classes), subject.cut)


def _drop(subject: Subject, before: Answers, after: Answers) -> tuple[str, Interval]:
    """How much worse `after` is in the main figure, positive for worse; a number's in standard deviations."""
    found = differences(before, after, thresholds=(subject.cut, subject.cut))
    metric = MAIN[subject.kind] if MAIN[subject.kind] in found else next(iter(found))
    sign = (-1 if metric in LOWER_IS_BETTER else 1) / (subject.number[1] if subject.number else 1.0)
    drop = found[metric]
    ends = [None if end is None else sign * end for end in (drop.low, drop.high)]
    low, high = ends if sign > 0 else ends[::-1]
    return metric, Interval(sign * drop.value, low, high, drop.n)


def _rounding(apart: Apart) -> tuple[bool, str]:
    if apart.by_rounding:
        return True, f"the same up to rounding: scores differ by at most {apart.difference:.2g}"
    if apart.difference > apart.allowed:
        return False, f"scores differ by {apart.difference:.2g}, rounding explains {apart.allowed:.2g}"
    return False, f"features differ by {apart.features:.2g}, rounding explains {apart.features_allowed:.2g}"


def _harmless(metric: str, drop: Interval, apart: Apart, n: int) -> tuple[bool, str]:
    """The rule for eight bits, as the head of this file says it."""
    worse = "rises" if metric in LOWER_IS_BETTER else "falls"
    unit = "hundredths of the standard deviation" if metric in LOWER_IS_BETTER else "points"
    what = f"{READABLE[metric]} {worse} by {100 * drop.value:.2f} {unit}"
    if drop.low is not None and drop.high is not None:
        what += f" (95 % interval {100 * drop.low:.2f} to {100 * drop.high:.2f}, n = {n})".replace("-", "−")
    if n < FEWEST:
        return False, f"{n} held-out pictures show nothing; at least {FEWEST} are needed"
    if n >= MANY:
        return drop.value <= POINT, what + f", allowed is {100 * POINT:g}"
    if drop.high is not None and drop.high <= POINT:
        return True, what + f", which excludes more than {100 * POINT:g}"
    if apart.agrees == 1:
        most = 1 - wilson(n, n)[0]
        return True, (
            f"all {n} decisions are the same; not shown to be harmless beyond them: "
            f"up to {100 * most:.1f} % of others may differ"
        )
    return False, what + f": not shown to be harmless, a fall of more than {100 * POINT:g} is not excluded"


def _largest(values: np.ndarray) -> float:
    values = np.abs(values)
    return float(values.max()) if np.isfinite(values).all() else float("inf")
