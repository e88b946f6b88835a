"""Files that were dropped on the workbench: copies in the reader's own folder, as they lay on the disk.

A folder that is dropped keeps its folders inside, so that pictures keep their classes; one file alone is the
data itself. Each file is written aside and renamed, and its place is made of harmless names only.

The first thing to change: MOST_FILE, for larger files than a browser should carry.
"""

import os
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from glassworks.core.errors import PersonError
from glassworks.core.files import PARTIAL, readable_size, require_space
from glassworks.reader.own_names import safe_class_name, safe_file_name

PLACE = Path("studio") / "data"
MOST_FILE = 2 * 1024**3  # bytes
DEEPEST = 8  # folders in folders


@dataclass(frozen=True)
class Drop:
    """One set of files. where: what `--data` takes: the folder, or the only file in it."""

    id: str
    name: str
    files: int
    size: int
    where: Path


class Drops:
    """All drops of a workspace."""

    def __init__(self, workspace: Path):
        self.folder = workspace / PLACE

    def begin(self, name: str) -> str:
        """A place for a new drop; its id, made of the name and the time."""
        stem = safe_class_name(name or "data").replace(" ", "-")
        id = f"{stem}-{time.time_ns() // 10**6:013d}"
        (self.folder / id).mkdir(parents=True)
        return id

    def all(self) -> list[Drop]:
        """The newest first."""
        folders = [path for path in self.folder.iterdir() if path.is_dir()] if self.folder.is_dir() else []
        return [self._drop(path) for path in sorted(folders, key=lambda path: path.name[-13:], reverse=True)]

    def find(self, id: str) -> Drop:
        """Raises PersonError("no-drop") for one that was deleted."""
        return self._drop(self._place(id))

    async def take(self, id: str, name: str, size: int, parts: AsyncIterator[bytes]) -> Path:
        """Write one file. name: its path inside the drop; size: in bytes, as announced.

        Raises PersonError for a name that leads out of the drop, a file that is too large, or ends early.
        """
        folder = self._place(id)
        path = folder.joinpath(*_inside(name))
        if not 0 <= size <= MOST_FILE:
            raise PersonError(
                "too-much", expected=f"a file of at most {readable_size(MOST_FILE)}",
                got=f"{name[:80]}: {readable_size(max(0, size))}", fix="point at its folder instead",
            )  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        require_space(path, size)
        aside = path.with_name(f".{os.urandom(6).hex()}{PARTIAL}")
        try:
            got = 0
            with aside.open("wb") as file:
                async for part in parts:
                    got += len(part)
                    if got > size:
                        break
                    file.write(part)
            if got != size:
                raise PersonError(
                    "cut-off", expected=f"{size:,} bytes of {name[:80]}", got=f"{got:,}", fix="drop it again"
                )
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
        return path

    def delete(self, id: str) -> None:
        """Remove the copies; the person's own files are never touched."""
        shutil.rmtree(self._place(id))

    def _place(self, id: str) -> Path:
        known = {path.name for path in self.folder.iterdir()} if self.folder.is_dir() else set()
        if id not in known:  # also whatever holds a slash or dots
            raise PersonError(
                "no-drop", expected="files that were dropped here", got="files that are not here any more",
                fix="drop them again",
            )  # fmt: skip
        return self.folder / id

    def _drop(self, folder: Path) -> Drop:
        files, size = [], 0
        for path in folder.rglob("*"):
            if path.is_file() and not path.name.endswith(PARTIAL):
                files.append(path)
                size += path.stat().st_size
        where = files[0] if len(files) == 1 else folder
        tops = [path for path in folder.iterdir() if not path.name.endswith(PARTIAL)]
        if len(files) > 1 and len(tops) == 1 and tops[0].is_dir():
            where = tops[0]  # one folder was dropped: that is the data, not the place around it
        return Drop(folder.name, folder.name[:-14], len(files), size, where)


def _inside(name: str) -> list[str]:
    """The folders and the file of a path that came from a browser, each as a disk can bear it."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    if not parts or ".." in parts or len(parts) > DEEPEST:
        raise PersonError(
            "bad-name", expected=f"a file in at most {DEEPEST} folders", got=f'"{name[:80]}"',
            fix="drop the folder itself",
        )  # fmt: skip
    return [*(safe_class_name(part) for part in parts[:-1]), safe_file_name(parts[-1])]
