"""What a reader looks at: its attention as drawn matrices; and how sure it is of each word of a text.

Attention says from which tokens a token takes what it takes, block by block and head by head. It does not say
why an answer was given (Jain & Wallace 2019, arXiv 1902.10186), and much of it rests on marks and points,
where nothing is taken (Clark et al. 2019, arXiv 1906.04341). So it is shown beside, not instead of, what
becomes of an answer when words are taken away.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from glassworks.api.explain import MOST, PAGE, place_of
from glassworks.api.texts import numbers_of, text_part
from glassworks.api.texts_predict import given_texts
from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.page import Page
from glassworks.data.vocabulary import Tokenizer
from glassworks.insight.alignment import grid, matrix_svg, small_svg
from glassworks.insight.record import recording
from glassworks.insight.surprise import coloured
from glassworks.judging.report import excerpt

if TYPE_CHECKING:
    from glassworks.api.requests import ExplainRequest
    from glassworks.api.run import Run

METHODS = ("attention", "surprise")
MOST_TOKENS = 60  # of a text whose attention is drawn; a matrix of more cannot be read
BATCH = 64  # copies of a text, each with another word hidden, that go through the model at once
CAVEAT = (
    "A row is a token, its squares the tokens it takes from. The large matrix is the mean of all heads of "
    "the last block; the small ones are the blocks, each the mean of its heads, and the heads of the last. "
    "Attention shows where a token looked, not why an answer was given."
)


def explain_reading(run: "Run", request: "ExplainRequest") -> list[dict]:
    """{"file", "text", "drawings"} a text; all of it on one page.

    "attention" of any run; "surprise" of one that guesses words: every token hidden in turn.
    """
    from glassworks.api.vectors import tokenizer_for

    guesses = run.recipe.model["head"] == "words"
    methods = _methods(request.methods, METHODS if guesses else METHODS[:1])
    named = given_texts(request.inputs, request.text)
    if not named or len(named) > MOST:
        raise PersonError(
            "nothing-to-explain" if not named else "too-many-texts",
            expected=f"1 to {MOST} texts at a time", got=str(len(named)),
            fix='for example glassworks explain RUN "it was a fine morning"',
        )  # fmt: skip
    folder, tokenizer = place_of(request, run), tokenizer_for(run)
    page = Page(f"Inside {run.recipe.system}", "What each token looks at, and what was to be expected.")
    page.text("This file quotes your own texts: share it accordingly.", "note")
    rows = [_one(run, name, text, tokenizer, methods, str(folder / PAGE), page) for name, text in named]
    folder.mkdir(parents=True, exist_ok=True)
    page.save(folder / PAGE)
    return rows


def _methods(asked: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    if not asked or asked == ("all",):
        return known
    for name in asked:
        if name not in known:
            raise PersonError(
                "unknown-method", expected=f"--methods {', '.join(known)}", got=name,
                fix=did_you_mean(name, known),
            )  # fmt: skip
    return asked


def _one(
    run: "Run", name: str, text: str, tokenizer: Tokenizer, methods: tuple[str, ...], path: str, page: Page
) -> dict[str, Any]:
    numbers, pieces = _numbers(run, text, tokenizer)
    page.section(excerpt(name))
    drawings = []
    if "surprise" in methods:
        nats = surprise(run, numbers, int(tokenizer.mask or 0))
        caption = (
            f"Every token was hidden in turn and guessed from all others: {nats.mean():.2f} nats a token, "
            f"the right one with a chance of {np.exp(-nats.mean()):.1%} in the geometric mean."
        )
        page.heading("How sure it is of each word").html(coloured(pieces[1:-1], nats, text))
        page.text(caption, "note")
        drawings.append({"name": "surprise", "layer": "words", "caption": caption, "picture": path,
                         "nats": [round(float(one), 4) for one in nats]})  # fmt: skip
    if "attention" in methods:
        maps = attention_of(run, numbers[:MOST_TOKENS])
        shown = [piece.strip() or "·" for piece in pieces[:MOST_TOKENS]]
        last = list(maps)[-1]
        cut = f" Only the first {MOST_TOKENS} of {len(numbers)} tokens." if len(numbers) > MOST_TOKENS else ""
        page.heading("Attention").html(matrix_svg(maps[last].mean(0), shown, shown))
        page.text("Each block, the mean of its heads:", "note")
        page.html(grid([small_svg(weights.mean(0), layer) for layer, weights in maps.items()]))
        page.text("Each head of the last block:", "note")
        page.html(grid([small_svg(head, f"head {place}") for place, head in enumerate(maps[last], start=1)]))
        page.text(CAVEAT + cut, "note")
        drawings.append({"name": "attention", "layer": last, "caption": CAVEAT + cut, "picture": path})
    return {"file": name, "text": text, "answer": f"{len(numbers)} tokens", "drawings": drawings}


def _numbers(run: "Run", text: str, tokenizer: Tokenizer) -> tuple[np.ndarray, list[str]]:
    """A text between its marks as the model sees it, and what each number stands for."""
    how = text_part(run.recipe).model_copy(update={"tokens": "given"})
    numbers = numbers_of([text], tokenizer, how)[0][0]
    pieces = ["(start)", *tokenizer.pieces(text)[: len(numbers) - 2], "(end)"]
    return numbers, pieces


def attention_of(run: "Run", numbers: np.ndarray) -> dict[str, np.ndarray]:
    """The weights of every block, (heads, tokens, tokens) each, by the block's name."""
    names = [f"blocks.{place}.attention.maps" for place in range(len(run.model.blocks))]  # type: ignore[arg-type]
    tokens = torch.from_numpy(numbers)[None].to(run.runtime.device)
    with torch.inference_mode(), recording(run.model, names) as seen:
        run.model(tokens)
    return {f"block {place}": seen[name][0].float().cpu().numpy() for place, name in enumerate(names, 1)}


def surprise(run: "Run", numbers: np.ndarray, mask: int) -> np.ndarray:
    """Nats of each token between the marks, hidden in turn and guessed from all others, float64 (tokens,)."""
    tokens = torch.from_numpy(numbers).to(run.runtime.device)
    places = torch.arange(1, len(tokens) - 1, device=tokens.device)
    found = []
    with torch.inference_mode(), run.runtime.autocast():
        for some in places.split(BATCH):
            copies = tokens.repeat(len(some), 1)
            rows = torch.arange(len(some), device=tokens.device)
            copies[rows, some] = mask
            chosen = torch.zeros_like(copies, dtype=torch.bool)
            chosen[rows, some] = True
            scores = run.model(copies, None, chosen).float().log_softmax(1)
            found.append(-scores[rows, tokens[some]])
    return torch.cat(found).double().cpu().numpy()
