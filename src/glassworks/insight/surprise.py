"""Surprise, drawn over the text: each token in the colour of how unlikely the model held it.

Only colour would leave out who cannot tell it, so each token also tells its chance in words when pointed at,
and a legend says what the shades are. The first thing to change: `SHADES`.

Surprise is -ln of the chance that the model gave to the token that came. It says where a text left what the
model knew; it does not say that the text is wrong there.
"""

import html
from collections.abc import Sequence

import numpy as np

STRONGEST = 0.5  # of the colour, so that words stay readable on it in both themes
SHADES = ((0.5, 0.0), (0.1, 0.15), (0.01, 0.35), (0.001, 0.6), (0.0, 0.85))  # chance above which, darkness


def coloured(pieces: Sequence[str], nats: np.ndarray, text: str, more: Sequence[str] = ()) -> str:
    """A text as markup, its tokens in shades of surprise.

    pieces: what each token stands for in `text`, in its order; nats: (tokens,), as many or fewer
    more:   words for each token, added to what it tells
    """
    parts, at = [], 0
    for number, (piece, nat) in enumerate(zip(pieces, nats)):
        place = text.find(piece, at) if piece else at
        place = at if place < 0 else place
        parts.append(html.escape(text[at:place]))
        at = place + len(piece)
        told = f"chance {chance_words(float(nat))}" + (f"; {more[number]}" if number < len(more) else "")
        parts.append(
            f'<span title="{html.escape(told, quote=True)}" style="background:{_shade(float(nat))}">'
            f"{html.escape(text[place:at])}</span>"
        )
    style = "white-space:pre-wrap;font-family:Georgia,serif;line-height:1.7"
    return f'<p style="{style}">{"".join(parts)}</p>{legend()}'


def legend() -> str:
    """What the shades mean."""
    words = ["likelier than 1 in 2", "1 in 2 to 10", "1 in 10 to 100", "1 in 100 to 1,000", "rarer"]
    style = "padding:.1rem .45rem;margin-right:.4rem;color:var(--ink)"
    cells = (
        f'<span style="{style};background:{_paint(dark)}">{word}</span>'
        for (_, dark), word in zip(SHADES, words, strict=True)
    )
    return f'<p class="note" style="line-height:2">{"".join(cells)}</p>'


def chance_words(nats: float) -> str:
    """A chance as people say it.

    >>> chance_words(0.1), chance_words(4.0), chance_words(9.3)
    ('90 %', '1.8 %', '1 in 10,938')
    """
    chance = float(np.exp(-nats))
    if chance >= 0.1:
        return f"{100 * chance:.0f} %"
    return f"{100 * chance:.1f} %" if chance >= 0.005 else f"1 in {np.exp(min(nats, 100.0)):,.0f}"


def _shade(nats: float) -> str:
    chance = np.exp(-nats)
    return _paint(next(dark for above, dark in SHADES if chance >= above))


def _paint(dark: float) -> str:
    return f"color-mix(in srgb, var(--warn) {100 * dark * STRONGEST:.0f}%, transparent)"
