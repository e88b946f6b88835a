"""A window over the last words, and two texts that differ in one word long ago.

As long as the window does not reach that word, what a network with a window gets is the same for both, and so
is its answer, whatever its weights are. What a wider window costs is counted beside it.
The first thing to change: `TEXTS`.
"""

import html
from typing import Any

from glassworks.reader.draw import table, text
from glassworks.reader.figure import Figure, Slider

TEXTS = (
    ("the key that lay on the small old table near the door", "was"),
    ("the keys that lay on the small old table near the door", "were"),
)
EMBEDDING, UNITS = 100, 64


def seen(line: str, window: int) -> tuple[str, ...]:
    """The last words of a text."""
    return tuple(line.split()[-window:])


def weights(window: int) -> int:
    """Of the first layer: each place of the window has its own, and each unit a bias."""
    return window * EMBEDDING * UNITS + UNITS


class TwoTextsOneWindow(Figure):
    title = "What a window does not reach"
    says = (
        "A network with a window over the last five words gets the same five words from both texts. It "
        "cannot know whether was or were comes next, however long it is trained."
    )
    controls = (Slider("window", "words in the window", 1, 12, step=1, value=5),)

    def draw(self, window: float, **_: Any) -> str:
        window = int(window)
        lines = "".join(_line(line, answer, window) for line, answer in TEXTS)
        same = seen(TEXTS[0][0], window) == seen(TEXTS[1][0], window)
        told = (
            text("The window holds the same words twice: one answer for both texts.", "bad")
            if same
            else text("The window reaches the word that decides.", "good")
        )
        rows = [
            [f"{size} words", f"{size} · {EMBEDDING} · {UNITS} + {UNITS}", f"{weights(size):,}"]
            for size in dict.fromkeys((window, 2 * window))
        ]
        return lines + told + table(["window", f"for {UNITS} units", "parameters"], rows)


def _line(line: str, answer: str, window: int) -> str:
    words = line.split()
    cells = []
    for place, word in enumerate(words):
        inside = place >= len(words) - window
        style = (
            "background:color-mix(in srgb, var(--accent) 22%, transparent);color:var(--ink)"
            if inside
            else "color:var(--soft)"
        )
        cells.append(
            f'<span style="{style};padding:.15rem .35rem;border-radius:4px">{html.escape(word)}</span>'
        )
    return f'<p style="line-height:2">{" ".join(cells)} <strong>… {answer}?</strong></p>'
