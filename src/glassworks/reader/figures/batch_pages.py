"""The batches of an epoch, page by page: which rows come, in which order, and in what shape.

The order is a function of (seed, epoch), not of what happened before: go back to a seed and an epoch and the
same pictures come back. That is how the workbench's own batches are made (`data/batches.py`), used here.
First thing to change: `WHERE`, another sample or a folder of your own.
"""

from functools import cache

import numpy as np
from torch import Tensor

from glassworks.core.rows import PictureInput
from glassworks.data.batches import PictureBatches, measure_input
from glassworks.data.doors import open_pictures
from glassworks.data.store import PictureStore, open_store
from glassworks.reader import draw
from glassworks.reader.figure import Figure, Slider, Steps

WHERE = "sample:digits"
SIDE = 32
SIZE = 16  # pictures in a batch
LAST = 112  # the number of the last batch of 1,797 digits


@cache
def store() -> tuple[PictureStore, PictureInput]:
    """All digits decoded once, and the mean and std of their pixels."""
    found = open_store(open_pictures(WHERE), height=SIDE, width=SIDE, channels=1)
    return found, measure_input(found.pixels, np.arange(len(found.table)))


def digits(seed: int) -> PictureBatches:
    """Batches of all digits in the order of a seed."""
    found, how = store()
    return PictureBatches(found.pixels, found.table.targets, np.arange(len(found.table)), how, seed=seed)


class BatchPages(Figure):
    title = "The batches of an epoch"
    says = "Each epoch shows every picture once, in an order that seed and epoch fix."
    controls = (
        Slider("page", "batch", 0, LAST, step=1, value=0),
        Steps("epoch", "epoch", 0, 5),
        Slider("seed", "seed", 0, 9, step=1, value=0),
    )

    def draw(self, page: int, epoch: int, seed: int) -> str:
        data, classes = digits(seed), store()[0].table.classes
        batch = data.training(epoch, page * SIZE, (page + 1) * SIZE)
        shown = [
            (data.pixels[row], f"{classes[int(target)]}, row {row}")
            for row, target in zip(batch.rows, batch.targets)
        ]
        facts = draw.equation(
            f"inputs.shape   {tuple(batch.inputs.shape)}  {batch.inputs.dtype}",
            f"targets.shape  {tuple(batch.targets.shape)}  {batch.targets.dtype}",
            f"inputs         {_range(batch.inputs)}",
        )
        words = (
            f"Batches 0 to {LAST} make an epoch. Batch {page} holds {len(batch)} of {len(data):,} pictures."
        )
        order = ", ".join(str(row) for row in data.order(epoch)[:10])
        return (
            draw.note(words)
            + draw.pictures(shown, width=64)
            + facts
            + draw.note(f"Order of epoch {epoch} with seed {seed}: rows {order}, …")
        )


def _range(inputs: Tensor) -> str:
    return f"from {float(inputs.min()):.2f} to {float(inputs.max()):.2f}, mean of all data 0, std 1"
