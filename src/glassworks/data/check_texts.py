"""The data doctor for texts: what is in them, what is wrong with them, and how to mend it.

Every text is read once; nothing is changed. What misleads most on own data is told first: the same text with
two labels, copies of a training text in the test part, letters in a wrong encoding, markup that a model would
learn instead of the words.

The first thing to change: `CONTEXTS` for the suggestion; what is found stands in `findings_texts.py`.
"""

import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from glassworks.core.errors import PersonError
from glassworks.core.text_rows import TextTable
from glassworks.data.check_texts_report import TextReport
from glassworks.data.encodings import OddLine, as_utf8, odd_lines
from glassworks.data.findings_texts import Facts, find
from glassworks.data.samples import sample_table
from glassworks.data.texts import DEFAULT, open_texts

SMALL_SET = 200  # texts below which one split says little
COVERED = 0.95  # share of the texts that a suggested context shows whole
CONTEXTS = (32, 64, 128, 256, 512, 1024)
PER_WORD = 1.3  # tokens that a word and the signs after it take
READ_BY_LINE = (".csv", ".tsv", ".jsonl", ".ndjson", ".txt", ".md", ".text")


def check_data(
    where: str, *, text: str | None = None, target: str | None = None, group: str | None = None,
    labels: str = "auto",
) -> TextReport:  # fmt: skip
    """Read texts as well as they can be read, and report. What the reader refuses becomes a finding.

    Lines that are not UTF-8 are read as what they look like, only to look at the rest.
    Raises PersonError where there is nothing to look at: no such path, columns that must be named.
    """
    path = Path(where).expanduser()
    named = {"text": text, "target": target}
    columns = {flag: column for flag, column in {**named, "group": group}.items() if column}
    read = {**named, "group": group, "labels": labels, "bad": "skip"}
    odd = {path.name: list(odd_lines(path))} if path.is_file() and path.suffix.lower() in READ_BY_LINE else {}
    odd = {name: lines for name, lines in odd.items() if lines}
    if odd:
        with tempfile.TemporaryDirectory(prefix="glassworks-check-") as aside:
            copy = Path(aside) / path.name
            as_utf8(path, copy)
            table, problems = _opened(copy, read)
        table = replace(table, where=where)
    else:
        table, problems = _opened(where, read)
        odd = _odd_files(path, table)
    return check_texts(table, problems=problems, odd=odd, columns=columns)


def check_texts(
    table: TextTable, *, problems: Sequence[PersonError] = (), odd: dict[str, list[OddLine]] | None = None,
    columns: dict[str, str] | None = None,
) -> TextReport:  # fmt: skip
    """Look at every text of a table and report.

    problems: what the reader refused; each becomes a finding of level "stop"
    odd:      file -> lines that are not UTF-8; columns: flag -> column, for the suggested command
    """
    facts, odd = Facts(table), odd or {}
    return TextReport(
        table=table,
        findings=find(facts, problems, odd),
        counts=_counts(table, facts.parts),
        words=facts.words,
        exact=facts.named(facts.exact),
        near=facts.named(facts.near),
        conflicts=facts.named(facts.conflicts),
        odd={name: tuple(lines) for name, lines in odd.items()},
        suggestion=_suggestion(table, facts.words, facts.parts, columns or {}),
        parts=facts.parts,
    )


def _opened(where: str | Path, read: dict[str, Any]) -> tuple[TextTable, list[PersonError]]:
    """The table with its targets; without them, and why, where the reader refuses them."""
    if not str(where).startswith("sample") and Path(where).is_file() and Path(where).suffix == ".txt":
        return open_texts(where, wanted="none", bad="skip"), []
    if str(where).startswith("sample"):
        return sample_table(str(where).partition(":")[2] or DEFAULT), []
    try:
        return open_texts(where, **read), []
    except PersonError as error:
        if error.code == "which-column" and "--target" in error.fix:
            return _without_target(where, read, error), []
        if error.code in ("no-such-path", "which-column", "no-such-column", "no-header", "unknown-shape"):
            raise
        alone = {**read, "target": None, "labels": "auto"}
        table = open_texts(where, wanted="none", **alone)
        # A folder of texts without classes is sound data; only a classifier refuses it.
        return table, [] if error.code == "no-class-folders" else [error]


def _without_target(where: str | Path, read: dict[str, Any], error: PersonError) -> TextTable:
    """Of a table in which no column must be the label: pairs of texts, or the texts alone."""
    try:
        return open_texts(where, wanted="pairs", **{**read, "labels": "auto"})
    except PersonError:
        table = open_texts(where, wanted="none", **{**read, "labels": "auto"})
        return replace(table, notes=(*table.notes, f"no labels were looked at: {error.got}; {error.fix}"))


def _odd_files(folder: Path, table: TextTable) -> dict[str, list[OddLine]]:
    """The files that were left out because they are not UTF-8, with their lines."""
    names = [damage.name for damage in table.damaged if damage.reason in ("not-utf8", "not-text")]
    files = {name: folder / name for name in names}
    return {name: list(odd_lines(file)) for name, file in files.items() if file.is_file()}


def _counts(table: TextTable, parts: tuple[str, ...]) -> dict[str, dict[str, int]]:
    place = np.array(table.parts)
    counts = {}
    for index, name in enumerate(table.classes):
        of = table.targets[:, index] if table.kind == "labels" else table.targets == index
        counts[name] = {part: int((of & (place == part)).sum()) for part in parts}
    return counts


def _suggestion(
    table: TextTable, words: np.ndarray, parts: tuple[str, ...], columns: dict[str, str]
) -> dict[str, str]:
    """How to split, how many tokens to see, and the command to train with."""
    if table.kind == "none":
        split = "of a few long texts the end is kept to choose and judge with, of many some whole texts"
    elif parts != ("",):
        split = "keep the parts that are given: " + ", ".join(
            f"{table.parts.count(part)} {part or 'without part'}" for part in parts
        )
    else:
        split = "70 % to learn from, 15 % to choose with, 15 % to judge with, copies kept together"
        if len(table) < SMALL_SET:
            split += f"; with {len(table)} texts one split says little, so try several seeds"
    covered = PER_WORD * float(np.quantile(words, COVERED)) if len(words) else 0
    context = next((size for size in CONTEXTS if size >= covered), CONTEXTS[-1])
    whole = int((PER_WORD * words <= context).sum())
    system = {"none": "text_lstm", "pairs": "transformer"}.get(table.kind, "sentiment")
    command = ["glassworks", "train", system, "--data", table.where]
    for flag, column in columns.items():
        command += [f"--{flag}", column]
    command += ["--context", str(context)] if table.kind != "none" else []
    command += ["--bad", "skip"] if table.damaged else []
    said = (
        f"{context} tokens, which show {whole:,} of {len(words):,} texts whole"
        if table.kind != "none"
        else ""
    )
    return {"split": split, **({"context": said} if said else {}), "command": shlex.join(command)}
