"""Pictures with captions: what a person says of each picture, instead of a class.

Three shapes are known: metadata.jsonl in the folder of the pictures, as Hugging Face's imagefolder has it;
any CSV, JSONL or Parquet with a column for the file and one for the text; and pictures with a .txt of the
same name beside them, a caption a line. A picture may have several captions: it is one row that holds them
all, so they cannot be torn apart by a split. Bad rows are told, or left out and counted.

The first thing to change: `TEXT_COLUMNS`, the guesses of the text's column.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.rows import Damage, PictureTable
from glassworks.data.classes import part_of, plain_name, shortened, sorted_names
from glassworks.data.folders import unlabelled_folder
from glassworks.data.tables import FILE_COLUMNS, PART_COLUMNS, TARGET_COLUMNS, Bad
from glassworks.data.tables_records import ENDINGS, bad_row, no_rows, records_of

TEXT_COLUMNS = ("text", "caption", "captions", "sentence", "sentences", "description", "prompt")
TABLES = ENDINGS
BESIDE = ".txt"
MOST_TEXT = 1_000_000  # bytes of a .txt; more is no caption


@dataclass
class _Picture:
    """What was said of one file."""

    line: int
    texts: list[str] = field(default_factory=list)
    part: str = ""
    group: str = ""
    label: str = ""


class _Bad(Exception):
    """A row that cannot be used: a short stable reason, and what was seen."""

    def __init__(self, reason: str, detail: str):
        super().__init__(detail)
        self.reason, self.detail = reason, detail


def read_captions(
    path: str | Path,
    *,
    text: str | None = None,
    file: str | None = None,
    group: str | None = None,
    bad: Bad = "stop",
    where: str | None = None,
) -> PictureTable:
    """The pictures and captions of a folder or table, one row a picture, in the order of their names.

    text, file, group: columns of a table; text and file are guessed from common names when not given
    bad: "stop" at rows that cannot be used, or "skip" them into `damaged`
    Raises PersonError: "no-captions", "no-such-column", "bad-row", "wrong-encoding", "needs-parquet".
    """
    path = Path(path)
    listed = path if path.is_file() else table_in(path, text)
    if listed is not None:
        return _from_table(listed, text, file, group, bad, where or str(path))
    if not path.is_dir() or not _beside(path):
        raise no_captions(path)
    return _from_files(path, bad, where or str(path))


def has_captions(path: Path) -> bool:
    """Whether a folder or table holds captions: a text column and no target's, or a .txt beside pictures."""
    if path.is_file():
        columns = _columns_of(path)
        return _first(columns, TEXT_COLUMNS) is not None and _first(columns, TARGET_COLUMNS) is None
    return table_in(path, None) is not None or _beside(path)


def table_in(folder: Path, text: str | None) -> Path | None:
    """The table of a folder that names files and says something of them: metadata.* before others."""
    found = [entry for entry in sorted(folder.iterdir()) if entry.suffix.lower() in TABLES]
    found = [entry for entry in found if not entry.name.startswith(".")]
    for entry in sorted(found, key=lambda entry: entry.stem.lower() != "metadata"):
        columns = _columns_of(entry)
        if _first(columns, FILE_COLUMNS) and (text in columns if text else _first(columns, TEXT_COLUMNS)):
            return entry
    return None


# ---- a table


def _from_table(
    path: Path, text: str | None, file: str | None, group: str | None, bad: Bad, where: str
) -> PictureTable:
    records = records_of(path)
    header = next(records)[1]
    names = {
        "file": _column(path, header, file, FILE_COLUMNS, "picture's file", "--file"),
        "text": _column(path, header, text, TEXT_COLUMNS, "caption", "--target"),
        "part": _first(header, PART_COLUMNS),
        "label": _first(header, TARGET_COLUMNS),
        "group": None if group is None else _column(path, header, group, (), "group", "--group"),
    }
    if names["label"] in (names["text"], names["file"]):
        names["label"] = None
    found: dict[str, _Picture] = {}
    wrong: list[tuple[int, str, Damage]] = []
    twice = 0
    for line, record in records:
        if isinstance(record, Damage):
            wrong.append((line, "", record))
            continue
        try:
            twice += _take(path.parent, line, record, names, found)
        except _Bad as row:
            said = str(record.get(names["file"]) or f"line {line}")
            wrong.append((line, "", Damage(said, row.reason, row.detail)))
    notes = [f'read the files from column "{names["file"]}" of {path.name}, captions from "{names["text"]}"']
    notes += [f"left out {twice} row(s) that say the same of the same picture again"] if twice else []
    return _table(path, where, path.parent, found, _judged(path, wrong, bad, len(found)), notes, group)


def _take(folder: Path, line: int, record: dict, names: dict[str, Any], found: dict[str, _Picture]) -> int:
    """Keep one row; returns how many of its captions stood there already."""
    name = _file_of(folder, record.get(names["file"]))
    texts = _texts_of(record.get(names["text"]))
    about: dict[str, Any] = {}
    for what in ("part", "label", "group"):
        cell = record.get(names[what]) if names[what] else None
        about[what] = "" if cell is None else plain_name(str(cell).strip())
    if about["part"]:
        part = part_of(about["part"])
        if part is None:
            raise _Bad("no-part", f"{about['part']!r} is none of train, val, test")
        about["part"] = part
    picture = found.get(name)
    if picture is None:
        picture = found[name] = _Picture(line, **about)
    for what, said in about.items():
        if getattr(picture, what) != said:
            raise _Bad("rows-differ", f"{name} stands on line {picture.line} with another {what}")
    again = [text for text in texts if text in picture.texts]
    picture.texts += [text for text in dict.fromkeys(texts) if text not in again]
    return len(again)


def _file_of(folder: Path, cell: Any) -> str:
    if not isinstance(cell, str) or not cell.strip() or "\0" in cell:
        raise _Bad("no-file", f"{cell!r} is no file name")
    name = cell.strip()
    try:
        if not (folder / name).is_file():
            name = name.replace("\\", "/")  # a table written on Windows
        if not (folder / name).is_file():
            raise _Bad("missing-file", f"there is no file {name[:200]} in {folder}")
    except OSError as error:
        raise _Bad("missing-file", f"{name[:80]}: {error.strerror}") from error
    return Path(name).as_posix()


def _texts_of(cell: Any) -> list[str]:
    """One caption, or a list of them."""
    given = cell if isinstance(cell, list) else [cell]
    if not given or not all(isinstance(text, str) for text in given):
        raise _Bad("no-text", f"{cell!r} is no caption" if cell is not None else "there is no caption")
    texts = [" ".join(text.split()) for text in given]
    if not all(texts):
        raise _Bad("empty-caption", "the caption is empty")
    return texts


# ---- a .txt beside each picture


def _beside(folder: Path) -> bool:
    """Whether at least half of a folder's pictures have a .txt of the same name beside them."""
    try:
        files = list(unlabelled_folder(folder).sources)
    except PersonError:
        return False
    with_text = [file for file in files if isinstance(file, Path) and file.with_suffix(BESIDE).is_file()]
    return 2 * len(with_text) >= len(files)


def _from_files(folder: Path, bad: Bad, where: str) -> PictureTable:
    pictures = unlabelled_folder(folder)
    found: dict[str, _Picture] = {}
    wrong: list[tuple[int, str, Damage]] = []
    for row, (name, file) in enumerate(zip(pictures.names, pictures.sources), start=1):
        assert isinstance(file, Path)
        try:
            found[file.relative_to(folder).as_posix()] = _Picture(row, captions_beside(file))
        except _Bad as problem:
            wrong.append((row, "", Damage(name, problem.reason, problem.detail)))
    several = sum(len(picture.texts) > 1 for picture in found.values())
    notes = ["read the captions from the .txt beside each picture, one a line"]
    notes += [f"{several} picture(s) have several captions"] if several else []
    damaged = _judged(folder, wrong, bad, len(found))
    return _table(folder, where, folder, found, damaged, notes, None)


def captions_beside(file: Path) -> list[str]:
    """The lines of the .txt beside a picture, each once."""
    beside = file.with_suffix(BESIDE)
    if not beside.is_file():
        raise _Bad("no-caption", f"there is no {beside.name} beside it")
    if beside.stat().st_size > MOST_TEXT:
        raise _Bad("no-caption", f"{beside.name} has {beside.stat().st_size:,} bytes: that is no caption")
    try:
        lines = beside.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise _Bad(
            "not-utf8", f"{beside.name} is not UTF-8: byte {error.object[error.start]:#04x}"
        ) from error
    texts = [" ".join(line.split()) for line in lines]
    if not any(texts):
        raise _Bad("empty-caption", f"{beside.name} is empty")
    return list(dict.fromkeys(text for text in texts if text))


# ---- what both end in


def _table(
    path: Path,
    where: str,
    folder: Path,
    found: dict[str, _Picture],
    damaged: tuple[Damage, ...],
    notes: list[str],
    group: str | None,
) -> PictureTable:
    if not found:
        raise no_rows(path)
    rows = sorted(found.items(), key=lambda row: plain_name(row[0]))
    classes = sorted_names({picture.label for _, picture in rows} - {""})
    number = {label: place for place, label in enumerate(classes)} | {"": -1}
    if damaged:
        reasons = Counter(damage.reason for damage in damaged)
        notes.append(
            f"left out {len(damaged)} bad row(s): {shortened(f'{r} {n}' for r, n in reasons.items())}"
        )
    return PictureTable(
        where=where,
        names=tuple(plain_name(name) for name, _ in rows),
        sources=[folder / name for name, _ in rows],
        kind="captions",
        targets=np.array([number[picture.label] for _, picture in rows], dtype=np.int64),
        classes=classes,
        parts=tuple(picture.part for _, picture in rows),
        groups=tuple(picture.group for _, picture in rows) if group else None,
        damaged=damaged,
        notes=tuple(notes),
        texts=tuple(tuple(picture.texts) for _, picture in rows),
    )


def _judged(path: Path, wrong: list, bad: Bad, kept: int) -> tuple[Damage, ...]:
    if wrong and (bad == "stop" or not kept):
        line, column, damage = wrong[0]
        if path.is_dir():
            raise PersonError(
                "bad-caption", expected=f"a readable caption for every picture in {path}",
                got=f"{damage.name}: {damage.reason}, {damage.detail} ({len(wrong)} such pictures in all)",
                fix="write the captions, or leave these pictures out with --bad skip",
            )  # fmt: skip
        raise bad_row(path, line, column, damage, len(wrong))
    return tuple(damage for _, _, damage in wrong)


def _columns_of(path: Path) -> list[str]:
    try:
        return list(next(records_of(path))[1]) if path.suffix.lower() in TABLES else []
    except PersonError:
        return []


def _first(columns: list[str], common: tuple[str, ...]) -> str | None:
    """The first of the common names that a table has, as the table writes it."""
    lowered = {name.casefold(): name for name in reversed(columns)}
    return next((lowered[name] for name in common if name in lowered), None)


def _column(
    path: Path, header: list[str], named: str | None, common: tuple[str, ...], what: str, flag: str
) -> str:
    if named is not None and named.strip() in header:
        return named.strip()
    guess = _first(header, common) if named is None else None
    if guess is not None:
        return guess
    raise PersonError(
        "no-such-column",
        expected=f'a column "{named}" in {path}'
        if named
        else f"a column with the {what} in {path}, named {', '.join(common[:-1])} or {common[-1]}",
        got=f"the columns {', '.join(header)}",
        fix=did_you_mean(named, header) if named else f"name it with {flag} COLUMN",
    )


def no_captions(path: Path) -> PersonError:
    return PersonError(
        "no-captions",
        expected=f"captions in {path}: metadata.jsonl with file_name and text, a table with columns for file "
        "and text, or a .txt of the same name beside each picture",
        got="none of these",
        fix='write metadata.jsonl, a line a picture: {"file_name": "cat.jpg", "text": "a cat on a sofa"}',
    )
