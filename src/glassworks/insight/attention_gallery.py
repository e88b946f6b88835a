"""Drawings of attention over a picture: a layer's mean, its heads, rollout through all layers, and windows.

The small grid of weights is enlarged to the picture, scaled from its smallest to its largest value and laid
over the photograph. Each caption gives the range in units of its mean, because colours alone make a map
that hardly varies look decided, and says that attention is no proof of cause.

Sources: those of `attention`; Jain & Wallace 2019, arXiv 1902.10186 (why the caveat).
First thing to change: `middle`, the place whose window is drawn.
"""

import torch
from torch import Tensor

from glassworks.core.errors import PersonError
from glassworks.insight.attention import (
    LayerAttention,
    attention_of,
    drawn_from,
    rollout,
    window_lines,
)
from glassworks.insight.drawing import marked, overlay, ruled, tiles
from glassworks.insight.drawings import Asked, Drawing, contrast, enlarged, on_picture

HEADS = 4  # pictures in a row of the sheet of heads
SIDE = 96  # pixels that such a picture has at least
FLOOR = 0.3  # heat of the least in a window
CAVEAT = "Attention is no proof of cause."


def attention(asked: Asked) -> Drawing:
    """The mean over the heads of one layer, over the picture."""
    layer = attention_of(asked.model, asked.inputs, asked.layer)[-1]
    share = shares(drawn_from(layer)[0].mean(0))
    caption = (
        f"Attention: from which places {who(layer)} drew in {block(layer)}, the mean of {heads(layer)}; "
        f"{span(share)}. It shows what was read, not what was made of it. {CAVEAT}"
    )
    return _over("attention", caption, share, asked, layer.layer)


def each_head(asked: Asked) -> Drawing:
    """A sheet with one small picture a head."""
    layer = attention_of(asked.model, asked.inputs, asked.layer)[-1]
    times = max(1, -(-SIDE // min(asked.pixels.shape[:2])))
    small = asked.pixels.repeat(times, 0).repeat(times, 1)
    found = [shares(one) for one in drawn_from(layer)[0]]
    sheet = tiles([overlay(small, contrast(share.cpu().numpy())) for share in found], HEADS, side=1)
    brightest = max(found, key=lambda share: float(share.max()))
    caption = (
        f"Attention, head by head: from which places {who(layer)} drew in {block(layer)}, {heads(layer)}, "
        f"row by row from the first, each by its own range; the most uneven is head "
        f"{_number(found, brightest)}, {span(brightest)}. Heads differ, and a mean hides it. {CAVEAT}"
    )
    return Drawing("heads", caption, sheet, layer.layer)


def all_layers(asked: Asked) -> Drawing:
    """Attention rollout over the picture."""
    layers = attention_of(asked.model, asked.inputs, asked.layer)
    share = shares(rollout(layers)[0])
    through = f"all {len(layers)} layers" if asked.layer is None else f"{len(layers)} layers"
    caption = (
        f"Attention rollout: from which places {who(layers[-1])} could have drawn through {through} up to "
        f"{block(layers[-1])}; {span(share)}. Values and MLPs are left out: it shows what could flow, not "
        f"what did. {CAVEAT}"
    )
    return _over("rollout", caption, share, asked, layers[-1].layer)


def windows(asked: Asked) -> Drawing:
    """The windows of two neighbouring blocks, and what the place in the middle draws from in each."""
    chosen = _two_of(attention_of(asked.model, asked.inputs, asked.layer), asked.layer is not None)
    panels = []
    for layer in chosen:
        share = shares(drawn_from(layer, middle(layer))[0].mean(0))
        picture = on_picture(enlarged(_within(share), asked.how, smooth=False), asked)
        high, wide = asked.how.height / layer.grid[0], asked.how.width / layer.grid[1]
        rows, columns = window_lines(layer)
        picture = ruled(picture, asked.how, [row * high for row in rows], [place * wide for place in columns])
        row, column = middle(layer)
        box = (row * high, column * wide, (row + 1) * high, (column + 1) * wide)
        panels.append(marked(picture, asked.how, box))
    names = " and ".join(_cut_in_words(layer) for layer in chosen)
    caption = (
        f"Windows: {names}. Coloured: from where the framed patch draws, the mean of {heads(chosen[0])}, the "
        f"brightest most. A patch sees its own window only; what is further away arrives through other "
        f"blocks. {CAVEAT}"
    )
    return Drawing("windows", caption, tiles(panels, len(panels), side=1), chosen[-1].layer)


# ---- words and numbers


def shares(drawn: Tensor) -> Tensor:
    """Attention to places in units of its mean over them: 1 where a place gets as much as any other."""
    return drawn / drawn.mean().clamp_min(torch.finfo(drawn.dtype).tiny)


def span(share: Tensor) -> str:
    return f"between {float(share.min()):.2g} and {float(share.max()):.2g} times the mean"


def who(layer: LayerAttention) -> str:
    """Whose row is drawn."""
    if layer.windows is not None:
        return "the patches of each window, on average,"
    return "the class token" if layer.pooling == "class" else "the patches, on average,"


def block(layer: LayerAttention) -> str:
    """ "blocks.11" of "blocks.11.attention.maps" """
    return layer.layer.rpartition(".")[0].rpartition(".")[0] or layer.layer


def heads(layer: LayerAttention) -> str:
    count = layer.weights.shape[-3]
    return "1 head" if count == 1 else f"{count} heads"


def middle(layer: LayerAttention) -> tuple[int, int]:
    """The patch right below the middle of the picture."""
    return layer.grid[0] // 2, layer.grid[1] // 2


def _over(name: str, caption: str, share: Tensor, asked: Asked, layer: str) -> Drawing:
    large = enlarged(share, asked.how)
    heat = contrast(large)
    return Drawing(name, caption, on_picture(heat, asked), layer, heat=heat)


def _two_of(layers: list[LayerAttention], last: bool) -> list[LayerAttention]:
    """The last block with several windows and the one before it; last: only the last layer."""
    if layers[-1].windows is None:
        raise PersonError(
            "no-windows",
            expected="a model whose patches look at windows, such as Swin",
            got="one whose patches look at all others",
            fix="look at attention, heads or rollout",
        )
    several = [number for number, layer in enumerate(layers) if layer.weights.shape[1] > 1]
    if last or not several:
        return [layers[-1]]
    end = several[-1]
    return [one for one in layers[max(0, end - 1) : end + 1] if one.grid == layers[end].grid]


def _within(share: Tensor) -> Tensor:
    """Heat 0 … 1 in which the least of the window is still told from what lies outside, which is 0."""
    inside = share > 0
    heat = torch.zeros_like(share)
    heat[inside] = FLOOR + (1 - FLOOR) * torch.from_numpy(contrast(share[inside].cpu().numpy())).to(heat)
    return heat


def _cut_in_words(layer: LayerAttention) -> str:
    assert layer.windows is not None
    high, wide = layer.windows.side
    cut = f"{block(layer)} cuts its {layer.grid[0]} x {layer.grid[1]} patches into windows of {high} x {wide}"
    down, right = layer.windows.shift
    return f"{cut}, moved by {down} and {right}" if down or right else cut


def _number(found: list[Tensor], wanted: Tensor) -> int:
    return 1 + next(number for number, share in enumerate(found) if share is wanted)
