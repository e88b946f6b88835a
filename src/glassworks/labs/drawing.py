"""The figures of a result as SVG: curves by the charts of `core`, and named values with their intervals.

The page of `glassworks lab` and the widget of the book both draw from here, so they show the same; the book
draws `NARROW`, which a phone shows whole and readable. The first thing to change: `LEFT`, the room for names.
"""

import html

from glassworks.core.charts import WIDTH, Axis, line_chart
from glassworks.labs.lab import Chart

LEFT, ROW = 218, 24  # pixels: for the names, and of one row
NARROW = 360  # pixels of a figure that fits into a phone's page nearly as it is


def drawn(chart: Chart, *, width: int = WIDTH) -> str:
    """A figure as SVG with its title, which also names it for people who do not see it. width: pixels"""
    if chart.spans:
        picture = span_chart(chart, width)
    else:
        picture = line_chart(
            chart.curves, across=chart.across, up=chart.up, logarithmic=chart.logarithmic, width=width,
            height=260,
        )  # fmt: skip
    title = html.escape(chart.title)
    return (
        f'<figure class="plot"><figcaption>{title}</figcaption><div class="scroll">{picture}</div></figure>'
    )


def span_chart(chart: Chart, width: int = WIDTH) -> str:
    """Dots with whiskers, one below the other, over one axis; zero is marked where it is in sight.

    Where names would take most of the width, each stands above its dot.
    """
    beside = width >= 2 * LEFT + ROW
    left, row = (LEFT, ROW) if beside else (14, 2 * ROW - 8)
    low = min(span.low for span in chart.spans)
    high = max(span.high for span in chart.spans)
    axis = Axis(low, high if high > low else low + 1, False, left, width - 14)
    bottom = 8 + row * len(chart.spans)
    parts = []
    for tick in axis.ticks(5):
        at = axis.place(tick)
        style = "axis" if tick == 0 else "grid"
        parts.append(f'<path class="{style}" d="M{at:.1f} 4V{bottom}"/>')
        parts.append(f'<text x="{at:.0f}" y="{bottom + 16}" text-anchor="middle">{tick:.4g}</text>')
    for number, span in enumerate(chart.spans):
        y = 8 + row * (number + 1) - ROW / 2
        ends = f"M{axis.place(span.low):.1f} {y}H{axis.place(span.high):.1f}"
        place = f'x="{left - 10}" y="{y + 4}" text-anchor="end"' if beside else f'x="4" y="{y - 12}"'
        parts.append(f"<text {place}>{html.escape(span.name)}</text>")
        parts.append(f'<path class="key a" d="{ends}"/>')
        parts.append(f'<circle class="a" cx="{axis.place(span.value):.1f}" cy="{y}" r="4"/>')
    middle = (left + width) / 2
    label = html.escape(chart.across)
    parts.append(f'<text x="{middle:.0f}" y="{bottom + 34}" text-anchor="middle">{label}</text>')
    told = "; ".join(
        f"{span.name} {span.value:.3g} ({span.low:.3g} to {span.high:.3g})" for span in chart.spans
    )
    size = f'viewBox="0 0 {width} {bottom + 40}" width="{width}"'
    name = html.escape(f"{chart.title}. {told}", quote=True)
    return f'<svg class="chart" {size} role="img" aria-label="{name}">{"".join(parts)}</svg>'
