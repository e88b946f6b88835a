"""Which column of a table is the text, and which what is said of it.

Common names come first; after them what stands in the cells: a text has several words and rarely repeats, a
label repeats. A guess is only made where one column fits; otherwise the columns are listed and the person
chooses. Every guess is told.

The first thing to change: `TEXT_NAMES` and `TARGET_NAMES`.
"""

import re
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassworks.core.errors import PersonError, did_you_mean
from glassworks.data.tables_kind import NUMBER

TEXT_NAMES = ("text", "review", "review_text", "reviewtext", "review_body", "sentence", "content", "comment",
              "comment_text", "message", "body", "tweet", "utterance", "document", "post", "question",
              "phrase", "headline", "description", "summary", "title", "word", "name")  # fmt: skip
TARGET_NAMES = ("label", "labels", "sentiment", "class", "target", "category", "stars", "rating", "overall",
                "score", "polarity", "emotion", "topic", "genre", "intent", "language", "tag", "y", "answer",
                "airline_sentiment", "review_rating")  # fmt: skip
SOURCE_NAMES = ("source", "src", "text", "input", "english", "en", "question", "sentence", "original", "from")
ANSWER_NAMES = ("answer", "target", "tgt", "output", "translation", "translated", "to")
PART_NAMES = ("part", "split")
WORDS_OF_A_TEXT = 3.0  # mean words of a cell from which a column reads as texts
DIFFERENT = 0.5  # share of different cells of such a column
MOST_CLASSES = 50  # different cells of a column that reads as labels
LONG_NAME = 60  # characters; a longer column name is a first row without a header


@dataclass(frozen=True)
class Columns:
    """Which column is what; target is None where only texts are wanted."""

    text: str
    target: str | None
    part: str | None
    group: str | None
    guessed: tuple[str, ...] = ()  # "text", "target"

    def in_words(self) -> str:
        said = f'read the texts from column "{self.text}"'
        if self.target:
            said += f' and the targets from column "{self.target}"'
        flags = " and ".join(f"--{what}" for what in self.guessed)
        names = "name" if len(self.guessed) > 1 else "names"
        return f"{said} (guessed; {flags} {names} another)" if flags else said


def choose(
    path: Path, header: list[str], rows: list[dict[str, Any]], wanted: str, text, target, group
) -> Columns:
    """The columns of a table, from the person, from common names, or from what stands in `rows`.

    Raises PersonError: "no-such-column", "which-column", "no-header".
    """
    long = [name for name in header if len(name) > LONG_NAME or len(name.split()) > 6]
    if long:
        raise PersonError(
            "no-header", expected=f"the names of the columns in the first line of {path}",
            got=f'"{long[0][:60]}"', fix="write a first line such as text,label",
        )  # fmt: skip
    text = None if text is None else _named(path, header, text)
    target = None if target is None else _named(path, header, target)
    group = None if group is None else _named(path, header, group)
    part = _first(header, PART_NAMES)
    free = [name for name in header if name not in (text, target, group, part)]
    guessed = []
    if text is None:
        text = _guess_text(path, header, free, rows, wanted)
        free.remove(text)
        guessed.append("text")
    if wanted != "none" and target is None:
        guess = _guess_answer if wanted == "pairs" else _guess_target
        target = guess(path, header, free, rows, text)
        guessed.append("target")
    return Columns(
        text=text,
        target=target if wanted != "none" else None,
        part=part if part not in (text, target) else None,
        group=group,
        guessed=tuple(guessed),
    )


def text_columns(header: list[str], rows: list[dict[str, Any]]) -> list[str]:
    """The columns that read as texts: several words a cell, mostly different, no numbers."""
    return [name for name in header if _reads_as_text([row.get(name) for row in rows])]


def _guess_text(path: Path, header: list[str], free: list[str], rows: list[dict], wanted: str) -> str:
    names = SOURCE_NAMES if wanted == "pairs" else TEXT_NAMES
    named = _first(free, names)
    written = text_columns(free, rows)
    if named is not None and (named in written or not written):
        return named
    if len(written) == 1 or (wanted == "pairs" and len(written) == 2):
        return written[0]
    if len(free) == 1:
        return free[0]
    raise _which(path, header, "text", "--text", written)


def _guess_target(path: Path, header: list[str], free: list[str], rows: list[dict], text: str) -> str:
    named = _first(free, TARGET_NAMES)
    if named is not None:
        return named
    fitting = [name for name in free if _reads_as_label([row.get(name) for row in rows])]
    if len(fitting) == 1:
        return fitting[0]
    if len(free) == 1 and not _reads_as_text([row.get(free[0]) for row in rows]):
        return free[0]
    raise _which(path, header, "label or number", "--target", fitting)


def _guess_answer(path: Path, header: list[str], free: list[str], rows: list[dict], text: str) -> str:
    named = _first(free, ANSWER_NAMES)
    if named is not None:
        return named
    written = text_columns(free, rows)
    if len(written) == 1:
        return written[0]
    if len(free) == 1:
        return free[0]
    raise _which(path, header, "other text", "--target", written)


def _reads_as_text(cells: list[Any]) -> bool:
    words = [cell for cell in cells if isinstance(cell, str) and cell.strip()]
    if not words or any(isinstance(cell, (int, float, dict, list)) for cell in cells):
        return False
    if sum(NUMBER.fullmatch(word.strip()) is not None for word in words) > len(words) / 2:
        return False
    mean = statistics.fmean(len(re.findall(r"\w+", word)) for word in words)
    return mean >= WORDS_OF_A_TEXT and len(set(words)) >= DIFFERENT * len(words)


def _reads_as_label(cells: list[Any]) -> bool:
    words = [str(cell) for cell in cells if cell is not None and str(cell).strip()]
    different = len(set(words))
    return 2 <= different <= MOST_CLASSES and different <= max(2, len(words) / 2)


def _first(columns: list[str], common: tuple[str, ...]) -> str | None:
    """The first of the common names that a table has, as the table writes it."""
    lowered = {name.casefold().replace(" ", "_"): name for name in reversed(columns)}
    return next((lowered[name] for name in common if name in lowered), None)


def _named(path: Path, header: list[str], name: str) -> str:
    if name.strip() in header:
        return name.strip()
    raise PersonError(
        "no-such-column", expected=f'a column "{name}" in {path}', got=f"the columns {', '.join(header)}",
        fix=did_you_mean(name, header),
    )  # fmt: skip


def _which(path: Path, header: list[str], what: str, flag: str, fitting: list[str]) -> PersonError:
    fits = f", of which {' and '.join(fitting)} could be it" if fitting else ""
    return PersonError(
        "which-column", expected=f"one column of {path} with the {what}",
        got=f"the columns {', '.join(header)}{fits}", fix=f"name it with {flag} COLUMN",
    )  # fmt: skip
