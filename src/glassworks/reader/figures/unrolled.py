"""One cell, unrolled over the letters of a word: the reader moves it on, step by step.

Every box is the same cell with the same two matrices; only what comes in and the state differ. The cell is
the installed one with random weights. Two words that begin alike give the same states until they part.
The first thing to change: `WORDS`.
"""

import html
from functools import lru_cache

import torch

from glassworks.core.keyed import generator
from glassworks.models.sequence.rnn import RNNCell
from glassworks.reader.draw import columns, note, number_grid
from glassworks.reader.figure import Choose, Figure, Steps

WORDS = {"memory": "memory", "memoir": "memoir", "eeeeee": "eeeeee"}
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WIDTH, MOST = 3, 6
BOX, GAP = 62, 34  # pixels of a cell and between two


@lru_cache(maxsize=1)
def cell() -> RNNCell:
    """A cell for one-hot letters with three numbers of state, random and the same each time."""
    made, dice = RNNCell(len(LETTERS), WIDTH), generator("unrolled")
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.from_numpy(dice.uniform(-0.9, 0.9, tuple(parameter.shape))))
    return made


@lru_cache(maxsize=8)
@torch.no_grad()
def states(word: str) -> torch.Tensor:
    """The state before the first letter and after each, (letters + 1, WIDTH)."""
    found = [torch.zeros(1, WIDTH)]
    for letter in word:
        one_hot = torch.nn.functional.one_hot(torch.tensor([LETTERS.index(letter)]), len(LETTERS)).float()
        found.append(cell()(one_hot, (found[-1],))[0])
    return torch.cat(found)


class Unrolled(Figure):
    title = "One cell, unrolled over time"
    says = (
        "The same cell with the same weights reads each letter, and hands three numbers to itself for the "
        "next. After six letters the state has seen all of them, in their order."
    )
    controls = (Steps("step", "letters read", 0, MOST, value=3), Choose("word", "word", WORDS))

    def draw(self, step: int, word: str) -> str:
        found = states(word)
        seen = number_grid(
            found[: step + 1].numpy(), title=f"the state: zeros at first, then after {_letters(word, step)}",
            most=1.0,
        )  # fmt: skip
        return (
            _drawing(word, step)
            + columns(seen, _words(word, step, found))
            + note(
                "Choose memoir: its first four states are those of memory. Choose eeeeee: the same letter "
                "gives another state each time, since the state before was another."
            )
        )


def _letters(word: str, step: int) -> str:
    return ", ".join(word[:step]) if step else "nothing yet"


def _words(word: str, step: int, found: torch.Tensor) -> str:
    if step == 0:
        return note("Nothing is read. Every text begins with the same state of zeros.")
    shares = cell().from_state.weight[0].detach() * found[step - 1]
    coming = float((cell().from_input.weight[0, LETTERS.index(word[step - 1])]).detach())
    bias = float((cell().from_input.bias[0] + cell().from_state.bias[0]).detach())
    total = coming + float(shares.sum()) + bias
    lines = (
        f"The first number, at step {step}: {coming:+.3f} from the letter {word[step - 1]}, "
        f"{float(shares.sum()):+.3f} from the state before, {bias:+.3f} from the two biases. Together "
        f"{total:+.3f}, and tanh of it is {float(found[step, 0]):+.3f}."
    )
    return note(lines)


def _drawing(word: str, step: int) -> str:
    """The cells in a row; those that have run are filled."""
    wide, parts = (BOX + GAP) * MOST + GAP + 20, []
    for place, letter in enumerate(word):
        left, ran, now = GAP + place * (BOX + GAP), place < step, place == step - 1
        middle = left + BOX / 2
        pen = "var(--accent)" if ran else "var(--line)"
        fill = (
            "var(--accent)"
            if now
            else "color-mix(in srgb, var(--accent) 16%, transparent)"
            if ran
            else "none"
        )
        ink = "var(--card)" if now else "var(--ink)" if ran else "var(--soft)"
        dash = "" if ran else ' stroke-dasharray="4 4"'
        parts += [
            f'<rect x="{left}" y="42" width="{BOX}" height="40" rx="8" fill="{fill}" stroke="{pen}" '
            f'stroke-width="2"{dash}/>',
            f'<text x="{middle}" y="67" text-anchor="middle" style="fill:{ink};font-size:15px">cell</text>',
            _arrow(left - GAP, 62, left - 2, 62, pen),
            _arrow(middle, 112, middle, 84, pen),
            f'<text x="{middle}" y="130" text-anchor="middle" style="fill:var(--ink);font-size:17px">'
            f"{html.escape(letter)}</text>",
            f'<text x="{middle}" y="32" text-anchor="middle">h{place + 1}</text>',
        ]
    parts.append(
        _arrow(
            GAP + MOST * (BOX + GAP) - GAP,
            62,
            wide - 12,
            62,
            "var(--line)" if step < MOST else "var(--accent)",
        )
    )
    told = html.escape(f"six cells in a row, one for each letter of {word}; {step} have run", quote=True)
    return (
        f'<div class="scroll" tabindex="0"><svg class="chart" style="max-width:none" '
        f'viewBox="0 0 {wide} 140" width="{wide}" role="img" aria-label="{told}">{"".join(parts)}</svg></div>'
    )


def _arrow(x: float, y: float, to_x: float, to_y: float, pen: str) -> str:
    """A line with a small head, to the right or upwards."""
    flat = y == to_y
    head = f"M{to_x - 7} {to_y - 4}l7 4l-7 4" if flat else f"M{to_x - 4} {to_y + 7}l4 -7l4 7"
    return f'<path d="M{x} {y}L{to_x} {to_y}{head}" style="fill:none;stroke:{pen};stroke-width:2"/>'
