"""Four small attentions over the patches of a photograph, each with a question of its own, written by hand.

A head is nothing but its queries and keys. Here they are made by hand, so that it is known what each looks
for: the patch to the left, patches of the same colour, what is near, and everything alike. The fifth map puts
two of these questions into one head: softmax has one map to give, so the two have to share it. What trained
heads look for is another question, which the next chapter measures.
The first thing to change: `GRID`, patches on a side, or a wish in `heads`.
"""

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from glassworks.blocks.attention import Maps, attend
from glassworks.reader.draw import note, pictures, table
from glassworks.reader.figure import Choose, Figure, Slider
from glassworks.reader.figures.photographs import available, photograph

GRID, SIDE = 14, 112  # patches and pixels on a side
NAMES = ("to the left", "same colour", "near", "everything", "left and colour in one")


@lru_cache(maxsize=8)
def picture(name: str) -> np.ndarray:
    """The middle of a photograph, (SIDE, SIDE, 3), uint8."""
    pixels = photograph(name)
    high, wide = pixels.shape[:2]
    edge = min(high, wide)
    top, left = (high - edge) // 2, (wide - edge) // 2
    cut = Image.fromarray(pixels[top : top + edge, left : left + edge])
    return np.asarray(cut.resize((SIDE, SIDE), Image.Resampling.BOX))


@lru_cache(maxsize=8)
def maps(name: str) -> tuple[Tensor, Tensor]:
    """Weights (heads, patches, patches) and what each head answers, the mean colour (heads, patches, 3)."""
    step = SIDE // GRID
    colour = torch.tensor(picture(name) / 255.0, dtype=torch.float32)
    colour = colour.reshape(GRID, step, GRID, step, 3).mean(dim=(1, 3)).flatten(0, 1)  # (patches, 3)
    query, key = heads(colour)
    seen: list[Tensor] = []
    listening = Maps()
    handle = listening.register_forward_hook(lambda module, given, out: seen.append(out))
    value = colour.expand(len(NAMES), -1, -1)
    answers = attend(query[None], key[None], value[None], maps=listening)
    handle.remove()
    return seen[0][0], answers[0]


def heads(colour: Tensor) -> tuple[Tensor, Tensor]:
    """Queries and keys (heads, patches, depth) by hand; colour: (patches, 3).

    Minus the squared distance of two points is a product of two vectors: 2 p.q - q.q, and what depends on the
    query alone softmax forgets. So a wish "as close as can be to this point" is a query and a key.
    """
    rows, columns = torch.meshgrid(torch.arange(GRID), torch.arange(GRID), indexing="ij")
    place = torch.stack([rows, columns], dim=-1).flatten(0, 1).float() / GRID  # (patches, 2)
    left = place - torch.tensor([0.0, 1.0 / GRID])

    def wish(wanted: Tensor, point: Tensor, strength: float) -> tuple[Tensor, Tensor]:
        query = strength * torch.cat([2 * wanted, -torch.ones(len(wanted), 1)], dim=1)
        return query, torch.cat([point, point.square().sum(1, keepdim=True)], dim=1)

    alike, beside = wish(colour, colour, 120.0), wish(left, place, 700.0)
    both = tuple(torch.cat([one, other], dim=1) for one, other in zip(alike, beside))
    all_alike = torch.zeros(len(colour), 1), torch.zeros(len(colour), 1)
    wishes = (beside, alike, wish(place, place, 60.0), all_alike, both)
    depth = both[0].shape[1]
    query, key = (
        torch.stack([torch.nn.functional.pad(one[part], (0, depth - one[part].shape[1])) for one in wishes])
        for part in (0, 1)
    )
    return query * depth**0.5, key  # `attend` divides by the root again


class HeadsSideBySide(Figure):
    title = "One patch, five questions"
    says = (
        "Each head has its own queries and keys, so each looks for something else in the same picture. One "
        "head with two wishes gives one map: where both agree best, and the single answers are lost."
    )
    controls = (
        Choose("name", "picture", {name: name for name in available()}),
        Slider("row", "row of the asking patch", 1, GRID, step=1, value=7),
        Slider("column", "column", 1, GRID, step=1, value=6),
    )

    def draw(self, name: str, row: int, column: int, **_: Any) -> str:
        weights, answers = maps(name)
        asking = (int(row) - 1) * GRID + int(column) - 1
        shown = [(_marked(picture(name), asking), "the patch that asks")]
        rows = []
        for head, said in enumerate(NAMES):
            mine = weights[head, asking]
            shown.append((_over(picture(name), mine, asking), said))
            red, green, blue = (round(255 * float(part)) for part in answers[head, asking])
            total, most = float(mine.sum()), float(mine.max())
            rows.append([said, f"{most:.1%}", f"{total:.4f}", f"{red}, {green}, {blue}"])
        found = table(["head", "largest weight", "sum of all 196", "answer: red, green, blue"], rows)
        told = "Bright patches carry the weight. A value is a patch's mean colour, so an answer is a colour."
        return pictures(shown, width=112) + found + note(told)


def _over(pixels: np.ndarray, weights: Tensor, asking: int) -> np.ndarray:
    """The picture, dark where a head does not look."""
    light = (weights / weights.max()).sqrt().reshape(GRID, GRID).numpy()
    large = np.kron(light, np.ones((SIDE // GRID,) * 2))[..., None]
    return _marked((pixels * (0.12 + 0.88 * large)).astype(np.uint8), asking)


def _marked(pixels: np.ndarray, asking: int) -> np.ndarray:
    """A copy with a frame around the patch that asks."""
    marked, step = pixels.copy(), SIDE // GRID
    top, left = asking // GRID * step, asking % GRID * step
    square = marked[top : top + step, left : left + step]
    square[[0, -1]] = square[:, [0, -1]] = (255, 80, 40)
    return marked
