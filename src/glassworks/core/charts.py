"""Charts as SVG text: curves and points over two axes, and bars. No script, no library, light and dark.

The colours are classes ("a", "b", …) that the page defines, so a chart fits wherever it stands. Each chart
tells in words what it shows (`aria-label`), for people who do not see it.
The first thing to change: `WIDTH`, if your pages are wider.
"""

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Points = Sequence[tuple[float, float]]
CLASSES = ("a", "b", "c", "d", "e", "f")
WIDTH, HEIGHT = 520, 220

STYLE = """
svg.chart { max-width: 100%; height: auto; display: block; }
svg.chart text { fill: var(--soft); font: 12px system-ui, sans-serif; }
svg.chart .axis { stroke: var(--line); fill: none; } svg.chart .grid { stroke: var(--line); opacity: .55; }
svg.chart .a { --pen: var(--accent); } svg.chart .b { --pen: var(--warn); }
svg.chart .c { --pen: var(--good); } svg.chart .d { --pen: var(--bad); }
svg.chart .e { --pen: var(--ink); } svg.chart .f { --pen: var(--soft); }
svg.chart polyline, svg.chart path.key { stroke: var(--pen); fill: none; stroke-width: 2; }
svg.chart .b:is(polyline, path) { stroke-dasharray: 7 3; }
svg.chart .c:is(polyline, path) { stroke-dasharray: 2 3; }
svg.chart .band { fill: var(--accent); opacity: .18; }
svg.chart circle { fill: var(--pen); } svg.chart .amount { fill: var(--accent); }
svg.chart .dash { stroke: var(--soft); stroke-dasharray: 4 4; fill: none; }
"""
LETTER, DIGIT = 6.6, 8.0  # pixels that one takes, about; digits are wide


@dataclass(frozen=True)
class Axis:
    """One axis: low and high in the data's units, logarithmic or not, and the pixels it covers."""

    low: float
    high: float
    logarithmic: bool
    start: float
    end: float

    def place(self, value: float) -> float:
        """Pixels of a value; what lies beyond the axis is put on its end."""
        low, high, value = (self._scaled(number) for number in (self.low, self.high, value))
        share = (value - low) / (high - low)
        return self.start + min(1.02, max(-0.02, share)) * (self.end - self.start)

    def holds(self, value: float) -> bool:
        return math.isfinite(value) and (value > 0 or not self.logarithmic)

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self.logarithmic else value

    def ticks(self, most: int) -> list[float]:
        """At most `most` round numbers within the axis."""
        if self.logarithmic:
            powers = range(
                math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9) + 1
            )
            return [10.0**power for power in powers][:: max(1, math.ceil(len(powers) / most))]
        span = self.high - self.low
        rough = span / most
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [number * step for number in range(first, math.floor(self.high / step + 1e-9) + 1)]


def line_chart(
    curves: Mapping[str, Points],
    *,
    across: str,
    up: str = "",
    points: Mapping[str, Points] | None = None,
    x: tuple[float, float] | None = None,
    y: tuple[float, float] | None = None,
    logarithmic: str = "",
    marks: Sequence[tuple[float, str]] = (),
    band: Sequence[tuple[float, float, float]] = (),
    pens: Mapping[str, str] | None = None,
    width: int = WIDTH,
    height: int = HEIGHT,
) -> str:
    """Curves (lines) and points (dots) over shared axes as SVG.

    across, up:   what the axes say; x, y: their ranges, found from the data when left out
    points:       dots by name; a name that is also a curve shares its colour
    logarithmic:  "", "x", "y" or "xy"; values that have no logarithm are left out
    marks:        (x, label): dashed vertical lines
    band:         (x, low, high): an interval around a curve, as an area behind it
    pens:         of some names the class of their colour, where it is not that of their place
    """
    points = points or {}
    everything = [dot for row in (*curves.values(), *points.values()) for dot in row]
    everything += [(a, end) for a, *ends in band for end in ends]
    shown = [dot for dot in everything if _drawable(dot, logarithmic)]
    if not shown:
        return '<p class="note">nothing was recorded</p>'
    names = list(dict.fromkeys([*curves, *points]))
    styles = {name: CLASSES[number % len(CLASSES)] for number, name in enumerate(names)} | dict(pens or {})
    rows = _legend_rows(names, styles, width)
    left, top, bottom = 58, 8 + 18 * len(rows), height - 38
    column = _axis([dot[0] for dot in shown], x, "x" in logarithmic, left, width - 14)
    line = _axis([dot[1] for dot in shown], y, "y" in logarithmic, bottom, top)
    parts = [*_frame(column, line, across, up, width, height), *_legend(rows)]
    for place, label in marks:
        parts.append(f'<path class="dash" d="M{column.place(place):.1f} {top}V{bottom}"/>')
        parts.append(_beside(column.place(place), top + 12, label, width))
    if band:
        edge = [(a, high) for a, _, high in band] + [(a, low) for a, low, _ in reversed(band)]
        path = " ".join(f"{column.place(a):.1f},{line.place(b):.1f}" for a, b in edge)
        parts.append(f'<polygon class="band" points="{path}"/>')
    for name in names:
        style = styles[name]
        drawn = [dot for dot in curves.get(name, ()) if column.holds(dot[0]) and line.holds(dot[1])]
        if drawn:
            path = " ".join(f"{column.place(a):.1f},{line.place(b):.1f}" for a, b in drawn)
            parts.append(f'<polyline class="{style}" points="{path}"/>')
        for a, b in points.get(name, ()):
            if column.holds(a) and line.holds(b):
                centre = f'cx="{column.place(a):.1f}" cy="{line.place(b):.1f}"'
                parts.append(f'<circle class="{style}" {centre} r="3.5"/>')
    return _svg(parts, width, height, _told(curves, points, across, up))


def bar_chart(rows: Sequence[tuple[str, float]], *, width: int = WIDTH) -> str:
    """Horizontal bars with their names and values as SVG, from zero."""
    top = max((value for _, value in rows), default=0) or 1
    marks = []
    for number, (name, value) in enumerate(rows):
        y = number * 24
        label = name if len(name) <= 20 else name[:19] + "…"
        marks.append(f'<text x="132" y="{y + 16}" text-anchor="end">{html.escape(label)}</text>')
        long = value / top * (width - 210)
        marks.append(
            f'<rect class="amount" x="140" y="{y + 5}" width="{max(1.0, long):.1f}" height="14" rx="3"/>'
        )
        marks.append(f'<text x="{146 + long:.1f}" y="{y + 16}">{value:.4g}</text>')
    told = ", ".join(f"{name} {value:.4g}" for name, value in rows)
    return _svg(marks, width, len(rows) * 24 + 4, f"bars: {told}")


def _drawable(dot: tuple[float, float], logarithmic: str) -> bool:
    return all(
        math.isfinite(value) and (value > 0 or axis not in logarithmic) for axis, value in zip("xy", dot)
    )


def _axis(
    values: Sequence[float], given: tuple[float, float] | None, logarithmic: bool, start: float, end: float
) -> Axis:
    """An axis over the values, or over the range that was given."""
    low, high = given or (min(values), max(values))
    if low == high:
        low, high = (low / 2, high * 2) if logarithmic else (low - 0.5, high + 0.5)
    return Axis(low, high, logarithmic, start, end)


def _frame(column: Axis, line: Axis, across: str, up: str, width: int, height: int) -> list[str]:
    """The two axes with their ticks and what they say."""
    left, bottom, top = column.start, line.start, line.end
    parts = []
    for value in line.ticks(4):
        y = line.place(value)
        parts.append(f'<path class="grid" d="M{left} {y:.1f}H{column.end}"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4:.0f}" text-anchor="end">{_number(value)}</text>')
    for value in column.ticks(5):
        told = _number(value)
        at = min(column.place(value), width - DIGIT * len(told) / 2)
        parts.append(f'<text x="{at:.0f}" y="{bottom + 16}" text-anchor="middle">{told}</text>')
    parts.append(f'<path class="axis" d="M{left} {top}V{bottom}H{column.end}"/>')
    middle = (left + column.end) / 2
    parts.append(f'<text x="{middle:.0f}" y="{height - 5}" text-anchor="middle">{html.escape(across)}</text>')
    if up:
        turn = f'transform="translate(13 {(top + bottom) / 2:.0f}) rotate(-90)"'
        parts.append(f'<text {turn} text-anchor="middle">{html.escape(up)}</text>')
    return parts


def _beside(place: float, y: float, label: str, width: int) -> str:
    """A label to the right of a vertical line, or to its left where it would leave the drawing."""
    left = place + 4 + LETTER * len(label) > width
    at = f'x="{place - 4:.0f}" text-anchor="end"' if left else f'x="{place + 4:.0f}"'
    return f'<text {at} y="{y}">{html.escape(label)}</text>'


def _legend_rows(
    names: Sequence[str], styles: Mapping[str, str], width: int
) -> list[list[tuple[str, float, str]]]:
    """The names in as many rows as they need: (name, x, class)."""
    rows: list[list[tuple[str, float, str]]] = [[]]
    at = 62.0
    for name in names:
        needed = 36 + LETTER * len(name)
        if rows[-1] and at + needed > width:
            rows.append([])
            at = 62.0
        rows[-1].append((name, at, styles[name]))
        at += needed
    return rows


def _legend(rows: Sequence[Sequence[tuple[str, float, str]]]) -> list[str]:
    parts = []
    for number, row in enumerate(rows):
        y = 10 + 18 * number
        for name, at, style in row:
            parts.append(f'<path class="key {style}" d="M{at:.0f} {y}h18"/>')
            parts.append(f'<text x="{at + 23:.0f}" y="{y + 4}">{html.escape(name)}</text>')
    return parts


def _number(value: float) -> str:
    if value and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
    return f"{value:.6g}"


def _told(curves: Mapping[str, Points], points: Mapping[str, Points], across: str, up: str) -> str:
    """What a chart shows, in words."""
    told = []
    for name, row in {**points, **curves}.items():
        finite = [b for _, b in row if math.isfinite(b)]
        if finite:
            told.append(f"{name}: from {finite[0]:.4g} to {finite[-1]:.4g}")
    return f"{up or 'values'} by {across}. " + "; ".join(told)


def _svg(parts: Sequence[str], width: int, height: int, told: str) -> str:
    label = html.escape(told, quote=True)
    size = f'viewBox="0 0 {width} {height}" width="{width}"'
    return f'<svg class="chart" {size} role="img" aria-label="{label}">{"".join(parts)}</svg>'
