"""One query, three keys, three values of two numbers each: turn the query and see where the average goes.

The score of a token is the product of the query with the token's key, divided by the root of 2, the numbers a
key. Softmax turns the three scores into weights, and the answer is the average of the values by them. It can
never leave the triangle of the values: attention mixes what is there.
The first thing to change: `KEYS` or `VALUES`.
"""

import html
import math
from typing import Any

import torch
from torch import Tensor

from glassworks.reader.draw import columns, heading, note, table
from glassworks.reader.figure import Figure, Slider

NAMES, PENS = ("A", "B", "C"), ("a", "b", "c")
KEYS = ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0))
VALUES = ((1.0, 0.0), (0.0, 1.0), (-1.0, -1.0))
REACH, SIDE = 3.2, 230  # numbers from the middle of the left plane to its edge; pixels on a side


def asked(query: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Scores (3,), weights (3,) and the answer (2,) for a query (2,)."""
    keys, values = torch.tensor(KEYS, dtype=query.dtype), torch.tensor(VALUES, dtype=query.dtype)
    scores = keys @ query / math.sqrt(2)
    weights = scores.softmax(0)
    return scores, weights, weights @ values


class OneTokenAsks(Figure):
    title = "One token asks three"
    says = (
        "Where the query points the way of a key, that token's weight grows, and the average moves towards "
        "its value. A longer query is more decided; a query of length 0 gives every token the same weight."
    )
    controls = (
        Slider("turn", "the query points to", 0, 360, step=15, value=0, unit="°"),
        Slider("length", "length of the query", 0, 3, step=0.25, value=2),
    )

    def draw(self, turn: float, length: float, **_: Any) -> str:
        angle = math.radians(turn)
        query = length * torch.tensor([math.cos(angle), math.sin(angle)], dtype=torch.float64)
        scores, weights, answer = asked(query)
        products = torch.tensor(KEYS, dtype=torch.float64) @ query
        rows = [
            [name, _pair(key), f"{_plain(product)}", f"{_plain(score)}", f"{weight:.1%}"]
            for name, key, product, score, weight in zip(
                NAMES, KEYS, products.tolist(), scores.tolist(), weights.tolist()
            )
        ]
        found = table(["token", "key", "product", "by √2", "weight"], rows)
        x, y = query.tolist()
        told = f"The query is ({_plain(x)}, {_plain(y)}). The weights sum to {float(weights.sum()):.0%}."
        a, b = answer.tolist()
        average = f"The answer, the average of the values by these weights, is ({_plain(a)}, {_plain(b)})."
        return columns(
            heading("query and keys") + _left(x, y), heading("values and answer") + _right(weights, a, b)
        ) + found + note(told) + note(average)  # fmt: skip


def _left(x: float, y: float) -> str:
    """The keys as dots, the query as an arrow."""
    parts = [_dot(key, REACH, pen, name, 6) for key, pen, name in zip(KEYS, PENS, NAMES)]
    end_x, end_y = _place(x, y, REACH)
    middle = SIDE / 2
    line = f'<path d="M{middle} {middle}L{end_x:.1f} {end_y:.1f}" style="stroke:var(--ink);stroke-width:3"/>'
    tip = f'<circle cx="{end_x:.1f}" cy="{end_y:.1f}" r="5" style="fill:var(--ink)"/>'
    across = -10 if end_x > SIDE - 60 else 9
    anchor = "end" if across < 0 else "start"
    below = 18
    words = f'<text x="{end_x + across:.0f}" y="{end_y + below:.0f}" text-anchor="{anchor}">query</text>'
    told = f"keys A (1, 0), B (0, 1), C (1, 1); the query is ({x:.2f}, {y:.2f})"
    return _plane(line + tip + words + "".join(parts), told)


def _right(weights: Tensor, x: float, y: float) -> str:
    """The values as dots as large as their weights, and the average inside their triangle."""
    reach = 1.5
    corners = "L".join(f"{a:.1f},{b:.1f}" for a, b in (_place(*value, reach) for value in VALUES))
    triangle = f'<path d="M{corners}Z" style="fill:none;stroke:var(--line);stroke-width:2"/>'
    dots = [
        _dot(value, reach, pen, name, 4 + 14 * math.sqrt(weight))
        for value, pen, name, weight in zip(VALUES, PENS, NAMES, weights.tolist())
    ]
    at_x, at_y = _place(x, y, reach)
    cross = (
        f'<path d="M{at_x - 8:.1f} {at_y:.1f}h16M{at_x:.1f} {at_y - 8:.1f}v16" '
        'style="stroke:var(--ink);stroke-width:4"/>'
    )
    words = f'<text x="{at_x + 8:.0f}" y="{at_y + 20:.0f}">answer</text>'
    shares = ", ".join(f"{name} {weight:.0%}" for name, weight in zip(NAMES, weights.tolist()))
    told = f"weights {shares}; the answer is ({x:.2f}, {y:.2f})"
    return _plane(triangle + "".join(dots) + cross + words, told)


def _dot(point: tuple[float, float], reach: float, pen: str, name: str, radius: float) -> str:
    x, y = _place(*point, reach)
    return (
        f'<circle class="{pen}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>'
        f'<text x="{x:.0f}" y="{y - radius - 4:.0f}" text-anchor="middle">{name}</text>'
    )


def _place(x: float, y: float, reach: float) -> tuple[float, float]:
    return SIDE / 2 * (1 + x / reach), SIDE / 2 * (1 - y / reach)


def _plane(inside: str, told: str) -> str:
    middle = SIDE / 2
    axes = f'<path class="axis" d="M0 {middle}H{SIDE}M{middle} 0V{SIDE}"/>'
    name = html.escape(told, quote=True)
    return (
        f'<svg class="chart" viewBox="0 0 {SIDE} {SIDE}" width="{SIDE}" role="img" aria-label="{name}">'
        f"{axes}{inside}</svg>"
    )


def _pair(point: tuple[float, float]) -> str:
    return f"({point[0]:g},\u00a0{point[1]:g})"


def _plain(value: float) -> str:
    """Three decimals at most, and no minus before a zero."""
    return f"{round(value, 3) + 0.0:g}"
