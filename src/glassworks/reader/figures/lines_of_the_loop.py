"""What each line is for: the loop as it should be beside the loop with one line left out or wrong, trained
now.

Settings, names and sentences are those of the lab (`labs/lines_of_the_loop.py`), where ten seeds decide; here
one seed is run, live, to see the shape of it.
The first thing to change: nothing here; add a row to the lab's `CHANGES`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from glassworks.labs.lines_of_the_loop import CHANGES, RIGHT
from glassworks.labs.loop import History, LoopSettings
from glassworks.reader.draw import columns, line_chart, table, text
from glassworks.reader.figure import Choose, Slider
from glassworks.reader.figures.digit_runs import history
from glassworks.reader.figures.measured import Measured

BY_NAME = {change.name: change for change in CHANGES}
Run = tuple[LoopSettings, int]
PIECES = 24  # points of a loss curve: the mean of so many pieces of the run
FLOOR, CEILING = 0.01, 30.0  # of the drawn loss


class LinesOfTheLoop(Measured):
    title = "Leave one line out"
    says = (
        "Each line of the loop was put there by somebody who had missed it. Most mistakes raise no error: "
        "only the curves tell."
    )
    controls = (
        Choose("change", "the changed loop", {name: name for name in BY_NAME}),
        Slider("seed", "seed", 0, 9, step=1, value=0),
    )

    def runs(self, change: str, seed: int, **_: Any) -> Sequence[Run]:
        picked = BY_NAME[change]
        return [(picked.settings, int(seed)), (picked.against, int(seed))]

    def measure(self, run: Run) -> History:
        return history(*run)

    def show(self, known: Mapping, change: str, seed: int, **_: Any) -> str:
        picked = BY_NAME[change]
        beside = "the right loop" if picked.against == RIGHT else "the right loop, no batch norm"
        named = {beside: picked.against, change: picked.settings}
        found = {
            name: known[settings, int(seed)]
            for name, settings in named.items()
            if (settings, int(seed)) in known
        }
        differing = ", ".join(_difference(picked.against, picked.settings))
        top = text(f"What one sees: {picked.sees}.") + text(f"Changed setting: {differing}", "note")
        if not found:
            return top
        losses = {name: curve(run) for name, run in found.items()}
        shares = {name: list(enumerate(run.validation, 1)) for name, run in found.items()}
        loss = line_chart(
            losses, across="epoch", up="training loss, nats", logarithmic="y", y=(FLOOR, CEILING),
            width=360, height=240,
        )  # fmt: skip
        share = line_chart(shares, across="epoch", up="validation accuracy", y=(0, 1), width=360, height=240)
        rows = [[name, f"{run.validation[-1]:.1%}", f"{run.test:.1%}"] for name, run in found.items()]
        return (
            top + columns(loss, share) + table(["accuracy after the last epoch", "validation", "test"], rows)
        )


def curve(run: History) -> list[tuple[float, float]]:
    """(epoch, mean loss of a piece of the run); pieces that are not finite are left out, others cut to the
    axis."""
    pieces = np.array_split(np.array(run.losses), PIECES)
    epochs = run.settings.epochs
    points = [((place + 0.5) * epochs / PIECES, float(piece.mean())) for place, piece in enumerate(pieces)]
    return [(at, min(max(loss, FLOOR), CEILING)) for at, loss in points if np.isfinite(loss)]


def _difference(right: LoopSettings, changed: LoopSettings) -> list[str]:
    """The fields that differ, as they are written in code."""
    return [
        f"{name}={value!r}"
        for name, value in vars(changed).items()
        if replace(right, **{name: value}) != right
    ]
