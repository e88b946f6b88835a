"""Runs side by side: answers to the same test rows are kept, and compared row by row."""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from glassworks.api.families import require
from glassworks.core.errors import PersonError
from glassworks.core.files import writing
from glassworks.core.rows import Answers
from glassworks.judging.compare import Comparison
from glassworks.judging.compare import compare as compare_answers
from glassworks.recipes.base import read
from glassworks.training.run_folder import RECIPE, open_run

ANSWERS = "answers.npz"


def save_answers(path: Path, answers: Answers) -> None:
    """Answers as plain arrays, for `compare`."""
    columns = {"names": np.array(answers.names), "targets": answers.targets, "scores": answers.scores}
    columns |= {"classes": np.array(answers.classes), "kind": np.array(answers.kind)}
    if answers.groups is not None:
        columns["groups"] = np.array(answers.groups)
    with writing(path) as aside, aside.open("wb") as file:
        np.savez_compressed(file, **columns)  # type: ignore[arg-type]


def read_answers(run: str | Path) -> Answers:
    """The recorded answers to a run's test part. Raises PersonError when it was never judged."""
    folder = open_run(run)
    require("compare", read(folder / RECIPE).system)
    path = folder / ANSWERS
    if not path.is_file():
        raise PersonError(
            "not-judged",
            expected=f"a run that was judged on its test part ({ANSWERS})",
            got=f"{folder}, which was not",
            fix=f"glassworks evaluate {folder}",
        )
    try:
        with np.load(path, allow_pickle=False) as kept:
            return Answers(
                names=tuple(kept["names"].tolist()),
                kind=str(kept["kind"]),  # type: ignore[arg-type]
                targets=kept["targets"],
                scores=kept["scores"],
                classes=tuple(kept["classes"].tolist()),
                groups=tuple(kept["groups"].tolist()) if "groups" in kept else None,
            )
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise PersonError(
            "damaged-run", expected=f"{path} as it was written", got=f"it cannot be read ({error})",
            fix=f"glassworks evaluate {folder} writes it again",
        ) from error  # fmt: skip


def compare(*runs: str | Path) -> Comparison:
    """Runs on the same test rows, each against the first."""
    if len(runs) < 2:
        raise PersonError(
            "too-few-runs", expected="two run folders or more", got=str(len(runs)),
            fix="glassworks compare RUN RUN",
        )  # fmt: skip
    return compare_answers({str(run): read_answers(run) for run in runs})
