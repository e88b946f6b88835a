"""Positions: attention alone cannot tell where a token stands, so each token is told.

Three ways. Learned: a table with a row for each place. Sine and cosine: fixed waves of the row and of the
column, from fast to slow, that need no training. Relative: nothing is added to the tokens; each head learns
how much it likes a token so many rows and columns away. A table for one grid is resized to another by
treating it as a picture.

Sources: Vaswani et al. 2017, arXiv 1706.03762 (waves, in one dimension); Chen et al. 2021, arXiv 2104.02057,
and He et al. 2021, arXiv 2111.06377 (in two, half of the numbers for each axis); Liu et al. 2021, arXiv
2103.14030 (relative); Touvron et al. 2019, arXiv 1906.06423 (why a resized model should be adapted).
Where this differs: the halves of the waves are columns first, as in MAE's published weights.
The first thing to change: `BASE`, the slowest wave.

Axes: rows, columns of the grid; prefix = tokens before the patches (class token), which have no place.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

BASE = 10_000.0
Mode = Literal["bicubic", "bilinear", "nearest"]


def sine_cosine(
    grid: tuple[int, int], dimension: int, *, prefix: int = 0, first: Literal["column", "row"] = "column"
) -> Float[Tensor, "tokens dimension"]:
    """Fixed positions (prefix + rows * columns, dimension); the rows of the prefix are zero.

    first: whose waves fill the first half. Raises ValueError for a dimension that is not divisible by 4.
    """
    if dimension % 4:
        raise ValueError(f"sine-cosine positions need a dimension divisible by 4, got {dimension}")
    rows, columns = torch.arange(grid[0]).double(), torch.arange(grid[1]).double()
    places = {
        "row": rows[:, None].expand(grid).flatten(),
        "column": columns[None, :].expand(grid).flatten(),
    }
    quarter = dimension // 4
    frequencies = BASE ** -(torch.arange(quarter).double() / quarter)  # from 1 to nearly 1 / BASE
    halves = []
    for axis in (first, "row" if first == "column" else "column"):
        angles = places[axis][:, None] * frequencies  # (tokens, quarter)
        halves += [angles.sin(), angles.cos()]
    table = torch.cat(halves, dim=1).float()
    return torch.cat([torch.zeros(prefix, dimension), table])


def resize_positions(
    table: Float[Tensor, "1 tokens dimension"],
    before: tuple[int, int],
    after: tuple[int, int],
    *,
    prefix: int = 0,
    mode: Mode = "bicubic",
    align_corners: bool = False,
) -> Float[Tensor, "1 tokens2 dimension"]:
    """A table of positions for another grid; the same table where the grid stays.

    before, after: (rows, columns); prefix: rows of the table that have no place and are kept as they are
    mode, align_corners: as in torch's interpolate. torchvision aligns corners, DeiT and MAE do not
    Raises ValueError for a table that is not of the grid `before`.
    """
    if table.ndim != 3 or table.shape[1] != prefix + before[0] * before[1]:
        raise ValueError(
            f"expected positions (1, {prefix} + {before[0]} * {before[1]}, dimension), "
            f"got {tuple(table.shape)}"
        )
    if before == after:
        return table
    kept, places = table[:, :prefix], table[:, prefix:]
    picture = places.transpose(1, 2).unflatten(2, before)  # (1, dimension, rows, columns)
    corners = align_corners if mode != "nearest" else None
    resized = F.interpolate(picture.float(), after, mode=mode, align_corners=corners).to(table.dtype)
    return torch.cat([kept, resized.flatten(2).transpose(1, 2)], dim=1)


def offsets(grid: tuple[int, int], *, prefix: int = 0) -> Tensor:
    """Which entry of a table of offsets belongs to each pair of tokens, int64 (tokens, tokens).

    Two tokens of a grid are (2 rows - 1) (2 columns - 1) ways apart. With a prefix three more entries follow:
    prefix to patch, patch to prefix, prefix to prefix.
    """
    rows, columns = grid
    down = torch.arange(rows)[:, None].expand(grid).flatten()
    right = torch.arange(columns)[None, :].expand(grid).flatten()
    pairs = (down[:, None] - down + rows - 1) * (2 * columns - 1) + (right[:, None] - right + columns - 1)
    if not prefix:
        return pairs
    last = (2 * rows - 1) * (2 * columns - 1)
    whole = pairs.new_full((prefix + len(pairs),) * 2, last + 2)
    whole[:prefix, prefix:] = last
    whole[prefix:, :prefix] = last + 1
    whole[prefix:, prefix:] = pairs
    return whole


class RelativePositions(nn.Module):
    """A learned liking of each head for each offset. forward() -> bias (heads, tokens, tokens)."""

    def __init__(self, grid: tuple[int, int], heads: int, *, prefix: int = 0):
        super().__init__()
        self.grid, self.prefix = grid, prefix
        entries = (2 * grid[0] - 1) * (2 * grid[1] - 1) + (3 if prefix else 0)
        self.table = nn.Parameter(torch.zeros(entries, heads))
        self.register_buffer("places", offsets(grid, prefix=prefix), persistent=False)
        nn.init.trunc_normal_(self.table, std=0.02)

    def forward(self) -> Float[Tensor, "heads tokens tokens"]:
        places: Tensor = self.places  # type: ignore[assignment]
        return self.table[places].permute(2, 0, 1)
