"""Samples of pictures, from packages of Python and Debian.

The first thing to change: `SAMPLES`, to add one.
"""

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from glassworks.core.rows import PictureTable
from glassworks.data.arrays import read_idx_pairs
from glassworks.data.decode import open_picture
from glassworks.data.packages import Package, fetch
from glassworks.data.sample import Sample

FASHION_CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                   "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")  # fmt: skip
NUMBER_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
STAMP_CLASSES = {
    "bird": "animals/birds", "flower": "plants/flowers", "fruit": "food/fruit",
    "mammal": "animals/mammals", "vegetable": "food/vegetables", "vehicle": "vehicles",
}  # fmt: skip


SKLEARN = Package(
    "python", "scikit-learn", ("datasets/data/digits.csv.gz", "datasets/images/*.jpg"), module="sklearn"
)
SKIMAGE = Package("python", "scikit-image", ("data/lfw_subset.npy",), module="skimage")
FASHION = Package(
    "debian", "dataset-fashion-mnist", ("*.gz",), root="usr/share/datasets/fashion-mnist",
    kept_as="fashion-mnist",
)  # fmt: skip
OPENCV = Package(
    "debian", "opencv-doc", ("digits.png",), root="usr/share/doc/opencv-doc/examples/data",
    kept_as="opencv-digits",
)  # fmt: skip
STAMPS = Package(
    "debian", "tuxpaint-stamps-default", ("**/*.png", "**/*.txt"), root="usr/share/tuxpaint/stamps",
    kept_as="stamps-captions",
)  # fmt: skip


def photographs() -> list[np.ndarray]:
    """The two photographs that scikit-learn ships, uint8 (427, 640, 3): a temple and a flower."""
    pictures = fetch(SKLEARN) / "datasets" / "images"
    return [np.asarray(open_picture(pictures / name)) for name in ("china.jpg", "flower.jpg")]


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


SAMPLES = (
    Sample("digits", "handwritten digits, 10 classes", "1,797 pictures, 8 x 8 enlarged to 32 x 32",
           "CC BY 4.0 (UCI), package BSD-3", (SKLEARN,), _digits),
    Sample("faces", "faces and other cuttings, 2 classes", "200 pictures, 25 x 25, grey",
           "package BSD-3", (SKIMAGE,), _faces),
    Sample("fashion-mnist", "articles of clothing, 10 classes", "70,000 pictures, 28 x 28, grey, 31 MB",
           "MIT", (FASHION,), _fashion),
    Sample("opencv-digits", "handwritten digits, 10 classes", "5,000 pictures, 20 x 20, grey, 96 MB",
           "Apache-2.0", (OPENCV,), _opencv_digits),
    Sample("stamps", "animals, plants, food and vehicles, mostly photographs, 6 classes",
           "188 pictures, in colour, 161 MB", "GPL-2 (not shipped here)", (STAMPS,), _stamps),
    Sample("stamps-captions", "the same and many more stamps, each with what its maker says of it",
           "677 pictures, in colour, 161 MB", "GPL-2 (not shipped here)", (STAMPS,), _stamps_captions),
    Sample("digits-captions", "handwritten digits with captions that are made from their labels",
           "1,797 pictures, 8 x 8 enlarged to 32 x 32", "CC BY 4.0 (UCI), package BSD-3", (SKLEARN,),
           _digits_captions),
)  # fmt: skip
