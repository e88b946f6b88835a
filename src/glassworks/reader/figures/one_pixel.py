"""One pixel on its way into a model: a byte, a share, a number around 0; and what a wrong way costs.

Weights expect numbers of the scale that they were learned with. Another scale raises no error: the answer
only gets worse, which the lower half shows with a classifier that was trained with mean 0.5 and std 0.5.
First thing to change: `PREPARATIONS`, to try another mean and std.
"""

from functools import cache

import numpy as np

from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure, Slider
from glassworks.reader.figures.lite0 import Three, classifier, or_how_to_get
from glassworks.reader.figures.photographs import available, photograph
from glassworks.reader.figures.shares import share_bars
from glassworks.weights.published import IMAGENET_MEAN, IMAGENET_STD

CHANNELS = ("red", "green", "blue")
PREPARATIONS: dict[str, tuple[Three, Three]] = {
    "mean 0.5, std 0.5": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "ImageNet's mean and std": (IMAGENET_MEAN, IMAGENET_STD),
    "only divided by 255": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "bytes as they are": ((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)),
}
ASKED = tuple(name for name in ("a cup of coffee", "a cat", "a temple") if name in available())[:2]


def normalised(byte: float, mean: float, std: float) -> float:
    """What the model sees of a byte 0 … 255."""
    return (byte / 255 - mean) / std


class OnePixel(Figure):
    title = "One pixel on its way into the model"
    says = "A byte becomes a share of 255; then the mean is taken away and the std divides what is left."
    controls = (
        Choose("how", "prepared with", {name: name for name in PREPARATIONS}),
        Slider("red", "red", 0, 255, step=1, value=201),
        Slider("green", "green", 0, 255, step=1, value=120),
        Slider("blue", "blue", 0, 255, step=1, value=64),
    )

    def draw(self, how: str, red: int, green: int, blue: int) -> str:
        mean, std = PREPARATIONS[how]
        rows = [
            [name, byte, byte / 255, byte / 255 - m, normalised(byte, m, s)]
            for name, byte, m, s in zip(CHANNELS, (red, green, blue), mean, std)
        ]
        ends = (
            f"{name} {normalised(0, m, s):.3f} to {normalised(255, m, s):.3f}"
            for name, m, s in zip(CHANNELS, mean, std)
        )
        style = f"background: rgb({red} {green} {blue}); height: 44px; border-radius: 8px; max-width: 20rem"
        swatch = f'<div role="img" aria-label="the colour of the pixel" style="{style}"></div>'
        return (
            swatch
            + draw.table(("channel", "byte", "/ 255", "− mean", "/ std"), rows)
            + draw.note(f"The bytes 0 to 255 become: {', '.join(ends)}.")
            + draw.heading("What the classifier says to pictures that were prepared this way")
            + said(how)
        )


@or_how_to_get
@cache
def said(how: str) -> str:
    """The answers of Lite0 to two photographs prepared in this way, as HTML."""
    lite, (mean, std) = classifier(), PREPARATIONS[how]
    pieces = []
    for name in ASKED:
        seen = lite.view(photograph(name))
        rows = lite.top(lite.shares(lite.prepared(seen, mean, std)), 3)
        pieces.append(draw.picture(seen, name, width=96) + share_bars(rows, f"what it says to {name}"))
    own = np.allclose((mean, std), (lite.how.mean, lite.how.std))
    words = (
        "This is how its weights were learned."
        if own
        else "Its weights were learned with mean 0.5 and std 0.5."
    )
    return draw.columns(*pieces) + draw.note(words)
