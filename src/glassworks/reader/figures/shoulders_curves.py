"""From scratch or from ImageNet: accuracy over the pictures a class, as the lab has recorded it.

Nothing is trained here; the numbers are those of `labs/scratch_against_transfer.py`, one chart for each sort
of pictures, from those that ImageNet has nothing of to those that it knows.
The first thing to change: nothing; record the lab again.
"""

from functools import cache

import numpy as np

from glassworks import labs
from glassworks.judging.intervals import Interval
from glassworks.labs.lab import Numbers
from glassworks.labs.paired import mean_interval
from glassworks.labs.scratch_against_transfer import DATA, NAMES, WAYS, key, lead, sizes_of
from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure

SORTS = {f"{sort.name}: ImageNet has {sort.known}": sort.name for sort in DATA}


@cache
def measured() -> Numbers:
    """What the recorded run measured; empty where nothing is recorded."""
    found = labs.recorded("scratch-against-transfer")
    return dict(found.numbers) if found else {}


def _lead(one: Interval) -> str:
    """ "+9.4 ± 8.9", or the value alone with one seed."""
    reach = "" if one.high is None else f"\u00a0±\u00a0{one.high - one.value:.1f}"
    return f"{one.value:+.1f}{reach}"


class ShouldersCurves(Figure):
    title = "What a million pictures are worth"
    says = (
        "Where ImageNet has nothing of the kind, as with drawn digits, a small network from scratch is "
        "ahead at five pictures a class. Where it knows such things, features that were learned elsewhere "
        "are far ahead."
    )
    controls = (Choose("sort", "pictures", SORTS),)

    def draw(self, sort: str) -> str:
        numbers = measured()
        sizes = sizes_of(numbers, sort)
        if not sizes:
            return draw.text("This was not recorded: run `glassworks lab scratch-against-transfer`.", "note")
        curves = {
            NAMES[way]: [(float(n), float(np.mean(numbers[key(sort, way, n)]))) for n in sizes]
            for way in WAYS
        }
        chart = draw.line_chart(
            curves, points=curves, across="pictures a class", up="test accuracy, %", logarithmic="x",
            y=(min(y for row in curves.values() for _, y in row) - 3, 100), width=440, height=290,
        )  # fmt: skip
        rows = [
            [f"{n}", *(f"{np.mean(numbers[key(sort, way, n)]):.1f}" for way in WAYS),
             _lead(mean_interval(lead(numbers, sort, n)))]
            for n in sizes
        ]  # fmt: skip
        seeds = len(next(iter(numbers.values())))
        told = f"Test accuracy in %, means over {seeds} seeds; the lead in points, with 95 %. Recorded."
        head = ["a class", "scratch", "ImageNet", "lead"]
        return chart + draw.table(head, rows) + draw.note(told)
