"""The door to a person's pictures: one function, whatever they have.

It looks at what was named, takes the reader that fits, and when none does, says what it saw and which shapes
it knows. Archives are unpacked into the cache under their digest; nothing is ever unpickled.

The first thing to change: `SHAPES`, when a reader is added.
"""

from dataclasses import replace
from pathlib import Path
from typing import Literal

from glassworks.core.cache import cache_folder, keep_within_limit, touch
from glassworks.core.errors import PersonError
from glassworks.core.files import readable_size, sha256_of
from glassworks.core.rows import PictureTable
from glassworks.data import arrays, captions, folders, tables, tables_records
from glassworks.data.archives import is_archive_name, unpack
from glassworks.data.decode import is_picture_name

SHAPES = (
    "a folder with a folder of pictures for each class (with or without train/val/test above them)",
    "a .csv, .jsonl or .parquet table with a file column and a target column",
    "captions: metadata.jsonl with file_name and text, a table with both, or a .txt beside each picture",
    "an .npz with images and labels",
    "IDX files such as MNIST's",
    "a .zip or .tar.gz of one of these",
    "sample, sample:NAME, torchvision:NAME or hf:org/name",
)


def open_pictures(
    where: str | Path,
    *,
    target: str | None = None,
    file: str | None = None,
    group: str | None = None,
    labels: Literal["auto", "label", "labels", "number", "captions", "none"] = "auto",
    bad: Literal["stop", "skip"] = "stop",
) -> PictureTable:
    """The pictures and targets that `where` names, one row each.

    where: "sample", "sample:NAME", "torchvision:NAME", "hf:org/name[:split]", or a path: class folders, a
        table, an .npz, IDX files, or an archive of these
    target, file, group: columns (or arrays of an .npz); guessed where not given, groups never
    labels: how targets are read: "label" one class, "labels" several, "number", "captions" (texts), or "auto"
    bad: "stop" at rows of a table that cannot be used, or "skip" them into `damaged`
    Raises PersonError with what was expected, what came and what to do.
    """
    for word, value, allowed in (
        ("labels", labels, ("auto", "label", "labels", "number", "captions")), ("bad", bad, ("stop", "skip")),
    ):  # fmt: skip
        if value not in allowed:
            raise ValueError(f"{word} is one of {', '.join(allowed)}, not {value!r}")
    table = _named(str(where), target, file) if isinstance(where, str) else None
    if table is None:
        table = _path(Path(where).expanduser(), target, file, group, labels, bad)
    elif group is not None:
        raise _no_columns(str(where), "--group", group)
    if labels == "captions" and table.kind != "captions":
        raise captions.no_captions(Path(where))
    return replace(table, where=str(where))


def _named(where: str, target: str | None, file: str | None) -> PictureTable | None:
    """The table of a name, or None for a path. Heavy readers are imported only here."""
    kind, _, name = where.partition(":")
    if kind == "hf" and name:
        from glassworks.data.hub import hub_table

        return hub_table(name, target=target, file=file)
    if where != "sample" and not (kind in ("sample", "torchvision") and name):
        return None
    for flag, value in (("--target", target), ("--file", file)):
        if value is not None:
            raise _no_columns(where, flag, value)
    if kind == "torchvision":
        from glassworks.data.names import torchvision_table

        return torchvision_table(name)
    from glassworks.data.samples import sample_table

    table = sample_table(name or "digits")
    if not isinstance(table, PictureTable):
        raise PersonError(
            "other-sample", expected="a sample of pictures", got=f"{where}, a sample of other data",
            fix="see `glassworks samples` for what each holds and which system learns from it",
        )  # fmt: skip
    return table


def _path(path: Path, target, file, group, labels, bad, *, packed: bool = False) -> PictureTable:
    if str(path).startswith(("http:", "https:")):
        raise PersonError(
            "not-a-path", expected="a path or a public name", got=f"the address {path}",
            fix="fetch the file with your browser and name it here",
        )  # fmt: skip
    if not path.exists():
        raise folders.missing_path(path)
    if path.is_dir():
        return _folder(path, target, file, group, labels, bad, packed=packed)
    if _is_captioned(path, target, labels):
        return captions.read_captions(path, text=target, file=file, group=group, bad=bad)
    if path.suffix.lower() in tables_records.ENDINGS:
        arrays.refuse_pickle(path)
        return tables.read_table(path, target=target, file=file, group=group, labels=labels, bad=bad)
    if path.suffix.lower() == ".npz":
        return arrays.read_npz(path, target=target, group=group, labels=labels)
    if is_archive_name(path) and not packed:
        return _archive(path, target, file, group, labels, bad)
    if arrays.idx_pairs(path):
        return arrays.read_idx_pairs(path)
    arrays.refuse_pickle(path)
    raise _unknown(path)


def _folder(path: Path, target, file, group, labels, bad, *, packed: bool) -> PictureTable:
    if not folders.visible_folders(path) and arrays.idx_pairs(path):
        return arrays.read_idx_pairs(path)
    here = [entry for entry in sorted(path.iterdir()) if not entry.name.startswith(".")]
    lists = [entry for entry in here if entry.suffix.lower() in tables_records.ENDINGS]
    lists = [entry for entry in lists if file is not None or tables.has_file_column(entry)]
    asked = (target, file, group) != (None, None, None)
    problems = folders.folder_problems(path)
    if labels == "captions" or (problems and _is_captioned(path, target, labels)):
        inner = folders.visible_folders(path)
        if packed and len(inner) == 1 and not captions.has_captions(path):
            path = inner[0]  # archives mostly hold one folder
        return captions.read_captions(path, text=target, file=file, group=group, bad=bad)
    if len(lists) == 1 and (asked or problems):
        table = tables.read_table(lists[0], target=target, file=file, group=group, labels=labels, bad=bad)
        return replace(table, notes=(f"read the table {lists[0].name} in that folder", *table.notes))
    inner = folders.visible_folders(path)
    if packed and problems and len(inner) == 1:
        # Archives mostly hold one folder, which is no class.
        return _folder(inner[0], target, file, group, labels, bad, packed=True)
    npz = [entry for entry in here if entry.suffix.lower() == ".npz"]
    if packed and problems and len(npz) == 1:
        return arrays.read_npz(npz[0], target=target, group=group, labels=labels)
    for flag, value in (("--target", target), ("--file", file), ("--group", group)):
        if value is not None:
            raise _no_columns(str(path), flag, value)
    if labels in ("labels", "number"):
        raise PersonError(
            "no-columns", expected=f"a table for labels={labels}", got=f"class folders in {path}",
            fix="list files and targets in a .csv table and name that",
        )  # fmt: skip
    return folders.read_folder(path)


def _is_captioned(path: Path, target: str | None, labels: str) -> bool:
    """Whether captions were asked for, or are all there is and nothing else was."""
    if labels == "captions":
        return path.suffix.lower() in captions.TABLES or path.is_dir()
    return labels == "auto" and target is None and captions.has_captions(path)


def _archive(path: Path, target, file, group, labels, bad) -> PictureTable:
    """Unpacked once into the cache, under the archive's digest."""
    into = cache_folder() / "unpacked" / sha256_of(path)[:40]
    if into.is_dir():
        touch(into)
    else:
        unpack(path, into)
        keep_within_limit(besides=into)
    return _path(into, target, file, group, labels, bad, packed=True)


def _no_columns(where: str, flag: str, value: str) -> PersonError:
    return PersonError(
        "no-columns", expected=f"a table, of which {flag} names a column", got=f"{where}, without columns",
        fix=f"leave {flag} {value} away, or name a .csv or .jsonl table",
    )  # fmt: skip


def _unknown(path: Path) -> PersonError:
    with path.open("rb") as stream:
        head = stream.read(8)
    size = readable_size(path.stat().st_size)
    seen = f"{path}, {size}, which begins with the bytes {head.hex(' ') or '(none)'}"
    fix = "bring it into one of these shapes"
    if is_picture_name(path):
        seen, fix = f"the single picture {path}", "name the folder above its class folder"
    elif path.suffix.lower() == ".json":
        fix = "write one JSON object a line and call the file .jsonl"
    elif path.suffix.lower() in (".xlsx", ".xls", ".ods"):
        fix = "save the sheet as CSV (UTF-8)"
    elif path.suffix.lower() == ".npy":
        fix = "save pictures and labels together: numpy.savez_compressed('data.npz', images=…, labels=…)"
    elif path.suffix.lower() in (".rar", ".7z"):
        fix = "unpack it and name the folder"
    return PersonError("unknown-shape", expected="; ".join(SHAPES), got=seen, fix=fix)
