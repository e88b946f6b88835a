"""A memory of one number, with weights set by hand: inside brackets or outside?

An opening bracket pushes the state up, a closing one down, every other letter says nothing. Between them the
state feeds only on itself. With a weight above 1 it holds on to a value of its own; with 1 or less it fades.
The first thing to change: `PUSH`.
"""

import math

from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Choose, Figure, Slider

PUSH = 6.0
TEXTS = {
    "a (short) one": "a (short) one",
    "a (rather long remark that goes on) here": "a (rather long remark that goes on) here",
    "never closed": "open (and so on until the end of it",
    "two (one) and (two)": "two (one) and (two)",
}


def heard(letter: str) -> float:
    """What comes in: +1, -1 or nothing."""
    return {"(": 1.0, ")": -1.0}.get(letter, 0.0)


def states(text: str, weight: float) -> list[float]:
    """The state after each letter: tanh(weight * h + PUSH * x), from 0."""
    found, state = [], 0.0
    for letter in text:
        state = math.tanh(weight * state + PUSH * heard(letter))
        found.append(state)
    return found


def rest(weight: float) -> float:
    """The value above 0 that the state keeps by itself, 0 where there is none."""
    state = 1.0
    for _ in range(10_000):
        state = math.tanh(weight * state)
    return state if weight > 1 else 0.0


class OneNumberRemembers(Figure):
    title = "One number that remembers"
    says = (
        "The state jumps to nearly 1 at an opening bracket and to nearly -1 at a closing one. Between them "
        "it feeds on itself: with a weight above 1 it stays, with a smaller one it forgets."
    )
    controls = (
        Slider("weight", "weight of the state u", 0, 3, step=0.1, value=2.0),
        Choose("text", "text", TEXTS, value="a (rather long remark that goes on) here"),
    )

    def draw(self, weight: float, text: str) -> str:
        found = states(text, weight)
        points = list(enumerate(found, 1))
        marks = [(place, letter) for place, letter in enumerate(text, 1) if letter in "()"]
        chart = line_chart(
            {"state": points}, points={"state": points}, across="letter", up="state", y=(-1, 1), marks=marks,
            x=(1, len(text)), width=460, height=230,
        )  # fmt: skip
        opened = text.index("(")
        closed = text.index(")") if ")" in text else len(text)
        rows = [
            ["right after the bracket opens", f"{found[opened]:.3f}"],
            [f"{closed - opened - 1} letters later", f"{found[closed - 1]:.3f}"],
            ["the value that it keeps by itself", f"{rest(weight):.3f}" if weight > 1 else "none but 0"],
        ]
        told = (
            "A weight above 1 gives the state a value of its own that it returns to after each step: it "
            "holds."
            if weight > 1
            else "Each step makes the state smaller: what was read fades, quickly or slowly."
        )
        return columns(chart, table(["inside the first bracket", "state"], rows)) + note(told)
