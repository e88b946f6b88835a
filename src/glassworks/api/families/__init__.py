"""What one kind of task does differently, behind verbs that are the same for all.

A verb (train, evaluate, predict) does what every run needs: the recipe, the folder, the loop, checkpoints.
What depends on the kind of data and of answer it asks of a *family*: how the data is opened, what is judged,
what an answer looks like. The `task` of the catalogue's row chooses the family.

The first thing to change: `FAMILIES`, when a kind of task is added: its file here, an object `FAMILY` in it.
"""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from glassworks.core.errors import PersonError
from glassworks.recipes.base import DataPart, Known, Recipe, require_system
from glassworks.training.run_folder import RunFolder
from glassworks.training.state import TrainingState

if TYPE_CHECKING:
    from torch import nn

    from glassworks.api.judge import Evaluation
    from glassworks.api.learner import Learner
    from glassworks.api.requests import EvaluateRequest, ExplainRequest, PredictRequest
    from glassworks.api.run import Run
    from glassworks.core.rows import Answers

# task of the catalogue's row -> module here
FAMILIES = {
    "image-classification": "labelled",
    "masked-image-modeling": "masked",
    "image-text-matching": "pairs",
    "text-classification": "texts_labelled",
    "time-series-classification": "series_labelled",
    "time-series-forecasting": "forecasting",
    "text-generation": "language",
    "translation": "translation",
    "word-embedding": "words",
    "fill-mask": "reading",
}


class Family(Protocol):
    """The answers of one kind of task. `table` is a `core.rows.Table`, `prepared` the family's own kind with
    what `api.prepare.OfPictures` has, a `task` and `batches(part, **options)`.

    data:    what may be trained on, for `info`
    instead: verbs that mean nothing here -> what to do instead
    """

    data: str
    instead: Mapping[str, str]

    def open_data(self, data: DataPart) -> Any:
        """The table of a recipe's data. Raises PersonError when there is nothing to learn."""

    def facts(self, table: Any) -> Known:
        """What a recipe needs to know of it."""

    def in_words(self, table: Any) -> str:
        """What there is to learn: "10 classes"."""

    def prepare(self, recipe: Recipe, table: Any, *, splits: dict | None = None) -> Any:
        """Decode, divide and measure. Raises PersonError where the recipe asks for the impossible."""

    def learner(self, *given: Any, **options: Any) -> "Learner":
        """What learns: `Learner`, or the family's own kind of it, with the same arguments."""

    def validate(self, learner: "Learner", judged: "nn.Module") -> dict[str, float]:
        """Quick figures on the validation part, "loss" and the task's `primary` among them."""

    def finish(self, folder: RunFolder, learner: "Learner", state: TrainingState, choices: list[str]) -> None:
        """At the end of training: judge the validation part, write card and report."""

    def check_run(self, folder: Path, recipe: Recipe, card: dict) -> None:
        """Raises PersonError where card and recipe are not of one run."""

    def task(self, run: "Run") -> Any:
        """The task that turns a run's outputs into answers."""

    def evaluate(self, run: "Run", request: "EvaluateRequest") -> "Evaluation":
        """Judge a run on held-out data against baselines, and write the report."""

    def predict(self, run: "Run", request: "PredictRequest") -> list[dict]:
        """One dict a file, {"file", "answer", …} or {"file", "error"}; writes what `--out` names."""

    def explain(self, run: "Run", request: "ExplainRequest") -> list[dict]:
        """One dict an input, with what was drawn of it; writes the drawings and a page."""


def family_of(system: str) -> Family:
    """The family of a system by its name. Raises PersonError for an unknown system."""
    module = FAMILIES[require_system(system).task]
    return importlib.import_module(f"glassworks.api.families.{module}").FAMILY


class Divided(Family, Protocol):
    """A family whose rows each have a label: it can be cut into folds, and judged row by row."""

    def to_divide(self, recipe: Recipe, table: Any) -> tuple[Any, Sequence[Sequence[int]]]:
        """The table whose rows are divided, and which of them are the same and must stay together."""

    def judged_part(self, run: "Run", part: str) -> tuple["Answers", dict[str, "Answers"]]:
        """The answers of a run on a part of its own data, and those of the baselines on the same rows."""


def divided_by(system: str) -> Divided:
    """The family of a system that `require` has let pass for verbs that divide."""
    family: Any = family_of(system)
    return family


def require(verb: str, system: str) -> None:
    """Refuse a verb that means nothing for a system, and say what to do instead."""
    instead = family_of(system).instead
    if verb in instead:
        raise PersonError(
            "other-task",
            expected=f"a system that `glassworks {verb}` can work with",
            got=f"{system}, whose task is {require_system(system).task}",
            fix=instead[verb],
        )
