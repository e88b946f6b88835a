"""The five lines of training as a circle that one walks, with the numbers of one weight beside it.

The weight is that of the chapter before: prediction = weight * 2, wanted 10, from 1, rate 0.01. Leaving out
the last line shows what it is for: gradients pile up, the weight swings past its target and back.
The first thing to change: `RATE`.
"""

import html
import math
from dataclasses import dataclass, replace
from typing import Any

from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Figure, Steps, Toggle

LINES = (
    ("predict", "prediction = model(x)"),
    ("loss", "loss = loss_function(prediction, y)"),
    ("backward", "loss.backward()"),
    ("step", "optimizer.step()"),
    ("zero", "optimizer.zero_grad()"),
)
X, Y, START, RATE = 2.0, 10.0, 1.0, 0.01
ROUNDS, CHARTED = 8, 30


@dataclass(frozen=True)
class State:
    """The numbers after a line; prediction and loss are those of the last time their line ran."""

    weight: float = START
    prediction: float | None = None
    loss: float | None = None
    gradient: float = 0.0


def walk(lines: int, *, zero: bool) -> list[State]:
    """The states before any line and after each of `lines` lines."""
    states = [State()]
    for number in range(lines):
        states.append(_run(states[-1], LINES[number % len(LINES)][0], zero))
    return states


def _run(state: State, line: str, zero: bool) -> State:
    if line == "predict":
        return replace(state, prediction=state.weight * X)
    if line == "loss":
        return replace(state, loss=((state.prediction or 0.0) - Y) ** 2)
    if line == "backward":  # a gradient is added to what is there, as in every framework
        return replace(state, gradient=state.gradient + 2 * ((state.prediction or 0.0) - Y) * X)
    if line == "step":
        return replace(state, weight=state.weight - RATE * state.gradient)
    return replace(state, gradient=0.0) if zero else state


class LoopCircle(Figure):
    title = "Five lines, round and round"
    says = (
        "Training is a circle of five lines: predict, measure the loss, find the gradient, step, forget the "
        "gradient. Walk it, then leave the last line out and watch the weight."
    )
    controls = (
        Steps("line", "lines that have run", 0, ROUNDS * len(LINES), value=5),
        Toggle("zero", "with zero_grad", value=True),
    )

    def draw(self, line: int, zero: bool, **_: Any) -> str:
        state = walk(line, zero=zero)[-1]
        ran = (line - 1) % len(LINES) if line else None
        rows = [
            ["weight", f"{state.weight:.6g}"],
            ["prediction = weight × 2", _number(state.prediction)],
            ["loss = (prediction − 10)²", _number(state.loss)],
            ["gradient in the weight", f"{state.gradient:.6g}"],
        ]
        chart, told = _weights(line, zero)
        return columns(_circle(ran, line, zero), table(["after this line", "value"], rows), chart) + told


def _weights(line: int, zero: bool) -> tuple[str, str]:
    name = "with zero_grad" if zero else "without zero_grad"
    states = walk(CHARTED * len(LINES), zero=zero)[:: len(LINES)]
    here = line / len(LINES)
    chart = line_chart(
        {name: list(enumerate(state.weight for state in states))},
        across="round", up="weight", y=(0, 10), marks=[(here, "here")], width=340, height=200,
    )  # fmt: skip
    told = (
        "The weight goes towards 5, where the prediction is 10." if zero else
        "Each step takes all gradients so far together: the weight runs past 5 and comes back, again and "
        "again."
    )  # fmt: skip
    return chart, note(told)


def _circle(ran: int | None, line: int, zero: bool) -> str:
    """Five stations on a circle; the one that has just run is filled."""
    middle, radius, parts = 140.0, 92.0, []
    for number, (name, _) in enumerate(LINES):
        angle = 2 * math.pi * number / len(LINES) - math.pi / 2
        x, y = middle + radius * math.cos(angle), middle + radius * math.sin(angle)
        on, out = number == ran, name == "zero" and not zero
        fill, ink = ("var(--accent)", "var(--card)") if on else ("var(--card)", "var(--ink)")
        if out:
            fill, ink = "var(--card)", "var(--soft)"
        dash = ' stroke-dasharray="4 4"' if out else ""
        parts.append(
            f'<rect x="{x - 44:.1f}" y="{y - 18:.1f}" width="88" height="36" rx="18" fill="{fill}" '
            f'stroke="var({"--bad" if out else "--accent"})" stroke-width="2"{dash}/>'
            f'<text x="{x:.1f}" y="{y + 5:.1f}" text-anchor="middle" '
            f'style="fill:{ink};font-size:15px">{name}</text>'
        )
    thin = "fill:none;stroke:var(--line);stroke-width:3"
    ring = f'<circle cx="{middle}" cy="{middle}" r="{radius}" style="{thin}"/>'
    turn = f'<path d="M{middle + 24} {middle - radius - 7}l12 8l-12 6z" style="fill:var(--soft)"/>'
    rounds = f'<text x="{middle}" y="{middle + 5}" text-anchor="middle">round {-(-line // len(LINES))}</text>'
    code = LINES[ran][1] if ran is not None else "nothing has run"
    told = html.escape(f"a circle of five lines; {line} lines have run, the last was: {code}", quote=True)
    shown = html.escape(code if ran != 4 or zero else f"# {code} (left out)")
    return (
        f'<svg class="chart" viewBox="0 0 280 258" width="270" role="img" aria-label="{told}">'
        f'{ring}{turn}{"".join(parts)}{rounds}</svg><p class="note"><code>{shown}</code></p>'
    )


def _number(value: float | None) -> str:
    return "not yet" if value is None else f"{value:.6g}"
