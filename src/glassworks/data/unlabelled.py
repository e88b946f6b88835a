"""The door for pictures without labels: every shape of data that is known, and folders of any arrangement.

What labels there are is left aside, and that is said. A folder needs no class folders here: all pictures
below it are taken, and only the folders train, val and test at its top still mean parts.

The first thing to change: `ONLY_CLASSES`, what is wrong with a folder only where classes are wanted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from glassworks.core.cache import cache_folder
from glassworks.core.errors import PersonError
from glassworks.core.files import sha256_of
from glassworks.core.rows import PictureTable
from glassworks.data.archives import is_archive_name
from glassworks.data.classes import part_of
from glassworks.data.doors import open_pictures
from glassworks.data.folders import unlabelled_folder

ONLY_CLASSES = (
    "no-class-folders", "single-class", "empty-class", "class-names-differ-by-case", "class-not-in-training",
    "no-training-part",
)  # fmt: skip


@dataclass(frozen=True)
class Unlabelled(PictureTable):
    """A table of kind "none". labelled: the same rows with their targets where they have any; these are not
    learned from, but divide the rows into the same parts as a classifier's run has with the same seed."""

    labelled: PictureTable | None = None

    def select(self, rows: Sequence[int] | np.ndarray) -> "Unlabelled":
        labelled = None if self.labelled is None else self.labelled.select(rows)
        return Unlabelled(**vars(super().select(rows)) | {"labelled": labelled})


def open_unlabelled(
    where: str | Path,
    *,
    file: str | None = None,
    group: str | None = None,
    bad: Literal["stop", "skip"] = "stop",
) -> Unlabelled:
    """The pictures that `where` names, kind "none". Arguments and errors as those of `open_pictures`."""
    try:
        table = open_pictures(where, file=file, group=group, bad=bad)
    except PersonError as error:
        folder = _folder_of(Path(where).expanduser()) if error.code in ONLY_CLASSES else None
        if folder is None:
            raise
        table = _with_parts(unlabelled_folder(folder, where=str(where)))
    if table.kind == "label" and all(part_of(name) for name in table.classes):
        table = _with_parts(replace(table, kind="none", classes=()))  # train, val and test are no classes
    aside = {"label": "classes", "labels": "labels", "number": "numbers", "captions": "captions"}
    notes = table.notes
    if table.kind in aside:
        notes += (f"its {aside[table.kind]} are left aside: this learns from the pictures alone",)
    bare = {"kind": "none", "targets": np.empty(0, np.int64), "classes": (), "texts": None, "notes": notes}
    return Unlabelled(**vars(table) | bare | {"labelled": table if table.kind in aside else None})


def _folder_of(path: Path) -> Path | None:
    """The folder of pictures that was named, or that an archive was unpacked into."""
    if path.is_file() and is_archive_name(path):
        path = cache_folder() / "unpacked" / sha256_of(path)[:40]
    return path if path.is_dir() else None


def _with_parts(table: PictureTable) -> PictureTable:
    """The table with the parts that its top folders name, where every picture lies in such a folder."""
    tops = [PurePosixPath(name).parts for name in table.names]
    parts = tuple(part_of(top[0]) or "" if len(top) > 1 else "" for top in tops)
    return replace(table, parts=parts) if all(parts) and "train" in parts else table
