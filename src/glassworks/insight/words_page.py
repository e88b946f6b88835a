"""Word shares drawn over their text: colour says for or against, strength how much.

Colours are not the only sign: a word against the answer is underlined as well, and every word tells its share
when it is pointed at. The table below names the strongest words in figures.

The first thing to change: `STRONGEST`, how dark the largest share becomes.
"""

import html
import unicodedata
from collections.abc import Sequence

import numpy as np

STRONGEST = 0.55  # opacity of the largest share
FOR, AGAINST = "11, 140, 100", "200, 60, 45"  # red, green, blue; both read on light and on dark paper


def drawn_words(text: str, pieces: Sequence[str], shares: np.ndarray) -> str:
    """A text as markup, each of its pieces behind the colour of its share; what was not seen stays grey.

    pieces: the tokens as they stand in the text, at least as many as shares; later ones were not seen
    """
    text = unicodedata.normalize("NFC", text)
    largest = float(np.abs(shares).max(initial=0)) or 1.0
    spans, done = [], 0
    for piece, share in zip(pieces, shares, strict=False):
        place = text.find(piece, done)
        if place >= 0:  # what stands between two pieces is shown as it is
            spans.append(html.escape(text[done:place]))
            done = place + len(piece)
        spans.append(_span(piece, float(share), largest))
    if len(pieces) > len(shares):
        spans.append(f'<span style="color:var(--soft)" title="not seen">{html.escape(text[done:])}</span>')
    return f'<p style="line-height:2;white-space:pre-wrap">{"".join(spans)}</p>'


def _span(piece: str, share: float, largest: float) -> str:
    strength = STRONGEST * abs(share) / largest
    colour = FOR if share >= 0 else AGAINST
    line = "text-decoration:underline dotted;" if share < 0 and strength > 0.05 else ""
    style = f"background:rgba({colour},{strength:.2f});border-radius:3px;padding:.12em .1em;{line}"
    return f'<span style="{style}" title="{share:+.3f}">{html.escape(piece)}</span>'


def share_table(
    pieces: Sequence[str], shares: np.ndarray, most: int = 5
) -> tuple[list[str], list[list[str]]]:
    """The words most for and most against an answer, side by side: (head, rows), the strongest first."""
    order = np.argsort(-shares, kind="stable")
    speaks_for = [row for row in order[:most] if shares[row] > 0]
    against = [row for row in order[::-1][:most] if shares[row] < 0]
    rows = [
        [*_cells(pieces, shares, speaks_for, place), *_cells(pieces, shares, against, place)]
        for place in range(max(len(speaks_for), len(against)))
    ]
    return ["speaks for it", "share", "speaks against it", "share"], rows


def _cells(pieces: Sequence[str], shares: np.ndarray, rows: list[int], place: int) -> list[str]:
    if place >= len(rows):
        return ["", ""]
    return [pieces[rows[place]], f"{shares[rows[place]]:+.2f}".replace("-", "−")]
