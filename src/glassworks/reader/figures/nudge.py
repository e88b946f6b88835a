"""A nudge at the start of a chain of functions, and how it grows on its way to the end.

Each function multiplies a small nudge by its slope; so the whole chain multiplies it by the product of the
slopes. That is the chain rule, and here it stands beside the measured growth (finite differences): the
smaller the nudge, the better the two agree.
Change first: `CHAINS`, each a row of (name, function, slope).
"""

import html
import math
from collections.abc import Callable
from dataclasses import dataclass

from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure, Slider

Function = Callable[[float], float]
X, Y = 2.0, 10.0  # of the worked example


@dataclass(frozen=True)
class Link:
    """One function of a chain: what it is called, what it does, and its slope at an input."""

    name: str
    does: Function
    slope: Function


CHAINS = {
    "w → loss of the worked example": (
        Link(f"times {X:g}", lambda w: w * X, lambda w: X),
        Link(f"minus {Y:g}", lambda p: p - Y, lambda p: 1.0),
        Link("squared", lambda e: e * e, lambda e: 2 * e),
    ),
    "w → exp(sin(w²))": (
        Link("squared", lambda w: w * w, lambda w: 2 * w),
        Link("sin", math.sin, math.cos),
        Link("exp", math.exp, math.exp),
    ),
}


@dataclass(frozen=True)
class Growth:
    """What one link does to a nudge. before, after: its output without and with the nudge of the start."""

    name: str
    before: float
    after: float
    measured: float
    slope: float


def growth(chain: tuple[Link, ...], start: float, nudge: float) -> list[Growth]:
    """The nudge on its way through the chain; `measured` is NaN where the link's input did not change."""
    plain, nudged, rows = start, start + nudge, []
    for link in chain:
        before, after = link.does(plain), link.does(nudged)
        arrived = nudged - plain
        measured = (after - before) / arrived if arrived else math.nan
        rows.append(Growth(link.name, before, after, measured, link.slope(plain)))
        plain, nudged = before, after
    return rows


class NudgeChain(Figure):
    title = "A nudge runs through a chain of functions"
    says = (
        "Every function multiplies a small nudge by its slope. The whole chain multiplies it by all slopes "
        "together: 2 × 1 × (−16) = −32, the gradient."
    )
    controls = (
        Choose("chain", "chain", CHAINS),
        Slider("start", "start w", -2.0, 7.0, step=0.25, value=1.0),
        Choose("nudge", "nudge", {"1": 1.0, "0.1": 0.1, "0.01": 0.01, "0.0001": 0.0001}, "0.1"),
    )

    def draw(self, chain: tuple[Link, ...], start: float, nudge: float) -> str:
        rows = growth(chain, start, nudge)
        return f'<div class="scroll">{_drawing(start, nudge, rows)}</div>' + _table(rows, start, nudge)


def _table(rows: list[Growth], start: float, nudge: float) -> str:
    """Measured growth beside the slope by calculus, link by link and for the whole chain."""
    product = math.prod(row.slope for row in rows)
    whole = (rows[-1].after - rows[-1].before) / nudge
    cells = [(row.name, _told(row.measured), _told(row.slope)) for row in rows]
    cells.append(("the whole chain", _told(whole), f"{_told(product)}, the product"))
    off = abs(whole - product)
    words = f"Measured and computed differ by {off:.3g}. A smaller nudge brings them closer."
    return draw.table(("function", "growth of the nudge, measured", "slope, by calculus"), cells) + draw.note(
        words
    )


def _drawing(start: float, nudge: float, rows: list[Growth]) -> str:
    """Values in boxes, functions on the arrows, the nudge below each value."""
    values = [start, *(row.before for row in rows)]
    nudges = [nudge, *(row.after - row.before for row in rows)]
    parts = []
    for place, (value, moved) in enumerate(zip(values, nudges)):
        x = 8 + place * 182
        tone = "bad" if moved < 0 else "good"
        parts.append(
            f'<rect x="{x}" y="10" width="92" height="40" rx="8"/>'
            f'<text x="{x + 46}" y="35">{_told(value)}</text>'
            f'<text x="{x + 46}" y="76" class="{tone}">{"+" if moved >= 0 else ""}{_told(moved)}</text>'
        )
    for place, row in enumerate(rows):
        x = 106 + place * 182
        parts.append(
            f'<path d="M{x} 30h72m-7 -5l7 5l-7 5"/><text x="{x + 38}" y="22">{html.escape(row.name)}</text>'
            f'<text x="{x + 38}" y="76" class="soft">× {_told(row.measured)}</text>'
        )
    label = f"a nudge of {_told(nudge)} at the start becomes {_told(nudges[-1])} at the end"
    width = 108 + 182 * len(rows)
    return (
        f'<svg class="chain" viewBox="0 0 {width} 88" width="{width}" role="img" aria-label="{label}">'
        "<style>.chain { min-width: 520px; max-width: 100%; height: auto; }"
        " .chain text { fill: var(--ink); font: 14px system-ui, sans-serif; text-anchor: middle; }"
        " .chain .good { fill: var(--good); } .chain .bad { fill: var(--bad); }"
        " .chain .soft { fill: var(--soft); }"
        " .chain rect { fill: var(--paper); stroke: var(--accent); stroke-width: 1.5; }"
        " .chain path { stroke: var(--soft); fill: none; stroke-width: 1.5; }</style>"
        f"{''.join(parts)}</svg>"
    )


def _told(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.5g}".replace("-", "−")
