"""Two pipelines for one picture: changed at random for training, always the same for judging.

The copies are made by `data.augment.augment`, which the workbench trains with. What comes in at the border is
the picture's mirror image: black corners would be something that no new picture has.
The first thing to change: `COPIES`.
"""

import numpy as np
import torch

from glassworks.data.augment import Augment, augment
from glassworks.reader import draw
from glassworks.reader.figure import Button, Choose, Figure, OwnPicture, Slider
from glassworks.reader.figures.own_picture import choose_photograph, square

SIDE, COPIES = 96, 8
PIPELINES = {"training": True, "validation and test": False}
FLIPS = {"never": "none", "at random": "random"}


class AugmentedCopies(Figure):
    title = "What the network is shown"
    says = (
        "While it learns, a network never sees quite the same picture twice. While it is judged, it must see "
        "each picture as it is: otherwise the figure changes from one time to the next."
    )
    controls = (
        choose_photograph("a cat"),
        OwnPicture(),
        Choose("training", "pipeline", PIPELINES),
        Slider("rotate", "turn up to", 0, 45, step=5, value=10, unit="°"),
        Slider("shift", "move up to", 0, 30, step=5, value=10, unit="%"),
        Slider("contrast", "contrast up to", 0, 60, step=10, value=20, unit="%"),
        Choose("flip", "mirror", FLIPS, "at random"),
        Button("epoch", "Next epoch"),
    )

    def draw(
        self,
        name: str,
        own: str,
        training: bool,
        rotate: int,
        shift: int,
        contrast: int,
        flip: str,
        epoch: int,
    ) -> str:
        pixels = square(name, own, SIDE)
        one = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1  # (1, 3, h, w)
        how = Augment(flip=flip, shift=shift / 100, rotate=rotate, contrast=contrast / 100)
        batch = one.expand(COPIES, -1, -1, -1)
        seen = augment(batch, np.arange(COPIES), epoch, 0, how) if training else batch
        shown = ((seen + 1) * 127.5).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
        rows = [(copy, f"copy {place}") for place, copy in enumerate(shown, 1)]
        told = (
            f"Epoch {epoch + 1}: eight draws of the same picture. Each must still deserve its label."
            if training
            else f"Epoch {epoch + 1}: always the same. Nothing is drawn for pictures that judge."
        )
        return draw.pictures(rows, width=SIDE) + draw.note(told)
