"""The gradient of a shared weight, gathered step by step on the way back through time.

One number of state, six inputs, tanh. Each step back multiplies by u and by the slope of tanh, and adds this
step's share: the weight was used at every step, so it hears from every step. The sum is what autograd gives.
The first thing to change: `INPUTS`.
"""

import math

import torch

from glassworks.reader.draw import columns, line_chart, note, table, text
from glassworks.reader.figure import Figure, Slider, Steps

INPUTS = (0.8, -0.4, 0.3, 0.6, -0.5, 0.2)
WEIGHT = 1.0  # of the input


def forward(u: float) -> list[float]:
    """The states, the first of them 0: h = tanh(x + u h)."""
    states = [0.0]
    for x in INPUTS:
        states.append(math.tanh(WEIGHT * x + u * states[-1]))
    return states


def shares(u: float) -> list[tuple[float, float, float]]:
    """From the last step back: (slope of tanh, d last state / d sum there, that step's share of d/du)."""
    states, found, reaching = forward(u), [], 1.0
    for step in range(len(INPUTS), 0, -1):
        slope = 1 - states[step] ** 2
        at_sum = reaching * slope
        found.append((slope, at_sum, at_sum * states[step - 1]))
        reaching = at_sum * u
    return found


def by_tape(u: float) -> float:
    """The same derivative by autograd."""
    weight = torch.tensor(u, dtype=torch.float64, requires_grad=True)
    state = torch.zeros((), dtype=torch.float64)
    with torch.enable_grad():
        for x in INPUTS:
            state = torch.tanh(WEIGHT * x + weight * state)
        (gradient,) = torch.autograd.grad(state, weight)
    return float(gradient)


class BackThroughTime(Figure):
    title = "Back through time"
    says = (
        "The last state depends on u at every step. Going back, each step passes the gradient on times u and "
        "the slope of tanh, and adds a share; all shares together are the gradient of u."
    )
    controls = (
        Steps("back", "steps back", 1, len(INPUTS), value=3),
        Slider("u", "weight of the state u", -2, 2, step=0.1, value=0.8),
    )

    def draw(self, back: int, u: float) -> str:
        states, found = forward(u), shares(u)[:back]
        last = len(INPUTS)
        rows = [
            [
                str(last - place),
                f"{states[last - place - 1]:+.4f}",
                f"{slope:.4f}",
                f"{at:+.4f}",
                f"{share:+.4f}",
            ]
            for place, (slope, at, share) in enumerate(found)
        ]
        head = ["step", "state before", "slope of tanh", "gradient here", "share of u"]
        total = sum(share for *_, share in found)
        whole = by_tape(u)
        told = (
            text(f"All {last} shares: {total:+.6f}. Autograd says {whole:+.6f}.", "good")
            if back == last
            else text(f"So far {total:+.4f} of {whole:+.4f}; {last - back} steps are still to be visited.")
        )
        chart = line_chart(
            {"gradient here": [(place, abs(at)) for place, (_, at, _) in enumerate(shares(u))]},
            points={"gradient here": [(place, abs(at)) for place, (_, at, _) in enumerate(found)]},
            across="steps back", up="size of the gradient", width=330, height=210,
        )  # fmt: skip
        return columns(table(head, rows) + told, chart) + note(
            "gradient here: how much the last state changes with the sum at this step; times the state "
            "before, it is the share."
        )
