"""One step of a GRU with a state of one number: an update gate that mixes, and a reset gate that hides.

The new state lies between the old one and the candidate; the update gate says where. The two papers that
brought the GRU wrote the gate the other way round from each other: one keeps with it, one takes with it.
The first thing to change: the start of the sliders.
"""

import math

from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Figure, Slider, Toggle


def stepped(
    state: float, reset: float, update: float, x: float, u: float, keeps: bool
) -> tuple[float, float]:
    """(the candidate, the new state); keeps: as in torch, where an update gate of 1 keeps the state."""
    candidate = math.tanh(x + reset * u * state)
    kept = update if keeps else 1 - update
    return candidate, kept * state + (1 - kept) * candidate


class OneGRUStep(Figure):
    title = "Two gates, moved by hand"
    says = (
        "The new state is a mixture of the old one and a candidate. With the update gate at 1 the state, as "
        "in torch, stays as it is. With the reset gate at 0 the candidate is made without looking at it."
    )
    controls = (
        Slider("state", "state before h", -1, 1, step=0.1, value=0.8),
        Slider("update", "update gate z", 0, 1, step=0.05, value=0.75),
        Slider("reset", "reset gate r", 0, 1, step=0.05, value=1.0),
        Slider("x", "from the input W x", -2, 2, step=0.1, value=-1.0),
        Toggle("other", "z as in Chung 2014: it takes, not keeps"),
    )

    def draw(self, state: float, update: float, reset: float, x: float, other: bool) -> str:
        u = 1.0
        candidate, after = stepped(state, reset, update, x, u, not other)
        kept = 1 - update if other else update
        rows = [
            ["candidate n", "tanh(W x + r · h)", f"{candidate:+.4f}"],
            ["share that is kept", "1 - z" if other else "z", f"{kept:.2f}"],
            ["kept", "of h", f"{kept * state:+.4f}"],
            ["taken", "of n", f"{(1 - kept) * candidate:+.4f}"],
            ["new state", "their sum", f"{after:+.4f}"],
        ]
        gates = [place / 20 for place in range(21)]
        line = [(gate, stepped(state, reset, gate, x, u, not other)[1]) for gate in gates]
        chart = line_chart(
            {"new state": line}, points={"new state": [(update, after)]}, across="update gate z",
            up="new state", y=(-1, 1), width=330, height=220,
        )  # fmt: skip
        told = "The state's matrix is the number 1 here."
        return columns(table(["one step", "", ""], rows), chart) + note(told)
