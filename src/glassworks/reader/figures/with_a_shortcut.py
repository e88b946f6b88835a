"""Deeper and deeper, with shortcuts and without: the same blocks learn the same digits in the same steps.

The blocks are those of `models/vision/resnet.py`, 8 filters on maps of 8 x 8. Without shortcut means that the
block's input is not added: the network is a plain stack of the same layers, batch norms included. What is
read is the loss on the pictures that are learned, because the point is whether the stack can be trained at
all.

Source: He et al. 2015, arXiv 1512.03385, figure 1: 56 plain layers train worse than 20.
The first thing to change: `STEPS`.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassworks.core.keyed import seed_for
from glassworks.labs.digits import batches
from glassworks.models.vision.resnet import BasicBlock
from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Choose, Slider
from glassworks.reader.figures.digit_runs import scaled
from glassworks.reader.figures.measured import Measured

FILTERS, STEPS, BATCH, RATE = 8, 60, 32, 3e-3
DEPTHS = {"2 blocks, 4 filter layers": 2, "8 blocks, 16 filter layers": 8, "16 blocks, 32 filter layers": 16}
Run = tuple[int, bool, int]  # blocks, whether with shortcuts, seed
MEAN_OF = 10  # last steps whose losses are averaged


class Nothing(nn.Module):
    """A shortcut that hands on nothing."""

    def forward(self, maps: Tensor) -> Tensor:
        return torch.zeros_like(maps)


def stack(blocks: int, shortcuts: bool, seed: int) -> nn.Sequential:
    """Blocks between a first layer and a head, (batch, 1, 8, 8) -> (batch, 10), with He's start."""
    rows = [BasicBlock(FILTERS, FILTERS, 1) for _ in range(blocks)]
    for row in rows:
        if not shortcuts:
            row.shortcut = Nothing()
    model = nn.Sequential(
        nn.Conv2d(1, FILTERS, 3, padding=1), *rows, nn.AdaptiveAvgPool2d(4), nn.Flatten(),
        nn.Linear(16 * FILTERS, 10),
    )  # fmt: skip
    dice = torch.Generator().manual_seed(seed_for(seed, "with a shortcut"))
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu", generator=dice)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return model


@lru_cache(maxsize=64)
def losses(run: Run) -> tuple[float, ...]:
    """The loss of each step, in nats."""
    blocks, shortcuts, seed = run
    model, part = stack(blocks, shortcuts, seed).train(), scaled(0)[0]
    rule = torch.optim.Adam(model.parameters(), lr=RATE)
    dice, found = torch.Generator().manual_seed(seed_for(seed, "shortcut batches")), []
    for rows in batches(len(part.targets), BATCH, dice):
        loss = F.cross_entropy(model(part.pictures[rows][:, None]), part.targets[rows])
        rule.zero_grad()
        loss.backward()
        rule.step()
        found.append(float(loss.detach()))
        if len(found) == STEPS:
            return tuple(found)
    raise AssertionError


def reached(run: Run) -> float:
    """The mean loss of the last steps."""
    return sum(losses(run)[-MEAN_OF:]) / MEAN_OF


class WithAShortcut(Measured):
    title = "Does a deeper stack learn?"
    says = (
        "Two blocks learn with shortcuts and without. Sixteen blocks learn with them; without, the same "
        "layers are still near guessing after 60 steps. One run each: a shape, not a size."
    )
    controls = (
        Choose("blocks", "depth", DEPTHS, "16 blocks, 32 filter layers"),
        Slider("seed", "seed", 0, 4, step=1, value=0),
    )

    def runs(self, blocks: int, seed: int, **_: Any) -> Sequence[Run]:
        return [(blocks, True, int(seed)), (blocks, False, int(seed))]

    def measure(self, run: Run) -> tuple[float, ...]:
        return losses(run)

    def show(self, known: Mapping[Run, tuple[float, ...]], **values: Any) -> str:
        found = [(run, known[run]) for run in self.runs(**values) if run in known]
        if not found:
            return note("Nothing is trained yet.")
        names = {True: "with shortcuts", False: "without"}
        curves = {names[run[1]]: [(n, loss) for n, loss in enumerate(row, 1)] for run, row in found}
        chart = line_chart(
            curves, across="step", up="loss on the training batch", y=(0, 3), width=440, height=280
        )
        rows = [[names[run[1]], f"{reached(run):.2f}"] for run, _ in found]
        told = "To guess among ten digits costs ln 10 = 2.30. Both stacks have the same layers and start."
        return columns(chart, table(["", f"loss, last {MEAN_OF} steps"], rows)) + note(told)
