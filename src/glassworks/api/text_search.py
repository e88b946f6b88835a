"""Search of texts by meaning: a folder of text files, or a table, asked in words.

Every passage becomes a vector once, and these are kept in the cache; a question is one vector more, and the
answer a list by cosine. Long texts are found by their best passage, which is shown. The best cosine says
nothing by itself: among texts about gardens one is nearest to "a court of law" as well.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassworks.api.requests import SearchRequest
from glassworks.api.run import Run
from glassworks.api.texts_predict import given_texts
from glassworks.api.vectors import passages_of, require_reader
from glassworks.core.errors import PersonError
from glassworks.core.page import Page
from glassworks.judging.report import excerpt


@dataclass(frozen=True)
class FoundTexts:
    """An answer.

    rows: {"file", "cosine", "text"} of the best passage of each text, best first; searched: texts;
    passages: what they were cut into; note: where the vectors came from
    """

    asked: str
    rows: tuple[dict[str, Any], ...]
    searched: int
    passages: int
    note: str
    damaged: tuple[dict[str, str], ...] = ()
    what: str = "texts"

    def as_json(self) -> dict:
        return {
            "schema": 1, "command": "search", "asked": self.asked, "searched": self.searched,
            "passages": self.passages, "answers": list(self.rows), "damaged": [], "note": self.note,
        }  # fmt: skip

    def page(self) -> Page:
        """The answers on one page."""
        cut = f", in {self.passages:,} passages" if self.passages > self.searched else ""
        page = Page(f"Search: {self.asked}", f"The {len(self.rows)} nearest of {self.searched:,} texts{cut}.")
        page.text(
            "This file quotes your own texts. Whoever gets it reads them: share it accordingly.", "note"
        )
        page.section("Passages").table(
            ["place", "cosine", "text", "file"],
            [
                [place, f"{row['cosine']:.3f}", excerpt(row["text"], 500), row["file"]]
                for place, row in enumerate(self.rows, start=1)
            ],
        )
        page.text(
            "The cosine compares directions, from -1 to 1. It ranks; it does not say that a text fits.",
            "note",
        )
        return page


def search_texts(request: SearchRequest, run: Run) -> FoundTexts:
    """Texts of a folder, a file or a table that fit words best. Raises PersonError for no words."""
    require_reader("search", run)
    if request.text is None:
        raise PersonError(
            "bad-arguments", expected="--text, what to look for in words", got="--picture",
            fix='glassworks search bert:minilm FOLDER --text "how to reset a password"',
        )  # fmt: skip
    named = given_texts((request.folder,), request.column)
    texts = [text for _, text in named]
    question = passages_of(run, [request.text]).whole()[0]
    found = passages_of(run, texts)
    cosines = found.vectors.astype(np.float64) @ question.astype(np.float64)
    order = np.argsort(-cosines, kind="stable")
    _, first = np.unique(found.source[order], return_index=True)  # the best passage of each text
    best = order[np.sort(first)][: request.top]
    answer = FoundTexts(
        asked=f'"{request.text}"',
        rows=tuple(
            {"file": named[found.source[row]][0], "cosine": round(float(cosines[row]), 6),
             "text": found.texts[row]}
            for row in best
        ),
        searched=len(texts),
        passages=len(found.texts),
        note=found.note,
    )  # fmt: skip
    if request.page:
        answer.page().save(request.page)
    return answer
