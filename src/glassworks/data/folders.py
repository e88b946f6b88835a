"""Class folders: a folder of pictures for each class, its name is the class's name.

Two shapes are known: PATH/CLASS/…/picture.png, which is split later, and PATH/{train,val,test}/CLASS/…,
whose parts are kept. Folders inside a class belong to it. The folder is looked through once, and all
that is wrong with it is found in that look: the checker lists every problem, training stops at the first.

The first thing to change: `JUNK`, files that systems leave behind, or `classes.PART_NAMES`.
"""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.rows import PARTS, PictureTable
from glassworks.data.classes import class_problems, part_of, plain_name, shortened, sorted_names
from glassworks.data.decode import is_picture_name

JUNK = ("__macosx", "thumbs.db", "desktop.ini", "@eadir", "ehthumbs.db", "$recycle.bin")
ARRANGE = "arrange them as {0}/CLASS/picture.png, a folder for each class (or {0}/train/CLASS/…)"


@dataclass
class _Survey:
    """What one look through a folder found."""

    rows: list[tuple[str, str, str, Path]] = field(default_factory=list)  # part, class, name, file
    passed: Counter = field(default_factory=Counter)  # ending -> files that are no pictures
    empty: list[tuple[str, str]] = field(default_factory=list)  # (part, class) without a picture
    loose: int = 0  # pictures beside the class folders
    notes: list[str] = field(default_factory=list)


def read_folder(path: str | Path, *, where: str | None = None) -> PictureTable:
    """The pictures of class folders. Raises the first of `folder_problems`.

    where: what the person typed, if that was not the path
    """
    path = Path(path)
    survey, problems = _look(path)
    if problems:
        raise problems[0]
    rows = sorted(survey.rows, key=lambda row: row[2])
    classes = sorted_names({label for part, label, _, _ in rows if part in ("", "train")})
    index = {label: number for number, label in enumerate(classes)}
    return PictureTable(
        where=where or str(path),
        names=tuple(name for _, _, name, _ in rows),
        sources=[file for _, _, _, file in rows],
        kind="label",
        targets=np.array([index[label] for _, label, _, _ in rows], dtype=np.int64),
        classes=classes,
        parts=tuple(part for part, _, _, _ in rows),
        notes=tuple(_notes(survey)),
    )


def folder_problems(path: str | Path) -> list[PersonError]:
    """Everything that keeps a folder from being a training set, worst first; empty when nothing does."""
    return _look(Path(path))[1]


def unlabelled_folder(path: str | Path, *, where: str | None = None) -> PictureTable:
    """All pictures below a folder, or one picture, without targets (kind "none"): the input of `predict`."""
    path = Path(path)
    _require_path(path)
    survey = _Survey()
    if path.is_file():
        files = [path]
        names = [plain_name(path.name)]
    else:
        found = sorted(
            (plain_name(file.relative_to(path).as_posix()), file) for file in _pictures(path, survey)
        )
        names, files = [name for name, _ in found], [file for _, file in found]
    if not files:
        raise _no_pictures(path, survey)
    return PictureTable(
        where=where or str(path),
        names=tuple(names),
        sources=files,
        kind="none",
        targets=np.empty(0, dtype=np.int64),
        notes=tuple(_notes(survey)),
    )


def visible_folders(path: Path) -> list[Path]:
    """The subfolders that a person made, sorted by name."""
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not _is_junk(entry.name))


def missing_path(path: Path) -> PersonError:
    """The error for a path that does not exist, with the nearest name that does."""
    parent = path.absolute().parent
    while not parent.exists():
        path, parent = parent, parent.parent
    near = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
    hint = did_you_mean(path.name, near)
    fix = hint if hint.startswith("did you mean") else "check the spelling and the folder you are in"
    return PersonError(
        "no-such-path",
        expected="a folder or file that exists",
        got=f'no "{path.name}" in {parent}',
        fix=fix,
    )


# ---- one look through a folder


def _look(path: Path) -> tuple[_Survey, list[PersonError]]:
    survey = _Survey()
    try:
        _require_path(path)
        if path.is_file():
            raise PersonError(
                "not-a-folder", expected="a folder of class folders", got=f"the file {path}",
                fix="name the folder that holds the class folders",
            )  # fmt: skip
        parts = _part_folders(path)
    except PersonError as error:
        return survey, [error]
    for part, folder in (parts or {"": path}).items():
        _look_at_part(path, folder, part, survey)
    if not survey.rows:
        loose = survey.loose or sum(1 for _ in _pictures(path, _Survey()))
        return survey, [_without_classes(path, loose) if loose else _no_pictures(path, survey)]
    return survey, _problems(path, survey, with_parts=bool(parts))


def _look_at_part(root: Path, folder: Path, part: str, survey: _Survey) -> None:
    for entry in sorted(folder.iterdir()):
        if _is_junk(entry.name):
            survey.passed[_ending(entry)] += 1
        elif entry.is_dir():
            label = plain_name(entry.name)
            files = _pictures(entry, survey)
            if not files:
                survey.empty.append((part, label))
            for file in files:
                survey.rows.append((part, label, plain_name(file.relative_to(root).as_posix()), file))
        elif is_picture_name(entry):
            survey.loose += 1
        else:
            survey.passed[_ending(entry)] += 1


def _problems(path: Path, survey: _Survey, *, with_parts: bool) -> list[PersonError]:
    present: dict[str, set[str]] = {}
    for part, label, _, _ in survey.rows:
        present.setdefault(part, set()).add(label)
    problems = []
    if with_parts and "train" not in present:
        problems.append(
            PersonError(
                "no-training-part",
                expected=f"a folder {path}/train with class folders",
                got=f"pictures only in {shortened(sorted(present))}",
                fix=f"rename the folder with the pictures to learn from to train, or name it itself: "
                f"{path}/{min(present)}",
            )
        )
    problems += class_problems(present, str(path))
    for part, label in survey.empty:
        if part in ("", "train"):
            problems.append(_empty_class(path / part / label if part else path / label))
        else:
            survey.notes.append(f'class "{label}" has no picture in {part}')
    # An empty class beside a single full one is the cause, so it is told first.
    return sorted(problems, key=lambda problem: problem.code == "single-class")


def _part_folders(path: Path) -> dict[str, Path] | None:
    """{"train": folder, …} when the folder has train/val/test, otherwise None.

    A class may be called "train" as well (beside "bus"): a part holds folders, and its neighbours are parts.
    """
    folders = visible_folders(path)
    named = [(part_of(folder.name), folder) for folder in folders if part_of(folder.name)]
    deep = [(part, folder) for part, folder in named if visible_folders(folder)]
    if not deep or (len(deep) == 1 and len(folders) > len(named)):
        return None
    parts: dict[str, Path] = {}
    for part, folder in named:
        if part in parts:
            raise PersonError(
                "part-twice",
                expected=f"one folder for each of {', '.join(PARTS)} in {path}",
                got=f'"{parts[part].name}" and "{folder.name}", which both mean {part}',
                fix="put their pictures into one of the two, or name the other one differently",
            )
        parts[part] = folder  # type: ignore[index]
    return parts


def _pictures(folder: Path, survey: _Survey) -> list[Path]:
    """All pictures below a folder, sorted; what is no picture is counted in the survey.

    Linked folders are followed, each real folder once, so that a link to a parent ends.
    """
    files, seen = [], set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not _is_junk(name))
        for name in names:
            if not _is_junk(name) and is_picture_name(name):
                files.append(Path(place, name))
            else:
                survey.passed[_ending(Path(name))] += 1
    return sorted(files)


def _is_junk(name: str) -> bool:
    return name.startswith(".") or name.casefold() in JUNK


def _ending(path: Path) -> str:
    if _is_junk(path.name) or not path.suffix:
        return path.name if len(path.name) <= 24 else path.name[:23] + "…"
    return path.suffix.lower()


# ---- what to say


def _notes(survey: _Survey) -> list[str]:
    notes = list(survey.notes)
    if survey.passed:
        kinds = shortened(f"{ending} {count}" for ending, count in survey.passed.most_common())
        total = survey.passed.total()
        notes.append(
            f"passed over {total} {'entry' if total == 1 else 'entries'} that hold no picture: {kinds}"
        )
    if survey.loose:
        notes.append(f"left out {survey.loose} picture(s) that lie beside the class folders")
    return notes


def _require_path(path: Path) -> None:
    if not path.exists():
        raise missing_path(path)


def _no_pictures(path: Path, survey: _Survey) -> PersonError:
    if survey.passed:
        seen = "only " + shortened(f"{ending} {count}" for ending, count in survey.passed.most_common())
    elif survey.empty:
        seen = f"only empty folders ({shortened(label for _, label in survey.empty)})"
    else:
        seen = "nothing"
    return PersonError(
        "empty-folder",
        expected=f"pictures (.png, .jpg, …) in {path}",
        got=seen,
        fix="put pictures there: " + ARRANGE.format(path),
    )


def _without_classes(path: Path, count: int) -> PersonError:
    return PersonError(
        "no-class-folders",
        expected=f"class folders in {path}, so that each picture has a target",
        got=f"{count} picture(s) that lie in no class folder",
        fix=ARRANGE.format(path) + "; or list files and labels in a CSV table",
    )


def _empty_class(folder: Path) -> PersonError:
    return PersonError(
        "empty-class",
        expected=f"at least one picture in the class folder {folder}",
        got="no picture there",
        fix="put pictures into it, or remove the folder",
    )
