"""The figures of a model's answers: one function for a point figure and for a thousand resamples of it.

Every figure takes a weight for each row, (rows, columns): a column of ones gives the plain figure, a column
of counts gives the figure of a resample. So the bootstrap in `intervals` runs the very code that is tested
against scikit-learn. To add a figure, add it to the function of its kind and to `READABLE`.

What happens to a class without rows: balanced accuracy is the mean recall over the classes that occur in
the truth; macro-F1 runs over the classes that occur in the truth or in the answers (as scikit-learn has it);
AUROC and average precision over the classes with at least one row of both sides. A figure that cannot be
computed at all (AUROC of one class) is left out; NaN never leaves this module.

Axes: n rows, c classes, r columns of weights (resamples).
Papers: calibration error, Guo et al. 2017 (1706.04599), with 15 bins of equal width; AUROC as a rank
statistic, Mann and Whitney 1947.
"""

import numpy as np

from glassworks.core.errors import PersonError
from glassworks.core.rows import Answers

BINS = 15
SMALLEST = float(np.finfo(np.float64).eps)  # log loss treats a probability of 0 as this, as scikit-learn does

READABLE = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro-F1",
    "micro_f1": "micro-F1",
    "auroc": "AUROC",
    "macro_auroc": "macro AUROC",
    "subset_accuracy": "subset accuracy",
    "mean_average_precision": "mean average precision",
    "log_loss": "log loss",
    "calibration_error": "calibration error",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "r2": "R²",
    "median_absolute_error": "median absolute error",
    "masked_error": "squared error on hidden patches",
    "masked_loss": "loss on hidden words, nats",
    "masked_accuracy": "hidden words guessed",
    **{f"text_at_{k}": f"picture to text, recall at {k}" for k in (1, 5, 10)},
    **{f"picture_at_{k}": f"text to picture, recall at {k}" for k in (1, 5, 10)},
    "zero_shot_accuracy": "zero-shot accuracy",
    "mase": "MASE",
    "smape": "sMAPE",
    "quantile_loss": "scaled quantile loss",
    "coverage": "coverage",
    "interval_width": "scaled width of the interval",
    "chrf": "chrF",
    "bleu": "BLEU",
    "exact_match": "the very answer",
    "bits_per_character": "bits per character",
    "perplexity": "perplexity",
    "token_loss": "loss (nats a token)",
    "next_token": "next token guessed",
    "neighbours_told": "neighbours told from noise",
    "same_group": "nearest word of the same group",
    "analogies": "analogies right",
}
LOWER_IS_BETTER = {
    "log_loss", "calibration_error", "mae", "rmse", "median_absolute_error", "masked_error",
    "masked_loss", "bits_per_character", "perplexity", "token_loss", "mase", "smape", "quantile_loss",
}  # fmt: skip
# All others lie between 0 and 1.
UNBOUNDED = {
    "log_loss", "mae", "rmse", "median_absolute_error", "r2", "masked_error", "masked_loss",
    "bits_per_character", "perplexity", "token_loss", "mase", "smape", "quantile_loss", "interval_width",
}  # fmt: skip
PERCENT = {
    "accuracy", "balanced_accuracy", "subset_accuracy", "calibration_error", "zero_shot_accuracy",
    "masked_accuracy",
    "exact_match", "next_token", "coverage", "smape",
    "neighbours_told", "same_group", "analogies",
    *(f"{way}_at_{k}" for way in ("text", "picture") for k in (1, 5, 10)),
}  # fmt: skip
WITH_UNIT = {"mae", "rmse", "median_absolute_error", "perplexity"}
MAIN = {"label": "accuracy", "labels": "mean_average_precision", "number": "mae"}

Cut = float | np.ndarray | None  # a decision threshold: one number, one for each class, or the usual one


def figures(answers: Answers, weights: np.ndarray | None = None, threshold: Cut = None) -> dict[str, float]:
    """All figures of the answers' kind; a figure that is not defined for these rows is left out.

    weights: (n,) weight of each row, ones if None
    threshold: see `said`
    """
    check_answers(answers)
    weights = np.ones(len(answers.names)) if weights is None else np.asarray(weights, np.float64)
    columns = figures_of_columns(answers, weights[:, None], threshold)
    return {name: float(column[0]) for name, column in columns.items() if np.isfinite(column[0])}


def figures_of_columns(answers: Answers, weights: np.ndarray, threshold: Cut = None) -> dict[str, np.ndarray]:
    """Every figure of every column of weights, (n, r) -> {name: (r,)}; NaN where it is not defined."""
    if answers.kind == "number":
        return _number_figures(answers.targets.astype(np.float64), answers.scores[:, 0], weights)
    if answers.kind == "labels":
        return _labels_figures(answers, said(answers, threshold), weights)
    return _label_figures(answers, said(answers, threshold), weights)


def written(name: str, value: float, *, signed: bool = False) -> str:
    """A figure as a person reads it: 93.3 %, 0.912, or four digits where it has a unit of its own.

    >>> written("accuracy", 0.9333), written("auroc", 0.91234), written("mae", 12.34567)
    ('93.3 %', '0.912', '12.35')
    """
    sign = "+" if signed else ""
    if name in PERCENT:
        text = f"{100 * value:{sign}.1f} %"
    else:
        text = f"{value:{sign}.4g}" if name in WITH_UNIT else f"{value:{sign}.3f}"
    return text.replace("-", "−", 1) if value < 0 else text


def said(answers: Answers, threshold: Cut = None) -> np.ndarray:
    """The decisions: class indices (n,) for "label", bool (n, c) for "labels", numbers (n,) for "number".

    threshold: for two classes, the least probability of the second class at which it is said; for "labels",
        one number or one for each class. Usually the likeliest class, or 0.5 for each label.
    """
    if answers.kind == "number":
        return answers.scores[:, 0]
    if answers.kind == "labels":
        return answers.scores >= (0.5 if threshold is None else np.asarray(threshold, np.float64))
    if threshold is None:
        return answers.scores.argmax(axis=1)
    if len(answers.classes) != 2:
        raise ValueError("a threshold decides between two classes; with more the likeliest class is said")
    return (answers.scores[:, 1] >= float(np.asarray(threshold).reshape(()))).astype(np.int64)


def check_answers(answers: Answers) -> None:
    """Raise ValueError for answers of the wrong form, PersonError where there is nothing to judge."""
    rows, classes = len(answers.names), len(answers.classes)
    if answers.kind not in MAIN:
        raise ValueError(f'answers of kind "{answers.kind}" have no truth to be judged against')
    wide = 1 if answers.kind == "number" else classes
    if answers.scores.shape != (rows, wide):
        raise ValueError(f"scores should have the shape {(rows, wide)}, not {answers.scores.shape}")
    if answers.targets.shape != ((rows, classes) if answers.kind == "labels" else (rows,)):
        raise ValueError(f'targets of kind "{answers.kind}" have the shape {answers.targets.shape}')
    if rows == 0:
        raise PersonError(
            "nothing-to-judge",
            expected="at least one example in the part that is judged",
            got="none",
            fix="give more data, or a larger share to the test part",
        )
    if not np.isfinite(answers.scores).all():
        bad = int(np.flatnonzero(~np.isfinite(answers.scores).all(axis=1))[0])
        raise PersonError(
            "scores-not-finite",
            expected="a finite score for each example",
            got=f"NaN or infinity for {answers.names[bad]}",
            fix="the training has diverged: train again with a smaller learning rate",
        )
    if answers.kind == "label" and np.abs(answers.scores.sum(axis=1) - 1).max() > 1e-3:
        raise ValueError('scores of kind "label" should be probabilities that sum to 1 in each row')
    if answers.kind == "label" and not ((answers.targets >= 0) & (answers.targets < classes)).all():
        raise ValueError(f"targets should be class indices from 0 to {classes - 1}")


# --- one class a row ------------------------------------------------------------------------------------


def _label_figures(answers: Answers, decided: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    targets, scores, classes = answers.targets.astype(np.int64), answers.scores, len(answers.classes)
    total = weights.sum(axis=0)
    right = (decided == targets).astype(np.float64)
    truth = class_sums(weights, targets, classes)  # (c, r)
    told = class_sums(weights, decided, classes)
    hits = class_sums(weights * right[:, None], targets, classes)
    likelihood = np.clip(scores[np.arange(len(targets)), targets], SMALLEST, 1 - SMALLEST)
    likeliest = scores.argmax(axis=1)  # calibration is of the probabilities, whatever the threshold decides
    confidence, hit = scores.max(axis=1), (likeliest == targets).astype(np.float64)
    return {
        "accuracy": right @ weights / total,
        "balanced_accuracy": _mean_over(_share(hits, truth), truth > 0),
        "macro_f1": _mean_over(_share(2 * hits, truth + told), truth + told > 0),
        "auroc": _auroc_of_label(scores, targets, weights),
        "log_loss": -np.log(likelihood) @ weights / total,
        "calibration_error": np.abs(
            class_sums(weights * (confidence - hit)[:, None], bin_of(confidence), BINS)
        ).sum(axis=0)
        / total,
    }


def _auroc_of_label(scores: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Two classes: of the second. More: each class against the rest, averaged over the classes present."""
    chosen = [1] if scores.shape[1] == 2 else [c for c in range(scores.shape[1]) if (targets == c).any()]
    each = np.stack([auroc(scores[:, c], targets == c, weights) for c in chosen])
    return _mean_over(each, np.isfinite(each))


def bin_of(probabilities: np.ndarray) -> np.ndarray:
    """The index of each probability's bin among 15 of equal width."""
    return np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)


def calibration_bins(answers: Answers) -> list[dict]:
    """The filled bins: {"low", "high", "n", "confidence" (mean), "share" (of right ones)}.

    "label": the probability of the likeliest class; "labels": the probability of each label of each row,
    against the share of those labels that are true.
    """
    if answers.kind == "labels":
        confidence, right = answers.scores.ravel(), answers.targets.astype(np.float64).ravel()
    else:
        confidence = answers.scores.max(axis=1)
        right = (answers.scores.argmax(axis=1) == answers.targets).astype(np.float64)
    place, rows = bin_of(confidence), []
    for number in np.unique(place):
        inside = place == number
        rows.append(
            {
                "low": float(number / BINS),
                "high": float((number + 1) / BINS),
                "n": int(inside.sum()),
                "confidence": float(confidence[inside].mean()),
                "share": float(right[inside].mean()),
            }
        )
    return rows


def confusion(answers: Answers, threshold: Cut = None) -> np.ndarray:
    """Counts (c, c) int64: row = class given, column = class said."""
    classes = len(answers.classes)
    pairs = answers.targets.astype(np.int64) * classes + said(answers, threshold)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def per_class(answers: Answers, threshold: Cut = None) -> list[dict]:
    """A row for each class: name, support, said, precision, recall, f1.

    None stands for "not known here": recall and F1 of a class without rows, precision of one never said.
    """
    decided, classes = said(answers, threshold), len(answers.classes)
    truth = answers.targets if answers.kind == "labels" else answers.targets[:, None] == np.arange(classes)
    told = decided if answers.kind == "labels" else decided[:, None] == np.arange(classes)
    rows = []
    for name, given, stated in zip(answers.classes, truth.T.astype(bool), told.T):
        hits, support, count = int((given & stated).sum()), int(given.sum()), int(stated.sum())
        rows.append(
            {
                "name": name,
                "support": support,
                "said": count,
                "precision": hits / count if count else None,
                "recall": hits / support if support else None,
                "f1": 2 * hits / (support + count) if support else None,
            }
        )
    return rows


# --- several labels a row -------------------------------------------------------------------------------


def _labels_figures(answers: Answers, decided: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    truth, total = answers.targets.astype(bool), weights.sum(axis=0)
    hits = (truth & decided).T.astype(np.float64) @ weights  # (c, r)
    both = truth.T.astype(np.float64) @ weights + decided.T.astype(np.float64) @ weights
    precisions = np.stack(
        [average_precision(answers.scores[:, c], truth[:, c], weights) for c in range(truth.shape[1])]
    )
    areas = np.stack([auroc(answers.scores[:, c], truth[:, c], weights) for c in range(truth.shape[1])])
    return {
        "mean_average_precision": _mean_over(precisions, np.isfinite(precisions)),
        "micro_f1": _share(2 * hits.sum(axis=0), both.sum(axis=0)),
        "macro_f1": _mean_over(_share(2 * hits, both), both > 0),
        "subset_accuracy": (truth == decided).all(axis=1).astype(np.float64) @ weights / total,
        "macro_auroc": _mean_over(areas, np.isfinite(areas)),
    }


def auroc(scores: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted chance that a positive row scores above a negative one, ties counting half: (r,), or NaN.

    The weight below each positive row is summed over *all* rows; what the positive rows put below each
    other is half the square of their total, and is taken away at the end. One running sum suffices.
    """
    order = np.argsort(scores, kind="stable")
    below = np.zeros((len(scores) + 1, weights.shape[1]))
    np.cumsum(weights[order], axis=0, out=below[1:])
    ranked, own = scores[order], weights[positive]
    middle = below[np.searchsorted(ranked, scores[positive], "left")]
    middle += below[np.searchsorted(ranked, scores[positive], "right")]
    of_positive = own.sum(axis=0)
    pairs = of_positive * (below[-1] - of_positive)
    won = np.einsum("pr,pr->r", own, middle) / 2 - of_positive**2 / 2
    return np.divide(won, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)


def average_precision(scores: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean over the positive rows of the precision at their score: (r,), or NaN without positive rows."""
    order = np.argsort(-scores, kind="stable")
    ranked, is_positive = -scores[order], positive[order]
    everything = np.cumsum(weights[order], axis=0)
    hits = np.cumsum(weights[order] * is_positive[:, None], axis=0)
    last = np.searchsorted(ranked, ranked[is_positive], "right") - 1  # tied rows come in together
    gained = weights[order][is_positive] * _share(hits[last], everything[last])
    total = hits[-1]
    return np.divide(gained.sum(axis=0), total, out=np.full(len(total), np.nan), where=total > 0)


# --- numbers --------------------------------------------------------------------------------------------


def _number_figures(targets: np.ndarray, told: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    error, total = np.abs(told - targets), weights.sum(axis=0)
    centred = targets - targets.mean()
    squares = error**2 @ weights
    spread = centred**2 @ weights - (centred @ weights) ** 2 / total
    constant = spread <= 1e-12 * np.maximum(centred**2 @ weights, SMALLEST)
    explained = 1 - np.divide(squares, spread, out=np.ones_like(spread), where=~constant)
    return {
        "mae": error @ weights / total,
        "rmse": np.sqrt(squares / total),
        "r2": np.where(constant & (squares == 0), 1.0, explained),  # constant targets: 1 if hit, else 0
        "median_absolute_error": _weighted_median(error, weights),
    }


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    order = np.argsort(values, kind="stable")
    running = np.cumsum(weights[order], axis=0)
    half, ranked = running[-1] / 2, values[order]
    last = len(values) - 1
    lower = np.minimum((running < half).sum(axis=0), last)
    upper = np.minimum((running <= half).sum(axis=0), last)
    return (ranked[lower] + ranked[upper]) / 2


# --- sums -----------------------------------------------------------------------------------------------


def class_sums(weights: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Sum of the weights of each class: (n, r), (n,) int -> (c, r)."""
    order = np.argsort(labels, kind="stable")
    present, starts = np.unique(labels[order], return_index=True)
    sums = np.zeros((classes, weights.shape[1]))
    sums[present] = np.add.reduceat(weights[order], starts, axis=0)
    return sums


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, and 0 where there is nothing to share."""
    return np.divide(part, whole, out=np.zeros_like(part, dtype=np.float64), where=whole > 0)


def _mean_over(values: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Mean of the counted values of each column, (c, r) -> (r,); NaN where none is counted."""
    count = counted.sum(axis=0)
    total = np.where(counted, values, 0.0).sum(axis=0)
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
