"""A bag, a window, a layer over every place and a recurrent layer learn the same question, live.

Where the order decides, the bag stays at a coin's toss. Where only counts decide, it is the best of all.
The first thing to change: the questions, in `order_runs.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassworks.reader.draw import columns, line_chart, table
from glassworks.reader.figure import Choose, Slider
from glassworks.reader.figures.measured import Measured
from glassworks.reader.figures.order_runs import KINDS, LENGTH, LONGER, STEPS, WINDOW, run

ASKED = {"which came first, A or B?": "order", "are there more As than Bs?": "count"}
NAMED = {
    "bag": "bag: mean of the letters",
    "window": f"window: the last {WINDOW} letters",
    "every place": f"a weight for each of {LENGTH} places",
    "recurrent": "recurrent: letter by letter",
}
PIECES = 20


class OrderDecides(Measured):
    title = "Four networks, one question"
    says = (
        "Which came first, A or B? A bag guesses, a window knows part of it, and reading letter by letter "
        "solves it at the length of the training. At twice that length the recurrent layer still answers, "
        "and forgets. Ask how many there are, and the bag is the best of all."
    )
    controls = (Choose("question", "question", ASKED), Slider("seed", "seed", 0, 4, step=1, value=0))

    def runs(self, question: str, seed: int, **_: Any) -> Sequence[tuple[str, str, int]]:
        return [(question, kind, int(seed)) for kind in KINDS]

    def measure(self, run_of: tuple[str, str, int]) -> Any:
        return run(*run_of)

    def show(self, known: Mapping, **_: Any) -> str:
        found = {kind: known[key] for key in known for kind in [key[1]]}
        return drawn(found)


def drawn(found: Mapping[str, tuple[Sequence[float], Mapping[int, float | None]]]) -> str:
    """The shares of right answers by length, and the losses, of the networks that are known."""
    head = ["right answers", *(f"{length} letters" for length in (LENGTH, *LONGER))]
    rows = [[NAMED[kind], *map(_share, shares.values())] for kind, (_, shares) in found.items()]
    if not found:
        return table(head, [])
    losses = {kind: _curve(losses) for kind, (losses, _) in found.items()}
    chart = line_chart(losses, across="step", up="training loss, nats", y=(0, 0.8), width=360, height=230)
    return columns(table(head, rows), chart)


def _share(right: float | None) -> str:
    return "refused" if right is None else f"{right:.1%}"


def _curve(losses: Sequence[float]) -> list[tuple[float, float]]:
    pieces = np.array_split(np.array(losses), PIECES)
    return [((place + 0.5) * STEPS / PIECES, float(piece.mean())) for place, piece in enumerate(pieces)]
