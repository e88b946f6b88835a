"""What a trained writer says to a person's own texts, and what it looked at while it wrote."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from glassworks.api.requests import ExplainRequest, PredictRequest
from glassworks.api.run import Run
from glassworks.api.translation import in_words, translate, with_end
from glassworks.api.translation_judge import BEAMS, PENALTY
from glassworks.blocks.beam_search import Written
from glassworks.core.errors import PersonError
from glassworks.core.files import write_text
from glassworks.core.page import Page
from glassworks.data.folders import missing_path
from glassworks.data.tables_records import ENDINGS
from glassworks.data.text_folders import TEXT_FILES
from glassworks.data.texts import open_texts
from glassworks.data.vocabulary import FILE as TOKENIZER
from glassworks.data.vocabulary import Tokenizer, read_tokenizer
from glassworks.insight.alignment import (
    CAVEAT,
    Alignments,
    alignments,
    grid,
    look_layers,
    matrix_svg,
    small_svg,
)

MOST = 100  # texts that one call explains
METHODS = ("attention", "heads")


@dataclass(frozen=True)
class Asked:
    """A text and where it came from: itself, or "file line 3"."""

    name: str
    text: str


def predict_texts(run: Run, request: PredictRequest) -> list[dict]:
    """One dict a text: {"file", "text", "answer", "score"}, with a "note" where something was not read.

    score: log probability of the answer, divided by its length penalty; --out names a CSV file
    """
    beams = BEAMS if request.beams is None else request.beams
    if beams < 1:
        raise PersonError(
            "bad-value", expected="--beams of 1 or more", got=str(beams), fix=f"leave it out for {BEAMS}"
        )
    asked = texts_of(request.inputs, request.text)
    tokenizer = read_tokenizer(run.path / TOKENIZER)
    written, notes = answers_of(run, [one.text for one in asked], tokenizer, beams)
    rows = [
        {"file": one.name, "text": one.text, "answer": said, "score": round(own.score, 4)}
        | ({"note": note} if note else {})
        for one, said, own, note in zip(asked, in_words(written, tokenizer), written, notes, strict=True)
    ]
    if request.out:
        write_text(request.out, as_csv(rows))
    return rows


def texts_of(inputs: tuple[str, ...], column: str | None) -> list[Asked]:
    """What was typed: texts as they are, lines of .txt files, rows of tables.

    Raises PersonError for what looks like a file and is not there, and for folders.
    """
    found: list[Asked] = []
    for said in inputs:
        path = Path(said)
        kind = path.suffix.lower()
        if kind in ENDINGS and path.is_file():
            table = open_texts(path, wanted="none", text=column)
            names = [f"{path.name} {name}" for name in table.names]
            found += [Asked(*pair) for pair in zip(names, table.texts, strict=True)]
        elif kind in TEXT_FILES and path.is_file():
            lines = path.read_text(encoding="utf-8-sig").splitlines()
            found += [Asked(f"{path.name} line {n}", line) for n, line in enumerate(lines, 1) if line.strip()]
        elif kind in (*ENDINGS, *TEXT_FILES):
            raise missing_path(path)
        elif not said.strip() or _is_there(path):
            raise PersonError(
                "no-text", expected="a text in quotes, a .txt file (a text a line) or a table",
                got=f'"{said}"', fix='glassworks predict RUN "a sentence"',
            )  # fmt: skip
        else:
            found.append(Asked(said, said))
    return found


def _is_there(path: Path) -> bool:
    """Whether a text is the name of a file or folder; what is too long for a name is none."""
    try:
        return path.exists()
    except OSError:
        return False


def answers_of(
    run: Run, texts: list[str], tokenizer: Tokenizer, beams: int
) -> tuple[list[Written], list[str]]:
    """The answers to some texts, and for each a note on what was not read, unknown or cut; "" for none."""
    context = int(run.recipe.model["context"])
    numbers = tokenizer.encode_many(texts)
    sources = [with_end(own, tokenizer, context) for own in numbers]
    written = translate(
        run.model, sources, tokenizer, run.runtime, most=int(run.card["longest_answer"]), beams=beams,
        penalty=PENALTY,
    )  # fmt: skip
    return written, [_note(own, one, tokenizer, context) for own, one in zip(numbers, written, strict=True)]


def _note(numbers: list[int], written: Written, tokenizer: Tokenizer, context: int) -> str:
    parts = []
    if len(numbers) > context - 1:
        parts.append(f"only the first {context - 1} of {len(numbers)} tokens were read")
    if unknown := numbers.count(tokenizer.unknown):
        parts.append(f"{unknown} tokens are unknown to the vocabulary")
    if not written.ended:
        parts.append("the answer did not end by itself and was cut")
    return "; ".join(parts)


def as_csv(rows: list[dict]) -> str:
    """file, text, answer, score, note."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = ("file", "text", "answer", "score", "note")
    writer.writerow(columns)
    writer.writerows([row.get(name, "") for name in columns] for row in rows)
    return text.getvalue()


# ---- what it looked at


def explain_texts(run: Run, request: ExplainRequest) -> list[dict]:
    """Draw where each token of an answer looked, on one page; see `insight.alignment`."""
    from glassworks.api.explain import PAGE, place_of

    methods = METHODS if request.methods in ((), ("all",)) else request.methods
    _refuse(run, request, methods)
    asked = texts_of(request.inputs, None)
    if len(asked) > MOST:
        raise PersonError(
            "too-many-texts", expected=f"at most {MOST} texts at a time", got=str(len(asked)),
            fix="name the texts that you want to understand",
        )  # fmt: skip
    page = Page(f"Inside {run.recipe.system}", "Where each part of an answer looked while it was written.")
    page.text("This file holds your own texts: share it accordingly.", "note").text(CAVEAT, "note")
    folder, tokenizer = place_of(request, run), read_tokenizer(run.path / TOKENIZER)
    written, notes = answers_of(run, [one.text for one in asked], tokenizer, BEAMS)
    rows = []
    for one, own, note in zip(asked, written, notes, strict=True):
        rows.append(_explained(run, one, own, tokenizer, methods, page) | ({"note": note} if note else {}))
    folder.mkdir(parents=True, exist_ok=True)
    page.save(folder / PAGE)
    return rows


def _refuse(run: Run, request: ExplainRequest, methods: tuple[str, ...]) -> None:
    wrong = [name for name in methods if name not in METHODS]
    if wrong or request.target or request.layer:
        raise PersonError(
            "contradiction", expected=f"--methods {' or '.join(METHODS)} for answers that are texts",
            got=", ".join(wrong) or "--target or --layer", fix="leave it out",
        )  # fmt: skip
    if not request.inputs:
        raise PersonError(
            "no-text", expected="texts whose answers are to be explained", got="none",
            fix=f'glassworks explain {run.path} "a sentence"',
        )  # fmt: skip
    if not look_layers(run.model):
        raise PersonError(
            "no-attention", expected="a model whose answers look at their source",
            got=f"{run.recipe.system} {run.recipe.variant}, which keeps one state of it",
            fix="train another --variant, such as additive",
        )  # fmt: skip


def _explained(
    run: Run, asked: Asked, written: Written, tokenizer: Tokenizer, methods: tuple[str, ...], page: Page
) -> dict:
    """One text: its section of the page, and its facts."""
    numbers = tokenizer.encode(asked.text)
    source = with_end(numbers, tokenizer, int(run.recipe.model["context"]))
    said = np.array([tokenizer.start, *written.tokens, tokenizer.end], np.int64)
    device = run.runtime.device
    found = alignments(run.model, torch.from_numpy(source).to(device), torch.from_numpy(said).to(device))
    answer = tokenizer.decode(written.tokens).strip()
    columns = _labels(asked.text, source[:-1].tolist(), tokenizer)
    rows = _labels(answer, list(written.tokens), tokenizer)
    page.section(asked.text).text(f"Its answer: {answer}")
    if "attention" in methods:
        page.html(matrix_svg(found.mean, rows, columns))
        several = len(found.layers) > 1 or next(iter(found.layers.values())).shape[0] > 1
        page.text(("The mean of all layers and heads. " if several else "") + _checked(found), "note")
    if "heads" in methods and (parts := _heads(found)):
        page.heading("Each head alone").html(grid(parts))
    most = [columns[column] for column in found.mean.argmax(1)]
    return {
        "file": asked.name, "text": asked.text, "answer": answer,
        "alignment": [{"said": word, "looks at": look} for word, look in zip(rows, most, strict=True)],
        "check": {"agreement": round(found.agreement, 3)},
    }  # fmt: skip


def _checked(found: Alignments) -> str:
    """What leaving out source tokens says of the drawing, in words."""
    if len(found.falls) == 1:
        return "Of a single source token nothing can be left out."
    most = int(found.mean.sum(0).argmax())
    others = np.delete(found.falls, most).mean()
    return (
        "Checked: without the source token that was looked at most, the answer's log probability falls by "
        f"{found.falls[most]:.2f} nats; without another one by {others:.2f} on average. Rank correlation of "
        f"attention and fall over all source tokens: {found.agreement:.2f}."
    )


def _heads(found: Alignments) -> list[str]:
    """A small matrix for each head; none where there is a single one."""
    each = [
        (layer, head, weights[head])
        for layer, weights in found.layers.items()
        for head in range(len(weights))
    ]
    if len(each) == 1:
        return []
    numbers = {layer: number for number, layer in enumerate(found.layers, 1)}
    return [small_svg(own, f"block {numbers[layer]}, head {head + 1}") for layer, head, own in each]


def _labels(text: str, numbers: list[int], tokenizer: Tokenizer) -> list[str]:
    """What each token stands for, and the end."""
    pieces = tokenizer.pieces(text)
    words = pieces if len(pieces) == len(numbers) else [tokenizer.decode([number]) for number in numbers]
    return [*(word.strip() or "␣" for word in words), "end"]
