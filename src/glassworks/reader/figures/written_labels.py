"""Labels as texts: the small CLIP asked in other words, for words it never read, and for what is no digit.

A digit can be left out of training, its pictures and its captions. Whether its name works as a label then is
the honest test of zero-shot classification. Here it hardly does: such a caption shares nothing with the
others but "a handwritten".
The first thing to change: `LABELS`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from glassworks.data.samples import NUMBER_WORDS
from glassworks.reader.draw import columns, note, picture, table
from glassworks.reader.figure import Choose, Slider
from glassworks.reader.figures.measured import Measured
from glassworks.reader.figures.small_clip import cosines, learned, small_clip, test_part, tokenizer
from glassworks.reader.figures.small_vit import ink_of

WORDINGS = {
    "a handwritten {}": "a handwritten {}",
    "{}": "{}",
    "a {}": "a {}",
    "a photo of a {}": "a photo of a {}",
    "handwritten {} a": "handwritten {} a",
}
LABELS = {
    "zero to nine": NUMBER_WORDS,
    "three, eight": ("three", "eight"),
    "cat, dog, car": ("cat", "dog", "car"),
}
LEFT = {"none": None, "three": 3, "seven": 7}
SHOWN = 24


def texts(wording: str, labels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(wording.replace("{}", label) for label in labels)


def right(wording: str, left: int | None = None) -> np.ndarray:
    """Whether the nearest of the ten labels is the right one, bool (359,)."""
    said = cosines(texts(wording, NUMBER_WORDS), left).argmax(axis=1)
    return said == test_part().targets.numpy()


class WrittenLabels(Measured):
    title = "Labels that you write"
    says = (
        "Any list of texts is a classifier. How it is worded changes the result, a word that was never read "
        "works badly or not at all, and a list without the right answer gets an answer all the same."
    )
    controls = (
        Slider("number", "test picture", 0, SHOWN - 1, step=1, value=3),
        Choose("labels", "labels", LABELS),
        Choose("wording", "written as", WORDINGS),
        Choose("left", "left out of training", LEFT),
    )

    def runs(self, left: int | None, **_: Any) -> tuple[str]:
        return (f"without {left}",)

    def measure(self, run: str) -> bool:
        word = run.removeprefix("without ")
        return bool(learned(None if word == "None" else int(word)))

    def show(
        self, known: Mapping, number: int, labels: tuple, wording: str, left: int | None, **_: Any
    ) -> str:
        if not known:
            return ""
        asked = texts(wording, tuple(labels))
        found = cosines(asked, left)[int(number)]
        scores = float(small_clip(left).scale.detach()) * found
        shares = np.exp(scores - scores.max())
        shares /= shares.sum()
        order = np.argsort(-shares, kind="stable")
        rows = [[asked[place], f"{found[place]:+.2f}", f"{shares[place]:.1%}"] for place in order]
        test = test_part()
        truth = NUMBER_WORDS[int(test.targets[int(number)])]
        shown = picture(ink_of(test.pictures[int(number)]), f"a {truth}", width=120)
        pieces = " | ".join(piece.strip() for piece in tokenizer(left).pieces(asked[int(order[0])]))
        return columns(shown + note(f"First text as tokens: {pieces}"),
                       table(["text", "cosine", "share"], rows), _judged(wording, left))  # fmt: skip


def _judged(wording: str, left: int | None) -> str:
    hits, targets = right(wording, left), test_part().targets.numpy()
    rows = [[f"all {len(hits)}", f"{hits.mean():.1%}"]]
    if left is not None:
        own = targets == left
        rows.append([f"{own.sum()} of the digit left out", f"{hits[own].mean():.1%}"])
        rows.append([f"{(~own).sum()} of the others", f"{hits[~own].mean():.1%}"])
    return table(["test pictures, ten labels in this wording", "right"], rows)
