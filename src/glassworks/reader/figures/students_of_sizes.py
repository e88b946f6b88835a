"""Students of three sizes, with a teacher and without: trained while one looks.

Network, data and loss are those of the lab `distillation-gain`, with 200 steps in place of 500 and one seed.
The first thing to change: `SIZES`.

Source: Cho & Hariharan 2019, arXiv 1910.01348, on students that are too small for their teachers.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from glassworks.labs.distillation_gain import TEACHER, built
from glassworks.reader.draw import bar_chart, note, table
from glassworks.reader.figure import Choose, Slider
from glassworks.reader.figures.measured import Measured
from glassworks.reader.figures.taught_digits import STEPS, accuracy

SIZES = {
    "2 and 4 filters": (2, 4),
    "4 and 8, as in the lab": (4, 8),
    "8 and 16": (8, 16),
    "32 and 64": TEACHER,
}
ARMS = {
    "teacher": "the teacher", "plain": "labels alone", "smoothed": "softened labels",
    "soft": "soft answers", "soft, more pictures": "soft, 600 more",
}  # fmt: skip
Run = tuple[str, tuple[int, ...], int]


@lru_cache(maxsize=8)
def numbers_of(widths: tuple[int, ...]) -> int:
    """Learned numbers of a CNN of this width."""
    return sum(parameter.numel() for parameter in built(widths, 0, "count").parameters())


class StudentsOfSizes(Measured):
    title = "How small may the student be?"
    says = (
        "A student as large as its teacher gains nothing that could be seen here. For smaller ones the gain "
        "goes up and down with the seed, and so does its order: one short run each decides nothing."
    )
    controls = (
        Choose("widths", "student", SIZES, "4 and 8, as in the lab"),
        Slider("seed", "seed", 0, 3, step=1, value=0),
    )

    def runs(self, widths: tuple[int, ...], seed: int, **_: Any) -> Sequence[Run]:
        return [(arm, TEACHER if arm == "teacher" else widths, int(seed)) for arm in ARMS]

    def measure(self, run: Run) -> float:
        return accuracy(*run)

    def show(self, known: Mapping[Run, float], **values: Any) -> str:
        found = [(run, known[run]) for run in self.runs(**values) if run in known]
        if not found:
            return note("Nothing is trained yet.")
        chart = bar_chart([(ARMS[run[0]], right) for run, right in found], width=480)
        rows = [[ARMS[run[0]], f"{numbers_of(run[1]):,}", f"{right:.1f} %"] for run, right in found]
        head = ["learned from", "numbers", "test accuracy"]
        return (
            chart
            + table(head, rows)
            + note(f"200 digits with labels, 600 more without in the last row, {STEPS} steps, one seed.")
        )
