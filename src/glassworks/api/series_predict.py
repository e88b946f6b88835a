"""Answers for series in files: each file, each row or each group of rows is a series."""

from collections.abc import Sequence

import numpy as np

from glassworks.api.predict import as_csv, in_words
from glassworks.api.requests import PredictRequest
from glassworks.api.run import Run
from glassworks.api.series import other_channels, scaled, series_part
from glassworks.api.series_judge import asked_of
from glassworks.core.errors import PersonError
from glassworks.core.files import write_text
from glassworks.data.unlabelled_series import files_of_series, open_unlabelled_series
from glassworks.insight import unfamiliar

Named = tuple[str, np.ndarray]


def predict_series(run: Run, request: PredictRequest) -> list[dict]:
    """{"file", "answer", "answers"} a series, or {"file", "value"}, or {"file", "error"}; --out names a CSV.

    With "cut": steps at the beginning that the model does not see, where a series is longer than those that
    it learned from.
    """
    if request.out and not request.out.lower().endswith(".csv"):
        raise PersonError(
            "bad-value", expected="--out ANSWERS.csv", got=f"--out {request.out}", fix="name a .csv file",
        )  # fmt: skip
    rows: list[dict] = []
    named: list[Named] = []
    for file in (file for given in request.inputs for file in files_of_series(given)):
        try:
            named += named_series(run, str(file))
        except PersonError as error:
            rows.append({"file": str(file)} | error.as_json())
    answers = answers_for(run, [values for _, values in named])
    rows = [{"file": name} | answer for (name, _), answer in zip(named, answers, strict=True)] + rows
    if request.out:
        write_text(request.out, as_csv(rows))
    for row in rows:
        if "answers" in row:
            row["answers"] = row["answers"][: request.top]
    return rows


def named_series(run: Run, file: str) -> list[Named]:
    """The series of a file, with the columns that the run learned from."""
    data = run.recipe.data
    channels = tuple(run.card["channels"])
    found: list[Named] = []
    for path in files_of_series(file):
        found += open_unlabelled_series(path, channels, time=data.time, group=data.group)
    for name, values in found:
        if values.shape[1] != len(channels):
            raise other_channels(series_part(run.recipe), values.shape[1], name)
        if np.isnan(values).all(0).any():
            raise PersonError(
                "no-values", expected="at least one value in each column", got=f"{name}: a column has none",
                fix="leave the series out",
            )  # fmt: skip
    return found


def answers_for(run: Run, values: Sequence[np.ndarray]) -> list[dict]:
    """The model's answers for series (length, channels) in the person's units, in words."""
    if not values:
        return []
    how = series_part(run.recipe)
    scores, seen = asked_of(run, [scaled(series, how) for series in values])
    far: Sequence[float | None] = [None] * len(values)
    if run.familiar:
        far = unfamiliar.score(run.familiar, seen).tolist()
    answers = [in_words(run, row, strange) for row, strange in zip(scores, far, strict=True)]
    for answer, series in zip(answers, values, strict=True):
        if len(series) > how.history:
            answer["cut"] = len(series) - how.history
            answer["note"] = f"of series longer than {how.history:,} steps only the last steps are seen"
    return answers
