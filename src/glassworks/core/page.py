"""One self-contained HTML page: sections, tables, charts as SVG, pictures inside the file.

Reads well on a phone and in dark mode, needs no network and no script. `check`, `report.html`
and `tour.html` are made with it, so they look alike.
"""

import base64
import html
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from glassworks.core.charts import STYLE as CHARTS
from glassworks.core.files import write_text

# What the colours are for: (on light, on dark). Text on paper or card has a contrast of 4.5 or more.
PALETTE = {
    "ink": ("#1b2430", "#e6e9ec"),
    "soft": ("#5b6875", "#9aa6b2"),
    "paper": ("#fbfaf7", "#14181d"),
    "card": ("#ffffff", "#1c2229"),
    "line": ("#dcdfe3", "#333c46"),
    "accent": ("#0b6e7f", "#58c1d3"),
    "good": ("#2a7d46", "#6cc68a"),
    "bad": ("#b3372c", "#f0877c"),
    "warn": ("#96670a", "#e0b04d"),
}
LIGHT, DARK = (" ".join(f"--{name}: {pair[n]};" for name, pair in PALETTE.items()) for n in (0, 1))

STYLE = (
    f":root {{ color-scheme: light dark; {LIGHT} }}\n"
    f"@media (prefers-color-scheme: dark) {{ :root {{ {DARK} }} }}"
    """
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.55;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; overflow-wrap: break-word; }
main { max-width: 1060px; margin: 0 auto; padding: 1.2rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .8rem 0 .3rem; }
h2 { font-size: 1.22rem; margin: 0 0 .6rem; } h3 { font-size: 1rem; margin: 1.1rem 0 .4rem; }
.lead, .note { color: var(--soft); } .note { font-size: .88rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1rem 1.1rem; margin: 1rem 0; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .92rem; min-width: 40%; }
th, td { text-align: left; padding: .32rem .8rem .32rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; } th { color: var(--soft); font-weight: 600; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: .88em; }
pre { background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: .7rem .9rem;
  overflow-x: auto; } a { color: var(--accent); }
.pictures { display: grid; gap: .7rem; grid-template-columns: repeat(auto-fill, minmax(112px, 1fr)); }
figure { margin: 0; } figure img { width: 100%; aspect-ratio: 1; object-fit: contain; display: block;
  background: var(--paper); border: 1px solid var(--line); border-radius: 6px; image-rendering: auto; }
figure.pixels img { image-rendering: pixelated; }
.figures { display: grid; gap: 1rem; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 280px), 1fr)); }
.figures figure { max-width: 480px; } .figures img { aspect-ratio: auto; }
figcaption { font-size: .78rem; line-height: 1.35; margin-top: .25rem; color: var(--soft);
  white-space: pre-line; }
.tiles { display: grid; gap: .7rem; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); }
.tile { border: 1px solid var(--line); border-radius: 8px; padding: .6rem .8rem; }
.tile b { display: block; font-size: 1.45rem; line-height: 1.25; }
.tile span { color: var(--soft); font-size: .85rem; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
""" + CHARTS
)


class Page:
    """A page that grows from top to bottom. All text given to its methods is escaped.

    >>> page = Page("Report").section("Figures").table(["name", "value"], [["accuracy", 0.9]])
    """

    def __init__(self, title: str, lead: str = ""):
        self.title = title
        self.parts: list[str] = [f"<h1>{html.escape(title)}</h1>"]
        self.inside = False
        if lead:
            self.parts.append(f'<p class="lead">{html.escape(lead)}</p>')

    def section(self, title: str) -> "Page":
        """Begin a card with a heading; it ends where the next one begins."""
        self.parts.append(f"{'</section>' if self.inside else ''}<section><h2>{html.escape(title)}</h2>")
        self.inside = True
        return self

    def heading(self, text: str) -> "Page":
        return self.html(f"<h3>{html.escape(text)}</h3>")

    def text(self, text: str, tone: str = "") -> "Page":
        """A paragraph; tone: "", "note", "good", "bad" or "warn"."""
        return self.html(f'<p class="{tone}">{html.escape(text)}</p>')

    def code(self, text: str) -> "Page":
        return self.html(f"<pre><code>{html.escape(text)}</code></pre>")

    def html(self, markup: str) -> "Page":
        """Markup that the caller has escaped."""
        self.parts.append(markup)
        return self

    def tiles(self, rows: Iterable[tuple[str, str, str]]) -> "Page":
        """Large figures: (value, name, detail)."""
        cells = (
            f'<div class="tile"><b>{html.escape(value)}</b>{html.escape(name)}<br>'
            f"<span>{html.escape(detail)}</span></div>"
            for value, name, detail in rows
        )
        return self.html(f'<div class="tiles">{"".join(cells)}</div>')

    def table(self, head: Sequence[str], rows: Iterable[Sequence]) -> "Page":
        """Numbers stand to the right; a cell may be a (text, tone) pair."""
        rows = [list(row) for row in rows]
        numeric = [bool(rows) and all(_is_number(row[column]) for row in rows) for column in range(len(head))]
        mark = [' class="number"' if number else "" for number in numeric]
        top = "".join(f"<th{m}>{html.escape(name)}</th>" for name, m in zip(head, mark))
        body = "".join(
            "<tr>" + "".join(f"<td{m}>{_cell(cell)}</td>" for cell, m in zip(row, mark)) + "</tr>"
            for row in rows
        )
        return self.html(
            f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
        )

    def pictures(self, rows: Iterable[tuple[np.ndarray | Image.Image, str]], *, side: int = 160) -> "Page":
        """A grid of (picture, caption); pictures are made at most `side` pixels high and wide."""
        return self._grid("pictures", rows, side)

    def figures(self, rows: Iterable[tuple[np.ndarray | Image.Image, str]], *, side: int = 480) -> "Page":
        """Large pictures side by side, each with a caption below it; on a phone one below the other."""
        return self._grid("figures", rows, side)

    def _grid(self, kind: str, rows: Iterable[tuple[np.ndarray | Image.Image, str]], side: int) -> "Page":
        cells = []
        for picture, caption in rows:
            uri, small = picture_uri(picture, side)
            alt = html.escape(caption, quote=True)
            cells.append(
                f'<figure class="{"pixels" if small else ""}"><img src="{uri}" alt="{alt}">'
                f"<figcaption>{html.escape(caption)}</figcaption></figure>"
            )
        return self.html(f'<div class="{kind}">{"".join(cells)}</div>')

    def render(self) -> str:
        body = "\n".join(self.parts) + ("</section>" if self.inside else "")
        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{html.escape(self.title)}</title><style>{STYLE}</style></head>"
            f"<body><main>\n{body}\n</main></body></html>\n"
        )

    def save(self, path: str | Path) -> Path:
        write_text(path, self.render())
        return Path(path)


def picture_uri(picture: np.ndarray | Image.Image, side: int = 160) -> tuple[str, bool]:
    """A picture as a data URI and whether it is so small that its pixels should stay visible.

    picture: uint8 (height, width), (height, width, 1) or (height, width, 3), or a PIL image
    """
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture[..., 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture)
    picture = picture.convert("L" if picture.mode == "L" else "RGB")
    small = max(picture.size) <= 48
    picture.thumbnail((side, side))
    buffer = io.BytesIO()
    if small:
        picture.save(buffer, "PNG", optimize=True)
    else:
        picture.save(buffer, "JPEG", quality=82)
    kind = "png" if small else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}", small


def _is_number(cell) -> bool:
    cell = cell[0] if isinstance(cell, tuple) else cell
    if isinstance(cell, (int, float, np.integer, np.floating)):
        return True
    return isinstance(cell, str) and cell[:1].isdigit() and not cell.rstrip("%x").isalpha() and len(cell) < 24


def _cell(cell) -> str:
    tone = ""
    if isinstance(cell, tuple):
        cell, tone = cell
    if isinstance(cell, (float, np.floating)):
        cell = f"{cell:.4g}"
    text = html.escape(str(cell))
    return f'<span class="{tone}">{text}</span>' if tone else text
