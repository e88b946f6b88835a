"""How far back should one count? Surprise by the length of the run, on text that was read and on other text.

The longer the run, the better it knows what it has read, down to knowing it by heart. On other text it soon
gains nothing more, because most long runs are new. More text moves that place to the right.
The first thing to change: `SHARES`.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Choose
from glassworks.reader.figures import counted_book as book
from glassworks.reader.figures.measured import Measured

SHARES = {"all of it": 1.0, "a quarter": 0.25, "a sixteenth": 0.0625}
ASKED = 20_000  # characters of what was read that are looked at again
TOLD = (2, 4, 8, 12)
Found = tuple[list[float], list[float], list[float]]


@lru_cache(maxsize=8)
def by_length(share: float) -> Found:
    """For runs of 1 … LONGEST: bits a character on what was read, on the unread, and the share of the
    unread one's runs that are new."""
    grams, text = book.counts(share), book.read()[: round(share * len(book.read()))]
    seen, new = (grams.nats(book.stream(one)) for one in (text[:ASKED], book.unread()))
    bits = [[float(one[n].mean() / np.log(2)) for n in sorted(one)] for one in (seen, new)]
    return bits[0], bits[1], [_new(text, book.unread(), n) for n in range(1, book.LONGEST + 1)]


def _new(text: str, other: str, run: int) -> float:
    known = {text[at : at + run] for at in range(len(text) - run + 1)}
    runs = [other[at : at + run] for at in range(len(other) - run + 1)]
    return sum(one not in known for one in runs) / len(runs)


class LongerRuns(Measured):
    title = "How far back to count"
    says = (
        "On what was counted, longer runs are always better. On unread chapters they stop helping after "
        "some seven characters: most longer runs are new there."
    )
    controls = (Choose("share", "text that was counted", SHARES),)

    def runs(self, share: float) -> Sequence[float]:
        return [share]

    def measure(self, run: float) -> Found:
        return by_length(run)

    def show(self, known: Mapping, share: float) -> str:
        if not known:
            return note("Runs of characters are being counted.")
        seen, new, strange = known[share]
        best = int(np.argmin(new)) + 1
        curves = {"read": list(enumerate(seen, 1)), "not read": list(enumerate(new, 1))}
        chart = line_chart(
            curves, points=curves, across="characters of the longest run", up="bits a character",
            x=(1, book.LONGEST), y=(0, 5), marks=[(best, f"best: {best}")], width=400, height=250,
        )  # fmt: skip
        rows = [[f"{n}", f"{strange[n - 1]:.0%}"] for n in TOLD]
        size = round(share * len(book.read()))
        return columns(chart, table(["run", "new in the unread"], rows)) + note(
            f"{size:,} characters counted. Best on the unread chapters: {min(new):.2f} bits with {best}."
        )
