"""Samples: real pictures that installed packages bring along, so that everything works offline.

Nothing is copied into this project. The package is found where it is installed; data packages of Debian are
also fetched on request (no administrator needed) and unpacked into the cache. A sample that is missing says
in one line how to get it.

The first thing to change: `SAMPLES`, to add one.
"""

import gzip
import importlib.util
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from glassworks.core.cache import cache_folder, keep_within_limit, touch
from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.files import PARTIAL, sync_folder
from glassworks.core.rows import PictureTable
from glassworks.data.arrays import read_idx_pairs
from glassworks.data.decode import open_picture

FASHION_CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                   "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")  # fmt: skip
NUMBER_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
STAMP_CLASSES = {
    "bird": "animals/birds", "flower": "plants/flowers", "fruit": "food/fruit",
    "mammal": "animals/mammals", "vegetable": "food/vegetables", "vehicle": "vehicles",
}  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """One sample.

    what, size, licence: for people. package: the PyPI or Debian package that holds it
    read:   makes the table from the folder of `fetch` (None for Python packages)
    inside: folder or file inside a Debian package that is kept, or "" for Python packages
    kept:   endings of the files in it that are kept
    """

    name: str
    what: str
    size: str
    licence: str
    package: str
    read: Callable[[Path], PictureTable]
    inside: str = ""
    kept: tuple[str, ...] = (".png", ".gz")

    @property
    def how(self) -> str:
        """How to get it, in one line."""
        if self.inside:
            return f"sudo apt install {self.package}, or without rights: glassworks samples fetch {self.name}"
        return f"pip install {self.package}"


def sample_table(name: str = "digits") -> PictureTable:
    """A sample's pictures. Raises PersonError("no-such-sample") or ("sample-missing") with how to get it."""
    sample = _known(name)
    folder = _found(sample)
    if folder is None:
        raise _missing(sample)
    return sample.read(folder)


def is_here(name: str) -> bool:
    """Whether a sample can be used without fetching anything."""
    return _found(_known(name)) is not None


def fetch(name: str) -> Path:
    """The folder that holds a sample, fetched with apt-get where it is a missing Debian package.

    Raises PersonError: "no-such-sample", "sample-missing", "cannot-fetch".
    """
    sample = _known(name)
    folder = _found(sample)
    if folder is not None:
        return folder
    if not sample.inside:
        raise _missing(sample)
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise _cannot_fetch(sample, f"no {tool} on this system")
    entry = _entry(sample)
    entry.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{entry.name}.", suffix=PARTIAL, dir=entry.parent))
    try:
        _run_apt(sample, aside)
        kept = aside / "kept"
        _take_out(sample, next(aside.glob("*.deb")), kept)
        if not entry.exists():
            kept.rename(entry)
            sync_folder(entry.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    keep_within_limit(besides=entry)
    return entry


def write_folders(name: str, folder: str | Path) -> Path:
    """Write a sample as class folders of PNG files, or with a .txt of captions beside each; never into a
    folder that holds anything."""
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PersonError(
            "folder-not-empty", expected=f"an empty or new folder {folder}", got="something is there already",
            fix="choose another folder",
        )  # fmt: skip
    table = sample_table(name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=PARTIAL, dir=folder.parent))
    try:
        for row, source in enumerate(table.sources):
            if table.texts is None:
                label = table.classes[table.targets[row]].replace("/", "-")
                target = aside / table.parts[row] / label / f"{Path(table.names[row]).stem}.png"
            else:  # the picture's own name, and its captions beside it
                target = (aside / table.names[row]).with_suffix(".png")
            target.parent.mkdir(parents=True, exist_ok=True)
            open_picture(source).save(target)
            if table.texts is not None:
                target.with_suffix(".txt").write_text("\n".join(table.texts[row]) + "\n", encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        aside.chmod(0o755)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def photographs() -> list[np.ndarray]:
    """The two photographs that scikit-learn ships, uint8 (427, 640, 3): a temple and a flower."""
    folder = _found(SAMPLES["digits"])
    assert folder is not None  # scikit-learn is one of our own dependencies
    pictures = folder / "datasets" / "images"
    return [np.asarray(open_picture(pictures / name)) for name in ("china.jpg", "flower.jpg")]


# ---- where a sample is


def _known(name: str) -> Sample:
    if name not in SAMPLES:
        raise PersonError(
            "no-such-sample",
            expected="the name of a sample",
            got=f'"{name}"',
            fix=did_you_mean(name, SAMPLES),
        )
    return SAMPLES[name]


def _found(sample: Sample) -> Path | None:
    """The folder of the installed package, or of the cache."""
    if not sample.inside:
        module = importlib.util.find_spec({"scikit-learn": "sklearn"}.get(sample.package, "skimage"))
        places = module.submodule_search_locations if module else None
        return Path(places[0]) if places else None
    installed = Path("/") / sample.inside
    if installed.exists():
        return installed if installed.is_dir() else installed.parent
    if _entry(sample).is_dir():
        touch(_entry(sample))
        return _entry(sample)
    return None


def _entry(sample: Sample) -> Path:
    return cache_folder() / "samples" / sample.name


def _run_apt(sample: Sample, folder: Path) -> None:
    """apt-get checks the package against the distribution's signed list."""
    done = subprocess.run(
        ["apt-get", "download", sample.package], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode or not list(folder.glob("*.deb")):
        said = [line for line in done.stderr.splitlines() if line.startswith("E:")] or ["no package came"]
        raise _cannot_fetch(sample, f"apt-get said: {said[0]}")


def _take_out(sample: Sample, package: Path, into: Path) -> None:
    """Keep the sample's files of a Debian package; the rest is never written."""
    into.mkdir()
    inside = PurePosixPath(sample.inside)  # nothing outside it, so no name can lead elsewhere
    command = ["dpkg-deb", "--fsys-tarfile", str(package)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as process,
        tarfile.open(fileobj=process.stdout, mode="r|") as archive,
    ):
        for member in archive:
            name = PurePosixPath(member.name)
            below = (
                name.relative_to(inside) if name.is_relative_to(inside) and ".." not in name.parts else None
            )
            if below is None or not member.isreg() or name.suffix not in sample.kept:
                continue
            target = into / (below if below.parts else name.name)
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.extractfile(member) as content, target.open("xb") as file:  # type: ignore[union-attr]
                shutil.copyfileobj(content, file)
    if process.returncode or not any(into.iterdir()):
        raise _cannot_fetch(sample, f"the package {package.name} does not hold {sample.inside}")


def _missing(sample: Sample) -> PersonError:
    return PersonError(
        "sample-missing",
        expected=f"the sample {sample.name} ({sample.what}) of the package {sample.package}",
        got="it is not installed here",
        fix=sample.how,
    )


def _cannot_fetch(sample: Sample, got: str) -> PersonError:
    return PersonError(
        "cannot-fetch",
        expected=f"the Debian package {sample.package}, fetched with apt-get",
        got=got,
        fix=f"bring the package lists up to date (sudo apt-get update), or unpack the package yourself and "
        f"put its {sample.inside} at {_entry(sample)}",
    )


# ---- how each is read


def _table(
    where: str, pictures: list, targets: list[int] | np.ndarray, classes: tuple, names=()
) -> PictureTable:
    return PictureTable(
        where=f"sample:{where}",
        names=tuple(names) or tuple(f"{row:05d}" for row in range(len(pictures))),
        sources=pictures,
        kind="label",
        targets=np.asarray(targets, dtype=np.int64),
        classes=classes,
    )


def _digits(folder: Path) -> PictureTable:
    """Ink 0 … 16 on 8 x 8 squares as 0 … 255 on 32 x 32 pixels; the last column of the file is the digit."""
    with gzip.open(folder / "datasets" / "data" / "digits.csv.gz", "rt", encoding="ascii") as file:
        values = np.loadtxt(file, delimiter=",")
    small = np.rint(values[:, :-1].reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    large = [np.asarray(Image.fromarray(digit).resize((32, 32), Image.Resampling.BICUBIC)) for digit in small]
    return _table("digits", large, values[:, -1].astype(np.int64), tuple("0123456789"))


def _faces(folder: Path) -> PictureTable:
    """The first 100 are faces, the others are cut from elsewhere in the same photographs."""
    values = np.load(folder / "data" / "lfw_subset.npy", allow_pickle=False)
    pictures = list(np.rint(values * 255).astype(np.uint8))
    return _table("faces", pictures, np.arange(len(pictures)) >= 100, ("face", "other"))


def _fashion(folder: Path) -> PictureTable:
    return read_idx_pairs(folder, classes=FASHION_CLASSES, where="sample:fashion-mnist")


def _opencv_digits(folder: Path) -> PictureTable:
    """A sheet of 50 rows and 100 columns, 20 x 20 pixels each, 500 of a digit one after another."""
    sheet = np.asarray(Image.open(folder / "digits.png").convert("L"))
    pictures = sheet.reshape(50, 20, 100, 20).swapaxes(1, 2).reshape(-1, 20, 20)
    return _table(
        "opencv-digits",
        list(np.ascontiguousarray(pictures)),
        np.repeat(np.arange(10), 500),
        tuple("0123456789"),
    )


def _stamps(folder: Path) -> PictureTable:
    """Cut-outs with transparency, which the decoder lays on white; the drawn ones (cartoon) are left out."""
    classes = tuple(sorted(STAMP_CLASSES))
    rows = []
    for number, label in enumerate(classes):
        for file in sorted((folder / STAMP_CLASSES[label]).rglob("*.png")):
            if "cartoon" not in file.relative_to(folder).parts:
                rows.append((file.relative_to(folder).as_posix(), number, file))
    rows.sort()
    names, targets, files = (list(column) for column in zip(*rows))
    return _table("stamps", files, targets, classes, names)


def _stamps_captions(folder: Path) -> PictureTable:
    """All stamps but the drawn ones, with the first line of the text beside each, which is in English."""
    classes = tuple(sorted(STAMP_CLASSES))
    rows = []
    for file in sorted(folder.rglob("*.png")):
        name, beside = file.relative_to(folder), file.with_suffix(".txt")
        if "cartoon" in name.as_posix() or not beside.is_file():
            continue
        said = " ".join(beside.read_text(encoding="utf-8").partition("\n")[0].split())
        inside = [name.as_posix().startswith(STAMP_CLASSES[label] + "/") for label in classes]
        if said:
            rows.append((name.as_posix(), said, inside.index(True) if any(inside) else -1, file))
    names, texts, targets, files = (list(column) for column in zip(*sorted(rows)))
    return _captioned("stamps-captions", files, texts, targets, classes, names)


def _digits_captions(folder: Path) -> PictureTable:
    """The digits with a caption that is made from each one's label: nobody described them."""
    digits = _digits(folder)
    texts = [f"a handwritten {NUMBER_WORDS[number]}" for number in digits.targets]
    made = _captioned("digits-captions", digits.sources, texts, digits.targets, NUMBER_WORDS, digits.names)
    return replace(made, notes=("the captions are made from labels: a handwritten zero, one, …",))


def _captioned(where: str, pictures, texts: list[str], targets, classes: tuple, names) -> PictureTable:
    table = _table(where, pictures, targets, classes, names)
    return replace(table, kind="captions", texts=tuple((text,) for text in texts))


SAMPLES: dict[str, Sample] = {
    sample.name: sample
    for sample in (
        Sample("digits", "handwritten digits, 10 classes", "1,797 pictures, 8 x 8 enlarged to 32 x 32",
               "CC BY 4.0 (UCI), package BSD-3", "scikit-learn", _digits),
        Sample("faces", "faces and other cuttings, 2 classes", "200 pictures, 25 x 25, grey",
               "package BSD-3", "scikit-image", _faces),
        Sample("fashion-mnist", "articles of clothing, 10 classes", "70,000 pictures, 28 x 28, grey, 31 MB",
               "MIT", "dataset-fashion-mnist", _fashion, "usr/share/datasets/fashion-mnist"),
        Sample("opencv-digits", "handwritten digits, 10 classes", "5,000 pictures, 20 x 20, grey, 96 MB",
               "Apache-2.0", "opencv-doc", _opencv_digits,
               "usr/share/doc/opencv-doc/examples/data/digits.png"),
        Sample("stamps", "animals, plants, food and vehicles, mostly photographs, 6 classes",
               "188 pictures, in colour, 161 MB", "GPL-2 (not shipped here)",
               "tuxpaint-stamps-default", _stamps, "usr/share/tuxpaint/stamps"),
        Sample("stamps-captions", "the same and many more stamps, each with what its maker says of it",
               "677 pictures, in colour, 161 MB", "GPL-2 (not shipped here)", "tuxpaint-stamps-default",
               _stamps_captions, "usr/share/tuxpaint/stamps", (".png", ".txt")),
        Sample("digits-captions", "handwritten digits with captions that are made from their labels",
               "1,797 pictures, 8 x 8 enlarged to 32 x 32", "CC BY 4.0 (UCI), package BSD-3", "scikit-learn",
               _digits_captions),
    )
}  # fmt: skip
