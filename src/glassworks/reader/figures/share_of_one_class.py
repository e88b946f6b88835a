"""One class is rare: what accuracy, balanced accuracy and F1 make of a model and of a fixed answer.

A thousand texts; how many are negative, how many of these a model finds, and how many of the others it lets
pass decide every number.
The first thing to change: the start of the sliders.
"""

from typing import NamedTuple

import numpy as np

from glassworks.reader.draw import columns, note, number_grid, table
from glassworks.reader.figure import Figure, Slider

TEXTS = 1000


class Counts(NamedTuple):
    """found, missed: negative texts; alarms, passed: positive ones called negative, and positive."""

    found: int
    missed: int
    alarms: int
    passed: int

    @property
    def accuracy(self) -> float:
        return (self.found + self.passed) / TEXTS

    @property
    def balanced(self) -> float:
        """The mean of the shares found of both classes."""
        negative, positive = self.found + self.missed, self.alarms + self.passed
        return (self.found / negative + self.passed / positive) / 2

    @property
    def f1(self) -> float:
        """Of the negative texts."""
        return 2 * self.found / (2 * self.found + self.alarms + self.missed)


def counts(negative: float, found: float, passed: float) -> Counts:
    """Of TEXTS texts so many in 100 are negative; of these so many in 100 are found, of the others passed."""
    bad = round(TEXTS * negative / 100)
    hit, kept = round(bad * found / 100), round((TEXTS - bad) * passed / 100)
    return Counts(hit, bad - hit, TEXTS - bad - kept, kept)


class ShareOfOneClass(Figure):
    title = "Nine in ten are content"
    says = (
        "Where 90 % are positive, saying positive to everything is right in 90 % and useless. Accuracy "
        "hardly tells it from a model that finds half of the complaints; balanced accuracy and F1 do."
    )
    controls = (
        Slider("negative", "negative texts", 2, 50, step=1, value=10, unit="%"),
        Slider("found", "of these the model finds", 0, 100, step=5, value=50, unit="%"),
        Slider("passed", "positive texts it lets pass", 50, 100, step=1, value=95, unit="%"),
    )

    def draw(self, negative: float, found: float, passed: float) -> str:
        model, always = counts(negative, found, passed), counts(negative, 0, 100)
        rows = [
            [name, f"{of(always):.3f}", (f"{of(model):.3f}", "good" if of(model) > of(always) else "bad")]
            for name, of in (
                ("accuracy", lambda one: one.accuracy),
                ("balanced accuracy", lambda one: one.balanced),
                ("F1 of negative", lambda one: one.f1),
            )
        ]
        grid = number_grid(
            np.array(model).reshape(2, 2), decimals=0,
            title="rows: negative, positive; columns: called negative, called positive",
        )  # fmt: skip
        told = f"{TEXTS:,} texts, {model.found + model.missed} of them negative."
        return columns(table(["", "always positive", "the model"], rows), grid) + note(told)
