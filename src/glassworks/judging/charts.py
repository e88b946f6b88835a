"""The two drawings of a report that are its own: the confusion matrix and the reliability diagram.

Both follow light and dark mode by the page's colours and need no script. The reliability diagram is that of
Niculescu-Mizil and Caruana 2005, "Predicting good probabilities with supervised learning".
"""

import html
from collections.abc import Sequence

import numpy as np


def confusion_table(counts: np.ndarray, classes: Sequence[str]) -> str:
    """Counts (given, said) as an HTML table whose cells are tinted by their share of the row."""
    edge = "padding:.3rem .45rem;border:1px solid var(--line);text-align:right"
    name = (
        "max-width:7rem;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;padding:.3rem .45rem;"
        "border:1px solid var(--line)"
    )
    first = f"{name};position:sticky;left:0;background:var(--card)"  # stays in sight while a phone scrolls
    head = "".join(
        f'<th style="{name};text-align:right" title="{html.escape(label)}">{html.escape(label)}</th>'
        for label in classes
    )
    body = []
    for row, label in enumerate(classes):
        total, cells = max(1, int(counts[row].sum())), []
        for column, count in enumerate(counts[row]):
            tint = "--accent" if row == column else "--bad"
            share = round(70 * int(count) / total) + (8 if count else 0)
            shade = f"background:color-mix(in srgb,var({tint}) {share}%,transparent)" if count else ""
            text = str(int(count)) if count else "·"
            cells.append(f'<td style="{edge};{shade}">{text}</td>')
        body.append(f'<tr><th style="{first}">{html.escape(label)}</th>{"".join(cells)}</tr>')
    corner = f'<th style="{first}">given \\ said</th>'
    return (
        '<div class="scroll"><table style="min-width:0;font-variant-numeric:tabular-nums">'
        f"<thead><tr>{corner}{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def calibration_diagram(bins: Sequence[dict], side: int = 300) -> str:
    """The reliability diagram as SVG: share of right answers against confidence."""
    left, top, most = 44, 10, max(row["n"] for row in bins)
    line = "stroke:var(--ink);stroke-width:1.5"
    marks = [f'<path class="axis" d="M{left} {top}V{top + side}H{left + side}" fill="none"/>']
    for row in bins:
        width, height = (row["high"] - row["low"]) * side, row["share"] * side
        x, y = left + row["low"] * side, top + side - row["share"] * side
        strength = 0.3 + 0.7 * (row["n"] / most) ** 0.5
        told = f"said {row['confidence']:.0%}, right {row['share']:.0%}, {row['n']} rows"
        place = f'x="{x + 1:.1f}" y="{y:.1f}" width="{width - 2:.1f}" height="{max(1.0, height):.1f}"'
        marks.append(f'<rect class="amount" {place} opacity="{strength:.2f}"><title>{told}</title></rect>')
    marks.append(f'<path class="dash" style="{line}" d="M{left} {top + side}L{left + side} {top}"/>')
    for share in (0, 0.5, 1):
        label, y, x = f"{share:.0%}", top + side - share * side, left + share * side
        anchor = {0: "start", 0.5: "middle", 1: "end"}[share]
        marks.append(f'<text x="{left - 6}" y="{y + 4:.0f}" text-anchor="end">{label}</text>')
        marks.append(f'<text x="{x:.0f}" y="{top + side + 18}" text-anchor="{anchor}">{label}</text>')
    marks.append(f'<text x="{left + side / 2}" y="{top + side + 36}" text-anchor="middle">confidence</text>')
    wide, high = left + side + 8, top + side + 42
    return f'<svg class="chart" viewBox="0 0 {wide} {high}" width="{wide}" role="img">{"".join(marks)}</svg>'
