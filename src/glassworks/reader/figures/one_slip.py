"""One wrong token is put into an answer while it is written: what becomes of the rest?

In training the right beginning was always given. Here a small translator of dates writes by itself, and at
one place another token is put in. What it says next is its own affair. The share of held-out dates whose
rest is right all the same is measured for a wrong digit at each place.
The first thing to change: `SLIPS`.
"""

import html
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from glassworks.core.keyed import generator
from glassworks.reader.draw import bar_chart, columns, heading, note
from glassworks.reader.figure import Choose, Steps
from glassworks.reader.figures.date_runs import (
    END,
    FIRST,
    HUNDREDS,
    SHOWN,
    START,
    TOKENS,
    batch_of,
    drawn,
    learned,
    tokens_of,
)
from glassworks.reader.figures.measured import Measured

SLIPS = {"another digit": "digit", "a dash": "dash"}
DIGITS = (1, 2, 3, 4, 6, 7, 9, 10)  # places of an answer where a digit stands
JUDGED, DASH = 200, FIRST + TOKENS.index("-")


@torch.no_grad()
def written_on(source: Tensor, lengths: Tensor, place: int, slips: Tensor, seed: int) -> Tensor:
    """Answers (batch, 11) where `slips` (batch,) are put in at `place`, 1 for the first token."""
    model = learned("additive", seed, HUNDREDS).model.eval()
    state, token = model.begin(source, lengths), torch.full((len(source),), START)
    found = []
    for now in range(1, 12):
        scores, state = model.step(token, state)
        token = slips if now == place else scores.argmax(-1)
        found.append(token)
    return torch.stack(found, 1)


def other_digits(right: Tensor) -> Tensor:
    """Of each digit's number another digit's: five further on, past 9 from 0 again."""
    return FIRST + (right - FIRST + 5) % 10


@lru_cache(maxsize=4)
def rest_right(seed: int) -> dict[int, float]:
    """Share of held-out dates whose rest is right after a wrong digit, by its place."""
    pairs = drawn(JUDGED, generator("date runs judged"), held_out=True)
    source, lengths, said = batch_of(pairs)
    found = {}
    for place in DIGITS:
        answer = written_on(source, lengths, place, other_digits(said[:, place]), seed)
        found[place] = float((answer[:, place:] == said[:, place + 1 :]).all(1).double().mean())
    return found


def with_slip(text: str, place: int, kind: str, seed: int) -> list[str]:
    """The tokens of an answer with a slip, up to its end."""
    source, lengths, _ = batch_of([(text, "")])
    usual = written_on(source, lengths, 0, torch.zeros(1, dtype=torch.long), seed)[0, place - 1 : place]
    slip = torch.tensor([DASH if kind == "dash" else FIRST])
    if kind == "digit" and int(usual) < FIRST + 10:
        slip = other_digits(usual)
    answer = written_on(source, lengths, place, slip, seed)
    tokens = answer[0].tolist()
    tokens = tokens[: tokens.index(END)] if END in tokens else tokens
    return [TOKENS[token - FIRST] if token >= FIRST else "?" for token in tokens]


class OneSlip(Measured):
    title = "One slip, and how it goes on"
    says = (
        "A wrong digit stays, and the rest is right in 99 percent of the dates, since each token is looked "
        "up; after a wrong first digit of year or month in 66. A dash too early is believed: it takes "
        "the year for finished."
    )
    controls = (
        Steps("place", "place of the slip", 1, 10, value=2),
        Choose("kind", "what is put in", SLIPS),
        Choose("text", "date", {text: text for text in SHOWN}),
    )

    def runs(self, *_: Any, **__: Any) -> Sequence[int]:
        return [*range(HUNDREDS + 1), -1]

    def measure(self, run: int) -> Any:
        return rest_right(0) if run < 0 else learned("additive", 0, run)

    def show(self, known: Mapping[int, Any], *, place: int, kind: str, text: str, **_: Any) -> str:
        if HUNDREDS not in known:
            return note("The model is being trained; it takes a few seconds.")
        tokens = with_slip(text, place, kind, 0)
        usual = known[HUNDREDS].looked[text].answer
        drawn_pair = columns(
            heading("by itself") + _answer(tokens_of(usual), 0),
            heading("with a slip") + _answer(tokens, place),
        )
        if -1 not in known:
            return drawn_pair
        bars = bar_chart([(f"digit at place {at}", share) for at, share in known[-1].items()], width=340)
        return drawn_pair + heading("the rest is right after a wrong digit: share of 200 dates") + bars


def _answer(tokens: Sequence[str], place: int) -> str:
    """The tokens in a row, the slip marked."""
    cells = []
    for number, token in enumerate(tokens, 1):
        colour = "color: var(--bad); font-weight: 700; border-bottom: 3px solid" if number == place else ""
        cells.append(f'<span style="padding: 0 .1rem; {colour}">{html.escape(token)}</span>')
    size = "font: 1.35rem ui-monospace, Menlo, Consolas, monospace"
    return f'<p style="{size}" aria-label="{html.escape("".join(tokens))}">{"".join(cells)}</p>'
