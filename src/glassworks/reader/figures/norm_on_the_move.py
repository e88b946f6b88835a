"""A frozen network that moves: running means of batch norm after each forward pass in training mode.

EfficientNet-Lite0 has no weight that may learn, and no step is taken. It is only shown batches: of digits, or
of pieces of photographs. In training mode each pass moves every running mean by a tenth of the way to the
batch's. The figure shows how far they are, and what the network still answers in evaluation mode.
The first thing to change: `BATCH`.

Source: Ioffe & Szegedy 2015, arXiv 1502.03167.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import torch

from glassworks.core.errors import PersonError
from glassworks.core.keyed import generator
from glassworks.labs.frozen_norm_drifts import norms_in_training
from glassworks.labs.small_lite0 import as_seen, lite0, pictures
from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.draw import pictures as shown_pictures
from glassworks.reader.figure import Choose, Slider
from glassworks.reader.figures.lite0 import classifier, or_how_to_get
from glassworks.reader.figures.measured import Measured
from glassworks.reader.figures.near_in_features import pieces
from glassworks.reader.figures.shares import percent
from glassworks.transfer.freeze import freeze, training_mode

SIDE, BATCH, PASSES = 96, 8, 12
SHOWN = {"digits": "digits", "pieces of photographs": "pieces"}
MODES = {"batch norms in training mode": False, "frozen parts in evaluation mode": True}
Run = tuple[str, bool]  # what is shown, whether frozen parts are kept in evaluation mode


class Passes(NamedTuple):
    """After 0, 1, 2 … passes: distance of the running means, in standard deviations, and the top answer."""

    apart: tuple[float, ...]
    answers: tuple[tuple[str, float], ...]


@lru_cache(maxsize=4)
def played(run: Run) -> Passes | None:
    """A dozen forward passes; about a third of a second. None where the weights are not installed."""
    what, kept = run
    try:
        model, told = lite0(SIDE), classifier()
    except PersonError as missing:
        if missing.code != "weights-missing":
            raise
        return None
    freeze(model, [])
    before = _means(model)
    spread = {name: (value + 1e-3).sqrt() for name, value in model.named_buffers() if name.endswith("_var")}
    photographs = torch.tensor(pieces()[1]).permute(0, 3, 1, 2).float() / 255
    asked = as_seen(photographs[:1], SIDE)
    material = pictures("digits").pictures if what == "digits" else photographs
    dice, apart, answers = generator(0, "norm on the move"), [], []
    with torch.no_grad():
        for number in range(PASSES + 1):
            model.eval()
            shares = model(asked).softmax(1)[0]
            answers.append(told.top(shares, 1)[0])
            far = [
                float(((value - before[name]).abs() / spread[name.replace("_mean", "_var")]).median())
                for name, value in _means(model).items()
            ]
            apart.append(sum(far) / len(far))
            rows = torch.from_numpy(dice.choice(len(material), BATCH, replace=False))
            if number < PASSES:
                (training_mode if kept else norms_in_training)(model)
                model.features(as_seen(material[rows], SIDE))
    return Passes(tuple(apart), tuple(answers))


def _means(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.named_buffers() if name.endswith("_mean")}


class NormOnTheMove(Measured):
    title = "All weights frozen, and it moves"
    says = (
        "No weight may learn and no step is taken. Yet in training mode every pass moves the running means "
        "of batch norm, and after some digits the network no longer knows its photograph."
    )
    controls = (
        Choose("kept", "mode", MODES),
        Choose("what", "shown to it", SHOWN),
        Slider("passes", "forward passes", 0, PASSES, step=1, value=PASSES),
    )

    def runs(self, what: str, kept: bool, **_: Any) -> tuple[Run, ...]:
        return ((what, kept),)

    def measure(self, run: Run) -> Passes | None:
        return played(run)

    @or_how_to_get
    def show(self, known: Mapping[Run, Passes | None], what: str, kept: bool, passes: int, **_: Any) -> str:
        if (what, kept) not in known:
            return note("The network is being asked.")
        found = known[what, kept]
        if found is None:
            classifier()  # says what is missing
            return ""
        number = int(passes)
        curve = {"running means": [(float(n), far) for n, far in enumerate(found.apart)]}
        chart = line_chart(curve, across="forward passes", up="median distance", marks=[(number, "")],
                           y=(0, max(0.1, 1.1 * max(found.apart))), width=400, height=240)  # fmt: skip
        (first, share), (name, now) = found.answers[0], found.answers[number]
        answers: list[list[Any]] = [
            ["before", first, percent(share)],
            [f"after {number}", (name, "" if name == first else "bad"), percent(now)],
        ]
        photo = shown_pictures([(pieces()[1][0], "what it is asked, in evaluation mode")], width=SIDE)
        told = (
            "Distance of the running means from where they were, in standard deviations of each channel, the "
            "middle one of each layer, averaged. Only batch norms are in training mode: drop path is off."
        )
        return columns(chart, photo + table(["", "first answer", "share"], answers)) + note(told)
