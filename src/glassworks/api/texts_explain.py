"""Which words made an answer: their shares drawn over each text, checked by taking them away."""

import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glassworks.api.explain import MOST, PAGE, place_of
from glassworks.api.texts import TOKENIZER, numbers_of, text_part
from glassworks.api.texts_predict import answers_for, given_texts
from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.page import Page
from glassworks.data.vocabulary import read_tokenizer
from glassworks.insight.words import (
    Removal,
    Score,
    WordShares,
    gradient_shares,
    log_odds,
    logit,
    occlusion_shares,
    removal,
)
from glassworks.insight.words_page import drawn_words, share_table

if TYPE_CHECKING:
    from glassworks.api.requests import ExplainRequest
    from glassworks.api.run import Run

METHODS = {"gradients": gradient_shares, "occlusion": occlusion_shares}
NAMES = {"gradients": "Integrated gradients", "occlusion": "Occlusion"}
LEAD = (
    "Green words speak for the answer, red and underlined ones against it; point at a word for its share. "
    "This shows what the model used, not whether it was right to."
)


def explain_texts(run: "Run", request: "ExplainRequest") -> list[dict]:
    """{"file", "text", "answer", "drawings"} a text; the words are drawn on one page."""
    methods = _methods(request.methods)
    if request.layer is not None:
        raise PersonError(
            "contradiction", expected="a question about words", got=f"--layer {request.layer}",
            fix="leave it out: words are explained at the input",
        )  # fmt: skip
    named = given_texts(request.inputs, request.text)
    if not named or len(named) > MOST:
        raise PersonError(
            "nothing-to-explain" if not named else "too-many-texts",
            expected=f"1 to {MOST} texts at a time", got=str(len(named)),
            fix='for example glassworks explain RUN "well worth seeing"',
        )  # fmt: skip
    folder = place_of(request, run)
    page = Page(f"Words for {run.recipe.system}", LEAD)
    page.text("This file quotes your own texts: share it accordingly.", "note")
    rows = [_one(run, request, name, text, methods, folder / PAGE, page) for name, text in named]
    folder.mkdir(parents=True, exist_ok=True)
    page.save(folder / PAGE)
    return rows


def _methods(asked: tuple[str, ...]) -> tuple[str, ...]:
    if not asked or asked == ("all",):
        return tuple(METHODS)
    for name in asked:
        if name not in METHODS:
            raise PersonError(
                "unknown-method", expected=f"--methods {', '.join(METHODS)}", got=name,
                fix=did_you_mean(name, METHODS),
            )  # fmt: skip
    return asked


def _one(
    run: "Run",
    request: "ExplainRequest",
    name: str,
    text: str,
    methods: tuple[str, ...],
    path: Path,
    page: Page,
) -> dict[str, Any]:
    """One text: its answer, and its words by each method."""
    answer = answers_for(run, [text])[0]
    target, asked_for = _target(run, request.target, answer)
    asked = _Asked.of(run, text, target)
    pieces = asked.pieces
    said = answer.get("answer", answer.get("value"))
    page.section(f"{name}: {said if not isinstance(said, list) else '; '.join(said) or 'none'}")
    drawings = []
    for method in methods:
        found = METHODS[method](run.model, asked.tokens, asked.score, blank=asked.blank, kept=asked.kept)
        own = found.shares[~asked.kept]
        check = None
        if request.check == "yes":
            check = removal(
                run.model, asked.tokens, found.shares, asked.score, blank=asked.blank, kept=asked.kept
            )
        caption = _caption(found, asked_for, check)
        page.heading(NAMES[method]).html(drawn_words(text, pieces, own)).text(caption, "note")
        page.table(*share_table(pieces, own))
        drawings.append(
            {"name": method, "layer": "words", "caption": caption, "picture": str(path),
             "words": [[piece, round(float(share), 6)] for piece, share in zip(pieces, own, strict=False)]}
            | ({} if check is None else {"check": _as_json(check)})
        )  # fmt: skip
    if "answers" in answer:
        answer["answers"] = answer["answers"][:5]
    return {"file": name, "text": text} | answer | {"drawings": drawings}


def words_of(run: "Run", text: str) -> dict[str, Any]:
    """{"words": [[piece, share], …], "caption"} for the answer to a text, by integrated gradients.

    A piece holds the space behind it, so that the pieces together are the text as far as it was seen.
    """
    target, what = _target(run, None, answers_for(run, [text])[0])
    asked = _Asked.of(run, text, target)
    found = gradient_shares(run.model, asked.tokens, asked.score, blank=asked.blank, kept=asked.kept)
    shares, places, done = found.shares[~asked.kept], [], 0
    text = unicodedata.normalize("NFC", text)
    for piece in asked.pieces[: len(shares)]:
        place = text.find(piece, done)
        place = done if place < 0 else place
        places.append(place)
        done = place + len(piece)
    ends = [*places[1:], len(text) if len(asked.pieces) <= len(shares) else done]
    words = [
        [text[begin:end], round(float(s), 6)] for begin, end, s in zip(places, ends, shares, strict=False)
    ]
    return {"words": words, "caption": _caption(found, what, None)}


@dataclass(frozen=True)
class _Asked:
    """A text as the explanations take it; see `insight.words.gradient_shares`."""

    tokens: np.ndarray
    score: Score
    blank: int
    kept: np.ndarray
    pieces: list[str]

    @classmethod
    def of(cls, run: "Run", text: str, target: int) -> "_Asked":
        tokenizer, how = read_tokenizer(run.path / TOKENIZER), text_part(run.recipe)
        score = log_odds(target) if run.card["kind"] == "label" and len(run.classes) > 1 else logit(target)
        tokens = numbers_of([text], tokenizer, how)[0][0]
        marks = how.tokens == "given"
        kept = np.zeros(len(tokens), bool)
        if marks:
            kept[[0, -1]] = True
        blank = tokenizer.mask if marks and tokenizer.mask is not None else tokenizer.unknown
        return cls(tokens, score, blank, kept, tokenizer.pieces(text) or ["…"])


def _caption(found: WordShares, what: str, check: Removal | None) -> str:
    """What was measured, whether it adds up, and what became of the score without the words."""
    if found.method == "gradients":
        words = (
            f"Integrated gradients: shares of the score of {what}, {found.score:+.2f}, against "
            f"{found.blank:+.2f} when every word is unknown. They sum to the difference up to "
            f"{found.gap:.3f} ({found.steps} steps)."
        )
    else:
        words = f"Occlusion: how much lower the score of {what}, {found.score:+.2f}, is without each word."
    if check is None:
        return words
    strongest = "strongest word" if check.count == 1 else f"{check.count} strongest words"
    verdict = "They matter more than others." if check.holds else "Others matter as much: do not rely on it."
    return (
        f"{words} Without its {strongest} the score is {check.without:+.2f}, without as many others "
        f"{check.random:+.2f}. {verdict}"
    )


def _as_json(check: Removal) -> dict[str, Any]:
    return {
        "count": check.count, "score": check.score, "without": check.without, "random": check.random,
        "holds": check.holds,
    }  # fmt: skip


def _target(run: "Run", name: str | None, answer: dict) -> tuple[int, str]:
    """The number of the output that is explained, and what it is called."""
    if run.card["kind"] == "number":
        if name is not None:
            raise PersonError(
                "unknown-class", expected="no --target: the model gives a number", got=f'"{name}"',
                fix="leave --target out",
            )  # fmt: skip
        return 0, "the number"
    if name is not None and name not in run.classes:
        raise PersonError(
            "unknown-class",
            expected=f"a class that the model knows ({', '.join(run.classes[:12])})",
            got=f'"{name}"',
            fix=did_you_mean(name, run.classes),
        )
    name = name or answer["answers"][0]["class"]
    return run.classes.index(name), f'"{name}"'
