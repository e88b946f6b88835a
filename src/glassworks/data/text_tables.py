"""Tables of texts: one row a text, with a label, labels, a number or another text beside it.

Read row by row; every complaint names the line and the column. Bad rows are counted to the end of the file:
either the first is told together with their number, or all are left out and kept as damage.

The first thing to change: `PEEK`, the rows that columns are guessed from.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

import numpy as np

from glassworks.core.errors import PersonError
from glassworks.core.rows import Damage, Kind
from glassworks.core.text_rows import TextTable
from glassworks.data.classes import class_problems, part_of
from glassworks.data.tables_kind import BadCell, Labels, Targets
from glassworks.data.tables_records import bad_row, no_rows, records_of
from glassworks.data.text_columns import Columns, choose

Wanted = Literal["targets", "pairs", "none"]
PEEK = 500


@dataclass(frozen=True)
class Asked:
    """What a person wants of their texts: the arguments of `open_texts`."""

    wanted: Wanted = "targets"
    text: str | None = None
    target: str | None = None
    group: str | None = None
    labels: Labels = "auto"
    bad: Literal["stop", "skip"] = "stop"


@dataclass
class _Rows:
    """What was kept of the rows, in the order of reading."""

    names: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    lines: list[tuple[Path, int]] = field(default_factory=list)
    bad: list[tuple[Path, int, str, Damage]] = field(default_factory=list)


def read_tables(paths: list[Path], asked: Asked, parts: tuple[str, ...] = ()) -> TextTable:
    """The rows of one table, or of several with the same columns, one for each part.

    Raises PersonError: "which-column", "no-such-column", "bad-row", "wrong-encoding", those of the classes.
    """
    rows, columns = _Rows(), None
    from_text = paths[0].suffix.lower() in (".csv", ".tsv")
    targets = Targets(asked.labels, from_text=from_text)
    judged = targets if asked.wanted == "targets" else None
    for place, path in enumerate(paths):
        records = records_of(path)
        header = next(records)[1]
        first = list(islice(records, PEEK))
        if columns is None:
            peeked = [record for _, record in first if not isinstance(record, Damage)]
            columns = choose(path, header, peeked, asked.wanted, asked.text, asked.target, asked.group)
        part = parts[place] if parts else ""
        prefix = f"{path.name} " if len(paths) > 1 else ""
        _read(path, chain(first, records), columns, part, prefix, rows, judged)
    assert columns is not None
    return _table(paths[0], rows, targets, columns, asked)


def _read(
    path: Path, records: Iterable[tuple[int, Any]], columns: Columns, part: str, prefix: str, rows: _Rows,
    targets: Targets | None,
) -> None:  # fmt: skip
    """Keep the rows of one file, or note why not. Targets are judged later, when all are known."""
    for line, record in records:
        name = f"{prefix}line {line}"
        if isinstance(record, Damage):
            rows.bad.append((path, line, "", replace(record, name=name)))
            continue
        try:
            said = _cell(record, columns.text, "empty-text")
            answer = _cell(record, columns.target, "empty-answer") if targets is None else ""
            own = part or _part(record, columns.part)
            group = _cell(record, columns.group, "no-group")
            if targets is not None:
                _target(record, columns.target, targets)
        except _BadColumn as found:
            rows.bad.append((path, line, found.column, Damage(name, found.reason, found.detail)))
            continue
        rows.names.append(name)
        rows.texts.append(said)
        rows.answers.append(answer)
        rows.parts.append(own)
        rows.groups.append(group)
        rows.lines.append((path, line))


class _BadColumn(BadCell):
    """A cell that cannot be used, and its column."""

    def __init__(self, column: str, reason: str, detail: str):
        super().__init__(reason, detail)
        self.column = column


def _cell(record: dict, column: str | None, empty: str) -> str:
    """The words of a cell; "" where no column was asked for."""
    if column is None:
        return ""
    cell = record.get(column)
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        raise _BadColumn(column, empty, "the cell is empty")
    if isinstance(cell, (dict, list, bytes)):
        raise _BadColumn(column, "no-text", f"{str(cell)[:60]!r} is no text")
    return str(cell).strip()


def _part(record: dict, column: str | None) -> str:
    if column is None:
        return ""
    cell = record.get(column)
    part = part_of(cell) if isinstance(cell, str) else None
    if part is None:
        raise _BadColumn(column, "no-part", f"{cell!r} is none of train, val, test")
    return part


def _target(record: dict, column: str | None, targets: Targets) -> None:
    assert column is not None
    try:
        targets.add(record.get(column))
    except BadCell as cell:
        raise _BadColumn(column, cell.reason, cell.detail) from cell


# ---- all rows together


def _table(path: Path, rows: _Rows, targets: Targets, columns: Columns, asked: Asked) -> TextTable:
    kind: Kind = "pairs" if asked.wanted == "pairs" else "none"
    values, keep = np.empty(0, np.int64), list(range(len(rows.texts)))
    classes: tuple[str, ...] = ()
    notes = [columns.in_words()]
    notes += [f'the parts are those of column "{columns.part}"'] if columns.part else []
    if asked.wanted == "targets":
        kind, values, classes, refused, more = targets.finish(rows.parts if any(rows.parts) else [])
        for row, cell in refused:
            damage = Damage(rows.names[row], cell.reason, cell.detail)
            rows.bad.append((*rows.lines[row], columns.target or "", damage))
        left = {row for row, _ in refused}
        keep = [row for row in keep if row not in left]
        values = values[np.array(keep, dtype=np.int64)]
        notes += [_of_texts(note) for note in more]
    damaged = _judged(rows, asked.bad, len(keep))
    if not keep:
        raise no_rows(path)
    table = TextTable(
        where=str(path),
        names=tuple(rows.names[row] for row in keep),
        texts=[rows.texts[row] for row in keep],
        kind=kind,
        targets=values,
        classes=classes,
        answers=tuple(rows.answers[row] for row in keep) if kind == "pairs" else None,
        parts=tuple(rows.parts[row] for row in keep),
        groups=tuple(rows.groups[row] for row in keep) if columns.group else None,
        damaged=damaged,
        notes=(*notes, *left_out(damaged, "row(s)")),
    )
    for problem in class_problems_of(table, str(path)):
        raise problem
    return table


def _judged(rows: _Rows, bad: str, kept: int) -> tuple[Damage, ...]:
    """The bad rows as damage; raise for the first when they stop us, or when nothing else is left."""
    found = sorted(rows.bad, key=lambda item: (item[0], item[1]))
    if found and (bad == "stop" or not kept):
        path, line, column, damage = found[0]
        raise bad_row(path, line, column, damage, len(found), wanted="a text and its target in every row")
    return tuple(damage for *_, damage in found)


def left_out(damaged: tuple[Damage, ...], what: str) -> list[str]:
    """The sentence on what was left out, by reason; [] for nothing."""
    reasons = Counter(damage.reason for damage in damaged)
    counts = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
    return [f"left out {len(damaged)} bad {what}: {counts}"] if damaged else []


def class_problems_of(table: TextTable, where: str) -> list[PersonError]:
    """What is wrong with the classes of a table of texts."""
    if table.kind not in ("label", "labels"):
        return []
    names: dict[str, list[str]] = {}
    parts = np.array(table.parts)
    for part in dict.fromkeys(table.parts):
        picked = table.targets[parts == part]
        present = picked.any(0).nonzero()[0] if table.kind == "labels" else np.unique(picked)
        names[part] = [table.classes[index] for index in present]
    problems = class_problems(names, where)
    if table.kind == "labels":  # one word that a text has or has not is a sound task
        problems = [problem for problem in problems if problem.code != "single-class"]
    return [
        PersonError(
            error.code,
            expected=_of_texts(error.expected),
            got=_of_texts(error.got),
            fix=_of_texts(error.fix),
        )
        for error in problems
    ]


def _of_texts(said: str) -> str:
    """A sentence on pictures, said of texts."""
    return said.replace("picture(s)", "text(s)").replace("picture", "text")
