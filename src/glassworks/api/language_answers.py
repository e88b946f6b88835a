"""What a model that continues texts says of a person's own: what comes next, and what surprised it."""

import csv
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from glassworks.api.language import never_guessed
from glassworks.api.texts_predict import given_texts
from glassworks.core.errors import PersonError
from glassworks.core.files import write_text
from glassworks.core.page import Page
from glassworks.data.vocabulary import FILE as TOKENIZER
from glassworks.data.vocabulary import Tokenizer, read_tokenizer
from glassworks.insight.cells import coloured_memory, followers, memories, properties
from glassworks.insight.surprise import chance_words, coloured

if TYPE_CHECKING:
    from glassworks.api.requests import ExplainRequest, PredictRequest
    from glassworks.api.run import Run

MOST = 100  # texts that one call explains
DRAWN = 3_000  # characters of a text that are drawn
CELLS_DRAWN = 700  # tokens in the colours of a cell
STRETCH = 1_000  # tokens that are read at a time
OWN = 3_000  # characters of the run's own validation part, where no text is given


def predict_next(run: "Run", request: "PredictRequest") -> list[dict]:
    """What comes next after each text, and how surprising the text itself was.

    {"file", "text", "answer", "answers", "bits_per_character", "perplexity"}; --out names a CSV file.
    """
    tokenizer = read_tokenizer(run.path / TOKENIZER)
    rows = []
    for name, text in given_texts(request.inputs, request.text):
        said = _next_of(run, tokenizer, text, request.top)
        told = {key: value for key, value in said.items() if key not in ("nats", "expected")}
        rows.append({"file": name, "text": text} | told)
    if request.out:
        write_text(request.out, _as_csv(rows))
    return rows


def explain_surprise(run: "Run", request: "ExplainRequest") -> list[dict]:
    """A page with each text in the colours of surprise, and with cells that follow something readable."""
    from glassworks.api.explain import PAGE, place_of

    if request.methods not in ((), ("all",), ("surprise",), ("cells",), ("surprise", "cells")):
        raise PersonError(
            "unknown-method", expected="--methods surprise, cells or both",
            got=" ".join(request.methods), fix="leave --methods out for both",
        )  # fmt: skip
    wanted = ("surprise", "cells") if request.methods in ((), ("all",)) else request.methods
    given = given_texts(request.inputs, request.text) if request.inputs else [_own(run)]
    if len(given) > MOST:
        raise PersonError(
            "too-many-texts", expected=f"at most {MOST} texts at a time", got=str(len(given)),
            fix="name the texts that you want to understand",
        )  # fmt: skip
    folder, tokenizer = place_of(request, run), read_tokenizer(run.path / TOKENIZER)
    lead = "What surprised the model, token by token, and what its cells hold."
    page = Page(f"Inside {run.recipe.system}", lead)
    page.text("This page quotes the texts: share it accordingly.", "note")
    rows = [_one(run, tokenizer, name, text, wanted, page) for name, text in given]
    folder.mkdir(parents=True, exist_ok=True)
    page.save(folder / PAGE)
    return rows


def _one(run: "Run", tokenizer: Tokenizer, name: str, text: str, wanted: tuple[str, ...], page: Page) -> dict:
    """One text: its section of the page and its facts."""
    said = _next_of(run, tokenizer, text, 3)
    page.section(name)
    if "bits_per_character" not in said:
        page.text(said["answer"], "warn")
        return {"file": name} | said
    nats, told = said.pop("nats"), said.pop("expected")
    answer = f"{said['bits_per_character']:.3f} bits per character, perplexity {said['perplexity']:.4g}"
    page.text(f"{answer}, over {len(nats):,} tokens.")
    pieces = tokenizer.pieces(text)
    if "surprise" in wanted:
        page.heading("What surprised it")
        shown = text[:DRAWN]
        page.html(coloured(tokenizer.pieces(shown), nats, shown, told))
        if len(text) > DRAWN:
            page.text(f"The first {DRAWN:,} of {len(text):,} characters are drawn.", "note")
        page.table(["token", "after", "chance", "expected"], _largest(pieces, nats, told))
    row = {"file": name} | said | {"answer": answer}
    return row | ({"cells": _cells(run, tokenizer, text, pieces, page)} if "cells" in wanted else {})


def _cells(run: "Run", tokenizer: Tokenizer, text: str, pieces: list[str], page: Page) -> list[dict]:
    """Cells of a recurrent network that follow something of the text."""
    model: Any = run.model
    page.heading("Cells that follow something")
    if not hasattr(model, "lstm"):
        page.text("This model has no cells that go through the text.", "note")
        return []
    tokens = torch.tensor([tokenizer.encode(text)], device=run.runtime.device)
    with torch.no_grad():
        layers = memories(model.lstm, model.token_embedding(tokens))
    found = followers(layers, properties(pieces))
    if not found:
        page.text(
            "None was found: the text is short (400 tokens are needed), or no cell follows quotation marks, "
            "lines, sentences or words here.", "note",
        )  # fmt: skip
    for one in found:
        where = f"cell {one.cell} of layer {one.layer}" if len(layers) > 1 else f"cell {one.cell}"
        page.text(
            f"{where} of {sum(memory.shape[1] for memory in layers):,} follows {one.property}: correlation "
            f"{one.found:.2f} on the half of the text that chose it, {one.held:.2f} on the other half."
        )
        page.html(coloured_memory(pieces, one, CELLS_DRAWN))
    return [
        {"follows": one.property, "layer": one.layer, "cell": one.cell, "found": round(one.found, 3),
         "held": round(one.held, 3)}
        for one in found
    ]  # fmt: skip


def _next_of(run: "Run", tokenizer: Tokenizer, text: str, top: int) -> dict:
    """The likeliest next tokens after a text, and the surprise at each of its own."""
    numbers = tokenizer.encode(text)
    if not numbers:
        return {"answer": "a text without tokens"}
    nats, likeliest, shares = _read(run, tokenizer, np.array([tokenizer.start, *numbers], np.int64))
    best, places = shares.topk(min(top, len(shares)))
    answers = [
        {"class": _shown(tokenizer, int(place)), "probability": round(float(share), 6)}
        for share, place in zip(best, places, strict=True)
    ]
    return {
        "answer": answers[0]["class"],
        "answers": answers,
        "bits_per_character": round(float(nats.sum() / len(text) / np.log(2)), 4),
        "perplexity": round(float(np.exp(nats.mean())), 4),
        "nats": nats,
        "expected": [
            f"expected {_shown(tokenizer, token)} ({chance_words(nat)})" for token, nat in likeliest
        ],
    }


def _read(
    run: "Run", tokenizer: Tokenizer, stream: np.ndarray
) -> tuple[np.ndarray, list[tuple[int, float]], torch.Tensor]:
    """Nats at each token from the second on, the likeliest token there with its own nats, and the chances of
    what follows the last. Read a stretch at a time, with the memory carried on."""
    model: Any = run.model
    tokens = torch.from_numpy(stream)[None].to(run.runtime.device)
    never, state = list(never_guessed(tokenizer)), None
    nats, likeliest, shares = [], [], torch.empty(0)
    with torch.inference_mode(), run.runtime.autocast():
        for start in range(0, len(stream), STRETCH):
            logits, state = model(tokens[:, start : start + STRETCH], state=state)
            logits = logits[0].float()  # (time, vocabulary)
            logits[:, never] = -torch.inf
            chances = logits.log_softmax(-1).cpu()
            wanted = torch.from_numpy(stream[start + 1 : start + STRETCH + 1])
            nats.append(-chances[: len(wanted)].gather(1, wanted[:, None])[:, 0].double().numpy())
            best = chances[: len(wanted)].max(-1)
            likeliest += list(zip(best.indices.tolist(), (-best.values).tolist(), strict=True))
            shares = chances[-1].exp()
    return np.concatenate(nats), likeliest, shares


def _shown(tokenizer: Tokenizer, token: int) -> str:
    """A token as a person can see it: its text in quotes where it is space."""
    if token == tokenizer.end:
        return "the end of the text"
    text = tokenizer.decode([token])
    return text if text == text.strip() and text else repr(text)


def _largest(pieces: list[str], nats: np.ndarray, told: list[str], most: int = 12) -> list[list[str]]:
    rows = []
    for place in np.argsort(-nats, kind="stable")[:most]:
        before = " ".join("".join(pieces[max(0, place - 40) : place])[-40:].split())
        rows.append([repr(pieces[place])[1:-1], f"… {before}", chance_words(nats[place]), told[place]])
    return rows


def _own(run: "Run") -> tuple[str, str]:
    """The beginning of the run's own validation part."""
    own: Any = run.data()
    row = own.splits.val[0]
    return own.table.names[row], own.table.texts[row][:OWN]


def _as_csv(rows: list[dict]) -> str:
    """file, text, bits_per_character, perplexity, next, probability."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "text", "bits_per_character", "perplexity", "next", "probability"])
    for row in rows:
        first = row["answers"][0] if "answers" in row else {"class": "", "probability": ""}
        writer.writerow(
            [row["file"], row["text"], row.get("bits_per_character", ""), row.get("perplexity", ""),
             first["class"], first["probability"]]
        )  # fmt: skip
    return text.getvalue()
