"""Series that tests make: one whose season grows, one that walks at random, and what trains on them."""

import datetime
from pathlib import Path

import numpy as np

import glassworks as gw


def write(path: Path, columns: dict, times=None, start="2015-01-01", separator=",") -> Path:
    """A CSV with a row a month (or the given times)."""
    count = len(next(iter(columns.values())))
    if times is None:
        first = np.datetime64(start, "M")
        times = [f"{first + step}-01" for step in range(count)]
    lines = [separator.join(["date", *columns])]
    for row in range(count):
        cells = [columns[name][row] for name in columns]
        lines.append(
            separator.join([str(times[row]), *(c if isinstance(c, str) else f"{c:.6g}" for c in cells)])
        )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def days(count: int, start: str = "2020-01-01") -> list[str]:
    first = datetime.date.fromisoformat(start)
    return [(first + datetime.timedelta(days=step)).isoformat() for step in range(count)]


def season(count: int = 240, growth: float = 0.4, noise: float = 0.3, seed: int = 0) -> np.ndarray:
    """Months with a season of twelve, a steady growth, and a little noise."""
    steps, chance = np.arange(count), np.random.default_rng(seed)
    return 20 + growth * steps + 5 * np.sin(2 * np.pi * steps / 12) + noise * chance.normal(size=count)


def growing(path: Path, **how) -> Path:
    return write(path, {"value": season(**how)})


def walk(path: Path, count: int = 700, seed: int = 3) -> Path:
    """A random walk: nothing is better than its last value."""
    steps = np.random.default_rng(seed).normal(size=count)
    return write(path, {"price": 100 + np.cumsum(steps)}, days(count))


def trained(data: Path, out: Path, **options):
    settings = {"size": "tiny", "threads": 1, "quiet": True, "horizon": 12} | options
    return gw.train("forecaster", data=str(data), out=str(out), **settings)
