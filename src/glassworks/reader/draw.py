"""What figures are made of: small pieces of HTML that Python returns, escaped, and named for who cannot see.

Charts are those of the reports (`core/charts.py`); here are numbers as coloured cells, pictures, tables and
equations. The first thing to change: `number_grid`, how an array is shown.
"""

import html
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image

from glassworks.core.charts import bar_chart, line_chart
from glassworks.core.page import Page, picture_uri

__all__ = [
    "bar_chart",
    "columns",
    "equation",
    "heading",
    "line_chart",
    "note",
    "number_grid",
    "picture",
    "pictures",
    "table",
    "text",
]


def text(words: str, tone: str = "") -> str:
    """A paragraph; tone: "", "note", "good", "bad" or "warn"."""
    return f'<p class="{tone}">{html.escape(words)}</p>'


def note(words: str) -> str:
    """A paragraph in small type."""
    return text(words, "note")


def heading(words: str) -> str:
    return f"<h4>{html.escape(words)}</h4>"


def equation(*lines: str) -> str:
    """Lines of mathematics in letters of one width, with a scroll box of their own."""
    return f'<div class="equation" tabindex="0">{html.escape(chr(10).join(lines))}</div>'


def columns(*pieces: str) -> str:
    """Pieces of HTML side by side, one below the other where there is no room."""
    return f'<div class="columns">{"".join(f"<div>{piece}</div>" for piece in pieces)}</div>'


def table(head: Sequence[str], rows: Iterable[Sequence]) -> str:
    """A table with its own scroll box; numbers stand to the right, a cell may be a (text, tone) pair."""
    return Page("").table(head, rows).parts[-1]


def number_grid(array: np.ndarray, *, title: str, decimals: int = 2, most: float | None = None) -> str:
    """A matrix (rows, columns) or vector as cells with their numbers, tinted by sign and size.

    most: the size at which a cell is fully tinted (default: the largest in the array)
    """
    array = np.atleast_2d(np.asarray(array, dtype=float))
    top = most or float(np.abs(array).max(initial=0)) or 1.0
    body = []
    for row in array:
        cells = []
        for value in row:
            share = round(min(1.0, abs(value) / top) * 48)  # more would drown the number in the dark
            colour = "--accent" if value >= 0 else "--bad"
            shade = f"background: color-mix(in srgb, var({colour}) {share}%, transparent)"
            shown = f"{value:.{decimals}f}" if decimals else f"{value:.0f}"
            cells.append(f'<td style="{shade}">{shown}</td>')
        body.append(f"<tr>{''.join(cells)}</tr>")
    label = html.escape(title, quote=True)
    return (
        f'<figure><div class="scroll"><table class="heat" aria-label="{label}">{"".join(body)}</table></div>'
        f"<figcaption>{html.escape(title)}</figcaption></figure>"
    )


def picture(pixels: np.ndarray | Image.Image, caption: str, *, width: int = 160) -> str:
    """A picture with its caption, `width` pixels wide; small ones keep their pixels visible.

    pixels: uint8 (height, width), (height, width, 1) or (height, width, 3), or a PIL image
    """
    uri, small = picture_uri(pixels, width)
    kind = ' class="pixels"' if small else ""
    told = html.escape(caption, quote=True)
    return (
        f'<figure style="width:{width}px"><img{kind} src="{uri}" alt="{told}" width="{width}" '
        f'style="width:100%"><figcaption>{html.escape(caption)}</figcaption></figure>'
    )


def pictures(rows: Iterable[tuple[np.ndarray | Image.Image, str]], *, width: int = 96) -> str:
    """Pictures with captions in rows that wrap."""
    drawn = "".join(picture(pixels, told, width=width) for pixels, told in rows)
    return f'<div class="pictures">{drawn}</div>'
