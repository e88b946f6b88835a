"""What a reader of the book puts into it, as a folder of this machine: pictures in classes, or one file.

    own-data/ID/set.json     whose chapter it is, and what the kind of set remembers
    own-data/ID/incoming/    files of which only a part has arrived
    own-data/ID/model.zip    what learned from it, to take along

The folder is the only state: a page that is made anew shows what lies there.
The first thing to change: the limits, which keep a page of the book quick.
"""

import json
import re
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from glassworks.core.errors import PersonError
from glassworks.core.files import write_json

PLACE, SET, INCOMING = "own-data", "set.json", "incoming"
MODEL = "model.zip"  # what is handed over
MOST_FILE, MOST_ALL = 20 * 1024**2, 200 * 1024**2  # bytes
ID = re.compile(r"[a-z0-9_-]{1,120}-\d{13}")
lock = threading.RLock()  # two pages of one chapter may show the same set


class OwnSet:
    """One set of own data, in `folder`. All methods may be called from any thread."""

    things, counted = "files", "rows"  # what a message calls its contents, and what it counts of them

    def __init__(self, folder: Path):
        self.folder = folder

    @classmethod
    def newest(cls, workspace: Path, chapter: str) -> Self | None:
        """The last set that was made in a chapter, None when there is none."""
        stem = stem_of(chapter)
        found = [own for own in all_sets(workspace) if own.id.rpartition("-")[0] == stem]
        last = max(found, key=lambda own: own.id, default=None)
        return None if last is None else cls(last.folder)

    @classmethod
    def place_for(cls, workspace: Path, chapter: str) -> Path:
        """The folder of a new set; the caller holds the lock."""
        last = cls.newest(workspace, chapter)
        now = time.time_ns() // 10**6  # never that of a set that was deleted, whose runs are still known
        number = max(now, 1 + int(last.id.rpartition("-")[2]) if last else 0)
        return workspace / PLACE / f"{stem_of(chapter)}-{number:013d}"

    @property
    def id(self) -> str:
        return self.folder.name

    def exists(self) -> bool:
        """Whether nobody has deleted the set since."""
        return (self.folder / SET).is_file()

    def require_room(self, more: int) -> None:
        """Raise PersonError when a file of `more` bytes would be too much for this page."""
        raise NotImplementedError

    def contents(self) -> Any:
        """What is in it, as JSON can hold: to notice that it has changed since a model learned from it."""
        raise NotImplementedError

    def delete(self) -> None:
        """Remove all copies and the packed model."""
        with lock:
            (self.folder / SET).unlink()  # first: a set that is half deleted is none
            shutil.rmtree(self.folder)

    def kept(self, name: str) -> dict[str, Any]:
        """What was written down beside the data under that name, {} when nothing was."""
        try:
            return json.loads((self.folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}

    def keep(self, name: str, content: dict[str, Any]) -> None:
        """Write something down beside the data, unless it was deleted meanwhile."""
        with lock:
            if self.exists():
                write_json(self.folder / name, content)

    def _read(self) -> dict[str, Any]:
        try:
            return json.loads((self.folder / SET).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise PersonError(
                "no-set", expected=f"the {self.things} that were put here",
                got=f"these {self.things} were deleted, perhaps on another page",
                fix="reload the page and drop them again",
            ) from error  # fmt: skip

    def _write(self, state: dict[str, Any]) -> None:
        write_json(self.folder / SET, state)


def all_sets(workspace: Path) -> Iterator[OwnSet]:
    """The sets of all chapters below a workspace."""
    place = workspace / PLACE
    for folder in sorted(place.iterdir()) if place.is_dir() else ():
        if ID.fullmatch(folder.name) and (folder / SET).is_file():
            yield OwnSet(folder)


def stem_of(chapter: str) -> str:
    """A chapter's address as a part of a folder's name."""
    return re.sub(r"[^a-z0-9_]+", "-", chapter.lower()).strip("-")[:120] or "chapter"
