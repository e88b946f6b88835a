"""Text files in folders: one row a file, the folder above it its class.

Folders named train, val and test at the top are parts; below them, or at the top, a folder for each class.
Where no classes are wanted, any arrangement will do. Files are UTF-8; what is not is told, or left out and
counted, because a wrong guess of the encoding would put wrong letters into the model.

The first thing to change: `TEXT_FILES`.
"""

import os
from pathlib import Path

import numpy as np

from glassworks.core.errors import PersonError
from glassworks.core.rows import Damage
from glassworks.core.text_rows import TextTable
from glassworks.data.classes import part_of, plain_name, sorted_names
from glassworks.data.tables_kind import BadCell
from glassworks.data.text_tables import Asked, class_problems_of, left_out

TEXT_FILES = (".txt", ".md", ".text")
ABOUT = ("readme", "license", "licence", "copyright")  # files that tell of the folder, no texts of it
MOST_BYTES = 256 * 1024**2  # of one text file


def text_files(folder: Path) -> list[Path]:
    """The text files at any depth of a folder, without hidden ones, in the order of their names."""
    found = []
    for at, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))
        found += [
            Path(at) / name
            for name in files
            if name.lower().endswith(TEXT_FILES)
            and not name.startswith(".")
            and name.rpartition(".")[0].casefold() not in ABOUT
        ]
    return sorted(found, key=lambda file: plain_name(file.relative_to(folder).as_posix()))


def read_files(folder: Path, files: list[Path], asked: Asked) -> TextTable:
    """The texts of some files below a folder, with their folders as classes where targets are wanted.

    Raises PersonError: "no-class-folders", "bad-text", and those of the classes.
    """
    with_parts = _has_parts(folder, files)
    names, texts, parts, labels, damaged = [], [], [], [], []
    for file in files:
        below = file.relative_to(folder).parts
        above = below[1:-1] if with_parts else below[:-1]
        name = plain_name("/".join(below))
        if asked.wanted == "targets" and len(above) != 1:
            raise _no_class(folder, name, len(above))
        try:
            texts.append(read_text(file))
        except BadCell as cell:
            damaged.append(Damage(name, cell.reason, cell.detail))
            continue
        names.append(name)
        parts.append(part_of(below[0]) or "" if with_parts else "")
        labels.append(plain_name(above[0]) if above else "")
    if damaged and (asked.bad == "stop" or not texts):
        raise _bad_file(folder, damaged[0], len(damaged))
    with_labels = asked.wanted == "targets"
    targets, classes = _classes(labels, parts) if with_labels else (np.empty(0, np.int64), ())
    table = TextTable(
        where=str(folder), names=tuple(names), texts=texts, kind="label" if with_labels else "none",
        targets=targets, classes=classes, parts=tuple(parts), damaged=tuple(damaged),
        notes=tuple(left_out(tuple(damaged), "file(s)")),
    )  # fmt: skip
    for problem in class_problems_of(table, str(folder)):
        raise problem
    return table


def read_text(file: Path) -> str:
    """A UTF-8 text file, line ends as one sign. Raises BadCell: "not-utf8", "empty-text", "too-long"."""
    size = file.stat().st_size
    if size > MOST_BYTES:
        raise BadCell("too-long", f"{size:,} bytes; cut it into files below {MOST_BYTES:,} bytes")
    try:
        said = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte = f"{error.object[error.start]:#04x}"
        raise BadCell("not-utf8", f"byte {byte} at place {error.start:,} is no UTF-8") from error
    if "\0" in said:
        raise BadCell("not-text", "it holds zero bytes, so it is no UTF-8 text")
    if not said.strip():
        raise BadCell("empty-text", "it holds no text")
    return said.replace("\r\n", "\n").replace("\r", "\n")


def refuse_columns(where: str | Path, asked: Asked) -> None:
    """Raise PersonError("no-columns") where columns were named for data that has none."""
    for flag, value in (("--text", asked.text), ("--target", asked.target), ("--group", asked.group)):
        if value is not None:
            raise PersonError(
                "no-columns", expected=f"a table, of which {flag} names a column",
                got=f"{where}, without columns",
                fix=f"leave {flag} {value} away, or name a .csv, .jsonl or .parquet table",
            )  # fmt: skip


def _has_parts(folder: Path, files: list[Path]) -> bool:
    tops = {part_of(file.relative_to(folder).parts[0]) for file in files}
    return None not in tops and "train" in tops


def _classes(labels: list[str], parts: list[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Numbers and names: those of the training part come first, as everywhere."""
    training = {label for label, part in zip(labels, parts, strict=True) if part in ("", "train")}
    classes = sorted_names(training) + sorted_names(set(labels) - training)
    number = {label: place for place, label in enumerate(classes)}
    return np.array([number[label] for label in labels], dtype=np.int64), classes


def _no_class(folder: Path, name: str, depth: int) -> PersonError:
    got = f"{name} in no class folder" if depth == 0 else f"{name}, {depth} folders deep"
    return PersonError(
        "no-class-folders", expected=f"a folder for each class in {folder}, with its .txt files inside",
        got=got, fix="put each text into the folder of its class, or list texts and labels in a .csv",
    )  # fmt: skip


def _bad_file(folder: Path, damage: Damage, count: int) -> PersonError:
    others = f" ({count} such files in all)" if count > 1 else ""
    return PersonError(
        "bad-text", expected=f"UTF-8 text files in {folder}",
        got=f"{damage.name}: {damage.reason}, {damage.detail}{others}",
        fix="save it again as UTF-8, or leave such files out with --bad skip; `glassworks check` names all",
    )  # fmt: skip
