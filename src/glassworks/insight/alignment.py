"""What an answer looked at in its source while it was written, as a drawn matrix, and whether it mattered.

Each row is a token of the answer, each column one of the source; the darker a cell, the more of what that
token took from there. A weight says where numbers came from, not why: what stands at a place may tell of its
neighbours, and other heads may undo it. So the drawing is checked: each source token is left out once, and
the fall of the answer's probability is compared with the attention the token got.

Papers: Bahdanau et al. 2014, arXiv 1409.0473 (figure 3); Jain & Wallace 2019, arXiv 1902.10186.
First thing to change: `CELL`, the side of a cell.

Axes: said (tokens of the answer), source (tokens of the source), heads.
"""

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from glassworks.blocks.attention import CrossAttention, Maps
from glassworks.insight.record import evaluating

CELL, SMALL = 22, 9  # pixels on a side of a cell, in the drawing with words and at most in those without
WIDEST = 180  # pixels on a side of a drawing without words
CAVEAT = (
    "A row shows where a token of the answer took its numbers from; each row sums to 1. It is no proof of a "
    "cause: a place may hold what its neighbours said, and one head may undo another."
)


@dataclass(frozen=True)
class Alignments:
    """What an answer looked at. mean: (said, source) over all layers and heads; layers: {layer: (heads, said,
    source)}; falls: (source,) nats by which the answer's log probability falls without each source token."""

    mean: np.ndarray
    layers: dict[str, np.ndarray]
    falls: np.ndarray

    @property
    def agreement(self) -> float:
        """Rank correlation of attention and fall over the source tokens, -1 to 1; 0 where all are alike."""
        return rank_correlation(self.mean.sum(0), self.falls)


def look_layers(model: nn.Module) -> list[str]:
    """Names of the places where an answer's looks at its source pass by; empty without such attention."""
    parents = {name: type(module) for name, module in model.named_modules()}
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, Maps)
        and (parents[name.rpartition(".")[0]] is CrossAttention or name == "attention.maps")
    ]


def alignments(model: nn.Module, source: Tensor, said: Tensor) -> Alignments:
    """The looks of one answer at its source.

    source: int64 (source,) with its end; said: int64 (said + 1,): start, the answer's tokens, end
    """
    seen: dict[str, list[Tensor]] = {name: [] for name in look_layers(model)}
    handles = [
        model.get_submodule(name).register_forward_hook(
            lambda module, given, weights, own=own: own.append(weights[0].float().cpu())
        )
        for name, own in seen.items()
    ]
    try:
        with evaluating(model), torch.inference_mode():
            model(source[None], None, said[None, :-1])
    finally:
        for handle in handles:
            handle.remove()
    # A recurrent writer asks once for each token, a Transformer for all of them at once.
    layers = {name: torch.cat(parts, dim=1).numpy() for name, parts in seen.items()}
    mean = np.mean([weights.mean(0) for weights in layers.values()], axis=0)
    return Alignments(mean, layers, falls_without(model, source, said))


def falls_without(model: nn.Module, source: Tensor, said: Tensor) -> np.ndarray:
    """Nats by which the log probability of the answer falls where each source token is left out."""
    count = len(source)
    with evaluating(model), torch.inference_mode():
        whole = _log_probability(model, source[None], said[None])
        if count == 1:
            return np.zeros(1)
        places = torch.arange(count - 1).expand(count, -1)
        kept = places + (places >= torch.arange(count)[:, None])  # row i lacks token i
        without = source[kept.to(source.device)]
        each = [_log_probability(model, part, said[None].expand(len(part), -1)) for part in without.split(64)]
    return (whole - torch.cat(each)).double().cpu().numpy()


def _log_probability(model: nn.Module, sources: Tensor, said: Tensor) -> Tensor:
    chances = model(sources, None, said[:, :-1]).float().log_softmax(-1)
    return chances.gather(2, said[:, 1:, None])[..., 0].sum(1)


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's correlation of two rows of numbers, -1 to 1; 0 where one of them is constant.

    >>> rank_correlation(np.array([1.0, 5.0, 9.0]), np.array([0.1, 0.2, 0.9]))
    1.0
    """
    ranks = [_ranks(numbers) for numbers in (first, second)]
    spread = math.prod(float(np.std(own)) for own in ranks)
    if spread == 0:
        return 0.0
    return round(float(np.mean((ranks[0] - ranks[0].mean()) * (ranks[1] - ranks[1].mean()))) / spread, 6)


def _ranks(numbers: np.ndarray) -> np.ndarray:
    """Places in order, equal numbers sharing the mean of theirs."""
    _, inverse, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[inverse]


# ---- drawing


def matrix_svg(weights: np.ndarray, rows: Sequence[str], columns: Sequence[str]) -> str:
    """A matrix (rows, columns) of weights from 0 to 1 with its words; those of the columns read upwards."""
    left = 12 + 7 * max((len(word) for word in rows), default=1)
    top = 12 + 7 * max((len(word) for word in columns), default=1)
    width, height = left + CELL * len(columns) + 4, top + CELL * len(rows) + 4
    parts = [_cells(weights, CELL, left, top, lambda row, column: f"{rows[row]} from {columns[column]}")]
    for place, word in enumerate(rows):
        parts.append(
            f'<text x="{left - 6}" y="{top + CELL * place + 15}" text-anchor="end">{html.escape(word)}</text>'
        )
    for place, word in enumerate(columns):
        x, y = left + CELL * place + 15, top - 6
        parts.append(f'<text x="{x}" y="{y}" transform="rotate(-90 {x} {y})">{html.escape(word)}</text>')
    letters = 'font-size="12" font-family="ui-monospace, Menlo, Consolas, monospace" fill="currentColor"'
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return (
        f'<div class="scroll"><svg {size} {letters} '
        f'role="img" aria-label="attention of the answer to the source">{"".join(parts)}</svg></div>'
    )


def small_svg(weights: np.ndarray, title: str) -> str:
    """A matrix without words, for a grid of many."""
    side = max(2, min(SMALL, WIDEST // max(weights.shape)))
    width, height = side * weights.shape[1], side * weights.shape[0]
    label = html.escape(title)
    return (
        f'<figure style="margin:0"><svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{label}" style="border:1px solid var(--line)">'
        f"{_cells(weights, side, 0, 0, None)}</svg><figcaption>{label}</figcaption></figure>"
    )


def grid(parts: Sequence[str]) -> str:
    """Small matrices side by side."""
    return f'<div style="display:flex;flex-wrap:wrap;gap:.9rem">{"".join(parts)}</div>'


def _cells(
    weights: np.ndarray, side: int, left: int, top: int, says: Callable[[int, int], str] | None
) -> str:
    """A square for every weight that can be seen; with `says`, its words and number under the pointer."""
    parts = []
    for row, column in zip(*np.nonzero(weights >= 0.01), strict=True):
        place = f'x="{left + side * column}" y="{top + side * row}" width="{side}" height="{side}"'
        weight = float(weights[row, column])
        title = "" if says is None else f"<title>{html.escape(says(row, column))}: {weight:.2f}</title>"
        parts.append(f'<rect {place} fill="var(--accent)" fill-opacity="{weight:.2f}">{title}</rect>')
    return "".join(parts)
