"""A trained reader and one remark: its verdict alone, and with more and more padding behind the remark.

Padding is a token with a row of zeros in the table. Told the lengths, the reader never sees it; not told,
both of its LSTMs read on, and the one from the end begins there.
The first thing to change: `TEXTS`.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch

from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Choose, Slider
from glassworks.reader.figures.film_remarks import padded, trained, vocabulary
from glassworks.reader.figures.measured import Measured

ALL = 1000  # remarks that the reader learned from
TEXTS = {
    text: text for text in (
        "the story is not dull", "the film is moving", "the plot is silly, but the music is lovely",
        "the acting is hollow", "the cast is not clever",
    )
}  # fmt: skip
MOST = 40


@lru_cache(maxsize=32)
@torch.no_grad()
def verdicts(text: str, told: bool) -> list[float]:
    """The probability of "positive" with 0 to MOST steps of padding."""
    model, row = trained("two LSTMs", ALL), vocabulary(ALL).encode(text)
    found = []
    for more in range(MOST + 1):
        tokens, lengths = padded([row], more)
        found.append(float(model(tokens, lengths if told else None)[0, 0].sigmoid()))
    return found


class PaddingMovesAVerdict(Measured):
    title = "The same remark in a longer batch"
    says = (
        "Whoever is not told where a text ends reads the padding, and the verdict on a remark depends on how "
        "long its neighbours in the batch are. With the lengths it is the same number for any padding."
    )
    controls = (
        Choose("text", "remark", TEXTS),
        Slider("padding", "steps of padding", 0, MOST, step=1, value=20),
    )

    def runs(self, text: str, **_: Any) -> Sequence[str]:
        return [text]

    def measure(self, run: str) -> tuple[list[float], list[float]]:
        return verdicts(run, True), verdicts(run, False)

    def show(self, known: Mapping, text: str, padding: float, **_: Any) -> str:
        if not known:
            return note("A reader is being trained on 1,000 made-up remarks.")
        padding = int(padding)
        told, untold = known[text]
        curves = {"lengths told": list(enumerate(told)), "not told": list(enumerate(untold))}
        chart = line_chart(
            curves, across="steps of padding", up="probability: positive", y=(0, 1), x=(0, MOST),
            points={name: [row[padding]] for name, row in curves.items()}, width=380, height=230,
        )  # fmt: skip
        tone = "good" if abs(untold[padding] - untold[0]) < 0.01 else "bad"
        rows = [
            ["lengths told", f"{told[0]:.3f}", (f"{told[padding]:.3f}", "good")],
            ["not told", f"{untold[0]:.3f}", (f"{untold[padding]:.3f}", tone)],
        ]
        return columns(table(["", "alone", f"with {padding} steps"], rows), chart)
