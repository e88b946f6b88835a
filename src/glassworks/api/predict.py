"""Answers for single files or whole folders."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np

from glassworks.api.families import family_of
from glassworks.api.requests import PredictRequest
from glassworks.api.run import BATCH, Run, features_of, load, outputs_of_features, require_captions
from glassworks.api.sizes import at_side
from glassworks.core.errors import PersonError
from glassworks.core.files import write_text
from glassworks.data.batches import PictureBatches
from glassworks.data.decode import read_picture
from glassworks.data.folders import missing_path, unlabelled_folder
from glassworks.insight import unfamiliar


def predict(run: str | Path | Run, *inputs: str | Path, **options: Any) -> list[dict]:
    """Answers for pictures and folders, one dict a picture.

    {"file", "answer", "answers": [{"class", "probability"}, …]}, or {"file", "value"} for a number, or
    {"file", "error": {…}} for a picture that cannot be read. With "unfamiliar": how unlike the training
    pictures it is, and "unlike": true above 1: then it may be none of the classes.
    """
    name = str(run.path) if isinstance(run, Run) else str(run)
    request = PredictRequest(run=name, inputs=tuple(str(i) for i in inputs), **options)
    return predict_request(request, run if isinstance(run, Run) else None)


def predict_request(request: PredictRequest, run: Run | None = None) -> list[dict]:
    """The same, from a whole request."""
    if request.out and Path(request.out).exists() and not request.overwrite:
        raise PersonError(
            "file-exists", expected="a new file for the answers", got=f"{request.out} exists",
            fix="choose another --out, or add --overwrite",
        )  # fmt: skip
    if request.top < 1:
        raise PersonError(
            "bad-value", expected="--top of 1 or more", got=str(request.top), fix="leave --top out for 3",
        )  # fmt: skip
    run = at_side(run or load(request.run, device=request.device), request.side)
    family = family_of(run.recipe.system)
    if not request.inputs and not getattr(family, "answers_alone", False):
        raise PersonError(
            "nothing-named", expected=f"what {run.recipe.system} is to answer for", got="no file or folder",
            fix=f"glassworks predict {request.run} FILE",
        )  # fmt: skip
    if request.labels is not None or request.template is not None:
        require_captions("predict --labels", run)
    return family.predict(run, request)


def predict_labelled(run: Run, request: PredictRequest) -> list[dict]:
    """The answers of a system that learned from labelled pictures; --out names a CSV file."""
    files = files_of(request.inputs)
    rows = [
        row for start in range(0, len(files), BATCH) for row in _answer(run, files[start : start + BATCH])
    ]
    if request.out:
        write_text(request.out, as_csv(rows))
    for row in rows:
        row["answers"] = row["answers"][: request.top] if "answers" in row else None
    return [{key: value for key, value in row.items() if value is not None} for row in rows]


def files_of(inputs: tuple[str, ...]) -> list[Path]:
    """The pictures that are named, folders opened. Raises PersonError for a path that is not there."""
    files: list[Path] = []
    for text in inputs:
        path = Path(text)
        if path.is_dir():
            files += [source for source in unlabelled_folder(path).sources if isinstance(source, Path)]
        elif path.is_file():
            files.append(path)
        else:
            raise missing_path(path)
    return files


def _answer(run: Run, files: list[Path]) -> list[dict]:
    """Decode, ask, and put into words; a damaged picture gets its error and stops nothing else."""
    how = run.input
    pixels, errors = [], {}
    for place, file in enumerate(files):
        try:
            pixels.append(
                read_picture(
                    file, how.height, how.width, how.channels, how.fit, resample=how.resample, crop=how.crop
                )
            )
        except PersonError as error:
            errors[place] = error
    answers = iter(answers_for(run, np.stack(pixels))) if pixels else iter(())
    return [
        {"file": str(file)} | (errors[place].as_json() if place in errors else next(answers))
        for place, file in enumerate(files)
    ]


def answers_for(run: Run, pixels: np.ndarray) -> list[dict]:
    """The model's answers for decoded pictures uint8 (n, height, width, channels), in words."""
    rows = np.arange(len(pixels))
    batches = PictureBatches(pixels, np.zeros(len(pixels)), rows, run.input, device=run.runtime.device)
    seen = features_of(run.model, batches, run.runtime)
    scores = run.task.answers(outputs_of_features(run.model, seen))
    strange = unfamiliar.score(run.familiar, seen.numpy()) if run.familiar else [None] * len(pixels)
    return [in_words(run, row, far) for row, far in zip(scores, strange, strict=True)]


def in_words(run: Run, scores: np.ndarray, far: float | None = None) -> dict:
    """One picture's answer: classes with probabilities, most probable first, and what is said.

    far: how unlike the training pictures it is; above 1 the answer carries "unlike": true
    """
    strange = {} if far is None else {"unfamiliar": round(float(far), 3), "unlike": bool(far > 1)}
    return _answer_in_words(run, scores) | strange


def _answer_in_words(run: Run, scores: np.ndarray) -> dict:
    kind, classes = run.card["kind"], run.classes
    if kind == "number":
        return {"value": float(scores[0])}
    order = np.argsort(-scores, kind="stable")
    rows = [{"class": classes[c], "probability": round(float(scores[c]), 6)} for c in order]
    threshold = run.card.get("threshold")
    if kind == "labels":
        cut = np.broadcast_to(np.array(threshold["value"] if threshold else 0.5), scores.shape)
        return {"answer": [classes[c] for c in order if scores[c] >= cut[c]], "answers": rows}
    if threshold:  # two classes; the threshold belongs to the second
        return {"answer": classes[int(scores[1] >= threshold["value"])], "answers": rows}
    return {"answer": rows[0]["class"], "answers": rows}


def as_csv(rows: list[dict], *, first: tuple[str, ...] = ("file",)) -> str:
    """All answers as a table: file, answer, a column a class (or file, value), unfamiliar, error.

    first: what of a row stands before its answer
    """
    classes = next((sorted(a["class"] for a in row["answers"]) for row in rows if "answers" in row), [])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    numeric = any("value" in row for row in rows)
    writer.writerow([*first, *(["value"] if numeric else ["answer", *classes]), "unfamiliar", "error"])
    for row in rows:
        problem = row["error"]["got"] if "error" in row else ""
        if numeric:
            writer.writerow([*map(row.get, first), row.get("value", ""), row.get("unfamiliar", ""), problem])
            continue
        found = {a["class"]: a["probability"] for a in row.get("answers", [])}
        said = row.get("answer", "")
        said = ";".join(said) if isinstance(said, list) else said
        writer.writerow([*map(row.get, first), said, *(found.get(name, "") for name in classes),
                         row.get("unfamiliar", ""), problem])  # fmt: skip
    return text.getvalue()
