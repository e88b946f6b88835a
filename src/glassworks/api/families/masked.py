"""Pictures without labels, of which parts are hidden and guessed: what a masked autoencoder learns from."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from torch import nn

from glassworks.api import prepare
from glassworks.api.families.refusals import refuse_what_needs_labels
from glassworks.api.guesses import drawn, errors_of, judged
from glassworks.core.errors import PersonError
from glassworks.core.files import write_text, writing
from glassworks.core.rows import PictureInput, PictureTable
from glassworks.data.decode import read_picture
from glassworks.data.unlabelled import open_unlabelled
from glassworks.judging import card as cards
from glassworks.judging.judgement import Judgement
from glassworks.judging.masked import BASELINES, FIGURE
from glassworks.recipes.base import DataPart, Facts, Recipe, config_of
from glassworks.tasks.masked import MaskedImages
from glassworks.training.run_folder import RunFolder, slug
from glassworks.training.runtime import Runtime
from glassworks.training.state import TrainingState
from glassworks.weights.store import load_into

if TYPE_CHECKING:
    from glassworks.api.judge import Evaluation
    from glassworks.api.learner import Learner
    from glassworks.api.requests import EvaluateRequest, ExplainRequest, PredictRequest
    from glassworks.api.run import Run

DRAWN = 8  # pictures that the report shows
SECTION = (
    "What it makes of hidden patches",
    "From left to right: the picture, what the encoder saw, and the guess beside the patches it saw. Which "
    "patches are hidden is fixed for each picture.",
)
TRUE_STATISTICS = (
    " It guesses each patch without its mean and spread; these are taken from the true picture for the "
    "drawing, so brightness and contrast of the hidden patches are not its guess."
)
CLASSIFIER = "begin a classifier with it, glassworks finetune vit --from RUN, and {verb} that run"
NO_LABELS = "train vit with labels for that, or judge this run with glassworks evaluate"


class MaskedPictures:
    """One error a picture; see `Family` for what each method is asked."""

    data = "pictures without labels: any folder of them, or what classifiers take; labels are left aside"
    instead: Mapping[str, str] = MappingProxyType(
        {verb: CLASSIFIER.format(verb=verb) for verb in ("export", "serve")}
        | dict.fromkeys(("compare", "cross-validate", "learning-curve"), NO_LABELS)
    )

    def open_data(self, data: DataPart) -> PictureTable:
        return open_unlabelled(data.where, file=data.file, group=data.group, bad=data.bad)

    def facts(self, table: PictureTable) -> Facts:
        return prepare.facts_of(table)

    def in_words(self, table: PictureTable) -> str:
        return "pictures without labels"

    def prepare(self, recipe: Recipe, table: PictureTable, *, splits: dict | None = None) -> prepare.Prepared:
        refuse_what_needs_labels(
            recipe,
            expected=f"settings for {recipe.system}, which learns whole and without labels",
            fix="leave them out (finetune: --tune full); they belong to the classifier that begins with it",
        )
        return prepare.prepare(recipe, table, splits=splits, task=MaskedImages(config_of(recipe).tokens))

    def learner(self, *given: Any, **options: Any) -> "Learner":
        from glassworks.api.learner import Learner

        return Learner(*given, **options)

    def validate(self, learner: "Learner", judged: nn.Module) -> dict[str, float]:
        own, rows = learner.prepared, learner.val.rows
        found = errors_of(judged, own.how, own.store.pixels, rows, learner.runtime)
        return {"loss": float(found.mean()), FIGURE: float(found.mean())}

    def finish(self, folder: RunFolder, learner: "Learner", state: TrainingState, choices: list[str]) -> None:
        from glassworks.api.judge import first_card, write_card

        assert state.best_model is not None
        load_into(state.model, state.best_model, source="the best model")
        own, rows = learner.prepared, learner.prepared.splits.val
        judgement = judged(state.model, own.how, own.store.pixels, own.table, rows, learner.runtime)
        card = first_card(folder, learner, judgement, [*own.table.notes, *choices])
        write_card(folder.path, card)
        _write_page(
            folder, "report.html", learner.recipe, card, judgement,
            state.model, own.how, own.store.pixels[rows], learner.runtime,
        )  # fmt: skip

    def check_run(self, folder: Path, recipe: Recipe, card: dict) -> None:
        if card["kind"] != "none":
            raise PersonError(
                "damaged-run",
                expected="card.json and recipe.yaml of one run",
                got=f'{folder}: {recipe.system} learns without labels, the card says "{card["kind"]}"',
                fix="restore the files from a copy",
            )

    def task(self, run: "Run") -> MaskedImages:
        return MaskedImages(run.model.config.tokens)  # type: ignore[union-attr, arg-type]

    def evaluate(self, run: "Run", request: "EvaluateRequest") -> "Evaluation":
        from glassworks.api.judge import Evaluation, file_card

        if request.data is None:
            own = run.data()
            part: str = request.part
            store, rows = own.store, own.part(part)
        else:
            data = DataPart(where=request.data, file=request.file, group=request.group)
            store = prepare.decode(run.input, self.open_data(data), workers=request.workers, bad="stop")
            part, rows = request.data, np.arange(len(store.table))
        judgement = judged(run.model, run.input, store.pixels, store.table, rows, run.runtime)
        card = cards.with_judgement(run.card, judgement, part=part)
        report = file_card(run, card, part)
        _write_page(
            run.folder, report.name, run.recipe, card, judgement,
            run.model, run.input, store.pixels[rows], run.runtime,
        )  # fmt: skip
        return Evaluation(run.path, part, judgement, card["test_looks"], report)

    def predict(self, run: "Run", request: "PredictRequest") -> list[dict]:
        """The error of each picture. --out names a .csv file, or a folder for drawings of the guesses."""
        folder = Path(request.out) if request.out and not request.out.endswith(".csv") else None
        from glassworks.api.predict import files_of

        rows = [_answer(run, file, number, folder) for number, file in enumerate(files_of(request.inputs))]
        if request.out and folder is None:
            write_text(request.out, _as_csv(rows))
        return rows

    def explain(self, run: "Run", request: "ExplainRequest") -> list[dict]:
        from glassworks.api.explain import explain_pictures

        return explain_pictures(run, request)


FAMILY = MaskedPictures()


# ---- report


def _write_page(
    folder: RunFolder,
    name: str,
    recipe: Recipe,
    card: dict,
    judgement: Judgement,
    model: nn.Module,
    how: PictureInput,
    pixels: np.ndarray,
    runtime: Runtime,
) -> None:
    """The report. pixels: of the judged rows, in their order."""
    from glassworks.api.judge import write_page

    some = np.linspace(0, len(pixels) - 1, min(DRAWN, len(pixels))).round().astype(int)
    errors = errors_of(model, how, pixels, some, runtime)
    pictures = [
        (picture, f"error {error:.3g}")
        for picture, error in zip(drawn(model, how, pixels[some], runtime), errors, strict=True)
    ]
    title, words = SECTION
    words += TRUE_STATISTICS if recipe.model["normalised"] else ""
    write_page(
        folder.path / name, folder, recipe, card, judgement, lambda row: pixels[row],
        sections=[(title, words, pictures)], baselines=BASELINES,
    )  # fmt: skip


# ---- answers for files


def _answer(run: "Run", file: Path, number: int, folder: Path | None) -> dict:
    """One picture's error, and its drawing as a file where a folder for it is given."""
    how = run.input
    try:
        one = read_picture(
            file, how.height, how.width, how.channels, how.fit, resample=how.resample, crop=how.crop
        )
    except PersonError as error:
        return {"file": str(file)} | error.as_json()
    pixels = np.stack([one])
    found = float(errors_of(run.model, run.input, pixels, np.arange(1), run.runtime)[0])
    row = {"file": str(file), "answer": f"error on hidden patches {found:.4g}", FIGURE: round(found, 6)}
    if folder is None:
        return row
    path = folder / f"{number:03d}-{slug(file.stem)}.png"
    folder.mkdir(parents=True, exist_ok=True)
    picture = drawn(run.model, run.input, pixels, run.runtime)[0]
    image = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
    with writing(path) as aside, aside.open("wb") as stream:
        image.save(stream, "PNG")
    return row | {"picture": str(path)}


def _as_csv(rows: list[dict]) -> str:
    """file, masked_error, error."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", FIGURE, "error"])
    for row in rows:
        problem = row["error"]["got"] if "error" in row else ""
        writer.writerow([row["file"], row.get(FIGURE, ""), problem])
    return text.getvalue()
