"""Copies across the parts: a table whose labels are tossed coins, and a reader that learns texts by heart.

There is nothing to learn, so an honest test says 50 %. Where copies of a text stand in both parts, learning
by heart looks like knowledge.
The first thing to change: `TEXTS`.
"""

from functools import lru_cache

import numpy as np

from glassworks.core.keyed import generator, permutation
from glassworks.judging.intervals import wilson
from glassworks.reader.draw import note, table
from glassworks.reader.figure import Choose, Figure, Slider

TEXTS, TEST = 4000, 0.2


@lru_cache(maxsize=64)
def parts(copied: float, together: bool) -> tuple[np.ndarray, np.ndarray]:
    """The number of the text in each row of the training part, and in each row of the test part.

    copied: share of the texts that stand in the table twice; together: copies stay in one part
    """
    twice = permutation(TEXTS, "copied")[: round(copied * TEXTS)]
    texts = np.concatenate([np.arange(TEXTS), twice])
    dealt = generator("copies leak", int(together)).random(TEXTS if together else len(texts))
    tested = (dealt[texts] if together else dealt) < TEST
    return texts[~tested], texts[tested]


@lru_cache(maxsize=64)
def judged(copied: float, together: bool) -> tuple[np.ndarray, float]:
    """(whether each test row was answered rightly, share of the test rows whose text was learned)."""
    learned, asked = parts(copied, together)
    dice = generator("copies leak", "labels")
    labels, guesses = dice.integers(2, size=(2, TEXTS))
    known = np.isin(asked, learned)
    said = np.where(known, labels[asked], guesses[asked])
    return said == labels[asked], float(known.mean())


class CopiesLeak(Figure):
    title = "Learned by heart"
    says = (
        "The labels are tossed coins. With copies on both sides of the split a reader that only remembers is "
        "right far more often than half of the time; with copies kept together it is not."
    )
    controls = (
        Slider("copied", "texts that are there twice", 0, 100, step=5, value=30, unit="%"),
        Choose("together", "the split", {"row by row": False, "copies stay together": True}),
    )

    def draw(self, copied: float, together: bool) -> str:
        hits, known = judged(copied / 100, together)
        low, high = wilson(int(hits.sum()), len(hits))
        rows: list[list] = [
            ["rows of the test part", f"{len(hits):,}"],
            ["their text stands in training, too", f"{known:.1%}"],
            ["right answers", (f"{hits.mean():.1%}", "bad" if low > 0.5 else "good")],
            ["95 % interval", f"{low:.1%} to {high:.1%}"],
        ]
        told = (
            "All that was seen is answered rightly, and half of the rest: "
            f"{known:.3f} + (1 - {known:.3f}) / 2 = {(1 + known) / 2:.3f} is to be expected."
        )
        return table(["the reader that learns by heart", ""], rows) + note(told)
