"""Pictures in arrays: IDX files (the form of MNIST) and NumPy's .npz.

Both are read as plain numbers and never unpickled. What a header claims is compared with what the file holds
before memory is taken; shapes, counts and values that cannot be pictures are refused with what was found.

Source: IDX is described on the MNIST page (Y. LeCun, C. Cortes, C. Burges), .npz in NumPy's `lib.format`.
The first thing to change: `IMAGE_KEYS` and `LABEL_KEYS`, the names under which arrays are looked for.
"""

import gzip
import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.files import readable_size
from glassworks.core.rows import Kind, PictureTable
from glassworks.data.classes import class_problems, part_of, shortened, sorted_names
from glassworks.data.tables_kind import Labels

IDX_KINDS = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
IMAGE_KEYS = ("images", "x", "pictures", "image", "data")
LABEL_KEYS = ("labels", "y", "targets", "label", "target")
NAME_KEYS = ("classes", "class_names", "label_names")
MOST_BYTES = 4 * 1024**3
CONVERT = (
    "load it where it was made and save plain arrays: numpy.savez_compressed('data.npz', images=…, labels=…)"
)


# ---- IDX


def read_idx(path: str | Path) -> np.ndarray:
    """One IDX file, packed with gzip or not, as an array of the shape in its header.

    Raises PersonError("damaged-idx") when the magic number, the header or the size is not right.
    """
    path = Path(path)
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path, "rb") if packed else path.open("rb") as stream:
            head = stream.read(4)
            if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in IDX_KINDS or not 1 <= head[3] <= 4:
                raise _bad_idx(path, f"the first bytes are {head.hex(' ') or 'missing'}")
            shape = tuple(int(size) for size in np.frombuffer(stream.read(4 * head[3]), ">u4"))
            kind = np.dtype(IDX_KINDS[head[2]])
            size = math.prod(shape) * kind.itemsize
            if len(shape) != head[3] or size > MOST_BYTES:
                raise _bad_idx(path, f"its header claims the shape {shape}")
            body = stream.read(size + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _bad_idx(path, f"the packed data is broken: {error}") from error
    if len(body) != size:
        more = "more" if len(body) > size else f"{len(body):,}"
        raise _bad_idx(path, f"the header promises {size:,} bytes for {shape}, the file holds {more}")
    return np.frombuffer(body, kind).reshape(shape)


def idx_pairs(path: str | Path) -> dict[str, tuple[Path, Path]]:
    """Pairs of picture and label files: part -> (pictures, labels). Empty when there are none.

    path: a folder, or one of the files. "train-images…" is train; "t10k-…" and "test-…" are test.
    """
    path = Path(path)
    folder = path if path.is_dir() else path.parent
    files = {file.name.lower(): file for file in sorted(folder.iterdir()) if file.is_file()}
    pairs: dict[str, tuple[Path, Path]] = {}
    for name, pictures in files.items():
        if "idx3" not in name and "idx4" not in name:
            continue
        stem = (
            name.removesuffix(".gz")
            .replace("images", "labels")
            .replace("idx3", "idx1")
            .replace("idx4", "idx1")
        )
        labels = files.get(stem) or files.get(stem + ".gz")
        if labels is None or (path.is_file() and path not in (pictures, labels)):
            continue
        word = name.split("-")[0].split("_")[0].split(".")[0]
        part = "test" if word == "t10k" else part_of(word) or ""
        if part not in pairs:
            pairs[part] = (pictures, labels)
    return pairs


def read_idx_pairs(
    path: str | Path, *, classes: tuple[str, ...] = (), where: str | None = None
) -> PictureTable:
    """The pictures of an IDX folder or of one pair of files. classes: names for labels 0, 1, …"""
    pairs = idx_pairs(path)
    if not pairs:
        raise PersonError(
            "no-idx-pair",
            expected="files of pictures and labels side by side (…-images-idx3-ubyte, …-labels-idx1-ubyte)",
            got=f"no such pair at {path}",
            fix="put both files into one folder, with the names they were published under",
        )
    parts = {part: (read_idx(pictures), read_idx(labels)) for part, (pictures, labels) in pairs.items()}
    if len(parts) == 1:
        parts = {"": next(iter(parts.values()))}
    return table_of_arrays(parts, where=where or str(path), names=classes)


def _bad_idx(path: Path, got: str) -> PersonError:
    return PersonError(
        "damaged-idx", expected="an IDX file: magic number, sizes, and as many values as they say",
        got=f"{path}: {got}", fix="fetch the file again",
    )  # fmt: skip


# ---- .npz


def read_npz(
    path: str | Path, *, target: str | None = None, group: str | None = None, labels: Labels = "auto"
) -> PictureTable:
    """Pictures and targets of an .npz file, with or without parts.

    Names: images/labels, x/y, x_train/y_train/x_test/y_test, train_images/train_labels/val_images/….
    target, group: other array names. Raises PersonError: "damaged-npz", "object-array", "no-such-array", …
    """
    path = Path(path)
    shapes = _npz_shapes(path)
    chosen = _choose(path, list(shapes), target)
    with np.load(path, allow_pickle=False) as file:
        names = next((tuple(map(str, file[key])) for key in NAME_KEYS if key in shapes), ())
        parts = {part: (file[pictures], file[answers]) for part, (pictures, answers) in chosen.items()}
        groups = None
        if group is not None:
            if group not in shapes:
                raise _no_array(path, f'an array "{group}"', list(shapes), group)
            groups = [str(value) for value in file[group]]
    return table_of_arrays(parts, where=str(path), names=names, labels=labels, groups=groups)


def _npz_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes in the headers; refuses objects and sizes that lie before an array is made."""
    shapes: dict[str, tuple[int, ...]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                with archive.open(info) as stream:
                    version = np.lib.format.read_magic(stream)
                    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else None
                    shape, _, kind = (read or np.lib.format.read_array_header_2_0)(stream)
                    size = math.prod(shape) * kind.itemsize + stream.tell()
                if kind.hasobject:
                    raise PersonError(
                        "object-array", expected="arrays of numbers or of plain text",
                        got=f'{path}: "{info.filename}" holds Python objects, which could run code',
                        fix="make each array plain first (all pictures of one size, labels as numbers or "
                        "words), then " + CONVERT,
                    )  # fmt: skip
                if size != info.file_size or size > MOST_BYTES:
                    raise ValueError(f"{info.filename} claims {readable_size(size)}")
                shapes[info.filename.removesuffix(".npy")] = shape
    except (zipfile.BadZipFile, ValueError, EOFError, zlib.error, NotImplementedError, RuntimeError) as error:
        raise PersonError(
            "damaged-npz", expected="a whole .npz file", got=f"{path}: {error}",
            fix="save it again with numpy.savez_compressed",
        ) from error  # fmt: skip
    return shapes


def _choose(path: Path, keys: list[str], target: str | None) -> dict[str, tuple[str, str]]:
    """part -> (name of the pictures, name of the targets)."""
    lowered = {key.casefold(): key for key in keys}
    if target is not None and target not in keys:
        raise _no_array(path, f'an array "{target}"', keys, target)
    found: dict[str, tuple[str, str]] = {}
    for name, key in lowered.items():
        words = name.replace("-", "_").split("_")
        part = next((part for part in map(part_of, words) if part), "")
        rest = "_".join(word for word in words if part_of(word) is None)
        if rest not in IMAGE_KEYS:
            continue
        answers = [lowered[other] for other in lowered if _matches(other, part, LABEL_KEYS)]
        if target is not None and part == "":
            answers = [target]
        if not answers:
            raise _no_array(path, f'targets for "{key}" ({", ".join(LABEL_KEYS[:3])})', keys)
        found[part] = (key, answers[0])
    if not found:
        raise _no_array(path, "pictures under the name images or x, or x_train, x_test", keys)
    if len(found) > 1:
        found.pop("", None)
    return {"": next(iter(found.values()))} if list(found) == ["train"] else found


def _matches(name: str, part: str, wanted: tuple[str, ...]) -> bool:
    words = name.replace("-", "_").split("_")
    theirs = next((part for part in map(part_of, words) if part), "")
    return theirs == part and "_".join(word for word in words if part_of(word) is None) in wanted


def _no_array(path: Path, expected: str, keys: list[str], word: str = "") -> PersonError:
    return PersonError(
        "no-such-array", expected=f"{expected} in {path}", got=f"the arrays {shortened(keys, 12)}",
        fix=did_you_mean(word, keys) if word and keys else "save them as images and labels: " + CONVERT,
    )  # fmt: skip


# ---- arrays to rows


def table_of_arrays(
    parts: Mapping[str, tuple[np.ndarray, np.ndarray]],
    *,
    where: str,
    names: tuple[str, ...] = (),
    labels: Labels = "auto",
    groups: list[str] | None = None,
    notes: tuple[str, ...] = (),
) -> PictureTable:
    """Rows from arrays. parts: part ("" when unsplit) -> (pictures, targets); names: of the classes 0, 1, …

    Pictures (n, height, width), (n, height, width, channels) or (n, channels, height, width) of uint8,
    fractions 0 … 1, numbers 0 … 255 or 16 bits. Targets (n,), (n, 1) or (n, classes).
    """
    order = [part for part in ("", "train", "val", "test") if part in parts]
    pictures = {part: _as_bytes(parts[part][0], f"{where}{_of(part)}") for part in order}
    answers = {part: np.asarray(parts[part][1]) for part in order}
    for part in order:
        if len(answers[part]) != len(pictures[part]):
            raise PersonError(
                "wrong-count", expected=f"as many targets as pictures in {where}{_of(part)}",
                got=f"{len(pictures[part]):,} pictures and {len(answers[part]):,} targets",
                fix="save both from the same rows",
            )  # fmt: skip
    kind, targets, classes = _targets(answers, where, names, labels)
    rows = [(part, number) for part in order for number in range(len(pictures[part]))]
    if groups is not None and len(groups) != len(rows):
        raise PersonError("wrong-count", expected=f"{len(rows):,} groups in {where}", got=f"{len(groups):,}",
                          fix="give each row its group")  # fmt: skip
    return PictureTable(
        where=where,
        names=tuple(f"{part}/{number:05d}" if part else f"{number:05d}" for part, number in rows),
        sources=[picture for part in order for picture in pictures[part]],
        kind=kind,
        targets=targets,
        classes=classes,
        parts=tuple(part for part, _ in rows),
        groups=None if groups is None else tuple(groups),
        notes=notes,
    )


def _of(part: str) -> str:
    return f" ({part})" if part else ""


def _as_bytes(pictures: np.ndarray, where: str) -> np.ndarray:
    """uint8 (n, height, width) or (n, height, width, channels)."""
    shape = pictures.shape
    if pictures.ndim == 4 and shape[3] not in (1, 3, 4) and shape[1] in (1, 3):
        pictures = np.moveaxis(pictures, 1, 3)
    if (
        pictures.ndim not in (3, 4)
        or (pictures.ndim == 4 and pictures.shape[3] not in (1, 3, 4))
        or 0 in shape
    ):
        raise _bad_pictures(where, f"the shape {shape}", "reorder the axes")
    if pictures.dtype == np.uint8:
        return np.ascontiguousarray(pictures)
    if pictures.dtype == np.bool_:
        return pictures.astype(np.uint8) * 255
    if pictures.dtype.kind not in "iuf":
        raise _bad_pictures(where, f"values of type {pictures.dtype}", "save them as uint8")
    if pictures.dtype.kind == "f" and not np.isfinite(pictures).all():
        count = int((~np.isfinite(pictures)).any(axis=tuple(range(1, pictures.ndim))).sum())
        raise _bad_pictures(
            where, f"NaN or infinite values in {count} picture(s)", "leave these pictures out"
        )
    low, high = float(pictures.min()), float(pictures.max())
    if low >= 0 and pictures.dtype.kind == "f" and high <= 1:
        return np.rint(pictures * 255).astype(np.uint8)
    if low >= 0 and high <= 255:
        return np.rint(pictures).astype(np.uint8)
    if low >= 0 and high <= 65535 and pictures.dtype.kind in "iu":
        return ((pictures.astype(np.uint32) + 128) // 257).astype(np.uint8)
    raise _bad_pictures(
        where, f"values from {low:g} to {high:g}", "scale them to 0 … 255 and save them as uint8"
    )


def _bad_pictures(where: str, got: str, fix: str) -> PersonError:
    return PersonError(
        "bad-pictures",
        expected=f"pictures in {where}: (n, height, width[, 1, 3 or 4]) or (n, channels, height, width), "
        "as 0 … 255, fractions 0 … 1 or 16 bits",
        got=got,
        fix=fix,
    )


def _targets(
    answers: dict[str, np.ndarray], where: str, names: tuple[str, ...], labels: Labels
) -> tuple[Kind, np.ndarray, tuple[str, ...]]:
    try:
        values = np.concatenate([_flat(array) for array in answers.values()])
    except ValueError as error:
        raise _bad_targets(where, f"different shapes in different parts: {error}") from error
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise _bad_targets(where, f"{int((~np.isfinite(values)).sum())} values that are NaN or infinite")
    if values.dtype.kind not in "iufUSb" or values.ndim > 2:
        raise _bad_targets(where, f"an array of {values.dtype} with shape {values.shape}")
    if values.ndim == 2:
        if not np.isin(values, (0, 1)).all():
            raise _bad_targets(where, f"shape {values.shape} with other values than 0 and 1")
        columns = names if len(names) == values.shape[1] else tuple(map(str, range(values.shape[1])))
        if labels != "auto" or not (values.sum(1) == 1).all():
            return "labels", values.astype(bool), columns
        values, names = values.argmax(1), columns  # one 1 in each row is one class a picture
    elif labels == "number" or (labels == "auto" and values.dtype.kind == "f" and (values % 1 != 0).any()):
        return "number", values.astype(np.float64), ()
    return _classes(values, {part: len(array) for part, array in answers.items()}, where, names)


def _classes(
    values: np.ndarray, counts: dict[str, int], where: str, names: tuple[str, ...]
) -> tuple[Kind, np.ndarray, tuple[str, ...]]:
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8")
    if values.dtype.kind in "fb":
        values = values.astype(np.int64)
    different, inverse = np.unique(values, return_inverse=True)
    words = [str(value) for value in different]
    counted = values.dtype.kind != "U" and len(names) and different[0] >= 0 and different[-1] < len(names)
    if counted:
        words = [names[int(value)] for value in different]
    present, start = {}, 0
    for part, count in counts.items():
        present[part] = {words[index] for index in np.unique(inverse[start : start + count])}
        start += count
    problems = class_problems(present, where)
    if problems:
        raise problems[0]
    classes = names if counted else sorted_names(words)
    place = {word: number for number, word in enumerate(classes)}
    return "label", np.array([place[word] for word in words], dtype=np.int64)[inverse], classes


def _flat(array: np.ndarray) -> np.ndarray:
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _bad_targets(where: str, got: str) -> PersonError:
    return PersonError(
        "bad-targets", expected=f"targets in {where}: (n,) classes or numbers, or (n, classes) of 0 and 1",
        got=got, fix="save one target a picture",
    )  # fmt: skip


# ---- what is never read


def refuse_pickle(path: Path) -> None:
    """Raise PersonError("pickle-refused") for files that could run code when they are opened."""
    with path.open("rb") as file:
        head = file.read(256)
    ending = path.suffix.lower()
    objects = head.startswith(b"\x93NUMPY") and b"'|O" in head
    known = ending in (".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib", ".dill")
    if known or objects or (head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")):
        raise _refused_pickle(path)


def _refused_pickle(path: Path) -> PersonError:
    got = "a pickle, which could run any code when it is opened; it was not opened"
    return PersonError(
        "pickle-refused", expected="a folder, a table, or plain arrays", got=f"{path}: {got}", fix=CONVERT
    )
