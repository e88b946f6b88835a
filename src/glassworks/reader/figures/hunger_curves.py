"""Accuracy over the number of pictures, for a CNN and a ViT of equal cost, as the lab has recorded it.

The curves are those of `labs/cnn_against_vit.py`; nothing is trained here. Read across instead of up, and a
gap becomes a number of pictures: how many the ViT needs to answer as well as the CNN does with fewer. Between
two measured sizes the curve is taken to be straight over the logarithm.
First thing to change: nothing; record the lab again.
"""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np

from glassworks import labs
from glassworks.labs.cnn_against_vit import ARMS, KINDS, NAMES, key, sizes_of
from glassworks.labs.lab import Numbers
from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure, Slider

Curve = list[tuple[float, float]]
SHOWN = {"digits": "digits", "digits, augmented": "digits, augmented", "clothes": "clothes"}


@cache
def measured() -> Numbers:
    """What the recorded run measured; empty where nothing is recorded."""
    found = labs.recorded("cnn-against-vit")
    return dict(found.numbers) if found else {}


def curve(arm: str, kind: str) -> Curve:
    """(pictures, mean accuracy in points of 100)."""
    numbers = measured()
    return [(n, float(np.mean(numbers[key(arm, kind, n)]))) for n in sizes_of(numbers, arm)]  # type: ignore[arg-type]


def pictures_needed(wanted: float, row: Sequence[tuple[float, float]]) -> float | None:
    """How many pictures a curve needs to reach an accuracy; None where it does not get there."""
    if wanted <= row[0][1]:
        return row[0][0]
    for (fewer, low), (more, high) in pairwise(row):
        if low <= wanted <= high and high > low:
            share = (wanted - low) / (high - low)
            return float(np.exp(np.log(fewer) + share * (np.log(more) - np.log(fewer))))
    return None


class HungerCurves(Figure):
    title = "The gap over the number of pictures"
    says = (
        "With few digits the CNN is far ahead of a ViT of equal cost. With more of them the gap shrinks; "
        "within what was measured it does not close."
    )
    controls = (
        Choose("arm", "pictures", SHOWN),
        Choose("scale", "show", {"accuracy": "accuracy", "errors, each line is ten times fewer": "errors"}),
        Slider("place", "a size, from few to many", 1, max(len(arm.sizes) for arm in ARMS), step=1, value=2),
    )

    def draw(self, arm: str, scale: str, place: int) -> str:
        rows = {NAMES[kind]: curve(arm, kind) for kind in KINDS}
        if not rows["CNN"]:
            return draw.text("This was not recorded: run `glassworks lab cnn-against-vit`.", "note")
        n, reached = rows["CNN"][min(place, len(rows["CNN"])) - 1]
        behind = dict(rows["ViT"])[n]
        if scale == "errors":
            shown: dict[str, Curve] = {name: [(x, 100 - y) for x, y in row] for name, row in rows.items()}
            chart = draw.line_chart(
                shown, points=shown, across="pictures to learn from", up="errors, %", logarithmic="xy",
                marks=[(n, f"{n:,.0f}")], width=460, height=300,
            )  # fmt: skip
        else:
            chart = draw.line_chart(
                rows, points=rows, across="pictures to learn from", up="test accuracy, %", logarithmic="x",
                y=(min(y for row in rows.values() for _, y in row) - 3, 100), marks=[(n, f"{n:,.0f}")],
                width=460, height=300,
            )  # fmt: skip
        facts = [
            ["CNN, test accuracy", f"{reached:.1f} %"],
            ["ViT, test accuracy", f"{behind:.1f} %"],
            ["gap", f"{reached - behind:.1f} points"],
            ["errors of the ViT for one of the CNN", f"{(100 - behind) / max(100 - reached, 1e-9):.1f}"],
            ["pictures the ViT needs for as much", _needed(reached, rows["ViT"])],
        ]
        seeds = len(next(iter(measured().values())))
        told = f"Means over {seeds} seeds, on test pictures. Recorded; nothing is trained here."
        return draw.columns(chart, draw.table([f"with {n:,.0f} pictures", ""], facts)) + draw.note(told)


def _needed(wanted: float, row: Curve) -> str:
    needed = pictures_needed(wanted, row)
    return f"more than {row[-1][0]:,.0f}" if needed is None else f"about {float(f'{needed:.2g}'):,.0f}"
