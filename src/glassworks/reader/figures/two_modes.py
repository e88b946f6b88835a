"""Training mode and evaluation mode: the same picture asked twenty times, alone or in company.

Dropout left on answers by chance. Batch norm left in training mode normalises by whoever else is in the
batch, so an answer depends on the company, and alone a picture is normalised by itself. In evaluation mode
neither happens.
The first thing to change: `TIMES`.
"""

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import nn

from glassworks.core.keyed import generator
from glassworks.labs.loop import Reader
from glassworks.reader.draw import columns, line_chart, note, picture, table
from glassworks.reader.figure import Choose, Slider, Toggle
from glassworks.reader.figures.digit_runs import reader, scaled
from glassworks.reader.figures.measured import Measured

TIMES, COMPANY = 20, 31
SHOWN = 40  # test pictures to choose from


def model_in(dropout: bool, batch_norm: bool, dice: int = 0) -> Reader:
    """A trained model with dropout, or batch norm, left as in training; its running figures stay."""
    model = reader(dice=dice)
    model.training = dropout
    for norm in model.norms:
        assert isinstance(norm, nn.BatchNorm2d)
        norm.training, norm.momentum = batch_norm, 0.0
    return model


@torch.no_grad()
def asked(number: int, dropout: bool, batch_norm: bool, alone: bool) -> np.ndarray:
    """Probabilities of the ten classes for one test picture, TIMES times, (20, 10)."""
    test = scaled(0)[2]
    model, dice, found = model_in(dropout, batch_norm, number), generator(number, "company"), []
    for _ in range(TIMES):
        others = [] if alone else dice.choice(len(test.targets), COMPANY, replace=False).tolist()
        found.append(model(test.pictures[[number, *others]]).softmax(dim=1)[0].numpy())
    return np.stack(found)


@lru_cache(maxsize=8)
def accuracy_alone_and_together(dropout: bool, batch_norm: bool) -> tuple[float, float]:
    """Of all test pictures: asked one by one, and all at once."""
    test, model = scaled(0)[2], model_in(dropout, batch_norm)
    with torch.no_grad():
        alone = torch.cat([model(row).argmax(dim=1) for row in test.pictures.split(1)])
        together = model(test.pictures).argmax(dim=1)
    return _share(alone == test.targets), _share(together == test.targets)


def _share(right: torch.Tensor) -> float:
    return float(right.double().mean())


class TwoModes(Measured):
    title = "Ask the same picture twenty times"
    says = (
        "In evaluation mode a model gives one answer. With dropout left on it answers by chance, and with "
        "batch norm left in training mode the answer depends on the other pictures in the batch."
    )
    controls = (
        Toggle("dropout", "dropout as in training", value=True),
        Toggle("batch_norm", "batch norm as in training"),
        Choose("company", "the picture comes", {"alone": True, "with 31 others": False}),
        Slider("number", "test picture", 0, SHOWN - 1, step=1, value=5),
    )

    def runs(self, dropout: bool, batch_norm: bool, **_: Any) -> tuple[tuple[bool, bool]]:
        return ((dropout, batch_norm),)

    def measure(self, run: tuple[bool, bool]) -> tuple[float, float]:
        return accuracy_alone_and_together(*run)  # trains the model when it is the first to ask

    def show(
        self, known: Mapping, dropout: bool, batch_norm: bool, company: bool, number: int, **_: Any
    ) -> str:
        if (dropout, batch_norm) not in known:
            return ""
        alone, together = known[dropout, batch_norm]
        found = asked(int(number), dropout, batch_norm, company)
        test = scaled(0)[2]
        truth = int(test.targets[int(number)])
        counts = Counter(found.argmax(axis=1).tolist())
        said = found[:, truth].tolist()
        chart = line_chart(
            {}, points={f'probability of "{truth}", the right class': list(enumerate(said, 1))},
            across="time asked", up="probability", y=(0, 1), x=(0, TIMES + 1), width=360, height=220,
        )  # fmt: skip
        rows = [[str(digit), f"{times} of {TIMES}"] for digit, times in counts.most_common()]
        spread = max(said) - min(said)
        one = "One answer, to the last bit." if spread == 0 else f"The probability spans {spread:.2f}."
        figures = table(
            [f"all {len(test.targets)} test pictures", "accuracy"],
            [
                ["asked one by one", f"{alone:.1%}"],
                ["in one batch", f"{together:.1%}"],
            ],
        )
        return columns(_shown(test.pictures[int(number)], truth) + table(["answer", "times"], rows), chart,
                       note(one) + figures)  # fmt: skip


def _shown(values: torch.Tensor, truth: int) -> str:
    ink = ((values - values.min()) / (values.max() - values.min()) * 255).to(torch.uint8).numpy()
    return picture(255 - ink, f"a {truth}", width=96)
