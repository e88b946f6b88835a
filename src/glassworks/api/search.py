"""Search of a folder: by words, or by a picture, with a run that learned captions.

Every picture of the folder becomes a vector once, and these are kept in the cache under a digest of the
pictures and of the model; a question is one vector more, and the answer a list by cosine. The best cosine
says nothing by itself: in a folder without a cat something is nearest to "a cat" as well.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glassworks.api.prepare import decode
from glassworks.api.requests import SearchRequest
from glassworks.api.run import Run, load, require_captions
from glassworks.api.zero_shot import decoded, picture_features, text_features
from glassworks.core.errors import PersonError
from glassworks.core.page import Page
from glassworks.data.batches import PictureBatches
from glassworks.data.folders import unlabelled_folder
from glassworks.models.vision.clip import CLIP
from glassworks.recipes.base import TextPart
from glassworks.transfer.feature_cache import cached_features, weights_digest

if TYPE_CHECKING:
    from glassworks.api.text_search import FoundTexts


@dataclass(frozen=True)
class Found:
    """An answer.

    rows: {"file", "cosine"}, best first; searched: pictures; damaged: {"file", "reason"} left out
    note: where the vectors came from; pixels: of the rows' pictures, as the model saw them
    """

    asked: str
    rows: tuple[dict[str, Any], ...]
    searched: int
    damaged: tuple[dict[str, str], ...]
    note: str
    pixels: tuple[np.ndarray, ...]
    what: str = "pictures"

    def as_json(self) -> dict:
        return {
            "schema": 1, "command": "search", "asked": self.asked, "searched": self.searched,
            "answers": list(self.rows), "damaged": list(self.damaged), "note": self.note,
        }  # fmt: skip

    def page(self) -> Page:
        """The answers with their pictures, on one page."""
        page = Page(f"Search: {self.asked}", f"The {len(self.rows)} nearest of {self.searched:,} pictures.")
        page.text(
            "This file embeds your own pictures. Whoever gets it sees them: share it accordingly.", "note"
        )
        page.section("Pictures").pictures(
            (pixels, f"{place}. {row['cosine']:.3f}\n{Path(row['file']).name}")
            for place, (row, pixels) in enumerate(zip(self.rows, self.pixels), start=1)
        )
        page.section("Files").table(
            ["place", "cosine", "file"],
            [[place, f"{row['cosine']:.3f}", row["file"]] for place, row in enumerate(self.rows, start=1)],
        )
        page.text(
            "The cosine compares directions, from -1 to 1. It ranks; it does not say that a picture fits.",
            "note",
        )
        return page


def search(run: str | Path | Run, folder: str | Path, **options: Any) -> "Found | FoundTexts":
    """Pictures of a folder that fit words or a picture best, or texts that fit words.

    gw.search("runs/captions", "photos/", text="a red flower"), gw.search(run, "photos/", picture="cat.jpg"),
    gw.search("bert:minilm", "letters/", text="asks for money")
    """
    name = str(run.path) if isinstance(run, Run) else str(run)
    request = SearchRequest(run=name, folder=str(folder), **options)
    return search_request(request, run if isinstance(run, Run) else None)


def search_request(request: SearchRequest, run: Run | None = None) -> "Found | FoundTexts":
    """The same, from a whole request. Raises PersonError for no question, or a run of another kind."""
    _require_question(request)
    run = run or load(request.run, device=request.device)
    if isinstance(run.recipe.input, TextPart):
        from glassworks.api.text_search import search_texts

        return search_texts(request, run)
    require_captions("search", run)
    if request.text is not None:
        asked, question = f'"{request.text}"', text_features(run, [request.text])
    else:
        asked, question = (
            str(request.picture),
            picture_features(run, decoded(run, Path(str(request.picture)))),
        )
    table = unlabelled_folder(request.folder)
    store = decode(run.input, table, workers=0, bad="skip")
    model: CLIP = run.model  # type: ignore[assignment]
    rows = np.arange(len(store.table))
    batches = PictureBatches(store.pixels, np.zeros(len(rows)), rows, run.input, device=run.runtime.device)
    key = f"search {store.digest} {weights_digest(model, besides=('text',))} {run.input}"
    known = cached_features(batches, model.picture_features, key=key, autocast=run.runtime.autocast)
    cosines = known.features.float().cpu().double().numpy() @ question.double().numpy()[0]
    order = np.argsort(-cosines, kind="stable")[: request.top]
    found = Found(
        asked=asked,
        rows=tuple(
            {"file": str(store.table.sources[row]), "cosine": round(float(cosines[row]), 6)} for row in order
        ),
        searched=len(rows),
        damaged=tuple({"file": bad.name, "reason": bad.reason} for bad in store.damaged),
        note=known.note,
        pixels=tuple(store.pixels[row] for row in order),
    )
    if request.page:
        found.page().save(request.page)
    return found


def _require_question(request: SearchRequest) -> None:
    if (request.text is None) == (request.picture is None):
        raise PersonError(
            "bad-arguments", expected="--text or --picture, one of them",
            got="both" if request.text is not None else "neither",
            fix='glassworks search RUN FOLDER --text "a red flower"',
        )  # fmt: skip
    if request.text is not None and not request.text.strip():
        raise PersonError("bad-value", expected="words to look for", got="--text without any", fix="say what")
    if request.top < 1:
        raise PersonError(
            "bad-value", expected="--top of 1 or more", got=str(request.top), fix="leave --top out for 20",
        )  # fmt: skip
