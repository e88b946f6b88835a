"""Search of pictures by words: every picture is a vector already, and the question is one vector more.

The pictures are the 359 test digits and the model is the small CLIP of `small_clip.py`.
The first thing to change: `QUESTIONS`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from glassworks.reader.draw import note, pictures
from glassworks.reader.figure import Choose, Slider
from glassworks.reader.figures.measured import Measured
from glassworks.reader.figures.small_clip import cosines, learned, picture_vectors, test_part
from glassworks.reader.figures.small_vit import ink_of

QUESTIONS = {
    text: text
    for text in ("a handwritten three", "a handwritten zero", "seven", "a cat on a chair", "not a three")
}
TOP = 10
ASKED = {"in words": True, "by the first picture found": False}


def nearest(question: str, words: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """The first TOP test pictures, best first, and their cosines."""
    found = cosines((question,))[:, 0]
    if not words:
        seen = picture_vectors().numpy()
        found = seen @ seen[int(found.argmax())]
    order = np.argsort(-found, kind="stable")[:TOP]
    return order, found[order]


class SearchDigits(Measured):
    title = "Search by words, or by a picture"
    says = (
        "The pictures are ranked by their cosine with the question. Something is nearest to every question, "
        "also to one about a cat in a folder of digits."
    )
    controls = (
        Choose("question", "question", QUESTIONS),
        Choose("words", "asked", ASKED),
        Slider("top", "pictures shown", 2, TOP, step=1, value=8),
    )

    def runs(self, *_: Any, **__: Any) -> tuple[str]:
        return ("trained",)

    def measure(self, run: str) -> bool:
        return bool(learned())

    def show(self, known: Mapping, question: str, words: bool, top: int, **_: Any) -> str:
        if not known:
            return ""
        order, found = nearest(question, words)
        test = test_part()
        shown = [
            (ink_of(test.pictures[row]), f"{place}. a {int(test.targets[row])}, {cosine:.2f}")
            for place, (row, cosine) in enumerate(zip(order.tolist(), found.tolist()), 1)
        ]
        told = f"Of {len(test.targets)} pictures. The cosine ranks; it does not say that a picture fits."
        return pictures(shown[: int(top)], width=84) + note(told)
