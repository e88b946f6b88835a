"""The tape made visible: as a drawing, as text for a terminal, and as the backward pass step by step.

A value stands one column to the right of its rightmost input, so computation flows from left to right and
gradients flow back. Each box shows the operation, the value and the gradient. The drawing is one
self-contained SVG without script that takes its colours from the page, light or dark.

Draw before `backward()`, or after `backward(keep_graph=True)`: a plain `backward()` releases the tape.
Change first: `ROW` and `COLUMN`, the distances between boxes, in pixels.
"""

import html
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from glassworks.foundations.tape import Value, ordered, pass_back

BOX_WIDTH, BOX_HEIGHT, COLUMN, ROW, MARGIN = 150, 58, 190, 76, 12
STYLE = """
.tape { --paper: #ffffff; --leaf: #0b6e7f; --constant: #8a8f96; --result: #96670a; color: #1b2430;
  font: 12px ui-monospace, Menlo, Consolas, monospace; }
@media (prefers-color-scheme: dark) { .tape { --paper: #1c2229; --leaf: #58c1d3; --constant: #9aa6b2;
  --result: #e0b04d; color: #e6e9ec; } }
.tape rect { fill: var(--paper); stroke: var(--result); stroke-width: 1.5; }
.tape text { fill: currentColor; }
.tape .leaf rect { stroke: var(--leaf); }
.tape .constant rect { stroke: var(--constant); stroke-dasharray: 4 3; }
.tape .head { font-weight: 700; } .tape path { stroke: currentColor; stroke-opacity: .45; fill: none; }
.tape .visiting rect { stroke-width: 4; } .tape path.visiting { stroke-opacity: 1; stroke-width: 2.5; }
"""


@dataclass(frozen=True)
class Step:
    """One visit of the backward pass.

    value:    label of the visited value
    operation: what made it
    gradient: d(final)/d(value), complete at this moment
    shares:   (label of an input, what this visit adds to its gradient), one for each learned input
    """

    value: str
    operation: str
    gradient: np.ndarray
    shares: tuple[tuple[str, np.ndarray], ...]

    def __str__(self) -> str:
        head = f"{self.value} ({self.operation}) has gradient {numbers(self.gradient)}"
        passed = "; ".join(f"{label} receives {numbers(share)}" for label, share in self.shares)
        return f"{head}: {passed}" if passed else f"{head}: done, it is a leaf"


def steps(value: Value) -> list[Step]:
    """The backward pass from `value`, in the order it runs; no stored gradient is touched."""
    order = ordered(value)
    label = labels(order)
    return [
        Step(
            label[id(node)],
            node.operation,
            incoming,
            tuple((label[id(parent)], share) for parent, share in shares),
        )
        for node, incoming, shares in pass_back(value, order)
    ]


def labels(order: list[Value]) -> dict[int, str]:
    """A short unique label for each value, by id: its name where it has one, otherwise v0, v1, …"""
    taken: set[str] = set()
    label = {}
    for place, node in enumerate(order):
        wish = node.name or f"v{place}"
        label[id(node)] = wish if wish not in taken else f"{wish}#{place}"
        taken.add(label[id(node)])
    return label


def numbers(array: np.ndarray | None) -> str:
    """An array in a few characters: "2", "[9 14]", or shape and range when it is large."""
    if array is None:
        return "–"
    if array.size == 1:
        return f"{array.item():.6g}"
    if array.ndim == 1 and array.size <= 3:
        return "[" + " ".join(f"{number:.4g}" for number in array) + "]"
    shape = "×".join(str(size) for size in array.shape)
    return f"{shape}: {array.min():.2g}…{array.max():.2g}" if array.size else f"{shape}: empty"


def columns(order: list[Value]) -> dict[int, int]:
    """Column of each value, by id: results right of all inputs, leaves just left of their first use."""
    column: dict[int, int] = {}
    for node in order:
        column[id(node)] = 1 + max((column[id(parent)] for parent, _ in node.edges), default=-1)
    first_use: dict[int, int] = {}
    for node in order:
        for parent, _ in node.edges:
            first_use[id(parent)] = min(first_use.get(id(parent), column[id(node)]), column[id(node)])
    for node in order:
        if not node.edges and id(node) in first_use:
            column[id(node)] = first_use[id(node)] - 1
    return column


def svg(value: Value, *, gradients: Mapping[str, np.ndarray] | None = None, visiting: str = "") -> str:
    """The graph behind `value` as a self-contained SVG; each value is a <g> with its label as data-value.

    gradients: by label, shown in place of the stored ones: a backward pass that has come this far
    visiting:  label of the value whose turn it is; it stands out, with the arrows from its inputs
    """
    order = ordered(value)
    label, column = labels(order), columns(order)
    height_of: dict[int, int] = {}
    corner = {}
    for node in order:
        row = height_of.get(column[id(node)], 0)
        height_of[column[id(node)]] = row + 1
        corner[id(node)] = (MARGIN + COLUMN * column[id(node)], MARGIN + ROW * row)
    width = 2 * MARGIN + COLUMN * max(column.values()) + BOX_WIDTH
    height = 2 * MARGIN + ROW * (max(height_of.values()) - 1) + BOX_HEIGHT
    arrows = [
        _arrow(
            corner[id(parent)],
            corner[id(node)],
            label[id(node)] == visiting and parent.operation != "constant",
        )
        for node in order
        for parent, _ in node.edges
    ]
    boxes = []
    for node in order:
        name = label[id(node)]
        gradient = node.grad if gradients is None else gradients.get(name)
        boxes.append(_box(node, name, gradient, name == visiting, *corner[id(node)]))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="tape" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" aria-label="computation graph of {len(order)} values">'
        f"<style>{STYLE}</style>{''.join(arrows)}{''.join(boxes)}</svg>"
    )


def text(value: Value) -> str:
    """The graph behind `value` as lines for a terminal, inputs before results."""
    order = ordered(value)
    label = labels(order)
    rows = [("value", "operation", "from", "number", "gradient")]
    for node in order:
        inputs = ", ".join(label[id(parent)] for parent, _ in node.edges)
        rows.append((label[id(node)], node.operation, inputs, numbers(node.data), numbers(node.grad)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows
    )


def _box(node: Value, label: str, gradient: np.ndarray | None, visiting: bool, x: int, y: int) -> str:
    kind = node.operation if node.operation in ("leaf", "constant") else "result"
    title = label if kind == "leaf" else f"{label} = {node.operation}"
    lines = (("head", title), ("", f"value {numbers(node.data)}"), ("", f"grad {numbers(gradient)}"))
    written = "".join(
        f'<text class="{style}" x="{x + 8}" y="{y + 16 + 17 * number}">{html.escape(line)}</text>'
        for number, (style, line) in enumerate(lines)
    )
    rectangle = f'<rect x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="7"/>'
    style = f"{kind} visiting" if visiting else kind
    return f'<g class="{style}" data-value="{html.escape(label, quote=True)}">{rectangle}{written}</g>'


def _arrow(start: tuple[int, int], end: tuple[int, int], visiting: bool) -> str:
    x0, y0 = start[0] + BOX_WIDTH, start[1] + BOX_HEIGHT // 2
    x1, y1 = end[0], end[1] + BOX_HEIGHT // 2
    gap = COLUMN - BOX_WIDTH
    if x1 - x0 > gap:  # it passes a column, and would run behind the boxes there: so between two rows
        low = y0 + ROW // 2
        line = (
            f"M{x0} {y0}C{x0 + gap // 2} {y0} {x0 + gap // 2} {low} {x0 + gap} {low}H{x1 - gap}"
            f"C{x1 - gap // 2} {low} {x1 - gap // 2} {y1} {x1 - 5} {y1}"
        )
    else:
        bend = (x1 - x0) // 2
        line = f"M{x0} {y0}C{x0 + bend} {y0} {x1 - bend} {y1} {x1 - 5} {y1}"
    style = ' class="visiting"' if visiting else ""
    return f'<path{style} d="{line}"/><path{style} d="M{x1 - 9} {y1 - 4}L{x1 - 2} {y1}L{x1 - 9} {y1 + 4}"/>'
