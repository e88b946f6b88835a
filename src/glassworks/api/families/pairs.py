"""Pictures with captions: what a dual encoder learns from, and what it can be asked afterwards."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from glassworks.api import prepare
from glassworks.api.families.refusals import refuse_what_needs_labels
from glassworks.api.pairs import TOKENIZER, PreparedPairs, prepare_pairs, scores_of, with_tokens
from glassworks.api.pairs_judge import judged_pairs, sections_of
from glassworks.api.pairs_learner import PairLearner
from glassworks.api.zero_shot import answers_for_files
from glassworks.core.errors import PersonError
from glassworks.core.files import write_text
from glassworks.core.rows import PictureTable
from glassworks.data.doors import open_pictures
from glassworks.data.splits import Splits
from glassworks.data.tokens import Tokenizer
from glassworks.judging import card as cards
from glassworks.judging.retrieval import BASELINES
from glassworks.models.vision.clip import CLIP
from glassworks.recipes.base import DataPart, Facts, Recipe
from glassworks.tasks.image_text import ImageTextMatching
from glassworks.training.run_folder import RunFolder
from glassworks.training.state import TrainingState
from glassworks.weights.store import load_into

if TYPE_CHECKING:
    from glassworks.api.judge import Evaluation
    from glassworks.api.learner import Learner
    from glassworks.api.requests import EvaluateRequest, ExplainRequest, PredictRequest
    from glassworks.api.run import Run

SAMPLE = "sample:digits-captions"  # what `--data sample` is here: pictures with captions
ASK = 'ask it with glassworks predict RUN PICTURES --labels "a cat,a dog", or glassworks search RUN FOLDER'


class CaptionedPictures:
    """Texts for pictures and pictures for texts; see `Family` for what each method is asked."""

    data = "pictures with captions: metadata.jsonl (file_name, text), a table with both, a .txt beside each"
    instead: Mapping[str, str] = MappingProxyType(
        dict.fromkeys(("export", "serve"), ASK)
        | dict.fromkeys(
            ("compare", "cross-validate", "learning-curve"),
            "train several seeds, and read the recalls of glassworks evaluate",
        )
    )

    def open_data(self, data: DataPart) -> PictureTable:
        where = SAMPLE if data.where == "sample" else data.where
        return open_pictures(
            where, target=data.target, file=data.file, group=data.group, labels="captions", bad=data.bad
        )

    def facts(self, table: PictureTable) -> Facts:
        return prepare.facts_of(table)

    def in_words(self, table: PictureTable) -> str:
        return "captions"

    def prepare(self, recipe: Recipe, table: PictureTable, *, splits: dict | None = None) -> PreparedPairs:
        refuse_what_needs_labels(
            recipe,
            expected="settings for captions: --tune head (the picture encoder rests) or full, no classes",
            tune=("full", "head"),
        )
        return prepare_pairs(recipe, table, splits=splits)

    def learner(self, *given: Any, **options: Any) -> PairLearner:
        return PairLearner(*given, **options)

    def validate(self, learner: "Learner", judged: nn.Module) -> dict[str, float]:
        assert isinstance(learner, PairLearner) and isinstance(judged, CLIP)
        own, rows = learner.prepared, learner.prepared.splits.val
        texts, fits = own.fits(rows)
        scores = scores_of(
            judged, learner.picture_features(judged, rows), learner.text_features(judged, texts)
        )
        return own.task.metrics(scores, fits)

    def finish(self, folder: RunFolder, learner: "Learner", state: TrainingState, choices: list[str]) -> None:
        from glassworks.api.judge import REPORT, first_card, write_card, write_page

        assert state.best_model is not None and isinstance(learner, PairLearner)
        model: CLIP = state.model  # type: ignore[assignment]
        load_into(model, state.best_model, source="the best model")
        own, rows = learner.prepared, learner.prepared.splits.val
        own.tokenizer.write(folder.path / TOKENIZER)
        found = judged_pairs(model, own, own, rows, learner.runtime)
        card = first_card(folder, learner, found.judgement, [*choices, *own.notes[1:]])
        write_card(folder.path, card)
        write_page(
            folder.path / REPORT, folder, learner.recipe, card, found.judgement,
            lambda row: own.store.pixels[rows[row]], sections=sections_of(found), baselines=BASELINES,
        )  # fmt: skip

    def check_run(self, folder: Path, recipe: Recipe, card: dict) -> None:
        if card["kind"] != "captions" or not (folder / TOKENIZER).is_file():
            raise PersonError(
                "damaged-run",
                expected=f"card.json, recipe.yaml and {TOKENIZER} of one run",
                got=f'{folder}: {recipe.system} learns from captions, the card says "{card["kind"]}"'
                if card["kind"] != "captions" else f"{folder} without {TOKENIZER}",
                fix="restore the files from a copy",
            )  # fmt: skip

    def task(self, run: "Run") -> ImageTextMatching:
        return ImageTextMatching()

    def evaluate(self, run: "Run", request: "EvaluateRequest") -> "Evaluation":
        from glassworks.api.judge import Evaluation, file_card, write_page

        own: Any = run.data()
        part, other = request.part if request.data is None else request.data, own
        if request.data is not None:
            data = DataPart(where=request.data, target=request.target, file=request.file, group=request.group)
            other = _other(run, self.open_data(data), request.workers)
        rows = own.part(request.part) if request.data is None else other.splits.test
        found = judged_pairs(run.model, own, other, rows, run.runtime)  # type: ignore[arg-type]
        card = cards.with_judgement(run.card, found.judgement, part=part)
        report = file_card(run, card, part)
        write_page(
            report, run.folder, run.recipe, card, found.judgement, lambda row: other.store.pixels[rows[row]],
            sections=sections_of(found), baselines=BASELINES,
        )  # fmt: skip
        return Evaluation(run.path, part, found.judgement, card["test_looks"], report)

    def predict(self, run: "Run", request: "PredictRequest") -> list[dict]:
        from glassworks.api.predict import as_csv, files_of

        rows = answers_for_files(run, request, files_of(request.inputs))
        if request.out:
            write_text(request.out, as_csv(rows))
        for row in rows:
            if "answers" in row:
                row["answers"] = row["answers"][: request.top]
        return rows

    def explain(self, run: "Run", request: "ExplainRequest") -> list[dict]:
        from glassworks.api.explain import explain_pictures

        return explain_pictures(run, request)


FAMILY = CaptionedPictures()


def _other(run: "Run", table: PictureTable, workers: int) -> PreparedPairs:
    """Other pictures with captions, all to be judged, as the run's own model reads them."""
    store = prepare.decode(run.input, table, workers=workers, bad="stop")
    none = np.empty(0, dtype=np.int64)
    parts = Splits(none, none, np.arange(len(store.table)))
    tokenizer = Tokenizer.read(run.path / TOKENIZER)
    return with_tokens(store, parts, run.input, tokenizer, int(run.recipe.model["context"]))
