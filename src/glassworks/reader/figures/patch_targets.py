"""What is to be guessed: the pixels of a patch, or the same with its own mean and spread taken out.

A photograph is made flatter or darker. Its pixels change, and with them what a wrong guess of each patch
costs; after mean and spread are taken out the target stays as it was, and every patch with some texture
weighs the same.
First thing to change: `PATCHES`.
"""

from functools import lru_cache

import numpy as np
from torch import Tensor

from glassworks.blocks.patches import cut, joined
from glassworks.models.vision.mae import MAEConfig, statistics, target_of
from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure, Slider
from glassworks.reader.figures.hidden_patches import SIDE, as_tensor, pixels
from glassworks.reader.figures.photographs import PLAIN, available

PATCHES = {"16 × 16": 16, "8 × 8": 8, "32 × 32": 32}
SHOWN = 2.5  # spreads from the mean that are drawn black and white
PHOTOGRAPHS = {name: name for name in available() if name != PLAIN} or {PLAIN: PLAIN}
FIRST = "a rocket" if "a rocket" in PHOTOGRAPHS else ""
TOP = 0.1  # share of patches that count as the heaviest


def changed(name: str, contrast: float, brightness: float) -> Tensor:
    """The photograph with its contrast multiplied and brightness added, (1, 3, 224, 224); not cut off."""
    return as_tensor(name) * contrast + brightness


@lru_cache(maxsize=32)
def normalised(name: str, patch: int, contrast: float, brightness: float) -> Tensor:
    """The target with each patch's mean and spread taken out, (1, tokens, numbers)."""
    return target_of(changed(name, contrast, brightness), MAEConfig(SIDE, SIDE, 3, patch, normalised=True))


def weights(target: Tensor) -> Tensor:
    """What each patch costs whoever guesses its mean, as a share of the sum over all patches, (tokens,)."""
    each = (target - target.mean(-1, keepdim=True)).square().mean(-1)[0]
    return each / each.sum()


def heaviest(target: Tensor) -> float:
    """The share of that cost which the heaviest tenth of the patches has."""
    sizes = weights(target).sort(descending=True).values
    return float(sizes[: round(len(sizes) * TOP)].sum())


class PatchTargets(Figure):
    title = "The same task in every patch"
    says = (
        "A smooth patch is nearly free to guess, and a few patches full of edges make up much of the loss. "
        "With each patch's own mean and spread taken out, all weigh about the same."
    )
    controls = (
        Choose("patch", "patch", PATCHES),
        Slider("contrast", "contrast", 0.1, 1.0, step=0.1, value=1.0),
        Slider("brightness", "brightness added", -0.3, 0.3, step=0.1, value=0.0),
        Choose("name", "photograph", PHOTOGRAPHS, FIRST),
    )

    def draw(self, patch: int, contrast: float, brightness: float, name: str) -> str:
        picture = changed(name, contrast, brightness)
        plain, target = cut(picture, patch), normalised(name, patch, contrast, brightness)
        before = normalised(name, patch, 1.0, 0.0)
        original, (mean, spread) = cut(as_tensor(name), patch), statistics(plain)
        grid = (SIDE // patch, SIDE // patch)
        seen = joined(target, patch, grid) / (2 * SHOWN) + 0.5
        means = joined(mean.expand_as(plain), patch, grid)
        rows = [
            ["mean", f"{float(plain.mean()):.2f}", f"{_zero(float(target.mean())):.2f}"],
            ["spread of a patch, smallest", f"{float(spread.min()):.3f}", f"{_spread(target).min():.2f}"],
            ["spread of a patch, largest", f"{float(spread.max()):.3f}", f"{_spread(target).max():.2f}"],
            ["cost held by the heaviest tenth", f"{heaviest(plain):.0%}", f"{heaviest(target):.0%}"],
            ["change by the two sliders, at most", _most(plain - original), _most(target - before)],
        ]  # fmt: skip
        return draw.columns(
            draw.picture(pixels(picture), "pixels", width=224),
            draw.picture(pixels(seen), "mean and spread taken out", width=224),
            draw.picture(pixels(means), "the means that were taken out", width=224),
        ) + draw.columns(
            draw.table(["", "pixels", "taken out"], rows),
            draw.note(
                "Cost: the squared error of whoever guesses each patch flat, at its own mean. The small "
                "number 0.000001 that is added to the variance keeps flat patches from being divided by 0."
            ),
        )


def _spread(target: Tensor) -> np.ndarray:
    return target.std(-1).numpy()


def _most(change: Tensor) -> str:
    return f"{float(change.abs().max()):.2f}"


def _zero(value: float) -> float:
    """Without the sign of a rounded zero."""
    return 0.0 if abs(value) < 0.005 else value
