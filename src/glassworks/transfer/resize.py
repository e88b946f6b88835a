"""Pictures of another size for weights that are there already: what must change, and what cannot.

Filters slide, so a convolutional network that ends in a mean takes pictures of any size as it is. A
Transformer holds a vector for each place of its grid; for another grid that table is treated as a small
picture and resized (`blocks.positions.resize_positions`). A layer that reads every pixel of a map by itself
fits one size only, and that is told at the door.

Sources: Touvron et al. 2019, "Fixing the train-test resolution discrepancy", arXiv 1906.06423 (why a few more
steps at the new size pay); Dosovitskiy et al. 2020, arXiv 2010.11929, section 3.2 (resizing positions).
The tables are resized as those weights want it that DeiT and MAE published: bicubic, corners not aligned.
torchvision aligns corners; Python callers may say so with `mode` and `align_corners`.
First thing to change: `mode`, and see what the lab `bigger-pictures` measures.
"""

from dataclasses import replace
from math import isqrt
from typing import Any

from torch import Tensor

from glassworks.core.errors import PersonError
from glassworks.transfer.parts import HEAD

Size = tuple[int, int]


def fitted(
    system: Any,
    tensors: dict[str, Tensor],
    own: dict[str, Tensor],
    config: Any,
    before: Size | None,
    **how: Any,
) -> dict[str, Tensor]:
    """Tensors of a system for pictures of the size of `config`; the same tensors where nothing changes.

    system:  the system's module; its function `resized`, where it has one, knows its tables
    own:     the tensors of a model of `config`, whose shapes are wanted; heads may differ, being for classes
    config:  of the model that takes the tensors
    before:  (height, width) of the pictures the tensors were made for, None where nobody knows
    how:     `mode` and `align_corners` of `resize_positions`, for systems with positions
    Raises PersonError("picture-size") for weights that cannot be brought to the other size.
    """
    before = before or size_of(tensors, config)
    after = (config.height, config.width)
    if before is None or before == after:
        return tensors
    try:
        made = replace(config, height=before[0], width=before[1])
        if hasattr(system, "resized"):
            tensors = system.resized(tensors, made, config, **how)
    except ValueError as error:
        raise _refused(before, after, str(error)) from error
    for name in own.keys() & tensors.keys():
        if not name.startswith(HEAD + ".") and tensors[name].shape != own[name].shape:
            shapes = f"{name} is {tuple(tensors[name].shape)} and would have to be {tuple(own[name].shape)}"
            raise _refused(before, after, shapes)
    return tensors


def size_of(tensors: dict[str, Tensor], config: Any) -> Size | None:
    """(height, width) of the pictures that weights were made for, as their table of positions tells it.

    None for weights without such a table, and for a table that is no square: its sides are then unknown.
    """
    tables = [name for name in sorted(tensors) if name.split(".")[-1] == "positions"]
    grid = getattr(config, "grid", None)
    if not tables or grid is None or tensors[tables[0]].ndim != 3:
        return None
    # The prefix of a system with several tables belongs to its last; the first is that of the finest grid.
    places = tensors[tables[0]].shape[1] - getattr(config, "prefix", 0)
    side = isqrt(max(0, places))
    if side == 0 or side * side != places:
        return None
    return side * config.height // grid[0], side * config.width // grid[1]


def in_words(size: Size) -> str:
    """ "64x96", height first, as everywhere."""
    return f"{size[0]}x{size[1]}"


def _refused(before: Size, after: Size, why: str) -> PersonError:
    return PersonError(
        "picture-size",
        expected=f"pictures of {in_words(before)}, for which these weights were made",
        got=f"{in_words(after)}: {why}",
        fix=f"use {in_words(before)}; or train at {in_words(after)} from the start, without --from",
    )
