"""Where a kernel can stand: size, padding and stride, drawn as squares, and the formula beside them.

A place counts where the whole kernel lies on the padded picture, so the division of the formula rounds down.
Rows and columns that no place reaches are drawn faintly: a stride may leave some unread.
The first thing to change: `CELL`, pixels of a square.
Source: Dumoulin & Visin 2016, arXiv 1603.07285.
"""

from glassworks.reader import draw
from glassworks.reader.figure import Figure, Slider

CELL, GAP = 24, 26


def output_size(size: int, kernel: int, padding: int, stride: int) -> int:
    """Places of the kernel along one side; 0 where it does not fit."""
    room = size + 2 * padding - kernel
    return room // stride + 1 if room >= 0 else 0


class PlacesOfAKernel(Figure):
    title = "How large is the map?"
    says = (
        "The output has one number for each place where the whole kernel lies on the padded picture. "
        "Padding adds places, a stride leaves places out."
    )
    controls = (
        Slider("size", "picture", 4, 9, step=1, value=6),
        Slider("kernel", "kernel", 1, 5, step=1, value=3),
        Slider("padding", "padding on each side", 0, 2, step=1, value=1),
        Slider("stride", "stride", 1, 3, step=1, value=2),
        Slider("place", "place", 0, 80, step=1, value=4),
    )

    def draw(self, size: int, kernel: int, padding: int, stride: int, place: int) -> str:
        out = output_size(size, kernel, padding, stride)
        if out == 0:
            return draw.text(f"A kernel of {kernel} does not fit on {size + 2 * padding} pixels.", "warn")
        row, column = divmod(min(place, out * out - 1), out)
        picture = _grid(size, kernel, padding, stride, out, row, column)
        room = size + 2 * padding - kernel
        lines = draw.equation(
            f"({size} + 2·{padding} − {kernel}) / {stride} + 1",
            f"= {room} / {stride} + 1, rounded down",
            f"= {out}",
        )
        unread = room % stride
        told = f"{out} × {out} numbers. The kernel stands in row {row}, column {column} of the output."
        if unread:
            left = "row and column" if unread == 1 else f"{unread} rows and columns"
            told += f" {room} is no multiple of {stride}: the last {left} (faint) lie in no place."
        return draw.columns(picture, lines) + draw.text(told)


def _grid(size: int, kernel: int, padding: int, stride: int, out: int, row: int, column: int) -> str:
    """The padded picture with the kernel on it, and the output."""
    whole = size + 2 * padding
    used = (out - 1) * stride + kernel
    parts = []
    for y in range(whole):
        for x in range(whole):
            inside = padding <= y < padding + size and padding <= x < padding + size
            fill = "color-mix(in srgb, var(--accent) 22%, transparent)" if inside else "transparent"
            dash = "" if inside else ' stroke-dasharray="3 3"'
            faint = ' opacity="0.35"' if x >= used or y >= used else ""
            parts.append(_square(x, y, 0, fill, f"{dash}{faint}"))
    reach = kernel * CELL
    parts.append(
        f'<rect x="{column * stride * CELL + 2}" y="{row * stride * CELL + 2}" width="{reach}" '
        f'height="{reach}" fill="none" stroke="var(--bad)" stroke-width="3"/>'
    )
    start = whole * CELL + GAP
    for y in range(out):
        for x in range(out):
            here = (y, x) == (row, column)
            parts.append(_square(x, y, start, "var(--bad)" if here else "transparent", ""))
    wide, high = start + out * CELL + 4, max(whole, out) * CELL + 4
    told = f"a picture of {size} by {size} with padding {padding}, and its map of {out} by {out}"
    return (
        f'<svg viewBox="0 0 {wide} {high}" role="img" aria-label="{told}" '
        f'style="width:{wide}px;max-width:100%;height:auto">{"".join(parts)}</svg>'
    )


def _square(x: int, y: int, start: int, fill: str, more: str) -> str:
    return (
        f'<rect x="{start + x * CELL + 2}" y="{y * CELL + 2}" width="{CELL}" height="{CELL}" '
        f'style="fill:{fill};stroke:var(--soft)"{more}/>'
    )
