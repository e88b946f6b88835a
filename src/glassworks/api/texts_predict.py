"""Answers for texts: typed as they are, in files, in folders, or in a column of a table."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from glassworks.api.predict import as_csv, in_words
from glassworks.api.texts import TOKENIZER, numbers_of, text_part
from glassworks.core.errors import PersonError
from glassworks.core.files import write_text
from glassworks.data.folders import missing_path
from glassworks.data.tables_records import ENDINGS
from glassworks.data.texts import open_texts
from glassworks.data.vocabulary import read_tokenizer
from glassworks.insight import unfamiliar
from glassworks.recipes.base import TextPart

if TYPE_CHECKING:
    from glassworks.api.requests import PredictRequest
    from glassworks.api.run import Run

LONGEST_NAME = 60  # characters of a typed text by which it is called
TEXT_FILES = (".txt", ".md", ".text")


def predict_texts(run: "Run", request: "PredictRequest") -> list[dict]:
    """{"file", "text", "answer", "answers"} a text, or {"file", "text", "value"}; --out names a CSV file."""
    if request.out and not request.out.lower().endswith(".csv"):
        raise PersonError(
            "bad-value", expected="--out ANSWERS.csv", got=f"--out {request.out}", fix="name a .csv file",
        )  # fmt: skip
    named = given_texts(request.inputs, request.text)
    answers = answers_for(run, [text for _, text in named])
    rows = [
        {"file": name, "text": text} | answer for (name, text), answer in zip(named, answers, strict=True)
    ]
    if request.out:
        write_text(request.out, as_csv(rows, first=("file", "text")))
    for row in rows:
        if "answers" in row:
            row["answers"] = row["answers"][: request.top]
    return rows


def answers_for(run: "Run", texts: Sequence[str]) -> list[dict]:
    """The model's answers for texts, in words, with "unfamiliar" as for pictures."""
    from glassworks.api.texts_judge import asked_of, batches_for

    if not texts:
        return []
    scores, seen = asked_of(run, batches_for(run, texts))
    strange: Sequence[float | None] = [None] * len(texts)
    if run.familiar:
        strange = unfamiliar.score(run.familiar, seen).tolist()
    how, tokenizer = text_part(run.recipe), read_tokenizer(run.path / TOKENIZER)
    _, lengths = numbers_of(texts, tokenizer, how)
    return [
        in_words(run, row, far) | cut_of(int(length), how)
        for row, far, length in zip(scores, strange, lengths, strict=True)
    ]


def cut_of(length: int, how: TextPart) -> dict:
    """{"cut", "note"} where a text of `length` tokens is longer than the model sees; {} where it is not."""
    room = how.context - (2 if how.tokens == "given" else 0)
    if length <= room:
        return {}
    return {"cut": length - room, "note": f"only the first {room:,} of {length:,} tokens are seen"}


def given_texts(inputs: Sequence[str], column: str | None = None) -> list[tuple[str, str]]:
    """(name, text) of everything that was named.

    An input is a file or a folder where one of that name is there, and else a text. column: of tables, where
    it is not to be guessed. Raises PersonError for what can only be meant as a file and is not there.
    """
    found: list[tuple[str, str]] = []
    for given in inputs:
        if _is_path(given):
            of_table = given.lower().endswith(ENDINGS)
            table = open_texts(given, wanted="none", text=column if of_table else None)
            within = [name if len(table) > 1 or Path(given).is_dir() else given for name in table.names]
            found += zip(within, table.texts, strict=True)
        elif given.strip():
            found.append((_called(given), given))
        else:
            raise PersonError(
                "empty-text", expected="a text, a file or a folder", got="nothing between the quotes",
                fix='for example glassworks predict RUN "well worth seeing"',
            )  # fmt: skip
    return found


def _is_path(given: str) -> bool:
    """Whether a file or folder is meant."""
    try:
        there = Path(given).exists()
    except OSError:  # longer than a name may be: a text
        there = False
    if not there and given.lower().endswith((*TEXT_FILES, *ENDINGS)) and " " not in given.strip():
        raise missing_path(Path(given))
    return there


def _called(text: str) -> str:
    """A typed text in one line, short enough for a table."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 2].rstrip() + " …"
