"""Where the new places lie between the old ones, along one row of the grid: corners aligned or not.

Not aligned: both grids cover the same picture, edge to edge, so a new place is where the middle of its patch
lies. Aligned: the first and the last place keep their numbers, and the others are spread between them.
The first thing to change: `ROW`, the old numbers.
"""

from typing import Any

import torch

from glassworks.blocks.positions import Mode, resize_positions
from glassworks.reader.draw import line_chart, note, number_grid
from glassworks.reader.figure import Choose, Figure, Slider, Toggle
from glassworks.reader.figures.stretched_table import MODES

FINE = 180  # points of the drawn curve
ROW = (0.0, 1.0, 0.5, -0.5, -1.0, 0.8)


def places(count: int, aligned: bool) -> list[float]:
    """Where `count` new places lie, counted in old places: 0 is the middle of the first old one."""
    old = len(ROW)
    if aligned:
        return [new * (old - 1) / max(1, count - 1) for new in range(count)]
    return [(new + 0.5) * old / count - 0.5 for new in range(count)]


def resized_row(count: int, mode: Mode, aligned: bool) -> list[float]:
    """The numbers of the new places, from the workbench's function."""
    table = torch.tensor(ROW)[None, :, None]  # (1, places, 1)
    new = resize_positions(table, (1, len(ROW)), (1, count), mode=mode, align_corners=aligned)
    return new[0, :, 0].tolist()


class BetweenThePlaces(Figure):
    title = "One row of the table: six places become more"
    says = (
        "Bilinear draws straight lines between the old numbers, bicubic a smooth curve, nearest steps. "
        "Whether corners are aligned decides where on that line the new places lie, and so what numbers "
        "they get."
    )
    controls = (
        Slider("count", "new places", 2, 18, step=1, value=10),
        Choose("mode", "how it is resized", MODES),
        Toggle("aligned", "corners aligned"),
    )

    def draw(self, count: int, mode: Mode, aligned: bool, **_: Any) -> str:
        at, new = places(count, aligned), resized_row(count, mode, aligned)
        chart = line_chart(
            {"what is between": list(zip(places(FINE, False), resized_row(FINE, mode, False)))},
            points={"old places": list(enumerate(ROW)), "new places": list(zip(at, new))},
            across="place along the row, counted in old patches", up="one number of the position",
            x=(-0.5, len(ROW) - 0.5), y=(-1.4, 1.4), width=420, height=240,
        )  # fmt: skip
        step = at[1] - at[0]
        told = f"The new places begin at {at[0]:.2f} and lie {step:.2f} old patches apart. " + (
            "The ends keep their numbers." if aligned else "Both grids cover the same picture, edge to edge."
        )
        if mode == "nearest":
            told = "Nearest of torch rounds down, with or without aligned corners: no new number arises."
        grid = number_grid(torch.tensor([new]).numpy(), title="the new numbers", most=1)
        return chart + grid + note(told)
