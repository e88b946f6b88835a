"""The Hugging Face hub: "hf:org/name" or "hf:org/name:split", read by the package `datasets` (extra `hub`).

The columns with the picture and the answer are found by their kind. No code of a data set is ever run: sets
that are a script are refused by the package, and nothing here asks it to trust one. Each picture is opened
when it is asked for.

The first thing to change: `_column`, how columns are found.
"""

import importlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.rows import PictureTable
from glassworks.data.classes import class_problems, part_of
from glassworks.data.damage import NoPicture, why_no_header
from glassworks.data.decode import FORMATS, open_picture
from glassworks.data.names import offline


@dataclass
class HubPicture:
    """One row of a hub's table; the picture is opened when it is asked for. key: names it in the cache."""

    rows: Any
    column: str
    row: int
    key: tuple[str, int]

    def __call__(self) -> Image.Image:
        cell = self.rows[self.row][self.column]
        if not cell.get("bytes"):
            return open_picture(Path(cell["path"]))
        stream = io.BytesIO(cell["bytes"])
        try:
            # Only plain formats: some of Pillow's others start another program.
            return Image.open(stream, formats=[name for name in FORMATS if name in Image.OPEN])
        except Image.DecompressionBombError as error:
            raise NoPicture("too-large", str(error)) from error
        except (OSError, ValueError, SyntaxError) as error:
            raise why_no_header(stream) from error


def hub_table(name: str, *, target: str | None = None, file: str | None = None) -> PictureTable:
    """A set of the Hugging Face hub, "org/name" or "org/name:split". No code of the set is ever run.

    target, file: columns, found by their kind when not given.
    """
    try:
        datasets = importlib.import_module("datasets")
    except ImportError as error:
        raise PersonError(
            "needs-hub", expected="the package datasets, which reads the hub", got="it is not installed",
            fix="pip install 'glassworks[hub]'",
        ) from error  # fmt: skip
    name, _, only = name.partition(":")
    try:
        loaded = datasets.load_dataset(name, split=only or None)
    except Exception as error:  # many kinds: no network, no such set, a set that would run a script
        by_hand = f"a copy of the set on this disk and name its folder instead of hf:{name}"
        raise offline(f"hf:{name}", by_hand, f"{type(error).__name__}: {str(error)[:200]}") from error
    tables = {"": loaded} if only else _parts_of_hub(loaded)
    features = next(iter(tables.values())).features
    picture = _column(features, file, ("Image",), f"hf:{name}", "--file")
    answer = _column(features, target, ("ClassLabel", "Value"), f"hf:{name}", "--target")
    return _hub_rows(name, {part: rows.cast_column(picture, datasets.Image(decode=False))
                            for part, rows in tables.items()}, picture, answer)  # fmt: skip


def _parts_of_hub(loaded: Mapping[str, Any]) -> dict[str, Any]:
    tables = {part: rows for split, rows in loaded.items() if (part := part_of(split))}
    return tables if "train" in tables else {"": next(iter(loaded.values()))}


def _column(
    features: Mapping[str, Any], named: str | None, kinds: tuple[str, ...], where: str, flag: str
) -> str:
    if named is not None and named not in features:
        raise PersonError(
            "no-such-column", expected=f'a column "{named}" in {where}', got=", ".join(features),
            fix=did_you_mean(named, features),
        )  # fmt: skip
    if named is not None:
        return named
    for kind in kinds:
        found = [name for name, feature in features.items() if type(feature).__name__ == kind]
        found = [name for name in found if kind != "Value" or name in ("label", "labels", "class", "target")]
        if found:
            return found[0]
    raise PersonError(
        "no-such-column", expected=f"a column of kind {' or '.join(kinds)} in {where}",
        got=", ".join(f"{name} ({type(feature).__name__})" for name, feature in features.items()),
        fix=f"name it with {flag} COLUMN",
    )  # fmt: skip


def _hub_rows(name: str, tables: Mapping[str, Any], picture: str, answer: str) -> PictureTable:
    names: list[str] = []
    sources: list[HubPicture] = []
    cells: list[Any] = []
    parts: list[str] = []
    for part, rows in tables.items():
        names += [f"{part}/{row:06d}" if part else f"{row:06d}" for row in range(len(rows))]
        sources += [HubPicture(rows, picture, row, (rows._fingerprint, row)) for row in range(len(rows))]
        cells += list(rows[answer])
        parts += [part] * len(rows)
    feature = next(iter(tables.values())).features[answer]
    where = f"hf:{name}"
    if type(feature).__name__ == "Value" and str(feature.dtype).startswith("float"):
        return PictureTable(
            where, tuple(names), sources, "number", np.array(cells, np.float64), (), tuple(parts)
        )
    words = tuple(getattr(feature, "names", ()) or sorted({str(cell) for cell in cells}))
    index = {word: number for number, word in enumerate(words)}
    numbers = [cell if hasattr(feature, "names") else index[str(cell)] for cell in cells]
    targets = np.array(numbers, dtype=np.int64)
    present = {
        part: {words[targets[row]] for row in range(len(parts)) if parts[row] == part} for part in tables
    }
    problems = class_problems(present, where)
    if problems:
        raise problems[0]
    return PictureTable(where, tuple(names), sources, "label", targets, words, tuple(parts))
