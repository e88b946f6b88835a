"""A reader's own pictures as files of this machine: a folder for each class, named as every disk allows.

    own-data/ID/set.json            whose chapter it is, and the classes in the order of the page
    own-data/ID/pictures/CLASS/…    copies of what was dropped, as `glassworks train --data` reads them
    own-data/ID/incoming/           files of which only a part has arrived
    own-data/ID/model.zip           what learned from them, to take along

A file is copied in pieces, decoded once to its end, and only then takes its place; what cannot be used is
refused with the decoder's own reason, so a class folder holds nothing but good pictures. The folder is the
only state: a page that is made anew shows what lies there.

The first thing to change: the limits, which keep a page of the book quick.
"""

import contextlib
import filecmp
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassworks.core.cache import cache_folder
from glassworks.core.errors import PersonError
from glassworks.core.files import readable_size, sha256_of
from glassworks.core.rows import Damage
from glassworks.data.decode import PictureFacts, damage_from, is_picture_name
from glassworks.reader.own_names import safe_class_name, safe_file_name
from glassworks.reader.own_set import MOST_ALL, MOST_FILE, OwnSet, lock

PICTURES = "pictures"
MOST_FILES, MOST_CLASSES = 500, 50
ENDINGS = {"JPEG": ".jpg", "MPO": ".jpg", "JPEG2000": ".jp2", "TIFF": ".tif"}  # where a name has none
FRESH = re.compile(r"class \d+")


@dataclass(frozen=True)
class OwnClass:
    """key: stays when the name changes; files: its pictures, sorted by name."""

    key: str
    name: str
    files: tuple[Path, ...]

    @property
    def size(self) -> int:
        """Bytes of all its pictures."""
        return sum(file.stat().st_size for file in self.files)


class OwnPictures(OwnSet):
    """One set of pictures, in `folder`. All methods may be called from any thread."""

    things = counted = "pictures"

    @classmethod
    def begin(cls, workspace: Path, chapter: str) -> "OwnPictures":
        """A new set with two classes that hold nothing yet."""
        with lock:
            own = cls(cls.place_for(workspace, chapter))
            own.pictures.mkdir(parents=True)
            own._write({"schema": 1, "chapter": chapter, "next": 1, "classes": {}})
            own.add_class("class 1")
            own.add_class("class 2")
            return own

    @property
    def pictures(self) -> Path:
        """What training reads."""
        return self.folder / PICTURES

    # ---- classes

    def classes(self) -> list[OwnClass]:
        """The classes in the order of the page."""
        with lock:
            return [
                OwnClass(key, name, _files(self.pictures / name))
                for key, name in self._read()["classes"].items()
            ]

    def of(self, key: str) -> OwnClass:
        """The class with this key. Raises PersonError("no-class")."""
        for one in self.classes():
            if one.key == key:
                return one
        raise PersonError(
            "no-class", expected="a class of this page", got="that class was removed",
            fix="reload the page to see the classes that there are",
        )  # fmt: skip

    def add_class(self, name: str = "") -> str:
        """A new class; returns its key. Without a name it is called "class 3", or the next that is free."""
        with lock:
            state = self._read()
            if len(state["classes"]) >= MOST_CLASSES:
                raise PersonError(
                    "too-many-classes", expected=f"at most {MOST_CLASSES} classes here",
                    got=f"there are {MOST_CLASSES} classes already",
                    fix="use `glassworks train --data FOLDER` in a terminal, which has no such limit",
                )  # fmt: skip
            number = len(state["classes"]) + 1
            taken = {one.casefold() for one in state["classes"].values()}
            while not name and f"class {number}" in taken:
                number += 1
            safe = self._free_name(name or f"class {number}", state, "")
            key = str(state["next"])
            (self.pictures / safe).mkdir(exist_ok=True)
            state["classes"][key], state["next"] = safe, state["next"] + 1
            self._write(state)
            return key

    def rename_class(self, key: str, name: str) -> str:
        """Give a class another name; returns the one it has now, which names its folder."""
        with lock:
            state, old = self._read(), self.of(key).name
            new = self._free_name(name, state, key)
            if new != old:
                (self.pictures / old).rename(self.pictures / new)
                state["classes"][key] = new
                self._write(state)
            return new

    def remove_class(self, key: str) -> None:
        """Remove a class with the copies of its pictures. Two rows always stay."""
        with lock:
            state, name = self._read(), self.of(key).name
            shutil.rmtree(self.pictures / name)
            del state["classes"][key]
            self._write(state)
            if len(state["classes"]) < 2:
                self.add_class()

    def class_for(self, name: str) -> str:
        """The key of the class with this name, made where there is none: for a whole folder that is dropped.

        A row that was neither named nor filled takes the name.
        """
        with lock:
            wanted = safe_class_name(name).casefold()
            for one in self.classes():
                if one.name.casefold() == wanted:
                    return one.key
            for one in self.classes():
                if FRESH.fullmatch(one.name) and not one.files:
                    self.rename_class(one.key, name)
                    return one.key
            return self.add_class(name)

    def _free_name(self, name: str, state: dict[str, Any], key: str) -> str:
        safe = safe_class_name(name)
        others = {word.casefold(): word for other, word in state["classes"].items() if other != key}
        if safe.casefold() in others:
            raise PersonError(
                "class-twice", expected="a name for each class that no other class has",
                got=f'another class is called "{others[safe.casefold()]}" already',
                fix="choose another name, or put the pictures into that class",
            )  # fmt: skip
        return safe

    # ---- pictures

    def take_in(self, key: str, arrived: Path, name: str) -> Path:
        """Move a file that has arrived whole into a class, under a name that is free.

        Raises PersonError with the reason when it is no picture that can be used, or is there already; then
        it is removed.
        """
        try:
            return self._placed(key, arrived, name)
        finally:
            arrived.unlink(missing_ok=True)

    def _placed(self, key: str, arrived: Path, name: str) -> Path:
        facts = require_picture(arrived)
        with lock:
            self.require_room(arrived.stat().st_size)
            into = self.of(key)
            twin = next((file for file in into.files if _equal(file, arrived)), None)
            if twin is not None:
                raise PersonError(
                    "picture-twice", expected="each picture once in a class",
                    got=f"it is there already as {twin.name}", fix="nothing: one copy is enough",
                )  # fmt: skip
            safe = safe_file_name(name)
            if not is_picture_name(safe):
                safe += ENDINGS.get(facts.format, f".{facts.format.lower()}")
            path = _free_path(self.pictures / into.name, safe)
            with arrived.open("rb+") as file:
                os.fsync(file.fileno())
            arrived.replace(path)
            return path

    def remove_picture(self, key: str, name: str) -> None:
        """Remove one copy; the person's own file is never touched."""
        with lock:
            for file in self.of(key).files:
                if file.name == name:
                    file.unlink()

    def require_room(self, more: int) -> None:
        """Raise PersonError when a file of `more` bytes would be too much for this page."""
        files = [file for one in self.classes() for file in one.files]
        if more > MOST_FILE:
            got = f"{readable_size(more)}, where a file may have {MOST_FILE // 1024**2} MB"
        elif len(files) >= MOST_FILES:
            got = f"one more than the {MOST_FILES} pictures that this page takes"
        elif sum(file.stat().st_size for file in files) + more > MOST_ALL:
            got = f"with it they would be more than {MOST_ALL // 1024**2} MB in all"
        else:
            return
        raise PersonError(
            "too-much", expected="no more than a page of the book can take", got=got,
            fix="leave it out here; `glassworks train --data FOLDER` in a terminal has no such limit",
        )  # fmt: skip

    def contents(self) -> dict[str, list[str]]:
        """Class -> file names: to notice that something has changed since a model learned from it."""
        return {one.name: [file.name for file in one.files] for one in self.classes()}

    def delete(self) -> None:
        """Remove all copies: the pictures, the packed model, and decoded pixels that the cache keeps."""
        with lock:
            ours = {sha256_of(file) for one in self.classes() for file in one.files}
            for facts in (cache_folder() / "pictures").glob("*/facts.json"):
                if ours & _hashes(facts):
                    shutil.rmtree(facts.parent)
            super().delete()


def require_picture(file: Path) -> PictureFacts:
    """What kind of picture a file holds. Raises PersonError with the decoder's reason when it holds none."""
    looked = damage_from(file)
    if isinstance(looked, Damage):
        raise PersonError(
            f"picture-{looked.reason}", expected="a picture that decodes to its end",
            got=f"{looked.detail} ({looked.reason})", fix="leave it out, or save it again as JPEG or PNG",
        )  # fmt: skip
    return looked[1]


def _files(folder: Path) -> tuple[Path, ...]:
    if not folder.is_dir():
        return ()
    return tuple(sorted(file for file in folder.iterdir() if file.is_file() and is_picture_name(file)))


def _free_path(folder: Path, name: str) -> Path:
    """A path in `folder` that no file has: cat.jpg, cat-2.jpg, …"""
    taken = {file.name.casefold() for file in folder.iterdir()}
    stem, ending, number = Path(name).stem, Path(name).suffix, 2
    while name.casefold() in taken:
        name, number = f"{stem}-{number}{ending}", number + 1
    return folder / name


def _equal(file: Path, other: Path) -> bool:
    return file.stat().st_size == other.stat().st_size and filecmp.cmp(file, other, shallow=False)


def _hashes(facts: Path) -> set[str]:
    """SHA-256 of the files that an entry of the cache was decoded from."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # the store mends damaged entries
        return set(json.loads(facts.read_text(encoding="utf-8"))["hashes"])
    return set()
