"""Samples of series that are to be continued; from packages of Python.

The first thing to change: `FORECAST`, to add one.
"""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from glassworks.core.series_rows import SeriesTable
from glassworks.data.packages import Package
from glassworks.data.sample import Sample
from glassworks.data.series_grid import regular
from glassworks.data.times import parse_times

# Wheels with compiled code are fetched for one platform: only the tables in them are read.
STATSMODELS = Package(
    "python", "statsmodels",
    ("datasets/co2/co2.csv", "datasets/elnino/elnino.csv", "datasets/sunspots/sunspots.csv",
     "datasets/elec_equip/elec_equip.csv"),
    version="0.15.0", root="statsmodels", module="statsmodels", tags=("manylinux_2_28_x86_64", "311"),
    sha256="b67886b66d9c7ca118526accedb5c6de7ffd74c015dc0492ea0b1690192b65da",
)  # fmt: skip
RIVER = Package(
    "python", "river", ("datasets/airline-passengers.csv",), version="0.26.1", root="river", module="river",
    tags=("manylinux_2_28_x86_64", "311"),
    sha256="6a11e1a9749beec3ea138efeb0205b2c5cea8d424e9deee306c8980faec01bef",
)  # fmt: skip
VEGA = Package(
    "python", "vega_datasets", ("_data/stocks.csv", "_data/seattle-weather.csv"), version="0.9.0",
    root="vega_datasets", module="vega_datasets",
    sha256="3d7c63917be6ca9b154b565f4779a31fedce57b01b5b9d99d8a34a7608062a1d",
)  # fmt: skip
Row = tuple[str, str, list[str]]  # name of the series, time, numbers


def table_of(name: str, channels: tuple[str, ...], rows: Sequence[Row], wanted: int = 1) -> SeriesTable:
    """Rows of one or several series as a table, each series on its own regular step."""
    names, series, clocks, notes = [], [], [], []
    for one in dict.fromkeys(row[0] for row in rows):
        own = [row for row in rows if row[0] == one]
        parsed = parse_times([row[1] for row in own])
        assert parsed is not None
        values = np.array([[float(cell) if cell else np.nan for cell in row[2]] for row in own])
        at, numbers, said = regular(parsed.times, values, f"sample:{name}")
        names.append(one)
        clocks.append(at)
        series.append(numbers)
        notes += said
    return SeriesTable(
        where=f"sample:{name}", names=tuple(names), values=series, channels=channels, kind="forecast",
        targets=np.empty(0), times=clocks, wanted=tuple(range(wanted)), notes=tuple(dict.fromkeys(notes)),
    )  # fmt: skip


def _cells(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.reader(stream))[1:]


def _column(name: str, file: str, channel: str, series: str = "") -> Callable[[Path], SeriesTable]:
    """A file with the time in its first column and one series in its second."""

    def read(folder: Path) -> SeriesTable:
        rows = [(series or channel, cells[0], cells[1:2]) for cells in _cells(folder / file)]
        return table_of(name, (channel,), rows)

    return read


def _elnino(folder: Path) -> SeriesTable:
    """A row a year, a column a month."""
    rows = [
        ("sea surface", f"{year}-{month:02d}", [cell])
        for year, *cells in _cells(folder / "datasets/elnino/elnino.csv")
        for month, cell in enumerate(cells, start=1)
    ]
    return table_of("elnino", ("degrees Celsius",), rows)


def _stocks(folder: Path) -> SeriesTable:
    """Five prices. Not all begin together."""
    rows = [(symbol, time, [price]) for symbol, time, price in _cells(folder / "_data/stocks.csv")]
    return table_of("stocks", ("price",), rows)


def _weather(folder: Path) -> SeriesTable:
    """The warmest and the coldest of each day are forecast; rain and wind are seen beside them."""
    rows = [
        ("Seattle", day, [warmest, coldest, rain, wind])
        for day, rain, warmest, coldest, wind, _ in _cells(folder / "_data/seattle-weather.csv")
    ]
    channels = ("temperature high", "temperature low", "rain", "wind")
    return table_of("seattle-weather", channels, rows, wanted=2)


FORECAST = (
    Sample("co2", "carbon dioxide in the air over Mauna Loa, a number a week, 1958 to 2001",
           "2,284 weeks, 59 of them missing", "public domain (Scripps), package BSD-3", (STATSMODELS,),
           _column("co2", "datasets/co2/co2.csv", "parts per million", "Mauna Loa"), sees="series"),
    Sample("elnino", "temperature of the Pacific, a number a month, 1950 to 2010", "732 months",
           "public domain (NOAA), package BSD-3", (STATSMODELS,), _elnino, sees="series"),
    Sample("sunspots", "sunspots, a number a year, 1700 to 2008", "309 years",
           "public domain (SIDC), package BSD-3", (STATSMODELS,),
           _column("sunspots", "datasets/sunspots/sunspots.csv", "sunspots"), sees="series"),
    Sample("equipment", "orders of electrical equipment in the euro area, a number a month",
           "257 months", "public domain (Eurostat), package BSD-3", (STATSMODELS,),
           _column("equipment", "datasets/elec_equip/elec_equip.csv", "index", "orders"), sees="series"),
    Sample("airline", "airline passengers, a number a month, 1949 to 1960", "144 months",
           "package BSD-3 (Box & Jenkins 1976)", (RIVER,),
           _column("airline", "datasets/airline-passengers.csv", "thousand passengers", "passengers"),
           sees="series"),
    Sample("stocks", "prices of five shares, a number a month, 2000 to 2010; close to random walks",
           "5 series of 68 to 123 months", "package MIT", (VEGA,), _stocks, sees="series"),
    Sample("seattle-weather", "the weather of Seattle day by day, 2012 to 2015",
           "1,461 days, 4 channels", "public domain (NOAA), package MIT", (VEGA,), _weather, sees="series"),
)  # fmt: skip
