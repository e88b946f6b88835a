"""What a small translator of dates looks at, while it learns and after: drawings over its runs.

`LearnsToAlign` follows one model through its training; `SameAnswersOtherMaps` sets two seeds side by side and
asks what happens without each token. The first thing to change: `CELL`.
"""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassworks.reader.draw import columns, heading, line_chart, note, table
from glassworks.reader.figure import Choose, Slider
from glassworks.reader.figures.date_runs import HUNDREDS, SHOWN, Learned, learned, tokens_of
from glassworks.reader.figures.measured import Measured

CELL = 24  # pixels on a side
WAYS = {"additive": "additive", "multiplicative": "multiplicative", "none": "none"}
DATES = {text: text for text in SHOWN}
Run = tuple[str, int, int]  # attention, seed, hundreds of steps


def columns_of(text: str) -> list[str]:
    """The tokens of a date as they head a map."""
    return [token[:3] if token.isalpha() else token for token in tokens_of(text)]


def map_svg(weights: np.ndarray, said: Sequence[str], source: Sequence[str]) -> str:
    """Rows: what was said; columns: the source; the darker a cell, the larger the weight."""
    left, top = 34, 24
    wide, high = left + CELL * len(source) + 2, top + CELL * len(said) + 2
    parts = []
    for row, word in enumerate(said):
        y = top + CELL * row
        parts.append(f'<text x="{left - 6}" y="{y + 16}" text-anchor="end">{html.escape(word)}</text>')
        for column, weight in enumerate(weights[row].tolist()):
            place = f'x="{left + CELL * column}" y="{y}" width="{CELL - 1}" height="{CELL - 1}"'
            told = html.escape(f"{word} from {source[column]}: {weight:.2f}")
            parts.append(
                f'<rect {place} style="fill:var(--accent);fill-opacity:{0.04 + 0.96 * weight:.2f}">'
                f"<title>{told}</title></rect>"
            )
    for column, word in enumerate(source):
        x = left + CELL * column + CELL / 2
        parts.append(f'<text x="{x}" y="{top - 7}" text-anchor="middle">{html.escape(word)}</text>')
    told = f"attention of {''.join(said)} to {' '.join(source)}"
    return (
        f'<svg class="chart" viewBox="0 0 {wide} {high}" width="{wide}" role="img" '
        f'aria-label="{html.escape(told, quote=True)}">{"".join(parts)}</svg>'
    )


def _drawn_map(found: Learned, text: str) -> str:
    """The map of a date, or that there is none."""
    one = found.looked[text]
    if one.weights is None:
        return note("No map: this writer looks at nothing but its own state.")
    return map_svg(one.weights, [*columns_of(one.answer), "end"], columns_of(text))


class LearnsToAlign(Measured):
    title = "Learning where to look"
    says = (
        "At first every row is grey: the writer looks everywhere a little. Then the year finds the year, the "
        "month its name and the day its digits, wherever they stand. Nobody told it which belongs to which."
    )
    controls = (
        Slider("hundreds", "hundreds of steps", 0, HUNDREDS, step=1, value=HUNDREDS),
        Choose("text", "date", DATES),
        Choose("attention", "attention", WAYS),
    )

    def runs(self, hundreds: float, attention: str, **_: Any) -> Sequence[Run]:
        return [(attention, 0, number) for number in range(int(hundreds) + 1)]

    def measure(self, run: Run) -> Learned:
        return learned(*run)

    def show(self, known: Mapping[Run, Learned], *, text: str, **_: Any) -> str:
        if not known:
            return note("The model is being trained; each hundred steps take a second or two.")
        run, found = max(known.items(), key=lambda item: item[0][2])
        hundreds, answer = run[2], found.looked[text].answer
        rows = [
            ["steps", f"{100 * hundreds}"],
            ["it says", answer],
            ["held-out dates right", f"{found.right:.0%}"],
        ]
        losses = [(5 * n + 3, float(np.mean(found.losses[5 * n : 5 * n + 5]))) for n in range(20 * hundreds)]
        chart = (
            line_chart({"loss": losses}, across="step", x=(0, 100 * HUNDREDS), width=340, height=170)
            if losses else ""
        )  # fmt: skip
        return columns(_drawn_map(found, text), table(["", ""], rows) + chart)


class SameAnswersOtherMaps(Measured):
    title = "The same answer, another map"
    says = (
        "Two starts of one model give the same dates. Where a token has to be looked up their maps agree; in "
        "rows that need nothing, such as those of dashes, they do not. And the token that was looked at most "
        "need not be the one without which the answer falls most."
    )
    controls = (Choose("text", "date", DATES), Slider("seed", "second start", 1, 3, step=1, value=1))

    def runs(self, seed: float, **_: Any) -> Sequence[Run]:
        return [("additive", one, number) for one in (0, int(seed)) for number in range(HUNDREDS + 1)]

    def measure(self, run: Run) -> Learned:
        return learned(*run)

    def show(self, known: Mapping[Run, Learned], text: str, **_: Any) -> str:
        done = [(run, found) for run, found in known.items() if run[2] == HUNDREDS]
        if not done:
            return note("Two models are being trained; each takes a few seconds.")
        return columns(*(_beside(run[1], found, text) for run, found in done))


def _beside(seed: int, found: Learned, text: str) -> str:
    """One model: its map, and what each token of the source got and was worth."""
    one = found.looked[text]
    assert one.weights is not None
    rows = [
        [token, f"{got:.2f}", f"{fall:.1f}"]
        for token, got, fall in zip(columns_of(text), one.weights.sum(0), one.falls, strict=True)
    ]
    head = ["token", "attention", "fall"]
    told = f"says {one.answer}; {found.right:.0%} of the held-out dates right"
    agree = note(
        "Attention: the sum of its column; fall: nats of the answer without the token. Rank correlation of "
        f"both: {one.agreement:.2f}."
    )
    return heading(f"start {seed}") + note(told) + _drawn_map(found, text) + table(head, rows) + agree
