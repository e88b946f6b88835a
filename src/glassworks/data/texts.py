"""The door to a person's texts: one function, whatever they have.

A table with a column of texts (CSV, TSV, JSONL, Parquet), folders of .txt files with a folder for each class
or without, one text file, an archive of these, or a sample. Columns that are not named are guessed, first
from common names, then from what stands in them; where two readings are possible, the person is asked.
Nothing of a text is changed or cut here.

`text_tables.py` reads tables, `text_folders.py` reads files, `text_columns.py` guesses columns.
The first thing to change: `SHAPES`, when a reader is added.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from glassworks.core.cache import cache_folder, keep_within_limit, touch
from glassworks.core.errors import PersonError
from glassworks.core.files import sha256_of
from glassworks.core.text_rows import TextTable
from glassworks.data import text_folders, text_tables
from glassworks.data.archives import is_archive_name, unpack
from glassworks.data.classes import part_of, shortened
from glassworks.data.folders import missing_path
from glassworks.data.tables_records import ENDINGS
from glassworks.data.text_tables import Asked, Wanted

DEFAULT = "movie-reviews"  # what "sample" alone means for texts
SHAPES = (
    "a .csv, .tsv, .jsonl or .parquet table with a column of texts",
    "a folder with a folder of .txt files for each class (with or without train/val/test above them)",
    "a folder of .txt files, or one .txt file, where no classes are wanted",
    "a .zip or .tar.gz of one of these",
    "sample:NAME",
)


def open_texts(
    where: str | Path,
    *,
    wanted: Wanted = "targets",
    text: str | None = None,
    target: str | None = None,
    group: str | None = None,
    labels: str = "auto",
    bad: Literal["stop", "skip"] = "stop",
) -> TextTable:
    """The texts that `where` names, one row each, with what is wanted beside them.

    where:  "sample:NAME", or a path: a table, a folder of .txt files, one .txt file, or an archive of these
    wanted: "targets" a label, labels or a number for each; "pairs" another text for each; "none" texts alone
    text, target, group: columns of a table; text and target are guessed where not given, groups never
    labels: how targets are read: "label" one class, "labels" several, "number", "auto", or "none" at all
    bad:    "stop" at rows that cannot be used, or "skip" them into `damaged`
    Raises PersonError with what was expected, what came and what to do.
    """
    asked = Asked("none" if labels == "none" else wanted, text, target, group, _labels(labels), bad)
    said = str(where)
    if said == "sample" or said.startswith("sample:"):
        return _sample(said, asked)
    if said.startswith(("http:", "https:", "hf:", "torchvision:")):
        raise _no_texts(said, "no file on this machine", "save the texts as a .csv, .jsonl or .parquet file")
    return replace(_path(Path(where).expanduser(), asked, packed=False), where=said)


def as_wanted(table: TextTable, wanted: Wanted) -> TextTable:
    """A table with only what is wanted of it. Raises PersonError where it has no such thing."""
    if wanted == "none" and table.kind != "none":
        aside = "what belongs to each text is left aside: only the texts are read"
        return replace(
            table, kind="none", targets=np.empty(0, np.int64), classes=(), answers=None,
            notes=(*table.notes, aside),
        )  # fmt: skip
    if wanted == "pairs" and table.kind != "pairs":
        raise _no_texts(
            table.where, "texts without another text beside each",
            "name a table with two columns of texts, or sample:django-de",
        )  # fmt: skip
    if wanted == "targets" and table.kind in ("pairs", "none"):
        raise _no_texts(
            table.where, "texts without labels or numbers",
            "name data with labels, such as sample:movie-reviews",
        )  # fmt: skip
    return table


def _sample(where: str, asked: Asked) -> TextTable:
    from glassworks.data.samples import sample_table

    text_folders.refuse_columns(where, asked)
    table = sample_table(where.partition(":")[2] or DEFAULT)
    if not isinstance(table, TextTable):
        raise _no_texts(where, "a sample of other data", "see `glassworks samples` for samples of texts")
    return as_wanted(table, asked.wanted)


def _labels(word: str) -> Any:
    if word == "none":
        return "auto"
    if word not in ("auto", "label", "labels", "number"):
        raise PersonError(
            "bad-value", expected="texts with --labels auto, label, labels or number", got=f"--labels {word}",
            fix="leave --labels away to let the column decide",
        )  # fmt: skip
    return word


def _path(path: Path, asked: Asked, *, packed: bool) -> TextTable:
    if not path.exists():
        raise missing_path(path)
    if path.is_dir():
        return _folder(path, asked, packed=packed)
    if path.suffix.lower() in ENDINGS:
        return text_tables.read_tables([path], asked)
    if is_archive_name(path) and not packed:
        return _path(_unpacked(path), asked, packed=True)
    if path.suffix.lower() in text_folders.TEXT_FILES:
        text_folders.refuse_columns(path, asked)
        if asked.wanted != "none":
            raise _no_texts(
                path, "one text file, without labels",
                "write the texts into a .csv with the columns text and label",
            )  # fmt: skip
        return text_folders.read_files(path.parent, [path], asked)
    raise PersonError(
        "unknown-shape", expected="; ".join(SHAPES), got=str(path), fix="bring it into one of these shapes"
    )


def _folder(path: Path, asked: Asked, *, packed: bool) -> TextTable:
    """The tables of a folder, or else its text files."""
    here = [entry for entry in sorted(path.iterdir()) if not entry.name.startswith((".", "__"))]
    if packed and len(here) == 1 and here[0].is_dir():
        return _folder(here[0], asked, packed=True)  # archives mostly hold one folder
    files = text_folders.text_files(path)
    tables = [entry for entry in here if entry.suffix.lower() in ENDINGS]
    if tables and (not files or (asked.text, asked.target) != (None, None)):
        parts = _parts_of(path, tables)
        table = text_tables.read_tables(tables, asked, parts)
        read = " and ".join(entry.name for entry in tables)
        return replace(table, notes=(f"read {read} in that folder", *table.notes))
    if not files:
        kinds = ", ".join(text_folders.TEXT_FILES)
        raise _no_texts(path, f"a folder without a table or {kinds} files", "name the folder of the texts")
    text_folders.refuse_columns(path, asked)
    if asked.wanted == "pairs":
        raise _no_texts(path, "a folder of text files", "write pairs into a .csv with two columns of texts")
    if asked.wanted == "targets" and asked.labels in ("labels", "number"):
        raise _no_texts(
            path, f"text files, for --labels {asked.labels}", "list texts and targets in a .csv and name that"
        )
    return text_folders.read_files(path, files, asked)


def _parts_of(folder: Path, tables: list[Path]) -> tuple[str, ...]:
    """The parts that several tables are, by their names: train.csv, val.csv, test.csv; () for one table."""
    parts = tuple(part_of(entry.stem) or "" for entry in tables)
    if len(tables) > 1 and (not all(parts) or "train" not in parts or len(set(parts)) < len(parts)):
        raise PersonError(
            "several-tables", expected=f"one table in {folder}, or train, val and test",
            got=shortened(entry.name for entry in tables), fix="name the table itself",
        )  # fmt: skip
    return parts if len(tables) > 1 else ()


def _unpacked(path: Path) -> Path:
    """The folder in the cache that an archive was unpacked into, under its digest."""
    into = cache_folder() / "unpacked" / sha256_of(path)[:40]
    if into.is_dir():
        touch(into)
    else:
        unpack(path, into)
        keep_within_limit(besides=into)
    return into


def _no_texts(where: str | Path, got: str, fix: str) -> PersonError:
    return PersonError("no-texts", expected="; ".join(SHAPES), got=f"{where}: {got}", fix=fix)
