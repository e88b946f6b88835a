"""Which words made a verdict: integrated gradients and leaving words out, on a reader that was just trained.

Both are the installed ones. The shares of integrated gradients sum to what the score gains over a text of
unknown words; those of leaving out promise no sum.
The first thing to change: `TEXTS`.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from glassworks.data.vocabulary import UNKNOWN
from glassworks.insight.words import WordShares, gradient_shares, logit, occlusion_shares
from glassworks.insight.words_page import drawn_words
from glassworks.models.sequence.sentiment import SentimentReader
from glassworks.reader.draw import columns, heading, note, table
from glassworks.reader.figure import Choose
from glassworks.reader.figures.film_remarks import trained, vocabulary
from glassworks.reader.figures.measured import Measured

ALL = 1000  # remarks that the readers learned from
TEXTS = {
    text: text for text in (
        "the story is not really dull", "the film is moving", "the plot is silly, but the music is lovely",
        "the music is lovely, but the plot is silly", "the acting is hollow and the pace is slow",
    )
}  # fmt: skip


@lru_cache(maxsize=64)
def shares(kind: str, text: str) -> tuple[WordShares, WordShares]:
    """By integrated gradients, and by leaving words out; in units of the logit of "positive"."""
    tokens = np.array(vocabulary(ALL).encode(text))
    model, score = trained(kind, ALL), logit(0)
    return (
        gradient_shares(model, tokens, score, blank=UNKNOWN),
        occlusion_shares(model, tokens, score, blank=UNKNOWN),
    )


class WhichWords(Measured):
    title = "Which words made the verdict"
    says = (
        "Integrated gradients share out the whole difference to a text of unknown words, and their sum is "
        "checked. Leaving out one word at a time answers another question, and its numbers sum to "
        'something else: a text without "not" and one without "dull" are other texts.'
    )
    controls = (
        Choose("text", "remark", TEXTS),
        Choose("kind", "reader", {"two LSTMs": "two LSTMs", "Transformer": "Transformer"}),
    )

    def runs(self, kind: str, **_: Any) -> Sequence[str]:
        return [kind]

    def measure(self, run: str) -> SentimentReader:
        return trained(run, ALL)

    def show(self, known: Mapping, text: str, kind: str) -> str:
        if not known:
            return note("A reader is being trained on 1,000 made-up remarks.")
        pieces = vocabulary(ALL).pieces(text)
        path, out = shares(kind, text)
        rows = [
            [piece, f"{one:+.2f}", f"{other:+.2f}"]
            for piece, one, other in zip(pieces, path.shares, out.shares)
        ]
        rows.append(["sum", f"{path.shares.sum():+.2f}", f"{out.shares.sum():+.2f}"])
        table_of = table(["word", "integrated gradients", "left out"], rows)
        told = (
            f"Score of the text {path.score:+.2f}, of unknown words alone {path.blank:+.2f}: a difference of "
            f"{path.score - path.blank:+.2f}. The shares of integrated gradients miss it by "
            f"{path.gap or 0:.3f}, with {path.steps} steps."
        )
        drawn = heading("integrated gradients") + drawn_words(text, pieces, path.shares)
        drawn += heading("left out") + drawn_words(text, pieces, out.shares)
        return columns(table_of, drawn) + note(told)
