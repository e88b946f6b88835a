"""Tables of pictures: a CSV, JSONL or Parquet file, one row a picture with its file and its target.

The table is read line by line and keeps only the columns it needs, so a 500 MB file with long cells takes
little memory, and every complaint names the line and the column. Bad rows are counted to the end of the
file: either the first is told together with their number, or all are left out and kept as damage.

`tables_records.py` reads the lines, `tables_kind.py` decides what a target is.
The first thing to change: the guesses of column names.
"""

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal, overload

import numpy as np

from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.rows import Damage, Kind, PictureTable
from glassworks.data.classes import class_problems, part_of, plain_name
from glassworks.data.tables_kind import BadCell, Labels, Targets
from glassworks.data.tables_records import bad_row, no_rows, records_of

FILE_COLUMNS = ("file", "filename", "file_name", "filepath", "path", "image", "image_path", "picture")
TARGET_COLUMNS = ("label", "class", "target", "y", "category", "labels")
PART_COLUMNS = ("part", "split")
Bad = Literal["stop", "skip"]


class FileColumn(Sequence):
    """Paths of a table's files, made when asked for: a million `Path` objects would take 300 MB."""

    def __init__(self, folder: Path, cells: list[str]):
        self.folder, self.cells = folder, cells

    def __len__(self) -> int:
        return len(self.cells)

    @overload
    def __getitem__(self, row: int) -> Path: ...
    @overload
    def __getitem__(self, row: slice) -> "FileColumn": ...
    def __getitem__(self, row):
        if isinstance(row, slice):
            return FileColumn(self.folder, self.cells[row])
        return self.folder / self.cells[row]


@dataclass
class _Columns:
    """Which column is what; parts and groups are optional."""

    file: str
    target: str
    part: str | None
    group: str | None


@dataclass
class _Rows:
    """What was kept of the rows."""

    files: list[str] = field(default_factory=list)
    lines: array = field(default_factory=lambda: array("q"))  # 8 bytes a row, a list takes 36
    parts: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    bad: list[tuple[int, str, Damage]] = field(default_factory=list)  # line, column, what
    seen: dict[str, int] = field(default_factory=dict)  # file -> its place in `files`
    twice: int = 0


def read_table(
    path: str | Path,
    *,
    target: str | None = None,
    file: str | None = None,
    group: str | None = None,
    labels: Labels = "auto",
    bad: Bad = "stop",
    where: str | None = None,
) -> PictureTable:
    """The pictures that a CSV or JSONL table lists. File names are relative to the table's folder.

    target, file, group: columns; target and file are guessed from common names when not given.
    labels: "label" one class, "labels" several ("a;b", "a|b" or a JSON list), "number", or "auto".
    bad: "stop" at bad rows, or "skip" them into `damaged`.
    Raises PersonError: "no-such-column", "bad-row", "wrong-encoding" and those of the classes.
    """
    path = Path(path)
    records = records_of(path)
    header = next(records)[1]
    columns = _choose(path, header, target, file, group)
    rows, targets = _Rows(), Targets(labels, from_text=path.suffix.lower() in (".csv", ".tsv"))
    for line, record in records:
        _take(path, line, record, columns, rows, targets)
    kind, values, classes, refused, notes = targets.finish(rows.parts)
    rows.bad += [
        (rows.lines[row], columns.target, Damage(rows.files[row], cell.reason, cell.detail))
        for row, cell in refused
    ]
    left_out = {row for row, _ in refused}
    keep = [row for row in range(len(rows.files)) if row not in left_out]
    damaged = _judge_bad(path, rows.bad, bad, len(keep))
    notes = _notes(columns, rows, damaged, notes)
    table = _table(path, where, rows, keep, (kind, values, classes), columns, damaged, notes)
    problems = _class_problems(table, path)
    if problems:
        raise problems[0]
    return table


def has_file_column(path: Path) -> bool:
    """Whether a table looks like a list of pictures."""
    try:
        records = records_of(path)
        header = next(records)[1]
    except PersonError:
        return False
    return any(name.casefold() in FILE_COLUMNS for name in header)


# ---- columns


def _choose(
    path: Path, header: list[str], target: str | None, file: str | None, group: str | None
) -> _Columns:
    lowered = {name.casefold(): name for name in reversed(header)}

    def guess(named: str | None, common: tuple[str, ...], what: str, flag: str) -> str:
        if named is not None:
            return _named(path, header, named)
        for name in common:
            if name in lowered:
                return lowered[name]
        raise PersonError(
            "no-such-column",
            expected=f"a column with the {what} in {path}, named {', '.join(common[:-1])} or {common[-1]}",
            got=f"the columns {', '.join(header)}",
            fix=f"name it with {flag} COLUMN",
        )

    chosen = guess(file, FILE_COLUMNS, "picture's file", "--file")
    answer = guess(target, TARGET_COLUMNS, "target", "--target")
    part = next((lowered[name] for name in PART_COLUMNS if name in lowered), None)
    return _Columns(
        file=chosen,
        target=answer,
        part=part if part not in (chosen, answer) else None,
        group=None if group is None else _named(path, header, group),
    )


def _named(path: Path, header: list[str], name: str) -> str:
    if name.strip() in header:
        return name.strip()
    raise PersonError(
        "no-such-column",
        expected=f'a column "{name}" in {path}',
        got=f"the columns {', '.join(header)}",
        fix=did_you_mean(name, header),
    )


# ---- rows


def _take(path: Path, line: int, record: Any, columns: _Columns, rows: _Rows, targets: Targets) -> None:
    """Keep one row, or note why not. Targets are judged at the end, when all of them are known."""
    if isinstance(record, Damage):
        rows.bad.append((line, "", record))
        return
    column = columns.file
    try:
        file = _file_cell(path.parent, record.get(column))
        column = columns.part or ""
        part = _part_cell(record.get(column)) if columns.part else ""
        column = columns.group or ""
        group = _text_cell(record.get(column)) if columns.group else ""
        column = columns.target
        at = rows.seen.get(file)
        if at is not None:
            if targets.same(at, record.get(column)):
                rows.twice += 1
                return
            raise BadCell("file-twice", f"{file} stands on line {rows.lines[at]} with another target")
        targets.add(record.get(column))
    except BadCell as cell:
        name = record.get(columns.file)
        rows.bad.append((line, column, Damage(str(name or f"line {line}"), cell.reason, cell.detail)))
        return
    rows.seen[file] = len(rows.files)
    rows.files.append(file)
    rows.lines.append(line)
    if columns.part:
        rows.parts.append(part)
    if columns.group:
        rows.groups.append(group)


def _file_cell(folder: Path, cell: Any) -> str:
    if not isinstance(cell, str) or not cell.strip():
        raise BadCell("no-file", "the cell is empty" if cell in (None, "") else f"{cell!r} is no file name")
    name = cell.strip()
    if "\0" in name:
        raise BadCell("no-file", "the file name holds a zero byte")
    try:
        if not (folder / name).is_file() and "\\" in name:
            name = name.replace("\\", "/")  # a table written on Windows
        if not (folder / name).is_file():
            raise BadCell("missing-file", f"there is no file {name} in {folder}")
    except OSError as error:
        raise BadCell("missing-file", f"{name[:80]}: {error.strerror}") from error
    return PurePosixPath(name).as_posix()


def _part_cell(cell: Any) -> str:
    part = part_of(cell) if isinstance(cell, str) else None
    if part is None:
        raise BadCell("no-part", f"{cell!r} is none of train, val, test")
    return part


def _text_cell(cell: Any) -> str:
    if cell is None or isinstance(cell, (dict, list)) or str(cell).strip() == "":
        raise BadCell("no-group", f"{cell!r} names no group")
    return str(cell).strip()


def _table(
    path: Path,
    where: str | None,
    rows: _Rows,
    keep: list[int],
    answer: tuple[Kind, np.ndarray, tuple[str, ...]],
    columns: _Columns,
    damaged: tuple[Damage, ...],
    notes: list[str],
) -> PictureTable:
    if not keep:
        raise no_rows(path)
    kind, values, classes = answer
    files = [rows.files[row] for row in keep]
    return PictureTable(
        where=where or str(path),
        names=tuple(plain_name(file) for file in files),
        sources=FileColumn(path.parent, files),
        kind=kind,
        targets=values[np.array(keep)],
        classes=classes,
        parts=tuple(rows.parts[row] for row in keep) if columns.part else (),
        groups=tuple(rows.groups[row] for row in keep) if columns.group else None,
        damaged=damaged,
        notes=tuple(notes),
    )


def _class_problems(table: PictureTable, path: Path) -> list[PersonError]:
    if table.kind not in ("label", "labels"):
        return []
    names: dict[str, list[str]] = {}
    parts = np.array(table.parts)
    for part in dict.fromkeys(table.parts):
        picked = table.targets[parts == part]
        present = picked.any(0).nonzero()[0] if table.kind == "labels" else np.unique(picked)
        names[part] = [table.classes[index] for index in present]
    problems = class_problems(names, str(path))
    if table.kind == "labels":  # one word that a picture has or has not is a sound task
        problems = [problem for problem in problems if problem.code != "single-class"]
    return problems


# ---- what to say


def _judge_bad(path: Path, found: list[tuple[int, str, Damage]], bad: Bad, kept: int) -> tuple[Damage, ...]:
    """The bad rows as damage; raise for the first when they stop us, or when nothing else is left."""
    found = sorted(found, key=lambda item: item[0])
    if found and (bad == "stop" or not kept):
        line, column, damage = found[0]
        raise bad_row(path, line, column, damage, len(found))
    return tuple(damage for _, _, damage in found)


def _notes(columns: _Columns, rows: _Rows, damaged: tuple[Damage, ...], notes: list[str]) -> list[str]:
    said = [f'read the files from column "{columns.file}" and the targets from column "{columns.target}"']
    if columns.part:
        said.append(f'the parts are those of column "{columns.part}"')
    if rows.twice:
        said.append(f"left out {rows.twice} row(s) that repeat an earlier one")
    if damaged:
        reasons = Counter(damage.reason for damage in damaged)
        counts = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
        said.append(f"left out {len(damaged)} bad row(s): {counts}")
    return said + notes
