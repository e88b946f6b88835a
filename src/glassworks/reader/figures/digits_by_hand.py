"""Two layers on the tape learn to read digits, one epoch a click.

2,410 weights learn by what one weight learned with: forward, loss, tape backwards, a small step. The
network is `TwoLayers` of `foundations/by_hand.py`, in NumPy alone, on 1,168 pictures of 8 x 8 squares.
Change first: `HIDDEN` and `RATES`, what a reader may choose.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from glassworks.foundations.by_hand import Epoch, accuracy, standardise, train
from glassworks.labs.digits import SIDE, deal
from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure, Steps

SEED, EPOCHS, SHOWN = 0, 8, 10
HIDDEN = {"4": 4, "16": 16, "32": 32}
RATES = {"0.02": 0.02, "0.2": 0.2, "2": 2.0}


class Digits(NamedTuple):
    """Standardised rows, float64 (pictures, 64), with int64 targets; pictures: the held-out ones, uint8."""

    rows: np.ndarray
    targets: np.ndarray
    held: np.ndarray
    held_targets: np.ndarray
    pictures: np.ndarray


@lru_cache(maxsize=1)
def digits() -> Digits:
    """The training and the validation part; the test part stays untouched."""
    training, held, _ = deal(SEED)
    rows, others = (part.pictures.double().numpy().reshape(-1, SIDE * SIDE) for part in (training, held))
    mean, std = rows.mean(), rows.std()
    return Digits(
        standardise(rows, mean, std), training.targets.numpy(),
        standardise(others, mean, std), held.targets.numpy(),
        (255 - held.pictures.numpy()).astype(np.uint8),
    )  # fmt: skip


class Learned(NamedTuple):
    """weights: how many numbers were learned; answers: of the first pictures of the validation part."""

    weights: int
    history: tuple[Epoch, ...]
    accuracy: float
    answers: tuple[int, ...]


@lru_cache(maxsize=128)
def learned(hidden: int, rate: float, epochs: int) -> Learned:
    """The network after some epochs, always from the same start (a quarter of a second at most)."""
    data = digits()
    generator = np.random.default_rng(SEED)
    model, history = train(
        data.rows,
        data.targets,
        data.held,
        data.held_targets,
        generator,
        hidden=hidden,
        rate=rate,
        epochs=epochs,
    )
    answers = model(data.held[:SHOWN]).data.argmax(axis=1).tolist()
    count = sum(parameter.data.size for parameter in model.parameters())
    return Learned(count, tuple(history), accuracy(model, data.held, data.held_targets), tuple(answers))


class DigitsByHand(Figure):
    title = "Two layers learn to read digits"
    says = (
        "Each click on Next is one epoch on the tape of this chapter. Untrained, the network guesses; after "
        "eight epochs it reads more than nine of ten pictures that it never saw."
    )
    controls = (
        Steps("epochs", "epochs trained", 0, EPOCHS),
        Choose("hidden", "hidden units", HIDDEN, "32"),
        Choose("rate", "learning rate", RATES, "0.2"),
    )

    def draw(self, epochs: int, hidden: int, rate: float) -> str:
        now = learned(hidden, rate, epochs)
        data = digits()
        told = f"{now.weights:,} weights, {epochs} epochs: {now.accuracy:.1%} of {len(data.held)} new digits."
        rows = zip(data.pictures[:SHOWN], data.held_targets, now.answers)
        captions = [(picture, f"reads {said}" if said == right else f"reads {said}, is {right}")
                    for picture, right, said in rows]  # fmt: skip
        return draw.text(told) + draw.columns(_curve(now.history), draw.pictures(captions, width=72))


def _curve(history: tuple[Epoch, ...]) -> str:
    if not history:
        return draw.note(
            "No epoch yet: the weights are random numbers. Some answers are right by luck; guessing is, in "
            "one of ten."
        )
    return draw.line_chart(
        {
            "loss, training": [(epoch.number, epoch.loss) for epoch in history],
            "accuracy, held out": [(epoch.number, epoch.accuracy) for epoch in history],
        },
        points={"loss, training": [(1, history[0].loss)], "accuracy, held out": [(1, history[0].accuracy)]},
        across="epoch", x=(1, EPOCHS), y=(0, max(1.0, *(epoch.loss for epoch in history))), width=400,
    )  # fmt: skip
