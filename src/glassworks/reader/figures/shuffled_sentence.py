"""The words of a sentence in another order: what a Vision Transformer without positions makes of it.

A small ViT with random numbers reads 16 patches of a photograph, and the same patches shuffled. Without
positions each patch is answered by the very same vector, wherever it stands, and the mean of them does not
move. With positions a patch in another place is another token.
First thing to change: `SHAPE`.
"""

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from glassworks.blocks.patches import cut, joined
from glassworks.core.keyed import generator, permutation
from glassworks.models.vision.vit import ViT, ViTConfig
from glassworks.reader import draw
from glassworks.reader.figure import Button, Choose, Figure
from glassworks.reader.figures.one_number import NAME
from glassworks.reader.figures.patch_cut import square

SIDE, PATCH = 64, 16
GRID = (SIDE // PATCH, SIDE // PATCH)
SHAPE: dict[str, Any] = {"dimension": 32, "depth": 2, "block": {"heads": 4}}
KINDS = {"none": "none", "learned": "learned", "sine and cosine": "sine", "relative": "relative"}


@lru_cache(maxsize=8)
def model_with(positions: str) -> ViT:
    """A ViT of 16 patches that has learned nothing; tables of positions are as large as after a training."""
    config = ViTConfig(SIDE, SIDE, 3, 10, PATCH, pooling="mean", positions=positions, **SHAPE)  # type: ignore[arg-type]
    model, dice = ViT(config), generator(0, "shuffled sentence", positions)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
            elif parameter.ndim > 1:
                table = name in ("positions", "relative.table")
                spread = 0.5 if table else parameter[0].numel() ** -0.5
                parameter.copy_(torch.from_numpy(dice.normal(0, spread, tuple(parameter.shape))))
    return model.eval()


@lru_cache(maxsize=1)
def photograph_of_patches() -> Tensor:
    """(1, 3, 64, 64), from -1 to 1."""
    return torch.from_numpy(square(NAME, SIDE).copy()).permute(2, 0, 1)[None].float() / 127.5 - 1


def order_of(pressed: int) -> Tensor:
    """The order in which the patches stand after so many presses; the first is already a shuffle."""
    return torch.from_numpy(permutation(GRID[0] * GRID[1], "shuffled sentence", pressed))


@torch.no_grad()
def both(positions: str, order: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(tokens, scores) of the picture and of the shuffled one: (16, 32), (10,), (16, 32), (10,)."""
    model, picture = model_with(positions), photograph_of_patches()
    mixed = joined(cut(picture, PATCH)[:, order], PATCH, GRID)
    found = []
    for one in (picture, mixed):
        tokens = model.encode(model.embed(one))
        found += [tokens[0], model.head(tokens.mean(1))[0]]
    return found[0], found[1], found[2], found[3]


class ShuffledSentence(Figure):
    title = "The same patches in another order"
    says = (
        "Without positions the tokens come out as the same vectors, each where its patch went, and the "
        "answer stays. Choose a kind of positions, and both change."
    )
    controls = (
        Choose("positions", "positions", KINDS),
        Button("pressed", "Shuffle again"),
    )

    def draw(self, positions: str, pressed: int) -> str:
        order = order_of(pressed)
        tokens, scores, mixed_tokens, mixed_scores = both(positions, order)
        back = mixed_tokens[order.argsort()]  # each token where its patch came from
        top = float(tokens[:, 0].abs().max())
        rows = [
            ["tokens, place by place", _apart(tokens, mixed_tokens)],
            ["tokens, each beside its own patch", _apart(tokens, back)],
            ["the ten scores", _apart(scores, mixed_scores)],
        ]
        picture = photograph_of_patches()
        mixed = joined(cut(picture, PATCH)[:, order], PATCH, GRID)
        return draw.columns(
            _shown(picture, "in order") + _numbers(tokens, "the first number of each token", top),
            _shown(mixed, "shuffled") + _numbers(mixed_tokens, "the same, of the shuffled picture", top),
            draw.table(["largest difference", "between the two"], rows) + draw.note(_said(tokens, back)),
        )


def _apart(first: Tensor, second: Tensor) -> tuple[str, str]:
    most = (first - second).abs().max().item()
    return (f"{most:.1e}: rounding" if 0 < most < 1e-5 else f"{most:.2g}", "good" if most < 1e-5 else "warn")


def _said(tokens: Tensor, back: Tensor) -> str:
    if (tokens - back).abs().max() < 1e-5:
        return "The output is the same set of vectors, moved along with the patches. Their mean cannot know."
    return "A patch in another place is another token now, and the others see it so. The answer knows order."


def _shown(picture: Tensor, told: str) -> str:
    pixels = ((picture[0].permute(1, 2, 0) + 1) * 127.5).round().to(torch.uint8).numpy()
    return draw.picture(np.repeat(np.repeat(pixels, 3, 0), 3, 1), told, width=176)


def _numbers(tokens: Tensor, told: str, top: float) -> str:
    return draw.number_grid(tokens[:, 0].unflatten(0, GRID).numpy(), title=told, decimals=2, most=top)
