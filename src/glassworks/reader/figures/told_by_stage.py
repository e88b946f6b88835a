"""Is there a stage of edges and a stage of objects? What can be read off each stage, learned and not learned.

For each stage every test picture becomes a row of numbers, one a channel; the nearest mean of a class gives
the answer. Beside it stands the share of channels whose strongest pictures are nearly all of one digit, and
both are shown for the same network with its random start. First thing to change: `NEEDED`.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from glassworks.reader import draw
from glassworks.reader.figure import Slider
from glassworks.reader.figures.layered_cnn import STAGES, answers, parts
from glassworks.reader.figures.let_it_draw import STRONGEST
from glassworks.reader.figures.measured import Measured

NEEDED = 16  # of the twenty strongest pictures


def by_nearest_mean(rows: Tensor, targets: Tensor) -> float:
    """Accuracy in points of 100 when one half gives the means of the classes and is then asked about the
    other, both ways round. rows: (pictures, numbers), scaled by their own spread."""
    rows = (rows - rows.mean(0)) / rows.std(0).clamp_min(1e-6)
    half = len(rows) // 2
    right = 0
    for mine, asked in ((slice(0, half), slice(half, None)), (slice(half, None), slice(0, half))):
        means = torch.stack([rows[mine][targets[mine] == digit].mean(0) for digit in range(10)])
        right += int((torch.cdist(rows[asked], means).argmin(1) == targets[asked]).sum())
    return 100 * right / len(rows)


def of_one_class(rows: Tensor, targets: Tensor, needed: int) -> int:
    """Channels for which at least so many of the twenty strongest pictures are of one class."""
    strongest = targets[rows.argsort(0, descending=True)[:STRONGEST]]  # (20, channels)
    most = torch.stack([(strongest == digit).sum(0) for digit in range(10)]).amax(0)
    alive = rows.amax(0) > 0
    return int(((most >= needed) & alive).sum())


@lru_cache(maxsize=64)
def stage_figures(trained: bool, needed: int) -> tuple[tuple[float, int, int], ...]:
    """For each stage: accuracy, channels for one digit, channels in all."""
    targets = parts()[1].targets
    return tuple(
        (by_nearest_mean(rows, targets), of_one_class(rows, targets, needed), rows.shape[1])
        for rows in answers(trained)
    )


class ToldByStage(Measured):
    title = "What can be read off each stage?"
    says = (
        "The digit can be told better the deeper one looks, and channels that stand for one digit become "
        "more frequent. They appear by degrees, and most channels stand for none."
    )
    controls = (Slider("needed", "of 20 pictures, so many must be one digit", 10, 20, step=1, value=NEEDED),)

    def runs(self, **_: Any) -> tuple[bool, ...]:
        return (True, False)

    def measure(self, run: bool) -> bool:
        return bool(answers(run))

    def show(self, known: Mapping, needed: float, **_: Any) -> str:
        if len(known) < 2:
            return ""
        learned, fresh = (stage_figures(trained, int(needed)) for trained in (True, False))
        rows = [
            [f"{place + 1}", f"{one[0]:.0f} % ({other[0]:.0f} %)", f"{one[1]} ({other[1]}) of {one[2]}"]
            for place, (one, other) in enumerate(zip(learned, fresh))
        ]
        head = ["stage", "digits told", "for one digit"]
        told = "Channels whose strongest pictures are of one digit, of all. In brackets: never learned."
        chart = draw.line_chart(
            {
                "learned": [(place + 1.0, one[0]) for place, one in enumerate(learned)],
                "never learned": [(place + 1.0, one[0]) for place, one in enumerate(fresh)],
            },
            across="stage", up="digits told, %", x=(1, STAGES), y=(0, 100), width=400, height=220,
        )  # fmt: skip
        return draw.columns(chart, draw.table(head, rows) + draw.note(told))
