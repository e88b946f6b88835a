"""The mean over samples and the mean of batch means: the same only when all batches have the same size.

The loss of an epoch weighs each batch by its rows. A last batch of a few rows would otherwise count as much
as a full one. The workbench cuts an epoch so that no batch is small, and still weighs by rows.
The first thing to change: `FULL`, the rows of a full batch.
"""

from collections.abc import Sequence
from typing import Any

from glassworks.reader.draw import columns, note, table
from glassworks.reader.figure import Figure, Slider
from glassworks.training.loop import next_boundary

FULL, LOSS = 64, 0.5


def both_means(losses: Sequence[float], counts: Sequence[int]) -> tuple[float, float]:
    """(mean over rows, mean of the batch means)."""
    over_rows = sum(loss * count for loss, count in zip(losses, counts)) / sum(counts)
    return over_rows, sum(losses) / len(losses)


def even_cut(count: int, batch: int) -> list[int]:
    """The batch sizes of the workbench's loop."""
    sizes, position = [], 0
    while position < count:
        end = next_boundary(position, count, batch)
        sizes.append(end - position)
        position = end
    return sizes


class MeanOfBatches(Figure):
    title = "The last batch is smaller"
    says = (
        "Weigh each batch by its rows. The mean of batch means gives two odd rows as much say as sixty-four."
    )
    controls = (
        Slider("rows", "rows in the last batch", 1, FULL, step=1, value=2),
        Slider("loss", "mean loss of the last batch", 0, 5, step=0.25, value=4.5),
    )

    def draw(self, rows: int, loss: float, **_: Any) -> str:
        counts, losses = [FULL, FULL, FULL, int(rows)], [LOSS, LOSS, LOSS, float(loss)]
        right, wrong = both_means(losses, counts)
        head = ["batch", "rows", "mean loss", "sum"]
        body: list[list[object]] = [
            [number, count, f"{one:.2f}", f"{one * count:.1f}"]
            for number, (one, count) in enumerate(zip(losses, counts), 1)
        ]
        body.append(["all", sum(counts), f"{right:.2f}", f"{right * sum(counts):.1f}"])
        means = [
            ["over rows: sum of losses / rows", (f"{right:.4f}", "good")],
            [
                "mean of the four batch means",
                (f"{wrong:.4f}", "bad" if abs(wrong - right) > 5e-5 else "good"),
            ],
        ]
        cut = " + ".join(str(size) for size in even_cut(sum(counts), FULL))
        told = f"The workbench cuts the same {sum(counts)} rows into batches of {cut}."
        return columns(table(head, body), table(["mean of the epoch", "value"], means) + note(told))
