"""Frequent and rare words: how often each stays in the text, and how often it is drawn as noise.

Counts of Python's manual. Frequent words are left out now and then; noise is drawn by counts to a power.
The first thing to change: `SHOWN`, the ranks of the words.
"""

import numpy as np

from glassworks.reader.draw import note, table
from glassworks.reader.figure import Choose, Figure, Slider
from glassworks.reader.figures.manual_words import manual
from glassworks.tasks.word_embedding import kept_shares, noise_ends

SHOWN = (0, 2, 9, 49, 199, 599, 1199)  # the first is the most frequent
THRESHOLDS = {"never": 0.0, "from 1 in 100": 1e-2, "from 1 in 1,000": 1e-3, "from 1 in 10,000": 1e-4}


class WhoIsDrawn(Figure):
    title = "Who stays, and who is noise"
    says = (
        'With the power 3/4 a rare word is drawn as noise more often than it is read, and "the" less often. '
        "Leaving out frequent words brings the others closer together, and saves time."
    )
    controls = (
        Slider("power", "power of the counts", 0, 1, step=0.05, value=0.75),
        Choose("threshold", "frequent words are left out", THRESHOLDS, value="from 1 in 1,000"),
    )

    def draw(self, power: float, threshold: float) -> str:
        words, counts, _ = manual()
        shares = counts / counts.sum()
        kept = kept_shares(counts, threshold)
        noise = np.diff(noise_ends(counts, power).numpy(), prepend=0.0)
        first = int((counts > 0).argmax())
        rows = []
        for rank in SHOWN:
            number = first + rank
            if number < len(words):
                rows.append(
                    [
                        words[number], f"{counts[number]:,}", f"{kept[number]:.0%}",
                        f"{noise[number] / shares[number]:.2f} ×",
                    ]
                )  # fmt: skip
        left = float((shares * kept).sum())
        told = (
            f"{counts.sum():,} words of the manual, {len(words) - first:,} different ones; {left:.0%} of the "
            "text stays. Last column: how often a word is drawn as noise, by how often it occurs."
        )
        return table(["word", "occurs", "stays", "as noise"], rows) + note(told)
