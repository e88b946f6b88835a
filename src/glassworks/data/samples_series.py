"""Samples of series: to be continued, or to be put into classes; from packages of Python.

The first thing to change: `SAMPLES`, to add one.
"""

from pathlib import Path

from glassworks.core.series_rows import SeriesTable
from glassworks.data.labelled_series import read_archive
from glassworks.data.packages import Package
from glassworks.data.sample import Sample
from glassworks.data.samples_forecast import FORECAST

AEON = Package(
    "python", "aeon",
    tuple(f"datasets/data/{name}/{name}_*.ts" for name in (
        "ItalyPowerDemand", "GunPoint", "JapaneseVowels", "BasicMotions", "OSULeaf", "ArrowHead", "ACSF1")),
    version="1.6.0", root="aeon", module="aeon",
    sha256="d05227086706f80111ac5fee8de4d5d3115bb3bcfd1c786c8629393055816409",
)  # fmt: skip


def _labelled(name: str, problem: str, what: str, size: str, channels: tuple[str, ...] = ()) -> Sample:
    """A problem of the UCR or UEA archive, with its own training and test parts."""

    def read(folder: Path) -> SeriesTable:
        train, test = (folder / f"datasets/data/{problem}/{problem}_{part}.ts" for part in ("TRAIN", "TEST"))
        return read_archive(name, train, test, channels)

    return Sample(name, what, size, "UCR/UEA archive, package BSD-3", (AEON,), read, sees="series")


MOTION = ("acceleration x", "acceleration y", "acceleration z", "turning x", "turning y", "turning z")
LABELLED = (
    _labelled("italy-power-demand", "ItalyPowerDemand", "a day of electricity: winter or summer half-year",
              "1,096 series of 24 hours, 2 classes"),
    _labelled("gun-point", "GunPoint", "the hand of an actor who draws a gun, or only points",
              "200 series of 150 steps, 2 classes"),
    _labelled("japanese-vowels", "JapaneseVowels", "two vowels in a row, said by nine speakers",
              "640 series of 7 to 29 steps, 12 channels, 9 classes"),
    _labelled("basic-motions", "BasicMotions", "a watch on a wrist: standing, walking, running, badminton",
              "80 series of 100 steps, 6 channels, 4 classes", MOTION),
    _labelled("osu-leaf", "OSULeaf", "outlines of leaves, as distances from the middle",
              "442 series of 427 steps, 6 classes"),
    _labelled("arrow-head", "ArrowHead", "outlines of stone arrowheads",
              "211 series of 251 steps, 3 classes"),
    _labelled("acsf1", "ACSF1", "the power that household appliances draw",
              "200 series of 1,460 steps, 10 classes"),
)  # fmt: skip

SAMPLES: tuple[Sample, ...] = (*FORECAST, *LABELLED)
