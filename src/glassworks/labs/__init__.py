"""Labs: claims of the book, run as experiments: `run(name)` measures, `recorded(name)` remembers."""

from glassworks.labs.lab import Chart, Lab, Result, Stopped, Table, result_from, result_of
from glassworks.labs.running import find, names, recorded, run

__all__ = [
    "Chart",
    "Lab",
    "Result",
    "Stopped",
    "Table",
    "find",
    "names",
    "recorded",
    "result_from",
    "result_of",
    "run",
]
