"""Scaling by 0.5 and 0.5, and scaling by what was measured: only one of them gives mean 0 and spread 1.

Digits and photographs are scaled in four ways. The measured figures are those of the training part; other
parts, and every later picture, are scaled by the same.
The first thing to change: `IMAGENET`, the figures of another data set.
"""

from functools import lru_cache

import torch
from torch import Tensor

from glassworks.labs.digits import deal
from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure
from glassworks.reader.figures.own_picture import NAMES, square

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
DATA = {"digits: 1,168 to train, 359 to test": "digits", "photographs of this book": "photographs"}
WAYS = {"nothing": "nothing", "0.5 and 0.5": "half", "measured on the training part": "measured",
        "figures of ImageNet": "imagenet"}  # fmt: skip
SIDE = 48


@lru_cache(maxsize=2)
def parts(data: str) -> tuple[Tensor, Tensor]:
    """Training and test pictures, 0 to 1, (pictures, channels, height, width)."""
    if data == "digits":
        training, _, test = deal(0)
        return training.pictures[:, None] / 255, test.pictures[:, None] / 255
    every = torch.stack([torch.from_numpy(square(name, "", SIDE).copy()) for name in NAMES])
    every = every.permute(0, 3, 1, 2).float() / 255
    return every[:-2], every[-2:]


def figures(data: str, way: str) -> tuple[Tensor, Tensor]:
    """What is subtracted and what divides, one number a channel."""
    training = parts(data)[0]
    channels = training.shape[1]
    if way == "measured":
        return training.mean((0, 2, 3)), training.std((0, 2, 3))
    if way == "half":
        return torch.full((channels,), 0.5), torch.full((channels,), 0.5)
    if way == "imagenet":
        return torch.tensor(IMAGENET[0][:channels]), torch.tensor(IMAGENET[1][:channels])
    return torch.zeros(channels), torch.ones(channels)


class ScaledPictures(Figure):
    title = "Mean 0 and spread 1, or only nearly"
    says = (
        "Scaling by 0.5 and 0.5 maps 0 to 1 onto -1 to 1, whatever the pictures are. To have mean 0 and "
        "spread 1 the figures must be measured, once, on the training part."
    )
    controls = (Choose("data", "pictures", DATA), Choose("way", "scaled by", WAYS, "0.5 and 0.5"))

    def draw(self, data: str, way: str) -> str:
        mean, std = figures(data, way)
        rows = []
        for told, part in zip(("training", "test"), parts(data)):
            scaled = (part - mean[:, None, None]) / std[:, None, None]
            for place in range(part.shape[1]):
                channel = ("red", "green", "blue")[place] if part.shape[1] == 3 else "grey"
                low, high = float(scaled[:, place].min()), float(scaled[:, place].max())
                middle, spread = float(scaled[:, place].mean()) + 0.0, float(scaled[:, place].std())
                rows.append([told, channel, f"{middle:+.2f}", f"{spread:.2f}", f"{low:+.2f} to {high:+.2f}"])
        used = ", ".join(f"{float(m):.3f} and {float(s):.3f}" for m, s in zip(mean, std))
        table = draw.table(["part", "channel", "mean", "spread", "range"], rows)
        return table + draw.note(f"Subtracted, and divided by: {used}.")
