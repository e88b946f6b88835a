"""From probabilities to decisions: class weights in training, a threshold afterwards.

Unbalanced classes are met twice: in training by weights, n / (classes x count), and afterwards by a
decision threshold. The threshold is chosen on the validation part, never on the test part, where it would
flatter the model. The first thing to change: the rule.

Axes: n rows, c classes.
"""

from dataclasses import dataclass

import numpy as np

from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.rows import Answers
from glassworks.judging.metrics import check_answers

CURVE_POINTS = 100
RULES = ("f1", "recall=0.95", "precision=0.9")


def class_weights(targets: np.ndarray, classes: int) -> np.ndarray:
    """Weight of each class in the loss, (n,) -> (c,): n / (classes that occur x count).

    The mean weight of a row is 1. A class without rows has the weight 1.
    """
    counts = np.bincount(np.asarray(targets, np.int64), minlength=classes)
    present = int((counts > 0).sum())
    return np.where(counts > 0, len(targets) / (present * np.maximum(counts, 1)), 1.0)


def positive_weights(targets: np.ndarray) -> np.ndarray:
    """For several labels: rows without / rows with each, bool (n, c) -> (c,); 1 for one that never occurs."""
    present = np.asarray(targets, bool).sum(axis=0)
    return np.where(present > 0, (len(targets) - present) / np.maximum(present, 1), 1.0)


@dataclass(frozen=True)
class Threshold:
    """The least probability at which a class is said, chosen on the validation part.

    value:   one number (two classes: of the second), or one for each label
    rule:    "f1", "recall=…" or "precision=…"
    classes: what each value decides on
    precision, recall, f1: on the validation part, one for each value
    curve:   for two classes (threshold, precision, recall, f1) from low to high; empty for labels
    notes:   labels for which there was nothing to choose from
    """

    value: float | tuple[float, ...]
    rule: str
    classes: tuple[str, ...]
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    f1: tuple[float, ...]
    curve: tuple[tuple[float, float, float, float], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def cut(self) -> float | np.ndarray:
        """The value in the form that the figures take."""
        return self.value if isinstance(self.value, float) else np.array(self.value)

    def as_json(self) -> dict:
        """{"value", "rule", "classes", "validation": {"precision", "recall", "f1"}, "curve", "notes"}."""
        return {
            "value": self.value if isinstance(self.value, float) else list(self.value),
            "rule": self.rule,
            "classes": list(self.classes),
            "validation": {
                "precision": list(self.precision),
                "recall": list(self.recall),
                "f1": list(self.f1),
            },
            "curve": [list(point) for point in self.curve],
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, told: dict) -> "Threshold":
        """The threshold that `as_json` told, as a card keeps it."""
        value, shown = told["value"], told["validation"]
        return cls(
            value=tuple(value) if isinstance(value, list) else float(value),
            rule=told["rule"],
            classes=tuple(told["classes"]),
            precision=tuple(shown["precision"]),
            recall=tuple(shown["recall"]),
            f1=tuple(shown["f1"]),
            curve=tuple(tuple(point) for point in told["curve"]),
            notes=tuple(told["notes"]),
        )


def choose_threshold(answers: Answers, rule: str = "f1") -> Threshold:
    """The threshold that serves the rule best on these answers, which should be of the validation part.

    rule: "f1" the best F1; "recall=0.95" the highest threshold that finds 95 %; "precision=0.9" the lowest
        whose statements are right in 90 %
    Raises PersonError for more than two classes, numbers, an unknown rule, or a precision out of reach.
    """
    check_answers(answers)
    wanted = _read_rule(rule)
    if answers.kind == "label" and len(answers.classes) == 2:
        point, curve = _choose(answers.scores[:, 1], answers.targets == 1, wanted, answers.classes[1])
        if point is None:
            raise PersonError(
                "threshold-needs-both-classes",
                expected=f"validation rows of both classes, {answers.classes[0]} and {answers.classes[1]}",
                got="rows of only one of them",
                fix="enlarge the validation part, or leave the threshold out",
            )
        at, precision, recall, f1 = point
        return Threshold(at, rule, (answers.classes[1],), (precision,), (recall,), (f1,), curve)
    if answers.kind == "labels":
        return _choose_each(answers, rule, wanted)
    raise _no_threshold("numbers" if answers.kind == "number" else f"{len(answers.classes)} classes")


def check_rule(rule: str, kind: str, classes: int) -> None:
    """Refuse, before a run begins, a rule that is unknown or that this kind of data has no threshold for."""
    _read_rule(rule)
    if kind == "number" or (kind == "label" and classes != 2):
        raise _no_threshold("numbers" if kind == "number" else f"{classes} classes")


def _no_threshold(got: str) -> PersonError:
    return PersonError(
        "threshold-needs-two-classes",
        expected="two classes, or several labels a picture, to choose a threshold for",
        got=got,
        fix="leave the threshold out; for unbalanced classes use class weights",
    )


def _choose_each(answers: Answers, rule: str, wanted: tuple[str, float]) -> Threshold:
    points, notes = [], []
    for number, name in enumerate(answers.classes):
        point, _ = _choose(answers.scores[:, number], answers.targets[:, number].astype(bool), wanted, name)
        if point is None:
            notes.append(f"{name}: no validation row with and without it, so its threshold stays at 0.5")
        points.append(point or (0.5, 0.0, 0.0, 0.0))
    value, precision, recall, f1 = (tuple(column) for column in zip(*points))
    return Threshold(value, rule, answers.classes, precision, recall, f1, notes=tuple(notes))


def _read_rule(rule: str) -> tuple[str, float]:
    name, _, number = rule.replace(" ", "").partition("=")
    try:
        share = float(number) if number else 0.0
    except ValueError:
        share = -1.0
    if name not in ("f1", "recall", "precision") or (name == "f1") != (not number) or not 0 <= share <= 1:
        raise PersonError(
            "unknown-threshold-rule",
            expected="a rule such as " + ", ".join(f'"{known}"' for known in RULES),
            got=f'"{rule}"',
            fix=did_you_mean(rule, RULES),
        )
    return name, share


Point = tuple[float, float, float, float]  # threshold, precision, recall, f1


def _choose(
    scores: np.ndarray, positive: np.ndarray, wanted: tuple[str, float], name: str
) -> tuple[Point | None, tuple[Point, ...]]:
    """The point that serves the rule, and the whole curve thinned; None where only one side occurs."""
    if not positive.any() or positive.all():
        return None, ()
    rule, share = wanted
    cuts, precision, recall, f1 = precision_recall(scores, positive)
    if rule == "f1":
        best = np.flatnonzero(f1 >= f1.max() - 1e-12)
        at = int(best[np.abs(cuts[best] - 0.5).argmin()])
    elif rule == "recall":
        at = int(np.flatnonzero(recall >= share - 1e-12)[-1])
    else:
        reached = np.flatnonzero(precision >= share - 1e-12)
        if not len(reached):
            raise PersonError(
                "precision-out-of-reach",
                expected=f"a threshold at which {share:.0%} of the statements “{name}” are right",
                got=f"at most {precision.max():.1%} on the validation part",
                fix=f"ask for less (precision={np.floor(precision.max() * 100) / 100:g}), or train longer",
            )
        at = int(reached[0])
    points = tuple(zip(cuts.tolist(), precision.tolist(), recall.tolist(), f1.tolist()))
    thin = np.unique(np.linspace(0, len(points) - 1, CURVE_POINTS).round().astype(int))
    return points[at], tuple(points[number] for number in thin)


def precision_recall(
    scores: np.ndarray, positive: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Thresholds from low to high, each halfway below a score that occurs, with precision, recall and F1.

    Halfway, because a threshold that equals a score would turn on the last bit of a new picture's score.
    """
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    hits = np.cumsum(positive[order])
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))  # the end of each run of ties
    lower = np.append(ranked[last[1:]], 0.0)
    cuts = (ranked[last] + lower) / 2
    hits, told = hits[last], last + 1
    precision, recall = hits / told, hits / positive.sum()
    f1 = 2 * hits / (told + positive.sum())
    return cuts[::-1], precision[::-1], recall[::-1], f1[::-1]
