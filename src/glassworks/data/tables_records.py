"""Records of a table file: CSV, JSONL and Parquet, row by row, each with the number of its line.

The first record is (0, column names); the others are (line, {column: cell}), or (line, Damage) where a line
cannot be read. Only one line, or one batch of rows of a Parquet file, is in memory at a time.

Source: RFC 4180 for CSV. Python's csv module reads it, because a reader of column blocks does not know lines.
Parquet has no lines: its rows are numbered from 1. It needs the package pyarrow, the extra `tables`.
The first thing to change: `LONGEST_LINE`.
"""

import csv
import importlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from glassworks.core.errors import PersonError
from glassworks.core.rows import Damage
from glassworks.data.classes import plain_name

ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
LONGEST_LINE = 16 * 1024**2  # characters; a longer line is no row of a table


def records_of(path: Path) -> Iterator[tuple[int, Any]]:
    """The records of a .jsonl, .ndjson, .csv, .tsv or .parquet file.

    Raises PersonError: "bad-row", "column-twice", "empty-table", "wrong-encoding", "line-too-long",
    "needs-parquet", "bad-parquet".
    """
    if path.suffix.lower() == ".parquet":
        return parquet_records(path)
    return jsonl_records(path) if path.suffix.lower() in (".jsonl", ".ndjson") else csv_records(path)


def csv_records(path: Path) -> Iterator[tuple[int, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        lines = _Lines(stream, path)
        first = next(lines, "")
        if not first.strip():
            raise no_rows(path)
        separator = max(",;\t", key=first.count)
        lines.put_back(first)
        csv.field_size_limit(LONGEST_LINE)  # Python's own limit, 131,072, is less than a long text
        reader = csv.reader(lines, delimiter=separator, strict=True)
        header = [plain_name(name.strip()) for name in _next_cells(reader, path)]
        twice = [name for name, count in Counter(header).items() if count > 1 and name]
        if twice:
            raise PersonError(
                "column-twice", expected=f"different column names in {path}, line 1",
                got=f'"{twice[0]}" {header.count(twice[0])} times', fix="give each column its own name",
            )  # fmt: skip
        yield 0, header
        begin = reader.line_num + 1
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield begin, Damage(f"line {begin}", "broken-quotes", f"{error}")
                cells = []
            if cells and len(cells) != len(header):
                detail = f"{len(cells)} cells, the header has {len(header)}"
                yield begin, Damage(f"line {begin}", "wrong-cell-count", detail)
            elif cells:
                yield begin, {name: cell.strip() for name, cell in zip(header, cells)}
            begin = reader.line_num + 1


def _next_cells(reader, path: Path) -> list[str]:
    try:
        return next(reader)
    except csv.Error as error:
        raise PersonError(
            "bad-row", expected="a header with column names", got=f"{path}, line 1: {error}",
            fix="save the table again as CSV (UTF-8)",
        ) from error  # fmt: skip


def jsonl_records(path: Path) -> Iterator[tuple[int, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        header: list[str] | None = None
        early: list[tuple[int, Damage]] = []  # bad lines above the first good one
        for number, line in enumerate(_Lines(stream, path), start=1):
            if not line.strip():
                continue
            try:
                record: Any = json.loads(line)
            except (ValueError, RecursionError) as error:
                record = Damage(f"line {number}", "broken-json", str(error))
            if not isinstance(record, (dict, Damage)):
                record = Damage(f"line {number}", "broken-json", f"not an object but {type(record).__name__}")
            if isinstance(record, dict):
                record = {plain_name(name.strip()): cell for name, cell in record.items()}
            if header is None and isinstance(record, Damage):
                early.append((number, record))
                continue
            if header is None:
                header = list(record)
                yield 0, header
                yield from early
            yield number, record
        if header is None:
            raise bad_row(path, early[0][0], "", early[0][1], len(early)) if early else no_rows(path)


def parquet_records(path: Path) -> Iterator[tuple[int, Any]]:
    """Rows of a Parquet file as records, numbered from 1; cells are what pyarrow makes of them."""
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise PersonError(
            "needs-parquet", expected="the package pyarrow, which reads Parquet", got="it is not installed",
            fix="pip install pyarrow, or save the table as .csv or .jsonl",
        ) from error  # fmt: skip
    try:
        source = parquet.ParquetFile(path)
        header = [plain_name(name.strip()) for name in source.schema_arrow.names]
        yield 0, header
        line = 0
        for batch in source.iter_batches(batch_size=1024):
            for record in batch.to_pylist():
                line += 1
                yield line, {plain_name(name.strip()): cell for name, cell in record.items()}
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        raise PersonError(
            "bad-parquet", expected="a whole Parquet file", got=f"{path}: {str(error)[:200]}",
            fix="write the file again",
        ) from error  # fmt: skip


class _Lines:
    """Lines of a text file with their limit, and a message that names the line where the encoding breaks."""

    def __init__(self, stream, path: Path):
        self.stream, self.path, self.number = stream, path, 0
        self.waiting: list[str] = []

    def __iter__(self) -> "_Lines":
        return self

    def put_back(self, line: str) -> None:
        self.waiting.append(line)

    def __next__(self) -> str:
        if self.waiting:
            return self.waiting.pop()
        self.number += 1
        try:
            line = self.stream.readline(LONGEST_LINE)
        except UnicodeDecodeError as error:
            raise PersonError(
                "wrong-encoding", expected=f"UTF-8 text in {self.path}",
                got=f"the byte {error.object[error.start]:#04x} at or soon after line {self.number}",
                fix="save the table again as UTF-8 (in Excel: CSV UTF-8)",
            ) from error  # fmt: skip
        if len(line) >= LONGEST_LINE:
            raise PersonError(
                "line-too-long", expected=f"lines of at most {LONGEST_LINE:,} characters in {self.path}",
                got=f"a longer one, line {self.number}", fix="write one row a line",
            )  # fmt: skip
        if not line:
            raise StopIteration
        return line


FILES_WANTED = "rows that name an existing file and its target"


def bad_row(
    path: Path, line: int, column: str, damage: Damage, count: int, *, wanted: str = FILES_WANTED
) -> PersonError:
    place = f'{path}, line {line}, column "{column}"' if column else f"{path}, line {line}"
    others = f" ({count} bad rows in all)" if count > 1 else ""
    return PersonError(
        "bad-row",
        expected=wanted,
        got=f"{place}: {damage.reason}, {damage.detail}{others}",
        fix="mend the row, or leave bad rows out with --bad skip"
        + ("; files are looked for in the table's folder" if wanted == FILES_WANTED else ""),
    )


def no_rows(path: Path) -> PersonError:
    return PersonError(
        "empty-table",
        expected=f"a header and rows in {path}",
        got="no row that can be used",
        fix="write a line of column names, then one row an example",
    )
