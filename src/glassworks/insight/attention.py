"""Attention, looked at: which places of a picture a token drew from, head by head and through all layers.

Each layer of a Transformer weighs, for every token, all tokens it may draw from; the weights sum to 1. The
row of the class token, without its own column, is a small picture of where it drew from. Through several
layers the weights multiply: rollout takes the mean over the heads, adds the way round (half itself, half
attention) and multiplies layer by layer. Without a class token the mean over all patches, or the row of one
chosen patch, takes its place. Swin's tokens see their window only, and its maps are put together from those.

Papers: Abnar & Zuidema 2020, arXiv 2005.00928 (rollout); Caron et al. 2021, arXiv 2104.14294 (the class
token's row, head by head); Liu et al. 2021, arXiv 2103.14030 (windows). That weights are no proof of cause:
Jain & Wallace 2019, arXiv 1902.10186.
Where this differs: attention to tokens without a place is left out, and the rest is not scaled up to 1.
First thing to change: `ITSELF`, the share of a token that goes round the attention of a layer.

Axes: batch, heads, queries and keys (tokens); rows, columns of the grid of patches; windows.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from glassworks.core.errors import PersonError
from glassworks.insight.record import device_of, evaluating, layer_named, recording
from glassworks.insight.tokens import Pooling, around, token_grid, weight_places

ITSELF = 0.5  # Abnar & Zuidema: the sum "token + attention" counts both halves alike
NEAR_ONE = 2e-2  # how far a row's sum may be from 1: weights may be in bfloat16

Query = Pooling | tuple[int, int] | None


@dataclass(frozen=True)
class Windows:
    """How a layer's grid is cut.

    side:  rows and columns of a window; shift: by how many rows and columns the windows are moved
    """

    side: tuple[int, int]
    shift: tuple[int, int]


@dataclass(frozen=True)
class LayerAttention:
    """The weights of one layer for some pictures.

    layer:   its name
    weights: float32 (batch, heads, queries, keys); of windows (batch, windows, heads, queries, keys). Rows
             sum to 1
    grid:    rows and columns of patches; prefix: tokens before them that have no place
    pooling: where the model reads its answer, "class" token or "mean" of the patches
    windows: None where every token may look at all
    """

    layer: str
    weights: Float[Tensor, "batch *windows heads queries keys"]
    grid: tuple[int, int]
    prefix: int
    pooling: Pooling
    windows: Windows | None = None


def attention_layers(model: nn.Module, layer: str | None = None) -> list[str]:
    """Names of the places where attention weights pass by, in the model's order.

    layer: only those inside this part. Raises PersonError: "unknown-layer", "no-attention".
    """
    names = list(weight_places(model))
    if layer is not None:
        layer_named(model, layer)
        names = [name for name in names if name == layer or name.startswith(f"{layer}.")]
    if not names:
        where = f"{type(model).__name__}{f', layer {layer}' if layer else ''}"
        raise _no_attention(where, "use grad-cam or occlusion, which any picture model has")
    return names


def attention_of(
    model: nn.Module, pictures: Float[Tensor, "batch channels height width"], layer: str | None = None
) -> list[LayerAttention]:
    """The attention of all layers to some pictures, in the order in which they answer.

    layer: up to the last attention inside this part, as "blocks.3". Only the first stack of blocks that is
    asked counts, so that a decoder behind an encoder is left out. Of a masked autoencoder give the encoder:
    tokens of which most are hidden have no grid. Answers may change by rounding while the model is listened
    to; afterwards nothing of it is changed. Raises PersonError: "unknown-layer", "no-attention".
    """
    names = attention_layers(model)
    asked = None if layer is None else attention_layers(model, layer)[-1]
    pictures = pictures.to(device_of(model))
    with evaluating(model), torch.inference_mode(), _written_out(model), recording(model, names) as seen:
        model(pictures)
    shape = tuple(pictures.shape)
    home = _home(model, next(iter(seen), ""))  # the first stack that was asked, not the decoder after it
    first = {name: weights for name, weights in seen.items() if _home(model, name) == home}
    found = [_layer(model, name, weights.float(), shape) for name, weights in first.items()]
    layers = [one for one in found if one is not None]
    if asked is not None:
        layers = layers[: 1 + next((n for n, one in enumerate(layers) if one.layer == asked), -1)]
    if not layers:
        raise _no_attention(asked or type(model).__name__, "choose a layer whose tokens are the picture's")
    return layers


def drawn_from(attention: LayerAttention, query: Query = None) -> Float[Tensor, "batch heads rows columns"]:
    """From where one token, or the patches on average, drew in a layer, head by head.

    query: "class" (the first token), "mean" of all patches, or (row, column) of a patch; None for the token
    that the answer is read from. Attention to tokens without a place is left out, so a map sums to at most 1,
    and to 1 where there are none. Windows: of "mean" each place shows what its own window's tokens drew from
    it; of a patch, places outside its window are 0. Raises ValueError for a query that is not there.
    """
    if attention.windows is not None:
        return _from_windows(attention, query)
    query = query or attention.pooling
    prefix, (rows, columns) = attention.prefix, attention.grid
    if query == "class":
        if not prefix:
            raise ValueError("this model has no class token; ask for the mean, or for a patch")
        drawn = attention.weights[:, :, 0]  # (batch, heads, keys)
    elif query == "mean":
        drawn = attention.weights[:, :, prefix:].mean(2)
    else:
        if not _square(attention):
            raise ValueError("where keys are fewer than queries, ask for the class token or the mean")
        drawn = attention.weights[:, :, prefix + _place(query, attention.grid)]
    return drawn[..., prefix:].unflatten(-1, (rows, columns))


def rollout(layers: Sequence[LayerAttention], query: Query = None) -> Float[Tensor, "batch rows columns"]:
    """Attention through all layers: from which places of the picture a token could have drawn.

    layers: as `attention_of` gives them. The mean over the heads, mixed half and half with the way round, is
    multiplied from the first layer to the last (Abnar & Zuidema). query: as in `drawn_from`. The values and
    the MLPs are left out, so it says what could flow, not what did. Raises PersonError("no-rollout") where
    layers have different tokens: windows and pyramids.
    """
    first = layers[0]
    if any(one.windows or one.weights.shape != first.weights.shape for one in layers) or not _square(first):
        raise PersonError(
            "no-rollout",
            expected="layers that all have the same tokens, such as those of ViT, DeiT or CLIP",
            got="layers whose tokens see windows, or become fewer from layer to layer",
            fix="look at one layer: attention, or windows",
        )
    whole = through(torch.stack([one.weights.mean(1) for one in layers]))  # (batch, tokens, tokens)
    joined = LayerAttention("", whole[:, None], first.grid, first.prefix, first.pooling)
    return drawn_from(joined, query)[:, 0]


def through(
    weights: Float[Tensor, "layers batch tokens tokens"],
) -> Float[Tensor, "batch tokens tokens"]:
    """The identity-mixed product over the layers, the last on the left; rows still sum to 1."""
    itself = torch.eye(weights.shape[-1], dtype=weights.dtype, device=weights.device)
    whole = itself.expand_as(weights[0])
    for layer in ITSELF * itself + (1 - ITSELF) * weights:
        whole = layer @ whole
    return whole


# ---- windows


def _from_windows(attention: LayerAttention, query: Query) -> Tensor:
    """The maps of all windows put back in their places, (batch, heads, rows, columns)."""
    if query in (None, "mean"):
        return whole_grid(attention, attention.weights.mean(-2))
    if not isinstance(query, tuple):
        raise ValueError("a model with windows has no class token; ask for the mean, or for a patch")
    window, token = _seat(attention, _place(query, attention.grid))
    drawn = torch.zeros_like(attention.weights[..., 0, :])  # (batch, windows, heads, keys)
    drawn[:, window] = attention.weights[:, window, :, token]
    return whole_grid(attention, drawn)


def whole_grid(
    attention: LayerAttention, drawn: Float[Tensor, "batch windows heads keys"]
) -> Float[Tensor, "batch heads rows columns"]:
    """Numbers of each window's places, put together, moved back by the shift and cut to the grid."""
    assert attention.windows is not None
    (high, wide), (down, right) = attention.windows.side, attention.windows.shift
    rows, columns = attention.grid
    across = -(-columns // wide)
    cut = drawn.unflatten(1, (-1, across)).unflatten(-1, (high, wide))  # (batch, n, m, heads, high, wide)
    whole = cut.permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3)  # (batch, heads, rows, columns), padded
    return whole.roll((down, right), (2, 3))[..., :rows, :columns]


def window_lines(attention: LayerAttention) -> tuple[list[int], list[int]]:
    """Rows and columns of the grid at which one window ends and the next begins."""
    assert attention.windows is not None
    cuts = zip(attention.windows.side, attention.windows.shift, attention.grid)
    rows, columns = ([line for line in range(shift, end, side) if line] for side, shift, end in cuts)
    return rows, columns


def _seat(attention: LayerAttention, place: int) -> tuple[int, int]:
    """In which window a place of the grid is, and at which of its tokens."""
    count, keys = attention.weights.shape[1], attention.weights.shape[-1]
    numbers = torch.arange(count * keys).reshape(1, count, 1, keys)
    number = int(whole_grid(attention, numbers).flatten()[place])
    return number // keys, number % keys


# ---- recording


@contextlib.contextmanager
def _written_out(model: nn.Module) -> Iterator[None]:
    """timm's fused kernels off while the block runs, so that weights are made; ours notice a listener."""
    fused: list[Any] = [module for module in model.modules() if getattr(module, "fused_attn", False)]
    try:
        for module in fused:
            module.fused_attn = False
        yield
    finally:
        for module in fused:
            module.fused_attn = True


def _layer(model: nn.Module, name: str, weights: Tensor, pictures: tuple[int, ...]) -> LayerAttention | None:
    """The weights with their geometry; None where they are not a picture's."""
    if not torch.allclose(weights.sum(-1), torch.ones((), device=weights.device), atol=NEAR_ONE):
        raise ValueError(f"the rows that pass by {name} do not sum to 1: these are no attention weights")
    for _, module in around(model, name):
        cut = _cut(module)
        if cut is not None:
            return _windowed(name, weights, *cut, pictures[0])
    found = token_grid(model, name, weights.shape[-1], (pictures[2], pictures[3]))
    if found is None or len(weights) != pictures[0]:
        return None
    return LayerAttention(name, weights, found.grid, found.prefix, found.pooling)


def _cut(module: nn.Module) -> tuple[tuple[int, int], Windows] | None:
    """The grid and the windows that a part knows: our attention's `windows`, or those of timm's block."""
    ours: Any = getattr(module, "windows", None)
    if ours is not None:
        return (ours.rows, ours.columns), Windows((ours.side, ours.side), tuple(ours.shift))
    theirs: Any = module
    if not all(hasattr(module, name) for name in ("input_resolution", "window_size", "shift_size")):
        return None
    return tuple(theirs.input_resolution), Windows(tuple(theirs.window_size), tuple(theirs.shift_size))


def _windowed(
    name: str, weights: Tensor, grid: tuple[int, int], windows: Windows, batch: int
) -> LayerAttention | None:
    """Weights of windows, which stand among the heads (ours) or among the pictures (timm's)."""
    down, right = (-(-long // side) for long, side in zip(grid, windows.side))
    count, ours = down * right, len(weights) == batch
    if not ours and (
        len(weights) != batch * count or (down * windows.side[0], right * windows.side[1]) != grid
    ):
        return None  # timm fills a map up after it has moved the windows: nothing here puts that together
    # To (batch, windows, heads, queries, keys).
    weights = weights.unflatten(1, (count, -1)) if ours else weights.unflatten(0, (-1, count))
    return LayerAttention(name, weights, grid, 0, "mean", windows)


def _home(model: nn.Module, name: str) -> str:
    """The list of blocks that an attention stands in: "blocks" of "blocks.3.attention.maps"."""
    lists = (nn.ModuleList, nn.Sequential)
    homes = [around_it for around_it, module in around(model, name) if isinstance(module, lists)]
    return homes[-1] if homes else ""


def _square(attention: LayerAttention) -> bool:
    return attention.weights.shape[-1] == attention.weights.shape[-2]


def _place(query: tuple[int, int] | str, grid: tuple[int, int]) -> int:
    """The number of a patch. Raises ValueError for one outside the grid."""
    if isinstance(query, str) or not (0 <= query[0] < grid[0] and 0 <= query[1] < grid[1]):
        raise ValueError(f"expected a patch of the {grid[0]}x{grid[1]} grid as (row, column), got {query}")
    return query[0] * grid[1] + query[1]


def _no_attention(got: str, fix: str) -> PersonError:
    return PersonError(
        "no-attention",
        expected="a model, or a layer of one, in which the tokens of a picture look at each other",
        got=got,
        fix=fix,
    )
