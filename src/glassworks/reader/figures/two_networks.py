"""One network reads, another writes: what of the source reaches the writer, with and without a look back.

The drawing shows every state of the reader and the writer. Without attention one arrow joins them; with it
each step of the writer has a line to each state of the reader. How many numbers pass is asked of the
installed model, not computed here. The first thing to change: `HIDDEN`.
"""

import html
from functools import lru_cache
from itertools import pairwise

import torch

from glassworks.models.sequence.seq2seq import Seq2SeqConfig, build
from glassworks.reader.draw import note, table
from glassworks.reader.figure import Figure, Slider, Steps, Toggle

HIDDEN, MOST = 32, 10
WIDE, LEFT, BOX = 360, 8, 26  # pixels of the drawing, left of its first box, and of a box
READ, WRITE = 46, 138  # pixels down to both rows


@lru_cache(maxsize=4)
@torch.no_grad()
def passed(attention: str, length: int) -> int:
    """Numbers that the writer of the installed model begins with, for a source of so many tokens."""
    with torch.random.fork_rng(devices=[]):  # a layer's start draws from torch's own dice
        model = build(Seq2SeqConfig(20, 16, width=8, hidden=HIDDEN, attention=attention))  # type: ignore[arg-type]
    state = model.begin(torch.ones(1, length, dtype=torch.long))
    return sum(one[0].numel() for one in state.moving) + (state.fixed[2][0].numel() if state.fixed else 0)


class TwoNetworks(Figure):
    title = "One reads, the other writes"
    says = (
        "Without attention the whole source reaches the writer as one state: 32 numbers for 2 tokens and for "
        "10. With attention the writer sees each state of the reader, and what it sees grows with the source."
    )
    controls = (
        Slider("length", "tokens of the source", 2, MOST, step=1, value=6),
        Toggle("attention", "attention"),
        Steps("step", "token that is being written", 1, 4, value=2),
    )

    def draw(self, length: float, attention: bool, step: int) -> str:
        length, way = int(length), "additive" if attention else "none"
        count = passed(way, length)
        rows = [
            ["without", str(passed("none", length)), f"{passed('none', length) / length:.1f}"],
            ["with", str(passed("additive", length)), f"{passed('additive', length) / length:.1f}"],
        ]
        told = (
            f"Token {step} is written from the state before it and from all {length} states of the reader: "
            f"{count} numbers tell of the source."
            if attention
            else f"Token {step} is written from the state before it. All that it knows of the source came "
            f"over one arrow: {count} numbers."
        )
        head = ["attention", "numbers", "per token"]
        return _drawing(length, attention, step) + note(told) + table(head, rows)


def _middles(count: int) -> list[float]:
    gap = (WIDE - 2 * LEFT) / MOST
    return [LEFT + gap * (place + 0.5) for place in range(count)]


def _drawing(length: int, attention: bool, step: int) -> str:
    above, below = _middles(length), [x + (WIDE - 2 * LEFT) / MOST * 2 for x in _middles(4)]
    parts = [_label(LEFT, 16, "the reader, both ways"), _label(LEFT + 72, WRITE + 34, "the writer")]
    parts += [_arrow(a + BOX / 2, READ, b - BOX / 2, READ, "var(--soft)") for a, b in pairwise(above)]
    parts += [_arrow(a + BOX / 2, WRITE, b - BOX / 2, WRITE, "var(--soft)") for a, b in pairwise(below)]
    if attention:
        at = below[step - 1]
        parts += [_arrow(x, READ + BOX / 2, at, WRITE - BOX / 2, "var(--accent)") for x in above]
    start = f"M{above[-1]:.0f} {READ + BOX / 2}V{(READ + WRITE) / 2}H{below[0]:.0f}V{WRITE - BOX / 2 - 2}"
    pen = "var(--soft)" if attention else "var(--accent)"
    parts.append(f'<path d="{start}" style="fill:none;stroke:{pen};stroke-width:{1.5 if attention else 4}"/>')
    parts += [_box(x, READ, f"x{place}", True) for place, x in enumerate(above, 1)]
    parts += [_box(x, WRITE, f"y{place}", place <= step) for place, x in enumerate(below, 1)]
    told = f"{length} states of a reader, and a writer at its token {step}, " + (
        "joined by a line from every state" if attention else "joined by one arrow"
    )
    return (
        f'<svg class="chart" viewBox="0 0 {WIDE} {WRITE + 42}" width="{WIDE}" role="img" '
        f'aria-label="{html.escape(told, quote=True)}">{"".join(parts)}</svg>'
    )


def _box(x: float, y: float, name: str, filled: bool) -> str:
    fill = "color-mix(in srgb, var(--accent) 18%, var(--card))" if filled else "var(--card)"
    pen = "var(--accent)" if filled else "var(--line)"
    return (
        f'<rect x="{x - BOX / 2:.1f}" y="{y - BOX / 2}" width="{BOX}" height="{BOX}" rx="6" '
        f'style="fill:{fill};stroke:{pen};stroke-width:1.5"/>'
        f'<text x="{x:.1f}" y="{y + 4}" text-anchor="middle" style="fill:var(--ink)">{name}</text>'
    )


def _label(x: float, y: float, words: str) -> str:
    return f'<text x="{x}" y="{y}">{html.escape(words)}</text>'


def _arrow(x: float, y: float, to_x: float, to_y: float, pen: str) -> str:
    return f'<path d="M{x:.1f} {y}L{to_x:.1f} {to_y}" style="fill:none;stroke:{pen};stroke-width:1.5"/>'
