"""Four things a student can be asked to say of one picture: the label, a softened label, and two of a "
"teacher's.

A softened label gives a tenth of the whole to all classes alike and knows nothing of the picture. A teacher's
shares differ from picture to picture. How soft the target is and what it says are two things.
The first thing to change: `SMOOTHING` of the lab.

Sources: Szegedy et al. 2015, arXiv 1512.00567 (softened labels); Hinton et al. 2015, arXiv 1503.02531.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from glassworks.labs.digits import CLASSES
from glassworks.labs.distillation_gain import SMOOTHING
from glassworks.reader.draw import columns, heading, note, picture
from glassworks.reader.figure import Slider
from glassworks.reader.figures.measured import Measured
from glassworks.reader.figures.shares import share_bars
from glassworks.reader.figures.taught_digits import given, scores

SHOWN, PICTURES = 4, 40


def targets(place: int, temperature: float, logits: Tensor) -> dict[str, Tensor]:
    """Shares of the ten digits, (10,) each, for one test picture."""
    label = F.one_hot(given(0)["test"].targets[place], CLASSES).float()
    return {
        "the label": label,
        f"softened by {SMOOTHING:g}": (1 - SMOOTHING) * label + SMOOTHING / CLASSES,
        "the teacher, hard": F.one_hot(logits[place].argmax(), CLASSES).float(),
        f"the teacher, T = {temperature:g}": (logits[place] / temperature).softmax(0),
    }


class FourTargets(Measured):
    title = "Four answers to learn from"
    says = (
        "A softened label spreads a little over all digits alike. The teacher spreads more over those that "
        "look alike. Its hard answer is the label again, wherever it is right."
    )
    controls = (
        Slider("place", "picture", 1, PICTURES, step=1, value=15),
        Slider("temperature", "temperature T", 1, 10, step=0.5, value=4),
    )

    def runs(self, **_: Any) -> tuple[str, ...]:
        return ("teacher",)

    def measure(self, run: str) -> Tensor:
        return scores(0, "test")

    def show(self, known: Mapping[str, Tensor], place: int, temperature: float, **_: Any) -> str:
        part, row = given(0)["test"], int(place) - 1
        low, high = part.pictures.min(), part.pictures.max()
        grey = (255 * (high - part.pictures[row, 0]) / (high - low)).to(torch.uint8).numpy()
        shown = picture(grey, f"labelled {int(part.targets[row])}", width=110)
        if "teacher" not in known:
            return shown + note("The teacher is being trained.")
        drawn = []
        for name, shares in targets(row, float(temperature), known["teacher"]).items():
            top = shares.argsort(descending=True, stable=True)[:SHOWN].tolist()
            drawn.append(heading(name) + share_bars([(f"{one}", float(shares[one])) for one in top], name))
        return shown + columns(*drawn) + note(f"The {SHOWN} largest of ten shares each.")
