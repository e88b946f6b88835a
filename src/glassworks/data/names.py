"""Public names: "torchvision:CIFAR10", fetched once when there is a network.

Whatever is read here is numbers, text or pictures. Data that is published as pickles is not opened: CIFAR is
read from its binary form, the MNIST family from its IDX files; the other names are those that torchvision
reads from plain files. A data set is fetched aside and renamed when it is whole, so a broken download leaves
nothing behind; without a network, files placed by hand in the folder that the message names are used.

Source: https://www.cs.toronto.edu/~kriz/cifar.html for the binary records.
The first thing to change: `PLAIN`, the sets that torchvision reads without unpickling.
"""

import contextlib
import hashlib
import importlib
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glassworks.core.cache import cache_folder, keep_within_limit, touch
from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.files import PARTIAL, sync_folder, writing
from glassworks.core.rows import PictureTable
from glassworks.data.archives import unpack
from glassworks.data.arrays import read_idx, table_of_arrays
from glassworks.data.samples import FASHION_CLASSES

TIMEOUT = 30.0  # seconds without a byte
CHUNK = 1 << 20


@dataclass(frozen=True)
class Cifar:
    """A CIFAR set in binary form: `labels` bytes, of which the last is the class, then 3 x 32 x 32 pixels."""

    url: str
    md5: str
    folder: str
    names: str
    labels: int
    train: tuple[str, ...]
    test: tuple[str, ...]


CIFAR = {
    "CIFAR10": Cifar(
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530",
        "cifar-10-batches-bin", "batches.meta.txt", 1,
        tuple(f"data_batch_{number}.bin" for number in range(1, 6)), ("test_batch.bin",),
    ),
    "CIFAR100": Cifar(
        "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8",
        "cifar-100-binary", "fine_label_names.txt", 2, ("train.bin",), ("test.bin",),
    ),
}  # fmt: skip
IDX = {"MNIST": (), "FashionMNIST": FASHION_CLASSES, "KMNIST": ()}
# Each part with the arguments that torchvision wants. Looked through for unpickling: none of these does.
PLAIN: dict[str, dict[str, dict[str, Any]]] = {
    "STL10": {"train": {"split": "train"}, "test": {"split": "test"}},
    "SVHN": {"train": {"split": "train"}, "test": {"split": "test"}},
    "EuroSAT": {"": {}},
    "Flowers102": {part: {"split": part} for part in ("train", "val", "test")},
    "Food101": {"train": {"split": "train"}, "test": {"split": "test"}},
    "OxfordIIITPet": {"train": {"split": "trainval"}, "test": {"split": "test"}},
    "DTD": {part: {"split": part} for part in ("train", "val", "test")},
    "GTSRB": {"train": {"split": "train"}, "test": {"split": "test"}},
    "Country211": {"train": {"split": "train"}, "val": {"split": "valid"}, "test": {"split": "test"}},
    "Imagenette": {
        "train": {"split": "train", "size": "160px"}, "test": {"split": "val", "size": "160px"},
    },
    "FGVCAircraft": {part: {"split": part} for part in ("train", "val", "test")},
    "RenderedSST2": {part: {"split": part} for part in ("train", "val", "test")},
}  # fmt: skip
KNOWN = (*IDX, *CIFAR, *PLAIN)


def torchvision_table(name: str) -> PictureTable:
    """A public set by torchvision's name. Raises PersonError: "no-such-name", "offline", "digest-differs"."""
    if name not in KNOWN:
        raise PersonError(
            "no-such-name", expected="a picture set that is read without unpickling",
            got=f'"torchvision:{name}"', fix=did_you_mean(name, KNOWN),
        )  # fmt: skip
    where = f"torchvision:{name}"
    if name in IDX:
        return _idx(name, where)
    return _cifar(name, where) if name in CIFAR else _plain(name, where)


def downloads(name: str) -> Path:
    """Where a public set is kept, and where a person without a network places its files."""
    return cache_folder() / "downloads" / name


# ---- fetching


@contextlib.contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """Yield a folder aside that becomes `folder` when the block ends without an error."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=PARTIAL, dir=folder.parent))
    try:
        yield aside
        if not folder.exists():
            aside.rename(folder)
            sync_folder(folder.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    keep_within_limit(besides=folder)


def _must_fetch(folder: Path, wanted: str, there: bool) -> bool:
    """Whether to fetch; a folder that holds something else is the person's, and is not overwritten."""
    if there:
        return False
    if folder.is_dir() and any(folder.iterdir()):
        raise _incomplete(folder, wanted)
    if folder.is_dir():
        folder.rmdir()
    return True


def fetch_file(urls: list[str], path: Path, md5: str, *, by_hand: str) -> None:
    """Fetch a file from the first address that answers, whole and with the right MD5, or not at all.

    by_hand: where the person puts it when there is no network
    """
    troubles = []
    for url in urls:
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT) as answer, writing(path) as aside:
                digest = hashlib.md5(usedforsecurity=False)
                with aside.open("wb") as file:
                    while chunk := answer.read(CHUNK):
                        digest.update(chunk)
                        file.write(chunk)
                if digest.hexdigest() != md5:
                    raise PersonError(
                        "digest-differs", expected=f"{path.name} with the MD5 {md5}",
                        got=f"{digest.hexdigest()} from {url}; it was not kept", fix="try again later",
                    )  # fmt: skip
            return
        except (TimeoutError, OSError, urllib.error.URLError) as error:
            troubles.append(f"{url}: {getattr(error, 'reason', error)}")
    raise offline(path.name, by_hand, "; ".join(troubles))


def offline(what: str, by_hand: str, trouble: str) -> PersonError:
    """The error for a set that is not here and cannot be fetched."""
    return PersonError(
        "offline",
        expected=f"{what} from the network, or placed by hand",
        got=trouble or "no network",
        fix=f"connect and try again; or put {by_hand}; or use --data sample, which needs no network",
    )


# ---- the MNIST family and CIFAR


def _idx(name: str, where: str) -> PictureTable:
    folder = downloads(name)
    files = {
        part: [f"{stem}-images-idx3-ubyte", f"{stem}-labels-idx1-ubyte"]
        for part, stem in (("train", "train"), ("test", "t10k"))
    }
    wanted = [file for pair in files.values() for file in pair]
    if _must_fetch(folder, ", ".join(wanted), all(_either(folder, file) for file in wanted)):
        published = getattr(_torchvision(), name)  # its addresses and digests are written there
        with _whole(folder) as aside:
            for file, md5 in published.resources:
                urls = [mirror.rstrip("/") + "/" + file for mirror in published.mirrors]
                fetch_file(urls, aside / file, md5, by_hand=f"{', '.join(wanted)} (or .gz) into {folder}")
    touch(folder)
    parts = {}
    for part, pair in files.items():
        pictures, labels = (_either(folder, file) for file in pair)
        if pictures is None or labels is None:
            raise _incomplete(folder, ", ".join(wanted))
        parts[part] = (read_idx(pictures), read_idx(labels))
    return table_of_arrays(parts, where=where, names=IDX[name])


def _either(folder: Path, file: str) -> Path | None:
    return next((path for path in (folder / file, folder / f"{file}.gz") if path.is_file()), None)


def _cifar(name: str, where: str) -> PictureTable:
    form, folder = CIFAR[name], downloads(name)
    archive = folder / Path(form.url).name
    inner = folder / form.folder
    if not inner.is_dir():
        if _must_fetch(folder, archive.name, archive.is_file()):
            by_hand = f"{archive.name} into {folder}"
            with _whole(folder) as aside:
                fetch_file([form.url], aside / archive.name, form.md5, by_hand=by_hand)
        with _whole(inner) as aside:
            unpacked = unpack(archive, aside / "all") / form.folder
            for file in unpacked.iterdir() if unpacked.is_dir() else ():
                file.rename(aside / file.name)
            shutil.rmtree(aside / "all")
    touch(folder)
    try:
        lines = (inner / form.names).read_text(encoding="utf-8").split()
        parts = {
            part: _records([inner / file for file in files], form.labels)
            for part, files in (("train", form.train), ("test", form.test))
        }
    except FileNotFoundError as error:
        raise _incomplete(folder, f"{form.folder}/{Path(error.filename).name}") from error
    return table_of_arrays(parts, where=where, names=tuple(lines))


def _records(files: list[Path], labels: int) -> tuple[np.ndarray, np.ndarray]:
    """CIFAR's records: `labels` bytes and 3,072 of pixels, red, green, blue planes of 32 x 32."""
    length = labels + 3072
    raw = [np.fromfile(file, dtype=np.uint8) for file in files]
    for file, content in zip(files, raw):
        if len(content) == 0 or len(content) % length:
            raise PersonError(
                "damaged-records", expected=f"records of {length:,} bytes in {file}",
                got=f"{len(content):,} bytes", fix="remove the folder and fetch it again",
            )  # fmt: skip
    rows = np.concatenate(raw).reshape(-1, length)
    pictures = rows[:, labels:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(pictures), rows[:, labels - 1].astype(np.int64)


def _incomplete(folder: Path, wanted: str) -> PersonError:
    return PersonError(
        "incomplete-download", expected=f"{wanted} in {folder}", got="a folder without all of them",
        fix=f"add what is missing, or remove {folder} so that it is fetched again",
    )  # fmt: skip


# ---- other sets, read by torchvision


def _torchvision() -> Any:
    return importlib.import_module("torchvision.datasets")  # only now: it brings torch along


def _plain(name: str, where: str) -> PictureTable:
    folder, kind = downloads(name), getattr(_torchvision(), name)
    if _must_fetch(folder, "", folder.is_dir() and any(folder.iterdir())):
        with _whole(folder) as aside:
            try:
                for arguments in PLAIN[name].values():
                    kind(root=str(aside), download=True, **arguments)
            except (OSError, RuntimeError) as error:  # torchvision raises RuntimeError for a wrong digest
                by_hand = f"the files as torchvision lays them out into {folder}"
                raise offline(name, by_hand, str(error)) from error
    touch(folder)
    names: list[str] = []
    sources: list[Any] = []
    targets: list[int] = []
    parts: list[str] = []
    classes: tuple[str, ...] = ()
    for part, arguments in PLAIN[name].items():
        try:
            dataset = kind(root=str(folder), download=False, **arguments)
        except (RuntimeError, FileNotFoundError) as error:
            raise _incomplete(folder, f"the files of {name} as torchvision lays them out") from error
        found, answers = rows_of(dataset)
        names += [f"{part}/{row:06d}" if part else f"{row:06d}" for row in range(len(found))]
        sources, targets, parts = sources + found, targets + answers, parts + [part] * len(found)
        classes = classes or class_names(dataset, answers)
    return PictureTable(where, tuple(names), sources, "label", np.array(targets, dtype=np.int64), classes,
                        tuple(parts))  # fmt: skip


def rows_of(dataset: Any) -> tuple[list[Any], list[int]]:
    """Pictures (paths, or arrays of channels last) and class indices of one of torchvision's sets."""
    pairs = getattr(dataset, "_samples", None) or getattr(dataset, "samples", None)
    if pairs:
        return [Path(path) for path, _ in pairs], [int(label) for _, label in pairs]
    files = getattr(dataset, "_image_files", None) or getattr(dataset, "_images", None)
    if files:
        return [Path(path) for path in files], [int(label) for label in dataset._labels]
    pictures = np.ascontiguousarray(np.moveaxis(np.asarray(dataset.data), 1, -1))
    return list(pictures), [int(label) for label in dataset.labels]


def class_names(dataset: Any, answers: list[int]) -> tuple[str, ...]:
    """The names that a set brings along, otherwise its numbers."""
    names = getattr(dataset, "classes", None) or range(max(answers) + 1)
    return tuple(name if isinstance(name, str) else " ".join(map(str, np.atleast_1d(name))) for name in names)
