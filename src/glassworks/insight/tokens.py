"""Where tokens stand in a picture: from (batch, tokens, width) back to maps (batch, width, rows, columns).

A Transformer hands tokens on, one a patch, row by row, perhaps after a few that belong to no place. Which
token stands where is not written in the tensor; the config of the model around it tells (`grid`, `prefix`).
Of models without such a config, and of pyramids whose grid shrinks, the number of tokens and the proportions
of the picture decide.

Source: Dosovitskiy et al. 2020, arXiv 2010.11929 (the order of the tokens).
First thing to change: `STRETCH`, how far a guessed grid's patches may be from squares.

Axes: batch; tokens, width = numbers a token; rows, columns of the grid; prefix = tokens without a place.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, nn

from glassworks.blocks.attention import Maps

STRETCH = 1.5  # a patch of a guessed grid is at most so many times longer than wide

Pooling = Literal["class", "mean"]


@dataclass(frozen=True)
class TokenGrid:
    """Where the tokens of a layer stand.

    grid:    rows and columns
    prefix:  tokens before them that have no place: the class token and its like
    pooling: whether the answer is read from the class token or from the mean of the patches
    """

    grid: tuple[int, int]
    prefix: int = 0
    pooling: Pooling = "mean"


def weight_places(model: nn.Module) -> dict[str, nn.Module]:
    """Name -> the part that attention weights pass through, in the order in which the model holds them.

    Ours are `Maps`; in timm's models it is the dropout of the weights, which a fused kernel goes past.
    """
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, Maps)
        or (name.endswith("attn_drop") and hasattr(model.get_submodule(name[:-10]), "fused_attn"))
    }


def attends(model: nn.Module) -> bool:
    """Whether there is attention inside whose weights can be had."""
    return bool(weight_places(model))


def picture_encoder(model: nn.Module) -> nn.Module:
    """The part that sees whole pictures: a masked autoencoder's encoder, CLIP's picture tower, or all."""
    parts = (getattr(model, name, None) for name in ("encoder", "picture"))
    return next((part for part in parts if isinstance(part, nn.Module)), model)


def around(model: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    """The named part and those around it, the nearest first, the model itself (named "") last."""
    while name:
        yield name, model.get_submodule(name)
        name = name.rpartition(".")[0]
    yield "", model


def token_grid(model: nn.Module, name: str, tokens: int, size: tuple[int, int]) -> TokenGrid | None:
    """Where so many tokens of a part stand; None where nothing fits.

    size: height and width of the picture in pixels.
    """
    for _, module in around(model, name):
        told = _told(module)
        if told is not None and told.prefix + told.grid[0] * told.grid[1] == tokens:
            return told
        if told is not None and hasattr(getattr(module, "config", None), "prefix"):
            return None  # a grid is known and these are not its tokens, such as the few that a mask left
    for prefix in (0, 1):
        places = tokens - prefix
        rows = max(1, round((places * size[0] / size[1]) ** 0.5))
        if places >= rows and not places % rows and _squarish((rows, places // rows), size):
            return TokenGrid((rows, places // rows), prefix, "class" if prefix else "mean")
    return None


def as_maps(model: nn.Module, name: str, output: Tensor, pictures: tuple[int, ...]) -> Tensor | None:
    """What a part answered as maps (batch, channels, rows, columns); None where it has no places.

    output: maps as they are, tokens (batch, tokens, width), or maps with their channels last. pictures: the
    shape (batch, channels, height, width) that went in. The answer is a view, so slopes pass through it.
    """
    batch, size = pictures[0], (pictures[2], pictures[3])
    if output.shape[0] != batch:  # windows, each by itself
        return None
    if output.ndim == 4:
        if not _channels_last(model.get_submodule(name), output):
            return output
        return output.permute(0, 3, 1, 2) if _squarish(tuple(output.shape[1:3]), size) else None
    found = token_grid(model, name, output.shape[1], size) if output.ndim == 3 else None
    if found is None:
        return None
    return output[:, found.prefix :].transpose(1, 2).unflatten(2, found.grid)


def _told(module: nn.Module) -> TokenGrid | None:
    """What a part says of its tokens: ours itself or in `config`, timm's in its patch embedding."""
    said: Any
    for said in (module, getattr(module, "config", None)):
        if hasattr(said, "grid") and hasattr(said, "prefix"):
            rows, columns = said.grid
            by_class = said.prefix and getattr(said, "pooling", "class") == "class"
            return TokenGrid((rows, columns), said.prefix, "class" if by_class else "mean")
    grid: Any = getattr(getattr(module, "patch_embed", None), "grid_size", None)
    if grid is None:
        return None
    body: Any = module
    prefix = int(getattr(body, "num_prefix_tokens", 0))
    by_class = getattr(body, "cls_token", None) is not None and getattr(body, "global_pool", "") == "token"
    return TokenGrid((int(grid[0]), int(grid[1])), prefix, "class" if prefix and by_class else "mean")


def _squarish(grid: tuple[int, ...], size: tuple[int, int]) -> bool:
    """Whether a grid of this many rows and columns cuts the picture into near squares."""
    ratio = (size[0] / grid[0]) / (size[1] / grid[1])
    return 1 / STRETCH <= ratio <= STRETCH


def _channels_last(module: nn.Module, output: Tensor) -> bool:
    """Whether a part keeps the numbers of a place together: its layer norms run over the last axis."""
    norms = [part for part in module.modules() if isinstance(part, nn.LayerNorm)]
    return bool(norms) and any(tuple(norm.normalized_shape) == (output.shape[-1],) for norm in norms)
