"""What is left of a photograph when most of its patches are hidden, and what simple fills make of it.

Which patches go is decided by the library's own `random_masking`, and the fills are those that a trained
model has to beat (`tasks/masked.py`). The photograph itself is shown only when the reader asks for it.
First thing to change: `SIDE` and `PATCH`.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from glassworks.blocks.patches import cut, joined
from glassworks.core.keyed import generator
from glassworks.models.vision.mae import MAEConfig, errors, kept, random_masking
from glassworks.reader import draw
from glassworks.reader.figure import Button, Choose, Figure, Slider, Toggle
from glassworks.reader.figures.patch_cut import square
from glassworks.reader.figures.photographs import PLAIN, available
from glassworks.tasks.masked import FILLS

SIDE, PATCH = 224, 16
SHAPE = MAEConfig(SIDE, SIDE, 3, PATCH, normalised=False)
NAMES = [name for name in available() if name != PLAIN] or [PLAIN]
PHOTOGRAPHS = {f"{place}": name for place, name in enumerate(NAMES, 1)}  # a name would tell too much
GREY = 128  # what stands where a patch is hidden


@lru_cache(maxsize=8)
def as_tensor(name: str) -> Tensor:
    """A photograph as (1, 3, 224, 224), from 0 to 1."""
    return torch.from_numpy(square(name, SIDE).copy()).permute(2, 0, 1)[None].float() / 255


def noise_of(pressed: int) -> Tensor:
    """What hides patches after so many presses, (1, 196): a share that grows hides more of the same ones."""
    dice = generator(pressed, "hidden patches")
    return torch.from_numpy(dice.random((1, SHAPE.tokens)).astype(np.float32))


def mask_of(hidden: float, pressed: int) -> Tensor:
    """1 where a patch is hidden, (1, 196); hidden: a share."""
    return random_masking(torch.zeros(1, SHAPE.tokens, 1), hidden, noise=noise_of(pressed)).mask


def filled(name: str, mask: Tensor, fill: str) -> tuple[Tensor, float]:
    """The photograph with its hidden patches filled, and the error of them, in squared parts of 255."""
    picture = as_tensor(name)
    truth, guess = cut(picture, PATCH), FILLS[fill](picture, mask, SHAPE)
    shown = torch.where(mask[..., None] > 0, guess, truth)
    return joined(shown, PATCH, SHAPE.grid), float(errors(guess, truth, mask)) * 255**2


def visible(name: str, mask: Tensor) -> Tensor:
    """The photograph with grey squares where patches are hidden."""
    truth = cut(as_tensor(name), PATCH)
    return joined(torch.where(mask[..., None] > 0, GREY / 255, truth), PATCH, SHAPE.grid)


def pixels(picture: Tensor) -> np.ndarray:
    """(1, 3, height, width) from 0 to 1 -> uint8 (height, width, 3)."""
    return (picture[0].permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy()


class HiddenPatches(Figure):
    title = "Three quarters are hidden"
    says = (
        "With 75 % of 196 patches hidden, 49 are left. Often you still see what it shows. A fill that only "
        "copies or averages what is left does not."
    )
    controls = (
        Slider("hidden", "hidden, %", 5, 95, step=5, value=75),
        Button("pressed", "Hide others"),
        Choose("fill", "fill with", {name: name for name in FILLS}),
        Choose("name", "photograph", PHOTOGRAPHS),
        Toggle("shown", "show the photograph"),
    )

    def draw(self, hidden: int, pressed: int, fill: str, name: str, shown: bool) -> str:
        mask = mask_of(hidden / 100, pressed)
        left = kept(SHAPE.tokens, hidden / 100)
        done, error = filled(name, mask, fill)
        rows = [
            ["patches", f"{SHAPE.grid[0]} × {SHAPE.grid[1]} = {SHAPE.tokens}"],
            ["hidden", f"{SHAPE.tokens - left}"],
            ["left", f"{left}"],
            ["error of the fill, shades of 255", f"± {error**0.5:.0f}"],
        ]
        told = draw.table(["", ""], rows) + draw.note(
            "The error is the root of the mean squared difference over hidden patches. What you see in the "
            "grey is more than the fill knows: what things look like."
        )
        truth = draw.picture(square(name, SIDE), name, width=224) if shown else ""
        return draw.columns(
            draw.picture(pixels(visible(name, mask)), f"{left} patches are left", width=224),
            draw.picture(pixels(done), f"filled: {fill}", width=224),
            truth + told,
        )
